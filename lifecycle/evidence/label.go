package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// The kinds of outcome.
const (
	outcomeChurn       = "churn"
	outcomeContraction = "contraction"
	outcomeExpansion   = "expansion"
	outcomeSilence     = "silence"
	outcomeEvent       = "event"
	outcomeEnter       = "enter"
	outcomeAdvance     = "advance"
	outcomeRule        = "rule"
	outcomeNone        = "none"
)

// LabelAuto asks for the first of churn, event:subscription.ended and contraction:10% that ever came about.
const LabelAuto = "auto"

// Label is the outcome that a backtest asks about.
type Label struct {
	// Text is the label as it was given, Title says what it is of a customer in a few words.
	Text, Title string
	// Days is the horizon that the label itself names, 0 where it names none.
	Days int

	kind, pattern, stage string
	share                float64
	match                matcher
	rule                 *lifecycle.Policy
}

// ParseLabel reads a label: churn, contraction:10%, expansion, silence:PATTERN:DAYS, event:PATTERN, enter:STAGE, advance, or
// a rule in the language of policies, which is asked at the end of the horizon.
func ParseLabel(text string) (Label, error) {
	l := Label{Text: strings.TrimSpace(text)}
	kind, rest, _ := strings.Cut(l.Text, ":")
	var err error
	switch kind {
	case outcomeChurn, outcomeExpansion, outcomeAdvance, outcomeNone:
		if rest != "" {
			return l, badLabel(text, "%s takes nothing behind a colon", kind)
		}
		l.kind = kind
		l.Title = map[string]string{outcomeChurn: "left", outcomeExpansion: "pays more", outcomeAdvance: "moved forward", outcomeNone: "no outcome"}[kind]
	case outcomeContraction:
		l.kind = kind
		err = l.contraction(rest)
	case outcomeSilence:
		l.kind = kind
		err = l.silence(rest)
	case outcomeEvent:
		l.kind, l.pattern, l.Title = kind, rest, "has "+rest
		err = l.pick()
	case outcomeEnter:
		if rest == "" {
			return l, badLabel(text, "enter names no stage")
		}
		l.kind, l.stage, l.Title = kind, rest, "entered "+rest
	default:
		l.kind, l.Title = outcomeRule, l.Text
		l.rule, err = rulePolicy(l.Text)
	}
	if err != nil {
		return l, badLabel(text, "%w", err)
	}
	return l, nil
}

func badLabel(text, format string, args ...any) error {
	return canon.Errorf("request.label", "the label %.80q cannot be read: "+format, append([]any{text}, args...)...).
		WithHint(`use churn, contraction:10%%, expansion, silence:invoice.paid:90, event:subscription.ended, enter:STAGE, advance, or a rule such as exists("ticket.escalated", 90)`)
}

func (l *Label) contraction(share string) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(share), "%")
	if share == "" {
		number, percent = "10", true
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return fmt.Errorf("%q is no share", share)
	}
	if percent {
		v /= 100
	}
	if !(v > 0 && v <= 1) {
		return fmt.Errorf("a share of %s lies not between 0 and 100 %%", share)
	}
	l.share, l.Title = v, fmt.Sprintf("pays at least %.4g %% less", v*100)
	return nil
}

// maxLabelDays bounds the horizon that a label may name.
const maxLabelDays = 3650

func (l *Label) silence(rest string) error {
	at := strings.LastIndexByte(rest, ':')
	if at < 0 {
		return errors.New("silence needs a pattern and days, as in silence:invoice.paid:90")
	}
	days, err := strconv.Atoi(strings.TrimSuffix(rest[at+1:], "d"))
	if err != nil || days < 1 || days > maxLabelDays {
		return fmt.Errorf("%q is no number of days", rest[at+1:])
	}
	l.Days, l.pattern = days, rest[:at]
	l.Title = fmt.Sprintf("had no %s for %d days", l.pattern, days)
	return l.pick()
}

// pick compiles the pattern, by the same rules as a policy's.
func (l *Label) pick() error {
	quoted, err := json.Marshal(l.pattern)
	if err != nil {
		return err
	}
	if _, err := rulePolicy("exists(" + string(quoted) + ")"); err != nil {
		return err
	}
	l.match = newMatcher(l.pattern)
	return nil
}

// rulePolicy compiles a rule as the only flag of a policy in which every customer with a past stands.
func rulePolicy(rule string) (*lifecycle.Policy, error) {
	quoted, err := json.Marshal(rule)
	if err != nil {
		return nil, err
	}
	p, err := lifecycle.Parse("label", []byte(fmt.Sprintf(labelPolicy, quoted)))
	var complaints lifecycle.Complaints
	if errors.As(err, &complaints) && len(complaints) > 0 {
		return nil, errors.New(complaints[0].Message)
	}
	return p, err
}

// labelPolicy carries a rule. Its scorecard says nothing that anybody reads: a policy must have one.
const labelPolicy = `policy: label
version: 1.0.0
stages:
  - key: here
    label: Here
    customer: true
    enter:
      - {from: start, when: 'exists("*")', reason: It has a past}
flags:
  - key: label
    label: Label
    when: %s
scorecards:
  - name: health
    version: 1.0.0
    intent: Nothing
    outcome: Nothing
    groups:
      - key: all
        title: All
        weight: 100
        measures:
          - {key: past, title: Past, weight: 100, value: 'count("*")', curve: {linear: {worst: 0, best: 1}}, reason: 'Its past'}
`

// matcher takes events by a pattern: types, prefixes that end in ".*", "*", each with an optional direction behind a colon.
type matcher []struct{ typ, direction string }

func newMatcher(pattern string) matcher {
	var m matcher
	for part := range strings.SplitSeq(pattern, "|") {
		typ, direction, _ := strings.Cut(strings.TrimSpace(part), ":")
		m = append(m, struct{ typ, direction string }{typ, direction})
	}
	return m
}

func (m matcher) takes(e *canon.Event) bool {
	for _, a := range m {
		prefix, any := strings.CutSuffix(a.typ, "*")
		if e.Type != a.typ && (!any || !strings.HasPrefix(e.Type, prefix)) {
			continue
		}
		if direction, _ := e.Data["direction"].(string); a.direction == "" || a.direction == direction {
			return true
		}
	}
	return false
}

// standing is what a label says of a customer at a moment.
type standing int

const (
	negative standing = iota
	positive
	// inGap: the outcome is decided within the lead gap, too soon to act on.
	inGap
	// decided: the outcome was decided before, though it may come about later.
	decided
	// censored: observation ends before the outcome can be told.
	censored
	// unfit: the question does not arise for the customer.
	unfit
)

// decision is when an outcome was decided, and when it came about.
type decision struct{ decided, came time.Time }

// scope is the span that a label looks at: from the moment to the gap's end, and on to the horizon's.
type scope struct{ at, open, close time.Time }

// outcome tells how the customer fared after a moment. The decision is zero where the outcome has no moment of its own.
func (l *Label) outcome(s *subject, w scope, end time.Time) (standing, decision) {
	switch l.kind {
	case outcomeNone:
		return negative, decision{}
	case outcomeSilence:
		return l.silent(s, w, end), decision{}
	case outcomeContraction, outcomeExpansion, outcomeRule:
		if w.close.After(end) {
			return censored, decision{}
		}
		return l.asked(s, w), decision{}
	}
	for _, d := range s.decisions(l) {
		switch {
		case !d.came.After(w.at):
			continue
		case !d.decided.After(w.at):
			return decided, d
		case !d.decided.After(w.open):
			return inGap, d
		case w.close.After(end):
			return censored, d
		case !d.decided.After(w.close):
			return positive, d
		}
		return negative, decision{}
	}
	if w.close.After(end) {
		return censored, decision{}
	}
	return negative, decision{}
}

// silent tells of a label of silence. A customer who has been silent for as long already has answered the question.
func (l *Label) silent(s *subject, w scope, end time.Time) standing {
	active := false
	stop := w.open.AddDate(0, 0, l.Days)
	heard := false
	for i := range s.final {
		e := &s.final[i]
		if !l.match.takes(e) {
			continue
		}
		switch at := e.OccurredAt; {
		case !at.After(w.at):
			active = active || at.After(w.at.AddDate(0, 0, -l.Days))
		case at.After(w.open) && !at.After(stop):
			heard = true
		}
	}
	switch {
	case !active:
		return unfit
	case stop.After(end):
		return censored
	case heard:
		return negative
	}
	return positive
}

// asked tells of a label that compares two moments, or asks a rule at the end of the horizon.
func (l *Label) asked(s *subject, w scope) standing {
	if l.kind == outcomeRule {
		a, _ := s.inForce(&s.closes, l.rule).assess(lifecycle.Facts{Customer: s.id, Type: s.typ, Since: s.end}, w.close)
		if len(a.Flags) > 0 {
			return positive
		}
		return negative
	}
	before, after := s.recurring(&s.opens, w.open), s.recurring(&s.closes, w.close)
	switch {
	case before <= 0:
		return unfit
	case l.kind == outcomeContraction && after <= before*(1-l.share)+1e-9:
		return positive
	case l.kind == outcomeExpansion && after > before:
		return positive
	}
	return negative
}
