package evidence

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// TableOptions say how a table is to be read.
type TableOptions struct {
	// Label is the column that holds the outcome, Value the value that is one; "" finds it.
	Label, Value string
	// ID is the column that says whose row it is, Time when it was observed, Score what a hand-made score said (the higher the
	// better; ScoreIsRisk: the worse), Money what the row is worth.
	ID, Time, Score, Money string
	ScoreIsRisk            bool
	// Keep are columns that are used although they look like leaks, Drop ones that are not used.
	Keep, Drop []string
	// Fit fits a model. Embargo, Good and Seed are those of FitOptions.
	Fit     bool
	Embargo time.Duration
	Good    bool
	Seed    uint64
	// MaxRows bounds the rows that are kept; 0 means 200,000.
	MaxRows int
}

// Table is a table of customers made ready: what may be learned from, and what may not, with the reason.
type Table struct {
	Panel    Panel
	Levels   map[string][]string
	Report   TableReport
	tenure   int
	options  TableOptions
	customer []string
	label    []bool
}

// TableReport is what came of a table, in the order in which it is told: the base rate comes first.
type TableReport struct {
	Rows      int    `json:"rows"`
	Used      int    `json:"rows_used"`
	Customers int    `json:"customers"`
	Positives int    `json:"positives"`
	Base      Figure `json:"base_rate"`
	// BaseMRR is the share of what the rows are worth that the positives are.
	BaseMRR  Number         `json:"base_rate_by_value"`
	Label    string         `json:"label"`
	Value    string         `json:"label_value"`
	ID       string         `json:"id,omitempty"`
	Time     string         `json:"time,omitempty"`
	Columns  []ColumnReport `json:"columns"`
	Excluded []Excluded     `json:"excluded"`
	// Suspected are columns that were used although what they know of the outcome is hardly foresight.
	Suspected []string    `json:"suspected_leaks,omitempty"`
	Card      *Figures    `json:"score,omitempty"`
	Fit       *Validation `json:"fit,omitempty"`
	// WithoutSuspected are the model's figures without the suspected columns.
	WithoutSuspected *Figures `json:"fit_without_suspected,omitempty"`
	Weights          []Weight `json:"proposed_weights,omitempty"`
	Model            string   `json:"model,omitempty"`
	Warnings         []string `json:"warnings"`
	Notes            []string `json:"notes,omitempty"`
}

// ColumnReport is what is known of a column that was used.
type ColumnReport struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Known    Number `json:"known"`
	Distinct int    `json:"distinct"`
	// AUC is how well it ranks by itself, in the better direction.
	AUC Number `json:"auc_alone"`
}

// ReadTable reads a table and makes it ready. It never keeps more than MaxRows rows.
func ReadTable(r io.Reader, o TableOptions) (*Table, error) {
	most := o.MaxRows
	if most == 0 {
		most = mostRows
	}
	t := &Table{options: o, Levels: map[string][]string{}, tenure: -1}
	var at tablePlaces
	g, err := readGrid(r, most, o.Seed, func(header []string) (int, int, error) {
		var err error
		at, err = o.places(header)
		return at.label, at.id, err
	})
	if err != nil {
		return nil, err
	}
	t.Report.Rows, t.Report.Notes = g.total, g.notes
	if err := t.outcomes(g, at); err != nil {
		return nil, err
	}
	t.who(g, at)
	if err := t.columns(g, at); err != nil {
		return nil, err
	}
	return t, nil
}

// tablePlaces are the columns that a table's options name; -1 for none.
type tablePlaces struct {
	label, id, time, score, money int
	found                         bool // the id was found by its name
	keep, drop                    map[int]bool
}

func (o TableOptions) places(header []string) (at tablePlaces, err error) {
	place := func(name, option string, to *int) {
		*to = -1
		if name == "" || err != nil {
			return
		}
		*to, err = columnNamed(header, name, option)
	}
	if o.Label == "" {
		return at, canon.Errorf("usage", "say which column holds the outcome").WithHint("--label COLUMN=VALUE; the columns are %s", listed(header))
	}
	place(o.Label, "--label", &at.label)
	place(o.ID, "--id", &at.id)
	place(o.Time, "--time", &at.time)
	place(o.Score, "--score", &at.score)
	place(o.Money, "--value", &at.money)
	at.keep, at.drop = map[int]bool{}, map[int]bool{}
	for _, k := range o.Keep {
		var c int
		place(k, "--keep", &c)
		at.keep[c] = true
	}
	for _, d := range o.Drop {
		var c int
		place(d, "--drop", &c)
		at.drop[c] = true
	}
	if err != nil {
		return at, err
	}
	for c, name := range header {
		w := words(name)
		if at.id < 0 && c != at.label && (whose(w) || len(w) == 1 && w[0] == "id") {
			at.id, at.found = c, true
		}
		if at.time < 0 && c != at.label && observed(w) {
			at.time = c
		}
	}
	return at, nil
}

// whose says whether a name is that of a customer's identifier.
func whose(w []string) bool {
	text := strings.Join(w, "")
	for _, who := range []string{"customer", "account", "user", "client", "member", "subscriber", "company", "household"} {
		for _, id := range []string{"id", "no", "nr", "num", "number", "key", "code", "uuid"} {
			if text == who+id {
				return true
			}
		}
	}
	return text == "msno" || text == "clientnum"
}

// observed says whether a name is that of the moment at which a row was observed.
func observed(w []string) bool {
	return slices.Contains([]string{"snapshot", "snapshotdate", "snapshotat", "asof", "asofdate", "observedat", "observationdate", "observation", "reportdate", "reportingdate", "referencedate", "snapshotmonth", "monthend", "period"}, strings.Join(w, ""))
}

// columnNamed finds a column by its name, case and separators aside.
func columnNamed(header []string, name, option string) (int, error) {
	for c, h := range header {
		if h == name {
			return c, nil
		}
	}
	found := -1
	for c, h := range header {
		if squeezed(h) == squeezed(name) && squeezed(name) != "" {
			if found >= 0 {
				return -1, canon.Errorf("usage", "%s: %q may be %q or %q", option, name, header[found], h).WithHint("write the name as it stands in the table")
			}
			found = c
		}
	}
	if found < 0 {
		return -1, canon.Errorf("usage", "%s: the table has no column %q", option, name).WithHint("its columns are %s", listed(header))
	}
	return found, nil
}

// listed names things, but not too many.
func listed(names []string) string {
	if len(names) > 60 {
		return strings.Join(names[:60], ", ") + fmt.Sprintf(" and %d more", len(names)-60)
	}
	return strings.Join(names, ", ")
}

// outcomes reads the label and drops the rows without one.
func (t *Table) outcomes(g *grid, at tablePlaces) error {
	value, of, err := labelOf(g.header[at.label], g.tally, t.options.Value)
	if err != nil {
		return err
	}
	t.Report.Label, t.Report.Value = g.header[at.label], value
	hits, known := 0, 0
	for v, n := range g.tally {
		if !blank(v) {
			known += n
			hits += n * int(outcome(of(v)))
		}
	}
	t.Report.Base = Figure{ID: "base.rate.v1", Title: "base rate", Value: Wilson(float64(hits), float64(known), Z95), N: known}
	if gaps := g.total - known; gaps > 0 {
		t.Report.Notes = append(t.Report.Notes, fmt.Sprintf("%d rows have no outcome and are left out", gaps))
	}
	g.rows = slices.DeleteFunc(g.rows, func(r gridRow) bool { return blank(r.cell(at.label)) })
	for i := range g.rows {
		hit := of(g.rows[i].cell(at.label))
		t.label = append(t.label, hit)
		t.Report.Positives += int(outcome(hit))
	}
	t.Report.Used = len(t.label)
	return nil
}

// labelOf finds out which values of the label are the outcome.
func labelOf(name string, tally map[string]int, value string) (string, func(string) bool, error) {
	var values []string
	for v := range tally {
		if !blank(v) {
			values = append(values, v)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(tally[b], tally[a]), cmp.Compare(a, b)) })
	shown := make([]string, 0, 10)
	for _, v := range values[:min(10, len(values))] {
		shown = append(shown, fmt.Sprintf("%s (%d)", clip(v, 40), tally[v]))
	}
	if len(values) < 2 {
		return "", nil, canon.Errorf("table.label", "the column %q has %d different values: there is nothing to tell apart", name, len(values)).
			WithHint("an outcome needs rows with it and rows without; it has %s", strings.Join(shown, ", "))
	}
	same := func(a, b string) bool {
		x, okX := number(a, false)
		y, okY := number(b, false)
		return strings.EqualFold(a, b) || okX && okY && x == y
	}
	if value != "" {
		if !slices.ContainsFunc(values, func(v string) bool { return same(v, value) }) {
			return "", nil, canon.Errorf("usage", "--label: no row has %q in %q", value, name).WithHint("it has %s", strings.Join(shown, ", "))
		}
		return value, func(s string) bool { return same(s, value) }, nil
	}
	for _, reads := range []func(string) (bool, bool){truth, leaver} {
		yes := map[string]bool{}
		both := map[bool]bool{}
		for _, v := range values {
			is, ok := reads(v)
			if !ok {
				break
			}
			yes[v], both[is] = is, true
		}
		if len(yes) == len(values) && len(both) == 2 {
			return positiveOf(values, yes), func(s string) bool { return yes[s] }, nil
		}
	}
	return "", nil, canon.Errorf("usage", "--label: which value of %q is the outcome is not plain", name).
		WithHint("say it, as in --label %q; it has %s", name+"="+values[len(values)-1], strings.Join(shown, ", "))
}

// positiveOf names the values that are the outcome.
func positiveOf(values []string, yes map[string]bool) string {
	var out []string
	for _, v := range values {
		if yes[v] {
			out = append(out, v)
		}
	}
	return strings.Join(out, "|")
}

// who finds out whose rows are whose.
func (t *Table) who(g *grid, at tablePlaces) {
	t.customer = make([]string, len(g.rows))
	for i := range g.rows {
		if at.id >= 0 {
			t.customer[i] = g.rows[i].cell(at.id)
		}
		if t.customer[i] == "" {
			t.customer[i] = fmt.Sprintf("line %d", g.rows[i].line)
		}
	}
	_, t.Report.Customers = clusterNumbers(t.customer)
	if at.id < 0 {
		t.Report.Notes = append(t.Report.Notes, "every row is taken for a customer of its own; --id names the column that says otherwise")
		return
	}
	t.Report.ID = g.header[at.id]
	if t.Report.Customers < len(g.rows) {
		t.Report.Notes = append(t.Report.Notes, fmt.Sprintf("%d rows are of %d customers (%s); those of one are never parted", len(g.rows), t.Report.Customers, t.Report.ID))
	}
	if at.found && t.Report.Customers*50 < len(g.rows) {
		t.Report.Warnings = append(t.Report.Warnings, fmt.Sprintf("%s has few values for so many rows; if it does not say whose row it is, name the right column by --id", t.Report.ID))
	}
}

// columns reads all columns, and makes a panel of those that may be learned from.
func (t *Table) columns(g *grid, at tablePlaces) error {
	n := len(g.rows)
	t.Panel.Rows = make([]Row, n)
	for i := range t.Panel.Rows {
		t.Panel.Rows[i] = Row{Customer: t.customer[i], Label: t.label[i], Score: math.NaN(), MRR: 0}
	}
	if err := t.places(g, at); err != nil {
		return err
	}
	var used []*tableColumn
	stem := words(g.header[at.label])
	for c := range g.header {
		switch {
		case c == at.label || c == at.time || c == at.score:
			continue
		case at.drop[c]:
			t.exclude(g.header[c], "option", "left out by --drop")
			continue
		case c == at.id && !at.keep[c]:
			t.exclude(g.header[c], "id", "says whose row it is")
			continue
		}
		col := g.readColumn(c)
		if t.admit(col, stem, at.keep[c]) {
			used = append(used, col)
		}
	}
	t.fill(used)
	return nil
}

func (t *Table) exclude(column, code, reason string) {
	t.Report.Excluded = append(t.Report.Excluded, Excluded{Column: column, Code: code, Reason: reason})
}
