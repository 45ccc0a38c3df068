package mapping_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lifecyclehub/hub/canon"
)

// TestExplain holds the side-by-side view of a mapping against testdata/explain.txtar.
func TestExplain(t *testing.T) {
	const name = "testdata/explain.txtar"
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m := mustParse(t, "mapping.yaml", a.Files[0].Data)
	var rec canon.Record
	if err := json.Unmarshal(a.Files[1].Data, &rec); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range m.Explain(rec) {
		fmt.Fprintf(&b, "%-10s | %-10s | %-22s | %-20s | %s", r.Entity, r.Field, r.From, r.Raw, r.Result)
		if r.Fault != "" {
			fmt.Fprintf(&b, " ! %s (%s)", r.Fault, r.Hint)
		}
		if r.Unused {
			b.WriteString("unused")
		}
		b.WriteString("\n")
	}
	if *update {
		a.Files = append(a.Files[:2], txtar.File{Name: "want.txt", Data: []byte(b.String())})
		if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(a.Files[2].Data), b.String()); diff != "" {
		t.Errorf("run with -update if this is wanted (-want +got):\n%s", diff)
	}
}

// TestExplainTellsEveryFault holds that no dead letter of Apply is missing from the explanation.
func TestExplainTellsEveryFault(t *testing.T) {
	maps := everything(t)
	for _, src := range seeds(t, ".record.json") {
		var rec canon.Record
		if err := json.Unmarshal(src, &rec); err != nil {
			t.Fatal(err)
		}
		for _, m := range maps {
			_, letters := m.Apply(rec)
			told := 0
			for _, r := range m.Explain(rec) {
				if r.Fault != "" {
					told++
				}
			}
			if told < len(letters) {
				t.Errorf("%s by %s: %d faults explained, %d dead letters", rec.Ref, m.Name(), told, len(letters))
			}
		}
	}
}

func TestExplainUnmapped(t *testing.T) {
	m := vendorMap(t, "stripe")
	for _, rec := range []canon.Record{
		{Ref: canon.Ref{Stream: "nowhere"}, Raw: []byte(`{}`)},
		{Ref: canon.Ref{Stream: "customers"}, Raw: []byte(`[`)},
	} {
		rows := m.Explain(rec)
		if len(rows) != 1 || rows[0].Fault == "" || rows[0].Hint == "" {
			t.Errorf("%s: %+v", rec.Stream, rows)
		}
	}
}
