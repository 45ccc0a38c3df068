package lifecycle

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Metric describes a metric of the policy, in the order of the policy file.
type Metric struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	Doc   string `json:"doc,omitempty"`
	Unit  string `json:"unit,omitempty"`
	// Of is how it is worked out: count, sum, ratio…
	Of string `json:"of"`
	// Lists are the metric lists that it belongs to.
	Lists []string `json:"lists,omitempty"`
	// Needs are the kinds of entity without which it is not known.
	Needs []canon.Kind `json:"needs,omitempty"`
	// Shown says that it stands in every assessment.
	Shown bool `json:"shown,omitempty"`
}

type metric struct {
	Metric
	x *expression
}

// Metrics lists the policy's metrics.
func (p *Policy) Metrics() []Metric {
	out := make([]Metric, len(p.metrics))
	for i, m := range p.metrics {
		out[i] = m.Metric
	}
	return out
}

// Percentiles lists the keys of the metrics that are held against the other customers, in whose Facts.Cohorts their
// values among all customers are looked up.
func (p *Policy) Percentiles() []string { return p.cohorts }

// measureMetrics returns the metrics that are shown and known at the end of f's UTC day, and the first later midnight at
// which one may change with time alone. What needs a kind whose source cannot be trusted is not known, not zero.
func (p *Policy) measureMetrics(f *frame, sources canon.Sources) (values map[string]float64, next int64) {
	next = never
	for i := range p.metrics {
		m := &p.metrics[i]
		if m.x == nil || distrust(m.Needs, sources) != "" {
			continue
		}
		next = min(next, f.nextMidnight(m.x))
		v, ok := m.x.number.number(f)
		if !ok || !isFinite(v) {
			continue
		}
		if values == nil {
			values = map[string]float64{}
		}
		values[m.Key] = v
	}
	return values, next
}

// nextMidnight returns the first UTC midnight after f's day at which the expression may change with time alone.
func (f *frame) nextMidnight(x *expression) int64 {
	next, midnight := int64(never), floorDay(f.t)+day
	if x.ages && f.grows(x.number) {
		return midnight
	}
	for _, r := range x.reads {
		at := f.ledger.series[r.pattern].at
		if n := f.ledger.series[r.pattern].upto(f.t); n > 0 {
			for _, d := range r.newest {
				next = min(next, f.comingOf(at[n-1], d))
			}
		}
		for _, d := range r.days {
			if d == 0 {
				continue
			}
			// An event of day D stops to count at the beginning of day D + d.
			offset := int64(d) * day
			if i := after(at, midnight-offset-1); i < len(at) {
				next = min(next, floorDay(at[i])+offset)
			}
		}
	}
	for _, d := range x.stageDays {
		next = min(next, f.comingOf(f.since, d))
	}
	for _, d := range x.tenureDays {
		next = min(next, f.comingOf(f.tenureSince, d))
	}
	return next
}

// grows says whether a number that is made of ages grows at the moment. An age that rests, as that of what is overdue
// where nothing is, does not.
func (f *frame) grows(n number) bool {
	switch n := n.(type) {
	case *invocation:
		_, known := n.number(f)
		return n.fn.age != ageless && known && (n.fn.resting == nil || !n.fn.resting(f))
	case fallback:
		return f.grows(n.left) || f.grows(n.right)
	case arithmetic:
		return f.grows(n.left) || f.grows(n.right)
	case ratio:
		return f.grows(n.over) || f.grows(n.under)
	case negation:
		return f.grows(n.of)
	case percentile:
		return f.grows(n.of)
	}
	return false
}

// comingOf is the midnight at which what began at a moment is d days old, never where that has passed.
func (f *frame) comingOf(from int64, d int) int64 {
	if t := floorDay(from) + int64(d)*day; t > f.t {
		return t
	}
	return never
}

// cells yields the events that a call counts, oldest first. It is the one door through which distinct, min, max and
// everything per person look at events; the series is one that keeps every event (need.whole). A ledger that keeps
// several events of one key and day as one may yield them as one cell.
func (f *frame) cells(c call, since func(*frame) int64, by eventText, over eventNumber, yield func(cell)) {
	held, from := f.ledger.held(c.pattern, f.t), 0
	switch {
	case since != nil:
		from = f.ledger.behind(held, since(f)-1)
	case len(c.days) > 0:
		from = f.ledger.behind(held, f.clock-int64(c.days[0])*day)
	}
	for _, at := range held[from:] {
		e := f.ledger.entries[at]
		if one, ok := cellOf(e.ev, e.at, by, over); ok {
			yield(one)
		}
	}
}

// span returns the points of the events that a call counts: those of its days, since a moment, or all.
func (f *frame) span(c call, since func(*frame) int64) (from, to int) {
	if since == nil {
		return f.window(c)
	}
	s := &f.ledger.series[c.pattern]
	to = s.upto(f.t)
	return after(s.at[:to], since(f)-1), to
}

// mostInlined bounds how many metrics an expression is made of: each doubles what those it names are made of.
const mostInlined = 200

// metric compiles a reference to a metric: in its place comes what the metric is made of, so that whoever refers to it
// knows every moment at which it may change.
func (c *compiler) metric(key string) (number, error) {
	m, ok := c.metrics[key]
	if !ok {
		return nil, fmt.Errorf("metric %q is unknown: the metrics are %s", key, strings.Join(slices.Sorted(maps.Keys(c.metrics)), ", "))
	}
	if slices.Contains(c.within, key) {
		return nil, fmt.Errorf("metric %q is made of itself: %s", key, strings.Join(append(c.within, key), " → "))
	}
	if c.inlined++; c.inlined > mostInlined {
		return nil, fmt.Errorf("it is made of more than %d metrics, one within the other", mostInlined)
	}
	c.within = append(c.within, key)
	defer func() { c.within = c.within[:len(c.within)-1] }()
	n, err := c.metricNumber(m)
	if err != nil {
		return nil, &metricFault{key, err}
	}
	if m.Missing == "zero" {
		n = fallback{n, numberLiteral(0)}
	}
	return n, nil
}

// metricFault is why a metric does not compile, with the innermost metric that is at fault.
type metricFault struct {
	key   string
	cause error
}

func (e *metricFault) Error() string { return e.cause.Error() }
func (e *metricFault) Unwrap() error { return nil }

func (c *compiler) metricNumber(m *metricSpec) (number, error) {
	switch m.Of {
	case "expression":
		return c.inline(m.Value)
	case "ratio":
		c.limits = nil
		over, err := c.inline(m.Numerator)
		if err != nil {
			return nil, fmt.Errorf("numerator: %w", err)
		}
		under, err := c.inline(m.Denominator)
		if err != nil {
			return nil, fmt.Errorf("denominator: %w", err)
		}
		return ratio{over, under}, nil
	case "percentile":
		c.limits = nil
		of, err := c.metric(m.Metric)
		return percentile{m.Metric, of}, err
	}
	return c.aggregate(m)
}

// inline compiles an expression in the middle of another one.
func (c *compiler) inline(source string) (number, error) {
	if strings.TrimSpace(source) == "" {
		return nil, errors.New("the expression is empty")
	}
	root, err := parseExpression(source)
	if err != nil {
		return nil, err
	}
	if isTruth(root) {
		c.limits = nil
		of, err := c.toTruth(root)
		return truthNumber{of}, err
	}
	return c.toNumber(root)
}

// truthNumber is 1 for yes and 0 for no.
type truthNumber struct{ of truth }

func (n truthNumber) number(f *frame) (float64, bool) {
	switch n.of.truth(f) {
	case yes:
		return 1, true
	case no:
		return 0, true
	}
	return 0, false
}
func (n truthNumber) cite(f *frame, c *citation) { n.of.cite(f, c) }

// percentile is where a customer's number stands among those of all customers, 0 to 100.
type percentile struct {
	key string
	of  number
}

func (n percentile) cite(f *frame, c *citation) { n.of.cite(f, c) }
func (n percentile) number(f *frame) (float64, bool) {
	v, ok := n.of.number(f)
	if !ok {
		return 0, false
	}
	return rankIn(f.cohorts[n.key], v)
}

// rankIn places a value among 101 ascending quantiles. Among equal ones it stands in the middle.
func rankIn(quantiles []float64, v float64) (float64, bool) {
	const last = 100
	if len(quantiles) != last+1 {
		return 0, false
	}
	low, _ := slices.BinarySearch(quantiles, v)
	high := low
	for high <= last && quantiles[high] == v {
		high++
	}
	switch {
	case high > low:
		return float64(low+high-1) / 2, true
	case low == 0:
		return 0, true
	case low > last:
		return last, true
	}
	return float64(low-1) + (v-quantiles[low-1])/(quantiles[low]-quantiles[low-1]), true
}
