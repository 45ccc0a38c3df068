package lifecycle

// The spec types are the policy file as it is written; see default.yaml for what each key means.
type policySpec struct {
	Policy     string          `yaml:"policy"`
	Version    string          `yaml:"version"`
	Doc        string          `yaml:"doc"`
	Stages     []stageSpec     `yaml:"stages"`
	Flags      []flagSpec      `yaml:"flags"`
	Scorecards []scorecardSpec `yaml:"scorecards"`
}

type stageSpec struct {
	Key      string      `yaml:"key"`
	Label    string      `yaml:"label"`
	Doc      string      `yaml:"doc"`
	Customer bool        `yaml:"customer"`
	Exit     bool        `yaml:"exit"`
	Enter    []enterSpec `yaml:"enter"`
}

type enterSpec struct {
	Rule       string   `yaml:"rule"`
	From       names    `yaml:"from"`
	When       string   `yaml:"when"`
	For        string   `yaml:"for"`
	Reason     string   `yaml:"reason"`
	Precedence int      `yaml:"precedence"`
	Needs      []string `yaml:"needs"`
}

type flagSpec struct {
	Key    string `yaml:"key"`
	Label  string `yaml:"label"`
	Doc    string `yaml:"doc"`
	Stages names  `yaml:"stages"`
	When   string `yaml:"when"`
}

type scorecardSpec struct {
	Name        string      `yaml:"name"`
	Intent      string      `yaml:"intent"`
	AppliesTo   []string    `yaml:"applies_to"`
	Bands       bandsSpec   `yaml:"bands"`
	Sufficiency *float64    `yaml:"sufficiency"`
	Undelivered string      `yaml:"undelivered"`
	Groups      []groupSpec `yaml:"groups"`
	Caps        []capSpec   `yaml:"caps"`
}

type bandsSpec struct {
	Green  *float64 `yaml:"green"`
	Yellow *float64 `yaml:"yellow"`
}

type groupSpec struct {
	Key      string        `yaml:"key"`
	Title    string        `yaml:"title"`
	Weight   float64       `yaml:"weight"`
	Measures []measureSpec `yaml:"measures"`
}

type measureSpec struct {
	Key     string    `yaml:"key"`
	Title   string    `yaml:"title"`
	Doc     string    `yaml:"doc"`
	Weight  float64   `yaml:"weight"`
	Value   string    `yaml:"value"`
	Unit    string    `yaml:"unit"`
	Needs   []string  `yaml:"needs"`
	Only    string    `yaml:"only"`
	Missing string    `yaml:"missing"`
	Curve   curveSpec `yaml:"curve"`
	Reason  string    `yaml:"reason"`
	Zero    string    `yaml:"zero"`
}

type curveSpec struct {
	Linear  *linearSpec  `yaml:"linear"`
	Bands   []bandSpec   `yaml:"bands"`
	Boolean *booleanSpec `yaml:"boolean"`
	Decay   *decaySpec   `yaml:"decay"`
}

type linearSpec struct {
	Worst float64 `yaml:"worst"`
	Best  float64 `yaml:"best"`
}

type bandSpec struct {
	UpTo  *float64 `yaml:"up_to"`
	Worth float64  `yaml:"worth"`
}

type booleanSpec struct {
	Yes float64 `yaml:"yes"`
	No  float64 `yaml:"no"`
}

type decaySpec struct {
	HalfLife float64 `yaml:"half_life"`
}

type capSpec struct {
	Key    string  `yaml:"key"`
	Max    float64 `yaml:"max"`
	When   string  `yaml:"when"`
	Reason string  `yaml:"reason"`
}

// names is a list of names, or one name on its own.
type names []string

// UnmarshalYAML reads either form.
func (n *names) UnmarshalYAML(read func(any) error) error {
	var one string
	if err := read(&one); err == nil {
		*n = names{one}
		return nil
	}
	var many []string
	if err := read(&many); err != nil {
		return err
	}
	*n = many
	return nil
}
