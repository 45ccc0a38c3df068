package program_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/program"
)

// setup is one connection.
type setup struct {
	protocol, command, config string
	settings                  connectors.Settings
	streams                   []connectors.StreamConfig
	vault                     connectors.Vault
	log                       *slog.Logger
}

var now = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)

func (o setup) open(t *testing.T) connectors.Conn {
	t.Helper()
	// What the connector leaves behind would be in this folder.
	t.Setenv("TMPDIR", t.TempDir())
	s := connectors.Settings{}
	for _, d := range program.Definition().Settings {
		s[d.Name] = d.Default
	}
	s["protocol"], s["command"], s["config"], s["grace"] = o.protocol, o.command, o.config, "5s"
	if o.config == "" {
		s["config"] = `{"token":"` + secret + `"}`
	}
	for k, v := range o.settings {
		s[k] = v
	}
	conn, err := program.Definition().Open(t.Context(), s, connectors.Env{
		Connection: "tap", Now: func() time.Time { return now }, Streams: o.streams, Vault: o.vault, Log: o.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return conn
}

// pages pulls a round and returns what came before its end or error.
func (o setup) pages(conn connectors.Conn, stream string, from canon.Cursor) (out []connectors.Page, err error) {
	for range 1000 {
		page, err := conn.Pull(context.Background(), stream, from)
		if err != nil {
			return out, err
		}
		if page.More && page.Next == from {
			return out, errors.New("the round does not move on")
		}
		out = append(out, page)
		if !page.More {
			return out, nil
		}
		from = page.Next
	}
	return out, errors.New("the round does not end")
}

func (o setup) round(t *testing.T, conn connectors.Conn, stream string, from canon.Cursor) []connectors.Page {
	t.Helper()
	out, err := o.pages(conn, stream, from)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func ids(pages []connectors.Page) []string {
	out := []string{}
	for _, p := range pages {
		for _, r := range p.Records {
			out = append(out, r.ID)
		}
	}
	return out
}

func rejects(pages []connectors.Page) []string {
	out := []string{}
	for _, p := range pages {
		for _, d := range p.Rejects {
			out = append(out, d.Code+" "+d.Reason)
		}
	}
	return out
}

func tap(t *testing.T, part string) setup {
	return setup{protocol: "singer", command: fake(t, part), streams: []connectors.StreamConfig{{Name: "users"}}}
}

func airbyteSource(t *testing.T, part string) setup {
	o := tap(t, part)
	o.protocol = "airbyte"
	return o
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestLinesThatCannotBeRead(t *testing.T) {
	o := tap(t, "huge")
	o.settings = connectors.Settings{"max_line_mb": "1"}
	pages := o.round(t, o.open(t), "users", "")
	same(t, "ids", []string{"1", "3"}, ids(pages))
	same(t, "rejects", []string{"program.line a line of the program is too long to be read"}, rejects(pages))

	o = tap(t, "garbage")
	pages = o.round(t, o.open(t), "users", "")
	same(t, "ids", []string{"\ufffd", "1"}, ids(pages))
	same(t, "rejects", []string{
		"program.line a line of the program is no message of its protocol",
		"program.line a line of the program is no message of its protocol",
		"program.record a record of the program is no JSON object",
		"program.id the id field id is missing or no plain value",
	}, rejects(pages))
	if pages[0].Next != `{"state":{"n":1}}` {
		t.Errorf("the last line has no end; the cursor is %s", pages[0].Next)
	}
}

func TestAProgramThatDiesLosesNothing(t *testing.T) {
	o := tap(t, "dies")
	o.streams[0].Options = map[string]string{"page": "2"}
	conn := o.open(t)
	pages, err := o.pages(conn, "users", "")
	same(t, "ids", []string{"1", "2", "3"}, ids(pages))
	same(t, "rejects", []string{}, rejects(pages))
	e := canon.AsError(err)
	if e == nil || e.Code != "program.failed" || !e.Retry || !strings.Contains(e.Message, "exit status 3") ||
		!strings.Contains(e.Message, "token=[redacted]") || strings.Contains(e.Message, secret) {
		t.Errorf("the error is %v", err)
	}
	// The next round begins at the state, with a cursor of its own.
	again, err := o.pages(conn, "users", pages[1].Next)
	if canon.CodeOf(err) != "program.failed" || again[0].Next == pages[1].Next {
		t.Errorf("again: %v, cursor %s", err, again[0].Next)
	}
}

func TestPagesEndWithoutStates(t *testing.T) {
	o := tap(t, "silent about state")
	o.streams[0].Options = map[string]string{"page": "2"}
	pages := o.round(t, o.open(t), "users", "")
	if len(pages) != 4 || len(ids(pages)) != 30 {
		t.Errorf("%d pages of %d records", len(pages), len(ids(pages)))
	}
}

func TestAProgramThatIgnoresItsEndIsKilled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows: a program cannot ignore being ended")
	}
	o := tap(t, "stubborn")
	o.settings = connectors.Settings{"grace": "100ms"}
	o.streams[0].Options = map[string]string{"page": "1"}
	conn := o.open(t)
	page, err := conn.Pull(t.Context(), "users", "")
	if err != nil || !page.More {
		t.Fatal(page, err)
	}
	if err := conn.Close(); err != nil { // returns when the process is gone
		t.Error(err)
	}
	if page, err := conn.Pull(t.Context(), "users", page.Next); err != nil || len(page.Records) != 1 {
		t.Errorf("a closed connection leaves nothing running, and gives %v, %v", page, err)
	}
}

func TestAProgramThatHangs(t *testing.T) {
	o := tap(t, "hangs")
	o.settings = connectors.Settings{"timeout": "4s"}
	pages, err := o.pages(o.open(t), "users", "")
	if e := canon.AsError(err); e == nil || e.Code != "program.silent" || !e.Retry || len(ids(pages)) != 1 {
		t.Errorf("got %v and %v", ids(pages), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	conn := tap(t, "hangs").open(t)
	cancelled := make(chan error, 1)
	go func() {
		_, err := conn.Pull(ctx, "users", "")
		cancelled <- err
	}()
	cancel()
	if err := <-cancelled; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWhatAProgramLeavesRunningEndsWithIt(t *testing.T) {
	o := tap(t, "leaves")
	pages := o.round(t, o.open(t), "users", "")
	if got := ids(pages); !slices.Contains(got, "2") {
		t.Errorf("ids %v", got)
	}
}

func TestSecretsAreInTheFileOnly(t *testing.T) {
	t.Setenv("HUB_OTHER_SECRET", "not-for-programs")
	t.Setenv("SEEN", "yes")
	o := tap(t, "tells")
	o.settings = connectors.Settings{"env": "SEEN, NOT_SET"}
	raw := string(o.round(t, o.open(t), "users", "")[0].Records[0].Raw)
	if strings.Contains(raw, secret) || strings.Contains(raw, "not-for-programs") || !strings.Contains(raw, `"SEEN=yes"`) {
		t.Errorf("the program sees %s", raw)
	}
	if runtime.GOOS != "windows" && !strings.Contains(raw, `"-rw-------"`) {
		t.Errorf("the file's mode: %s", raw)
	}
}

// vault keeps what was saved in memory.
type vault struct {
	mu   sync.Mutex
	held map[string][]byte
}

func (v *vault) Load(_ context.Context, name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.held[name], nil
}

func (v *vault) Save(_ context.Context, name string, value []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held[name] = bytes.Clone(value)
	return nil
}

func (v *vault) Previous(context.Context, string) ([]byte, error) { return nil, nil }
func (v *vault) Lease(context.Context, string) (func(), error)    { return func() {}, nil }
func newVault() *vault                                            { return &vault{held: map[string][]byte{}} }
func (v *vault) has(text string) bool                             { return bytes.Contains(v.held["config"], []byte(text)) }

func TestChangedTokensAreKept(t *testing.T) {
	v := newVault()
	o := tap(t, "rotates")
	o.vault = v
	o.round(t, o.open(t), "users", "")
	if !v.has("the-second-token") {
		t.Fatalf("the vault has %s", v.held)
	}
	second := o.round(t, o.open(t), "users", "")
	if raw := string(second[0].Records[1].Raw); !strings.Contains(raw, "the-second-token") {
		t.Errorf("the next run had %s", raw)
	}
	// Who changes the setting means the new one.
	o.config = `{"token":"a-third-token"}`
	if raw := string(o.round(t, o.open(t), "users", "")[0].Records[1].Raw); !strings.Contains(raw, "a-third-token") {
		t.Errorf("behind a changed setting the run had %s", raw)
	}
	v = newVault()
	o = airbyteSource(t, "rotates source")
	o.vault = v
	if pages, err := o.pages(o.open(t), "users", ""); canon.CodeOf(err) != "program.failed" || len(pages) != 1 || !v.has("the-second-token") {
		t.Errorf("a source that died behind its message: %v, %v, vault %s", pages, err, v.held)
	}
}

func TestFullListsShowWhatIsGone(t *testing.T) {
	o := tap(t, "lists")
	conn := o.open(t)
	first := o.round(t, conn, "users", "")
	second := o.round(t, conn, "users", first[0].Next)
	for i, round := range []string{"version 7", "version 8"} {
		page := [][]connectors.Page{first, second}[i][0]
		if page.Sweep == nil || page.Sweep.Round != round || page.Sweep.Guard != 0.05 {
			t.Errorf("round %d has the sweep %+v", i, page.Sweep)
		}
	}
	// The same version again is no new list, so it shows nothing.
	if third := o.round(t, conn, "users", second[0].Next); third[0].Sweep != nil {
		t.Errorf("the third round has the sweep %+v", third[0].Sweep)
	}
	o = airbyteSource(t, "whole")
	o.streams = []connectors.StreamConfig{{Name: "plans", Options: map[string]string{"id": "code", "page": "1"}}}
	conn = o.open(t)
	pages := o.round(t, conn, "plans", "")
	for _, p := range append(pages, o.round(t, conn, "plans", pages[len(pages)-1].Next)...) {
		if p.Sweep == nil || p.Sweep.Round != "2026-02-01T00:00:00Z" {
			t.Errorf("sweep %+v", p.Sweep)
		}
	}
	same(t, "ids", []string{"a"}, ids(pages))
	o = tap(t, "garbage")
	o.streams[0].Options = map[string]string{"mode": "full"}
	pages = o.round(t, o.open(t), "users", "")
	if last := pages[len(pages)-1]; last.Sweep != nil {
		t.Errorf("a list with unreadable lines has the sweep %+v", last.Sweep)
	}
}

func TestRecordsWithoutAKey(t *testing.T) {
	o := tap(t, "keyless")
	o.streams[0].Name = "notes"
	// The order of the members does not count.
	if got := ids(o.round(t, o.open(t), "notes", "")); len(got) != 3 || got[0] != got[2] || got[0] == got[1] {
		t.Errorf("ids %v", got)
	}
}

func TestFaultsOfSources(t *testing.T) {
	var log bytes.Buffer
	for _, c := range []struct {
		part, code string
		retry      bool
		text       string
		ids        int
	}{
		{"miscounts", "program.checksum", false, "counts 2 records", 2},
		{"config", "settings.refused", false, "no use of [redacted]", 1},
		{"transient", "program.transient", true, "no use of [redacted]", 1},
		{"limited", "rate.limited", true, "limit", 1},
		{"incomplete", "program.incomplete", true, "end", 1},
	} {
		o := airbyteSource(t, c.part)
		o.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		pages, err := o.pages(o.open(t), "users", "")
		e := canon.AsError(err)
		if e == nil || e.Code != c.code || e.Retry != c.retry || !strings.Contains(e.Message, c.text) || e.Hint == "" || len(ids(pages)) != c.ids {
			t.Errorf("%s: %v and %v", c.part, ids(pages), err)
		}
		if c.part == "limited" && !strings.Contains(e.Hint, "2026-01-02T04:00:00Z") {
			t.Errorf("the hint is %q", e.Hint)
		}
		if c.part == "miscounts" && strings.Contains(string(pages[len(pages)-1].Next), `"n":2`) {
			t.Errorf("the cursor holds the state that does not fit: %s", pages[len(pages)-1].Next)
		}
	}
	o := airbyteSource(t, "counts unread")
	if pages := o.round(t, o.open(t), "users", ""); len(rejects(pages)) != 1 {
		t.Errorf("rejects %v", rejects(pages))
	}
	o = airbyteSource(t, "refuses")
	if err := o.open(t).Check(t.Context()); canon.CodeOf(err) != "settings.refused" || strings.Contains(err.Error(), secret) {
		t.Errorf("refused: %v", err)
	}
	o.config = `{"tokens":1}`
	if err := o.open(t).Check(t.Context()); canon.CodeOf(err) != "settings.refused" || !strings.Contains(err.Error(), "lacks token") {
		t.Errorf("without its required setting: %v", err)
	}
	if strings.Contains(log.String(), secret) {
		t.Error("a secret is in the log")
	}
}
