package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// salesYAML maps the little CRM of these tests.
const salesYAML = `streams:
  firms:
    rules:
      - kind: company
        created_at: created
        fields: {name: name, domains: domain}
  people:
    rules:
      - kind: contact
        created_at: created
        owners: {kind: company, stream: firms, id: firm}
        fields: {name: name, emails: email}
  deals:
    rules:
      - kind: deal
        created_at: created
        owners:
          - {kind: company, stream: firms, id: firm}
          - {kind: contact, stream: people, id: person}
        fields: {name: name, status: status}
`

// start is when the tests of this package begin.
var start = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)

// hub is a store with a pipeline in front of it.
type hub struct {
	tb   testing.TB
	db   *store.DB
	pipe *ingest.Pipeline
	now  time.Time
	// stop is asked before each transaction, where it is set.
	stop func() error
}

func newHub(tb testing.TB, mappingYAML string) *hub {
	return hubAt(tb, filepath.Join(tb.TempDir(), "hub.db"), mappingYAML)
}

func hubAt(tb testing.TB, path, mappingYAML string) *hub {
	tb.Helper()
	db, err := store.Open(context.Background(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	h := &hub{tb: tb, db: db, now: start}
	h.use(mappingYAML)
	return h
}

// use puts a pipeline with a mapping in front of the store, as a new process would.
func (h *hub) use(mappingYAML string) {
	m, err := mapping.Parse("sales.yaml", []byte(mappingYAML), mapping.Options{Connection: func(string) string { return "crm" }})
	if err != nil {
		h.tb.Fatal(err)
	}
	h.pipe = ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			return h.db.InTx(ctx, h.now, func(tx *store.Tx) error { return fn(tx) })
		},
		Maps: map[string]*mapping.Map{"crm": m}, Rules: &identity.Rules{}, Policy: lifecycle.Default(),
		Now: func() time.Time { return h.now }, Rounds: h.db.Rounds, Log: slog.New(slog.DiscardHandler),
	})
}

// page makes a batch of records of one stream that says nothing of cursors.
func (h *hub) page(stream string, recs ...canon.Record) canon.Batch {
	return canon.Batch{Connection: "crm", Connector: "file", Stream: stream, From: "x", Next: "x", ReadAt: h.now, Records: recs}
}

func (h *hub) take(b canon.Batch) ingest.Result {
	h.tb.Helper()
	res, err := h.pipe.Ingest(context.Background(), b)
	if err != nil {
		h.tb.Fatal(err)
	}
	return res
}

// state is all that the hub tells, without when it was recorded and without how scores moved on the way.
func (h *hub) state() string {
	h.tb.Helper()
	ctx := context.Background()
	if _, err := h.pipe.Settle(ctx); err != nil {
		h.tb.Fatal(err)
	}
	var out strings.Builder
	line := func(v any) {
		b, err := json.Marshal(v)
		if err != nil {
			h.tb.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", b)
	}
	for _, e := range h.timeline("") {
		// By which of several versions that say the same it was told does not matter.
		e.RecordedAt, e.Version = time.Time{}, 0
		if !strings.HasPrefix(e.Type, "score.") {
			line(e)
		}
	}
	page, err := h.db.Customers(ctx, canon.CustomerFilter{Limit: 1000})
	if err != nil {
		h.tb.Fatal(err)
	}
	for _, r := range page.Customers {
		c, err := h.db.Customer(ctx, r.ID)
		if err != nil {
			h.tb.Fatal(err)
		}
		if c.Assessment != nil {
			c.Assessment.RecordedAt, c.Assessment.At = time.Time{}, time.Time{}
		}
		line(c)
		line(r)
	}
	letters, _, err := h.db.DeadLetters(ctx, "", "", 0)
	if err != nil {
		h.tb.Fatal(err)
	}
	fmt.Fprintf(&out, "%d dead letters\n", len(letters))
	return out.String()
}

func (h *hub) timeline(customer string) []canon.Event {
	h.tb.Helper()
	page, err := h.db.Timeline(context.Background(), customer, canon.Window{Limit: 1000})
	if err != nil {
		h.tb.Fatal(err)
	}
	return page.Events
}

// customer returns whose a record is.
func (h *hub) customer(ref string) string {
	h.tb.Helper()
	id, err := h.db.Resolve(context.Background(), ref)
	if err != nil {
		h.tb.Fatal(err)
	}
	return id
}

// rec is a state of a record, seconds after the start of the year.
func rec(stream, id string, version int, raw string) canon.Record {
	at := time.Date(2026, 1, 1, 0, 0, version, 0, time.UTC)
	return canon.Record{Ref: canon.Ref{Connection: "crm", Stream: stream, ID: id}, Version: at.UnixMicro(), ObservedAt: start, Raw: []byte(raw)}
}

// merged is the tombstone of a record that became part of another.
func merged(stream, id string, version int, into string) canon.Record {
	r := rec(stream, id, version, "")
	r.Raw, r.Deleted, r.Reason, r.Into = nil, true, "merged", into
	return r
}

func firm(id string, version int) canon.Record {
	return rec("firms", id, version, fmt.Sprintf(`{"name":"Firm %s","created":"2026-01-01T00:00:0%sZ","rev":%d}`, id, id, version))
}

func deal(id, firm string, version int) canon.Record {
	return rec("deals", id, version, fmt.Sprintf(`{"name":"Deal %s","status":"open","firm":%q,"created":"2026-01-01T00:00:00Z"}`, id, firm))
}

// briefHub is hubAt for a hub that is closed before its test ends.
func briefHub(tb testing.TB, path string) (*hub, func()) {
	tb.Helper()
	db, err := store.Open(context.Background(), path)
	if err != nil {
		tb.Fatal(err)
	}
	h := &hub{tb: tb, db: db, now: start}
	h.use(salesYAML)
	return h, func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	}
}

// checks is how many times a law is tried: fewer under the race detector, since each opens two stores, and as often as
// HUB_CHECKS says where that is set. Of laws that rapid tries, -rapid.checks is the most.
func checks(tb testing.TB, most, slower int) int {
	tb.Helper()
	if v := os.Getenv("HUB_CHECKS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			tb.Fatal(err)
		}
		return n
	}
	if slow || testing.Short() {
		return slower
	}
	return most
}
