package canon

import "time"

// Override is a human's word against a computed answer, with author, reason and expiry. It stands beside what was
// computed and never replaces the record of it.
type Override struct {
	// ID is derived from customer, field, author and the moment it was recorded.
	ID       string `json:"id"`
	Customer string `json:"customer"`
	// Field is what is overridden: "stage", "health.band", "renewal.value"…; Value what holds instead.
	Field  string `json:"field"`
	Value  string `json:"value"`
	Author string `json:"author"`
	Reason string `json:"reason"`
	// From and Until bound when it holds, From inclusive, Until exclusive.
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
	RecordedAt time.Time `json:"recorded_at"`
	// RevokedAt is when it was taken back, zero while it was not.
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}
