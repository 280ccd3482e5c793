// Series of writes with the managed fields that the field manager keeps.
package main

import (
	"bytes"
	"encoding/json"
	"math/rand"
	"os"
	"reflect"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"slipway.local/recorder/fill"
)

func js(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

type Step struct {
	Manager string          `json:"m"`
	Sub     string          `json:"b,omitempty"`
	Object  json.RawMessage `json:"o"`
	Fields  json.RawMessage `json:"f"`
}
type V struct {
	Schema string `json:"s"`
	API    string `json:"a"`
	Steps  []Step `json:"steps"`
}

func main() {
	r := rand.New(rand.NewSource(8))
	f := fill.F{R: r, T: true}
	tc := applyconfigurations.NewTypeConverter(scheme.Scheme)
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	types := []struct {
		gv schema.GroupVersion
		o  any
	}{{corev1.SchemeGroupVersion, corev1.Pod{}}, {corev1.SchemeGroupVersion, corev1.Service{}}, {appsv1.SchemeGroupVersion, appsv1.Deployment{}}, {corev1.SchemeGroupVersion, corev1.Node{}}, {corev1.SchemeGroupVersion, corev1.ConfigMap{}}, {networkingv1.SchemeGroupVersion, networkingv1.Ingress{}}, {corev1.SchemeGroupVersion, corev1.ServiceAccount{}}}
	for n := 0; n < 120; n++ {
		t := types[r.Intn(len(types))]
		rt := reflect.TypeOf(t.o)
		gvk := t.gv.WithKind(rt.Name())
		mk := func(sub string) *managedfields.FieldManager {
			reset := map[fieldpath.APIVersion]*fieldpath.Set{}
			if rt.Name() != "ConfigMap" && rt.Name() != "ServiceAccount" {
				p := "status"
				if sub == "status" {
					p = "spec"
				}
				reset[fieldpath.APIVersion(t.gv.String())] = fieldpath.NewSet(fieldpath.MakePathOrDie(p))
			}
			fm, err := managedfields.NewDefaultFieldManager(tc, scheme.Scheme, scheme.Scheme, scheme.Scheme, gvk, t.gv, sub, fieldpath.NewExcludeFilterSetMap(reset))
			if err != nil {
				panic(err)
			}
			return fm
		}
		gen := func() reflect.Value {
			for {
				f.P = []float64{0.1, 0.2, 0.35}[r.Intn(3)]
				o := reflect.New(rt)
				f.Fill(o.Elem(), 7)
				fill.Distinct(r, o.Elem())
				o.Elem().FieldByName("ManagedFields").Set(reflect.Zero(reflect.TypeOf([]metav1.ManagedFieldsEntry{})))
				if len(js(o.Interface())) < 1100 {
					return o
				}
			}
		}
		v := V{Schema: fill.SchemaName(rt), API: t.gv.String()}
		live := reflect.New(rt).Interface().(runtime.Object)
		live.GetObjectKind().SetGroupVersionKind(gvk)
		cur := gen()
		steps := 3
		if n%10 == 0 {
			steps = 14
		}
		for s := 0; s < steps; s++ {
			var o reflect.Value
			if s == 0 {
				o = cur
			} else {
				for {
					var m any
					json.Unmarshal([]byte(js(cur.Interface())), &m)
					b := js(fill.Mutate(r, m, 0))
					if r.Intn(4) == 0 {
						b = js(gen().Interface())
					}
					o = reflect.New(rt)
					if err := json.Unmarshal([]byte(b), o.Interface()); err != nil {
						panic(err)
					}
					break
				}
			}
			if steps == 14 {
				o.Interface().(metav1.Object).SetAnnotations(map[string]string{"a": string(rune('a' + s)), string(rune('a' + s)): "x"})
			}
			obj := o.Interface().(runtime.Object)
			obj.GetObjectKind().SetGroupVersionKind(gvk)
			o.Interface().(metav1.Object).SetUID("u")
			o.Interface().(metav1.Object).SetManagedFields(nil)
			st := Step{Manager: []string{"a", "b", "kubectl"}[r.Intn(3)], Object: json.RawMessage(js(obj))}
			if steps == 14 {
				st.Manager = string(rune('a' + s))
			}
			if s > 0 && r.Intn(3) == 0 && rt.Name() != "ConfigMap" && rt.Name() != "ServiceAccount" {
				st.Sub = "status"
			}
			res, err := mk(st.Sub).Update(live, obj, st.Manager)
			if err != nil {
				break
			}
			var entries []metav1.ManagedFieldsEntry
			for _, e := range res.(metav1.Object).GetManagedFields() {
				e.Time = nil
				entries = append(entries, e)
			}
			st.Fields = json.RawMessage(js(entries))
			v.Steps = append(v.Steps, st)
			live = res.DeepCopyObject()
			cur = reflect.ValueOf(res.DeepCopyObject())
			cur.Interface().(metav1.Object).SetManagedFields(nil)
		}
		if len(v.Steps) == steps {
			enc.Encode(v)
		}
	}
}
