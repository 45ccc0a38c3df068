package evidence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// places reads the columns that say when, how well and how much.
func (t *Table) places(g *grid, at tablePlaces) error {
	if at.time >= 0 {
		if err := t.times(g.readColumn(at.time), g); err != nil && t.options.Time != "" {
			return err
		}
	}
	if at.score >= 0 {
		col := g.readColumn(at.score)
		if col.kind != kindNumber && col.kind != kindYesNo {
			return canon.Errorf("usage", "--score: %q does not hold numbers", col.name).WithHint("a score is a number; the higher, the better, or with --score-is-risk the worse")
		}
		for i, x := range col.x {
			t.Panel.Rows[i].Score = x
			if t.options.ScoreIsRisk {
				t.Panel.Rows[i].Score = 100 - x
			}
		}
		t.exclude(col.name, "option", "is the score that is judged")
	}
	if at.money >= 0 {
		col := g.readColumn(at.money)
		if col.kind != kindNumber {
			return canon.Errorf("usage", "--value: %q does not hold numbers", col.name).WithHint("name the column with the revenue of each row")
		}
		all, lost := 0.0, 0.0
		for i, x := range col.x {
			if !math.IsNaN(x) && x > 0 {
				t.Panel.Rows[i].MRR = x
				all += x
				lost += x * outcome(t.label[i])
			}
		}
		t.Report.BaseMRR = Number(ratio(lost, all))
	} else {
		t.Report.BaseMRR = Number(math.NaN())
	}
	return nil
}

// times reads when rows were observed: dates, or numbers that rise with time.
func (t *Table) times(col *tableColumn, g *grid) error {
	if col.kind != kindDate && col.kind != kindNumber || col.known < len(g.rows) {
		return canon.Errorf("usage", "--time: %q does not say of every row when it was observed", col.name).
			WithHint("it needs a date, or a number that rises with time, in every row; %d of %d rows have something", col.known, len(g.rows))
	}
	for i, x := range col.x {
		// Numbers that are no dates count as days: only their order matters, and the embargo.
		t.Panel.Rows[i].At = moment(x)
	}
	t.Report.Time = col.name
	t.exclude(col.name, "time", "says when the row was observed")
	return nil
}

// admit says whether a column may be learned from, and notes why not.
func (t *Table) admit(col *tableColumn, stem []string, keep bool) bool {
	if col.odd > 0 {
		t.Report.Notes = append(t.Report.Notes, fmt.Sprintf("%s: %d cells are no %s and count as not known, the first at line %d", col.name, col.odd, col.kind, col.oddLine))
	}
	if why := leakByName(col.name, stem); why != "" && !keep {
		t.exclude(col.name, "leak.name", why)
		return false
	}
	switch col.kind {
	case kindEmpty, kindConstant, kindText, kindID:
		t.exclude(col.name, col.kind, col.why)
		return false
	case kindDate:
		if after := t.age(col); after > len(t.label)/100 && !keep {
			t.exclude(col.name, "leak.after", fmt.Sprintf("%d dates lie after the moment at which the row was observed", after))
			return false
		}
	}
	auc, why, code := guard(col, t.label, t.customer)
	if why != "" && !keep {
		t.exclude(col.name, code, why)
		return false
	}
	if auc > Suspicious {
		t.Report.Suspected = append(t.Report.Suspected, col.name)
	}
	t.Report.Columns = append(t.Report.Columns, ColumnReport{Name: col.name, Kind: col.kind, Known: Number(float64(col.known) / float64(len(t.label))),
		Distinct: col.distinct, AUC: Number(auc)})
	return true
}

// age turns dates into days before the row was observed, or before the last date of the column where it is not known when.
// It returns how many lie after.
func (t *Table) age(col *tableColumn) (after int) {
	last := math.Inf(-1)
	for _, x := range col.x {
		if !math.IsNaN(x) {
			last = max(last, x)
		}
	}
	for i, x := range col.x {
		at := last
		if t.Report.Time != "" {
			at = days(t.Panel.Rows[i].At)
		}
		col.x[i] = at - x
		if at < math.Floor(x) {
			after++
		}
	}
	return after
}

// fill makes the panel's features and values of the columns that were admitted.
func (t *Table) fill(used []*tableColumn) {
	width := len(used)
	flat := make([]float64, width*len(t.Panel.Rows))
	for i := range t.Panel.Rows {
		t.Panel.Rows[i].X = flat[i*width : (i+1)*width : (i+1)*width]
	}
	for j, col := range used {
		for i, x := range col.x {
			t.Panel.Rows[i].X[j] = x
		}
		f := Feature{Key: col.name, Title: col.name, Group: GroupColumn}
		if col.kind == kindDate {
			f.Title += " (days before)"
		}
		if col.kind == kindCategory {
			t.Levels[f.Key] = col.levels
		}
		if t.tenure < 0 && col.kind == kindNumber && tenured(col.name) {
			t.tenure = j
		}
		t.Panel.Features = append(t.Panel.Features, f)
		col.x = nil
	}
	if t.Report.Time != "" {
		slices.SortStableFunc(t.Panel.Rows, func(a, b Row) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Customer, b.Customer))
		})
	}
}

// tenured says whether a name is that of how long somebody has been a customer.
func tenured(name string) bool {
	text := squeezed(name)
	return slices.ContainsFunc([]string{"tenure", "vintage", "monthsonbook", "accountlength", "accountage", "customerage", "dayssincesignup", "daysassubscriber", "monthsinservice", "subscriptionlength", "yearsascustomer", "customerfor", "lengthofrelationship"},
		func(s string) bool { return strings.Contains(text, s) })
}

// Backtest says what the table's score, and with Fit a fitted model, are worth.
func (t *Table) Backtest() (*TableReport, error) {
	r := &t.Report
	if t.options.Score != "" {
		c := newCandidate(t.Panel)
		rows := t.Panel.all()
		c.begin()
		for i := range rows {
			c.risk[0][i] = 100 - t.Panel.Rows[i].Score
			if t.options.Good {
				c.risk[0][i] = t.Panel.Rows[i].Score
			}
		}
		f := Measure(c.trial(t.Panel, "the table's score", t.options.Seed))
		f.Unknown = len(rows) - f.N
		r.Card = &f
	}
	if t.options.Fit {
		if err := t.fit(); err != nil {
			return nil, err
		}
	}
	t.warn()
	return r, nil
}

func (t *Table) fit() error {
	o := FitOptions{Levels: t.Levels, Embargo: t.options.Embargo, Good: t.options.Good, Seed: t.options.Seed}
	v, err := Validate(t.Panel, t.tenure, o)
	if err != nil {
		return err
	}
	m := v.Model
	t.Report.Fit, t.Report.Weights = v, m.Weights
	t.Report.Model = fmt.Sprintf("regularised logistic regression, %s, lambda %g, both chosen on %s; probabilities by %s", m.Form, m.Lambda, m.Chosen, m.Calibration)
	t.Report.Notes = append(t.Report.Notes, m.Notes...)
	if len(t.Report.Suspected) == 0 || len(t.Report.Suspected) == len(t.Panel.Features) {
		return nil
	}
	o.Plain = true
	rest, tenure := t.without(t.Report.Suspected)
	if less, err := Validate(rest, tenure, o); err == nil {
		less.Held.Name = "fitted model without suspected columns"
		t.Report.WithoutSuspected = &less.Held
	}
	return nil
}

// without is the panel less some of its features.
func (t *Table) without(names []string) (p Panel, tenure int) {
	var keep []int
	tenure = -1
	for j, f := range t.Panel.Features {
		if !slices.Contains(names, f.Key) {
			if j == t.tenure {
				tenure = len(keep)
			}
			keep = append(keep, j)
			p.Features = append(p.Features, f)
		}
	}
	p.Rows = slices.Clone(t.Panel.Rows)
	for i := range p.Rows {
		x := make([]float64, len(keep))
		for k, j := range keep {
			x[k] = t.Panel.Rows[i].X[j]
		}
		p.Rows[i].X = x
	}
	return p, tenure
}

// warn adds what must be known before any figure is believed.
func (t *Table) warn() {
	r := &t.Report
	add := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	if few := min(r.Positives, r.Used-r.Positives); few < FewestPositives {
		add("only %d rows have the rarer outcome: figures are a direction, not more (a stable reading needs %d)", few, FewestPositives)
	}
	for _, name := range r.Suspected {
		add("%s alone ranks with an AUC above %.2f: check that it is known before the outcome; --drop leaves it out", name, Suspicious)
	}
	if r.Fit != nil && r.Fit.Held.AUC().Value > Suspicious {
		add("the fitted model's AUC is %.3f: above %.2f a leak is likelier than foresight; go through the columns that carry it", r.Fit.Held.AUC().Value, Suspicious)
	}
	if r.Time == "" {
		add("the rows have no moment of observation: whether values were known before the outcome cannot be checked, and the future may differ from the past")
	}
	add("intervention effect: customers who were saved because somebody acted on their risk look like false alarms here; only a holdout tells them apart")
}
