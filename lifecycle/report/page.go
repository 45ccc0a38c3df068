package report

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

// Page is an HTML page of the results.
func Page(title string, results []Result, generated time.Time) chart.Page {
	p := chart.Page{Title: title, Generated: generated}
	if len(results) > 0 {
		r := results[0]
		p.Subtitle = period{from: r.From, to: r.To}.words() + ", " + chart.Number(0).Format(float64(r.Customers)) + " customers"
		if r.By != "" {
			p.Subtitle += ", by " + r.By
		}
	}
	used := map[string]bool{}
	for _, r := range results {
		p.Sections = append(p.Sections, section(r, used))
	}
	var ds chart.Table
	ds.Columns = []chart.Column{{Title: "definition"}, {Title: "number"}, {Title: "formula"}, {Title: "mind"}}
	for _, d := range Definitions() {
		if used[d.ID] {
			ds.Rows = append(ds.Rows, []string{d.ID, d.Title, d.Formula, d.Mind})
		}
	}
	if len(ds.Rows) > 0 {
		p.Sections = append(p.Sections, chart.Section{ID: "definitions", Title: "Definitions", Text: "Every number above names the definition by which it was worked out.", Parts: []chart.Part{ds}})
	}
	return p
}

// words tells the period, with its last day where it ends at midnight.
func (p period) words() string {
	to := p.to.UTC().Truncate(time.Second)
	if to.Equal(to.Truncate(day)) {
		return p.from.UTC().Format("2 January 2006") + " to " + to.Add(-day).Format("2 January 2006")
	}
	return p.from.UTC().Format("2 January 2006") + " to " + to.Format("2 January 2006 15:04") + " UTC"
}

func section(r Result, used map[string]bool) chart.Section {
	s := chart.Section{ID: r.Report, Title: r.Title, Text: r.Question}
	for _, n := range r.Notes {
		s.Parts = append(s.Parts, chart.Note{Text: n})
	}
	if len(r.Figures) > 0 {
		var f chart.Figures
		for _, x := range r.Figures {
			used[x.Definition] = true
			f.Items = append(f.Items, chart.Figure{Label: x.Label(), Value: x.Format(), Note: x.Made() + x.bounds() + " · " + x.Definition})
		}
		s.Parts = append(s.Parts, f)
	}
	s.Parts = append(s.Parts, r.Parts...)
	for _, t := range r.Tables {
		s.Parts = append(s.Parts, t.page(used))
	}
	return s
}

// bounds tells the interval, "" where there is none.
func (x Number) bounds() string {
	if x.Low == nil || x.High == nil {
		return ""
	}
	u := unit(x.Unit, x.Currency)
	return ", " + u.Format(*x.Low) + " to " + u.Format(*x.High)
}

// maxOpen is how many rows a table may have that is shown without being asked for.
const maxOpen = 40

// page is the table for a page: each number with what it was made of.
func (t Table) page(used map[string]bool) chart.Part {
	out := chart.Table{Title: t.Title, Note: t.Note, Folded: len(t.Rows) > maxOpen}
	columns := t.Columns()
	for _, l := range t.Labels {
		out.Columns = append(out.Columns, chart.Column{Title: l})
	}
	for _, c := range columns {
		out.Columns = append(out.Columns, chart.Column{Title: c.Head(), Numeric: true}, chart.Column{Title: "made of", Numeric: true})
	}
	for _, r := range t.Rows {
		cells := append([]string{}, r.Labels...)
		for _, c := range columns {
			if x, ok := r.number(c); ok {
				cells = append(cells, written(x, c), x.Made())
			} else {
				cells = append(cells, "", "")
			}
		}
		out.Rows = append(out.Rows, cells)
	}
	if len(columns) > 4 || t.Single {
		out = compact(out, t, columns)
	}
	if out.Note != "" {
		out.Note += " "
	}
	ids := t.IDs()
	for _, id := range ids {
		used[id] = true
	}
	out.Note += "Definitions: " + strings.Join(ids, ", ") + "."
	return out
}

// compact leaves out what numbers were made of but for n, where there is no room for more.
func compact(out chart.Table, t Table, columns []Number) chart.Table {
	out.Columns, out.Rows = out.Columns[:len(t.Labels)], nil
	for _, c := range columns {
		out.Columns = append(out.Columns, chart.Column{Title: c.Head(), Numeric: true})
	}
	for _, r := range t.Rows {
		cells := append([]string{}, r.Labels...)
		for _, c := range columns {
			cell := ""
			if x, ok := r.number(c); ok {
				cell = written(x, c)
				if !t.Single {
					cell += " (n " + strconv.FormatInt(x.N, 10) + ")"
				}
			}
			cells = append(cells, cell)
		}
		out.Rows = append(out.Rows, cells)
	}
	if t.Single {
		return out
	}
	out.Note = strings.TrimSpace(out.Note + " In brackets how many cases a number is made from; CSV and JSON hold numerators and denominators.")
	return out
}

// Columns returns one number for each column that rows have, in order of first sight. Numbers of one definition,
// currency and subject are one column; what only some rows have is nothing in the others.
func (t Table) Columns() []Number {
	var out []Number
	for _, r := range t.Rows {
		for _, x := range r.Numbers {
			found := false
			for _, c := range out {
				found = found || c.like(x)
			}
			if !found && len(out) < 60 {
				out = append(out, x)
			}
		}
	}
	if t.long() && len(out) > 0 {
		return []Number{{Title: "value"}}
	}
	return out
}

// long says that each row tells a number of its own, by its label.
func (t Table) long() bool { return t.Key == "kpi" || strings.HasPrefix(t.Key, "bridge_") }

// IDs lists the definitions of the table's numbers, each once.
func (t Table) IDs() []string {
	var ids []string
	for _, r := range t.Rows {
		for _, x := range r.Numbers {
			if !slices.Contains(ids, x.Definition) {
				ids = append(ids, x.Definition)
			}
		}
	}
	return ids
}

// Number returns the row's number in a column.
func (r Row) number(column Number) (Number, bool) {
	if column.Definition == "" && len(r.Numbers) == 1 {
		return r.Numbers[0], true
	}
	for _, x := range r.Numbers {
		if x.like(column) {
			return x, true
		}
	}
	return Number{}, false
}

// Cell returns what a row has in a column, as it is written for people.
func (r Row) Cell(column Number) string {
	x, ok := r.number(column)
	if !ok {
		return ""
	}
	return written(x, column)
}

// written is a number in its column; where the column has numbers of many kinds, with its unit.
func written(x, column Number) string {
	if column.Definition == "" {
		return x.Format()
	}
	return x.Cell()
}

// WriteCSV writes every number of the results on a line of its own.
func WriteCSV(w io.Writer, results []Result) error {
	c := csv.NewWriter(w)
	head := []string{"report", "table", "labels", "definition", "about", "title", "unit", "currency", "value", "numerator", "denominator", "n", "low", "high", "flags", "from", "to"}
	if err := c.Write(head); err != nil {
		return err
	}
	for _, r := range results {
		put := func(table, labels string, x Number) error {
			return c.Write([]string{r.Report, table, safe(labels), x.Definition, safe(x.About), x.Title, x.Unit, x.Currency, text64(x.Value), text64(&x.Numerator), text64(&x.Denominator),
				strconv.FormatInt(x.N, 10), text64(x.Low), text64(x.High), strings.Join(x.Flags, "; "), r.From.Format(time.RFC3339), r.To.Format(time.RFC3339)})
		}
		for _, x := range r.Figures {
			if err := put("figures", "", x); err != nil {
				return err
			}
		}
		for _, t := range r.Tables {
			for _, one := range t.Rows {
				for _, x := range one.Numbers {
					if err := put(t.Key, strings.Join(one.Labels, " | "), x); err != nil {
						return err
					}
				}
			}
		}
	}
	c.Flush()
	return c.Error()
}

// safe keeps a spreadsheet from taking a foreign text for a formula.
func safe(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r") {
		return "'" + s
	}
	return s
}

func text64(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}
