package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown tells the policy as a page: the graph, each stage with how it is entered and left, flags, scores, metrics and
// parameters.
func (p *Policy) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Lifecycle policy %s\n\n", p.Name())
	if p.spec.Doc != "" {
		fmt.Fprintf(&b, "%s\n\n", p.spec.Doc)
	}
	fmt.Fprintf(&b, "```mermaid\n%s```\n\n", p.Mermaid())
	p.drawStages(&b)
	p.drawFlags(&b)
	p.drawScores(&b)
	p.drawMetrics(&b)
	p.drawParameters(&b)
	return b.String()
}

// cellText makes a text fit for a cell of a table.
func cellText(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "\\|")
}

// code quotes a piece of the policy; inside tables a bar must be escaped even there.
func code(s string) string {
	if s = cellText(s); s == "" {
		return ""
	}
	return "`" + s + "`"
}

func tableRowOf(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func tableHead(b *strings.Builder, titles ...string) {
	tableRowOf(b, titles...)
	b.WriteString(strings.Repeat("|---", len(titles)) + "|\n")
}

func (p *Policy) drawStages(b *strings.Builder) {
	b.WriteString("## Stages\n\n")
	tableHead(b, "stage", "meaning", "stuck after", "responsible", "accountable", "consulted", "informed")
	for _, s := range p.stages {
		label := s.Label
		switch {
		case s.Exit:
			label += " (exit)"
		case s.Customer:
			label += " (customer)"
		}
		tableRowOf(b, cellText(label), cellText(s.Doc), s.Stuck.words(), cellText(strings.Join(s.Owners.Responsible, ", ")),
			cellText(strings.Join(s.Owners.Accountable, ", ")), cellText(strings.Join(s.Owners.Consulted, ", ")), cellText(strings.Join(s.Owners.Informed, ", ")))
	}
	for i, s := range p.stages {
		fmt.Fprintf(b, "\n### %s\n\n", s.Label)
		if len(s.Events) > 0 {
			fmt.Fprintf(b, "What happens in it: %s\n\n", codes(s.Events))
		}
		if len(s.Metrics) > 0 {
			fmt.Fprintf(b, "Metrics that matter: %s\n\n", codes(s.Metrics))
		}
		tableHead(b, "entered by", "from", "when", "for", "reason code")
		for _, r := range p.rules {
			if r.to == i {
				p.drawRule(b, r, p.fromWords(r))
			}
		}
		b.WriteString("\n")
		tableHead(b, "left by", "to", "when", "for", "reason code")
		for _, k := range p.leaving[i] {
			p.drawRule(b, p.rules[k], p.stages[p.rules[k].to].Label)
		}
	}
	b.WriteString("\n")
}

func codes(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = code(s)
	}
	return strings.Join(out, ", ")
}

// words tells a parameter's value and what it depends on.
func (p *Parameter) words() string {
	if p == nil {
		return ""
	}
	out := decimal(p.Value)
	if p.Unit != "" {
		out += " " + p.Unit
	}
	for _, c := range p.By {
		out += fmt.Sprintf("; %s where %s", decimal(c.Value), code(c.When))
	}
	return out
}

func (p *Policy) fromWords(r rule) string {
	var out []string
	for _, from := range r.from {
		if from == len(p.stages) {
			out = append(out, "(nobody yet)")
			continue
		}
		out = append(out, p.stages[from].Label)
	}
	return cellText(strings.Join(out, ", "))
}

func (p *Policy) drawRule(b *strings.Builder, r rule, other string) {
	name := r.name
	if r.nextCycle {
		name += " (next turn)"
	}
	tableRowOf(b, cellText(name), cellText(other), code(r.when.source), dwellWords(r.dwell), cellText(r.code))
}

func dwellWords(dwell int64) string {
	switch {
	case dwell == 0:
		return ""
	case dwell%day == 0:
		return fmt.Sprintf("%d d", dwell/day)
	}
	return fmt.Sprintf("%d h", dwell/(day/24))
}

func (p *Policy) drawFlags(b *strings.Builder) {
	if len(p.flags) == 0 {
		return
	}
	b.WriteString("## Flags\n\n")
	tableHead(b, "flag", "meaning", "in", "when")
	for _, f := range p.flags {
		in := "every stage"
		if len(f.stages) < len(p.stages) {
			var labels []string
			for _, s := range f.stages {
				labels = append(labels, p.stages[s].Label)
			}
			in = strings.Join(labels, ", ")
		}
		meaning := f.Label
		if f.Doc != "" {
			meaning += ": " + f.Doc
		}
		when := f.when.source
		if stage := p.stages[f.stages[0]]; f.Key == flagStuck && stage.Stuck != nil {
			when = fmt.Sprintf("days_in_stage() >= %s", decimal(stage.Stuck.Value))
		}
		tableRowOf(b, code(f.Key), cellText(meaning), cellText(in), code(when))
	}
	b.WriteString("\n")
}

func (p *Policy) drawScores(b *strings.Builder) {
	if len(p.spec.Scorecards) == 0 {
		return
	}
	b.WriteString("## Scores\n")
	for _, card := range p.spec.Scorecards {
		fmt.Fprintf(b, "\n### %s\n\n%s\n\n", cardKey(card), strings.Join(strings.Fields(card.Intent), " "))
		tableHead(b, "group", "measure", "weight", "of 100", "value")
		for _, g := range card.Groups {
			for _, m := range g.Measures {
				title, group := m.Title, g.Title
				if title == "" {
					title = m.Key
				}
				if group == "" {
					group = g.Key
				}
				tableRowOf(b, cellText(group), cellText(title), decimal(m.Weight), decimal(g.Weight*m.Weight/100), code(m.Value))
			}
		}
		for _, c := range card.Caps {
			fmt.Fprintf(b, "\nHeld at %s: %s", decimal(c.Max), code(c.When))
		}
		if len(card.Caps) > 0 {
			b.WriteString("\n")
		}
	}
	b.WriteString("\n")
}

func (p *Policy) drawMetrics(b *strings.Builder) {
	if len(p.metrics) == 0 {
		return
	}
	b.WriteString("## Metrics\n\n")
	tableHead(b, "metric", "title", "unit", "lists", "of", "how")
	for _, m := range p.spec.Metrics {
		tableRowOf(b, code(m.Key), cellText(m.Title), cellText(m.Unit), cellText(strings.Join(m.Lists, ", ")), cellText(m.Of), m.how())
	}
	b.WriteString("\n")
}

// how tells in a few words what a metric is made of.
func (m metricSpec) how() string {
	var out []string
	add := func(words, s string) {
		if s != "" {
			out = append(out, strings.TrimSpace(words+" "+code(s)))
		}
	}
	add("", m.Value)
	add("", m.Numerator)
	add("over", m.Denominator)
	add("of", m.Metric)
	add("", m.Events)
	add("where", m.Where)
	add("by", m.By)
	add("over", m.Over)
	if len(m.Features) > 0 {
		out = append(out, "of "+codes(m.Features))
	}
	add("in", m.Window)
	add("against", m.Base)
	if m.Per == "person" {
		out = append(out, "per person, "+m.Across+" across")
	}
	return strings.Join(out, " ")
}

func (p *Policy) drawParameters(b *strings.Builder) {
	if len(p.spec.Parameters) == 0 {
		return
	}
	b.WriteString("## Parameters\n\n")
	tableHead(b, "parameter", "meaning", "value")
	for _, key := range slices.Sorted(maps.Keys(p.spec.Parameters)) {
		for _, one := range p.parameters {
			if one.Key == key {
				tableRowOf(b, code(key), cellText(one.Doc), one.words())
			}
		}
	}
}
