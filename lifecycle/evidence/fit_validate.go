package evidence

import (
	"fmt"
	"math"
	"slices"
)

// Validation is how a fitted model does on rows that it has not learned from, beside what is simpler.
type Validation struct {
	// Split says how rows that were learned from and rows that were tried on were kept apart.
	Split string `json:"split"`
	// Held are the model's figures. HeldOut are those on a part that was put aside before anything else, where Held come
	// from folds.
	Held    Figures  `json:"fitted"`
	HeldOut *Figures `json:"held_out,omitempty"`
	// Baselines are the constant, chance, the best single measure, tenure alone, and the hand-made card where there is one.
	Baselines []Figures `json:"baselines"`
	// Model is fitted on all rows.
	Model *Model   `json:"-"`
	Notes []string `json:"notes,omitempty"`

	best map[string]int
}

// Validate fits a model and says how well it does: on later rows where rows were observed at several moments, else on other
// customers. tenure is the feature that says how long a customer has been one, -1 for none.
func Validate(p Panel, tenure int, o FitOptions) (*Validation, error) {
	most := o.MaxRows
	if most == 0 {
		most = mostRows
	}
	rows := p.all()
	v := &Validation{best: map[string]int{}}
	if kept := thin(p, rows, most, o.Seed); len(kept) < len(rows) {
		v.Notes = append(v.Notes, fmt.Sprintf("tried on %d of %d rows, whole customers drawn by hash", len(kept), len(rows)))
		p.Rows = pick(p.Rows, kept)
		rows = p.all()
	}
	model, err := Fit(p, o)
	if err != nil {
		return nil, err
	}
	v.Model = model
	o.Plain = true
	runs, split := v.runs(p, rows, o)
	if len(runs) == 0 {
		return nil, canonTooFew(p)
	}
	v.Split = split
	t := newTrials(p, tenure, o)
	for _, folds := range runs {
		if err := t.repeat(folds); err != nil {
			return nil, err
		}
	}
	held := t.model.trial(p, "fitted model", o.Seed)
	held.Widen = widening(runs[0])
	v.Held = Measure(held)
	v.Baselines = t.baselines(p, o.Seed, held.Widen)
	if !timed(p, rows) || len(runs[0]) > 1 {
		v.HeldOut = heldOut(p, rows, o)
	}
	if name, share := t.favourite(); name != "" {
		v.Notes = append(v.Notes, fmt.Sprintf("the best single measure is %s (chosen where learned from, in %.0f %% of the folds)", name, share*100))
	}
	return v, nil
}

// widening makes up for what a bootstrap of rows does not see: models of different folds learn from the same rows, so what
// they foresee errs together. Nadeau and Bengio's correction adds the ratio of rows tried to rows learned from to the
// variance of each fold's share.
func widening(folds []split) float64 {
	if len(folds) < 2 {
		return 1
	}
	ratio := 0.0
	for _, s := range folds {
		ratio += float64(len(s.test)) / float64(len(s.train))
	}
	return math.Sqrt(1 + ratio)
}

func pick(rows []Row, keep []int) []Row {
	out := make([]Row, len(keep))
	for k, i := range keep {
		out[k] = rows[i]
	}
	return out
}

// runs are the ways in which rows are parted: once by time, or several times into folds by customer.
func (v *Validation) runs(p Panel, rows []int, o FitOptions) ([][]split, string) {
	if timed(p, rows) {
		if s := walkForward(p, rows, o.Embargo, []float64{0.7}); s != nil {
			at := p.Rows[s[0].test[0]].At
			return [][]split{s}, fmt.Sprintf("learned from %d rows settled before %s, tried on %d later ones", len(s[0].train), at.Format("2006-01-02"), len(s[0].test))
		}
		v.Notes = append(v.Notes, "the rows do not span enough time to learn from earlier ones and try on later ones; customers were parted instead")
	}
	k, repeats := 5, 1
	if len(rows) <= 1000 {
		// Few rows fall into folds in very different ways.
		repeats = 3
	}
	var out [][]split
	for r := range repeats {
		out = append(out, groupedFolds(p, rows, k, o.Seed+uint64(100+r)))
	}
	if repeats == 1 {
		return out, fmt.Sprintf("%d folds by customer: each row is foreseen by a model that has not seen its customer", k)
	}
	return out, fmt.Sprintf("%d folds by customer, %d times: each row is foreseen by models that have not seen its customer", k, repeats)
}

// heldOut puts three customers in ten aside, by hash, and tries on them what the others teach.
func heldOut(p Panel, rows []int, o FitOptions) *Figures {
	var s split
	for _, i := range rows {
		if hashOf(p.Rows[i].Customer, o.Seed+7) < 0.3 {
			s.test = append(s.test, i)
		} else {
			s.train = append(s.train, i)
		}
	}
	if !enough(p, s.train, 4) || !enough(p, s.test, 1) {
		return nil
	}
	model, err := Fit(Panel{Features: p.Features, Rows: pick(p.Rows, s.train)}, o)
	if err != nil {
		return nil
	}
	test := Panel{Features: p.Features, Rows: pick(p.Rows, s.test)}
	c := newCandidate(test)
	c.begin()
	for i := range test.Rows {
		c.risk[0][i], c.p[i] = model.Risk(test.Rows[i].X), model.Probability(test.Rows[i].X)
	}
	f := Measure(c.trial(test, "fitted model, held out", o.Seed))
	return &f
}

// candidate gathers what one way of foreseeing says of every row.
type candidate struct {
	risk [][]float64
	p    []float64
	seen []float64
}

func newCandidate(p Panel) *candidate {
	return &candidate{p: unknown(len(p.Rows)), seen: make([]float64, len(p.Rows))}
}

func unknown(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

// begin begins a repeat.
func (c *candidate) begin() { c.risk = append(c.risk, unknown(len(c.p))) }

// tell notes what was foreseen for the rows of a fold. Models of other folds have other levels, so rows are ranked within
// their fold only.
func (c *candidate) tell(rows []int, risk, p []float64) {
	r := ranks(risk)
	n := float64(len(known(risk)))
	for k, i := range rows {
		c.risk[len(c.risk)-1][i] = (r[k] - 0.5) / n
		if p == nil {
			continue
		}
		if c.seen[i] == 0 {
			c.p[i] = 0
		}
		c.seen[i]++
		c.p[i] += (p[k] - c.p[i]) / c.seen[i]
	}
}

// trial is the candidate beside what came, of the rows that were tried.
func (c *candidate) trial(p Panel, name string, seed uint64) Trial {
	t := Trial{Name: name, Seed: seed, Risk: make([][]float64, len(c.risk))}
	worth := false
	for i := range p.Rows {
		if slices.ContainsFunc(c.risk, func(r []float64) bool { return math.IsNaN(r[i]) }) {
			continue
		}
		for k := range c.risk {
			t.Risk[k] = append(t.Risk[k], c.risk[k][i])
		}
		t.P = append(t.P, c.p[i])
		t.Positive = append(t.Positive, p.Rows[i].Label)
		t.Customer = append(t.Customer, p.Rows[i].Customer)
		t.MRR = append(t.MRR, p.Rows[i].MRR)
		worth = worth || p.Rows[i].MRR != 0
	}
	if !worth {
		t.MRR = nil
	}
	if len(known(t.P)) == 0 {
		t.P = nil
	}
	return t
}
