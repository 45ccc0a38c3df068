package evidence

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// anyHistories draws a few customers with events of every sort, in any order, some of them taken back.
func anyHistories(rt *rapid.T) []canon.History {
	types := []string{
		"subscription.started", "subscription.ended", "subscription.cancel_scheduled", "subscription.cancel_revoked", "subscription.changed", "usage.recorded",
		"invoice.paid", "ticket.escalated", "survey.nps", "stage.changed", "milestone.first_use",
	}
	var hs []canon.History
	for i := range rapid.IntRange(0, 12).Draw(rt, "customers") {
		c := &worldCustomer{id: string(rune('a' + i))}
		for range rapid.IntRange(0, 25).Draw(rt, "events") {
			at := worldAt.AddDate(0, 0, rapid.IntRange(-400, 500).Draw(rt, "day"))
			kind := canon.KindSubscription
			c.tell(rapid.SampledFrom(types).Draw(rt, "type"), kind, at, valued(float64(rapid.IntRange(-2, 12).Draw(rt, "value"))), paid(int64(rapid.IntRange(0, 5000).Draw(rt, "minor"))),
				recorded(at.AddDate(0, 0, rapid.IntRange(0, 60).Draw(rt, "late"))), func(e *canon.Event) {
					if rapid.IntRange(0, 9).Draw(rt, "taken back") == 0 {
						e.SupersededAt = e.RecordedAt.AddDate(0, 0, 20)
					}
				})
		}
		hs = append(hs, canon.History{Profile: canon.Profile{ID: c.id, Type: "company"}, Events: c.events})
	}
	return hs
}

func inJSON(t *testing.T, r *Report) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAnyHistoryIsWorkedOut holds that counts add up whatever the history, and that neither the order of customers and
// events nor the batches that they come in matter.
func TestAnyHistoryIsWorkedOut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hs := anyHistories(rt)
		o := worldOptions(t, secondPolicy())
		o.From, o.To = worldAt.AddDate(0, -5, 0), worldAt.AddDate(0, 3, 0)
		o.Replicates = 20
		o.Label = label(t, rapid.SampledFrom([]string{"churn", "silence:invoice.paid:60", "contraction:10%", "event:ticket.escalated", "advance", `exists("usage.recorded", 30)`, "none"}).Draw(rt, "label"))
		o.Known = rapid.SampledFrom([]Knowledge{KnownImported, KnownStrict, KnownOccurred}).Draw(rt, "known")
		o = o.WithDefaults()
		fit := rapid.IntRange(0, 3).Draw(rt, "fit") == 0
		r := tryOn(t, o, hs, fit)
		n, hits := 0, 0
		for _, b := range r.Bands {
			n, hits = n+b.N, hits+b.Positives
		}
		if n != r.Counts.Rows || hits != r.Counts.Positives {
			rt.Fatalf("bands hold %d rows and %d outcomes, counts say %+v", n, hits, r.Counts)
		}
		var text, page bytes.Buffer
		r.WriteText(&text)
		if _, err := r.Page(time.Time{}).WriteTo(&page); err != nil || text.Len() == 0 {
			rt.Fatalf("no report: %v", err)
		}
		rnd := rand.New(rand.NewPCG(uint64(rapid.IntRange(0, 99).Draw(rt, "shuffle")), 1))
		for i := range hs {
			hs[i].Events = slices.Clone(hs[i].Events)
			rnd.Shuffle(len(hs[i].Events), func(a, b int) { hs[i].Events[a], hs[i].Events[b] = hs[i].Events[b], hs[i].Events[a] })
		}
		v := NewSurvey(o)
		for _, h := range hs {
			v.Add([]canon.History{h})
		}
		s := NewStudy(o, v)
		for _, h := range hs {
			s.Add([]canon.History{h})
		}
		again, err := s.Run(fit)
		if err != nil {
			rt.Fatal(err)
		}
		if a, b := inJSON(t, r), inJSON(t, again); a != b {
			rt.Fatalf("the order matters:\n%s\n%s", a, b)
		}
		s.Suitability()
		s.Drivers()
		s.Drift(time.Time{})
	})
}

// TestNobodyIsNoEvidence has a store without any row.
func TestNobodyIsNoEvidence(t *testing.T) {
	r := tryOn(t, worldOptions(t, worldPolicy), nil, true)
	if r.Verdict != NoEvidence || !strings.Contains(r.Sentence, "no moment") {
		t.Errorf("%q: %s", r.Verdict, r.Sentence)
	}
}

// TestMemoryIsBounded leaves out whole customers, always the same ones.
func TestMemoryIsBounded(t *testing.T) {
	hs, _ := world{customers: 1200, chance: falling, seed: 53}.draw()
	o := worldOptions(t, worldPolicy)
	o.MaxRows = 300
	a, b := tryOn(t, o, hs, false), tryOn(t, o, hs, false)
	if a.Counts.Rows < 200 || a.Counts.Rows > 400 || !a.Counts.Sampled || a.Counts != b.Counts {
		t.Errorf("counts: %+v and %+v", a.Counts, b.Counts)
	}
}
