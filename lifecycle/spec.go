package lifecycle

// The spec types are the policy file as it is written; see packs/ for what each key means.
type policySpec struct {
	Policy     string                   `yaml:"policy"`
	Version    string                   `yaml:"version"`
	Doc        string                   `yaml:"doc"`
	Parameters map[string]parameterSpec `yaml:"parameters"`
	Metrics    []metricSpec             `yaml:"metrics"`
	Stages     []stageSpec              `yaml:"stages"`
	Flags      []flagSpec               `yaml:"flags"`
	Scorecards []scorecardSpec          `yaml:"scorecards"`
	Verdicts   []verdictSpec            `yaml:"verdicts"`
	Segments   []segmentSpec            `yaml:"segments"`
	Plays      []playSpec               `yaml:"plays"`
	PlayRules  playRulesSpec            `yaml:"play_rules"`
}

type stageSpec struct {
	Key      string      `yaml:"key"`
	Label    string      `yaml:"label"`
	Doc      string      `yaml:"doc"`
	Customer bool        `yaml:"customer"`
	Exit     bool        `yaml:"exit"`
	Enter    []enterSpec `yaml:"enter"`
	// Exits are rules that lead out of this stage, into the first stage that is an exit where to is not given.
	Exits []exitSpec `yaml:"exits"`
	// StuckAfter is a length of time, or the name of a parameter that holds days.
	StuckAfter   string      `yaml:"stuck_after"`
	StuckAfterBy []stuckCase `yaml:"stuck_after_by"`
	Metrics      []string    `yaml:"metrics"`
	Events       []string    `yaml:"events"`
	Owners       ownersSpec  `yaml:"owners"`
}

type stuckCase struct {
	When  string `yaml:"when"`
	After string `yaml:"after"`
}

// ownersSpec says which departments have which part in a stage.
type ownersSpec struct {
	Responsible names `yaml:"responsible"`
	Accountable names `yaml:"accountable"`
	Consulted   names `yaml:"consulted"`
	Informed    names `yaml:"informed"`
}

type exitSpec struct {
	To         string   `yaml:"to"`
	Rule       string   `yaml:"rule"`
	When       string   `yaml:"when"`
	Unless     string   `yaml:"unless"`
	For        string   `yaml:"for"`
	Reason     string   `yaml:"reason"`
	ReasonCode string   `yaml:"reason_code"`
	Precedence int      `yaml:"precedence"`
	Needs      []string `yaml:"needs"`
}

type enterSpec struct {
	Rule   string `yaml:"rule"`
	From   names  `yaml:"from"`
	When   string `yaml:"when"`
	Unless string `yaml:"unless"`
	For    string `yaml:"for"`
	Reason string `yaml:"reason"`
	// ReasonCode is the reason in one word, for reports.
	ReasonCode string `yaml:"reason_code"`
	Precedence int    `yaml:"precedence"`
	// AllowBackward says that the rule leads back on purpose, Cycle: next that it begins another turn.
	AllowBackward bool     `yaml:"allow_backward"`
	Cycle         string   `yaml:"cycle"`
	Needs         []string `yaml:"needs"`
}

type flagSpec struct {
	Key    string `yaml:"key"`
	Label  string `yaml:"label"`
	Doc    string `yaml:"doc"`
	Stages names  `yaml:"stages"`
	When   string `yaml:"when"`
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
