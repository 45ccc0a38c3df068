package lifecycle

import (
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// playing is the part of a policy that says who belongs together and what is done.
type playing struct {
	segs      []Segment
	playList  []Play
	playRules PlayRules
	deck      Deck
}

// Segment is a named set of customers by rule over their assessment. Its rule may name segments above it in the file.
type Segment struct {
	Key, Title, Doc string
	When            Rule
}

// Segments lists the segments in the order of the policy file.
func (p *Policy) Segments() []Segment { return slices.Clone(p.segs) }

// segment puts a finished assessment into its segments and returns when that may next change with time alone; zero for
// never.
func (p *Policy) segment(a *canon.Assessment, fields map[string]string) (next time.Time) {
	a.Segments = nil
	view := View{a, fields}
	for i := range p.segs {
		s := &p.segs[i]
		if at := s.When.Next(view); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
		if s.When.Holds(view) {
			a.Segments = append(a.Segments, s.Key)
		}
	}
	return next
}

// PlayRules are what holds for all plays together.
type PlayRules struct {
	// Seed draws the holdout, Holdout the share of customers, 0 to 1, that get no play where the play says nothing.
	Seed    string
	Holdout float64
	// Late is how late a play may still come: what should have come earlier is let go.
	Late time.Duration
	// A play is held back where more than FleetShare of the customers, and at least FleetLeast of them, come to it on
	// one day: mostly a source is broken.
	FleetShare float64
	FleetLeast int
	// Offers is how many kinds of offer may be live at once for one customer.
	Offers int
	// A trigger that comes on more than Crossings times within Within flaps, and is left alone for as long.
	Crossings int
	Within    time.Duration
	// Categories are in order of precedence.
	Categories []Category
	Blackouts  []Blackout
}

// Category is a class of plays.
type Category struct {
	Key string
	// Cooldown is how long no other play of the category comes after one.
	Cooldown time.Duration
}

// Blackout is a state of a customer in which plays are held back.
type Blackout struct {
	Key, Title string
	When       Rule
	// After is how long it lasts beyond its rule.
	After time.Duration
}

// The kinds of trigger.
const (
	TriggerEnters = "enters"
	TriggerLeaves = "leaves"
	TriggerBelow  = "crosses_below"
	TriggerAbove  = "crosses_above"
	TriggerBand   = "band"
	TriggerDrops  = "drops_by"
	TriggerRises  = "rises_by"
	TriggerEvent  = "event"
	TriggerBefore = "before"
	TriggerRule   = "rule"
)

// Trigger is what makes a play come to its moment.
type Trigger struct {
	Kind string
	// Segment, Stages, Score and Metric name what it is about; From are the stages or bands that it must come from, To the
	// bands that it must come to.
	Segment       string
	Stages        []string
	Score, Metric string
	From, To      []string
	// Value is the threshold or the size of the swing, Rearm what must be reached before it may come again, Within the
	// days that a swing looks back on.
	Value, Rearm float64
	Within       time.Duration
	// Events takes the events, CancelledBy those of the same object that make a delayed play void.
	Events, CancelledBy Pattern
	Delays              []time.Duration
	// Date says what a date is told by, Days how many days before it the play comes.
	Date DateSource
	Days []int
	// When is the rule that becomes true.
	When Rule
}

// DateSource is what a date is told by; the first that is known holds.
type DateSource struct {
	// Field is a field of the golden record.
	Field string
	// Events tell it in their data under Data.
	Events Pattern
	Data   string
	// Anniversary takes the events whose moment the date comes back to, after Every each time.
	Anniversary Pattern
	Every       time.Duration
}

// Pattern selects events by type. The zero Pattern takes none.
type Pattern struct{ of pattern }

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.of.text }

// IsZero says whether the pattern takes nothing.
func (p Pattern) IsZero() bool { return len(p.of.alts) == 0 }

// Takes says whether the pattern takes the event.
func (p Pattern) Takes(e canon.Event) bool {
	direction, _ := e.Data["direction"].(string)
	return slices.ContainsFunc(p.of.alts, func(a alternative) bool {
		return (a.typ == "" || a.typ == e.Type) && strings.HasPrefix(e.Type, a.prefix) && (a.direction == "" || a.direction == direction)
	})
}

// Play is what is done for customers who come to a moment.
type Play struct {
	Key, Title, Doc string
	// Owner is who does it, Do what they are asked to do.
	Owner, Do string
	Category  string
	// Mode is the one that holds until an operator sets another; Priority puts plays of one category in order, the
	// highest first.
	Mode     string
	Priority int
	Trigger  Trigger
	// For is how long the trigger's state must last, Consecutive at how many daily readings in a row it must be seen.
	For         time.Duration
	Consecutive int
	// When must hold at the moment that the play comes.
	When Rule
	// Cooldown is how long the play does not come again, Reentry never, cycle (once in each) or always, Most how often
	// it may come within Per.
	Cooldown time.Duration
	Reentry  string
	Most     int
	Per      time.Duration
	// Blackouts are those that hold it back, Defer is for how long it is tried again once it was held back.
	Blackouts []string
	Defer     time.Duration
	// Holdout is the share of customers that do not get it; Exclusive that no other such play comes on the same day.
	Holdout   float64
	Exclusive bool
	// Offer is what may be offered; of each Kind one is live at a time, for as long as Live.
	Offer, OfferKind string
	OfferLive        time.Duration
	// EnterNow says that the play comes also for those who are in its state when it is new.
	EnterNow bool
}

// Plays lists the plays in order of precedence: by category, priority, key.
func (p *Policy) Plays() []Play { return slices.Clone(p.playList) }

// PlayRules returns what holds for all plays together.
func (p *Policy) PlayRules() PlayRules { return p.playRules }

// PlayNamed returns a play by its key.
func (p *Policy) PlayNamed(key string) (Play, bool) {
	i := slices.IndexFunc(p.playList, func(x Play) bool { return x.Key == key })
	if i < 0 {
		return Play{}, false
	}
	return p.playList[i], true
}

// Deck is what works the plays out holds of a policy. Nothing in it may be changed.
type Deck struct {
	// Set tells the plays by their keys and triggers: another set is another state.
	Set   string
	Plays []*Play
	Rules *PlayRules
	named map[string]*Play
}

// Named returns a play by its key, nil where there is none.
func (d *Deck) Named(key string) *Play { return d.named[key] }

// Deck returns the plays in order of precedence, for those who look at them for every customer.
func (p *Policy) Deck() *Deck { return &p.deck }

// shuffle makes the deck of the plays and rules.
func (p *playing) shuffle() {
	p.deck = Deck{Rules: &p.playRules, named: map[string]*Play{}}
	var parts []string
	for i := range p.playList {
		x := &p.playList[i]
		t := &x.Trigger
		p.deck.Plays, p.deck.named[x.Key] = append(p.deck.Plays, x), x
		parts = append(parts, x.Key, t.Kind, t.Segment, strings.Join(t.Stages, ","), t.Score, t.Metric, t.When.Source())
	}
	p.deck.Set = canon.Hash([]byte(strings.Join(parts, "\x00")))[:8]
}
