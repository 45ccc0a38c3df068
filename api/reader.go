package api

import (
	"context"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Reader is everything that the API asks of what is stored. Lists may be nil where they are empty. An error
// that is a canon.Error is told to the caller with its code, sentence and hint; any other one is logged and
// told as "internal".
type Reader interface {
	Customers
	Past
	Streams
	Out
}

// Customers answers questions about customers.
type Customers interface {
	// Customers returns one page. A page token that nobody gave out is a canon.Error request.invalid.
	Customers(ctx context.Context, f canon.CustomerFilter) (canon.CustomerPage, error)
	// Customer resolves the id of any member to its customer, with fields, members and the current
	// assessment. An id that nobody has is a canon.Error customer.unknown.
	Customer(ctx context.Context, id string) (canon.Customer, error)
	// Timeline returns one page of a customer's events. It resolves the id of any member, as it was known at
	// w.KnownAt; errors as in Customers and Customer, and person.unknown.
	Timeline(ctx context.Context, customer string, w canon.Window) (canon.EventPage, error)
	// Assessments returns the newest assessments of a customer, the newest first.
	Assessments(ctx context.Context, customer string, limit int) ([]canon.Assessment, error)
	// Overview counts what is stored.
	Overview(ctx context.Context) (Overview, error)
}

// Past answers questions about what was.
type Past interface {
	// AssessmentAt returns the assessment of a customer that was in force at a moment, by what was known at another; zero
	// is now. Where there was none yet it is a canon.Error assessment.unknown.
	AssessmentAt(ctx context.Context, customer string, at, knownAt time.Time) (canon.Assessment, error)
}

// Streams answers questions about where the data comes from.
type Streams interface {
	// Streams returns the state of every stream of every connection.
	Streams(ctx context.Context) ([]canon.StreamState, error)
	// DeadLetters returns one page, newest first, of one connection or of all where connection is "", and
	// the token of the next page, "" on the last one.
	DeadLetters(ctx context.Context, connection, after string, limit int) ([]canon.DeadLetter, string, error)
}

// Out answers questions about what Hub told the outside.
type Out interface {
	Deliveries(ctx context.Context, f canon.DeliveryFilter) (canon.DeliveryPage, error)
	// Attempts returns the attempts of a delivery, the first one first. A delivery that does not exist is a
	// canon.Error delivery.unknown.
	Attempts(ctx context.Context, delivery string) ([]canon.Attempt, error)
	// Pushed returns the newest outcomes of writing fields back, of one state or of all where state is "".
	Pushed(ctx context.Context, state string, limit int) ([]canon.PushedField, error)
}

// Live tells of changes as they happen.
type Live interface {
	// Subscribe returns the changes whose Position is greater than after, in order and then as they come; a
	// negative after leaves out everything that happened before the call. The channel is closed when ctx
	// ends or when the subscriber must start again from the last position that it saw.
	Subscribe(ctx context.Context, after int64) (<-chan canon.Change, error)
}

// Overview counts what Hub holds.
type Overview struct {
	Customers   int64 `json:"customers" doc:"Customers"`
	Events      int64 `json:"events" doc:"Events in all timelines"`
	DeadLetters int64 `json:"dead_letters" doc:"Inputs that could not be used and wait for a replay"`
	// ByStage, ByBand, Deliveries and Pushes count by stage key, health band, delivery state and push state.
	ByStage    map[string]int64 `json:"by_stage" doc:"Customers by stage key; the key is empty where nothing qualifies them for any"`
	ByBand     map[string]int64 `json:"by_band" doc:"Customers by health band"`
	Deliveries map[string]int64 `json:"deliveries" doc:"Webhook deliveries by state"`
	Pushes     map[string]int64 `json:"pushes" doc:"Fields written back by state"`
}

// Stage is one node of the lifecycle graph, as people should see it.
type Stage struct {
	Key   string `json:"key" doc:"Stable key"`
	Label string `json:"label" doc:"What people read"`
	// Exit marks a stage outside the path, such as churned.
	Exit bool `json:"exit" doc:"True for a stage outside the path, such as churned"`
}
