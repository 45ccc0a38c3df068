package canon

import (
	"encoding/json"
	"strconv"
	"time"
)

// Event is one immutable moment in a customer's timeline.
type Event struct {
	// ID is derived from connection, stream, record id, version and type (and Nth, where one pair of
	// states gives several of a type), so a replay yields the same id.
	ID string `json:"id"`
	// Type is dotted: deal.won, invoice.overdue, stage.changed.
	Type string `json:"type"`
	// Customer is the id of the customer whose timeline the event stands in, "" while nobody is known.
	Customer string `json:"customer,omitempty"`
	// Ref, Kind and Part name the entity that the event tells of. Ref is zero for events of the customer
	// itself (stage.changed, score.changed).
	Ref  Ref    `json:"ref,omitzero"`
	Kind Kind   `json:"kind,omitempty"`
	Part string `json:"part,omitempty"`
	// Version is the record version whose arrival tells of the event.
	Version    int64     `json:"version,omitempty"`
	OccurredAt time.Time `json:"occurred_at"`
	RecordedAt time.Time `json:"recorded_at,omitzero"`
	// Revision counts the statements made under ID from 1, and SupersededAt is when this one was taken back or
	// replaced; both are filled in only where revisions are asked for.
	Revision     int       `json:"revision,omitempty"`
	SupersededAt time.Time `json:"superseded_at,omitzero"`
	// Summary is one plain sentence without personal data beyond what the entity's name holds.
	Summary string `json:"summary"`
	// Amount is money that the event is about, Value a plain number (a rating, a count, a score).
	Amount *Money   `json:"amount,omitempty"`
	Value  *float64 `json:"value,omitempty"`
	// Data holds what is special to the type: from, to, reason… Values are strings, float64 or bool, so
	// that they survive JSON unchanged.
	Data map[string]any `json:"data,omitempty"`
}

// EventID derives the id of an event of an entity. Nth tells several events of one type from one pair of
// states apart, and is "" otherwise.
func EventID(ref Ref, kind Kind, part string, version string, typ, nth string) string {
	return ID("ev", ref.Connection, ref.Stream, ref.ID, string(kind), part, version, typ, nth)
}

// Content returns what an event says, without when it was recorded, by which version and whose it is: two
// events of one id and equal content are the same statement.
func (e Event) Content() string {
	e.RecordedAt, e.Customer, e.Version = time.Time{}, "", 0
	e.Revision, e.SupersededAt = 0, time.Time{}
	b, err := json.Marshal(e)
	if err != nil {
		// Data holds strings, numbers and bools only; nothing of it can fail to marshal.
		panic("canon: event does not marshal: " + err.Error())
	}
	return Hash(b)
}

// Window selects a part of a timeline.
type Window struct {
	// From and To bound OccurredAt, From inclusive, To exclusive; zero is open.
	From, To time.Time
	// Types keeps only these event types; "deal." keeps all types with that prefix.
	Types []string
	// Kinds keeps only events of entities of these kinds. Events of the customer itself are of no kind.
	Kinds []Kind
	// Connections and Streams keep only events that come from any of these: a connection's name, a stream as
	// "connection/stream", or a stream's name alone.
	Connections, Streams []string
	// Person keeps only events of a person and of what belongs to them: a contact by its entity key, ref or id. Who
	// is who, and whose, is as known now.
	Person string
	// At keeps only what had happened by then, inclusive; zero is open.
	At time.Time
	// KnownAt asks for the timeline as it was known then: by the statements that had been recorded and not yet been
	// taken back, and by whose they were then. Zero is now.
	KnownAt time.Time
	// Revisions adds the statements that are no longer in force.
	Revisions bool
	// Newest asks for the newest first.
	Newest bool
	// After continues behind the event of this page token, Before with what lies before it, as near as possible to it.
	// At most one is set; with none a page begins at the start.
	After, Before string
	// Limit is the most events to return; 0 means 100.
	Limit int
}

// EventPage is one page of a timeline. Next is the token by which the page after it is asked for with Window.After, Prev
// that of the page before it with Window.Before; "" where there is none.
type EventPage struct {
	Events []Event `json:"events"`
	Next   string  `json:"next,omitempty"`
	Prev   string  `json:"prev,omitempty"`
}

// ChangeID derives the id of the change that tells of a revision of an event.
func ChangeID(event string, revision int) string { return ID("chg", event, strconv.Itoa(revision)) }

// Change is what the outside hears: one event of a timeline, worth telling, in the form in which it
// travels on the changes belt and to webhook endpoints.
type Change struct {
	// ID is derived from the event's id and revision.
	ID       string `json:"id"`
	Type     string `json:"type"`
	Customer string `json:"customer"`
	// Sequence counts the changes of one customer from 1.
	Sequence   int64     `json:"sequence"`
	OccurredAt time.Time `json:"occurred_at"`
	RecordedAt time.Time `json:"recorded_at"`
	// Backfill marks history: it was learnt while reading the past, and is not news.
	Backfill bool `json:"backfill,omitempty"`
	// Current marks, for stage.changed and score.changed, that the change leads to where the customer
	// stands now.
	Current bool `json:"current,omitempty"`
	// Position is the change's place in the outbox, growing with each.
	Position int64 `json:"position,omitempty"`
	// Data is the body told to the outside: the event, and for stage and score changes the assessment.
	Data json.RawMessage `json:"data"`
}
