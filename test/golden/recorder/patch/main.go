// Strategic merge patches, made and random, with what comes of them.
package main

import (
	"encoding/json"
	"math/rand"
	"os"
	"reflect"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"slipway.local/recorder/fill"
)

var r = rand.New(rand.NewSource(5))

type V struct {
	Schema   string          `json:"s"`
	Original json.RawMessage `json:"o"`
	Patch    json.RawMessage `json:"p"`
	Result   json.RawMessage `json:"r,omitempty"`
	Err      string          `json:"e,omitempty"`
}

func inject(v any) any {
	switch x := v.(type) {
	case map[string]any:
		if r.Intn(25) == 0 {
			x["$patch"] = []any{"replace", "delete", "merge", 1.0}[r.Intn(4)]
		}
		if r.Intn(25) == 0 {
			x["$retainKeys"] = []any{"name", "a"}
		}
		for k, e := range x {
			if l, ok := e.([]any); ok && r.Intn(8) == 0 && !strings.HasPrefix(k, "$") {
				x["$setElementOrder/"+k] = l
			}
			if r.Intn(20) == 0 {
				x["$deleteFromPrimitiveList/"+k] = []any{"a", "b"}
			}
			if r.Intn(20) == 0 && !strings.HasPrefix(k, "$") {
				x[k] = nil
			} else {
				x[k] = inject(e)
			}
		}
		return x
	case []any:
		for i := range x {
			x[i] = inject(x[i])
		}
	}
	return v
}

func main() {
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	f := fill.F{R: r}
	types := []any{corev1.Pod{}, corev1.Service{}, appsv1.Deployment{}, corev1.Node{}, corev1.ServiceAccount{}, rbacv1.ClusterRole{}, corev1.PersistentVolume{}, corev1.Pod{}}
	gen := func(t reflect.Type) []byte {
		for {
			f.P = []float64{0.1, 0.2, 0.35}[r.Intn(3)]
			o := reflect.New(t)
			f.Fill(o.Elem(), 7)
			fill.Distinct(r, o.Elem())
			b, _ := json.Marshal(o.Interface())
			if len(b) < 1500 {
				return b
			}
		}
	}
	ok, bad := 0, 0
	for n := 0; n < 1500; n++ {
		t := types[r.Intn(len(types))]
		rt := reflect.TypeOf(t)
		a := gen(rt)
		var m any
		var b []byte
		switch r.Intn(3) {
		case 0:
			json.Unmarshal(a, &m)
			b, _ = json.Marshal(fill.Mutate(r, m, 0))
		case 1:
			b = gen(rt)
		case 2:
			x := gen(rt)
			p, _ := strategicpatch.StrategicMergePatch(a, x, t)
			json.Unmarshal(p, &m)
			b, _ = json.Marshal(fill.Mutate(r, m, 0))
		}
		var patch []byte
		var err error
		if r.Intn(4) > 0 {
			patch, err = strategicpatch.CreateTwoWayMergePatch(a, b, t)
			if err != nil {
				continue
			}
		} else {
			patch = b
		}
		if r.Intn(3) == 0 {
			json.Unmarshal(patch, &m)
			patch, _ = json.Marshal(inject(m))
		}
		cur := a
		if r.Intn(2) == 0 {
			json.Unmarshal(a, &m)
			cur, _ = json.Marshal(fill.Mutate(r, m, 0))
		}
		if string(patch) == "{}" {
			continue
		}
		v := V{Schema: fill.SchemaName(rt), Original: cur, Patch: patch}
		func() {
			defer func() {
				if e := recover(); e != nil {
					v.Err = "panic"
				}
			}()
			res, err := strategicpatch.StrategicMergePatch(cur, patch, t)
			if err != nil {
				v.Err = err.Error()
			} else {
				v.Result = res
			}
		}()
		if v.Err == "panic" {
			continue
		}
		if v.Err != "" {
			bad++
			if bad > 250 {
				continue
			}
		} else {
			ok++
		}
		if ok > 330 && v.Err == "" {
			continue
		}
		enc.Encode(v)
	}
}
