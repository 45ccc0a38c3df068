package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// edits change the shipped mapping of a connection. Each replaces the first text by the second.
var edits = map[string]struct{ connection, from, to string }{
	"a field from elsewhere": {"stripe", "name: [name, business_name, description, email]", "name: email"},
	"tickets of nobody":      {"zendesk", "owners:\n          - {kind: company, stream: organizations, id: organization_id}\n          - {kind: contact, stream: users, id: requester_id}", "owners:\n          - {kind: contact, stream: users, id: nobody}"},
	"no tickets":             {"zendesk", "- kind: ticket\n", "- kind: ticket\n        when: {path: subject, equals: never}\n"},
	"no billing companies":   {"stripe", "- kind: company\n", "- kind: company\n        when: {path: object, equals: never}\n"},
}

// mappedOtherwise returns the vendors with one mapping edited.
func mappedOtherwise(t *testing.T, cfg *config.Config, vs []*vendor, connection, from, to string) []*vendor {
	t.Helper()
	out := slices.Clone(vs)
	for i, v := range vs {
		if v.cfg.Name != connection {
			continue
		}
		src := strings.Replace(string(v.def.Mapping), from, to, 1)
		if src == string(v.def.Mapping) {
			t.Fatalf("%q is not in the mapping of %s", from, connection)
		}
		edited := *v
		var err error
		edited.mapping, err = mapping.Parse("edited.yaml", []byte(src), mapping.Options{Connection: func(c string) string { return only(cfg, c) }})
		if err != nil {
			t.Fatal(err)
		}
		out[i] = &edited
	}
	return out
}

// heldApp is an app that can map again and assess, but reaches nobody.
func heldApp(t *testing.T, cfg *config.Config, vs []*vendor, path string) *app {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	policy, err := loadPolicy(cfg)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	a := &app{cfg: cfg, db: db, vendors: vs, log: log, committed: make(chan struct{}, 1)}
	a.pipe = ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			return db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return fn(tx) })
		},
		Maps: mappings(vs), Sources: sources(vs), Rules: rules(cfg, vs), Policy: policy, Now: clock(cfg), Rounds: allSucceeded(vs), Log: log,
	})
	return a
}

func (a *app) takeAll(t *testing.T, pages []canon.Batch) {
	t.Helper()
	for _, b := range pages {
		if err := a.db.InTx(t.Context(), time.Now(), func(tx *store.Tx) error { return tx.Begin(t.Context(), b.Connection, b.Connector, b.Stream) }); err != nil {
			t.Fatal(err)
		}
		if _, err := a.pipe.Ingest(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.assess(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// told is the state without how scores moved on the way and by which version something was told: a hub that had
// another mapping for a while remembers that.
func told(t *testing.T, db *store.DB) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(stateOf(t, db)) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if typ, _ := v["type"].(string); strings.HasPrefix(typ, "score.") {
			continue
		}
		delete(v, "version")
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(b, '\n'))
	}
	return out.String()
}

// TestRemapIsAFreshHub: what is held, mapped again by an edited mapping, is what a fresh hub makes of it, and back.
func TestRemapIsAFreshHub(t *testing.T) {
	companies := 20
	if slow {
		companies = 8
	}
	_, dir := play(t, companies)
	cfg, vs := connected(t, dir)
	pages := readAll(t, vs)
	path := filepath.Join(t.TempDir(), "held.db")
	held := heldApp(t, cfg, vs, path)
	held.takeAll(t, pages)
	before := told(t, held.db)
	for name, e := range edits {
		t.Run(name, func(t *testing.T) {
			edited := mappedOtherwise(t, cfg, vs, e.connection, e.from, e.to)
			fresh := heldApp(t, cfg, edited, filepath.Join(t.TempDir(), "fresh.db"))
			fresh.takeAll(t, pages)
			remapAll(t, heldApp(t, cfg, edited, path))
			want := told(t, fresh.db)
			if want == before {
				t.Error("the edit changes nothing")
			}
			differ(t, "mapped again", want, told(t, held.db))
			remapAll(t, heldApp(t, cfg, vs, path))
			differ(t, "and back", before, told(t, held.db))
		})
	}
}

func remapAll(t *testing.T, a *app) remapped {
	t.Helper()
	sum, err := a.remap(t.Context(), remapOptions{})
	if err == nil {
		err = a.assess(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func connected(t *testing.T, dir string) (*config.Config, []*vendor) {
	t.Helper()
	cfg, err := config.Load(filepath.Join(dir, "hub.yaml"), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	vs, err := openVendors(t.Context(), surroundings{cfg: cfg, log: slog.New(slog.DiscardHandler), known: shipped()})
	if err != nil {
		t.Fatal(err)
	}
	return cfg, vs
}

// TestRemapGoesOnWhereItStopped, by the same mapping, and begins anew by another. The mapping that changed is told of
// until it was applied.
func TestRemapGoesOnWhereItStopped(t *testing.T) {
	_, dir := play(t, 20)
	cfg, vs := connected(t, dir)
	pages := readAll(t, vs)
	path := filepath.Join(t.TempDir(), "held.db")
	held := heldApp(t, cfg, vs, path)
	notices := func(a *app) string {
		var out bytes.Buffer
		if err := a.noticeMappings(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if n := notices(held); n != "" {
		t.Errorf("an empty hub says %q", n)
	}
	held.takeAll(t, pages)
	e := edits["a field from elsewhere"]
	a := heldApp(t, cfg, mappedOtherwise(t, cfg, vs, e.connection, e.from, e.to), path)
	line := "the mapping of stripe changed; run hub replay --remap --connection stripe to apply it to what is already here\n"
	if n := notices(a); n != line {
		t.Errorf("a changed mapping is told as %q", n)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stretches := 0
	first, err := a.remap(ctx, remapOptions{connection: "stripe", show: func(string, string, int64, int64) {
		if stretches++; stretches == 2 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	if n := notices(a); n != line {
		t.Errorf("half-way it says %q", n)
	}
	a = heldApp(t, cfg, a.vendors, path)
	rest, err := a.remap(t.Context(), remapOptions{connection: "stripe"})
	if err != nil {
		t.Fatal(err)
	}
	if n := notices(a); n != "" {
		t.Errorf("afterwards it says %q", n)
	}
	again, err := a.remap(t.Context(), remapOptions{connection: "stripe"})
	if err != nil {
		t.Fatal(err)
	}
	if first.Records == 0 || first.Records+rest.Records != again.Records || again.Entities+again.Events+again.Superseded > 0 {
		t.Errorf("first %+v, the rest %+v, once more %+v", first, rest, again)
	}
	if _, err := a.remap(t.Context(), remapOptions{connection: "none"}); canon.CodeOf(err) != "connection.unknown" {
		t.Errorf("an unknown connection: %v", err)
	}
	if _, err := a.remap(t.Context(), remapOptions{stream: "none"}); canon.CodeOf(err) != "stream.unknown" {
		t.Errorf("an unknown stream: %v", err)
	}
	one, err := a.remap(t.Context(), remapOptions{connection: "stripe", stream: "customers"})
	if err != nil || len(one.Streams) != 1 || one.Records == 0 || one.Records >= again.Records {
		t.Errorf("one stream: %+v, %v", one, err)
	}
}

// TestFieldsOfAConnection: what the demo's records consist of, and which of it is mapped.
func TestFieldsOfAConnection(t *testing.T) {
	_, dir := play(t, 8)
	cfg, vs := connected(t, dir)
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	a := heldApp(t, cfg, vs, filepath.Join(cfg.DataDir, "hub.db"))
	a.takeAll(t, readAll(t, vs))
	var out bytes.Buffer
	c := &cli{streams: streams{out: &out, err: &out}, env: func(string) (string, bool) { return "", false }, config: filepath.Join(dir, "hub.yaml"), json: true}
	cmd := c.fieldsCommand()
	cmd.SetArgs([]string{"stripe", "customers"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Fields []fieldRow    `json:"fields"`
		Drift  []canon.Drift `json:"drift"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	mapped := map[string]bool{}
	for _, f := range got.Fields {
		mapped[f.Path] = f.Mapped
		if f.FirstSeen.IsZero() || f.LastSeen.IsZero() || f.Samples == 0 || f.Stream != "customers" {
			t.Errorf("%+v", f)
		}
	}
	for path, want := range map[string]bool{"email": true, "created": true, "livemode": false} {
		if is, there := mapped[path]; !there || is != want {
			t.Errorf("%s: there %v, mapped %v; want %v", path, there, is, want)
		}
	}
	if len(got.Drift) > 0 {
		t.Errorf("the first round is drift: %+v", got.Drift)
	}
	out.Reset()
	c.json = false
	cmd = c.fieldsCommand()
	cmd.SetArgs([]string{"stripe"})
	if err := cmd.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "last seen") && !strings.Contains(out.String(), "LAST SEEN") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestReplayCommand: the whole command on a hub whose mapping was edited, and the deletes that an operator accepts.
func TestReplayCommand(t *testing.T) {
	_, dir := play(t, 8)
	syncOnce(t, dir, true)
	cfg, vs := connected(t, dir)
	e := edits["a field from elsewhere"]
	i := slices.IndexFunc(vs, func(v *vendor) bool { return v.cfg.Name == e.connection })
	src := strings.Replace(string(vs[i].def.Mapping), e.from, e.to, 1)
	name := filepath.Join(dir, "hub.yaml")
	yaml, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"edited.yaml": src,
		"hub.yaml": strings.Replace(string(yaml), "connector: stripe\n", "connector: stripe\n    mapping: edited.yaml\n", 1)} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, told bytes.Buffer
	c := &cli{streams: streams{out: &out, err: &told}, env: func(string) (string, bool) { return "", false }, config: name}
	cmd := c.replayCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(nil)
	if err := cmd.ExecuteContext(t.Context()); canon.CodeOf(err) != "usage" {
		t.Errorf("without --remap: %v", err)
	}
	cmd.SetArgs([]string{"--remap", "--connection", "stripe"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "mapped again: ") || strings.Contains(out.String(), " 0 entities") || !strings.Contains(told.String(), "stripe/customers: ") {
		t.Errorf("it says\n%s\n%s", &out, &told)
	}
	out.Reset()
	c.json = true
	if err := c.remap(t.Context(), remapOptions{connection: "stripe"}); err != nil {
		t.Fatal(err)
	}
	var sum remapped
	if err := json.Unmarshal(out.Bytes(), &sum); err != nil || sum.Records == 0 || sum.Entities+sum.Events+sum.Superseded > 0 {
		t.Errorf("a second time: %s, %v", &out, err)
	}

	a := heldApp(t, cfg, vs, filepath.Join(cfg.DataDir, "hub.db"))
	if err := a.acceptDeletes(t.Context(), &out, []string{"stripe"}); canon.CodeOf(err) != "usage" {
		t.Errorf("no stream: %v", err)
	}
	if err := a.acceptDeletes(t.Context(), &out, []string{"stripe/customers"}); canon.CodeOf(err) != "sweep.none" {
		t.Errorf("nothing to accept: %v", err)
	}
	took(t, a, "stripe", "customers")
}

// took reads a full list that holds nothing and wants that only an operator makes it deletes.
func took(t *testing.T, a *app, connection, stream string) {
	t.Helper()
	at, err := a.db.Checkpoint(t.Context(), connection, stream)
	if err != nil {
		t.Fatal(err)
	}
	states, err := a.db.Streams(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := states[slices.IndexFunc(states, func(s canon.StreamState) bool { return s.Connection == connection && s.Stream == stream })]
	b := canon.Batch{Connection: connection, Connector: s.Connector, Stream: stream, From: at, Next: at, Last: true, ReadAt: time.Now(), Sweep: &canon.Sweep{Round: "r", Guard: 0.05}}
	a.takeAll(t, []canon.Batch{b})
	var out bytes.Buffer
	if err := a.acceptDeletes(t.Context(), &out, []string{connection + "/" + stream}); err != nil {
		t.Fatal(err)
	}
	if want := plural(s.Held, "record", "records") + " taken as deleted"; !strings.Contains(out.String(), want) {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
}
