package rest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// FuzzValid holds valid against gjson and the standard library.
func FuzzValid(f *testing.F) {
	for _, s := range []string{
		`{}`, `[]`, ` {"a" : [1, -0.5e+3, true, false, null, "x\n\u00e9"] } `, `{"a":{"b":[[],{}]}}`, `"text"`, `1`, `{"a":1,}`, `[1,]`, `[1 2]`, `{"a" 1}`, `{a:1}`,
		`"tab	in"`, `"\x"`, `"\u12g4"`, `01`, `-`, `1.`, `1e`, `+1`, `nul`, `truex`, `{} {}`, `[[[`, `}`, ``, ` `, "\"" + strings.Repeat("long text ", 9) + `\"end"`, "\ufeff{}", "\"\xff\"",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := valid(b), gjson.ValidBytes(b); got != want || want != json.Valid(b) {
			t.Fatalf("valid(%q) = %t, gjson %t, encoding/json %t", b, got, want, json.Valid(b))
		}
		body := readMembers(gjson.ParseBytes(b), "a")
		body.array(body.get("a"))
		g := newGlance("a", "b.c", "id")
		g.at(gjson.ParseBytes(b))
	})
}

// TestValidBoundsNesting: an answer that is nothing but brackets is refused, and costs no stack.
func TestValidBoundsNesting(t *testing.T) {
	for _, n := range []int{mostNested, mostNested + 2, 16 << 20} {
		b := []byte(strings.Repeat("[", n) + strings.Repeat("]", n))
		if got, want := valid(b), n <= mostNested; got != want {
			t.Errorf("%d levels: %t, want %t", n, got, want)
		}
	}
}

// documents draws JSON with names that repeat, escapes, white space and lists.
func documents() *rapid.Generator[string] {
	names := rapid.SampledFrom([]string{"a", "b", "c", "id", "list", `q\"`, `\u0061`, "ünï", "a.b", "7"})
	scalars := rapid.SampledFrom([]string{`1`, `-1.5e+3`, `"x"`, `null`, `true`, `[]`, `{}`, `""`, `"a\"}\\"`, `"\u00e9"`, `[1,"a",{"id":2},[3]]`, `[ {"id":"x"} , {"id":"y","a":1} ]`,
		`"` + strings.Repeat("long ", 20) + `"`, `"` + strings.Repeat(`esc\\aped \" `, 20) + `"`})
	var value func(depth int) *rapid.Generator[string]
	value = func(depth int) *rapid.Generator[string] {
		if depth == 0 {
			return scalars
		}
		return rapid.Custom(func(t *rapid.T) string {
			if rapid.IntRange(0, 2).Draw(t, "scalar") == 0 {
				return scalars.Draw(t, "value")
			}
			var parts []string
			for range rapid.IntRange(0, 5).Draw(t, "members") {
				parts = append(parts, `"`+names.Draw(t, "name")+`": `+value(depth-1).Draw(t, "child"))
			}
			return "{" + strings.Join(parts, " , ") + " }"
		})
	}
	return value(3)
}

// TestGlanceAgrees holds glance, readMembers and elements against gjson's own searches.
func TestGlanceAgrees(t *testing.T) {
	paths := []string{"a", "b", "id", "a.b", "b.a.c", "list", "list.#.id", "a.id", "ünï", "c.list", "none", "a.7", "@this"}
	rapid.Check(t, func(t *rapid.T) {
		doc := gjson.Parse(documents().Draw(t, "document"))
		g := newGlance(rapid.SliceOfN(rapid.SampledFrom(paths), 0, 8).Draw(t, "paths")...)
		g.at(gjson.Parse(documents().Draw(t, "earlier")))
		g.at(doc)
		whole := readMembers(doc, rapid.SampledFrom(paths).Draw(t, "list"))
		for _, p := range paths {
			want := doc.Get(p)
			for how, got := range map[string]gjson.Result{"glance": g.get(p), "body": whole.get(p)} {
				if got.Raw != want.Raw || got.Type != want.Type || got.String() != want.String() {
					t.Fatalf("%s of %s in %s: %q, want %q", p, how, doc.Raw, got.Raw, want.Raw)
				}
			}
			if !want.IsArray() {
				continue
			}
			raws := func(list []gjson.Result) (out []string) {
				for _, e := range list {
					out = append(out, e.Raw+"|"+e.String())
				}
				return out
			}
			if got, want := raws(whole.array(whole.get(p))), raws(want.Array()); !slices.Equal(got, want) {
				t.Fatalf("elements of %s in %s: %q, want %q", p, doc.Raw, got, want)
			}
		}
	})
}

// TestMergeAgrees holds what enrich writes against addMembers, which knows nothing of pages.
func TestMergeAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &pull{}
		n := rapid.IntRange(1, 4).Draw(t, "records")
		var all []addition
		for _, member := range []string{"associations", "a", `q"`} {
			for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y<", "z"}), 0, 2, rapid.ID).Draw(t, "keys") {
				one := addition{rule: Enrich{Member: member, Key: key}, member: quoted(member), key: quoted(key), found: make([][]json.RawMessage, n)}
				for i := range n {
					for k := range rapid.IntRange(0, 2).Draw(t, "items") {
						one.found[i] = append(one.found[i], json.RawMessage(`{"id":"`+strconv.Itoa(k)+`"}`))
					}
				}
				all = append(all, one)
			}
		}
		slices.SortStableFunc(all, func(a, b addition) int {
			return strings.Compare(a.rule.Member+"\x00"+a.rule.Key, b.rule.Member+"\x00"+b.rule.Key)
		})
		if len(all) == 0 {
			return
		}
		var want []string
		for i := range n {
			raw := []byte(rapid.OneOf(documents(), rapid.Just("{}"), rapid.Just("{ }")).Draw(t, "record"))
			p.page.Records = append(p.page.Records, canon.Record{Raw: raw})
			out, err := addMembers(json.RawMessage(bytes.Clone(raw)), additions(all, i))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, string(out))
		}
		if err := p.merge(all); err != nil {
			t.Fatal(err)
		}
		for i, rec := range p.page.Records {
			if string(rec.Raw) != want[i] {
				t.Fatalf("merged %s, want %s", rec.Raw, want[i])
			}
		}
	})
}
