package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkPull reads pages of 100 records of about 1 KB in process: what the engine costs besides the
// network. records/s is the figure to watch.
func BenchmarkPull(b *testing.B) {
	var items []string
	for i := range 100 {
		items = append(items, fmt.Sprintf(`{"key":"%d","updatedAt":"2026-03-01T12:00:00.%03dZ","properties":{"name":"Company %d","note":%q}}`, i, i, i, strings.Repeat("some words ", 80)))
	}
	body := []byte(`{"data":{"items":[` + strings.Join(items, ",") + `]}}`)
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
	spec := strings.Replace(pagingSpec("", "kind: none"), "id: key\n", "id: key\n    version: {path: updatedAt}\n", 1)
	v := open(b, spec, h, nil)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := v.Pull(b.Context(), "things", ""); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(100*b.N)/b.Elapsed().Seconds(), "records/s")
}
