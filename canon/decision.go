package canon

import (
	"strconv"
	"time"
)

// The kinds of decision.
const (
	// DecideLink says that A and B are the same company or person, or, for a contact and a company, that the contact
	// belongs to the company.
	DecideLink = "link"
	// DecideUnlink says that A and B are not, whatever the evidence.
	DecideUnlink = "unlink"
	// DecideDetach says that A is linked by nothing but decisions.
	DecideDetach = "detach"
	// DecideGeneric says that the evidence Key tells nobody apart.
	DecideGeneric = "generic"
	// DecidePin says that Field of the customer that A belongs to has Value.
	DecidePin = "pin"
	// DecideRevoke takes the decision Revokes back, as though it had never been made.
	DecideRevoke = "revoke"
)

// Decision is what an operator has decided about who is who. Decisions are appended, never changed: who is who is a
// function of the records, the decisions in force and the rules.
type Decision struct {
	// Seq is the decision's place in the log, growing with each; ID is derived from what it says and from At.
	Seq  int64  `json:"seq"`
	ID   string `json:"id"`
	Kind string `json:"kind"`
	// A and B are keys of company or contact entities ("connection/stream/id#company"), A before B.
	A string `json:"a,omitempty"`
	B string `json:"b,omitempty"`
	// Key is an evidence key, as "dom:acme.com".
	Key string `json:"key,omitempty"`
	// Field and Value are what a pin says of a golden record.
	Field string `json:"field,omitempty"`
	Value string `json:"value,omitempty"`
	// Revokes is the id of the decision that this one takes back.
	Revokes string `json:"revokes,omitempty"`
	// Author and Reason are the operator's words.
	Author string `json:"author"`
	Reason string `json:"reason,omitempty"`
	// At is when it was decided. It holds before ExpiresAt; zero for ever.
	At        time.Time `json:"at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// WithID returns d with A and B in order and with its derived id.
func (d Decision) WithID() Decision {
	if d.B != "" && d.B < d.A {
		d.A, d.B = d.B, d.A
	}
	d.ID = ID("dec", d.Kind, d.A, d.B, d.Key, d.Field, d.Value, d.Revokes, d.Author, strconv.FormatInt(d.At.UnixMicro(), 10))
	return d
}

// Edge is one piece of evidence that two entities are the same, or that one belongs to the other.
type Edge struct {
	// A and B are entity keys, A before B.
	A string `json:"a"`
	B string `json:"b"`
	// Rank is the evidence's place on the ladder, 0 the surest.
	Rank int `json:"rank"`
	// Key is the evidence in words: "domain acme.com", "decision dec_…".
	Key string `json:"key"`
	// Rejected says in one sentence why the evidence links nobody; "" where it does.
	Rejected string `json:"rejected,omitempty"`
}

// Candidate is a pair of entities that may be the same and that an operator may decide about.
type Candidate struct {
	// ID is derived from A and B.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// A and B are entity keys, A before B.
	A string `json:"a"`
	B string `json:"b"`
	// Rank is the surest evidence's place on the ladder, Score how alike the two are, 0 to 1.
	Rank  int     `json:"rank"`
	Score float64 `json:"score"`
	// Why are the pieces of evidence in words, for and against.
	Why []string `json:"why"`
	// Contested says that evidence which links by itself was contested, so that it links nobody.
	Contested bool `json:"contested,omitempty"`
}

// CandidateID derives the id of the candidate of two entity keys, whatever their order.
func CandidateID(a, b string) string { return ID("can", min(a, b), max(a, b)) }

// Move is an entity's change of customer, as it became known.
type Move struct {
	Seq int64 `json:"seq"`
	// Entity is the key of the entity.
	Entity string `json:"entity"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	// Why is the evidence for To in words.
	Why string `json:"why,omitempty"`
	// At is when it was recorded.
	At time.Time `json:"at"`
}
