package lifecycle

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// Whatever the method, the weights and what is missing: the points add up to the score before caps and the points lost to
// what it lacks of 100, and the score lies between its worst and its best measure.
func TestAnyCardAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		card := genCard(t, "weighted", "weighted", "all_or_none", "all_or_none\n    graded: true")
		s := card.parsed(t).Assess(genFacts(t), genNow(t, "now")).Assessment.Health
		points, lost, low, high := 0.0, 0.0, 100.0, 0.0
		for _, c := range s.Contributions {
			points, lost = points+c.Points, lost+c.PointsLost
			if c.Weight > 0 {
				low, high = min(low, c.Curve), max(high, c.Curve)
			}
			if c.NA != "" && (c.Weight != 0 || c.Value != nil) || c.Reason == "" {
				t.Fatalf("%+v", c)
			}
		}
		if s.Value == nil {
			if points != 0 || lost != 0 {
				t.Fatalf("no value, but points %v and %v lost", points, lost)
			}
			return
		}
		raw := *s.Raw
		if math.Abs(points-raw) > 1e-9 || math.Abs(lost-(100-raw)) > 1e-9 || raw < low-1e-9 || raw > high+1e-9 {
			t.Fatalf("raw %v, points %v, lost %v, from %v to %v", raw, points, lost, low, high)
		}
		capped := raw
		for _, c := range s.Caps {
			capped = min(capped, c.Max)
		}
		if *s.Value != capped {
			t.Fatalf("value %v, capped %v", *s.Value, capped)
		}
	})
}

func TestOrderOfMeasuresDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		card := genCard(t, "weighted", "all_or_none", "side_by_side")
		facts, now := genFacts(t), genNow(t, "now")
		a := card.parsed(t).Assess(facts, now).Assessment.Health
		b := card.shuffled(t).parsed(t).Assess(facts, now).Assessment.Health
		rows := map[string]canon.Contribution{}
		for _, c := range a.Contributions {
			rows[c.Measure] = c
		}
		for _, c := range b.Contributions {
			if diff := cmp.Diff(rows[c.Measure], c, cmp.Comparer(near)); diff != "" {
				t.Fatalf("%s differs (-one order +another):\n%s", c.Measure, diff)
			}
		}
		a.Contributions, b.Contributions, a.Groups, b.Groups = nil, nil, nil, nil
		if diff := cmp.Diff(a, b, cmp.Comparer(near)); diff != "" {
			t.Fatalf("the score differs (-one order +another):\n%s", diff)
		}
	})
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// standAt walks a policy to the end of a day.
func standAt(p *Policy, facts Facts, end int64) *frame {
	f := &frame{ledger: p.ledger(), state: newState(), customerType: facts.Type}
	f.ledger.extend(entriesOf(facts.Events, end))
	w := newWalker(p, f, facts.Customer)
	w.facts(facts)
	w.run(always, end)
	f.t, f.clock = end, end
	return f
}

// Whatever a source that is not fresh may have to tell: the value that comes of it lies where the reading without it says
// that it may lie.
func TestReadingBoundsWhatIsNotKnown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genCard(t, "weighted", "all_or_none", "all_or_none\n    graded: true", "side_by_side").parsed(t)
		facts := genFacts(t)
		end := floorDay(genNear(t, facts.Events).UnixMicro()) + day - 1
		kind := rapid.SampledFrom(canon.Kinds()).Draw(t, "not fresh")
		facts.Sources = allFresh()
		full, _ := p.reading(standAt(p, facts, end), 0, facts.trustOn(end))
		if full.card < 0 || full.known != sufficient {
			return
		}
		since := end - int64(rapid.IntRange(1, 60).Draw(t, "days without"))*day
		var heard []canon.Event
		for _, e := range facts.Events {
			if e.OccurredAt.UnixMicro() <= since || !isOf(e.Type, kind) {
				heard = append(heard, e)
			}
		}
		facts.Events = heard
		facts.Sources[kind] = false
		facts.Trusted = map[canon.Kind]time.Time{kind: time.UnixMicro(since)}
		part, _ := p.reading(standAt(p, facts, end), 0, facts.trustOn(end))
		if part.card < 0 || part.known == insufficient {
			return // the stage itself, or the rest, is not known then
		}
		if full.value < part.low-1e-9 || full.value > part.high+1e-9 {
			t.Fatalf("without %s the score lies from %v to %v, but it is %v", kind, part.low, part.high, full.value)
		}
	})
}

// isOf says whether events of the type tell of the kind.
func isOf(typ string, kind canon.Kind) bool {
	p, err := parsePattern(typ)
	return err == nil && len(p.kinds) == 1 && p.kinds[0] == kind
}

// From the moment on at which no source is fresh any more, no band changes: not by silence and not by time.
func TestNoSourceNoNewBand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genCard(t, "weighted", "all_or_none", "all_or_none\n    graded: true", "side_by_side").parsed(t)
		facts := genFacts(t)
		facts.Sources = allFresh()
		lost := genNear(t, facts.Events)
		lost = time.UnixMicro(floorDay(lost.UnixMicro()) + day - 1).UTC()
		facts.Events = upTo(facts.Events, lost)
		before := p.Assess(facts, lost).Assessment.Health
		facts.Trusted = map[canon.Kind]time.Time{}
		for _, k := range canon.Kinds() {
			facts.Sources[k], facts.Trusted[k] = false, lost
		}
		later := lost.AddDate(0, 0, rapid.IntRange(1, 500).Draw(t, "days later"))
		after := p.Assess(facts, later).Assessment.Health
		if before.Band != after.Band {
			t.Fatalf("the band was %s and is %s, only because nothing is told", before.Band, after.Band)
		}
	})
}

func TestNothingToldIsInsufficient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genCard(t, "weighted", "all_or_none", "side_by_side").parsed(t)
		facts := genFacts(t)
		facts.Sources = nil
		s := p.Assess(facts, genNow(t, "now")).Assessment.Health
		if s.Value != nil || s.Band != bandUnknown || s.Coverage != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

// An override stands in the place of the answer while it holds, with the answer beside it, and leaves no trace.
func TestOverrideComesAndGoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genCard(t, "weighted", "all_or_none", "side_by_side").parsed(t)
		facts, now := genFacts(t), genNow(t, "now")
		plain := p.Assess(facts, now).Assessment
		field := rapid.SampledFrom([]string{"health.band", "health.value"}).Draw(t, "field")
		value := map[string]string{"health.band": "red", "health.value": "12.5"}[field]
		from := now.Add(time.Duration(rapid.IntRange(-9, 9).Draw(t, "from")) * sixHours)
		until := from.Add(time.Duration(rapid.IntRange(1, 18).Draw(t, "for")) * sixHours)
		o := canon.Override{ID: "ov_1", Field: field, Value: value, From: from, Until: until, RecordedAt: from}
		if rapid.Bool().Draw(t, "revoked") {
			o.RevokedAt = from.Add(time.Duration(rapid.IntRange(0, 18).Draw(t, "revoked at")) * sixHours)
		}
		facts.Overrides = []canon.Override{o}
		a := p.Assess(facts, now).Assessment
		holds := !from.After(now) && until.After(now) && (o.RevokedAt.IsZero() || o.RevokedAt.After(now))
		if !holds {
			a.NextAt = plain.NextAt
			a.Overrides = nil
			if diff := cmp.Diff(plain, a); diff != "" {
				t.Fatalf("an override that does not hold left a trace (-without +with):\n%s", diff)
			}
			return
		}
		if a.Health.Computed == nil || a.Health.Band != "red" || a.Health.Computed.Band != plain.Health.Band || !cmp.Equal(a.Health.Computed.Value, plain.Health.Value) {
			t.Fatalf("%+v", a.Health)
		}
		ends := until
		if !o.RevokedAt.IsZero() && o.RevokedAt.Before(ends) {
			ends = o.RevokedAt
		}
		if a.NextAt.IsZero() || a.NextAt.After(ends) {
			t.Fatalf("the override ends at %v, but the answer is good until %v", ends, a.NextAt)
		}
	})
}

// A card as its spec says, for laws of bands alone.
func genBands(t *rapid.T) *scoreSet {
	low := rapid.IntRange(10, 45).Draw(t, "yellow")
	high := rapid.IntRange(55, 90).Draw(t, "green")
	c := &scorecard{name: "health", confirm: int16(rapid.IntRange(1, 4).Draw(t, "confirm"))}
	c.cuts[0] = cut{float64(low), float64(low + rapid.IntRange(0, 5).Draw(t, "room")), float64(low)}
	c.cuts[1] = cut{float64(high), float64(high + rapid.IntRange(0, 5).Draw(t, "room above")), float64(high)}
	return &scoreSet{name: "health", cards: []*scorecard{c, {name: "health", key: "other", confirm: 1, cuts: c.cuts}}}
}

func genReading(t *rapid.T) reading {
	v := float64(rapid.IntRange(0, 200).Draw(t, "value")) / 2
	r := reading{card: int8(rapid.SampledFrom([]int{0, 0, 0, 0, 1, -1}).Draw(t, "card")), known: sufficient, value: v, low: v, high: v}
	switch rapid.IntRange(0, 9).Draw(t, "known") {
	case 0:
		r.known = insufficient
	case 1, 2:
		r.known = heldBack
		r.low, r.high = max(0, v-30), min(100, v+30)
	case 3:
		r.capped = true
	}
	return r
}

// The same reading for several days is as many readings.
func TestRepeatIsManySteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := genBands(t)
		var a, b latch
		midnight := int64(0)
		for range rapid.IntRange(1, 20).Draw(t, "readings") {
			r, days := genReading(t), int64(rapid.IntRange(0, 12).Draw(t, "days"))
			for i := range days {
				a = set.step(a, r, midnight+i*day)
			}
			b = set.repeat(b, r, midnight, days)
			midnight += days * day
			if a != b {
				t.Fatalf("steps come to %+v, their repetition to %+v", a, b)
			}
		}
	})
}

// Between where a band is entered and where it is left, nothing changes it.
func TestTheDeadZoneNeverFlips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := genBands(t)
		edge := rapid.IntRange(0, 1).Draw(t, "edge")
		c := set.cards[0].cuts[edge]
		band := redBand + int8(edge) + int8(rapid.IntRange(0, 1).Draw(t, "side"))
		l := latch{card: 1, band: band}
		for i := range rapid.IntRange(1, 30).Draw(t, "days") {
			v := rapid.Float64Range(c.down, max(c.down, c.up-1e-6)).Draw(t, "value")
			if c.down == c.up {
				return
			}
			l = set.step(l, reading{known: sufficient, value: v, low: v, high: v}, int64(i)*day)
			if l.band != band {
				t.Fatalf("%v within [%v, %v) changed %s to %s", v, c.down, c.up, bandName(band), bandName(l.band))
			}
		}
	})
}

// A score that crosses an edge again and again, but stays in the room around it, tells so once.
func TestFlappingTellsOnce(t *testing.T) {
	set := &scoreSet{cards: []*scorecard{{confirm: 1, cuts: [2]cut{{40, 45, 40}, {70, 70, 70}}}}}
	var l latch
	changes := -1
	for i, v := range []float64{60, 41, 39, 41, 44.9, 39, 42, 44, 39, 44} {
		before := l.band
		l = set.step(l, reading{known: sufficient, value: v, low: v, high: v}, int64(i)*day)
		if l.band != before {
			changes++
		}
	}
	if changes != 1 || l.band != redBand {
		t.Fatalf("%d changes, ends %s", changes, bandName(l.band))
	}
}

// Numbers alone cost no memory.
func TestReadingAllocatesNothing(t *testing.T) {
	p, facts := Default(), customerOf(200)
	end := floorDay(epoch.AddDate(0, 0, 900).UnixMicro()) + day - 1
	f := standAt(p, facts, end)
	trusted := facts.trustOn(end)
	for i, set := range p.scores {
		if n := testing.AllocsPerRun(20, func() { p.reading(f, i, trusted) }); n > 0 {
			t.Errorf("a reading of %s allocates %v times", set.name, n)
		}
	}
}

func BenchmarkReading(b *testing.B) {
	p, facts := Default(), customerOf(200)
	end := floorDay(epoch.AddDate(0, 0, 900).UnixMicro()) + day - 1
	f := standAt(p, facts, end)
	trusted := facts.trustOn(end)
	for i, set := range p.scores {
		b.Run(fmt.Sprint(set.name), func(b *testing.B) {
			for b.Loop() {
				p.reading(f, i, trusted)
			}
		})
	}
}
