package canon

import "time"

// The kinds of mark.
const (
	// MarkRef is a record that was erased, MarkOwner one of them whose belongings of every kind are gone with it.
	MarkRef   = "ref"
	MarkOwner = "owner"
	// MarkMail, MarkPhone and MarkName are what a person was known by, MarkPart one word of a name.
	MarkMail  = "mail"
	MarkPhone = "phone"
	MarkName  = "name"
	MarkPart  = "part"
)

// The states of an erasure.
const (
	// ErasurePending is one that is under way or was interrupted: it is known, and blocks, but traces may be left.
	ErasurePending = "pending"
	ErasureDone    = "done"
	// ErasureLifted is one that blocks no more. What was removed stays removed.
	ErasureLifted = "lifted"
)

// ErasedType is the type of the change by which those who were told of a customer hear that somebody was erased, so
// that they can do the same. It names the customer and the erasure, and nobody.
const ErasedType = "customer.erased"

// Erasure says that a person or company was removed, without saying who that was.
type Erasure struct {
	ID string `json:"id"`
	// Kind is "person" or "company".
	Kind  string `json:"kind"`
	State string `json:"state"`
	// Author and Reason are the operator's words.
	Author string    `json:"author"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
	// DoneAt is when the last trace was gone.
	DoneAt   time.Time `json:"done_at,omitzero"`
	LiftedAt time.Time `json:"lifted_at,omitzero"`
	// Counts says how much was removed and redacted.
	Counts map[string]int64 `json:"counts,omitempty"`
}

// Mark is a keyed hash of something that an erased person was known by. It recognises, and tells nothing to who
// does not have the key.
type Mark struct {
	Erasure string
	Kind    string
	// Sum is the HMAC in hex, Hint a short keyed sum by which most of what is not marked is told apart cheaply.
	Sum  string
	Hint int64
}

// AuditEntry is one thing that was done to what is held of people.
type AuditEntry struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	// Object is the id of what it was done by, such as an erasure's; Subject a keyed hash of whom it was about.
	Object  string           `json:"object,omitempty"`
	Subject string           `json:"subject,omitempty"`
	Counts  map[string]int64 `json:"counts,omitempty"`
}

// TextRow is the text of one row of one table.
type TextRow struct {
	Table string
	// Refs are the records that the row is about, where it names any.
	Refs []Ref
	// Columns name the texts in Values.
	Columns, Values []string
	// Drop asks for the row to be removed.
	Drop bool
}

// Scope is what belongs to a person or company: rows of records and entities, the refs and entity keys that go with
// them, and the customers that are nobody else.
type Scope struct {
	Records, Entities []int64
	Refs              []Ref
	Keys, Customers   []string
}
