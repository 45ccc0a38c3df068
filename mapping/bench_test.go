package mapping_test

import (
	"encoding/json"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/mapping"
	"os"
)

func BenchmarkApply(b *testing.B) {
	for _, name := range []string{"hubspot", "stripe"} {
		m := vendorMap(b, name)
		var recs []canon.Record
		for _, src := range seeds(b, ".record.json") {
			var rec canon.Record
			if err := json.Unmarshal(src, &rec); err != nil {
				b.Fatal(err)
			}
			if rec.Connection == name && !rec.Deleted {
				recs = append(recs, rec)
			}
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.Apply(recs[i%len(recs)])
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	src, err := os.ReadFile("../connectors/stripe/mapping.yaml")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mapping.Parse("stripe", src, mapping.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
