package ingest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuantiles(t *testing.T) {
	var vs []float64
	for i := range 201 {
		vs = append(vs, float64((i*7)%201))
	}
	got := quantiles(vs)
	var want []float64
	for i := range 101 {
		want = append(want, float64(2*i))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := quantiles([]float64{5}); len(got) != 101 || got[0] != 5 || got[100] != 5 {
		t.Error(got)
	}
}
