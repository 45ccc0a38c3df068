package push

import (
	"context"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// StateSent is the state of a field whose write may have reached the vendor but was not confirmed: the
// next Apply finds out.
const StateSent = "sent"

// StatePlanned is the state of rows in the report of a dry run. It is never stored.
const StatePlanned = "planned"

// Field is one field of a vendor's record that Hub writes.
type Field struct {
	// Name is the vendor's name of the field, Value the computed value that goes into it (ValueNames).
	Name, Value string
	// Type is "text", "number", "datetime" or "enum", "" for text. Label and Doc are what people see.
	Type, Label, Doc string
	// Options are the values of an enum.
	Options []string
}

// Target is one stream of one connection that Hub writes to.
type Target struct {
	Connection, Stream string
	Kind               canon.Kind
	Fields             []Field
	Pusher             connectors.Pusher
	// Preparer creates missing fields; nil where the vendor's fields must exist.
	Preparer connectors.Preparer
	// Overwrite also replaces values that somebody else set. By default they are left alone.
	Overwrite bool
}

// Desired is what one record should say. Values is by computed value; a name that is absent leaves its
// field alone, "" empties a field that Hub filled before.
type Desired struct {
	Ref      canon.Ref
	Customer string
	Values   map[string]string
}

// Store remembers what the vendors acknowledged.
type Store interface {
	// Pushed returns what is known of the records' fields, by record and field name; absent where nothing
	// was ever pushed.
	Pushed(ctx context.Context, refs []canon.Ref) (map[canon.Ref]map[string]canon.PushedField, error)
	// SavePushed replaces what is known of each row's record and field, all rows or none.
	SavePushed(ctx context.Context, rows []canon.PushedField) error
}

// Options tell how to apply.
type Options struct {
	// DryRun reads and reports, and writes nothing anywhere.
	DryRun bool
	// Run is the id of the run, for logs.
	Run string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// MaxShare, 0 to 1, is the fleet guard: Apply refuses to change a field in more than this share of the
	// records that hold a value of Hub's, where that is more than 50 records. 0 is no guard. The first push
	// of a field is not counted, nor are reasons and assessed_at, which change daily by themselves.
	MaxShare float64
	// Fleet is how many records hold values of Hub's, where Apply is given only some of them; 0 counts
	// those it is given.
	Fleet int
}

// Report is what an Apply did. All counts but Calls are fields, not records.
type Report struct {
	// Planned fields differ from what was last acknowledged. Of these, Written were sent to the vendor
	// (in a dry run: would be), Verified hold the wanted value, Conflicts were changed by somebody else and
	// left alone, Failed were refused or not confirmed.
	Planned, Written, Verified, Conflicts, Failed int
	// Calls counts calls of the vendor.
	Calls int
	// Note says in one sentence what a dry run could not find out, "" mostly.
	Note string
	// Rows are the planned fields and what became of each, in the order of the plan.
	Rows []canon.PushedField
}

func (t Target) validate(want []Desired) error {
	fault := func(format string, args ...any) *canon.Error {
		return canon.Errorf("push.target", "push to %s: "+format, append([]any{t.key()}, args...)...)
	}
	if t.Pusher == nil {
		return fault("the connection cannot write").WithHint("remove the push section for this stream, or push to another connection")
	}
	seen := make(map[string]bool, len(t.Fields))
	for _, f := range t.Fields {
		if f.Name == "" || f.Value == "" {
			return fault("a field lacks its name or value").WithHint("each field needs both")
		}
		if seen[f.Name] {
			return fault("the field %s stands twice", f.Name).WithHint("give each value a field of its own")
		}
		seen[f.Name] = true
		if len(want) > 0 && !anyHas(want, f.Value) {
			return fault("no value %q is computed for the field %s", f.Value, f.Name).
				WithHint("choose one of %s", strings.Join(ValueNames(), ", "))
		}
	}
	return nil
}

func anyHas(want []Desired, value string) bool {
	for _, d := range want {
		if _, ok := d.Values[value]; ok {
			return true
		}
	}
	return false
}

// key names the target within a process.
func (t Target) key() string { return t.Connection + "/" + t.Stream }

// field returns the target's field of a name.
func (t Target) field(name string) Field {
	for _, f := range t.Fields {
		if f.Name == name {
			return f
		}
	}
	return Field{Name: name}
}
