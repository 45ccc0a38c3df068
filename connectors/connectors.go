// Package connectors is the contract that a vendor meets: a Definition holds the facts, a Conn is one
// connected account, and optional powers (Pusher, Preparer) are found by type assertion.
//
// It holds no vendor, no HTTP and no mapping. A connector is a value in the list of connectors/all.
package connectors

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Definition is what Hub knows of a vendor before it is connected. Docs, prompts, validation and redaction
// are derived from it.
type Definition struct {
	// Name is the key used in hub.yaml, Title what people read, Doc one paragraph.
	Name, Title, Doc string
	// Category is "crm", "billing", "support", "marketing", "usage", "survey", "file" or "other".
	Category string
	Settings []Setting
	// Streams in the order in which they are best read first (owners before what they own).
	Streams []Stream
	// Mapping is the shipped mapping file (YAML), empty where the user must bring one.
	Mapping []byte
	// Hook says how the vendor calls, nil where it does not.
	Hook *Hook
	// Behavior says, in Markdown, what will surprise an operator.
	Behavior string
	// Open connects. It does no I/O beyond reading local files: Check does.
	Open func(ctx context.Context, s Settings, env Env) (Conn, error)
}

// Setting is one thing that the user must or may tell.
type Setting struct {
	Name, Title, Doc string
	Secret           bool
	Required         bool
	Default          string
}

// Settings are the values of one connection, by Setting.Name, with defaults filled in.
type Settings map[string]string

// Env is what a connection gets from its surroundings.
type Env struct {
	// Connection is the name in hub.yaml. Records carry it.
	Connection string
	// Transport carries every request; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
	// Dir is what relative paths in settings are relative to.
	Dir string
	// Streams are declared by the user where the connector has none of its own (file).
	Streams []StreamConfig
	// Vault keeps rotated tokens; nil keeps them no longer than the connection.
	Vault Vault
	// Budgets are shared by all connections of the process, so that two of one account share its allowance;
	// nil gives the connection budgets of its own.
	Budgets *Budgets
}

// Budgets holds what connections share of an account's allowance.
type Budgets struct{ shared sync.Map }

// Share returns what is kept under key, or keeps what create returns.
func (b *Budgets) Share(key string, create func() any) any {
	if b == nil {
		return create()
	}
	if v, ok := b.shared.Load(key); ok {
		return v
	}
	v, _ := b.shared.LoadOrStore(key, create())
	return v
}

// StreamConfig is what a user tells of one stream in hub.yaml: options whose names the connector knows.
type StreamConfig struct {
	Name    string
	Options map[string]string
}

// Stream is one list of records at the vendor.
type Stream struct {
	Name, Title string
	// Kinds are the entities that its records become, for the health of sources.
	Kinds []canon.Kind
	// PushFields says whether Hub can write fields back into the stream's records.
	PushFields bool
}

// Conn is one connected account.
type Conn interface {
	// Check makes one cheap authenticated request. It returns a canon.Error: auth.denied, auth.forbidden,
	// net.unreachable…
	Check(ctx context.Context) error
	// Streams lists what can be pulled now.
	Streams() []Stream
	// Pull reads the page at from. It returns a canon.Error whose Retry says whether the same call may
	// succeed later; transient faults were retried inside already. A page is never returned in part.
	Pull(ctx context.Context, stream string, from canon.Cursor) (Page, error)
	// Close ends what the connection holds open.
	Close() error
}

// Page is the unit of checkpoint, of retry and of test.
type Page struct {
	Records []canon.Record
	// Rejects are objects that cannot be records. Connection and Stream are filled in by the caller.
	Rejects []canon.DeadLetter
	// Next is the cursor behind the page. Where More is false it is where the next round starts.
	Next canon.Cursor
	More bool
	// Total is the number of records that the vendor says this round has, 0 where it does not say.
	Total int64
	// Sweep marks a page of a full list by which missing records are found; nil for all others.
	Sweep *canon.Sweep
}

// Pusher writes fields into the vendor's records.
type Pusher interface {
	// Read returns the current values of the fields of the records, by id. Records that do not exist are
	// absent. Absent and null fields are "".
	Read(ctx context.Context, stream string, ids, fields []string) (map[string]map[string]string, error)
	// Push writes each record's fields and returns one outcome per write, in order. An error means that
	// nothing is known of any of them. Pushing the same writes twice leaves the same state.
	Push(ctx context.Context, stream string, writes []Write) ([]Outcome, error)
	// BatchSize is the most writes that one call of Push or ids of Read should carry.
	BatchSize() int
}

// Preparer creates the fields that Hub is about to write, where they are missing.
type Preparer interface {
	// Prepare returns the names of the fields that it created.
	Prepare(ctx context.Context, stream string, fields []FieldSpec) ([]string, error)
}

// Write sets fields of one record.
type Write struct {
	Ref    canon.Ref
	Fields map[string]string
}

// Outcome is what became of one Write: nil Err for done.
type Outcome struct {
	Ref canon.Ref
	Err error
}

// FieldSpec describes a field to create.
type FieldSpec struct {
	Name, Label, Doc string
	// Type is "text", "number", "datetime" or "enum".
	Type string
	// Options are the values of an enum.
	Options []string
}
