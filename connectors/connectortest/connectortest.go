// Package connectortest holds the laws that every connector is held to. One call of Run buys them all:
// each law is one named function and one subtest.
//
// It knows no vendor and opens no socket: a vendor is an http.Handler behind an in-process transport, so
// that every law runs in a bubble of synthetic time. It does not judge what records become: mapping does.
package connectortest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Options describe the vendor that the laws are tried against.
type Options struct {
	// Handler returns the vendor in its first state; nil for connectors that speak no HTTP, which leaves
	// out the laws of HTTP. It must answer the same request with the same answer.
	Handler func() http.Handler
	// Settings of the connection. Secrets must be long enough to be recognised in a text.
	Settings connectors.Settings
	// Now is when the first round is read; the second is an hour later.
	Now time.Time
	// Dir and Streams are for connectors of local files.
	Dir     string
	Streams []connectors.StreamConfig
	// Push is what to write, required for connectors that push.
	Push *PushOptions
	// Fetch are ids to read alone, by stream. Calls are webhook calls, verified already.
	Fetch map[string][]string
	Calls []connectors.Call
}

// PushOptions say what the laws of writing try. The vendor must then keep what is written.
type PushOptions struct {
	Stream string
	// Good writes succeed, Bad is refused by the vendor.
	Good []connectors.Write
	Bad  connectors.Write
	// Fields is what Prepare is asked to create; they must be missing in the vendor's first state.
	Fields []connectors.FieldSpec
}

// suite is one run of the laws.
type suite struct {
	def  connectors.Definition
	opts Options
}

// law is one promise.
type law struct {
	name string
	hold func(testing.TB, *suite)
}

// Run tries every law that applies.
func Run(t *testing.T, def connectors.Definition, opts Options) {
	t.Helper()
	s := &suite{def, opts}
	t.Run("definition is complete", func(t *testing.T) { definitionIsComplete(t, def) })
	for _, l := range s.laws() {
		t.Run(l.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { l.hold(t, s) }) })
	}
}

// laws lists those that apply.
func (s *suite) laws() []law {
	laws := []law{
		{"records are whole", recordsAreWhole},
		{"same exchange, same records", sameExchangeSameRecords},
		{"resumes from any cursor", resumesFromAnyCursor},
		{"refuses a foreign cursor", refusesForeignCursor},
		{"refuses an unknown stream", refusesUnknownStream},
		{"a full list is marked from its first page to its last", sweepsAreWhole},
	}
	if len(s.opts.Fetch) > 0 {
		laws = append(laws, law{"records read alone are like those of the list", fetchedAlike})
	}
	if s.def.Hook != nil {
		laws = append(laws, law{"webhook calls are read or refused", callsAreRead})
	}
	if s.opts.Handler != nil {
		laws = append(laws, httpLaws()...)
	}
	return append(laws, pushLaws(s)...)
}

func definitionIsComplete(t testing.TB, def connectors.Definition) {
	for what, text := range map[string]string{"Name": def.Name, "Title": def.Title, "Doc": def.Doc, "Behavior": def.Behavior} {
		if strings.TrimSpace(text) == "" {
			t.Errorf("%s is empty", what)
		}
	}
	switch def.Category {
	case "crm", "billing", "support", "marketing", "usage", "survey", "file", "other":
	default:
		t.Errorf("category %q is none of crm, billing, support, marketing, usage, survey, file, other", def.Category)
	}
	names := map[string]bool{}
	for _, s := range def.Settings {
		if s.Name == "" || s.Title == "" || s.Doc == "" || names[s.Name] {
			t.Errorf("setting %q needs a name of its own, a title and a doc", s.Name)
		}
		names[s.Name] = true
		if soundsSecret(s.Name) && !s.Secret {
			t.Errorf("setting %q sounds like a credential and is not marked secret", s.Name)
		}
		if s.Secret && s.Default != "" {
			t.Errorf("secret setting %q has a default", s.Name)
		}
	}
	names = map[string]bool{}
	for _, s := range def.Streams {
		if s.Name == "" || s.Title == "" || len(s.Kinds) == 0 || names[s.Name] {
			t.Errorf("stream %q needs a name of its own, a title and kinds", s.Name)
		}
		names[s.Name] = true
	}
	if def.Category != "file" && (len(def.Streams) == 0 || len(def.Mapping) == 0) {
		t.Error("a vendor's connector ships streams and a mapping")
	}
}

func soundsSecret(name string) bool {
	for _, part := range []string{"token", "secret", "password", "api_key", "private_key"} {
		if strings.HasSuffix(name, part) {
			return true
		}
	}
	return false
}

// clock is the time that a connection sees; it moves only by hand.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// open connects to a vendor behind transport. The log is for laws about what is logged.
func (s *suite) open(t testing.TB, transport http.RoundTripper, c *clock) (connectors.Conn, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	settings := connectors.Settings{}
	for _, d := range s.def.Settings {
		settings[d.Name] = d.Default
	}
	for k, v := range s.opts.Settings {
		settings[k] = v
	}
	conn, err := s.def.Open(t.Context(), settings, connectors.Env{
		Connection: "laws", Transport: transport, Now: c.now, Dir: s.opts.Dir, Streams: s.opts.Streams,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return conn, log
}

// vendor is the vendor's undisturbed transport.
func (s *suite) vendor() http.RoundTripper {
	if s.opts.Handler == nil {
		return nil
	}
	return &inProcess{handler: s.opts.Handler()}
}

func (s *suite) streams(conn connectors.Conn) []string {
	var names []string
	for _, st := range conn.Streams() {
		names = append(names, st.Name)
	}
	return names
}

// step is one page with the cursor that it was read from and the time at which.
type step struct {
	from canon.Cursor
	at   time.Time
	page connectors.Page
}

// maxPages is far more than any exchange has; a drain that reaches it does not end.
const maxPages = 500

// drain reads two rounds of a stream, an hour apart.
func drain(ctx context.Context, conn connectors.Conn, stream string, c *clock) ([]step, error) {
	start := c.at
	defer func() { c.at = start }()
	var steps []step
	from := canon.Cursor("")
	for round := 0; round < 2; {
		page, err := conn.Pull(ctx, stream, from)
		if err != nil {
			return steps, err
		}
		steps = append(steps, step{from, c.at, page})
		if len(steps) > maxPages {
			return steps, canon.Errorf("laws.endless", "stream %s did not end after %d pages", stream, maxPages)
		}
		from = page.Next
		if !page.More {
			round++
			c.at = c.at.Add(time.Hour)
		}
	}
	return steps, nil
}

// mustDrain drains every stream.
func (s *suite) mustDrain(t testing.TB, conn connectors.Conn, c *clock) map[string][]step {
	t.Helper()
	out := map[string][]step{}
	for _, stream := range s.streams(conn) {
		steps, err := drain(t.Context(), conn, stream, c)
		if err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
		out[stream] = steps
	}
	return out
}

func pages(steps []step) []connectors.Page {
	var out []connectors.Page
	for _, s := range steps {
		out = append(out, s.page)
	}
	return out
}

// differ tells how pages differ, "" where they do not. Pages that are the same to the last bit, which nearly all
// are, need no closer look.
func differ(a, b []connectors.Page) string {
	if reflect.DeepEqual(a, b) {
		return ""
	}
	return cmp.Diff(a, b)
}
