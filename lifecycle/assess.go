package lifecycle

import (
	"fmt"
	"slices"
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
	f := &frame{ledger: newLedger(p.patterns, facts.Events, t), state: newState(), customerType: facts.Type}
	w := newWalker(p, f, facts.Customer)
	w.run(t)
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
	flags, change := p.flagged(f, w.stage)
	a.Flags = append(a.Flags, flags...)
	next = min(next, change)
	f.clock = floorDay(t) + day - 1
	a.Health, change = p.score(f, facts.Sources, w.stage)
	next = min(next, change)
	if next != never {
		a.NextAt = time.UnixMicro(next).UTC()
	}
	return Result{a, w.path}
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
