package lifecycle

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Parameter is a number of the policy that rules refer to by name.
type Parameter struct {
	Key   string  `json:"key"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
	Doc   string  `json:"doc,omitempty"`
	// By are the values that hold instead, each with its rule. The first that holds counts.
	By []ParameterCase `json:"by,omitempty"`
}

// ParameterCase is a parameter's value for customers of a rule.
type ParameterCase struct {
	When  string  `json:"when"`
	Value float64 `json:"value"`
}

type parameter struct {
	Parameter
	cases []*expression
}

// Parameters lists the policy's parameters by key.
func (p *Policy) Parameters() []Parameter {
	out := make([]Parameter, len(p.parameters))
	for i, one := range p.parameters {
		out[i] = one.Parameter
	}
	return out
}

// paramNode is the value of a parameter for the customer at hand.
type paramNode struct{ of *parameter }

func (n paramNode) cite(*frame, *citation) {}
func (n paramNode) number(f *frame) (float64, bool) {
	for i, when := range n.of.cases {
		if when.truth.truth(f) == yes {
			return n.of.By[i].Value, true
		}
	}
	return n.of.Value, true
}

// limits are the ages at which a comparison with the parameter may change, whichever of its values holds.
func (p *parameter) limits() []int {
	var out []int
	for _, v := range append([]float64{p.Value}, valuesOf(p.By)...) {
		if v < 0 || v >= maxDays {
			continue
		}
		whole := int(math.Floor(v))
		if float64(whole) == v {
			out = union(out, []int{whole})
		}
		out = union(out, []int{whole + 1})
	}
	return out
}

func valuesOf(cases []ParameterCase) []float64 {
	out := make([]float64, len(cases))
	for i, c := range cases {
		out[i] = c.Value
	}
	return out
}

// parameterNamed returns a parameter that the compiler knows.
func (c *compiler) parameterNamed(name string) (*parameter, error) {
	if p, ok := c.parameters[name]; ok {
		return p, nil
	}
	known := slices.Sorted(maps.Keys(c.parameters))
	if len(known) == 0 {
		return nil, fmt.Errorf("parameter %q is unknown: the policy has none", name)
	}
	return nil, fmt.Errorf("parameter %q is unknown: the parameters are %s", name, strings.Join(known, ", "))
}

// parameters compiles the parameters of the spec.
func (b *builder) parameters(specs map[string]parameterSpec) {
	b.compiler.parameters = map[string]*parameter{}
	for _, key := range slices.Sorted(maps.Keys(specs)) {
		s, path := specs[key], "parameters."+key
		b.key(path, key)
		p := b.parameter(path, Parameter{Key: key, Value: s.Value, Unit: s.Unit, Doc: s.Doc}, s.By)
		b.compiler.parameters[key] = p
		b.policy.parameters = append(b.policy.parameters, p)
	}
}

func (b *builder) parameter(path string, p Parameter, cases []parameterCase) *parameter {
	out := &parameter{Parameter: p}
	if !isFinite(p.Value) {
		b.fault(path, "write a number", "the value must be a finite number")
	}
	for i, one := range cases {
		at := fmt.Sprintf("%s.by[%d].when", path, i)
		x, err := b.compiler.rule(one.When)
		if err == nil && !x.static() {
			err = errors.New("it may only look at fields and at the customer's type, which do not change with events")
		}
		if err != nil {
			b.fault(at, hintFor(err), "%v", err)
			continue
		}
		out.By = append(out.By, ParameterCase(one))
		out.cases = append(out.cases, x)
	}
	return out
}

// static says whether neither events nor time can change the answer.
func (x *expression) static() bool {
	return len(x.reads) == 0 && len(x.stageDays) == 0 && len(x.tenureDays) == 0 && !x.ages && !x.moves
}

// fieldText is a field of the golden record; it is not known where the customer has none.
func (f *frame) fieldText(name string) (string, bool) {
	v, ok := f.fields[name]
	return v, ok && v != ""
}

// fieldNumber is a field of the golden record that is a number.
type fieldNumber string

func (n fieldNumber) cite(*frame, *citation) {}
func (n fieldNumber) number(f *frame) (float64, bool) {
	s, ok := f.fieldText(string(n))
	if !ok {
		return 0, false
	}
	return parseFigure(s)
}

// metricSpecs checks the metrics of the spec one by one and makes them known to the compiler.
func (b *builder) metrics(specs []metricSpec) {
	b.compiler.metrics = map[string]*metricSpec{}
	for i := range specs {
		s, path := &specs[i], fmt.Sprintf("metrics[%d]", i)
		b.key(path+".key", s.Key)
		if _, twice := b.compiler.metrics[s.Key]; twice {
			b.fault(path+".key", "give each metric its own key", "metric %q stands twice", s.Key)
		}
		if s.Missing != "" && s.Missing != "na" && s.Missing != "zero" {
			b.fault(path+".missing", "na leaves the metric out, zero counts it as 0", "missing must be na or zero, not %q", s.Missing)
		}
		b.compiler.metrics[s.Key] = s
	}
	// Checked apart: what nobody asks for shall not cost a series.
	apart := newCompiler()
	apart.parameters, apart.metrics = b.compiler.parameters, b.compiler.metrics
	faulty := map[string]bool{}
	for i := range specs {
		s, path := &specs[i], fmt.Sprintf("metrics[%d]", i)
		x, err := apart.metricAlone(s.Key)
		if err != nil {
			faulty[s.Key] = true
			if ofAnother(err, s.Key, faulty) {
				continue
			}
			b.fault(path+faultyKey(err), hintFor(err), "metric %q: %v", s.Key, err)
			continue
		}
		m := metric{Metric{Key: s.Key, Title: s.Title, Doc: s.Doc, Unit: s.Unit, Of: s.Of, Lists: s.Lists, Needs: b.kinds(path+".needs", s.Needs), Shown: s.Show || b.thorough}, nil}
		if m.Title == "" {
			m.Title = s.Key
		}
		if len(s.Needs) == 0 {
			m.Needs = x.kinds
		}
		if s.Of == "percentile" {
			b.policy.cohorts = union(b.policy.cohorts, []string{s.Metric})
		}
		b.policy.metrics = append(b.policy.metrics, m)
	}
	for _, key := range b.policy.cohorts {
		b.showMetric(key)
	}
}

// shownMetrics compiles the metrics that stand in every assessment, once everybody who asks for one has said so.
func (b *builder) shownMetrics() {
	for i := range b.policy.metrics {
		m := &b.policy.metrics[i]
		if !m.Shown {
			continue
		}
		x, err := b.compiler.metricAlone(m.Key)
		if err != nil {
			panic("lifecycle: a metric that was checked does not compile: " + err.Error())
		}
		m.x = x
	}
}

// ofAnother says whether the fault is that of a metric which was complained about already.
func ofAnother(err error, key string, faulty map[string]bool) bool {
	var inner *metricFault
	return errors.As(err, &inner) && inner.key != key && faulty[inner.key]
}

// faultyKey is the key of a metric that the fault is most likely about.
func faultyKey(err error) string {
	for _, key := range []string{"where", "window", "numerator", "denominator", "over", "by", "of", "across"} {
		if strings.Contains(err.Error(), key+" must be") || strings.Contains(err.Error(), key+": ") {
			return "." + key
		}
	}
	return ".key"
}

// metricAlone compiles a metric as an expression of its own.
func (c *compiler) metricAlone(key string) (*expression, error) {
	c.dated = true
	c.inlined = 0
	c.out, c.limits = &expression{source: "metric(\"" + key + "\")"}, nil
	n, err := c.metric(key)
	if err != nil {
		return nil, err
	}
	c.out.number = n
	return c.out, nil
}

// showMetric puts a metric into every assessment, because a rule about the assessment asks for it. It says whether
// there is one of the key.
func (b *builder) showMetric(key string) bool {
	i := slices.IndexFunc(b.policy.metrics, func(m metric) bool { return m.Key == key })
	if i >= 0 {
		b.policy.metrics[i].Shown = true
	}
	return i >= 0
}
