package fill

import (
	"math/rand"
	"reflect"
	"strings"
)

var names = []string{"a", "b", "c", "d", "e", "f"}

// gives list elements distinct merge keys
func Distinct(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			Distinct(r, v.Elem())
		}
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			if v.Type().Field(i).IsExported() {
				Distinct(r, v.Field(i))
				if v.Field(i).Kind() == reflect.Slice {
					key := v.Type().Field(i).Tag.Get("patchMergeKey")
					perm := r.Perm(6)
					for j := 0; j < v.Field(i).Len() && j < 6; j++ {
						e := v.Field(i).Index(j)
						if e.Kind() == reflect.Struct {
							for k := 0; k < e.NumField(); k++ {
								n := strings.Split(e.Type().Field(k).Tag.Get("json"), ",")[0]
								if n == key && key != "" {
									switch e.Field(k).Kind() {
									case reflect.String:
										e.Field(k).SetString(names[perm[j]])
									case reflect.Int32:
										e.Field(k).SetInt(int64(perm[j]))
									}
								}
							}
						} else if e.Kind() == reflect.String {
							e.SetString(names[perm[j]])
						}
					}
				}
			}
		}
	case reflect.Slice:
		for i := 0; i < v.Len(); i++ {
			Distinct(r, v.Index(i))
		}
	}
}

func Mutate(r *rand.Rand, v any, depth int) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			switch r.Intn(9) {
			case 0:
				delete(x, k)
			default:
				x[k] = Mutate(r, x[k], depth+1)
			}
		}
		return x
	case []any:
		if len(x) > 0 && r.Intn(4) == 0 {
			i := r.Intn(len(x))
			x = append(x[:i:i], x[i+1:]...)
		}
		r.Shuffle(len(x), func(i, j int) {
			if r.Intn(3) == 0 {
				x[i], x[j] = x[j], x[i]
			}
		})
		for i := range x {
			x[i] = Mutate(r, x[i], depth+1)
		}
		return x
	case string:
		return x
	default:
		return v
	}
}
