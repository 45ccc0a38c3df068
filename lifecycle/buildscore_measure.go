package lifecycle

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// measure compiles one measure.
func (b *builder) measure(path string, s measureSpec) measure {
	m := measure{
		key: s.Key, title: s.Title, unit: s.Unit, counted: s.Counted, doc: s.Doc, weight: s.Weight, only: s.Only, path: path,
		required: true, influenceable: true, leading: s.Leading, integer: s.Whole, play: s.Play, hypothesis: s.Hypothesis, good: 70, fair: 40,
	}
	b.weight(path+".weight", s.Weight)
	if m.title == "" {
		m.title = s.Key
	}
	m.missing = b.absence(path+".missing", s.Missing)
	if s.Only != "" && s.Only != "company" && s.Only != "person" {
		b.fault(path+".only", "leave it out for both", "only must be company or person, not %q", s.Only)
	}
	if s.Required != nil {
		m.required = *s.Required
	}
	if s.Influenceable != nil {
		m.influenceable = *s.Influenceable
	}
	b.classes(path, s, &m)
	b.ageing(path, s, &m)
	if s.OnlyIf != "" {
		if m.onlyIf = b.rule(path+".only_if", s.OnlyIf); m.onlyIf != nil {
			m.rests |= setOf(m.onlyIf.kinds)
		}
	}
	if s.Sources != nil {
		b.sources(path, s, &m)
	} else if !b.value(path, s, &m) {
		return m
	}
	b.words(path, s, &m)
	b.direction(path, s, &m)
	return m
}

func (b *builder) absence(path, word string) absence {
	switch word {
	case "", "redistribute", "na":
		return redistributed
	case "neutral":
		return neutral
	case "na_composite":
		return wholeNA
	case "structural_zero", "zero":
		return structuralZero
	}
	b.fault(path, "redistribute gives its weight to the others, neutral counts it as 50, structural_zero as 0, na_composite makes the whole score unknown",
		"missing must be redistribute, neutral, structural_zero or na_composite, not %q", word)
	return redistributed
}

// classes reads from which worth on the measure counts as good and as fair.
func (b *builder) classes(path string, s measureSpec, m *measure) {
	if s.Good != nil {
		m.good = *s.Good
	}
	if s.Fair != nil {
		m.fair = *s.Fair
	}
	if !(m.fair > 0 && m.fair <= m.good && m.good <= 100) {
		b.fault(path, "good and fair are worths, as in good: 70 and fair: 40", "good from %s and fair from %s do not follow each other", decimal(m.good), decimal(m.fair))
	}
}

// ageing reads how old the newest word may be.
func (b *builder) ageing(path string, s measureSpec, m *measure) {
	if s.MaxAge == "" {
		if s.Stale != "" {
			b.fault(path+".stale", "add max_age, as in 90d", "stale says what becomes of an old value, but not when it is old")
		}
		return
	}
	age, err := parseDwell(s.MaxAge)
	m.maxAge = int(age / day)
	if err != nil || m.maxAge < 1 {
		b.fault(path+".max_age", "write days, as in 90d", "%q is not a number of days", s.MaxAge)
	}
	switch s.Stale {
	case "half":
		m.halve = true
	case "", "na":
	default:
		b.fault(path+".stale", "half lets an old value weigh half, na leaves it out", "stale must be half or na, not %q", s.Stale)
	}
}

// sources compiles a measure of sources.
func (b *builder) sources(path string, s measureSpec, m *measure) {
	if s.Value != "" || (len(s.Sources.Fresh) == 0) == (len(s.Sources.Delivered) == 0) {
		b.fault(path+".sources", "sources takes fresh or delivered with a list of kinds, and then there is no value", "a measure is one of events or one of sources")
		return
	}
	m.fresh = setOf(b.kinds(path+".sources.fresh", s.Sources.Fresh))
	m.delivered = setOf(b.kinds(path+".sources.delivered", s.Sources.Delivered))
	if m.maxAge > 0 || m.onlyIf != nil || len(s.Needs) > 0 {
		b.fault(path+".sources", "drop max_age, only_if and needs", "a measure of sources rests on no events")
	}
	var err error
	if m.curve, err = newCurve(s.Curve, false); err != nil {
		b.fault(path+".curve", "see the curves of the shipped policy", "%v", err)
	}
	if m.curve.percentile != nil || m.curve.trend != nil || m.curve.decay != nil {
		b.fault(path+".curve", "take linear, as in {linear: {worst: 0, best: 1}}", "a share of sources has neither a past nor a cohort")
	}
}

// value compiles what the measure measures, and says whether that went well.
func (b *builder) value(path string, s measureSpec, m *measure) bool {
	value, err := b.compiler.measure(s.Value)
	if err != nil {
		b.fault(path+".value", hintFor(err), "%v", err)
		return false
	}
	m.value = value
	if value.static() && len(value.fields) == 0 {
		b.fault(path+".value", "name what must have happened, as in count(\"usage.*\", 30)", "measure %q measures nothing: its value is always the same", s.Key)
	}
	m.needs = b.kinds(path+".needs", s.Needs)
	if len(s.Needs) == 0 {
		m.needs = value.kinds
	}
	m.needsSet = setOf(m.needs)
	m.rests |= m.needsSet
	for _, r := range value.reads {
		for _, d := range append(slices.Clone(r.newest), r.days...) {
			m.window = max(m.window, d)
		}
	}
	if m.curve, err = newCurve(s.Curve, value.truth != nil); err != nil {
		b.fault(path+".curve", "see the curves of the shipped policy", "%v", err)
		return true
	}
	b.fitting(path, s, m)
	return true
}

// fitting holds the curve against what the value is: some curves mean something for some values only.
func (b *builder) fitting(path string, s measureSpec, m *measure) {
	if m.curve.decay == nil && m.curve.percentile == nil && m.curve.trend == nil {
		return
	}
	call := rootCall(s.Value)
	switch {
	case m.curve.decay != nil && (call == nil || b.compiler.functions[calleeOf(call)].age == ageless):
		b.fault(path+".curve", "take days_since(…), or a linear curve", "decay is for how long ago something was, and never for a state or a number")
	case m.curve.percentile != nil:
		key, ok := firstWord(call, "metric")
		if !ok {
			b.fault(path+".curve", "write value: metric(\"key\")", "a percentile is taken of a metric")
			return
		}
		m.curve.cohort = key
		b.policy.cohorts = union(b.policy.cohorts, []string{key})
	case m.curve.trend != nil && m.curve.trend.Baseline > 0:
		b.baseline(path, call, m)
	}
}

// baseline compiles how many events the time before had that a trend compares with.
func (b *builder) baseline(path string, call *ast.CallNode, m *measure) {
	pattern, ok := firstWord(call, "trend")
	var days []int
	if ok {
		for _, arg := range call.Arguments[1:] {
			if n, is := arg.(*ast.IntegerNode); is {
				days = append(days, n.Value)
			}
		}
	}
	if len(days) != 2 {
		b.fault(path+".curve", "write value: trend(\"usage.recorded\", 30, 90), or drop baseline", "a baseline is that of trend(pattern, days, days before)")
		return
	}
	x, err := b.compiler.measure(fmt.Sprintf("count(%q, %d) - count(%q, %d)", pattern, days[0]+days[1], pattern, days[0]))
	if err != nil {
		b.fault(path+".curve", hintFor(err), "%v", err)
		return
	}
	m.baseline, m.minBaseline = x, float64(m.curve.trend.Baseline)
}

// rootCall returns the call that the whole expression is, nil where it is more or less than one.
func rootCall(source string) *ast.CallNode {
	root, err := parseExpression(source)
	if err != nil {
		return nil
	}
	call, _ := root.(*ast.CallNode)
	return call
}

// firstWord returns the text that a call of the function begins with.
func firstWord(call *ast.CallNode, function string) (string, bool) {
	if call == nil || calleeOf(call) != function || len(call.Arguments) == 0 {
		return "", false
	}
	s, ok := call.Arguments[0].(*ast.StringNode)
	if !ok {
		return "", false
	}
	return s.Value, true
}

// words compiles the measure's sentences.
func (b *builder) words(path string, s measureSpec, m *measure) {
	source := s.Reason
	if source == "" {
		source = m.title + ": {value}"
		if m.unit != "" {
			source += " " + m.unit
		}
	}
	m.reason = b.reason(path+".reason", source, true)
	if s.Zero != "" {
		m.zero = b.reason(path+".zero", s.Zero, true)
	}
}

// direction checks what the file says of the measure against its curve, and takes it from the curve where it says nothing.
func (b *builder) direction(path string, s measureSpec, m *measure) {
	if m.curve == (curve{}) {
		return
	}
	is := map[int]string{1: "up", -1: "down", 0: "middle"}[m.curve.rises()]
	m.direction = is
	switch s.Direction {
	case "", is:
	case "up", "down", "middle":
		b.fault(path+".direction", "change the direction, or the curve", "by its direction more is %s, by its curve it is %s", directionWord(s.Direction), directionWord(is))
	default:
		b.fault(path+".direction", "up means that more is better, down that less is, middle neither", "direction must be up, down or middle, not %q", s.Direction)
	}
}

func directionWord(d string) string {
	return map[string]string{"up": "better", "down": "worse", "middle": "neither"}[d]
}
