// Package chart writes pages of figures, tables and charts as one HTML file that needs nothing beside it: styles and
// drawings are in the file, there is no script, it is light or dark as the reader's system is, it prints, and every
// drawing says in words what it shows.
//
// It knows nothing of customers and works nothing out: it draws the numbers that it is given. Every text may come from
// anywhere; all of it is escaped and bounded.
package chart

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
	"time"
)

//go:embed page.css
var style string

// Page is one HTML file.
type Page struct {
	Title, Subtitle string
	// Generated is told at the foot of the page; zero is not told.
	Generated time.Time
	Sections  []Section
}

// Section is a part of a page with a heading. ID is what links to it lead to; it is made from Title where it is "".
type Section struct {
	ID, Title, Text string
	Parts           []Part
}

// Part is a Note, Figures, Table, Line, Bars, Stacked, Heatmap, Waterfall, Funnel, Scatter or Steps.
type Part interface {
	write(o *out)
}

// Bounds of what is drawn and written.
const (
	maxPoints = 2000
	maxRows   = 2000
	maxItems  = 60
	maxSeries = 12
	maxLabel  = 160
	maxText   = 4000
)

// WriteTo writes the page.
func (p Page) WriteTo(w io.Writer) (int64, error) {
	o := &out{}
	o.put(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"/>`)
	o.put(`<meta name="viewport" content="width=device-width, initial-scale=1"/><meta name="color-scheme" content="light dark"/>`)
	o.put(`<title>`, o.label(p.Title), `</title><style>`, style, `</style></head><body><main>`)
	o.put(`<header><h1>`, o.label(p.Title), `</h1>`)
	if p.Subtitle != "" {
		o.put(`<p class="subtitle">`, o.text(p.Subtitle), `</p>`)
	}
	o.put(`</header>`)
	ids := sectionIDs(p.Sections)
	if len(p.Sections) > 1 {
		o.put(`<nav aria-label="Contents"><h2>Contents</h2><ol>`)
		for i, s := range p.Sections {
			o.put(`<li><a href="#`, ids[i], `">`, o.label(s.Title), `</a></li>`)
		}
		o.put(`</ol></nav>`)
	}
	for i, s := range p.Sections {
		o.put(`<section id="`, ids[i], `"><h2>`, o.label(s.Title), `</h2>`)
		if s.Text != "" {
			o.put(`<p class="lead">`, o.text(s.Text), `</p>`)
		}
		for _, part := range s.Parts {
			if part != nil {
				part.write(o)
			}
		}
		o.put(`</section>`)
	}
	if !p.Generated.IsZero() {
		o.put(`<footer>Generated `, p.Generated.UTC().Format("2 January 2006 15:04"), ` UTC</footer>`)
	}
	o.put("</main></body></html>\n")
	n, err := io.WriteString(w, o.b.String())
	return int64(n), err
}

// sectionIDs returns an id for every section, each once.
func sectionIDs(sections []Section) []string {
	ids, taken := make([]string, len(sections)), map[string]bool{}
	for i, s := range sections {
		id := slug(s.ID)
		if id == "" {
			id = slug(s.Title)
		}
		if id == "" {
			id = "section"
		}
		base := id
		for n := 2; taken[id]; n++ {
			id = fmt.Sprintf("%s-%d", base, n)
		}
		taken[id] = true
		ids[i] = id
	}
	return ids
}

// slug makes a text fit for an id.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 60 {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}
