package lifecycle

// metricSpec is a number that is computed for a customer as of a time.
type metricSpec struct {
	Key   string `yaml:"key"`
	Title string `yaml:"title"`
	Doc   string `yaml:"doc"`
	Unit  string `yaml:"unit"`
	// Lists are the metric lists that it belongs to, as retention and loyalty.
	Lists names `yaml:"lists"`
	Show  bool  `yaml:"show"`

	Of     string `yaml:"of"`
	Events string `yaml:"events"`
	Where  string `yaml:"where"`
	Window string `yaml:"window"`
	// Base is the days before the window that a trend is held against.
	Base string `yaml:"base"`
	Over string `yaml:"over"`
	By   string `yaml:"by"`

	Features []string `yaml:"features"`
	AtLeast  *float64 `yaml:"at_least"`

	Per       string   `yaml:"per"`
	Across    string   `yaml:"across"`
	Threshold *float64 `yaml:"threshold"`

	Metric      string `yaml:"metric"`
	Numerator   string `yaml:"numerator"`
	Denominator string `yaml:"denominator"`
	Value       string `yaml:"value"`

	Needs   []string `yaml:"needs"`
	Missing string   `yaml:"missing"`
}

// parameterSpec is a number that rules refer to by name: written as the number alone, or as a block.
type parameterSpec struct {
	Value float64         `yaml:"value"`
	Unit  string          `yaml:"unit"`
	Doc   string          `yaml:"doc"`
	By    []parameterCase `yaml:"by"`
}

// parameterCase is what holds instead for customers of a rule. The first that holds counts.
type parameterCase struct {
	When  string  `yaml:"when"`
	Value float64 `yaml:"value"`
}

// UnmarshalYAML reads either form.
func (p *parameterSpec) UnmarshalYAML(read func(any) error) error {
	var number float64
	if err := read(&number); err == nil {
		p.Value = number
		return nil
	}
	type block parameterSpec
	return read((*block)(p))
}
