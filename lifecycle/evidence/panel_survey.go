package evidence

import (
	"cmp"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Survey is the first look at all histories: what there is, since when, and what stands suspiciously close to the outcome.
type Survey struct {
	o Options
	// Customers and Events count what was seen, Imported the events that came as history and Late those recorded more than
	// a day after they occurred.
	Customers, Events, Imported, Late int
	// First and Last bound the events.
	First, Last time.Time
	// Decisions counts how often the outcome came about, Leavers the customers of whom.
	Decisions, Leavers int

	kinds    map[canon.Kind]time.Time
	families map[string]*familySeen
	measures map[string]measureSeen
	metrics  map[string]bool
	unkept   map[string]bool
	traces   map[string]*trace
	// when are moments of decision, from which those at which customers without one are looked at for comparison are drawn.
	when []time.Time
}

// mostWhen bounds how many moments of decision are kept.
const mostWhen = 5000

type familySeen struct {
	first         time.Time
	amount, value bool
}

type measureSeen struct {
	card, key, title string
	order            int
}

// NewSurvey begins a survey.
func NewSurvey(o Options) *Survey {
	return &Survey{
		o: o, kinds: map[canon.Kind]time.Time{}, families: map[string]*familySeen{}, measures: map[string]measureSeen{},
		metrics: map[string]bool{}, unkept: map[string]bool{}, traces: map[string]*trace{},
	}
}

// Options are those that the survey was made with.
func (v *Survey) Options() Options { return v.o }

// probes is how many customers are looked at for measures that rest on fields without a history.
const probes = 300

// Add looks at a batch of histories.
func (v *Survey) Add(batch []canon.History) {
	subjects := inParallel(batch, func(h *canon.History) *subject {
		s := newSubject(&v.o, h, nil)
		if len(s.final) > 0 {
			s.walk()
			s.decisions(&v.o.Label)
		}
		return s
	})
	var probed []*subject
	for _, s := range subjects {
		if len(s.told) == 0 {
			continue
		}
		v.look(s)
		if v.Customers <= probes || bucket(s.id, 16) == 0 {
			probed = append(probed, s)
		}
	}
	for _, seen := range inParallel(probed, func(s **subject) []probe { return v.probe(*s) }) {
		for i := range seen {
			p := &seen[i]
			v.learn(&p.bare)
			if p.full != nil {
				v.learn(p.full)
				v.compare(&p.bare, p.full)
			}
		}
	}
}

func (v *Survey) look(s *subject) {
	v.Customers++
	v.Events += len(s.told)
	v.Imported += s.imported
	v.Late += s.late
	for i := range s.told {
		v.seen(&s.told[i].ev)
	}
	if ds := s.decisions(&v.o.Label); len(ds) > 0 {
		v.Decisions += len(ds)
		v.Leavers++
		for _, d := range ds {
			if len(v.when) < mostWhen {
				v.when = append(v.when, d.decided)
			}
		}
	}
	v.trace(s)
}

func (v *Survey) seen(e *canon.Event) {
	at := e.OccurredAt
	if v.First.IsZero() || at.Before(v.First) {
		v.First = at
	}
	if at.After(v.Last) {
		v.Last = at
	}
	if first, ok := v.kinds[e.Kind]; e.Kind != "" && (!ok || at.Before(first)) {
		v.kinds[e.Kind] = at
	}
	name, _, _ := strings.Cut(e.Type, ".")
	f := v.families[name]
	if f == nil {
		f = &familySeen{first: at}
		v.families[name] = f
	}
	if at.Before(f.first) {
		f.first = at
	}
	f.amount = f.amount || e.Amount != nil
	f.value = f.value || e.Value != nil
}

// began returns the sources whose events had begun by t. Before, their silence says nothing.
func (v *Survey) began(t time.Time) canon.Sources {
	out := canon.Sources{}
	for k, fresh := range v.o.Sources {
		if first, ok := v.kinds[k]; ok && !first.After(t) {
			out[k] = fresh
		}
	}
	return out
}

// begins is when the next source begins after t, zero for never.
func (v *Survey) begins(t time.Time) (next time.Time) {
	for k := range v.o.Sources {
		if first := v.kinds[k]; first.After(t) {
			next = soonest(next, first)
		}
	}
	return next
}

// bucket draws a number below n from an id, always the same.
func bucket(id string, n uint64) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return x % n
}

// trace is where the events of one key stand.
type trace struct {
	// near counts events within the guard's days of a decision, all those of customers of whom the outcome came about.
	near, all int
	// leavers and stayers count the customers with such an event, of whom the outcome came about and of whom it did not.
	leavers, stayers int
	// before counts the leavers who had such an event before the decision.
	before int
}

// maxTraces bounds how many keys are followed.
const maxTraces = 20000

// trace follows where the customer's events stand beside the decisions.
func (v *Survey) trace(s *subject) {
	if v.o.Label.momentless() {
		return
	}
	ds := s.decisions(&v.o.Label)
	mine := map[string]int{} // 1: there, 2: before the first decision
	for i := range s.final {
		e := &s.final[i]
		if v.o.Label.defines(e) {
			continue
		}
		for _, k := range traceKeys(e) {
			t := v.traces[k]
			if t == nil {
				if len(v.traces) >= maxTraces {
					continue
				}
				t = &trace{}
				v.traces[k] = t
			}
			mine[k] = max(mine[k], 1)
			if len(ds) == 0 {
				continue
			}
			t.all++
			if nearAny(e.OccurredAt, ds, v.o.guard()) {
				t.near++
			}
			if e.OccurredAt.Before(ds[len(ds)-1].decided) {
				mine[k] = 2
			}
		}
	}
	for k, m := range mine {
		t := v.traces[k]
		switch {
		case len(ds) == 0:
			t.stayers++
		default:
			t.leavers++
			if m == 2 {
				t.before++
			}
		}
	}
}

func nearAny(t time.Time, ds []decision, reach time.Duration) bool {
	for _, d := range ds {
		if gap := t.Sub(d.decided); gap > -reach && gap < reach {
			return true
		}
	}
	return false
}

// momentless says that events near the moment of decision are no sign of a leak: there is no such moment, or they are what
// it is made of.
func (l *Label) momentless() bool {
	switch l.kind {
	case outcomeChurn, outcomeEvent:
		return false
	}
	return true
}

// defines says whether an event is part of what the outcome means: it cannot be an input that happens to know it.
func (l *Label) defines(e *canon.Event) bool {
	if l.kind == outcomeEvent {
		return l.match.takes(e)
	}
	return l.kind == outcomeChurn && (e.Type == "subscription.ended" || strings.HasPrefix(e.Type, "subscription.cancel_"))
}

// Reject is an input that the leak guard keeps out, and why.
type Reject struct {
	// Input is a type of event, a stream or a measure.
	Input string `json:"input"`
	// Kind is event, stream, measure or field.
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
	// Excluded says that it took no part in any figure.
	Excluded bool `json:"excluded"`
}

const (
	// leakSupport is how many customers must have an event before its company can be called suspicious.
	leakSupport = 15
	// leakPurity is the share of customers with an event of whom the outcome came about from which on no honest signal is
	// believed; leakClose the share of such events that stand right beside the decision.
	leakPurity = 0.98
	leakClose  = 0.8
)

// Leaks returns what the outcome seems to have written itself.
func (v *Survey) Leaks() []Reject {
	var out []Reject
	base := ratio(float64(v.Leavers), float64(v.Customers))
	for _, key := range slices.Sorted(maps.Keys(v.traces)) {
		t := v.traces[key]
		with := float64(t.leavers + t.stayers)
		if t.leavers < leakSupport || t.stayers+t.leavers == v.Customers {
			continue
		}
		kind, name := "event", key
		if stream, ok := strings.CutPrefix(key, "stream "); ok {
			kind, name = "stream", stream
		}
		purity := float64(t.leavers) / with
		near := float64(t.near) / float64(max(t.all, 1))
		switch {
		case near >= leakClose && purity >= max(leakPurity-0.08, 2*base):
			out = append(out, Reject{name, kind, sentence("%.0f %% of these events stand within %d days of the decision, and %d of the %d customers who have one are among those it came about for: it looks written by the outcome",
				near*100, v.o.guardDays(), t.leavers, int(with)), true})
		case purity >= leakPurity && base <= 0.7 && with*math.Log(1/max(base, 1e-9)) > 12:
			out = append(out, Reject{name, kind, sentence("of the %d customers who have such an event the outcome came about for %d: no honest signal is that sure, so it looks written after the fact",
				int(with), t.leavers), true})
		}
	}
	slices.SortStableFunc(out, func(a, b Reject) int { return cmp.Compare(a.Kind, b.Kind) })
	return withoutEchoes(out, v.traces)
}

// withoutEchoes drops a stream that was found because the one type of event in it was, and the other way round.
func withoutEchoes(rs []Reject, traces map[string]*trace) []Reject {
	var out []Reject
	for _, r := range rs {
		if r.Kind == "stream" && slices.ContainsFunc(rs, func(o Reject) bool {
			a, b := traces[o.Input], traces["stream "+r.Input]
			return o.Kind == "event" && a != nil && a.all == b.all && a.leavers == b.leavers
		}) {
			continue
		}
		out = append(out, r)
	}
	return out
}

// rejectedKeys are the keys of events that take no part.
func rejectedKeys(rs []Reject) map[string]bool {
	out := map[string]bool{}
	for _, r := range rs {
		switch {
		case !r.Excluded:
		case r.Kind == "event":
			out[r.Input] = true
		case r.Kind == "stream":
			out["stream "+r.Input] = true
		}
	}
	return out
}
