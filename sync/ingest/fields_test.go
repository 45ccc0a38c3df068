package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// round takes one full round of firms.
func (h *hub) round(raws ...string) {
	h.tb.Helper()
	l := h.begin("", 0)
	l.at = ""
	b := l.next(true)
	b.Sweep, b.Next = nil, ""
	for i, raw := range raws {
		b.Records = append(b.Records, rec("firms", fmt.Sprint(i), 1, raw))
	}
	for i := range b.Records {
		b.Records[i].ObservedAt = h.now
	}
	h.take(b)
}

// fields lists the catalogue of the firms as "path type type", with a dash before what is gone.
func (h *hub) fields() []string {
	h.tb.Helper()
	fs, err := h.db.Fields(h.tb.Context(), "crm", "firms")
	if err != nil {
		h.tb.Fatal(err)
	}
	var out []string
	for _, f := range fs {
		line := strings.TrimSpace(f.Path + " " + strings.Join(f.Types, " "))
		if !f.GoneAt.IsZero() {
			line = "-" + line
		}
		out = append(out, line)
	}
	return out
}

// drift lists how the make-up of firms changed, in order.
func (h *hub) drift() []string {
	h.tb.Helper()
	ds, err := h.db.Drift(h.tb.Context(), "crm", "firms", 0)
	if err != nil {
		h.tb.Fatal(err)
	}
	out := []string{}
	for _, d := range ds {
		out = append(out, strings.TrimSpace(d.What+" "+d.Path+" "+d.Detail))
	}
	slices.Reverse(out)
	return out
}

func TestWhatRecordsConsistOf(t *testing.T) {
	h := newHub(t, salesYAML)
	h.round(`{"name":"A","properties":{"email":null,"size":3,"deep":{"er":1}},"tags":["x"],"lines":[{"sum":1},{"sum":"2","vat":true}],"q\"uote\u00e9":1, "odd" : { "a" : [ ] } }`,
		`{"name":"B","properties":{"email":"b@x.com"},"none":null}`)
	want := []string{"lines array", "lines[] object", "lines[].sum number string", "lines[].vat boolean", "name string", "none", "odd object", "odd.a array",
		"properties object", "properties.deep object", "properties.email string", "properties.size number", "q\"uoteé number", "tags array", "tags[] string"}
	slices.Sort(want)
	got := h.fields()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if d := h.drift(); len(d) > 0 {
		t.Errorf("the first round is drift: %v", d)
	}
}

// TestDriftIsToldAndLosesNothing: a new field is in the raw record and in the catalogue, one that vanished or changed
// its type is told, in this process and in the next.
func TestDriftIsToldAndLosesNothing(t *testing.T) {
	h := newHub(t, salesYAML)
	h.round(`{"name":"A","size":1,"old":true}`, `{"name":"B"}`)
	h.round(`{"name":"A","size":"1","plan":"pro"}`, `{"name":"B"}`)
	want := []string{"vanished old no record of a full round held it", "new plan", "type size number → number, string"}
	if diff := cmp.Diff(want, h.drift()); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	err := h.db.InTx(t.Context(), h.now, func(tx *store.Tx) error {
		held, err := tx.Held(t.Context(), "crm", "firms", []string{"0"})
		if err != nil {
			return err
		}
		vs, err := tx.Versions(t.Context(), held["0"])
		if err != nil || len(vs) != 2 || !strings.Contains(string(vs[1].Raw), `"plan":"pro"`) {
			t.Errorf("versions %+v, %v", vs, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.use(salesYAML)
	h.round(`{"name":"A","old":false}`, `{"name":"B"}`)
	want = append(want, "returned old", "vanished plan no record of a full round held it", "vanished size no record of a full round held it")
	if diff := cmp.Diff(want, h.drift()); diff != "" {
		t.Errorf("drift in the next process (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"name string", "old boolean", "-plan string", "-size number string"}, h.fields()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// TestATransactionThatFailsLearnsNothing: what was not committed is learnt when it comes again.
func TestATransactionThatFailsLearnsNothing(t *testing.T) {
	h := newHub(t, salesYAML)
	h.round(`{"name":"A"}`)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	b := h.page("firms", rec("firms", "0", 5, `{"name":"A","fresh":1}`))
	if _, err := h.pipe.Ingest(ctx, b); err == nil {
		t.Fatal("a cancelled transaction was committed")
	}
	h.take(b)
	if diff := cmp.Diff([]string{"new fresh"}, h.drift()); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
}

func TestWhatAVendorNames(t *testing.T) {
	h := newHub(t, salesYAML)
	describe := func(infos ...canon.FieldInfo) {
		t.Helper()
		if err := h.pipe.Describe(t.Context(), "crm", "firms", infos); err != nil {
			t.Fatal(err)
		}
	}
	plan := canon.FieldInfo{Name: "plan", Label: "The plan", Type: "enumeration", Custom: true}
	size := canon.FieldInfo{Name: "size", Type: "number"}
	describe(plan, size)
	h.round(`{"properties":{"plan":"pro"}}`)
	describe(plan, size)
	if diff := cmp.Diff([]string{"properties object", "properties.plan string", "size"}, h.fields()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	size.Type = "string"
	describe(plan, size, canon.FieldInfo{Name: "region"})
	describe(plan, canon.FieldInfo{Name: "region"})
	want := []string{"new region the vendor names it", "type size number → string", "vanished size the vendor no longer names it"}
	if diff := cmp.Diff(want, h.drift()); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	fs, err := h.db.Fields(t.Context(), "crm", "firms")
	if err != nil || fs[1].Path != "properties.plan" || fs[1].Label != "The plan" || !fs[1].Custom || fs[1].VendorType != "enumeration" {
		t.Errorf("fields: %+v, %v", fs, err)
	}
}

// FuzzLearn: any record can be looked at, and every field that the catalogue names is in one.
func FuzzLearn(f *testing.F) {
	for _, s := range []string{`{}`, `[]`, `{"a":{"b":[{"c":1}]}}`, `{"a":[1,2,{"b":"\\\""}]}`, `{"a"`, `{"a":}`, `{"a":[[[[`, `{"\u0000":1,"":2}`, "{\"a\":tru", `{"a" "b"}`, `{"a":[,,]}`} {
		f.Add([]byte(s))
	}
	h := newHub(f, salesYAML)
	n := 0
	f.Fuzz(func(t *testing.T, raw []byte) {
		n++
		if len(raw) > 10_000 {
			return
		}
		stream := fmt.Sprintf("firms%d", n)
		r := rec(stream, "1", 1, "")
		r.Raw = raw
		if _, err := h.pipe.Ingest(context.Background(), h.page(stream, r)); err != nil {
			t.Fatal(err)
		}
		var top map[string]json.RawMessage
		if json.Unmarshal(raw, &top) != nil {
			return
		}
		fs, err := h.db.Fields(context.Background(), "crm", stream)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fs {
			if _, there := top[f.Path]; !there && !strings.ContainsAny(f.Path, ".[\ufffd\x00") {
				t.Errorf("the catalogue names %q, which is not in %s", f.Path, raw)
			}
		}
	})
}
