package main

import "testing"

// TestBenchAssess: the bench measures what it says: everybody is assessed, and books are made anew only where they must be.
func TestBenchAssess(t *testing.T) {
	r, err := benchAssess(t.Context(), assessOptions{customers: 100, dir: t.TempDir(), told: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	anew := []int64{100, 0, 0, 100, 0}
	for i, run := range r.Runs {
		if run.Customers == 0 || run.Anew != anew[i] {
			t.Errorf("%s: %d customers, %d books anew, want %d", run.Run, run.Customers, run.Anew, anew[i])
		}
	}
}
