// Package rest turns a connector.yaml into a connection: authentication, streams, paging, cursors, change
// feeds, batch enrichment, error rules and rate budgets, over HTTP with retries.
//
// It knows no vendor, keeps nothing between two calls of Pull but tokens, budgets and short-lived caches (the
// cursor carries all state) and maps nothing: a record leaves as the bytes that the vendor sent.
package rest

import (
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Spec is a parsed connector.yaml. SYNTAX.md describes the language, with the ${…} variables that texts may
// contain.
type Spec struct {
	// BaseURL is what every path is appended to.
	BaseURL string `yaml:"base_url"`
	// Headers are sent with every request.
	Headers map[string]string `yaml:"headers"`
	// Auth lists ways to authenticate; the first whose When holds is taken.
	Auth []Auth `yaml:"auth"`
	HTTP HTTP   `yaml:"http"`
	// Budgets are token buckets by name; a request names one, "default" otherwise.
	Budgets map[string]Budget `yaml:"budgets"`
	// Errors are tried in order before the built-in rules.
	Errors []ErrorRule `yaml:"errors"`
	// Check is one cheap authenticated request.
	Check Request `yaml:"check"`
	// Account is the path, in the answer to Check, of what people at the vendor call the account.
	Account string `yaml:"account"`
	// Lists are values that the vendor tells at run time, such as the names of custom fields.
	Lists map[string]List `yaml:"lists"`
	// Streams in the order in which they are best read.
	Streams []Stream `yaml:"streams"`
	// Hooks say how a webhook call names objects; the first rule whose When holds counts.
	Hooks []HookRule `yaml:"hooks"`
	// About holds the facts of a connector that is a folder of its own (LoadDir).
	About *About `yaml:"about"`

	name string
}

// Request is one kind of call.
type Request struct {
	Method string `yaml:"method"`
	Path   string `yaml:"path"`
	// Query parameters whose value comes out empty are left out. First is sent only while there is no
	// page token.
	Query   map[string]Values `yaml:"query"`
	First   map[string]Values `yaml:"first"`
	Headers map[string]string `yaml:"headers"`
	// Body is sent as JSON; Form in its place as application/x-www-form-urlencoded, without what comes out
	// empty.
	Body any               `yaml:"body"`
	Form map[string]Values `yaml:"form"`
	// Accept is the media type asked for (application/json).
	Accept string `yaml:"accept"`
	// When leaves the request out, as if its answer were empty: where the text comes out empty or "false", or
	// where it reads a == b or a != b and that is not so.
	When string `yaml:"when"`
	// Budget names the bucket that the call is taken from.
	Budget string `yaml:"budget"`
	// Idempotent marks a POST that only reads, so that it may be repeated after a cut connection.
	Idempotent bool `yaml:"idempotent"`
}

// List is a list of names fetched from the vendor.
type List struct {
	Request Request `yaml:"request"`
	// Items is the path of the array, Value the path of the name in each item.
	Items string `yaml:"items"`
	Value string `yaml:"value"`
	// Include comes first, whatever the vendor says. Skip leaves out items for which any condition holds,
	// Exclude names with one of these prefixes.
	Include []string    `yaml:"include"`
	Skip    []Condition `yaml:"skip"`
	Exclude []string    `yaml:"exclude"`
	// MaxChars cuts the list where its names and separators grow longer; 0 means no limit. With Chunk it is
	// not cut: a feed that names it is read once per part of that length, and the parts are merged by id.
	// Always are names that every part begins with.
	MaxChars int      `yaml:"max_chars"`
	Chunk    bool     `yaml:"chunk"`
	Always   []string `yaml:"always"`
}

// Condition holds where the value at Path is true, or as is given: equal, one of several, with that beginning
// or end, there or not.
type Condition struct {
	Path   string   `yaml:"path"`
	Equals *string  `yaml:"equals"`
	In     []string `yaml:"in"`
	Prefix string   `yaml:"prefix"`
	Suffix string   `yaml:"suffix"`
	Exists *bool    `yaml:"exists"`
}

// Version says where a record tells how new it is.
type Version struct {
	// Path is one place; Max several, of which the greatest counts. Arrays count with their greatest.
	Path string   `yaml:"path"`
	Max  []string `yaml:"max"`
	// Format is "auto" (default), "unix", "unix_ms", "rfc3339" or "sequence".
	Format string `yaml:"format"`
	// Past leaves out moments after the start of the round.
	Past bool `yaml:"past"`
}

// Name returns the connector's name.
func (s *Spec) Name() string { return s.name }

// List returns the streams as facts for a connectors.Definition.
func (s *Spec) List() []connectors.Stream {
	out := make([]connectors.Stream, 0, len(s.Streams))
	for _, st := range s.Streams {
		out = append(out, connectors.Stream{Name: st.Name, Title: st.Title, Kinds: st.Kinds, PushFields: st.Push})
	}
	return out
}

func (s *Spec) stream(name string) *Stream {
	for i := range s.Streams {
		if s.Streams[i].Name == name {
			return &s.Streams[i]
		}
	}
	return nil
}

// Duration is a time.Duration written as in Go: 90s, 5m, 24h.
type Duration time.Duration

// UnmarshalYAML reads the text form.
func (d *Duration) UnmarshalYAML(decode func(any) error) error {
	var text string
	if err := decode(&text); err != nil {
		return err
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		return canon.Errorf("spec.duration", "%q is no duration: write a number with a unit, such as 90s, 5m or 24h", text)
	}
	*d = Duration(v)
	return nil
}

// Values is one text or a list of them.
type Values []string

// UnmarshalYAML reads a scalar or a list.
func (v *Values) UnmarshalYAML(decode func(any) error) error {
	var many []string
	if decode(&many) == nil {
		*v = many
		return nil
	}
	var one string
	if err := decode(&one); err != nil {
		return err
	}
	*v = Values{one}
	return nil
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
