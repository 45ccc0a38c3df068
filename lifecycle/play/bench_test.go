package play_test

import (
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/lifecycle/play"
)

// BenchmarkStep is a customer of the shipped policy to whom nothing happens but a day, with what reading and writing the
// state costs.
func BenchmarkStep(b *testing.B) {
	p := lifecycle.Default()
	before, after := assessment(at(0), 80), assessment(at(1), 79)
	for _, a := range []*canon.Assessment{&before, &after} {
		a.Stage, a.Segments, a.Customer = "retention", []string{"paying", "well"}, "cus_1"
		a.StageSince = noon.AddDate(-1, 0, 0)
	}
	events := []canon.Event{{ID: "s", Type: "subscription.started", OccurredAt: noon.Add(-100 * 24 * time.Hour)}}
	s, _, _ := play.Step(p, play.State{}, play.Moment{Before: &before, After: &before, Past: events})
	doc := s.Encode()
	b.ReportMetric(float64(len(doc)), "bytes")
	b.ReportAllocs()
	for b.Loop() {
		s, err := play.Decode(doc)
		if err != nil {
			b.Fatal(err)
		}
		s, _, _ = play.Walk(p, s, play.Moment{Before: &before, After: &after}, func(time.Time) canon.Assessment { return after })
		s.Encode()
	}
}
