// Bodies of every kind, whole and mutated, as the JSON decoder of kube-apiserver reads and writes them.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"strings"

	kjson "sigs.k8s.io/json"
	"slipway.local/recorder/fill"
)

var r = rand.New(rand.NewSource(11))

func collect(v any, out *[]func(any)) {
	switch x := v.(type) {
	case map[string]any:
		keys := make([]string, 0)
		for k := range x {
			keys = append(keys, k)
		}
		for i := range keys {
			for j := i + 1; j < len(keys); j++ {
				if keys[j] < keys[i] {
					keys[i], keys[j] = keys[j], keys[i]
				}
			}
		}
		for _, k := range keys {
			k := k
			*out = append(*out, func(n any) {
				if n == "DEL" {
					delete(x, k)
				} else if n == "ADD" {
					x["unk"+k] = 1.0
				} else {
					x[k] = n
				}
			})
			collect(x[k], out)
		}
	case []any:
		for i := range x {
			i := i
			*out = append(*out, func(n any) {
				if n == "DEL" || n == "ADD" {
					return
				}
				x[i] = n
			})
			collect(x[i], out)
		}
	}
}

type V struct {
	Schema string   `json:"s"`
	In     string   `json:"i"`
	Out    string   `json:"o,omitempty"`
	Err    string   `json:"e,omitempty"`
	Strict []string `json:"x,omitempty"`
}

func main() {
	f := fill.F{R: r, P: 0.35}
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	bad := []any{"DEL", "ADD", "ADD", nil, nil, "str", 1.0, 1.5, -3.0, 1e12, true, []any{}, []any{"x", nil}, map[string]any{}, map[string]any{"q": 1.0}, "2020-01-02T03:04:05+01:00", "2020-01-02T03:04:05.123456Z", "2020-13-02T03:04:05Z", "YWJj", "1.5Gi"}
	for _, k := range fill.Kinds() {
		if strings.HasSuffix(k.GVK.Kind, "List") && r.Intn(3) > 0 {
			continue
		}
		for n := 0; n < 8; n++ {
			f.P = []float64{0.15, 0.35, 0.6}[r.Intn(3)]
			o := reflect.New(k.T)
			f.Fill(o.Elem(), 6)
			data, err := json.Marshal(o.Interface())
			if err != nil {
				panic(err)
			}
			if len(data) > 3000 {
				continue
			}
			var m map[string]any
			json.Unmarshal(data, &m)
			apiVersion, kind := k.GVK.ToAPIVersionAndKind()
			m["apiVersion"], m["kind"] = apiVersion, kind
			if n > 1 {
				var sites []func(any)
				collect(m, &sites)
				for i := r.Intn(3); i >= 0; i-- {
					sites[r.Intn(len(sites))](bad[r.Intn(len(bad))])
				}
			}
			var b bytes.Buffer
			e2 := json.NewEncoder(&b)
			e2.SetEscapeHTML(false)
			e2.Encode(m)
			in := strings.TrimSpace(b.String())
			if n == 7 {
				// repeat a key
				i := strings.LastIndex(in, `,"`)
				if i > 0 {
					j := strings.Index(in[i+2:], `"`)
					key := in[i+1 : i+2+j+1]
					in = in[:i] + "," + key + ":" + []string{"null", `""`, "{}", "[]", "1"}[r.Intn(5)] + in[i:]
				}
			}
			v := V{Schema: fill.SchemaName(k.T), In: in}
			t := reflect.New(k.T)
			strict, err := kjson.UnmarshalStrict([]byte(in), t.Interface())
			if err != nil {
				v.Err = err.Error()
			} else {
				for _, s := range strict {
					v.Strict = append(v.Strict, s.Error())
				}
				var b bytes.Buffer
				e3 := json.NewEncoder(&b)
				e3.SetEscapeHTML(false)
				if err := e3.Encode(t.Interface()); err != nil {
					fmt.Fprintln(os.Stderr, err)
					continue
				}
				v.Out = strings.TrimSpace(b.String())
			}
			enc.Encode(v)
		}
	}
}
