package lifecycle

// segmentSpec is a named set of customers by rule.
type segmentSpec struct {
	Key   string `yaml:"key"`
	Title string `yaml:"title"`
	Doc   string `yaml:"doc"`
	When  string `yaml:"when"`
}

// playRulesSpec is what holds for all plays together.
type playRulesSpec struct {
	// Seed draws the holdout; the policy's name where it is empty.
	Seed string `yaml:"seed"`
	// Holdout is the percentage of customers that get no play, Late how late a play may still come.
	Holdout    *float64       `yaml:"holdout"`
	Late       string         `yaml:"late"`
	Fleet      fleetSpec      `yaml:"fleet"`
	Offers     offersSpec     `yaml:"offers"`
	Flaps      flapsSpec      `yaml:"flaps"`
	Categories []categorySpec `yaml:"categories"`
	Blackouts  []blackoutSpec `yaml:"blackouts"`
}

type fleetSpec struct {
	Share *float64 `yaml:"share"`
	Least *int     `yaml:"least"`
}

type offersSpec struct {
	Most *int `yaml:"most"`
}

type flapsSpec struct {
	Crossings *int   `yaml:"crossings"`
	Within    string `yaml:"within"`
}

type categorySpec struct {
	Key      string `yaml:"key"`
	Cooldown string `yaml:"cooldown"`
}

type blackoutSpec struct {
	Key   string `yaml:"key"`
	Title string `yaml:"title"`
	When  string `yaml:"when"`
	After string `yaml:"after"`
}

// playSpec is what fires on a change of stage, score or segment.
type playSpec struct {
	Key         string      `yaml:"key"`
	Title       string      `yaml:"title"`
	Doc         string      `yaml:"doc"`
	Owner       string      `yaml:"owner"`
	Do          string      `yaml:"do"`
	Category    string      `yaml:"category"`
	Mode        string      `yaml:"mode"`
	Priority    int         `yaml:"priority"`
	Trigger     triggerSpec `yaml:"trigger"`
	For         string      `yaml:"for"`
	Consecutive int         `yaml:"consecutive"`
	When        string      `yaml:"when"`
	Guards      guardsSpec  `yaml:"guards"`
	Offer       *offerSpec  `yaml:"offer"`
	Backfill    string      `yaml:"backfill"`
}

type triggerSpec struct {
	Enters       *memberSpec `yaml:"enters"`
	Leaves       *memberSpec `yaml:"leaves"`
	CrossesBelow *levelSpec  `yaml:"crosses_below"`
	CrossesAbove *levelSpec  `yaml:"crosses_above"`
	Band         *moveSpec   `yaml:"band"`
	DropsBy      *swingSpec  `yaml:"drops_by"`
	RisesBy      *swingSpec  `yaml:"rises_by"`
	Event        *momentSpec `yaml:"event"`
	Before       *dateSpec   `yaml:"before"`
	Rule         string      `yaml:"rule"`
}

type memberSpec struct {
	Segment string `yaml:"segment"`
	Stage   names  `yaml:"stage"`
	From    names  `yaml:"from"`
}

type levelSpec struct {
	Score  string   `yaml:"score"`
	Metric string   `yaml:"metric"`
	Value  float64  `yaml:"value"`
	Rearm  *float64 `yaml:"rearm"`
}

type moveSpec struct {
	Score string `yaml:"score"`
	From  names  `yaml:"from"`
	To    names  `yaml:"to"`
}

type swingSpec struct {
	Score  string   `yaml:"score"`
	Metric string   `yaml:"metric"`
	By     float64  `yaml:"by"`
	Within string   `yaml:"within"`
	Rearm  *float64 `yaml:"rearm"`
}

type momentSpec struct {
	Of          string `yaml:"of"`
	Delay       names  `yaml:"delay"`
	CancelledBy string `yaml:"cancelled_by"`
}

type dateSpec struct {
	Field       string      `yaml:"field"`
	Event       string      `yaml:"event"`
	Data        string      `yaml:"data"`
	Anniversary *annualSpec `yaml:"anniversary"`
	Days        []int       `yaml:"days"`
}

type annualSpec struct {
	Of    string `yaml:"of"`
	Every string `yaml:"every"`
}

type guardsSpec struct {
	Cooldown  string   `yaml:"cooldown"`
	Reentry   string   `yaml:"reentry"`
	Max       *maxSpec `yaml:"max"`
	Blackouts names    `yaml:"blackouts"`
	Defer     string   `yaml:"defer"`
	Holdout   *float64 `yaml:"holdout"`
	Exclusive *bool    `yaml:"exclusive"`
}

type maxSpec struct {
	Times int    `yaml:"times"`
	Per   string `yaml:"per"`
}

type offerSpec struct {
	ID   string `yaml:"id"`
	Kind string `yaml:"kind"`
	Live string `yaml:"live"`
}
