package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Verdict describes one of the words that sum a customer's scores up, in the order in which they are tried.
type Verdict struct {
	Key, Title string
}

type verdict struct {
	Verdict
	when   Rule
	reason Sentence
}

// Verdicts lists the verdicts in the order of the policy file.
func (p *Policy) Verdicts() []Verdict {
	out := make([]Verdict, len(p.verdicts))
	for i, v := range p.verdicts {
		out[i] = v.Verdict
	}
	return out
}

// conclude gives a finished assessment its verdict, the first whose rule holds, and returns when that may next change
// with time alone; zero for never.
func (p *Policy) conclude(a *canon.Assessment, fields map[string]string) (next time.Time) {
	a.Verdict, a.VerdictReason = "", ""
	view := View{a, fields}
	for i := range p.verdicts {
		v := &p.verdicts[i]
		if at := v.when.Next(view); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
		if a.Verdict == "" && v.when.Holds(view) {
			a.Verdict, a.VerdictReason = v.Key, v.reason.Say(view)
		}
	}
	return next
}

// verdicts compiles the verdicts of the spec.
func (b *builder) verdicts(specs []verdictSpec) {
	for i, s := range specs {
		path := fmt.Sprintf("verdicts[%d]", i)
		b.key(path+".key", s.Key)
		if slices.ContainsFunc(b.policy.verdicts, func(v verdict) bool { return v.Key == s.Key }) {
			b.fault(path+".key", "give each verdict its own key", "verdict %q stands twice", s.Key)
		}
		v := verdict{Verdict: Verdict{s.Key, s.Title}}
		if v.Title == "" {
			v.Title = s.Key
		}
		v.when = b.viewRule(path+".when", s.When)
		for _, u := range v.when.uses {
			if u.kind == "verdict" || u.kind == "segment" {
				b.fault(path+".when", "use score(), band(), stage() and flag()", "a verdict cannot rest on a %s: those come after it", u.kind)
			}
		}
		source := s.Reason
		if source == "" {
			source = v.Title
		}
		v.reason = b.sentence(path+".reason", source)
		b.policy.verdicts = append(b.policy.verdicts, v)
	}
}

// viewRule compiles a rule about finished assessments and complains about names that the policy does not have.
func (b *builder) viewRule(path, source string) Rule {
	r, err := compileRule(source)
	if err != nil {
		b.fault(path, viewHint(err), "%v", err)
		return Rule{}
	}
	b.viewNames(path, r.uses)
	return r
}

// sentence compiles a sentence about finished assessments.
func (b *builder) sentence(path, source string) Sentence {
	s, uses, err := compileSentence(source)
	if err != nil {
		b.fault(path, `figures stand in braces, as in {score("health")}`, "%v", err)
		return nil
	}
	b.viewNames(path, uses)
	return s
}

// viewNames complains about names of stages, flags, scores and bands that the policy does not have. Segments and
// metrics are known to those who compile them.
func (b *builder) viewNames(path string, uses []viewName) {
	for _, u := range uses {
		var known []string
		switch u.kind {
		case "stage":
			known = append(b.stageKeys(), "")
		case "flag":
			known = []string{flagUnconfirmed}
			for _, f := range b.policy.flags {
				known = append(known, f.Key)
			}
		case "score":
			known = b.policy.scoreNames()
		case "band":
			known = []string{"green", "yellow", "red", bandUnknown}
		default:
			continue
		}
		if !slices.Contains(known, u.name) {
			b.fault(path, fmt.Sprintf("the policy has %s", strings.TrimRight(strings.Join(known, ", "), ", ")), "%s %q is unknown", u.kind, u.name)
		}
	}
}

func viewHint(err error) string {
	if !strings.Contains(err.Error(), "unknown name") {
		return "the shipped policy (hub init writes it) has rules to copy from"
	}
	return "rules about assessments have score, band, card, coverage, capped, days_in_band, verdict, stage, days_in_stage, cycle, flag, in_segment, metric, field, number, mrr and known"
}
