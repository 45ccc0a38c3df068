package lifecycle

import (
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
)

// The shipped policies are what the linter wants policies to be.
func TestPacksLintClean(t *testing.T) {
	packs(t, func(t *testing.T, p *Policy) {
		for _, w := range Lint(p) {
			t.Error(w)
		}
		if w := LintKinds(p, canon.Kinds()); len(w) > 0 {
			t.Error(w)
		}
	})
}

// lintOf returns the codes of what the linter says of a policy with the stages and a sound scorecard.
func lintOf(t *testing.T, stages string) string {
	t.Helper()
	p, err := Parse("p.yaml", []byte("policy: p\nversion: 1.0.0\nstages:\n"+stages+soundCard))
	if err != nil {
		t.Fatal(complaintsOf(t, err))
	}
	var codes []string
	for _, w := range Lint(p) {
		if w.Line < 1 || w.Column < 1 || w.Hint == "" || w.File != "p.yaml" {
			t.Errorf("warning without place or hint: %+v", w)
		}
		if strings.HasPrefix(w.Code, "stage.") || strings.HasPrefix(w.Code, "rule.") {
			codes = append(codes, w.Code)
		}
	}
	return strings.Join(codes, " ")
}

const soundCard = `scorecards:
  - name: health
    intent: Whether they stay.
    outcome: They stay.
    groups:
      - {key: a, weight: 40, measures: [{key: a, weight: 100, value: 'count("usage.*", 30)', leading: true, influenceable: false, curve: {linear: {worst: 0, best: 9}}}]}
      - {key: b, weight: 40, measures: [{key: b, weight: 100, value: 'count("touch.*", 30)', leading: true, influenceable: false, curve: {linear: {worst: 0, best: 9}}}]}
      - {key: c, weight: 20, measures: [{key: c, weight: 100, value: 'count("invoice.*", 30)', influenceable: false, curve: {linear: {worst: 0, best: 9}}}]}
`

func TestLint(t *testing.T) {
	const begin = `  - {key: a, doc: d, events: ['deal.*'], customer: true, enter: [{rule: r1, from: start, when: 'exists("*")', reason: seen}], exits: [{rule: x1, when: 'exists("subscription.ended")', reason: gone, reason_code: gone}]}
`
	const end = `  - {key: z, doc: d, events: ['deal.*'], exit: true, enter: [{rule: r9, from: a, when: 'count("deal.lost") > 3', reason: gone}]}
`
	const back = `  - {key: y, doc: d, events: ['deal.*'], exit: true, enter: [{rule: r8, from: z, when: 'exists("deal.won")', reason: gone}]}
`
	for _, c := range []struct{ name, stages, want string }{
		{"a stage that nobody leaves", begin + end, "stage.no_way_out"},
		{"no exit, no events, no doc", begin + `  - {key: b, enter: [{rule: r2, from: a, when: 'exists("deal.won")', reason: won}]}
` + end + back, "stage.no_doc stage.no_events stage.no_exit stage.no_way_out stage.no_way_out"},
		{"no end", `  - {key: a, doc: d, events: ['deal.*'], customer: true, enter: [{rule: r1, from: start, when: 'exists("*")', reason: seen}]}
`, "stage.no_end stage.no_way_out"},
		{"a rule in the shadow", begin + `  - {key: b, doc: d, events: ['deal.*'], enter: [{rule: r2, from: a, when: 'exists("deal.won")', reason: won, precedence: 2}], exits: [{rule: x2, when: 'exists("deal.lost")', reason: gone, reason_code: gone}]}
  - {key: c, doc: d, events: ['deal.*'], enter: [{rule: r3, from: a, when: 'count("usage.*") > 3 and exists("deal.won")', reason: won}, {rule: r4, from: a, when: 'exists("quote.sent")', reason: sent}], exits: [{rule: x3, when: 'exists("deal.lost")', reason: gone, reason_code: gone}]}
` + end, "rule.shadowed stage.no_way_out"},
		{"a dwelling rule shades nothing quicker", begin + `  - {key: b, doc: d, events: ['deal.*'], enter: [{rule: r2, from: a, when: 'exists("deal.won")', for: 3d, reason: won, precedence: 2}], exits: [{rule: x2, when: 'exists("deal.lost")', reason: gone, reason_code: gone}]}
  - {key: c, doc: d, events: ['deal.*'], enter: [{rule: r3, from: a, when: 'exists("deal.won")', reason: won}], exits: [{rule: x3, when: 'exists("deal.lost")', reason: gone, reason_code: gone}]}
` + end, "stage.no_way_out"},
		{"a circle", begin + `  - {key: b, doc: d, events: ['deal.*'], enter: [{rule: r2, from: [a, c], allow_backward: true, when: 'exists("deal.won")', reason: won}], exits: [{rule: x2, when: 'exists("deal.lost")', reason: gone, reason_code: gone}]}
  - {key: c, doc: d, events: ['deal.*'], enter: [{rule: r3, from: b, when: 'exists("deal.won") and count("usage.*") > 3', reason: won}], exits: [{rule: x3, when: 'exists("deal.lost")', reason: gone, reason_code: gone}]}
` + end, "rule.contradicts stage.no_way_out"},
		{"never, and twice", begin + `  - {key: b, doc: d, events: ['deal.*'], enter: [{rule: r1, from: a, when: 'exists("deal.won") and not exists("deal.won")', reason: won}], exits: [{rule: x2, when: 'exists("deal.lost")', reason: gone, reason_code: gone}]}
` + end, "rule.never rule.twice stage.no_way_out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := lintOf(t, c.stages); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLintWeights(t *testing.T) {
	src := `policy: p
version: 1.0.0
stages:
  - {key: a, doc: d, events: ['deal.*'], customer: true, enter: [{rule: r1, from: start, when: 'exists("*")', reason: seen}], exits: [{rule: x1, when: 'exists("subscription.ended")', reason: gone, reason_code: gone}]}
  - {key: z, doc: d, events: ['deal.*'], exit: true, enter: [{rule: r9, from: a, when: 'count("deal.lost") > 3', reason: gone}, {rule: r8, from: a, when: 'exists("deal.won")', reason: gone}]}
scorecards:
  - name: health
    intent: Whether they stay.
    outcome: They stay.
    groups:
      - {key: a, weight: 60, measures: [{key: a, weight: 100, value: 'count("usage.*", 30)', influenceable: true, curve: {linear: {worst: 0, best: 9}}}]}
      - {key: b, weight: 40, measures: [{key: b, weight: 90, value: 'count("touch.*", 30)', leading: true, influenceable: false, curve: {linear: {worst: 0, best: 9}}}, {key: c, weight: 10, value: 'count("survey.*", 30)', influenceable: false, curve: {linear: {worst: 0, best: 9}}}]}
`
	p, err := Parse("p.yaml", []byte(src))
	if err != nil {
		t.Fatal(complaintsOf(t, err))
	}
	codes := map[string]bool{}
	for _, w := range Lint(p) {
		codes[w.Code] = true
	}
	for _, want := range []string{"weight.group", "weight.measure", "weight.leading", "measure.no_play"} {
		if !codes[want] {
			t.Errorf("%s is not told: %v", want, Lint(p))
		}
	}
	if w := LintCorrelation(p, []Correlation{{"health", "a", "b", -0.9}, {"health", "a", "c", 0.8}}); len(w) != 1 || w[0].Code != "measure.redundant" || w[0].Line != 11 {
		t.Errorf("correlation: %v", w)
	}
	if w := LintKinds(p, []canon.Kind{canon.KindUsage, canon.KindActivity, canon.KindDeal, canon.KindSubscription}); len(w) != 1 || !strings.Contains(w[0].Message, "survey answers") {
		t.Errorf("kinds: %v", w)
	}
}
