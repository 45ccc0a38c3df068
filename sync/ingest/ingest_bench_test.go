package ingest_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/lifecyclehub/hub/canon"
)

// BenchmarkIngest tells what one record costs on its way through the rooms, when it is new and when it comes in another
// version: firms with a domain, three people and two deals each, in pages of 500. Run it with -benchtime 5x.
func BenchmarkIngest(b *testing.B) {
	const firms, page = 1000, 500
	stretch := func(stream string, n, version int, raw func(i int) string) []canon.Batch {
		var out []canon.Batch
		for from := 0; from < n; from += page {
			p := canon.Batch{Connection: "crm", Connector: "file", Stream: stream, From: "x", Next: "x", ReadAt: start}
			for i := from; i < min(n, from+page); i++ {
				p.Records = append(p.Records, rec(stream, fmt.Sprint(i), version, raw(i)))
			}
			out = append(out, p)
		}
		return out
	}
	world := func(version int) (out []canon.Batch) {
		out = stretch("firms", firms, version, func(i int) string {
			return fmt.Sprintf(`{"name":"Firm number %d of kind %d","domain":"firm%d.com","created":"2026-01-01T00:00:00Z"}`, i*7919, version, i)
		})
		out = append(out, stretch("people", 3*firms, version, func(i int) string {
			return fmt.Sprintf(`{"name":"Ann%d Smith%d of %d","email":"ann%d@firm%d.com","firm":"%d","created":"2026-01-01T00:00:00Z"}`, i*31, i*17, version, i, i/3, i/3)
		})...)
		return append(out, stretch("deals", 2*firms, version, func(i int) string {
			return fmt.Sprintf(`{"name":"Deal %d at %d","status":"open","firm":"%d","created":"2026-01-01T00:00:00Z"}`, i, version, i/2)
		})...)
	}
	for _, what := range []struct {
		name  string
		known bool
	}{{"new", false}, {"changed", true}} {
		b.Run(what.name, func(b *testing.B) {
			records := 0
			for n := 0; b.Loop(); n++ {
				b.StopTimer()
				h := hubAt(b, filepath.Join(b.TempDir(), "hub.db"), salesYAML)
				version := 1
				if what.known {
					for _, p := range world(1) {
						h.take(p)
					}
					version = 2
				}
				pages := world(version)
				b.StartTimer()
				for _, p := range pages {
					records += h.take(p).Records
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(records), "µs/record")
		})
	}
}
