package evidence

import (
	"cmp"
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
	// moments are the days at which customers are looked at, the first of every month; where they are looked at before
	// deadlines instead, they part the rows by month.
	moments []snapshot
	source  *lifecycle.DateSource
	due     Deadlines
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
	// days is how long before a deadline it lies, 0 where it is looked at for no deadline.
	days int
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
	lead float64
	// moment is the month, days how long before a deadline it lies.
	moment, days int
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
		s.moments = append(s.moments, snapshot{at: t, scope: o.scope(t)})
	}
	if len(o.Before) > 0 {
		s.source = deadlineSource(o.Policy)
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
	due      Deadlines
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
		s.due.Told += l.due.Told
		s.due.Reckoned += l.due.Reckoned
		s.due.Unknown += l.due.Unknown
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
	c.walk()
	r := &replay{Study: s, subject: c, life: &l, first: c.final[0].OccurredAt, ahead: newForward(s.o.Policy, c.told)}
	if s.o.Previous != nil {
		r.old = newForward(s.o.Previous, c.told)
	}
	for _, m := range r.looks() {
		r.look(m)
	}
	r.endings()
	return l
}

// looks are the moments at which the customer is looked at.
func (r *replay) looks() []snapshot {
	if len(r.o.Before) > 0 {
		looks, how := newDeadlines(r.source, r.told).looks(&r.o, r.first)
		switch {
		case how[deadlineTold]:
			r.life.due.Told++
		case how[deadlineReckoned]:
			r.life.due.Reckoned++
		default:
			r.life.due.Unknown++
		}
		return looks
	}
	n, _ := slices.BinarySearchFunc(r.moments, r.first, func(m snapshot, t time.Time) int { return m.at.Compare(t) })
	return r.moments[n:]
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
