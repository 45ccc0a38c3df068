package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// flagUnconfirmed marks a stage that rests on the silence of a source which cannot be trusted now.
const flagUnconfirmed = "stage_unconfirmed"

// Facts are what an assessment rests on.
type Facts struct {
	Customer string
	// Type is "company" or "person".
	Type string
	// Events are the customer's live events in any order. Results of earlier assessments (stage.*,
	// score.*) and what occurred after now are left aside.
	Events  []canon.Event
	Sources canon.Sources
	// Fields are those of the golden record, by name.
	Fields map[string]string
	// Trusted tells, per kind that is not fresh, until when what is known of it is complete.
	Trusted map[canon.Kind]time.Time
	// Since is when the readings begin of which bands are made; zero is the first event.
	Since time.Time
	// Overrides are what people said against computed answers.
	Overrides []canon.Override
	// Cohorts holds, per metric, the values at its 0th to 100th percentile among all customers.
	Cohorts map[string][]float64
}

// Result is an assessment with the way there.
type Result struct {
	Assessment canon.Assessment
	// Path is every stage.changed event of the customer's history up to now, oldest first. It depends on
	// the events alone: a later assessment of the same history has the same path as its beginning.
	Path []canon.Event
}

// Assess folds the policy over the facts. It is a pure function: neither the order of the events nor
// earlier assessments matter, and RecordedAt is left to the caller. Moments are cut to microseconds.
func (p *Policy) Assess(facts Facts, now time.Time) Result {
	t := now.UnixMicro()
	f := &frame{ledger: p.ledger(), state: newState(), customerType: facts.Type}
	f.ledger.extend(entriesOf(facts.Events, t))
	w := newWalker(p, f, facts.Customer)
	w.read = p.newReadings(facts)
	w.facts(facts)
	w.run(always, t)
	return w.conclude(facts, t)
}

// facts tells the walk what it may ask for besides events.
func (w *walker) facts(facts Facts) {
	w.frame.customerType = facts.Type
	w.frame.fields, w.frame.cohorts = facts.Fields, facts.Cohorts
	if w.read != nil {
		w.read.facts = &facts
	}
}

// conclude tells where the walk has come to by t.
func (w *walker) conclude(facts Facts, t int64) Result {
	p, f := w.policy, w.frame
	a := canon.Assessment{
		Customer: facts.Customer, At: time.UnixMicro(t).UTC(), Policy: p.Name(),
		Stage: f.stage, Cycle: f.cycle, MRR: f.state.recurring(),
	}
	if w.last.rule != nil {
		a.StageLabel = p.stages[w.stage].Label
		a.StageSince = time.UnixMicro(f.since).UTC()
		a.StageReason, a.StageEvidence = w.last.reason, w.last.evidence
		if note := distrust(w.last.rule.needs, facts.Sources); note != "" {
			a.Flags = append(a.Flags, flagUnconfirmed)
			a.StageReason += ". Not confirmed: " + note
		}
	}
	next := w.next(t)
	flags, later := p.flagged(f, w.stage)
	a.Flags = append(a.Flags, flags...)
	next = min(next, later)
	f.clock = floorDay(t) + day - 1
	latches, change := w.now(t)
	next = min(next, change, p.scoreAll(f, &facts, latches, &a))
	a.Metrics, change = p.measureMetrics(f, facts.Sources)
	next = min(next, change)
	next = min(next, p.overruled(&a, facts.Overrides, t))
	if at := p.conclude(&a, facts.Fields); !at.IsZero() {
		next = min(next, at.UnixMicro())
	}
	a.NextAt = momentOf(next)
	// Segments come after everything that their rules may ask of.
	if at := p.segment(&a, facts.Fields); !at.IsZero() && (a.NextAt.IsZero() || at.Before(a.NextAt)) {
		a.NextAt = at
	}
	return Result{a, w.path}
}

// overruled puts a human's word in the place of the computed stage, of which the reason goes on to tell, and notes every
// override that is in force. The path stays the computed one. It returns the next moment at which one begins or ends.
func (p *Policy) overruled(a *canon.Assessment, list []canon.Override, t int64) int64 {
	next := int64(never)
	for _, o := range list {
		is, change := inForce(list, o.Field, t)
		next = min(next, change)
		if is != nil && is.ID == o.ID {
			a.Overrides = append(a.Overrides, o)
		}
	}
	slices.SortFunc(a.Overrides, func(x, y canon.Override) int {
		return cmp.Or(strings.Compare(x.Field, y.Field), strings.Compare(x.ID, y.ID))
	})
	o, _ := inForce(list, "stage", t)
	if o == nil {
		return next
	}
	i := slices.IndexFunc(p.stages, func(s stage) bool { return s.Key == o.Value })
	if i < 0 {
		return next
	}
	computed := "no stage"
	if a.Stage != "" {
		computed = fmt.Sprintf("%s since %s", a.StageLabel, a.StageSince.Format(time.DateOnly))
	}
	a.Stage, a.StageLabel, a.StageSince, a.StageEvidence = o.Value, p.stages[i].Label, o.From, nil
	a.StageReason = fmt.Sprintf("Set by %s until %s: %s (computed: %s)", o.Author, o.Until.UTC().Format("2006-01-02 15:04"), o.Reason, computed)
	return next
}

// flagged returns the flags that hold and when one may next change with time alone.
func (p *Policy) flagged(f *frame, stage int) (keys []string, next int64) {
	next = never
	for _, fl := range p.flags {
		if !slices.Contains(fl.stages, stage) {
			continue
		}
		if fl.when.truth.truth(f) == yes {
			keys = append(keys, fl.Key)
		}
		for _, c := range f.cursors(nil, 0, fl.when, f.t) {
			next = min(next, c.next(f.t))
		}
	}
	return keys, next
}

// distrust says why the silence of one of the kinds means nothing, "" where all can be trusted.
func distrust(needs []canon.Kind, sources canon.Sources) string {
	for _, k := range needs {
		fresh, delivered := sources[k]
		switch {
		case !delivered:
			return fmt.Sprintf("no connection delivers %s", plural(k))
		case !fresh:
			return fmt.Sprintf("the connection that delivers %s is not fresh", plural(k))
		}
	}
	return ""
}

// plural is what people call many of a kind.
func plural(k canon.Kind) string {
	switch k {
	case canon.KindCompany:
		return "companies"
	case canon.KindUsage:
		return "usage"
	case canon.KindSurvey:
		return "survey answers"
	case canon.KindActivity:
		return "calls, mails and meetings"
	}
	return string(k) + "s"
}
