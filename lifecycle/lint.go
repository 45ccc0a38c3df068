package lifecycle

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Warning is something in a policy that works, but hardly as meant.
type Warning struct {
	// Code is stable and dotted, as in rule.shadowed.
	Code string `json:"code"`
	// File, Line and Column say where it stands.
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// String returns "file:line:column: message [code]".
func (w Warning) String() string {
	return fmt.Sprintf("%s:%d:%d: %s [%s]", w.File, w.Line, w.Column, w.Message, w.Code)
}

// warn makes a warning about what stands at a path of the file.
func (p *Policy) warn(code, path, hint, format string, args ...any) Warning {
	line, column := p.where.find(path)
	return Warning{Code: code, File: p.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// Lint tells what in a policy works, but hardly as meant: rules that can never come to anything, stages that nobody can
// leave, weights that hide what they should show. What cannot work at all is an error of Parse.
func Lint(p *Policy) []Warning {
	out := slices.Concat(p.stageWarnings(), p.ruleWarnings(), p.weightWarnings(), p.cardWarnings())
	sortWarnings(out)
	return out
}

func sortWarnings(list []Warning) {
	slices.SortStableFunc(list, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Code, b.Code))
	})
}

// LintKinds tells which rules, metrics and measures look at events that none of the delivered kinds of entity gives.
func LintKinds(p *Policy, delivered []canon.Kind) []Warning {
	var out []Warning
	missing := func(kinds []canon.Kind) []canon.Kind {
		return slices.DeleteFunc(slices.Clone(kinds), func(k canon.Kind) bool { return slices.Contains(delivered, k) })
	}
	const hint = "connect a source that delivers it, or take the rule out"
	for i, r := range p.rules {
		// A rule that looks at several kinds may hold by one of them.
		if lacks := missing(r.when.kinds); len(r.when.kinds) > 0 && len(lacks) == len(r.when.kinds) {
			out = append(out, p.warn("source.missing", p.rulePaths[i], hint, "rule %q can never hold: no connection delivers %s", r.name, kindList(lacks)))
		}
	}
	for i, m := range p.metrics {
		if lacks := missing(m.Needs); m.Shown && len(lacks) > 0 {
			out = append(out, p.warn("source.missing", fmt.Sprintf("metrics[%d].key", i), hint, "metric %q is never known: no connection delivers %s", m.Key, kindList(lacks)))
		}
	}
	for _, set := range p.scores {
		for _, card := range set.cards {
			for _, g := range card.groups {
				for _, m := range g.measures {
					if lacks := missing(m.needs); len(lacks) > 0 && !m.ofSources() {
						out = append(out, p.warn("source.missing", m.path, hint, "measure %q of %s is never known: no connection delivers %s", m.key, set.name, kindList(lacks)))
					}
				}
			}
		}
	}
	sortWarnings(out)
	return out
}

func kindList(kinds []canon.Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = plural(k)
	}
	return strings.Join(names, ", ")
}

// Correlation is how much two measures of a score move together among customers, from −1 to 1.
type Correlation struct {
	Score, A, B string
	Rho         float64
}

// mostCorrelated is beyond which two measures are taken to say the same.
const mostCorrelated = 0.8

// LintCorrelation tells which measures of a score say the same, and so count twice.
func LintCorrelation(p *Policy, found []Correlation) []Warning {
	var out []Warning
	for _, c := range found {
		if math.Abs(c.Rho) <= mostCorrelated {
			continue
		}
		out = append(out, p.warn("measure.redundant", p.measurePath(c.Score, c.A), "keep the one that foretells more (hub backtest suitability), or give both the weight of one",
			"measures %q and %q of %s move together (ρ %s): what they tell counts twice", c.A, c.B, c.Score, decimal(c.Rho)))
	}
	sortWarnings(out)
	return out
}

// measurePath is where a measure stands in the file.
func (p *Policy) measurePath(score, key string) string {
	for _, set := range p.scores {
		for _, card := range set.cards {
			for _, g := range card.groups {
				for _, m := range g.measures {
					if set.name == score && m.key == key {
						return m.path
					}
				}
			}
		}
	}
	return "scorecards"
}

// stageWarnings look at what stages say of themselves.
func (p *Policy) stageWarnings() []Warning {
	var out []Warning
	for i, s := range p.stages {
		path := fmt.Sprintf("stages[%d].key", i)
		if len(p.leaving[i]) == 0 {
			out = append(out, p.warn("stage.no_way_out", path, "add a rule of another stage that has it under from:", "nobody ever leaves stage %q", s.Key))
		}
		exit := slices.ContainsFunc(p.leaving[i], func(r int) bool { return p.stages[p.rules[r].to].Exit })
		if !s.Exit && !exit && p.hasExit() {
			out = append(out, p.warn("stage.no_exit", path, "add exits: to it, because customers leave at every stage", "nobody can leave for good from stage %q", s.Key))
		}
		if len(s.Events) == 0 {
			out = append(out, p.warn("stage.no_events", path, "add events: with the patterns of what happens in it", "stage %q does not say what happens in it", s.Key))
		}
		if s.Doc == "" {
			out = append(out, p.warn("stage.no_doc", path, "add doc: with one sentence", "stage %q does not say what it means", s.Key))
		}
	}
	if !p.hasExit() {
		out = append(out, p.warn("stage.no_end", "stages", "add a stage with exit: true", "there is no stage for those who left"))
	}
	return out
}

func (p *Policy) hasExit() bool {
	return slices.ContainsFunc(p.stages, func(s stage) bool { return s.Exit })
}
