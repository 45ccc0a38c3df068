package evidence

import (
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// redPlay is a stand-in for the plays of a policy, which this package does not know: it fires on the first moment of every red,
// and holds back the first one.
func redPlay(seen map[string][]PlayMoment) Plays {
	return func(p *lifecycle.Policy) func(PlayMoment) ([]canon.Firing, time.Time) {
		n := 0
		return func(m PlayMoment) (out []canon.Firing, next time.Time) {
			id := m.After.Customer
			if seen != nil {
				seen[p.Name()+" "+id] = append(seen[p.Name()+" "+id], m)
			}
			if m.After.Health.Band == bandRed && (m.Before == nil || m.Before.Health.Band != bandRed) {
				f := canon.Firing{Play: "rescue", Title: "Rescue", Customer: id, At: m.After.At}
				if n++; n == 1 {
					f.Suppressed = "cooldown"
				}
				out = append(out, f)
			}
			return out, time.Time{}
		}
	}
}

func playOptions(t *testing.T) Options {
	t.Helper()
	o := worldOptions(t, worldPolicy)
	old, err := lifecycle.Parse("old.yaml", []byte(strings.Replace(worldPolicy, "policy: world", "policy: old", 1)))
	if err != nil {
		t.Fatal(err)
	}
	o.Previous = old
	o.From, o.To = time.Time{}, time.Time{}
	return o
}

// usedOn is a customer who pays, uses the product every day of some stretches, as days after worldAt, and leaves on a day.
func usedOn(id string, left int, stretches ...[2]int) canon.History {
	c := &worldCustomer{id: id}
	c.tell("subscription.started", canon.KindSubscription, worldAt, paid(1000))
	for _, s := range stretches {
		for d := s[0]; d < s[1]; d++ {
			c.tell("usage.recorded", canon.KindUsage, worldAt.AddDate(0, 0, d).Add(time.Hour), valued(1))
		}
	}
	if left > 0 {
		c.tell("subscription.ended", canon.KindSubscription, worldAt.AddDate(0, 0, left))
	}
	return canon.History{Profile: canon.Profile{ID: c.id, Type: "company"}, Events: c.events}
}

func played(o Options, hs []canon.History, plays Plays) []PlayRecord {
	v := NewSurvey(o)
	feed(hs, v.Add)
	t := NewPlayTrial(o, v, plays)
	feed(hs, t.Add)
	return t.Records()
}

// TestPlaysSeeWhatComesAndGoes: a red of three days between two looks of a month is seen, what fired is held against the
// outcome, and what was decided too near to the end of observation to be told either way counts neither way.
func TestPlaysSeeWhatComesAndGoes(t *testing.T) {
	o := playOptions(t)
	// Red is three and fewer days of use within thirty. Both are red until the fourth day of use, which is held back; the first
	// is red again for some days around day 65, and leaves on day 100.
	leaves := usedOn("leaves", 100, [2]int{0, 36}, [2]int{65, 99})
	stays := usedOn("stays", 0, [2]int{0, 36}, [2]int{65, 110})
	got := played(o, []canon.History{leaves, stays}, redPlay(nil))
	if len(got) != 1 || got[0].Play != "rescue" || got[0].Title != "Rescue" {
		t.Fatalf("records: %+v", got)
	}
	c := got[0].Before
	// Once for the one who leaves; for the one who stays on day 65 and when the use ends.
	if c.Fired != 3 || c.Customers != 2 || c.Suppressed != 2 || c.Guards["cooldown"] != 2 {
		t.Errorf("counts: %+v", c)
	}
	if v := c.Right.Value; v < 0.3 || v > 0.34 {
		t.Errorf("right: %+v, want one in three", c.Right)
	}
	if a := got[0].After; a.Fired != c.Fired || a.Suppressed != c.Suppressed || a.Right != c.Right {
		t.Errorf("the same cards fire differently: %+v and %+v", c, a)
	}
	// The same history, of which observation ends soon after: nothing can be told.
	o.End = worldAt.AddDate(0, 0, 105)
	if c := played(o, []canon.History{leaves, stays}, redPlay(nil))[0].Before; c.Fired != 2 || c.Right.Value == c.Right.Value {
		t.Errorf("near the end: %+v", c)
	}
}

// TestPlaysHearEveryEventOnce: each is told at the first moment at which it was known, also where it came late.
func TestPlaysHearEveryEventOnce(t *testing.T) {
	o := playOptions(t)
	o.Known = KnownStrict
	h := usedOn("cus", 0, [2]int{0, 90})
	for i := range h.Events {
		h.Events[i].RecordedAt = h.Events[i].OccurredAt
		if i%7 == 3 {
			h.Events[i].RecordedAt = h.Events[i].OccurredAt.AddDate(0, 0, 40)
		}
	}
	seen := map[string][]PlayMoment{}
	played(o, []canon.History{h}, redPlay(seen))
	if len(seen) != 2 {
		t.Fatalf("%d sides were taken", len(seen))
	}
	for side, moments := range seen {
		heard := map[string]int{}
		for i, m := range moments {
			if i > 0 && (m.Before == nil || m.Before.At != moments[i-1].After.At || !m.After.At.After(m.Before.At)) {
				t.Fatalf("%s: moment %d does not follow the one before", side, i)
			}
			for _, e := range append(m.Past, m.Events...) {
				heard[e.ID]++
				if e.RecordedAt.After(m.After.At) || e.OccurredAt.After(m.After.At) {
					t.Errorf("%s: %s was not known at %v", side, e.ID, m.After.At)
				}
			}
		}
		for _, e := range h.Events {
			if heard[e.ID] != 1 {
				t.Errorf("%s: %s was heard %d times", side, e.ID, heard[e.ID])
			}
		}
	}
}
