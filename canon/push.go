package canon

import "time"

// The states of a pushed field.
const (
	PushVerified = "verified" // written and read back
	PushConflict = "conflict" // somebody else changed the field; left alone
	PushFailed   = "failed"   // refused by the vendor; Reason says why
)

// PushedField is the last outcome of writing one field of one vendor record.
type PushedField struct {
	Ref   Ref    `json:"ref"`
	Field string `json:"field"`
	// Wanted is the value that Hub computed, Acked the last one that the vendor confirmed; HasAcked tells
	// a confirmed "" from none.
	Wanted   string    `json:"wanted"`
	Acked    string    `json:"acked,omitempty"`
	HasAcked bool      `json:"has_acked,omitempty"`
	State    string    `json:"state"`
	Reason   string    `json:"reason,omitempty"`
	Customer string    `json:"customer"`
	At       time.Time `json:"at"`
}
