package canon

import (
	"strconv"
	"time"
)

// The modes of a play. A proposed one is only written down and a deprecated one no longer looked at; a shadow one is
// logged, a live one told; a suspended one is logged as held back.
const (
	PlayProposed   = "proposed"
	PlayShadow     = "shadow"
	PlayLive       = "live"
	PlaySuspended  = "suspended"
	PlayDeprecated = "deprecated"
)

// FiredType is the type of the change that tells of a live play.
const FiredType = "play.fired"

// Firing is one time that a play came to its moment, whether it was told, only noted, or held back.
type Firing struct {
	// ID is derived from play, customer, cause and outcome, so that the same moment is one firing however often it
	// is worked out.
	ID       string `json:"id"`
	Play     string `json:"play"`
	Title    string `json:"title,omitempty"`
	Category string `json:"category"`
	// Mode is the play's at that moment: shadow, live or suspended.
	Mode     string `json:"mode"`
	Policy   string `json:"policy"`
	Customer string `json:"customer"`
	// At is the moment that the play came to, RecordedAt when that was written down.
	At         time.Time   `json:"at"`
	RecordedAt time.Time   `json:"recorded_at,omitzero"`
	Cause      FiringCause `json:"cause"`
	// Suppressed is the guard that held the play back, "" where none did; Reason says it in one sentence.
	Suppressed string `json:"suppressed,omitempty"`
	Reason     string `json:"reason"`
	// Deferred says that the play is tried again, until then at the latest.
	Deferred time.Time `json:"deferred_until,omitzero"`
	// Holdout says that the customer is of the share that gets no play, to compare with; Seed is what drew the share.
	Holdout bool   `json:"holdout"`
	Seed    string `json:"seed,omitempty"`
	// Stage, Scores, Bands and Segments are where the customer stood.
	Stage    string             `json:"stage"`
	Scores   map[string]float64 `json:"scores,omitempty"`
	Bands    map[string]string  `json:"bands,omitempty"`
	Segments []string           `json:"segments,omitempty"`
	// Previous and Current are the value that moved, where the trigger is about one.
	Previous string `json:"previous,omitempty"`
	Current  string `json:"current,omitempty"`
	// Evidence are ids of events behind it.
	Evidence []string `json:"evidence,omitempty"`
	// Offer names what may be offered, Do what the play asks people to do.
	Offer string `json:"offer_id,omitempty"`
	Do    string `json:"do,omitempty"`
}

// FiringCause is what made a play come to its moment.
type FiringCause struct {
	// Event is the id of the event, "" where a state or a date did it.
	Event string `json:"event_id,omitempty"`
	// Rule is the trigger in words.
	Rule string `json:"rule"`
	// Since is when the event occurred, or the state began.
	Since time.Time `json:"since"`
}

// Told says whether the firing is told to the outside.
func (f Firing) Told() bool { return f.Mode == PlayLive && f.Suppressed == "" && !f.Holdout }

// FiringID derives the id of a firing. The key tells causes of one play and customer apart.
func FiringID(play, customer, key, outcome string) string {
	return ID("fir", play, customer, key, outcome)
}

// PlayState is what is kept of a customer's plays from one moment to the next.
type PlayState struct {
	Customer string
	// At is the moment up to which the plays were looked at, Next the next one that time alone brings.
	At, Next time.Time
	// Doc is the state itself, known to the room that makes it.
	Doc []byte
}

// PlayMode is a mode that an operator put a play in.
type PlayMode struct {
	// Seq counts the entries of the log from 1; the last one of a play is in force.
	Seq    int64     `json:"seq"`
	Play   string    `json:"play"`
	Mode   string    `json:"mode"`
	Author string    `json:"author"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// FiringFilter selects firings, newest first.
type FiringFilter struct {
	Play, Customer, Category, Mode string
	// Suppressed keeps only those held back, Told only those told to the outside.
	Suppressed, Told bool
	Since            time.Time
	After            string
	// Limit is the most to return; 0 means 50.
	Limit int
}

// FiringPage is one page of firings. Next is "" on the last one.
type FiringPage struct {
	Firings []Firing `json:"firings"`
	Next    string   `json:"next,omitempty"`
}

// PlayCount is what came of a play on the days since a moment.
type PlayCount struct {
	Play string `json:"play"`
	// Fired counts those that no guard held back, Told those told to the outside, Suppressed the others by guard.
	Fired      int64            `json:"fired"`
	Told       int64            `json:"told"`
	Holdout    int64            `json:"holdout"`
	Suppressed map[string]int64 `json:"suppressed"`
	LastAt     time.Time        `json:"last_at,omitzero"`
}

// Key returns the part of a firing's cause that derives its id.
func (c FiringCause) Key() string {
	if c.Event != "" {
		return c.Event
	}
	return c.Rule + "@" + strconv.FormatInt(c.Since.UnixMicro(), 10)
}
