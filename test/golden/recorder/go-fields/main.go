// JSON fields of every Go type in the order of their declaration: flags, types, embedded structs.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

var out = map[string]*[]string{}

func schemaName(t reflect.Type) string {
	p := t.PkgPath()
	p = strings.Replace(p, "k8s.io/", "io.k8s.", 1)
	return strings.ReplaceAll(p, "/", ".") + "." + t.Name()
}

var unm = reflect.TypeOf((*json.Unmarshaler)(nil)).Elem()

func visit(t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		visit(t.Elem())
		return
	case reflect.Struct:
	default:
		return
	}
	if t.Implements(unm) || reflect.PointerTo(t).Implements(unm) {
		return
	}
	n := schemaName(t)
	if _, ok := out[n]; ok {
		return
	}
	m := &[]string{}
	out[n] = m
	fields(t, m, "")
}

func fields(t reflect.Type, m *[]string, via string) {
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		parts := strings.Split(tag, ",")
		if parts[0] == "-" || (!f.IsExported() && !f.Anonymous) {
			continue
		}
		if parts[0] == "" && (f.Anonymous || strings.Contains(tag, "inline")) {
			ft := f.Type
			pre := via + f.Name + "."
			if ft.Kind() == reflect.Pointer {
				ft = ft.Elem()
				pre = via + "*" + f.Name + "."
			}
			visit(ft)
			fields(ft, m, pre)
			continue
		}
		name := parts[0]
		if name == "" {
			name = f.Name
		}
		flags := ""
		ft := f.Type
		if ft.Kind() == reflect.Pointer {
			flags += "p"
			ft = ft.Elem()
		}
		for _, o := range parts[1:] {
			if o == "omitempty" {
				flags += "o"
			}
			if o == "omitzero" {
				flags += "z"
			}
			if o == "string" {
				flags += "s"
			}
		}
		*m = append(*m, name+"|"+flags+"|"+ft.String()+"|"+via)
		visit(ft)
	}
}

func main() {
	s := runtime.NewScheme()
	scheme.AddToScheme(s)
	for _, t := range s.AllKnownTypes() {
		if strings.HasSuffix(t.PkgPath(), "beta1") || strings.Contains(t.PkgPath(), "alpha") || strings.Contains(t.PkgPath(), "beta") {
			continue
		}
		visit(t)
	}
	visit(reflect.TypeOf(metav1.Table{}))
	visit(reflect.TypeOf(metav1.PartialObjectMetadata{}))
	visit(reflect.TypeOf(metav1.PartialObjectMetadataList{}))
	visit(reflect.TypeOf(metav1.Status{}))
	visit(reflect.TypeOf(metav1.DeleteOptions{}))
	visit(reflect.TypeOf(metav1.APIGroupList{}))
	visit(reflect.TypeOf(metav1.APIResourceList{}))
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", " ")
	e.Encode(out)
}
