package play_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/lifecycle/play"
)

// lawful is a policy with a play of every kind of trigger and guard.
const lawful = `play_rules:
  holdout: 0
  flaps: {crossings: 5, within: 10d}
  categories:
    - {key: commercial}
    - {key: risk, cooldown: 2d}
    - {key: expansion}
  blackouts:
    - {key: owing, title: an invoice is overdue, when: metric("overdue_days") > 20, after: 36h}
plays:
  - {key: below, category: risk, trigger: {crosses_below: {score: health, value: 50, rearm: 58}}, for: 24h, guards: {cooldown: 3d}}
  - {key: readings, category: risk, trigger: {band: {score: health, to: red}}, consecutive: 3}
  - {key: drop, category: risk, trigger: {drops_by: {score: health, by: 20, within: 5d}}, guards: {defer: 4d}}
  - {key: rise, category: expansion, trigger: {rises_by: {score: health, by: 20, within: 3d}}, guards: {blackouts: ["*"], defer: 6d}}
  - {key: member, category: expansion, trigger: {enters: {segment: ailing}}, guards: {max: {times: 2, per: 20d}}}
  - {key: gone, category: expansion, trigger: {leaves: {segment: ailing}}, for: 12h, guards: {exclusive: false}}
  - {key: loyal, category: expansion, trigger: {enters: {stage: loyal}}, guards: {reentry: cycle}}
  - {key: dun, category: commercial, trigger: {event: {of: invoice.overdue, delay: [1d, 5d], cancelled_by: invoice.paid}}, guards: {exclusive: false}}
  - {key: renew, category: commercial, trigger: {before: {event: subscription.renewed, data: renews_at, days: [9, 3]}}}
  - {key: rule, category: risk, trigger: {rule: metric("overdue_days") > 10}, when: score("health") < 80, guards: {defer: 3d}}
`

// life is a customer's life: what they are from a moment on with time alone, and what happens to them.
type life struct {
	turns  []turn
	events []happening
}

type turn struct {
	at time.Time
	a  canon.Assessment
}

type happening struct {
	at     time.Time
	events []canon.Event
}

const span = 40 // days

func lives() *rapid.Generator[life] {
	return rapid.Custom(func(t *rapid.T) life {
		var l life
		// Turns lie on whole even hours, what happens on odd ones: what a tick can stand for is at most an hour old.
		hours := rapid.SliceOfNDistinct(rapid.IntRange(1, span*12), 1, 25, rapid.ID[int]).Draw(t, "turns")
		slices.Sort(hours)
		stage, since := "customer", noon.AddDate(-1, 0, 0)
		since0, was := noon, "yellow"
		for _, h := range append([]int{0}, hours...) {
			when := noon.Add(time.Duration(2*h) * time.Hour)
			health := float64(rapid.IntRange(0, 20).Draw(t, "health")) * 5
			overdue := float64(rapid.IntRange(0, 3).Draw(t, "overdue")) * 10
			if s := rapid.SampledFrom([]string{"customer", "customer", "loyal"}).Draw(t, "stage"); s != stage {
				stage, since = s, when
			}
			if band(health) != was {
				was, since0 = band(health), when
			}
			a := assessment(when, health, metric("overdue_days", overdue))
			a.Stage, a.StageSince, a.Health.BandSince = stage, since, since0
			if was == "red" {
				a.Segments = []string{"ailing"}
			}
			if rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
				a.Health, a.Segments = canon.Score{Name: "health", Band: "unknown"}, nil
			}
			a.Customer, a.Policy = "cus_1", "small@1.0.0"
			l.turns = append(l.turns, turn{when, a})
		}
		for i, h := range rapid.SliceOfNDistinct(rapid.IntRange(1, span*12), 0, 10, rapid.ID[int]).Draw(t, "events") {
			when := noon.Add(time.Duration(2*h)*time.Hour + time.Hour)
			id := string(rune('a' + i))
			e := event(id, rapid.SampledFrom([]string{"invoice.overdue", "invoice.paid", "subscription.renewed"}).Draw(t, "type"), when,
				map[string]any{"renews_at": when.AddDate(0, 0, rapid.IntRange(2, 20).Draw(t, "days")).Format("2006-01-02")})
			e.Ref.ID = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "invoice")
			l.events = append(l.events, happening{when, []canon.Event{e}})
		}
		slices.SortFunc(l.events, func(a, b happening) int { return a.at.Compare(b.at) })
		return l
	})
}

// look is what the customer is at a moment.
func (l life) look(when time.Time) canon.Assessment {
	i := 0
	for i+1 < len(l.turns) && !l.turns[i+1].at.After(when) {
		i++
	}
	a := l.turns[i].a
	a.At, a.NextAt = when, time.Time{}
	if i+1 < len(l.turns) {
		a.NextAt = l.turns[i+1].at
	}
	return a
}

// live takes the customer through their life, looking at them at the ticks and whenever something happens, and returns
// the log.
func (l life) live(p *lifecycle.Policy, ticks []time.Time, through func(play.State) play.State) []canon.Firing {
	type stop struct {
		at     time.Time
		events []canon.Event
	}
	var stops []stop
	for _, x := range ticks {
		stops = append(stops, stop{x, nil})
	}
	for _, h := range l.events {
		stops = append(stops, stop(h))
	}
	stops = append(stops, stop{noon.AddDate(0, 0, span+2), nil})
	slices.SortStableFunc(stops, func(a, b stop) int { return a.at.Compare(b.at) })
	var state play.State
	var log []canon.Firing
	before := l.look(noon)
	for _, s := range stops {
		after := l.look(s.at)
		m := play.Moment{Before: &before, After: &after, Events: s.events}
		var fs []canon.Firing
		state, fs, _ = play.Walk(p, state, m, l.look)
		state = through(state)
		log = append(log, fs...)
		before = after
	}
	return log
}

func same(s play.State) play.State { return s }

// TestTheClockDoesNotMatter: however often the clock ticks, and when, the same comes of it.
func TestTheClockDoesNotMatter(t *testing.T) {
	p := policy(t, lawful)
	rapid.Check(t, func(t *rapid.T) {
		l := lives().Draw(t, "life")
		var exact []time.Time
		for _, x := range l.turns {
			exact = append(exact, x.at)
		}
		// What is due is looked at before it is late.
		for d := range span {
			exact = append(exact, noon.AddDate(0, 0, d))
		}
		slices.SortFunc(exact, time.Time.Compare)
		want := l.live(p, exact, same)
		var ticks []time.Time
		for d := 0; d < span+2; d += rapid.IntRange(1, 5).Draw(t, "gap") {
			ticks = append(ticks, noon.Add(time.Duration(d*1440+rapid.IntRange(0, 1439).Draw(t, "minute"))*time.Minute))
		}
		slices.SortFunc(ticks, time.Time.Compare)
		got := l.live(p, ticks, same)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("ticks at %v:\n%s", ticks, diff)
		}
	})
}

// TestRestartsDoNotMatter: a state that was stored and read again goes on as it was.
func TestRestartsDoNotMatter(t *testing.T) {
	p := policy(t, lawful)
	rapid.Check(t, func(t *rapid.T) {
		l := lives().Draw(t, "life")
		want := l.live(p, nil, same)
		got := l.live(p, nil, func(s play.State) play.State {
			back, err := play.Decode(s.Encode())
			if err != nil {
				t.Fatal(err)
			}
			return back
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestGuardsHold: whatever happens, what fired keeps to the rests and caps, ids are unique, and every outcome has words.
func TestGuardsHold(t *testing.T) {
	p := policy(t, lawful)
	rapid.Check(t, func(t *rapid.T) {
		log := lives().Draw(t, "life").live(p, nil, same)
		ids := map[string]bool{}
		last, days := map[string]time.Time{}, map[time.Time]string{}
		var members []time.Time
		for _, f := range log {
			if ids[f.ID] {
				t.Fatalf("%s stands twice in the log", f.ID)
			}
			if ids[f.ID] = true; f.Reason == "" || f.Cause.Rule == "" {
				t.Fatalf("no words: %+v", f)
			}
			if f.Suppressed != "" {
				continue
			}
			if f.Category == "risk" && !last["risk"].IsZero() && f.At.Sub(last["risk"]) < 48*time.Hour {
				t.Fatalf("%s came %v after another of its category", f.Play, f.At.Sub(last["risk"]))
			}
			if f.Play == "below" && !last["below"].IsZero() && f.At.Sub(last["below"]) < 72*time.Hour {
				t.Fatalf("came %v after it came", f.At.Sub(last["below"]))
			}
			last[f.Category], last[f.Play] = f.At, f.At
			if x, _ := p.PlayNamed(f.Play); x.Exclusive {
				d := f.At.Truncate(24 * time.Hour)
				if days[d] != "" {
					t.Fatalf("%s and %s came on %v", days[d], f.Play, d)
				}
				days[d] = f.Play
			}
			if f.Play == "member" {
				members = append(members, f.At)
				if n := len(members); n > 2 && f.At.Sub(members[n-3]) < 20*24*time.Hour {
					t.Fatalf("came three times within %v", f.At.Sub(members[n-3]))
				}
			}
		}
	})
}

// TestDitheringFiresOnce: a value that goes to and fro between the threshold and where it is armed again fires once.
func TestDitheringFiresOnce(t *testing.T) {
	p := policy(t, `  - {key: rescue, category: risk, trigger: {crosses_below: {score: health, value: 50, rearm: 58}}}`)
	rapid.Check(t, func(t *rapid.T) {
		c := newPerson(p, assessment(at(0), 80))
		c.to(assessment(at(0.5), 49))
		for i, v := range rapid.SliceOfN(rapid.Float64Range(0, 57.99), 1, 40).Draw(t, "values") {
			c.to(assessment(at(float64(i)+1), v))
		}
		if got := outcomes(c.log); got != "rescue:fired" {
			t.Fatal(got)
		}
	})
}

// TestHoldout: who is drawn never gets a play and is logged; the draw depends on seed, play and customer alone.
func TestHoldout(t *testing.T) {
	p := policy(t, `play_rules: {seed: spring, holdout: 30}
plays:
  - {key: rescue, category: risk, mode: live, trigger: {crosses_below: {score: health, value: 50}}}
  - {key: all, category: admin, mode: live, trigger: {crosses_below: {score: health, value: 50}}, guards: {holdout: 0, exclusive: false}}`)
	held, n := 0, 2000
	for i := range n {
		a, b := assessment(at(0), 80), assessment(at(1), 40)
		id := canon.ID("cus", string(rune(i)))
		a.Customer, b.Customer, a.Policy = id, id, "small@1.0.0"
		_, fs, _ := play.Step(p, play.State{}, play.Moment{Before: &a, After: &b})
		if len(fs) != 2 || fs[1].Holdout || !fs[1].Told() {
			t.Fatalf("%v", outcomes(fs))
		}
		if f := fs[0]; f.Holdout {
			if held++; f.Told() || f.Seed != "spring" {
				t.Fatalf("%+v", f)
			}
		}
		_, again, _ := play.Step(p, play.State{}, play.Moment{Before: &a, After: &b})
		if again[0].Holdout != fs[0].Holdout {
			t.Fatal("drawn anew")
		}
	}
	if share := float64(held) / float64(n); share < 0.26 || share > 0.34 {
		t.Errorf("%.3f of the customers are held out, want 0.30", share)
	}
}

// FuzzDecode: whatever is stored, reading it fails or gives a state that a step can go on from.
func FuzzDecode(f *testing.F) {
	p := policy(f, lawful)
	f.Add([]byte(`{"set":"x","at":5,"plays":{"below":{"on":true,"waiting":[{"key":"on","due":-9}]},"drop":{"readings":[{"day":-1,"most":1e300,"last":-1e300}]}}}`))
	f.Add([]byte(`{"set":"x","plays":{"renew":{"date":9223372036854775807,"base":-9223372036854775808}},"offers":[{}]}`))
	f.Fuzz(func(_ *testing.T, doc []byte) {
		s, err := play.Decode(doc)
		if err != nil {
			return
		}
		a, b := assessment(at(0), 80), assessment(at(1), 40)
		s, _, _ = play.Step(p, s, play.Moment{Before: &a, After: &b})
		s.Encode()
	})
}
