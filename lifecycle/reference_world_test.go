package lifecycle

import (
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// thing is what the events of one reference say of it, in the words of the event types.
type thing struct {
	status          string
	notice, deleted bool
	urgent          bool
	mrr             *canon.Money
	late, fell      time.Time
	told            bool // its revenue, while it ran
}

// world is what there is at a moment, by the first segment of the event types and the reference.
type world map[string]map[canon.Ref]*thing

// world replays every event by now.
func (s *scanner) world() world {
	w := world{}
	for _, e := range s.of("*", time.Time{}) {
		w.tell(e)
	}
	return w
}

func (w world) tell(e canon.Event) {
	first, what, _ := strings.Cut(e.Type, ".")
	if w[first] == nil {
		w[first] = map[canon.Ref]*thing{}
	}
	x := w[first][e.Ref]
	if x == nil {
		x = &thing{}
		w[first][e.Ref] = x
	}
	defer func() { x.told = x.told || first == "subscription" && x.runs() && x.mrr != nil }()
	if what == "deleted" || what == "restored" {
		x.deleted = what == "deleted"
		return
	}
	switch first {
	case "subscription":
		x.contract(what, e.Amount)
	case "invoice":
		switch what {
		case "issued":
			x.deleted = false
		case "overdue":
			x.late, x.fell = e.OccurredAt, e.OccurredAt
		case "reopened":
			x.late = x.fell
		case "paid", "voided", "uncollectible":
			x.late = time.Time{}
		}
	case "ticket":
		switch what {
		case "opened":
			x.status, x.deleted = "open", false
			x.urgent = x.urgent || e.Data["priority"] == "urgent"
		case "escalated":
			x.urgent = true
		case "reopened":
			x.status = "open"
		case "solved":
			x.status = "solved"
		}
	case "deal":
		switch what {
		case "created":
			x.deleted = false
			fallthrough
		case "stage_changed", "amount_changed":
			if x.status == "" {
				x.status = "open"
			}
		case "reopened":
			x.status = "open"
		case "won", "lost":
			x.status = what
		}
	}
}

func (x *thing) contract(what string, amount *canon.Money) {
	was := x.status
	switch what {
	case "trial_started":
		x.status, x.deleted = "trial", false
	case "started":
		x.status, x.deleted = "active", false
	case "resumed":
		x.status = "active"
	case "renewed":
		if was == "" || was == "past_due" {
			x.status = "active"
		}
	case "changed":
		if was == "" {
			x.status = "active"
		}
	case "trial_ended":
		if was == "trial" {
			x.status = "trial_ended"
		}
	case "past_due", "paused":
		x.status = what
	case "cancel_scheduled":
		x.notice = true
	case "cancel_revoked":
		x.notice = false
	case "ended":
		x.notice, x.status = false, "ended"
		if was == "trial" || was == "trial_ended" {
			x.status = "trial_ended"
		}
	}
	if amount != nil && (what == "started" || what == "changed" || what == "renewed" || what == "resumed") {
		x.mrr = amount
	}
}

func (x *thing) runs() bool {
	return !x.deleted && (x.status == "active" || x.status == "past_due" || x.status == "paused")
}

// counts are the answers of the functions that count what there is.
func (w world) counts() map[string]int {
	out := map[string]int{"active_subscriptions": 0, "subscriptions_ending": 0, "past_due_subscriptions": 0, "trials": 0, "open_tickets": 0,
		"open_urgent_tickets": 0, "overdue_invoices": 0, "open_deals": 0, "deals_won": 0, "deals_lost": 0}
	add := func(name string, yes bool) {
		if yes {
			out[name]++
		}
	}
	for _, x := range w["subscription"] {
		add("active_subscriptions", x.runs())
		add("subscriptions_ending", x.runs() && x.notice)
		add("past_due_subscriptions", x.runs() && x.status == "past_due")
		add("trials", !x.deleted && x.status == "trial")
	}
	for _, x := range w["ticket"] {
		add("open_tickets", !x.deleted && x.status == "open")
		add("open_urgent_tickets", !x.deleted && x.status == "open" && x.urgent)
	}
	for _, x := range w["invoice"] {
		add("overdue_invoices", !x.deleted && !x.late.IsZero())
	}
	for _, x := range w["deal"] {
		add("open_deals", !x.deleted && x.status == "open")
		add("deals_won", !x.deleted && x.status == "won")
		add("deals_lost", !x.deleted && x.status == "lost")
	}
	return out
}

func (w world) oldestOverdue() (oldest time.Time) {
	for _, x := range w["invoice"] {
		if !x.deleted && !x.late.IsZero() && (oldest.IsZero() || x.late.Before(oldest)) {
			oldest = x.late
		}
	}
	return oldest
}

// mrr is that of the largest currency.
func (w world) mrr() (float64, bool) {
	sums := map[string]int64{}
	for _, x := range w["subscription"] {
		if x.runs() && x.mrr != nil && x.status != "paused" {
			sums[x.mrr.Currency] += x.mrr.Minor
		}
	}
	best := int64(0)
	for _, v := range sums {
		best = max(best, v)
	}
	return float64(best), w.toldMRR()
}

// toldMRR says whether a contract that ran ever told its revenue.
func (w world) toldMRR() bool {
	for _, x := range w["subscription"] {
		if x.told {
			return true
		}
	}
	return false
}

// had says whether a paid contract ran at some time of the cycle.
func (s *scanner) had() bool {
	w, had := world{}, false
	for _, e := range s.of("*", time.Time{}) {
		w.tell(e)
		if e.OccurredAt.Before(s.cycleSince) || e.OccurredAt.Equal(s.cycleSince) && !s.cycleSince.IsZero() {
			had = w.counts()["active_subscriptions"] > 0
			continue
		}
		if x := w["subscription"][e.Ref]; strings.HasPrefix(e.Type, "subscription.") && !x.deleted && (x.runs() || x.status == "ended") {
			had = true
		}
	}
	return had
}

// param is a parameter's value for the customer.
func (s *scanner) param(key string) float64 {
	for _, p := range s.p.Parameters() {
		if p.Key != key {
			continue
		}
		for _, c := range p.By {
			if scannable(c.When) && s.truth(c.When) == yes {
				return c.Value
			}
		}
		return p.Value
	}
	panic("no parameter " + key)
}

// scannable says whether the scanner knows everything that a policy's rules and flags ask.
func scannable(source string) bool {
	return !strings.Contains(source, "stuck:") && !strings.Contains(source, "metric(") && !strings.Contains(source, "field(") && !strings.Contains(source, "number(")
}

// TestScanningAgrees: on random histories, looking through all events at every moment gives the same path, flags and revenue
// as the walk, and as a book that was kept while the events came in.
func TestScanningAgrees(t *testing.T) {
	policies := []*Policy{}
	for _, name := range Packs() {
		p, err := Pack(name)
		if err != nil {
			t.Fatal(err)
		}
		asks := ""
		for _, r := range p.rules {
			asks += r.when.source
		}
		if scannable(asks) {
			policies = append(policies, p)
		} else {
			t.Logf("the scanner does not know all that the rules of %s ask", name)
		}
	}
	policies = append(policies, randomPolicies(t)...)
	for _, p := range policies {
		short(p)
		roots := map[string]ast.Node{}
		t.Run(p.Name(), func(t *testing.T) {
			tried(t, 40, func(t *rapid.T) {
				facts := Facts{Customer: "cus_1", Type: rapid.SampledFrom([]string{"company", "person"}).Draw(t, "type"), Sources: allFresh()}
				facts.Events = genShort(t)
				now := epoch.Add(time.Duration(rapid.IntRange(0, 700).Draw(t, "now")) * sixHours)
				want := newScanner(p, facts)
				want.roots = roots
				want.walk(now)
				k := &keeper{t: t, p: p, facts: facts}
				half := len(facts.Events) / 2
				k.learn(facts.Events[:half], facts, now)
				for name, got := range map[string]Result{"policy": p.Assess(facts, now), "book": k.learn(facts.Events[half:], facts, now)} {
					want.agree(t, name, got)
				}
			})
		})
	}
}

// agree compares what the scanner found with an assessment.
func (s *scanner) agree(t *rapid.T, name string, got Result) {
	var path []string
	for i, e := range got.Path {
		path = append(path, e.Data["to"].(string))
		if i < len(s.entered) && !e.OccurredAt.Equal(s.entered[i]) {
			t.Fatalf("%s: step %d at %v, the scanner says %v", name, i, e.OccurredAt, s.entered[i])
		}
	}
	if diff := cmp.Diff(s.path, path); diff != "" {
		t.Fatalf("%s: path (-scanner +%s):\n%s", name, name, diff)
	}
	if got.Assessment.Cycle != s.cycle {
		t.Fatalf("%s: cycle %d, the scanner says %d", name, got.Assessment.Cycle, s.cycle)
	}
	var flags, is []string
	at := s.stage
	if at < 0 {
		at = len(s.p.stages)
	}
	beyond := map[string]bool{}
	for _, f := range s.p.flags {
		beyond[f.Key] = beyond[f.Key] || !scannable(f.when.source)
	}
	for _, f := range s.p.flags {
		known := !beyond[f.Key]
		for _, k := range f.stages {
			if k == at && known && s.truth(f.when.source) == yes {
				flags = append(flags, f.Key)
			}
		}
		for _, k := range got.Assessment.Flags {
			if k == f.Key && known {
				is = append(is, k)
			}
		}
	}
	if diff := cmp.Diff(flags, is); diff != "" {
		t.Fatalf("%s: flags (-scanner +%s):\n%s", name, name, diff)
	}
	if m, ok := s.world().mrr(); ok && (got.Assessment.MRR == nil || float64(got.Assessment.MRR.Minor) != m) {
		t.Fatalf("%s: MRR %v, the scanner says %v", name, got.Assessment.MRR, m)
	}
}

// genShort draws a short, dense history, so that scanning it over and over stays affordable.
func genShort(t *rapid.T) []canon.Event {
	events := genHistory(t)
	if len(events) > 16 {
		events = events[:16]
	}
	for i := range events {
		events[i].OccurredAt = epoch.Add(time.Duration(rapid.IntRange(0, 640).Draw(t, "when")) * sixHours)
	}
	return events
}

// randomPolicies are made of expressions of every function in turn.
func randomPolicies(t *testing.T) []*Policy {
	t.Helper()
	conditions := []string{
		`count("usage.*", 20) >= 2 and not exists("ticket.opened", 5)`, `sum("invoice.paid|deal.won", 60) > 1000`, `last_value("survey.*", 40) <= 5 or avg_value("usage.recorded", 30) > 4`,
		`active_days("*", 15) >= 2`, `trend("usage.recorded", 10, 20) < 1 or days_since("touch.*:in") >= 12`, `count_in_stage("invoice.*") >= 1 and days_in_stage() >= 3`,
		`count_in_cycle("deal.won") >= 1 or trials() > 0`, `active_subscriptions() > 0 and (mrr() ?? 1) > 0`, `had_subscription() and active_subscriptions() == 0`,
		`overdue_days() >= 9 or overdue_invoices() > 1`, `open_deals() > 0 or deals_lost() > deals_won()`, `tenure_days() >= 20 and not (open_urgent_tickets() > 0)`,
		`ratio(count("invoice.paid"), count("invoice.*")) >= 0.5`, `known(days_since("survey.nps")) and subscriptions_ending() == 0 and past_due_subscriptions() == 0`,
	}
	var out []*Policy
	for i := range 6 {
		at := func(k int) string { return conditions[(i*5+k*3)%len(conditions)] }
		src := strings.NewReplacer("@0", at(0), "@1", at(1), "@2", at(2), "@3", at(3), "@4", at(4), "@5", at(5), "NAME", "random-"+string(rune('a'+i))).Replace(scanPolicy)
		p, err := Parse("random.yaml", []byte(src))
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		out = append(out, p)
	}
	return out
}

// scanPolicy is what the random policies have in common.
const scanPolicy = `policy: NAME
version: 1.0.0
stages:
  - key: a
    enter:
      - {from: start, when: 'exists("*")', reason: seen}
      - {from: [b, c], when: '@0', reason: back, for: 2d, allow_backward: true}
  - key: b
    customer: true
    enter:
      - {from: [a, d], when: '@1', reason: b, precedence: 2}
      - {from: c, when: '@2', reason: b, for: 12h, allow_backward: true}
  - key: c
    customer: true
    enter:
      - {from: [a, b], when: '@3', reason: c, precedence: 1}
      - {from: b, when: '@4', reason: c, cycle: next}
  - key: d
    exit: true
    enter:
      - {from: [a, b, c], when: '@5', reason: d, for: 1d}
flags:
  - {key: f, when: '@2 or @4'}
  - {key: g, stages: [b, c], when: 'not (@1)'}
scorecards:
  - name: health
    intent: Whether a test finds a fault.
    outcome: They stay.
    applies_to: [b, c]
    bands: {green: 60, yellow: 30}
    groups:
      - key: one
        weight: 100
        measures:
          - {key: use, value: 'count("usage.*", 30)', weight: 100, missing: zero, curve: {linear: {worst: 0, best: 5}}, reason: use}
`
