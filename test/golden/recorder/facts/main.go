// Quantities, selectors, names and quoting as apimachinery has them.
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

var r = rand.New(rand.NewSource(7))

func pick(a []string) string { return a[r.Intn(len(a))] }
func rs(alpha string, max int) string {
	n := r.Intn(max + 1)
	b := ""
	ru := []rune(alpha)
	for i := 0; i < n; i++ {
		b += string(ru[r.Intn(len(ru))])
	}
	return b
}

type Q struct {
	In, Out, Err string
	Value, Milli string
}

func main() {
	out := map[string]any{}
	var qs []Q
	num := func() string {
		s := pick([]string{"", "", "", "-", "+"}) + rs("0123456789", 6)
		if r.Intn(2) == 0 {
			s += "." + rs("0123456789", 5)
		}
		if r.Intn(12) == 0 {
			s += "000000"
		}
		if r.Intn(12) == 0 {
			s += rs("0123456789", 20)
		}
		return s + pick([]string{"", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E3", "e-3", "e+2", "e", "e10", "e-12", "i", "K", "mi", "e99999999999999999999", "Ki3"})
	}
	in := []string{"", "0", "-", "+", ".", "00", "1.G", ".e-20", "+.Ki", "-0", "1.2.3", " 1", "1 ", "1000E", "9223372036854775807Ki", "0.5Ki", "1e-20", "0.0000000001", "-0.0000000001", "1Kx", "１"}
	for i := 0; i < 480; i++ {
		in = append(in, num())
	}
	for i := 0; i < 150; i++ {
		in = append(in, rs("0123456789.+-eEinumkKMGTP", 8))
	}
	var ok []string
	for _, s := range in {
		q, err := resource.ParseQuantity(s)
		v := Q{In: s}
		if err != nil {
			v.Err = err.Error()
		} else {
			v.Out = q.String()
			v.Value = fmt.Sprint(q.Value())
			v.Milli = fmt.Sprint(q.MilliValue())
			ok = append(ok, s)
		}
		qs = append(qs, v)
	}
	out["quantities"] = qs
	var sums [][]string
	for i := 0; i < 220; i++ {
		a, b := pick(ok), pick(ok)
		if len(a) > 12 || len(b) > 12 || a == "1000E" {
			continue
		}
		qa, qb := resource.MustParse(a), resource.MustParse(b)
		c := fmt.Sprint(qa.Cmp(qb))
		s := qa.DeepCopy()
		s.Add(qb)
		d := qa.DeepCopy()
		d.Sub(qb)
		sums = append(sums, []string{a, b, c, s.String(), d.String()})
	}
	out["sums"] = sums
	var ls [][]string
	frag := []string{"a", "b", "app", "x.io/y", "in", "notin", "=", "==", "!=", ",", "(", ")", "!", " ", " ", ">", "<", "1", "5", "-bad", "/", "a/b/c", "", "é"}
	for i := 0; i < 700; i++ {
		s := ""
		for n := r.Intn(9); n >= 0; n-- {
			s += pick(frag)
		}
		ls = append(ls, []string{s})
	}
	for _, s := range []string{"x in (foo,,baz),y,z notin ()", "a in (b", "a in b", "a=b,c=d", "a,", "a=b=c", "a!b", "x in (,)", "x in (a,,)", "x in (,,a)", "a==b", "a = b , c", "!a,b", "!a=b", "x>5,y<3", "x>a", "x in (in,notin)", "in=x", "in in (in)", "a=" + rs("abc", 0) + "0123456789012345678901234567890123456789012345678901234567890123456789"} {
		ls = append(ls, []string{s})
	}
	for i := range ls {
		p, err := labels.Parse(ls[i][0])
		if err != nil {
			ls[i] = append(ls[i], "", err.Error())
			continue
		}
		m := ""
		for _, l := range []labels.Set{{}, {"a": "b"}, {"a": "a", "b": "1"}, {"app": "5", "x.io/y": "in"}, {"in": "", "b": ""}} {
			if p.Matches(l) {
				m += "1"
			} else {
				m += "0"
			}
		}
		ls[i] = append(ls[i], p.String(), "", m)
	}
	out["labels"] = ls
	var fs [][]string
	frag = []string{"a", "b", "metadata.name", "=", "==", "!=", ",", `\`, " ", "1", "é"}
	for i := 0; i < 300; i++ {
		s := ""
		for n := r.Intn(7); n >= 0; n-- {
			s += pick(frag)
		}
		p, err := fields.ParseSelector(s)
		if err != nil {
			fs = append(fs, []string{s, "", err.Error()})
			continue
		}
		str := ""
		for i, q := range p.Requirements() {
			if i > 0 {
				str += ","
			}
			op := "="
			if q.Operator == "!=" {
				op = "!="
			}
			str += q.Field + op + fields.EscapeValue(q.Value)
		}
		fs = append(fs, []string{s, str, ""})
	}
	out["fields"] = fs
	fns := map[string]func(string) []string{
		"dns1123Label": validation.IsDNS1123Label, "dns1123Subdomain": validation.IsDNS1123Subdomain, "dns1035Label": validation.IsDNS1035Label,
		"dns1123SubdomainWithUnderscore": validation.IsDNS1123SubdomainWithUnderscore, "wildcardDns1123Subdomain": validation.IsWildcardDNS1123Subdomain,
		"qualifiedName": validation.IsQualifiedName, "labelValue": validation.IsValidLabelValue, "pathSegmentName": content.IsPathSegmentName,
		"relaxedEnvVarName": validation.IsRelaxedEnvVarName, "configMapKey": validation.IsConfigMapKey, "portName": validation.IsValidPortName, "percent": validation.IsValidPercent,
		"httpHeaderName": validation.IsHTTPHeaderName}
	var ns []string
	long := "a123456789012345678901234567890123456789012345678901234567890123456789"
	ns = append(ns, "", ".", "..", "..a", "a", "-a", "a-", "a.b", "a..b", "a_b", "A", "A/b", "a/b/c", "/a", "a/", "*.a.b", "*", "50%", "%", "a--b", "a=b", "é", "\n", "a\n", long, long+long+long+long, long+"/"+long, "a\x00", "1", "_a", "_a._b")
	for i := 0; i < 60; i++ {
		ns = append(ns, rs("ab1-._/*%=A ", 7))
	}
	nm := map[string]map[string][]string{}
	for k, f := range fns {
		nm[k] = map[string][]string{}
		for _, n := range ns {
			e := f(n)
			if e == nil {
				e = []string{}
			}
			nm[k][n] = e
		}
	}
	out["names"] = nm
	quotes := map[string]string{}
	for i := 0; i < 200; i++ {
		s := rs("ab\"\\\n\t\x00\x07\x1b\x7fé\u200b\u00a0😀\u2028\uFEFF<>&\u0378\U000E0001", 6)
		quotes[s] = fmt.Sprintf("%q", s)
	}
	out["quotes"] = quotes
	e := json.NewEncoder(os.Stdout)
	e.SetEscapeHTML(false)
	e.Encode(out)
}
