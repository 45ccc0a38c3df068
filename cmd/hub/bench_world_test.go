package main

import (
	"path/filepath"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// TestBenchWorld holds what bench resolve measures: so many records as were asked for, each once, all of them mapped,
// and the systems' records of a company found to be one.
func TestBenchWorld(t *testing.T) {
	const n = 2000
	w := newBenchWorld(n)
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	pipe, err := w.pipeline(db)
	if err != nil {
		t.Fatal(err)
	}
	refs := map[canon.Ref]bool{}
	for len(refs) < n {
		b := w.page()
		if len(b.Records) == 0 {
			t.Fatalf("the world ends with %d records", len(refs))
		}
		res, err := pipe.Ingest(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if res.DeadLetters != 0 || res.Changed != len(b.Records) || res.Entities < len(b.Records) {
			t.Fatalf("%s/%s came to %+v", b.Connection, b.Stream, res)
		}
		for _, rec := range b.Records {
			if refs[rec.Ref] {
				t.Fatalf("%s comes twice", rec.Ref)
			}
			refs[rec.Ref] = true
		}
	}
	if b := w.page(); len(refs) != n || len(b.Records) != 0 {
		t.Errorf("%d records, and %d more", len(refs), len(b.Records))
	}
	customers, err := pipe.Settle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Companies of their own, and people that nothing ties to one.
	if customers < w.companies/2 || customers > 3*w.companies {
		t.Errorf("%d companies came to %d customers", w.companies, customers)
	}
	again := newBenchWorld(n)
	if a, b := newBenchWorld(n).page(), again.page(); len(a.Records) != pageSize || string(a.Records[7].Raw) != string(b.Records[7].Raw) {
		t.Error("two worlds of one size differ")
	}
}

// TestBenchResolve runs the command on a small world.
func TestBenchResolve(t *testing.T) {
	told := 0
	r, err := benchResolve(t.Context(), resolveOptions{records: 1000, dir: t.TempDir(), told: func(string, ...any) { told++ }})
	if err != nil {
		t.Fatal(err)
	}
	if r.Few.Records != 1000 || r.Few.CPUMicros <= 0 || len(r.Few.Stretches) != 10 || r.Few.Customers == 0 || told == 0 {
		t.Errorf("%+v, told %d times", r, told)
	}
	if _, err := benchResolve(t.Context(), resolveOptions{records: 10}); err == nil {
		t.Error("ten records were taken for enough")
	}
}
