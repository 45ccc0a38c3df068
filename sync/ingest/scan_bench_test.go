package ingest

import (
	"hash/maphash"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// BenchmarkLook is what the catalogue of fields costs per record of 45 properties.
func BenchmarkLook(b *testing.B) {
	var props []string
	for i := range 40 {
		props = append(props, `"property_`+strings.Repeat("x", i%17)+string(rune('a'+i%26))+`":"some value of a customer"`)
	}
	raw := []byte(`{"id":"123456","createdAt":"2026-01-01T00:00:00Z","archived":false,"lines":[{"a":1},{"a":2}],"properties":{` + strings.Join(props, ",") + `}}`)
	s := &streamFields{seed: maphash.MakeSeed(), by: map[uint64]*field{}, paths: map[string]*field{}, dirty: map[string]*field{}, now: time.Now()}
	r := canon.Record{Raw: raw}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		s.look(r)
	}
}
