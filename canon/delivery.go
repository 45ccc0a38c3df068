package canon

import (
	"encoding/json"
	"time"
)

// The states of a delivery. All but pending are terminal.
const (
	DeliveryPending   = "pending"
	DeliveryDelivered = "delivered"
	DeliveryDead      = "dead"
	DeliverySkipped   = "skipped"
	DeliveryExpired   = "expired"
)

// Delivery is one change due to one endpoint.
type Delivery struct {
	// ID is the webhook-id, derived from change and endpoint.
	ID       string `json:"id"`
	Endpoint string `json:"endpoint"`
	Change   string `json:"change"`
	Type     string `json:"type"`
	Customer string `json:"customer"`
	State    string `json:"state"`
	// Reason says in one sentence why the delivery is where it is, "" while untried.
	Reason   string `json:"reason,omitempty"`
	Attempts int    `json:"attempts"`
	// NextAt is when the next attempt is due; zero once terminal.
	NextAt     time.Time `json:"next_at,omitzero"`
	CreatedAt  time.Time `json:"created_at"`
	EndedAt    time.Time `json:"ended_at,omitzero"`
	LastStatus int       `json:"last_status,omitempty"`
	// Body is the exact bytes to send; lists leave it out.
	Body json.RawMessage `json:"body,omitempty"`
}

// DeliveryID derives the webhook-id.
func DeliveryID(change, endpoint string) string { return ID("msg", change, endpoint) }

// Attempt is one HTTP try of a delivery.
type Attempt struct {
	Delivery string        `json:"delivery"`
	No       int           `json:"no"`
	At       time.Time     `json:"at"`
	Took     time.Duration `json:"took"`
	// Status is the HTTP status, 0 where no answer came; Error then says why.
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
	// Response is the beginning of the answer's body.
	Response string `json:"response,omitempty"`
}

// Outcome is how an attempt leaves its delivery.
type Outcome struct {
	State  string
	Reason string
	NextAt time.Time
	Try    Attempt
}

// DeliveryFilter selects deliveries, newest first.
type DeliveryFilter struct {
	Endpoint, State, Customer, After string
	// Limit is the most to return; 0 means 50.
	Limit int
}

// DeliveryPage is one page of deliveries. Next is "" on the last one; Counts is by state, of all that match
// the filter but for its State.
type DeliveryPage struct {
	Deliveries []Delivery       `json:"deliveries"`
	Next       string           `json:"next,omitempty"`
	Counts     map[string]int64 `json:"counts"`
}
