// Package fill makes random API objects from a seed.
package fill

import (
	"math/rand"
	"reflect"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
)

// F fills values: P is the chance that a field is set, T keeps zero times out.
type F struct {
	R *rand.Rand
	P float64
	T bool
}

var words = []string{"a", "web", "x-1", "Always", "é😀\n", "", "TCP", "1"}
var qs = []string{"100m", "1Gi", "0", "1.5", "2k", "1000", "0.5Gi", "5e3"}

func (f F) Fill(v reflect.Value, depth int) {
	r := f.R
	switch x := v.Addr().Interface().(type) {
	case *metav1.Time:
		if f.T || r.Intn(4) > 0 {
			x.Time = time.Unix(int64(r.Intn(2000000000)), 0).UTC()
		}
		return
	case *metav1.MicroTime:
		if f.T || r.Intn(4) > 0 {
			x.Time = time.Unix(int64(r.Intn(2000000000)), int64(r.Intn(1000000))*1000).UTC()
		}
		return
	case *resource.Quantity:
		*x = resource.MustParse(qs[r.Intn(len(qs))])
		return
	case *intstr.IntOrString:
		if r.Intn(2) == 0 {
			*x = intstr.FromInt32(int32(r.Intn(5) * 1000))
		} else {
			*x = intstr.FromString(words[r.Intn(4)])
		}
		return
	case *runtime.RawExtension:
		if r.Intn(3) > 0 {
			x.Raw = []byte(`{"kind":"X","a":[1,2,{"b":null}]}`)
		}
		return
	case *metav1.FieldsV1:
		*x = *metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{".":{},"f:a":{}}}}`)
		return
	case *metav1.TypeMeta:
		return
	}
	t := v.Type()
	switch t.Kind() {
	case reflect.Struct:
		for i := 0; i < t.NumField(); i++ {
			if !t.Field(i).IsExported() || t.Field(i).Tag.Get("json") == "-" {
				continue
			}
			if !t.Field(i).Anonymous && r.Float64() > f.P {
				continue
			}
			f.Fill(v.Field(i), depth)
		}
	case reflect.Pointer:
		if depth <= 0 {
			return
		}
		v.Set(reflect.New(t.Elem()))
		f.Fill(v.Elem(), depth-1)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			b := make([]byte, 1+r.Intn(5))
			r.Read(b)
			v.SetBytes(b)
			return
		}
		n := r.Intn(3)
		if depth <= 0 {
			n = 0
		}
		v.Set(reflect.MakeSlice(t, n, n))
		for i := 0; i < n; i++ {
			f.Fill(v.Index(i), depth-1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		if depth <= 0 {
			return
		}
		for n := r.Intn(3); n > 0; n-- {
			e := reflect.New(t.Elem()).Elem()
			f.Fill(e, depth-1)
			v.SetMapIndex(reflect.ValueOf([]string{"a", "b.c/d", "__proto__", "cpu"}[r.Intn(4)]).Convert(t.Key()), e)
		}
	case reflect.String:
		v.SetString(words[r.Intn(len(words))])
	case reflect.Bool:
		v.SetBool(r.Intn(2) == 0)
	case reflect.Int32:
		v.SetInt(int64([]int32{0, 1, -1, 8080, 2147483647, -2147483648}[r.Intn(6)]))
	case reflect.Int64, reflect.Int:
		v.SetInt([]int64{0, 1, -5, 1 << 40, 3600}[r.Intn(5)])
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(r.Intn(200)))
	case reflect.Float64:
		v.SetFloat([]float64{0, 1.5}[r.Intn(2)])
	}
}

type Kind struct {
	GVK schema.GroupVersionKind
	T   reflect.Type
}

func Kinds() []Kind {
	var out []Kind
	for gvk, t := range scheme.Scheme.AllKnownTypes() {
		if strings.Contains(gvk.Version, "alpha") || strings.Contains(gvk.Version, "beta") || gvk.Version == "__internal" {
			continue
		}
		if t.PkgPath() == "k8s.io/apimachinery/pkg/apis/meta/v1" {
			continue
		}
		out = append(out, Kind{gvk, t})
	}
	for i := range out {
		for j := i + 1; j < len(out); j++ {
			if out[j].GVK.String() < out[i].GVK.String() {
				out[i], out[j] = out[j], out[i]
			}
		}
	}
	return out
}

func SchemaName(t reflect.Type) string {
	p := strings.Replace(t.PkgPath(), "k8s.io/", "io.k8s.", 1)
	return strings.ReplaceAll(p, "/", ".") + "." + t.Name()
}
