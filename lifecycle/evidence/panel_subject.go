package evidence

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// Knowledge says from when on a fact counts as known.
type Knowledge string

// The ways to tell what was known.
const (
	// KnownImported takes what Hub recorded itself from when it was recorded, and history that came with a stream's first
	// round from when it occurred.
	KnownImported Knowledge = "imported"
	// KnownStrict takes nothing as known before Hub recorded it.
	KnownStrict Knowledge = "strict"
	// KnownOccurred takes everything that is believed now as known when it occurred: it shows what late facts do.
	KnownOccurred Knowledge = "occurred"
)

// importGrace is how long after a stream's first round its clock may take to tell what had long fallen due.
const importGrace = time.Hour

// believed is a statement with the span in which it was believed.
type believed struct {
	ev          canon.Event
	from, until time.Time
}

// subject is one customer with a past.
type subject struct {
	id, typ string
	fields  map[string]string
	// told are all statements in order of occurrence, final the events in force at the end of observation.
	told  []believed
	final []canon.Event
	// path are the changes of stage by what is believed now.
	path     []canon.Event
	policy   *lifecycle.Policy
	sources  canon.Sources
	end      time.Time
	imported int
	late     int
	cached   struct {
		label     string
		decisions []decision
	}
	// opens and closes go over the events in force from the begin of one span to that of the next, and from end to end.
	opens, closes *forward
}

// fact says whether an event tells of the outside rather than of what Hub made of it.
func fact(typ string) bool {
	first, _, _ := strings.Cut(typ, ".")
	switch first {
	case "stage", "score", "milestone", "play", "segment", "verdict", "customer":
		return false
	}
	return true
}

// streamKey names the stream that an event comes from.
func streamKey(e *canon.Event) string { return e.Ref.Connection + "/" + e.Ref.Stream }

// traceKeys name what an event is, as far as the leak guard may reject it: its type, with its feature, and its stream.
func traceKeys(e *canon.Event) [2]string {
	key := e.Type
	if feature, _ := e.Data["feature"].(string); feature != "" && len(feature) < 200 {
		key += " of " + feature
	}
	return [2]string{key, "stream " + streamKey(e)}
}

// newSubject reads a history. What the leak guard rejected was never told, though it may be what came about.
func newSubject(o *Options, h *canon.History, rejected map[string]bool) *subject {
	s := &subject{id: h.Profile.ID, typ: h.Profile.Type, fields: map[string]string{}, policy: o.Policy, sources: o.Sources, end: o.End}
	for _, f := range h.Profile.Fields {
		s.fields[f.Name] = f.Value
	}
	for i := range h.Events {
		e := &h.Events[i]
		if !fact(e.Type) || e.OccurredAt.After(o.End) {
			continue
		}
		if e.SupersededAt.IsZero() {
			s.final = append(s.final, *e)
		}
		if len(rejected) > 0 {
			if k := traceKeys(e); rejected[k[0]] || rejected[k[1]] {
				continue
			}
		}
		if t, ok := s.know(o, e); ok {
			s.told = append(s.told, t)
		}
	}
	slices.SortStableFunc(s.told, func(a, b believed) int { return a.ev.OccurredAt.Compare(b.ev.OccurredAt) })
	slices.SortStableFunc(s.final, func(a, b canon.Event) int {
		return cmp.Or(a.OccurredAt.Compare(b.OccurredAt), strings.Compare(a.ID, b.ID))
	})
	return s
}

// know tells in which span a statement was believed, and whether it ever was.
func (s *subject) know(o *Options, e *canon.Event) (believed, bool) {
	t := believed{ev: *e, from: e.RecordedAt, until: e.SupersededAt}
	if e.RecordedAt.Sub(e.OccurredAt) > 24*time.Hour {
		s.late++
	}
	switch o.Known {
	case KnownStrict:
		return t, true
	case KnownOccurred:
		t.from, t.until = e.OccurredAt, time.Time{}
		return t, e.SupersededAt.IsZero()
	}
	first := o.Backfilled[streamKey(e)].Add(importGrace)
	if e.Ref == (canon.Ref{}) || !e.RecordedAt.After(first) {
		s.imported++
		t.from = e.OccurredAt
		if !e.SupersededAt.IsZero() && !e.SupersededAt.After(first) {
			return t, false
		}
	}
	return t, true
}

// known returns the facts that had occurred by t and were believed then.
func (s *subject) known(t time.Time) []canon.Event {
	events := make([]canon.Event, 0, len(s.told))
	for i := range s.told {
		k := &s.told[i]
		if k.ev.OccurredAt.After(t) {
			break
		}
		if !k.from.After(t) && (k.until.IsZero() || k.until.After(t)) {
			events = append(events, k.ev)
		}
	}
	return events
}

// assess asks a policy what it would have said at t. sources are those that had begun by then.
func (s *subject) assess(p *lifecycle.Policy, t time.Time, sources canon.Sources) canon.Assessment {
	return p.Assess(lifecycle.Facts{Customer: s.id, Type: s.typ, Events: s.known(t), Sources: sources}, t).Assessment
}

// walk works out the path through the stages by what is believed now. Neither that nor what is recurring rests on readings of
// scores, so none are taken.
func (s *subject) walk() {
	s.path = s.policy.Assess(lifecycle.Facts{Customer: s.id, Type: s.typ, Events: s.final, Sources: s.sources, Since: s.end}, s.end).Path
}

// inForce goes over the events in force, in *f, which is made where it is not yet or is of another policy.
func (s *subject) inForce(f **forward, p *lifecycle.Policy) *forward {
	if *f == nil || (*f).policy != p {
		told := make([]believed, len(s.final))
		for i := range s.final {
			told[i] = believed{ev: s.final[i], from: s.final[i].OccurredAt}
		}
		*f = newForward(p, told)
	}
	return *f
}

// recurring is the revenue a month at t by what is believed now, in minor units.
func (s *subject) recurring(f **forward, t time.Time) float64 {
	a, _ := s.inForce(f, s.policy).assess(lifecycle.Facts{Customer: s.id, Type: s.typ, Sources: s.sources, Since: s.end}, t)
	if a.MRR == nil {
		return 0
	}
	return float64(a.MRR.Minor)
}

// decisions returns when the outcome was decided, in order.
func (s *subject) decisions(l *Label) []decision {
	if s.cached.label == l.Text {
		return s.cached.decisions
	}
	var out []decision
	switch l.kind {
	case outcomeChurn:
		out = s.exits()
	case outcomeEvent:
		for i := range s.final {
			if l.match.takes(&s.final[i]) {
				out = append(out, decision{s.final[i].OccurredAt, s.final[i].OccurredAt})
			}
		}
	case outcomeEnter, outcomeAdvance:
		for _, e := range s.path {
			if to, _ := e.Data["to"].(string); l.kind == outcomeEnter && to != l.stage {
				continue
			}
			if way, _ := e.Data["direction"].(string); l.kind == outcomeAdvance && way != "forward" {
				continue
			}
			out = append(out, decision{e.OccurredAt, e.OccurredAt})
		}
	}
	s.cached.label, s.cached.decisions = l.Text, out
	return out
}

// noticeReach is how long before an exit the end of a contract, and the notice before that, may lie to be its cause.
const noticeReach = 400 * 24 * time.Hour

// exits returns when the customer left. The moment of decision is the notice where there was one, else the end of the
// contract; the stage may change only after a grace.
func (s *subject) exits() []decision {
	var out []decision
	for _, e := range s.path {
		if way, _ := e.Data["direction"].(string); way != "exit" {
			continue
		}
		d := decision{decided: e.OccurredAt, came: e.OccurredAt}
		if end, ok := s.lastOf("subscription.ended", canon.Ref{}, e.OccurredAt); ok && s.cites(&e, end) {
			d.decided = end.OccurredAt
			if notice, ok := s.lastOf("subscription.cancel_scheduled", end.Ref, end.OccurredAt); ok {
				back, revoked := s.lastOf("subscription.cancel_revoked", end.Ref, end.OccurredAt)
				if !revoked || back.OccurredAt.Before(notice.OccurredAt) {
					d.decided = notice.OccurredAt
				}
			}
		}
		out = append(out, d)
	}
	return out
}

// cites says whether an exit rests on the end of a contract rather than on silence.
func (s *subject) cites(exit, end *canon.Event) bool {
	ids, _ := exit.Data["evidence"].(string)
	return exit.OccurredAt.Sub(end.OccurredAt) < noticeReach && (ids == "" || strings.Contains(ids, end.ID) || !s.silentExit(exit))
}

// silentExit says whether what an exit cites are signs of life that have become too old.
func (s *subject) silentExit(exit *canon.Event) bool {
	ids, _ := exit.Data["evidence"].(string)
	for i := range s.final {
		e := &s.final[i]
		if strings.HasPrefix(e.Type, "subscription.") && strings.Contains(ids, e.ID) {
			return false
		}
	}
	return true
}

// lastOf returns the last event of a type at or before t, of one contract where ref is set, within reach.
func (s *subject) lastOf(typ string, ref canon.Ref, t time.Time) (*canon.Event, bool) {
	for i := len(s.final) - 1; i >= 0; i-- {
		e := &s.final[i]
		if e.OccurredAt.After(t) || e.Type != typ || ref != (canon.Ref{}) && e.Ref != ref {
			continue
		}
		return e, t.Sub(e.OccurredAt) < noticeReach
	}
	return nil, false
}
