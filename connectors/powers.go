package connectors

import (
	"context"
	"net/http"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Vault keeps what a connection must remember beyond one process and nobody else may read, such as rotated
// tokens. Names are a connection's own.
type Vault interface {
	// Load returns the value kept under name, nil where there is none.
	Load(ctx context.Context, name string) ([]byte, error)
	// Save returns when the value is durable. The value before it is kept as the previous one.
	Save(ctx context.Context, name string, value []byte) error
	// Previous returns the value that the last Save replaced, nil where there is none.
	Previous(ctx context.Context, name string) ([]byte, error)
	// Lease waits until this process alone may change name, and returns what gives it back. Leases end by
	// themselves after a while, so that a killed process keeps nobody out.
	Lease(ctx context.Context, name string) (release func(), err error)
}

// Priority says who goes first where a vendor's allowance is short.
type Priority int

// Priorities, the most urgent first.
const (
	PriorityWebhook Priority = iota
	PriorityPush
	PriorityIncremental
	PriorityBackfill
)

// String returns the word that people read.
func (p Priority) String() string {
	return [...]string{"webhook", "push", "incremental", "backfill"}[min(max(p, 0), 3)]
}

type priorityKey struct{}

// WithPriority gives the calls made with ctx a priority.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

// PriorityOf returns the priority of ctx's calls, and whether one was given.
func PriorityOf(ctx context.Context) (Priority, bool) {
	p, ok := ctx.Value(priorityKey{}).(Priority)
	return p, ok
}

// Meter is what is known of one rate budget of an account.
type Meter struct {
	// Name is the budget's, Rate how many requests it allows per Per now, Most how many where the vendor
	// refuses nothing.
	Name string        `json:"name"`
	Rate float64       `json:"rate"`
	Most float64       `json:"most"`
	Per  time.Duration `json:"per"`
	// DailyLeft is what is left of the vendor's daily quota, -1 where it tells none; Reserve is what of it
	// only webhooks and push may use.
	DailyLeft int64 `json:"daily_left"`
	Reserve   int64 `json:"reserve,omitempty"`
	// Sent counts requests, Refused those that the vendor refused for their rate.
	Sent    int64 `json:"sent"`
	Refused int64 `json:"refused"`
	// Waiting counts calls that wait now, by priority's word. Until is when the next may go, and Why says in a
	// sentence what they wait for.
	Waiting map[string]int `json:"waiting,omitempty"`
	Until   time.Time      `json:"until,omitzero"`
	Why     string         `json:"why,omitempty"`
}

// Metered tells what a connection's calls wait for.
type Metered interface {
	Meters() []Meter
}

// Fetcher reads single records, for webhooks that only say that something changed.
type Fetcher interface {
	// Fetch reads the records with these ids as they are now. A record that is gone comes as a tombstone.
	// The page's Next is empty.
	Fetch(ctx context.Context, stream string, ids []string) (Page, error)
}

// Hook says how a vendor calls Hub. The call is verified before anything of it is parsed.
type Hook struct {
	// Scheme names the rule by which a call proves where it comes from, as webhooks.Verify knows it.
	Scheme string
	// Secret is the name of the setting with the key. The setting may hold several, separated by spaces,
	// while one replaces another. Empty where the scheme needs none.
	Secret string
	// Doc says where at the vendor the webhook is made, and with which events.
	Doc string
}

// Call is one verified webhook call.
type Call struct {
	Method string
	// Path is what follows /hooks/{connection}.
	Path   string
	Query  string
	Header http.Header
	Body   []byte
	// At is when it arrived.
	At time.Time
}

// Receiver turns webhook calls into what they tell.
type Receiver interface {
	// Receive reads one verified call. It does no I/O and gives the same for the same call. Its errors are
	// canon.Errors with code hook.*; the call is then kept as a dead letter.
	Receive(call Call) (Received, error)
}

// Received is what a webhook call tells: records where it carries them whole, hints where it names objects
// that are to be fetched.
type Received struct {
	Records []canon.Record
	Rejects []canon.DeadLetter
	Hints   []Hint
}

// Hint names an object that changed.
type Hint struct {
	Stream, ID string
	// Deleted says that the object is gone, and that there is nothing to fetch. At is when.
	Deleted bool
	At      time.Time
	// Into is the id of the object that it was merged into.
	Into string
}

// Field is one field of a stream's records at the vendor, its own or one that the account added.
type Field struct {
	Name, Label, Doc string
	// Type is the vendor's word.
	Type   string
	Custom bool
	// Computed fields change without moving the record's modification time.
	Computed bool
}

// Describer tells the fields of a stream's records.
type Describer interface {
	Describe(ctx context.Context, stream string) ([]Field, error)
}

// OAuth is what `hub connect` needs to fetch a connection's first token.
type OAuth struct {
	// AuthorizeURL and TokenURL are absolute, all variables filled in from the settings.
	AuthorizeURL, TokenURL string
	Scopes                 []string
	// ClientID and ClientSecret are the values of the settings.
	ClientID, ClientSecret string
	// InHeader sends the client's id and secret as basic authentication.
	InHeader bool
	// PKCE adds a code challenge. Params are sent along with the authorization request.
	PKCE   bool
	Params map[string]string
}

// Connectable is a connection that gets its token by OAuth's authorization code.
type Connectable interface {
	OAuth() (OAuth, bool)
	// Connected keeps the answer of the token endpoint, or of nothing else, as the connection's token.
	Connected(ctx context.Context, answer []byte) error
}
