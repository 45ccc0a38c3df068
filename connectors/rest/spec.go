// Package rest turns a connector.yaml into a connection: authentication, streams, paging, cursors, change
// feeds, batch enrichment, error rules and rate budgets, over HTTP with retries.
//
// It knows no vendor, keeps nothing between two calls of Pull but short-lived caches (the cursor carries
// all state) and maps nothing: a record leaves as the bytes that the vendor sent. It does not refresh
// OAuth tokens.
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
	// Lists are values that the vendor tells at run time, such as the names of custom fields.
	Lists map[string]List `yaml:"lists"`
	// Streams in the order in which they are best read.
	Streams []Stream `yaml:"streams"`

	name string
}

// Auth is one way to authenticate.
type Auth struct {
	// Kind is "bearer", "basic", "header" or "query".
	Kind string `yaml:"kind"`
	// When names a setting that must not be empty for this way to be taken; "" always holds.
	When string `yaml:"when"`
	// Token is the bearer token, or the value of the header or query parameter called Name.
	Token string `yaml:"token"`
	Name  string `yaml:"name"`
	// User and Password are for basic.
	User     string `yaml:"user"`
	Password string `yaml:"password"`
}

// HTTP holds the limits of one exchange; zero values mean the defaults.
type HTTP struct {
	// MaxBody is the largest answer in bytes (32 MiB), Timeout the longest time for one attempt (60s).
	MaxBody int64    `yaml:"max_body"`
	Timeout Duration `yaml:"timeout"`
	// Retries is the most attempts after the first (5), waiting RetryMin (500ms) to RetryMax (30s).
	Retries  *int     `yaml:"retries"`
	RetryMin Duration `yaml:"retry_min"`
	RetryMax Duration `yaml:"retry_max"`
	// RetryAfterMax is the longest Retry-After to wait out inside a call (2m).
	RetryAfterMax Duration `yaml:"retry_after_max"`
}

// Budget is a token bucket: Rate requests per Per, at most Burst at once.
type Budget struct {
	Rate  string   `yaml:"rate"`
	Per   Duration `yaml:"per"`
	Burst int      `yaml:"burst"`
}

// ErrorRule says what an answer means. All conditions that are given must hold.
type ErrorRule struct {
	Status []int `yaml:"status"`
	// Path is looked up in the body; its value must equal Equals or contain Contains, where given.
	Path     string `yaml:"path"`
	Equals   string `yaml:"equals"`
	Contains string `yaml:"contains"`
	// Action is "retry", "later" (no retry within the call, but a later one may succeed), "fail", "ignore"
	// (an empty answer), "rate_limited" or "restart" (the page token is no longer known: read again from
	// the watermark).
	Action string `yaml:"action"`
	// Code, Message and Hint replace those of the built-in rule.
	Code    string `yaml:"code"`
	Message string `yaml:"message"`
	Hint    string `yaml:"hint"`
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
	// Body is sent as JSON.
	Body any `yaml:"body"`
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
	// MaxChars cuts the list where its names and separators grow longer; 0 means no limit.
	MaxChars int `yaml:"max_chars"`
}

// Condition holds where the value at Path is true, or Equals, or Exists, as given.
type Condition struct {
	Path   string  `yaml:"path"`
	Equals *string `yaml:"equals"`
	Exists *bool   `yaml:"exists"`
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

// Stream is one list of records.
type Stream struct {
	Name  string       `yaml:"name"`
	Title string       `yaml:"title"`
	Kinds []canon.Kind `yaml:"kinds"`
	// Push says that fields can be written back.
	Push bool `yaml:"push"`
	// ID is the path of the record's id.
	ID      string  `yaml:"id"`
	Version Version `yaml:"version"`
	// Deleted holds for tombstones among the records.
	Deleted *Condition `yaml:"deleted"`
	// Full reads everything. Changes reads what changed, in later rounds; without it every round is full.
	Full    Feed     `yaml:"full"`
	Changes *Changes `yaml:"changes"`
	// Archived reads deleted records at the end of each round.
	Archived *Archived `yaml:"archived"`
}

// Feed is a paged list.
type Feed struct {
	Request Request `yaml:"request"`
	// Records is the path of the array in the body; "" for the body itself.
	Records string `yaml:"records"`
	// Total is the path of the number of records in all.
	Total  string   `yaml:"total"`
	Paging Paging   `yaml:"paging"`
	Enrich []Enrich `yaml:"enrich"`
}

// Paging says how the next page is found.
type Paging struct {
	// Kind is "none", "cursor", "next_url", "link", "offset", "page" or "last_id".
	Kind string `yaml:"kind"`
	// Token is the path of the token (cursor) or URL (next_url) in the body; "" ends the list.
	Token string `yaml:"token"`
	// More is the path of a flag that must be true for another page, End of one that ends the list.
	More string `yaml:"more"`
	End  string `yaml:"end"`
	// Size is the page size: for offset, page and last_id without More, a shorter page is the last.
	Size int `yaml:"size"`
	// Start is the number of the first page (page).
	Start int `yaml:"start"`
	// NotAfter keeps the last token of a round, where it is a time in unix seconds, at least this long in
	// the past.
	NotAfter Duration `yaml:"not_after"`
	// Dedupe drops records that are byte for byte on the page before.
	Dedupe bool `yaml:"dedupe"`
}

// Changes says how later rounds learn what is new.
type Changes struct {
	// Mode is "window" (a query from ${since}), "continue" (the full feed goes on from its last token) or
	// "events" (a feed of events names the objects, which are then fetched).
	Mode string `yaml:"mode"`
	// Settle is how long the vendor may hide a change; the watermark stays that far behind the round's
	// start. Overlap is read again on top.
	Settle  Duration `yaml:"settle"`
	Overlap Duration `yaml:"overlap"`
	Feed    Feed     `yaml:"feed"`
	Reset   *Reset   `yaml:"reset"`
	Events  *Events  `yaml:"events"`
	// Retention is how far back the vendor remembers changes; an older watermark means a full round.
	Retention Duration `yaml:"retention"`
	// Refresh is how often everything is listed again all the same, for what changes without a trace; 0
	// for never. Not for continue.
	Refresh Duration `yaml:"refresh"`
}

// Reset restarts a window, which must be sorted by modification time, from the last time seen: because the
// vendor caps results, or because paging by position skips records while others change.
type Reset struct {
	// Records is how many records to read before the window is restarted.
	Records int `yaml:"records"`
	// Path is the record's modification time as the window sorts it.
	Path string `yaml:"path"`
	// Ties reads records of the one moment ${tie} behind ${last_id}, sorted by id: for when a whole window
	// shares one modification time. Step is the vendor's resolution.
	Ties Feed     `yaml:"ties"`
	Step Duration `yaml:"step"`
}

// Events says how an event names the object that changed.
type Events struct {
	// Object is the path of the object's id in the event, Copy of the object itself.
	Object string `yaml:"object"`
	Copy   string `yaml:"copy"`
	// Time is the path of the event's time, Type of its type.
	Time string `yaml:"time"`
	Type string `yaml:"type"`
	// Deleted are the types that mean that the object is gone.
	Deleted []string `yaml:"deleted"`
	// Fetch reads the object ${id}. An answer 404 means that it is gone.
	Fetch Request `yaml:"fetch"`
	// Gone holds for fetched objects that are tombstones.
	Gone *Condition `yaml:"gone"`
	// Parallel is the most fetches at a time; 0 means 4.
	Parallel int `yaml:"parallel"`
}

// Archived is the feed of deleted records.
type Archived struct {
	Feed    Feed    `yaml:"feed"`
	Version Version `yaml:"version"`
	// Recent leaves out, in later rounds, records deleted longer than this before the last watermark.
	Recent Duration `yaml:"recent"`
}

// Enrich fetches more about all records of a page at once and merges it into each record.
type Enrich struct {
	// Member is the record's member that the answers go into, Key the name inside it.
	Member string `yaml:"member"`
	Key    string `yaml:"key"`
	// Request reads for the ids in ${ids}, given as objects {"id": …}; Size is the most ids per call.
	Request Request `yaml:"request"`
	Size    int     `yaml:"size"`
	// Results is the path of the answers; in each, ID is the path of the record's id, Items of the array.
	Results string `yaml:"results"`
	ID      string `yaml:"id"`
	Items   string `yaml:"items"`
	// More is the path of a token in an answer: the record has more items, read with {"id", "after"}.
	More string `yaml:"more"`
	// Take builds each merged object: member name to path in the item.
	Take map[string]string `yaml:"take"`
	// First is a condition of items that come first.
	First *Condition `yaml:"first"`
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
