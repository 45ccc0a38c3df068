package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// write prints the plan for people.
func (p *policyPlan) write(w io.Writer) {
	fmt.Fprintf(w, "%s in force, %s planned, both at %s\n", p.From, p.To, minute(p.At))
	if len(p.Differences) == 0 {
		fmt.Fprintln(w, "they say the same")
	}
	for _, d := range p.Differences {
		fmt.Fprintln(w, " ", d)
	}
	if !p.VersionCounted {
		fmt.Fprintf(w, "the version must be counted up to %s at least (%s)\n", p.LeastVersion, p.Part)
	}
	fmt.Fprintf(w, "\n%d of %s would change\n", p.Changed, plural(int64(p.Customers), "customer", "customers"))
	writeMoves(w, "stage", p.Stages)
	writeMoves(w, "verdict", p.Verdicts)
	for _, s := range p.Scores {
		s.write(w)
	}
	p.writeSegments(w)
	p.writePlays(w)
	p.writeList(w)
}

// writeMoves prints who goes where, without those who stay.
func writeMoves(w io.Writer, what string, moves []planMove) {
	moves = slices.DeleteFunc(slices.Clone(moves), func(m planMove) bool { return m.From == m.To })
	if len(moves) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := newTable(w, what+" now", "then", "customers", "share of those now there")
	for _, m := range moves {
		t.AppendRow(table.Row{m.From, m.To, m.Customers, percentOf(m.Share)})
	}
	t.Render()
}

func percentOf(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// write prints the matrix of a score's bands: a row is a band of now, with what becomes of it.
func (s planScore) write(w io.Writer) {
	if s.Changed == 0 && s.Moved == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s: %d in another band, %d with another value\n", s.Score, s.Changed, s.Moved)
	var from, to []string
	for _, m := range s.Bands {
		if !slices.Contains(from, m.From) {
			from = append(from, m.From)
		}
		if !slices.Contains(to, m.To) {
			to = append(to, m.To)
		}
	}
	slices.SortFunc(to, func(a, b string) int { return bandRank(a) - bandRank(b) })
	slices.SortFunc(from, func(a, b string) int { return bandRank(a) - bandRank(b) })
	t := newTable(w, append([]string{"now \\ then"}, to...)...)
	for _, f := range from {
		row := table.Row{f}
		for _, k := range to {
			cell := "–"
			if i := slices.IndexFunc(s.Bands, func(m planMove) bool { return m.From == f && m.To == k }); i >= 0 {
				cell = fmt.Sprintf("%d (%s)", s.Bands[i].Customers, percentOf(s.Bands[i].Share))
			}
			row = append(row, cell)
		}
		t.AppendRow(row)
	}
	t.Render()
}

// bandRank puts bands in order, the best first.
func bandRank(band string) int {
	return slices.Index([]string{"green", "yellow", "red", "unknown", unnamed}, band)
}

func (p *policyPlan) writeSegments(w io.Writer) {
	t, any := newTable(w, "segment", "now", "then", "join", "leave"), false
	for _, s := range p.Segments {
		if s.Joins+s.Leaves > 0 {
			t.AppendRow(table.Row{s.Segment, s.Before, s.After, s.Joins, s.Leaves})
			any = true
		}
	}
	if any {
		fmt.Fprintln(w)
		t.Render()
	}
}

func (p *policyPlan) writePlays(w io.Writer) {
	if len(p.Plays) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := newTable(w, "play that comes at once", "mode", "customers", "of these told", "held out", "held back")
	for _, x := range p.Plays {
		t.AppendRow(table.Row{x.Play, x.Mode, x.Fires, x.Told, x.Holdout, x.HeldBack})
	}
	t.Render()
}

func (p *policyPlan) writeList(w io.Writer) {
	for _, x := range p.List {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(x.Name+"  "+x.ID))
		line := func(what string, ch *planChange) {
			if ch != nil {
				fmt.Fprintf(w, "  %-16s %s → %s%s\n", what, valued(ch.From, ch.Before), valued(ch.To, ch.After), because(ch.Reason))
			}
		}
		line("stage", x.Stage)
		for i := range x.Bands {
			line(x.Bands[i].Score, &x.Bands[i])
		}
		line("verdict", x.Verdict)
		for _, part := range []struct {
			what string
			keys []string
		}{{"joins", x.Joins}, {"leaves", x.Leaves}, {"plays", x.Plays}} {
			if len(part.keys) > 0 {
				fmt.Fprintf(w, "  %-16s %s\n", part.what, strings.Join(part.keys, ", "))
			}
		}
	}
	if more := p.Changed - len(p.List); more > 0 {
		fmt.Fprintf(w, "\n… and %d more; --customers %d lists all\n", more, p.Changed)
	}
}

func valued(answer, value string) string {
	if value == "" {
		return answer
	}
	return answer + " " + value
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
