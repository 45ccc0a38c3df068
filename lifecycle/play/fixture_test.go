package play_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/lifecycle/play"
)

// head is a policy with a stage graph and a score; plays and what belongs to them are added by the tests.
const head = `policy: small
version: 1.0.0
metrics:
  - {key: overdue_days, title: Overdue, of: expression, value: overdue_days()}
  - {key: seats_used, title: Seats used, of: count, events: contact.created}
stages:
  - key: reach
    enter:
      - {from: start, when: exists("*"), reason: Seen}
  - key: customer
    customer: true
    enter:
      - {from: reach, when: exists("invoice.paid"), reason: Paid}
  - key: loyal
    customer: true
    enter:
      - {from: customer, when: exists("survey.nps"), reason: Answered}
flags:
  - {key: overdue, when: overdue_days() > 3}
scorecards:
  - name: health
    intent: Are they well?
    outcome: They stay.
    groups:
      - key: usage
        weight: 60
        measures:
          - {key: recency, weight: 100, value: days_since("usage.*"), curve: {linear: {worst: 45, best: 3}}}
      - key: money
        weight: 40
        measures:
          - {key: late, weight: 100, value: overdue_invoices(), curve: {bands: [{up_to: 0, worth: 100}, {worth: 0}]}}
segments:
  - {key: ailing, when: band("health") == "red"}
`

// policy parses the head with plays. A text without plays: is a list of plays.
func policy(t interface {
	Helper()
	Fatal(...any)
}, text string) *lifecycle.Policy {
	t.Helper()
	if !strings.Contains(text, "plays:") {
		text = "plays:\n" + text
	}
	p, err := lifecycle.Parse("test.yaml", []byte(head+text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// at is so many days after the first noon.
func at(days float64) time.Time { return noon.Add(time.Duration(days * 24 * float64(time.Hour))) }

// person is a customer who is taken from moment to moment.
type person struct {
	p     *lifecycle.Policy
	state play.State
	last  *canon.Assessment
	log   []canon.Firing
	next  time.Time
	with  func(*play.Moment)
}

func newPerson(p *lifecycle.Policy, first canon.Assessment) *person {
	c := &person{p: p}
	first.Customer, first.Policy = "cus_1", p.Name()
	c.last = &first
	return c
}

// assessment is one with a health, in a stage.
func assessment(when time.Time, health float64, more ...func(*canon.Assessment)) canon.Assessment {
	a := canon.Assessment{At: when, Stage: "customer", StageSince: noon.AddDate(-1, 0, 0), Cycle: 1, Metrics: map[string]float64{},
		Health: canon.Score{Name: "health", Value: &health, Band: band(health), BandSince: when}}
	for _, m := range more {
		m(&a)
	}
	return a
}

func band(v float64) string {
	switch {
	case v < 40:
		return "red"
	case v < 70:
		return "yellow"
	}
	return "green"
}

func metric(key string, v float64) func(*canon.Assessment) {
	return func(a *canon.Assessment) { a.Metrics[key] = v }
}

func segment(keys ...string) func(*canon.Assessment) {
	return func(a *canon.Assessment) { a.Segments = keys }
}

// to takes the customer to an assessment, and through what is due on the way.
func (c *person) to(a canon.Assessment, events ...canon.Event) []canon.Firing {
	a.Customer, a.Policy = "cus_1", c.p.Name()
	m := play.Moment{Before: c.last, After: &a, Events: events}
	if c.with != nil {
		c.with(&m)
	}
	var fs []canon.Firing
	c.state, fs, c.next = play.Step(c.p, c.state, m)
	c.last = &a
	c.log = append(c.log, fs...)
	return fs
}

// outcomes writes firings in short: play, and the guard or fired.
func outcomes(fs []canon.Firing) string {
	var out []string
	for _, f := range fs {
		word := "fired"
		switch {
		case f.Suppressed != "":
			word = f.Suppressed
		case f.Holdout:
			word = "holdout"
		}
		out = append(out, f.Play+":"+word)
	}
	return strings.Join(out, " ")
}

func (c *person) want(t *testing.T, what string, fs []canon.Firing, want string) {
	t.Helper()
	if got := outcomes(fs); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
