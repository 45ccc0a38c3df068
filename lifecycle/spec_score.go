package lifecycle

// scorecardSpec is one scorecard. Several may share a name; the first whose applies_to and for hold is the one that
// applies.
type scorecardSpec struct {
	Name         string      `yaml:"name"`
	Card         string      `yaml:"card"`
	Title        string      `yaml:"title"`
	Version      string      `yaml:"version"`
	Intent       string      `yaml:"intent"`
	Outcome      string      `yaml:"outcome"`
	Horizon      string      `yaml:"horizon"`
	ReviewBy     string      `yaml:"review_by"`
	Method       string      `yaml:"method"`
	Graded       bool        `yaml:"graded"`
	Forecast     bool        `yaml:"forecast"`
	AppliesTo    names       `yaml:"applies_to"`
	For          string      `yaml:"for"`
	Bands        bandsSpec   `yaml:"bands"`
	Confirm      int         `yaml:"confirm"`
	Sufficiency  *float64    `yaml:"sufficiency"`
	Redistribute *float64    `yaml:"redistribute_up_to"`
	Undelivered  string      `yaml:"undelivered"`
	Groups       []groupSpec `yaml:"groups"`
	Caps         []capSpec   `yaml:"caps"`
	Table        []tableSpec `yaml:"table"`
}

// bandsSpec says where the bands meet. Red and yellow may say where they end, yellow and green where they begin.
type bandsSpec struct {
	Green  *edgeSpec `yaml:"green"`
	Yellow *edgeSpec `yaml:"yellow"`
	Red    *edgeSpec `yaml:"red"`
}

// edgeSpec is where a band begins (from, or a number on its own) or ends (below), and where it is left again.
type edgeSpec struct {
	From        *float64 `yaml:"from"`
	LeavesBelow *float64 `yaml:"leaves_below"`
	Below       *float64 `yaml:"below"`
	LeavesAt    *float64 `yaml:"leaves_at"`
}

// UnmarshalYAML reads a number or the block.
func (e *edgeSpec) UnmarshalYAML(read func(any) error) error {
	var one float64
	if err := read(&one); err == nil {
		*e = edgeSpec{From: &one}
		return nil
	}
	type plain edgeSpec
	var block plain
	if err := read(&block); err != nil {
		return err
	}
	*e = edgeSpec(block)
	return nil
}

type groupSpec struct {
	Key      string        `yaml:"key"`
	Title    string        `yaml:"title"`
	Weight   float64       `yaml:"weight"`
	Measures []measureSpec `yaml:"measures"`
}

type measureSpec struct {
	Key           string       `yaml:"key"`
	Title         string       `yaml:"title"`
	Doc           string       `yaml:"doc"`
	Weight        float64      `yaml:"weight"`
	Value         string       `yaml:"value"`
	Sources       *sourcesSpec `yaml:"sources"`
	Unit          string       `yaml:"unit"`
	Counted       string       `yaml:"counted"`
	Whole         bool         `yaml:"whole"`
	Needs         []string     `yaml:"needs"`
	Only          string       `yaml:"only"`
	OnlyIf        string       `yaml:"only_if"`
	Missing       string       `yaml:"missing"`
	MaxAge        string       `yaml:"max_age"`
	Stale         string       `yaml:"stale"`
	Required      *bool        `yaml:"required"`
	Good          *float64     `yaml:"good"`
	Fair          *float64     `yaml:"fair"`
	Curve         curveSpec    `yaml:"curve"`
	Reason        string       `yaml:"reason"`
	Zero          string       `yaml:"zero"`
	Direction     string       `yaml:"direction"`
	Influenceable *bool        `yaml:"influenceable"`
	Leading       bool         `yaml:"leading"`
	Play          string       `yaml:"play"`
	Hypothesis    string       `yaml:"hypothesis"`
}

// sourcesSpec makes a measure of what is known of sources: the share of kinds that are delivered, or that are fresh.
type sourcesSpec struct {
	Delivered []string `yaml:"delivered"`
	Fresh     []string `yaml:"fresh"`
}

type curveSpec struct {
	Linear     *linearSpec     `yaml:"linear"`
	Bands      *stepsSpec      `yaml:"bands"`
	Boolean    *booleanSpec    `yaml:"boolean"`
	Decay      *decaySpec      `yaml:"decay"`
	UShape     *uShapeSpec     `yaml:"u_shape"`
	Trend      *trendSpec      `yaml:"trend"`
	Percentile *percentileSpec `yaml:"percentile"`
	KOfN       *kOfNSpec       `yaml:"k_of_n"`
}

type linearSpec struct {
	Worst float64 `yaml:"worst"`
	Best  float64 `yaml:"best"`
}

// stepsSpec are bands of values. Inclusive says to which of two bands the value belongs at which they meet: lower (up to
// and including, which holds where it is left out) or upper.
type stepsSpec struct {
	Inclusive string
	Steps     []bandSpec
}

// UnmarshalYAML reads a list of bands, or a block that says which side is inclusive.
func (s *stepsSpec) UnmarshalYAML(read func(any) error) error {
	var list []bandSpec
	listed := read(&list)
	if listed == nil {
		*s = stepsSpec{Steps: list}
		return nil
	}
	var block struct {
		Inclusive string     `yaml:"inclusive"`
		Steps     []bandSpec `yaml:"steps"`
	}
	if err := read(&block); err != nil {
		return listed
	}
	*s = stepsSpec(block)
	return nil
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

// uShapeSpec is worth 100 from peak_from to peak_to, low_worth at low and below, high_worth at high and above, and in
// between along straight lines.
type uShapeSpec struct {
	Low       float64 `yaml:"low"`
	LowWorth  float64 `yaml:"low_worth"`
	PeakFrom  float64 `yaml:"peak_from"`
	PeakTo    float64 `yaml:"peak_to"`
	High      float64 `yaml:"high"`
	HighWorth float64 `yaml:"high_worth"`
}

// trendSpec is for a ratio of now to before: doubling counts as much upwards as halving does downwards. Baseline is how
// many events the time before must have had.
type trendSpec struct {
	Worst    float64 `yaml:"worst"`
	Best     float64 `yaml:"best"`
	Baseline int     `yaml:"baseline"`
}

// percentileSpec is the share of all customers that a value surpasses; Best says whether high or low values are.
type percentileSpec struct {
	Best string `yaml:"best"`
}

// kOfNSpec is worth 100 from k of n on, and in proportion below.
type kOfNSpec struct {
	K float64 `yaml:"k"`
	N float64 `yaml:"n"`
}

type capSpec struct {
	Key    string  `yaml:"key"`
	Max    float64 `yaml:"max"`
	When   string  `yaml:"when"`
	After  string  `yaml:"after"`
	For    string  `yaml:"for"`
	Until  string  `yaml:"until"`
	Reason string  `yaml:"reason"`
}

// tableSpec is a row of the table by which bands of groups, side by side, come to a verdict and a band.
type tableSpec struct {
	When    map[string]names `yaml:"when"`
	Verdict string           `yaml:"verdict"`
	Band    string           `yaml:"band"`
	Reason  string           `yaml:"reason"`
}

// verdictSpec is one of the ordered rules that sum the scores up in a word.
type verdictSpec struct {
	Key    string `yaml:"key"`
	Title  string `yaml:"title"`
	When   string `yaml:"when"`
	Reason string `yaml:"reason"`
}
