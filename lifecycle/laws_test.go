package lifecycle

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// laws checks a law under the shipped policy and under one that contradicts itself.
func laws(t *testing.T, law func(*rapid.T, *Policy)) {
	src, err := os.ReadFile("testdata/odd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	odd, err := Parse("odd.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Policy{Default(), odd} {
		t.Run(p.Name(), func(t *testing.T) {
			tried(t, 50, func(t *rapid.T) { law(t, p) })
		})
	}
}

// tried checks a law of which every case is dear on so many cases, or on as many as HUB_CHECKS says where that is set. The most is
// -rapid.checks.
func tried(t *testing.T, most int, law func(*rapid.T)) {
	t.Helper()
	if v := os.Getenv("HUB_CHECKS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		most = n
	}
	n, broken := 0, false
	rapid.Check(t, func(t *rapid.T) {
		// What fails is tried again and again, to find the smallest case.
		if n++; n > most && !broken {
			return
		}
		held := false
		defer func() { broken = broken || !held }()
		law(t)
		held = !t.Failed()
	})
}

// measuresOf counts the measures of the scorecard that applied, or of the last one where none did.
func measuresOf(p *Policy, s canon.Score) int {
	card := p.cardOf(s)
	for _, set := range p.scores {
		if set.name == s.Name && card == nil {
			card = set.cards[len(set.cards)-1]
		}
	}
	n := 0
	for _, g := range card.groups {
		n += len(g.measures)
	}
	return n
}

func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	laws(t, func(t *rapid.T, p *Policy) {
		facts, now := genFacts(t), genNow(t, "now")
		want := p.Assess(facts, now)
		shuffled := slices.Clone(facts.Events)
		for range rapid.IntRange(0, 10).Draw(t, "repeats") {
			if len(shuffled) > 0 {
				shuffled = append(shuffled, shuffled[rapid.IntRange(0, len(shuffled)-1).Draw(t, "repeated")])
			}
		}
		r := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		facts.Events = shuffled
		if diff := cmp.Diff(want, p.Assess(facts, now)); diff != "" {
			t.Fatalf("another order gave another answer (-want +got):\n%s", diff)
		}
	})
}

// The path up to a moment is the same whenever it is asked for, whether or not later events are known.
func TestPathOnlyGrows(t *testing.T) {
	laws(t, func(t *rapid.T, p *Policy) {
		facts, early := genFacts(t), genNow(t, "early")
		late := early.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "later")) * sixHours)
		var want []canon.Event
		for _, e := range p.Assess(facts, late).Path {
			if !e.OccurredAt.After(early) {
				want = append(want, e)
			}
		}
		if diff := cmp.Diff(want, p.Assess(facts, early).Path); diff != "" {
			t.Fatalf("the path was rewritten (-late +early):\n%s", diff)
		}
	})
}

// The walk looks only at moments at which a rule may change. Looking at every rule at every moment of the
// grid that all generated moments lie on must give the same path.
func TestWalkMissesNoMoment(t *testing.T) {
	laws(t, func(t *rapid.T, p *Policy) {
		facts, now := genFacts(t), genNow(t, "now")
		f := &frame{ledger: newLedger(p.patterns, facts.Events, now.UnixMicro()), state: newState(), customerType: facts.Type}
		w := newWalker(p, f, facts.Customer)
		w.facts(facts)
		for at := epoch; !at.After(now); at = at.Add(sixHours) {
			w.advance(at.UnixMicro())
			for _, i := range p.leaving[w.stage] {
				w.dirty[i] = true
			}
			w.settle(at.UnixMicro())
		}
		if diff := cmp.Diff(w.path, p.Assess(facts, now).Path); diff != "" {
			t.Fatalf("the path differs from the one of every moment (-every +walk):\n%s", diff)
		}
	})
}

// Between now and NextAt nothing changes but the figures of ages that have settled.
func TestNothingChangesBeforeNextAt(t *testing.T) {
	laws(t, func(t *rapid.T, p *Policy) {
		facts := genFacts(t)
		facts.Sources = allFresh()
		now := genNear(t, facts.Events)
		facts.Events = upTo(facts.Events, now)
		a := p.Assess(facts, now).Assessment
		end := now.AddDate(5, 0, 0)
		if !a.NextAt.IsZero() {
			if !a.NextAt.After(now) {
				t.Fatalf("NextAt %v is not after now %v", a.NextAt, now)
			}
			end = a.NextAt
		}
		span := int64(end.Sub(now) / time.Microsecond)
		later := end.Add(-time.Microsecond)
		if rapid.Bool().Draw(t, "between") {
			later = now.Add(time.Duration(rapid.Int64Range(0, span-1).Draw(t, "later")) * time.Microsecond)
		}
		b := p.Assess(facts, later).Assessment
		if diff := cmp.Diff(fixed(a), fixed(b)); diff != "" {
			t.Fatalf("the answer changed at %v, before NextAt %v (-now +later):\n%s", later, a.NextAt, diff)
		}
	})
}

// upTo returns the events that have occurred by now.
func upTo(events []canon.Event, now time.Time) []canon.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e canon.Event) bool { return e.OccurredAt.After(now) })
}

func TestFutureIsNotSeen(t *testing.T) {
	laws(t, func(t *rapid.T, p *Policy) {
		facts := genFacts(t)
		now := genNear(t, facts.Events)
		want := p.Assess(facts, now)
		facts.Events = upTo(facts.Events, now)
		if diff := cmp.Diff(p.Assess(facts, now), want); diff != "" {
			t.Fatalf("events after now were seen (-without +with):\n%s", diff)
		}
	})
}

// fixed leaves out what may age: when the assessment was made, and figures of settled ages.
func fixed(a canon.Assessment) canon.Assessment {
	a.At = time.Time{}
	a.Health.Contributions = slices.Clone(a.Health.Contributions)
	for i := range a.Health.Contributions {
		a.Health.Contributions[i].Value, a.Health.Contributions[i].Reason, a.Health.Contributions[i].Evidence = nil, "", nil
	}
	a.Health.Caps = slices.Clone(a.Health.Caps)
	for i := range a.Health.Caps {
		a.Health.Caps[i].Reason = ""
	}
	return a
}

func TestScoreAddsUp(t *testing.T) {
	laws(t, func(t *rapid.T, p *Policy) {
		s := p.Assess(genFacts(t), genNow(t, "now")).Assessment.Health
		points, lost, weights := 0.0, 0.0, 0.0
		for _, c := range s.Contributions {
			points, lost, weights = points+c.Points, lost+c.PointsLost, weights+c.Weight
			if c.NA != "" && (c.Weight != 0 || c.Points != 0) {
				t.Fatalf("%s is NA and weighs %v", c.Measure, c.Weight)
			}
			if c.Reason == "" {
				t.Fatalf("%s has no reason", c.Measure)
			}
		}
		if len(s.Contributions) != measuresOf(p, s) {
			t.Fatalf("%d contributions, want one per measure", len(s.Contributions))
		}
		if s.Value == nil {
			if s.Band != "unknown" && !s.Held || weights != 0 {
				t.Fatalf("no value, but band %s and weights %v", s.Band, weights)
			}
			return
		}
		capped := points
		for _, c := range s.Caps {
			capped = min(capped, c.Max)
		}
		if math.Abs(*s.Value-capped) > 1e-9 || math.Abs(points+lost-100) > 1e-9 || math.Abs(weights-1) > 1e-9 {
			t.Fatalf("value %v, points %v (capped %v), lost %v, weights %v", *s.Value, points, capped, lost, weights)
		}
	})
}

// A source that fails makes measures NA; it never gives a worth to what is not known, and the worth of what
// stays known is what it was.
func TestLostSourceOnlyTakesAway(t *testing.T) {
	laws(t, func(t *rapid.T, p *Policy) {
		facts, now := genFacts(t), genNow(t, "now")
		full := p.Assess(facts, now).Assessment.Health
		kind := rapid.SampledFrom(canon.Kinds()).Draw(t, "lost")
		reduced := canon.Sources{}
		for k, v := range facts.Sources {
			reduced[k] = v && k != kind
		}
		facts.Sources = reduced
		part := p.Assess(facts, now).Assessment.Health
		if part.Coverage > full.Coverage+1e-9 || full.Value == nil && part.Value != nil {
			t.Fatalf("coverage rose from %v to %v", full.Coverage, part.Coverage)
		}
		for i, c := range part.Contributions {
			before := full.Contributions[i]
			if c.NA == "" && (before.NA != "" || c.Curve != before.Curve) {
				t.Fatalf("%s is worth %v, was %v (%q)", c.Measure, c.Curve, before.Curve, before.NA)
			}
		}
	})
}

func TestNothingKnownIsUnknown(t *testing.T) {
	laws(t, func(t *rapid.T, p *Policy) {
		facts := genFacts(t)
		facts.Sources = nil
		s := p.Assess(facts, genNow(t, "now")).Assessment.Health
		if s.Value != nil || s.Band != "unknown" || s.Coverage != 0 {
			t.Fatalf("no source, but %+v", s)
		}
	})
}

func TestPathIsConnected(t *testing.T) {
	laws(t, func(t *rapid.T, p *Policy) {
		facts, now := genFacts(t), genNow(t, "now")
		r := p.Assess(facts, now)
		from, ids := "", map[string]bool{}
		var last time.Time
		for _, e := range r.Path {
			if e.Data["from"] != from || e.OccurredAt.Before(last) || e.OccurredAt.After(now) || ids[e.ID] {
				t.Fatalf("broken path at %+v", e)
			}
			from, last = e.Data["to"].(string), e.OccurredAt
			ids[e.ID] = true
		}
		if from != r.Assessment.Stage {
			t.Fatalf("the path ends in %q, the stage is %q", from, r.Assessment.Stage)
		}
	})
}
