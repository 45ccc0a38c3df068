package chart

// Note is a paragraph set apart: why something is missing, or what to mind.
type Note struct {
	Text string
	// Tone is Fair or Poor for a warning.
	Tone Tone
}

func (n Note) write(o *out) {
	o.put(`<p class="note `, tone(n.Tone), `">`, o.text(n.Text), `</p>`)
}

// Figures are a few numbers that stand out.
type Figures struct {
	Items []Figure
}

// Figure is a number with what it is. Note stands beneath in small print: what it is made of.
type Figure struct {
	Label, Value, Note string
	Tone               Tone
}

func (f Figures) write(o *out) {
	if len(f.Items) == 0 {
		return
	}
	o.put(`<dl class="figures">`)
	for _, i := range f.Items[:min(len(f.Items), maxItems)] {
		o.put(`<div class="figure `, tone(i.Tone), `"><dt>`, o.label(i.Label), `</dt><dd>`, o.label(i.Value), `</dd>`)
		if i.Note != "" {
			o.put(`<dd class="small">`, o.text(i.Note), `</dd>`)
		}
		o.put(`</div>`)
	}
	o.put(`</dl>`)
}

// Table is a table of texts.
type Table struct {
	Title   string
	Columns []Column
	Rows    [][]string
	// Note stands beneath.
	Note string
	// Folded shows the table only when it is asked for.
	Folded bool
}

// Column is a table's column. Numeric ones are set to the right.
type Column struct {
	Title   string
	Numeric bool
}

func (t Table) write(o *out) {
	if t.Folded {
		title := t.Title
		if title == "" {
			title = "Table"
		}
		o.put(`<details><summary>`, o.label(title), `</summary>`)
		t.Title = ""
	}
	o.put(`<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>`)
	if t.Title != "" {
		o.put(`<caption>`, o.label(t.Title), `</caption>`)
	}
	o.put(`<thead><tr>`)
	for _, c := range t.Columns {
		o.put(`<th scope="col"`, class(c), `>`, o.label(c.Title), `</th>`)
	}
	o.put(`</tr></thead><tbody>`)
	for _, row := range t.Rows[:min(len(t.Rows), maxRows)] {
		o.put(`<tr>`)
		for i, c := range t.Columns {
			cell := ""
			if i < len(row) {
				cell = row[i]
			}
			if i == 0 {
				o.put(`<th scope="row"`, class(c), `>`, o.text(cell), `</th>`)
				continue
			}
			o.put(`<td`, class(c), `>`, o.text(cell), `</td>`)
		}
		o.put(`</tr>`)
	}
	o.put(`</tbody></table></div>`)
	if more := len(t.Rows) - maxRows; more > 0 {
		o.put(`<p class="small">… and `, Number(0).Format(float64(more)), ` more rows, which the CSV and JSON hold.</p>`)
	}
	if t.Note != "" {
		o.put(`<p class="small">`, o.text(t.Note), `</p>`)
	}
	if t.Folded {
		o.put(`</details>`)
	}
}

func class(c Column) string {
	if c.Numeric {
		return ` class="num"`
	}
	return ""
}
