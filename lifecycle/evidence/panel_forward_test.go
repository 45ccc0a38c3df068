package evidence

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// genTold draws a past in which statements come late, are taken back and told otherwise.
func genTold(t *rapid.T) []canon.Event {
	types := []struct {
		typ  string
		kind canon.Kind
	}{
		{"subscription.started", canon.KindSubscription}, {"subscription.ended", canon.KindSubscription}, {"subscription.cancel_scheduled", canon.KindSubscription},
		{"invoice.issued", canon.KindInvoice}, {"invoice.paid", canon.KindInvoice}, {"invoice.due", canon.KindInvoice},
		{"ticket.opened", canon.KindTicket}, {"ticket.solved", canon.KindTicket}, {"usage.recorded", canon.KindUsage}, {"usage.recorded", canon.KindUsage},
		{"survey.nps", canon.KindSurvey}, {"email.received", canon.KindActivity},
	}
	n := rapid.SampledFrom([]int{5, 50, 120}).Draw(t, "events")
	var out []canon.Event
	for i := range n {
		what := rapid.SampledFrom(types).Draw(t, "type")
		at := worldAt.AddDate(0, 0, -400).Add(time.Duration(rapid.IntRange(0, 400*24).Draw(t, "hour")) * time.Hour)
		v := float64(rapid.IntRange(0, 10).Draw(t, "value"))
		e := canon.Event{
			ID: fmt.Sprintf("evt_%03d", i), Type: what.typ, Kind: what.kind, OccurredAt: at, RecordedAt: at, Value: &v,
			Ref:    canon.Ref{Connection: "crm", Stream: string(what.kind), ID: fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "thing"))},
			Amount: &canon.Money{Minor: int64(rapid.IntRange(1, 9).Draw(t, "amount")) * 1000, Currency: "EUR"},
		}
		if rapid.IntRange(0, 9).Draw(t, "late") == 0 {
			e.RecordedAt = at.AddDate(0, 0, rapid.IntRange(1, 90).Draw(t, "days late"))
		}
		if rapid.IntRange(0, 19).Draw(t, "wrong") == 0 {
			again := e
			again.Revision, again.RecordedAt = e.Revision+1, e.RecordedAt.AddDate(0, 0, rapid.IntRange(0, 90).Draw(t, "mended"))
			again.OccurredAt = again.OccurredAt.AddDate(0, 0, -1)
			e.SupersededAt = again.RecordedAt
			out = append(out, again)
		}
		out = append(out, e)
	}
	return out
}

// TestForwardAnswersAsTheWholePastDoes: going from moment to moment gives what walking the whole past gives at each, though
// sources begin on the way, and statements come late and are taken back.
func TestForwardAnswersAsTheWholePastDoes(t *testing.T) {
	pack := lifecycle.Default()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		if n++; n > 25 {
			return
		}
		o := knownAs(pack, rapid.SampledFrom([]Knowledge{KnownStrict, KnownOccurred}).Draw(t, "known"))
		s := newSubject(&o, &canon.History{Profile: canon.Profile{ID: "cus", Type: "company"}, Events: genTold(t)}, nil)
		f := newForward(pack, s.told)
		begins := worldAt.AddDate(0, 0, -rapid.IntRange(0, 400).Draw(t, "usage begins"))
		at := worldAt.AddDate(0, 0, -400)
		for !at.After(worldAt) {
			at = at.Add(time.Duration(rapid.IntRange(1, 60*24).Draw(t, "later")) * time.Hour)
			sources := canon.Sources{canon.KindSubscription: true, canon.KindInvoice: true, canon.KindTicket: true}
			if !begins.After(at) {
				sources[canon.KindUsage] = true
			}
			want := s.assess(pack, at, sources)
			got, _ := f.assess(lifecycle.Facts{Customer: s.id, Type: s.typ, Sources: sources}, at)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("at %v (-whole past +forward):\n%s", at, diff)
			}
		}
	})
}

func knownAs(p *lifecycle.Policy, known Knowledge) Options {
	return Options{Policy: p, End: worldEnd, Known: known}.WithDefaults()
}

// BenchmarkForward takes a customer with a long past through three years of months.
func BenchmarkForward(b *testing.B) {
	pack := lifecycle.Default()
	for _, n := range []int{1, 5, 20, 1000} {
		var told []believed
		for i := range n {
			at := worldAt.Add(-time.Duration(36*30*24*(n-i)/n) * time.Hour)
			typ, kind := "usage.recorded", canon.KindUsage
			if i == 0 {
				typ, kind = "subscription.started", canon.KindSubscription
			}
			told = append(told, believed{ev: canon.Event{ID: fmt.Sprint(i), Type: typ, Kind: kind, OccurredAt: at, RecordedAt: at, Ref: canon.Ref{ID: "s"}}, from: at})
		}
		s := &subject{id: "cus", typ: "company", told: told}
		sources := canon.Sources{canon.KindSubscription: true, canon.KindUsage: true}
		b.Run(fmt.Sprintf("forward/%d", n), func(b *testing.B) {
			for b.Loop() {
				f := newForward(pack, told)
				for m := range 36 {
					f.assess(lifecycle.Facts{Customer: s.id, Type: s.typ, Sources: sources}, worldAt.AddDate(0, m-35, 0))
				}
			}
		})
		b.Run(fmt.Sprintf("whole/%d", n), func(b *testing.B) {
			for b.Loop() {
				for m := range 36 {
					s.assess(pack, worldAt.AddDate(0, m-35, 0), sources)
				}
			}
		})
	}
}
