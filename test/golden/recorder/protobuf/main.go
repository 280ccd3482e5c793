// Objects of every kind as JSON, as protobuf, and as JSON again.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand"
	"os"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
	"slipway.local/recorder/fill"
)

type V struct {
	In    string `json:"i"`
	Proto string `json:"p"`
	Out   string `json:"o"`
}

func js(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

func main() {
	r := rand.New(rand.NewSource(21))
	f := fill.F{R: r, T: true}
	ser := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	kinds := fill.Kinds()
	for _, o := range []any{metav1.Status{}, metav1.DeleteOptions{}, metav1.PartialObjectMetadata{}, metav1.APIGroup{}, metav1.APIResourceList{}, metav1.APIVersions{}, metav1.PartialObjectMetadataList{}, metav1.CreateOptions{}} {
		t := reflect.TypeOf(o)
		gv := schema.GroupVersion{Version: "v1"}
		if strings.HasPrefix(t.Name(), "Partial") {
			gv.Group = "meta.k8s.io"
		}
		kinds = append(kinds, fill.Kind{gv.WithKind(t.Name()), t}, fill.Kind{gv.WithKind(t.Name()), t})
	}
	for _, k := range kinds {
		for n := 1; n < 4; n += 2 {
			f.P = []float64{0.1, 0.35, 0.7, 0.9}[n]
			var o reflect.Value
			for {
				o = reflect.New(k.T)
				f.Fill(o.Elem(), 6)
				if d := js(o.Interface()); len(d) < 1800 {
					break
				}
				f.P *= 0.7
			}
			obj := o.Interface().(runtime.Object)
			obj.GetObjectKind().SetGroupVersionKind(k.GVK)
			v := V{In: js(obj)}
			var b bytes.Buffer
			if err := ser.Encode(obj, &b); err != nil {
				continue
			}
			v.Proto = base64.StdEncoding.EncodeToString(b.Bytes())
			back := reflect.New(k.T).Interface().(runtime.Object)
			if _, _, err := ser.Decode(b.Bytes(), nil, back); err != nil {
				panic(err)
			}
			back.GetObjectKind().SetGroupVersionKind(k.GVK)
			v.Out = js(back)
			enc.Encode(v)
		}
	}
}
