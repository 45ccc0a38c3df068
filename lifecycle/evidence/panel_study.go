package evidence

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// Study replays histories month by month and keeps what was known of each customer then, beside what came of it.
type Study struct {
	o       Options
	survey  *Survey
	schema  *schema
	leaks   []Reject
	dropped map[string]bool
	share   float64
	moments []snapshot
	sources []canon.Sources
	stages  map[string]bool

	rows []sample
	ends []ending
	// controls are what was known of customers without a decision on the days on which others decided.
	controls     [][]float64
	moves        moves
	left         Counts
	greens, reds worst

	// muted are the columns of inputs that know the outcome; later parts the rows by time; tried are the rows that forecasts
	// were tried on.
	muted     map[int]bool
	later     split
	tried     []sample
	forecasts []float64
}

// snapshot is a day at which customers are looked at.
type snapshot struct {
	at time.Time
	scope
}

// Counts say what became of the moments that did not become rows.
type Counts struct {
	// Customers were looked at; Sampled says that some were left out by lot.
	Customers int  `json:"customers"`
	Sampled   bool `json:"sampled"`
	// Rows and Positives are what figures are made of.
	Rows      int `json:"rows"`
	Positives int `json:"positives"`
	// Censored: observation ends before the outcome can be told. InGap: decided within the lead gap. Decided: decided
	// before. Inactive: not a customer then. Young: not one for long enough. Unscored rows have no score.
	Censored int `json:"censored"`
	InGap    int `json:"in_gap"`
	Decided  int `json:"decided"`
	Inactive int `json:"inactive"`
	Young    int `json:"young"`
	Unscored int `json:"unscored"`
}

func (c *Counts) add(o Counts) {
	c.Customers += o.Customers
	c.Rows += o.Rows
	c.Positives += o.Positives
	c.Censored += o.Censored
	c.InGap += o.InGap
	c.Decided += o.Decided
	c.Inactive += o.Inactive
	c.Young += o.Young
	c.Unscored += o.Unscored
}

// sample is a row with what only a backtest asks for.
type sample struct {
	Row
	// weights are the effective weights of the card's measures, in the order of the schema; shown says that a score could
	// be made.
	weights []float32
	// previous is the score by the previous policy, NaN without.
	previous     float64
	previousBand string
	// lead is how long after the moment the outcome was decided, in days, NaN where it was not.
	lead   float64
	moment int
	// before is the band at the moment before, "" where the customer had no row then.
	before string
}

// moves counts how bands change from one moment to the next.
type moves struct {
	counts map[[2]string]int
	flips  int
	months int
	alerts int
}

// NewStudy begins a study after a survey. Inputs that the survey found to know the outcome are left out.
func NewStudy(o Options, v *Survey) *Study {
	s := &Study{o: o, survey: v, schema: newSchema(v), leaks: v.Leaks(), stages: map[string]bool{}}
	s.dropped = rejectedKeys(s.leaks)
	for _, t := range o.moments(v) {
		s.moments = append(s.moments, snapshot{t, o.scope(t)})
		s.sources = append(s.sources, v.began(t))
	}
	s.share = o.share(v, len(s.moments))
	s.left.Sampled = s.share < 1
	s.moves.counts = map[[2]string]int{}
	for _, st := range o.Policy.Stages() {
		s.stages[st.Key] = st.Customer
	}
	return s
}

// life is what one customer adds to a study.
type life struct {
	rows     []sample
	ends     []ending
	controls [][]float64
	left     Counts
	moves    moves
	greens   []suspect
	reds     []suspect
}

// Add replays a batch of histories.
func (s *Study) Add(batch []canon.History) {
	lives := inParallel(batch, s.replay)
	for _, l := range lives {
		s.left.add(l.left)
		s.rows, s.ends, s.controls = append(s.rows, l.rows...), append(s.ends, l.ends...), append(s.controls, l.controls...)
		for k, n := range l.moves.counts {
			s.moves.counts[k] += n
		}
		s.moves.flips += l.moves.flips
		s.moves.months += l.moves.months
		s.moves.alerts += l.moves.alerts
		for _, g := range l.greens {
			s.greens.keep(g, true)
		}
		for _, r := range l.reds {
			s.reds.keep(r, false)
		}
	}
}

func (s *Study) replay(h *canon.History) life {
	var l life
	if s.share < 1 && float64(bucket(h.Profile.ID, 1<<20))/(1<<20) >= s.share {
		return l
	}
	c := newSubject(&s.o, h, s.dropped)
	if len(c.final) == 0 {
		return l
	}
	l.left.Customers = 1
	l.moves.counts = map[[2]string]int{}
	c.walk(s.o.End)
	r := &replay{Study: s, subject: c, life: &l, first: c.final[0].OccurredAt}
	for i := range s.moments {
		if !s.moments[i].at.Before(r.first) {
			r.look(i)
		}
	}
	r.endings()
	return l
}

// replay is one customer's way through the moments.
type replay struct {
	*Study
	*subject
	life  *life
	first time.Time
	// band is that of the row at the moment last, "" where there was none.
	band string
	last int
}

// look makes a row of a moment, where it is one.
func (r *replay) look(i int) {
	m := r.moments[i]
	events := r.known(m.at)
	if len(events) == 0 {
		return
	}
	facts := lifecycle.Facts{Customer: r.id, Type: r.typ, Events: events, Sources: r.Study.sources[i]}
	a := r.o.Policy.Assess(facts, m.at).Assessment
	if !r.active(&a) {
		r.life.left.Inactive++
		return
	}
	if m.at.Sub(r.since(&a)) < time.Duration(r.o.MinTenure)*24*time.Hour {
		r.life.left.Young++
		return
	}
	score := scoreNamed(&a, r.o.Score)
	before := r.passed(i, score.Band)
	st, d := r.o.Label.outcome(r.subject, m.scope, r.o.End)
	switch st {
	case censored:
		r.life.left.Censored++
	case inGap:
		r.life.left.InGap++
	case decided:
		r.life.left.Decided++
	case unfit:
		r.life.left.Inactive++
	default:
		out := r.sample(&a, score, facts, i)
		out.before = before
		out.Label = st == positive
		if !d.decided.IsZero() && out.Label {
			out.lead = daysIn(d.decided.Sub(m.at))
		}
		r.keep(out, score, d)
	}
}

// active says whether the question arises for a customer: it is one, and of those who are asked to advance, not yet there.
func (r *replay) active(a *canon.Assessment) bool {
	switch r.o.Label.kind {
	case outcomeSilence:
		return true
	case outcomeEnter:
		return a.Stage != r.o.Label.stage && a.Stage != ""
	case outcomeAdvance:
		return a.Stage != ""
	}
	return r.stages[a.Stage]
}

// since is when the customer became one: entered the first customer's stage after the last exit, as far as is believed now.
func (r *replay) since(a *canon.Assessment) time.Time {
	began := r.first
	inside := false
	for _, e := range r.path {
		if e.OccurredAt.After(a.At) {
			break
		}
		to, _ := e.Data["to"].(string)
		if now := r.stages[to]; now != inside {
			inside = now
			if inside {
				began = e.OccurredAt
			}
		}
	}
	return began
}

// passed notes the way from the band of the moment before, which it returns.
func (r *replay) passed(i int, band string) (before string) {
	if r.band != "" && r.last == i-1 {
		before = r.band
		r.life.moves.counts[[2]string{before, band}]++
		r.life.moves.months++
		if before != band {
			r.life.moves.flips++
			if band == bandRed {
				r.life.moves.alerts++
			}
		}
	}
	r.band, r.last = band, i
	return before
}

func (r *replay) sample(a *canon.Assessment, score *canon.Score, facts lifecycle.Facts, i int) sample {
	m := r.moments[i]
	out := sample{
		Row:      Row{Customer: r.id, At: m.at, X: r.schema.row(a, facts.Events, m.at), Score: math.NaN(), Band: score.Band, Segment: r.segment(a)},
		previous: math.NaN(), lead: math.NaN(), moment: i, weights: make([]float32, len(r.schema.measures)),
	}
	if a.MRR != nil {
		out.MRR = major(a.MRR)
	}
	if score.Value != nil {
		out.Score = *score.Value
	}
	for j := range score.Contributions {
		c := &score.Contributions[j]
		if k := r.schema.measure(score.Name, c.Measure); k >= 0 {
			out.weights[k] = float32(c.Weight)
		}
	}
	if r.o.Previous != nil {
		old := r.o.Previous.Assess(facts, m.at).Assessment
		s := scoreNamed(&old, r.o.Score)
		out.previousBand = s.Band
		if s.Value != nil {
			out.previous = *s.Value
		}
	}
	return out
}

func (s *schema) measure(card, key string) int {
	return slices.IndexFunc(s.measures, func(m measureColumns) bool { return m.card == card && m.key == key })
}

func (r *replay) segment(a *canon.Assessment) string {
	switch r.o.SegmentBy {
	case "stage":
		return a.Stage
	case "type":
		return r.typ
	}
	return cmp.Or(r.fields[r.o.SegmentBy], "–")
}

func (r *replay) keep(out sample, score *canon.Score, d decision) {
	l := r.life
	l.rows = append(l.rows, out)
	l.left.Rows++
	switch {
	case math.IsNaN(out.Score):
		l.left.Unscored++
	case out.Label && out.Band == bandGreen:
		l.greens = append(l.greens, suspectOf(&out, score, d))
	case !out.Label && out.Band == bandRed:
		l.reds = append(l.reds, suspectOf(&out, score, d))
	}
	if out.Label {
		l.left.Positives++
	}
}

// The bands that a card gives.
const (
	bandGreen   = "green"
	bandYellow  = "yellow"
	bandRed     = "red"
	bandUnknown = "unknown"
)

// bands lists them from good to bad.
func bands() []string { return []string{bandGreen, bandYellow, bandRed, bandUnknown} }

// scoreNamed returns the score of a name, an unknown one where there is none.
func scoreNamed(a *canon.Assessment, name string) *canon.Score {
	found := &canon.Score{Name: name, Band: bandUnknown}
	eachScore(a, func(s *canon.Score) {
		if s.Name == name {
			found = s
		}
	})
	return found
}

// Panel returns the rows in order of time, for statistics that know nothing of histories.
func (s *Study) Panel() Panel {
	s.sort()
	p := Panel{Features: slices.Clone(s.schema.features), Rows: make([]Row, len(s.rows)), Censored: s.left.Censored}
	for i := range s.rows {
		p.Rows[i] = s.rows[i].Row
	}
	return p
}

func (s *Study) sort() {
	slices.SortStableFunc(s.rows, func(a, b sample) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Customer, b.Customer))
	})
}
