package lifecycle

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// oneStage is a policy of one stage with the scorecards.
func oneStage(t *testing.T, scorecards string) *Policy {
	t.Helper()
	p, err := Parse("small.yaml", []byte("policy: small\nversion: 1.0.0\nstages:\n  - {key: a, customer: true, enter: [{from: start, when: 'exists(\"*\")', reason: Seen}]}\n"+scorecards))
	if err != nil {
		var list Complaints
		errors.As(err, &list)
		t.Fatal(list)
	}
	return p
}

func assessedOn(t *testing.T, p *Policy, date, events string, change func(*Facts)) canon.Assessment {
	t.Helper()
	facts := Facts{Customer: "cus_1", Type: "company", Events: readEvents(t, events), Sources: allFresh()}
	if change != nil {
		change(&facts)
	}
	return p.Assess(facts, moment(t, date)).Assessment
}

// inShort is a score with its measures.
func inShort(s canon.Score) string {
	value := "–"
	if s.Value != nil {
		value = decimal(*s.Value)
	}
	var rows []string
	for _, c := range s.Contributions {
		rows = append(rows, fmt.Sprintf("%s:%s/%s/%s", c.Measure, c.Band, decimal(c.Points), decimal(c.PointsLost)))
	}
	return fmt.Sprintf("%s %s %s", value, s.Band, strings.Join(rows, " "))
}

const allOrNoneCard = `
scorecards:
  - name: health
    intent: any
    outcome: any
    method: all_or_none
    graded: %s
    groups:
      - key: g
        weight: 100
        measures:
          - {key: use, weight: 40, value: 'days_since("usage.*")', curve: {linear: {worst: 40, best: 0}}}
          - {key: nps, weight: 30, required: false, value: 'last_value("survey.nps")', curve: {linear: {worst: 0, best: 10}}}
          - {key: late, weight: 30, value: 'overdue_invoices()', curve: {bands: [{up_to: 0, worth: 100}, {worth: 0}]}}
`

// All measures good is well; one that is not makes the rest not count; one that is required and not known makes the
// answer unknown, and never good.
func TestAllOrNone(t *testing.T) {
	strict, graded := oneStage(t, fmt.Sprintf(allOrNoneCard, "false")), oneStage(t, fmt.Sprintf(allOrNoneCard, "true"))
	for _, c := range []struct{ name, events, strict, graded string }{
		{"all good", "2024-05-01 usage.recorded u\n2024-05-01 survey.nps n value=9", "100 green use:good/33.33/0 nps:good/33.33/0 late:good/33.33/0", "100 green use:good/33.33/0 nps:good/33.33/0 late:good/33.33/0"},
		{"one fair", "2024-04-10 usage.recorded u\n2024-05-01 survey.nps n value=9", "0 red use:fair/0/100 nps:good/0/0 late:good/0/0", "50 yellow use:fair/50/50 nps:good/0/0 late:good/0/0"},
		{"one poor", "2024-04-10 usage.recorded u\n2024-05-01 invoice.overdue i", "0 red use:fair/0/50 nps:/0/0 late:poor/0/50", "0 red use:fair/0/0 nps:/0/0 late:poor/0/100"},
		{"one not required and not known", "2024-05-01 usage.recorded u", "100 green use:good/50/0 nps:/0/0 late:good/50/0", "100 green use:good/50/0 nps:/0/0 late:good/50/0"},
		{"one required and not known", "2024-05-01 survey.nps n value=9", "– unknown use:/0/0 nps:good/0/0 late:good/0/0", "– unknown use:/0/0 nps:good/0/0 late:good/0/0"},
	} {
		if got := inShort(assessedOn(t, strict, "2024-05-02", c.events, nil).Health); got != c.strict {
			t.Errorf("%s: %s, want %s", c.name, got, c.strict)
		}
		if got := inShort(assessedOn(t, graded, "2024-05-02", c.events, nil).Health); got != c.graded {
			t.Errorf("%s, graded: %s, want %s", c.name, got, c.graded)
		}
	}
}

func TestSideBySide(t *testing.T) {
	p := oneStage(t, `
scorecards:
  - name: health
    intent: any
    outcome: any
    method: side_by_side
    groups:
      - {key: usage, weight: 50, measures: [{key: use, weight: 100, value: 'days_since("usage.*")', curve: {linear: {worst: 40, best: 0}}}]}
      - {key: sentiment, weight: 50, measures: [{key: nps, weight: 100, value: 'last_value("survey.nps")', curve: {linear: {worst: 0, best: 10}}}]}
    table:
      - {when: {usage: red, sentiment: green}, verdict: quiet_quit, band: yellow, reason: They like it and do not use it}
      - {when: {sentiment: [yellow, green]}, verdict: fine, band: green, reason: They like it}
`)
	for _, c := range []struct{ name, events, band, verdict string }{
		{"a row of the table", "2024-03-01 usage.recorded u\n2024-05-01 survey.nps n value=9", "yellow", "quiet_quit"},
		{"another", "2024-05-01 usage.recorded u\n2024-05-01 survey.nps n value=9", "green", "fine"},
		{"none: the worst", "2024-05-01 usage.recorded u\n2024-05-01 survey.nps n value=2", "red", ""},
		{"one not known", "2024-05-01 usage.recorded u", "green", ""},
		{"nothing known", "2024-05-01 touch.call c", "unknown", ""},
	} {
		s := assessedOn(t, p, "2024-05-02", c.events, nil).Health
		if s.Value != nil || s.Band != c.band || s.Verdict != c.verdict || len(s.Groups) != 2 {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

const capped = `
scorecards:
  - name: health
    intent: any
    outcome: any
    confirm: 3
    bands: {red: {below: 50, leaves_at: 55}, green: {from: 80}}
    groups:
      - {key: g, weight: 100, measures: [{key: use, weight: 100, value: 'active_days("usage.*", 10)', curve: {linear: {worst: 0, best: 5}}}]}
    caps:
      - {key: left, max: 30, when: 'exists("person.archived")', after: person.archived, for: 10d, reason: A person left}
      - {key: audit, max: 60, when: 'exists("*")', until: 2024-03-01, reason: An audit runs}
`

// A cap acts at once although a band takes three days otherwise, and ends by itself.
func TestCapsActAtOnceAndLapse(t *testing.T) {
	p := oneStage(t, capped)
	events := ""
	for d := range 31 {
		events += fmt.Sprintf("2024-05-%02d usage.recorded u%d\n", d+1, d)
	}
	events += "2024-05-15T09:00 person.archived c"
	for _, c := range []struct{ date, band, until, next string }{
		{"2024-05-14T12:00", "green", "", "2024-05-15"},
		{"2024-05-15T12:00", "red", "2024-05-25", "2024-05-25"},
		{"2024-05-24T12:00", "red", "2024-05-25", "2024-05-25"},
		// Upwards it takes three readings, of which today's is the first.
		{"2024-05-25T12:00", "red", "", "2024-05-26"},
		{"2024-05-26T12:00", "red", "", "2024-05-27"},
		{"2024-05-27T12:00", "green", "", "2024-05-28"},
	} {
		a := assessedOn(t, p, c.date, events, nil)
		until := ""
		for _, one := range a.Health.Caps {
			until = one.Until.Format(time.DateOnly)
		}
		if a.Health.Band != c.band || until != c.until || a.NextAt.Format(time.DateOnly) > c.next {
			t.Errorf("%s: %s until %q, next %v, want %s until %q, next %s", c.date, a.Health.Band, until, a.NextAt, c.band, c.until, c.next)
		}
	}
	early := assessedOn(t, p, "2024-02-20", "2024-02-16 usage.recorded u\n2024-02-17 usage.recorded v\n2024-02-18 usage.recorded w\n2024-02-19 usage.recorded x\n2024-02-20 usage.recorded y", nil)
	if *early.Health.Value != 60 || *early.Health.Raw != 100 || early.Health.Caps[0].Name != "audit" {
		t.Errorf("%+v", early.Health)
	}
}

// A value that is too old weighs half or nothing, what is not meant for the customer does not count, and what nobody
// delivers is left out but shows in the coverage.
func TestAgeEntitlementAndCoverage(t *testing.T) {
	p := oneStage(t, `
scorecards:
  - name: health
    intent: any
    outcome: any
    sufficiency: 0.4
    redistribute_up_to: 0.5
    groups:
      - key: g
        weight: 100
        measures:
          - {key: nps, weight: 40, value: 'last_value("survey.nps")', max_age: 30d, stale: half, curve: {linear: {worst: 0, best: 10}}}
          - {key: csat, weight: 20, value: 'last_value("survey.csat")', max_age: 30d, curve: {linear: {worst: 1, best: 5}}}
          - {key: late, weight: 20, value: 'overdue_invoices()', only_if: 'exists("invoice.*")', curve: {bands: [{up_to: 0, worth: 100}, {worth: 0}]}}
          - {key: sources, weight: 20, sources: {fresh: [survey, usage, invoice]}, curve: {linear: {worst: 0, best: 1}}}
`)
	events := "2024-05-01 survey.nps n value=10\n2024-05-01 survey.csat c value=1"
	only := func(f *Facts) { f.Sources = canon.Sources{canon.KindSurvey: true, canon.KindInvoice: false} }
	for _, c := range []struct {
		date, want string
		change     func(*Facts)
		coverage   float64
	}{
		{"2024-05-31", "75 green nps:good/50/0 csat:poor/0/25 late:/0/0 sources:good/25/0", nil, 1},
		{"2024-06-01", "100 green nps:good/50/0 csat:/0/0 late:/0/0 sources:good/50/0", nil, 0.75},
		// Of two kinds that are delivered one is fresh. The invoices of a source that is not fresh count as not known.
		{"2024-05-31", "62.5 yellow nps:good/50/0 csat:poor/0/25 late:/0/0 sources:fair/12.5/12.5", only, 0.8},
	} {
		s := assessedOn(t, p, c.date, events, c.change).Health
		if got := inShort(s); got != c.want || math.Abs(s.Coverage-c.coverage) > 1e-9 {
			t.Errorf("%s: %s coverage %v, want %s coverage %v", c.date, got, s.Coverage, c.want, c.coverage)
		}
	}
}

// The first card whose rule holds applies, and the last one to everybody else. With the card the question changes, and
// the band begins anew.
func TestTheFirstCardThatAppliesIsTaken(t *testing.T) {
	p := oneStage(t, `
scorecards:
  - name: health
    card: young
    version: 2.1.0
    intent: any
    outcome: any
    for: tenure_days() < 30
    groups:
      - {key: g, weight: 100, measures: [{key: touch, weight: 100, value: 'days_since("touch.*")', curve: {linear: {worst: 40, best: 0}}}]}
  - name: health
    intent: any
    outcome: any
    groups:
      - {key: g, weight: 100, measures: [{key: use, weight: 100, value: 'days_since("usage.*")', curve: {linear: {worst: 40, best: 0}}}]}
`)
	events := "2024-01-01 usage.recorded u\n2024-01-01 touch.call c\n2024-01-20 touch.call d"
	young, old := assessedOn(t, p, "2024-01-30T12:00", events, nil), assessedOn(t, p, "2024-01-31T12:00", events, nil)
	if young.Health.Version != "health@2.1.0" || young.Health.Card != "young" || young.Health.Band != "green" || young.NextAt.Format(time.DateOnly) != "2024-01-31" {
		t.Errorf("%+v", young)
	}
	if old.Health.Version != "health@1.0.0" || old.Health.Card != "health" || old.Health.Band != "red" || old.Health.BandSince.Format(time.DateOnly) != "2024-01-31" {
		t.Errorf("%+v", old.Health)
	}
}

func TestPercentileOfACohort(t *testing.T) {
	p := oneStage(t, `
metrics:
  - {key: calls, title: Calls, of: count, events: touch.call, window: 30d}
scorecards:
  - name: health
    intent: any
    outcome: any
    groups:
      - {key: g, weight: 100, measures: [{key: calls, weight: 100, value: 'metric("calls")', curve: {percentile: {best: high}}}]}
`)
	if got := p.Percentiles(); len(got) != 1 || got[0] != "calls" {
		t.Fatalf("cohorts of %v", got)
	}
	cohort := make([]float64, 101)
	for i := range cohort {
		cohort[i] = float64(i) / 10
	}
	events := "2024-05-01 touch.call a\n2024-05-01 touch.call b\n2024-05-01 touch.call c"
	s := assessedOn(t, p, "2024-05-02", events, func(f *Facts) { f.Cohorts = map[string][]float64{"calls": cohort} }).Health
	if s.Value == nil || math.Abs(*s.Value-30) > 1e-9 {
		t.Errorf("%+v", s)
	}
	if s := assessedOn(t, p, "2024-05-02", events, nil).Health; s.Value != nil || s.Band != bandUnknown {
		t.Errorf("without a cohort: %+v", s)
	}
}

// A trend of too little is no trend.
func TestTrendNeedsABaseline(t *testing.T) {
	p := oneStage(t, `
scorecards:
  - name: health
    intent: any
    outcome: any
    groups:
      - {key: g, weight: 100, measures: [{key: trend, weight: 100, value: 'trend("usage.*", 10, 20)', curve: {trend: {worst: 0.5, best: 2, baseline: 3}}}]}
`)
	base := "2024-01-01 usage.recorded a value=1\n2024-01-12 usage.recorded b value=1\n2024-01-31 usage.recorded z value=1\n"
	if s := assessedOn(t, p, "2024-01-31", base, nil).Health; s.Value != nil {
		t.Errorf("of one event before: %+v", s)
	}
	s := assessedOn(t, p, "2024-01-31", base+"2024-01-13 usage.recorded c value=0\n2024-01-14 usage.recorded d value=1\n2024-01-15 usage.recorded e value=0", nil).Health
	// Twice in 20 days, once in 10: nothing has changed, which is half the way from half to twice as much.
	if s.Value == nil || math.Abs(*s.Value-50) > 1e-9 {
		t.Errorf("%+v", s)
	}
}

// The verdict is the first whose rule holds.
func TestVerdicts(t *testing.T) {
	p := oneStage(t, `
scorecards:
  - name: health
    intent: any
    outcome: any
    groups:
      - {key: g, weight: 100, measures: [{key: use, weight: 100, value: 'days_since("usage.*")', curve: {linear: {worst: 40, best: 0}}}]}
verdicts:
  - {key: at_risk, when: 'band("health") == "red"', reason: 'Health is at {score("health")}'}
  - {key: settled, when: 'days_in_stage() >= 10 and stage() in ["a"]', reason: 'Here for {days_in_stage()} days'}
  - {key: here, when: 'cycle() == 1'}
`)
	for date, want := range map[string]string{
		"2024-01-05": "here: here", "2024-01-11": "settled: Here for 10 days", "2024-01-31": "at_risk: Health is at 25", "2024-01-10T12:00": "here: here",
	} {
		a := assessedOn(t, p, date, "2024-01-01 usage.recorded u", nil)
		if got := a.Verdict + ": " + a.VerdictReason; got != want {
			t.Errorf("%s: %q, want %q", date, got, want)
		}
		if date == "2024-01-10T12:00" && a.NextAt.After(moment(t, "2024-01-11")) {
			t.Errorf("the next answer is due at %v", a.NextAt)
		}
	}
	if got := p.Verdicts(); len(got) != 3 || got[0].Key != "at_risk" {
		t.Errorf("%v", got)
	}
}
