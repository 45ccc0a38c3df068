package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/lifecyclehub/hub/lifecycle"
)

// policyPage is what show tells of a policy.
type policyPage struct {
	Policy     string                `json:"policy"`
	Doc        string                `json:"doc,omitempty"`
	Stages     []lifecycle.Stage     `json:"stages"`
	Rules      []lifecycle.Edge      `json:"rules"`
	Flags      []lifecycle.Flag      `json:"flags"`
	Scores     []string              `json:"scores"`
	Metrics    []lifecycle.Metric    `json:"metrics"`
	Parameters []lifecycle.Parameter `json:"parameters"`
}

func (c *cli) showPolicy(args []string) error {
	p, err := c.policyNamed(args)
	if err != nil {
		return c.wrong(c.err, err)
	}
	page := policyPage{Policy: p.Name(), Doc: p.Doc(), Stages: p.Stages(), Rules: p.Rules(), Flags: p.Flags(), Scores: p.ScoreNames(), Metrics: p.Metrics(), Parameters: p.Parameters()}
	if c.json {
		return c.print(page)
	}
	fmt.Fprintf(c.out, "%s\n%s\n", page.Policy, page.Doc)
	for _, s := range page.Stages {
		c.showStage(s, page.Rules)
	}
	fmt.Fprintln(c.out)
	t := newTable(c.out, "flag", "meaning", "parameter", "value", "meaning")
	for i := range max(len(page.Flags), len(page.Parameters)) {
		row := table.Row{"", "", "", "", ""}
		if i < len(page.Flags) {
			row[0], row[1] = page.Flags[i].Key, page.Flags[i].Label
		}
		if i < len(page.Parameters) {
			row[2], row[3], row[4] = page.Parameters[i].Key, page.Parameters[i].Value, page.Parameters[i].Doc
		}
		t.AppendRow(row)
	}
	t.Render()
	fmt.Fprintf(c.out, "\nscores: %s\nmetrics: %d (hub lifecycle markdown lists them)\n", strings.Join(page.Scores, ", "), len(page.Metrics))
	return nil
}

// showStage tells a stage with its rules, each on a line of its own: they are too long for a table.
func (c *cli) showStage(s lifecycle.Stage, rules []lifecycle.Edge) {
	fmt.Fprintf(c.out, "\n%s (%s)\n  %s\n", s.Label, s.Key, s.Doc)
	line := func(what, text string) {
		if text != "" {
			fmt.Fprintf(c.out, "  %-9s %s\n", what, text)
		}
	}
	line("events", strings.Join(s.Events, " "))
	line("metrics", strings.Join(s.Metrics, " "))
	line("owner", strings.Join(s.Owners.Responsible, ", "))
	if s.Stuck != nil {
		stuck := fmt.Sprintf("after %g days", s.Stuck.Value)
		for _, one := range s.Stuck.By {
			stuck += fmt.Sprintf(", %g where %s", one.Value, one.When)
		}
		line("stuck", stuck)
	}
	for _, r := range rules {
		if r.To == s.Key {
			line("in by", r.Rule+" from "+strings.Join(r.From, ", ")+heldFor(r)+": "+r.When)
		}
	}
	for _, r := range rules {
		if slices.Contains(r.From, s.Key) {
			line("out by", r.Rule+" to "+r.To)
		}
	}
}

// heldFor says how long a rule must hold, and whether a turn begins by it.
func heldFor(r lifecycle.Edge) string {
	var out string
	if r.For != "" {
		out += ", for " + r.For
	}
	if r.NextCycle {
		out += ", as another turn"
	}
	return out
}
