package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// fleetYAML maps two systems that tell of the same companies and people.
var fleetYAML = map[string]string{
	"crm": `streams:
  firms:
    rules:
      - kind: company
        created_at: created
        fields: {name: name, domains: domain, country: country, parent: {stream: firms, id: parent}}
  people:
    rules:
      - kind: contact
        created_at: created
        owners: {kind: company, stream: firms, id: firm}
        fields: {name: name, emails: email, email_verified: {const: true}, phone: phone}
  deals:
    rules:
      - kind: deal
        created_at: created
        owners:
          - {kind: company, stream: firms, id: firm}
          - {kind: contact, stream: people, id: person}
        fields: {name: name, status: status}
`,
	"bill": `streams:
  accounts:
    rules:
      - kind: company
        created_at: created
        same_as: {connection: crm, stream: firms, id: crm}
        fields: {name: name, domains: domain, country: country}
  payers:
    rules:
      - kind: contact
        created_at: created
        fields: {name: name, emails: email, email_verified: {const: true}, phone: phone}
  bills:
    rules:
      - kind: invoice
        created_at: created
        owners: {kind: company, stream: accounts, id: account}
        fields: {number: number, status: {const: open}, total: {money: {amount: total, currency: cur, unit: minor}}, issued_at: created}
`,
}

// companies are the shipped rules. A company may have several accounts for its bills.
func companies() *identity.Rules {
	r, _ := identity.Pack("company")
	r.Single = map[string]bool{"bill/accounts": false}
	return &r
}

// fleet is a hub that is connected to two systems. Close it where its test does not end soon.
func fleet(tb testing.TB, path string, rules *identity.Rules) (*hub, func()) {
	tb.Helper()
	db, err := store.Open(context.Background(), path)
	if err != nil {
		tb.Fatal(err)
	}
	h := &hub{tb: tb, db: db, now: start}
	h.rule(rules)
	return h, func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	}
}

func newFleet(t *testing.T) *hub {
	t.Helper()
	h, done := fleet(t, t.TempDir()+"/hub.db", companies())
	t.Cleanup(done)
	return h
}

// rule puts a pipeline with rules in front of the store, as a new process would.
func (h *hub) rule(rules *identity.Rules) {
	h.tb.Helper()
	maps := map[string]*mapping.Map{}
	for connection, src := range fleetYAML {
		m, err := mapping.Parse(connection+".yaml", []byte(src), mapping.Options{Connection: func(string) string { return connection }})
		if err != nil {
			h.tb.Fatal(err)
		}
		maps[connection] = m
	}
	h.pipe = ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			if h.stop != nil {
				if err := h.stop(); err != nil {
					return err
				}
			}
			return h.db.InTx(ctx, h.now, func(tx *store.Tx) error { return fn(tx) })
		},
		Maps: maps, Rules: rules, Policy: lifecycle.Default(), Now: func() time.Time { return h.now }, Rounds: h.db.Rounds, Log: slog.New(slog.DiscardHandler),
	})
}

// of is a record of any stream, by "connection/stream/id". Firms were created before accounts, those before people.
func of(ref string, version int, fields string) canon.Record {
	r, err := canon.ParseRef(ref)
	if err != nil {
		panic(err)
	}
	created := map[string]int{"firms": 1, "accounts": 3, "people": 4, "payers": 5, "deals": 6, "bills": 6}
	out := rec(r.Stream, r.ID, version, fmt.Sprintf(`{"created":"2026-01-01T00:00:0%d.000Z"%s}`, created[r.Stream], fields))
	out.Connection = r.Connection
	return out
}

// takeEach takes records in, one page each.
func (h *hub) takeEach(recs ...canon.Record) {
	h.tb.Helper()
	for _, r := range recs {
		h.take(canon.Batch{Connection: r.Connection, Connector: "file", Stream: r.Stream, From: "x", Next: "x", ReadAt: h.now, Records: []canon.Record{r}})
	}
}

// log appends decisions and returns them as they stand in the log.
func (h *hub) log(ds ...canon.Decision) (out []canon.Decision) {
	h.tb.Helper()
	err := h.db.InTx(context.Background(), h.now, func(tx *store.Tx) error {
		for _, d := range ds {
			if d.Author == "" {
				d.Author = "ann"
			}
			d, err := tx.AddDecision(context.Background(), d)
			if err != nil {
				return err
			}
			out = append(out, d)
		}
		return nil
	})
	if err != nil {
		h.tb.Fatal(err)
	}
	return out
}

// decide takes in what was decided, and returns how many decisions that were.
func (h *hub) decide(ds ...canon.Decision) int {
	h.tb.Helper()
	h.log(ds...)
	n, err := h.pipe.Decide(context.Background())
	if err != nil {
		h.tb.Fatal(err)
	}
	return n
}

// whole is all that the hub tells, with open candidates.
func (h *hub) whole() string {
	h.tb.Helper()
	var out strings.Builder
	out.WriteString(h.state())
	open, _, err := h.db.Candidates(context.Background(), store.CandidateFilter{Limit: 1000, Now: h.now})
	if err != nil {
		h.tb.Fatal(err)
	}
	for _, c := range open {
		b, err := json.Marshal(c.Candidate)
		if err != nil {
			h.tb.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", b)
	}
	return out.String()
}

// open lists the open candidates as "a b", contested ones with an exclamation mark.
func (h *hub) open() []string {
	h.tb.Helper()
	cs, _, err := h.db.Candidates(context.Background(), store.CandidateFilter{Limit: 1000, Now: h.now})
	if err != nil {
		h.tb.Fatal(err)
	}
	out := []string{}
	for _, c := range cs {
		line := c.Left.Entity.Ref.String() + " " + c.Right.Entity.Ref.String()
		if c.Contested {
			line += " !"
		}
		out = append(out, line)
	}
	return out
}

// told lists the changes of a type, their data as it was told.
func (h *hub) told(typ string) []canon.Change {
	h.tb.Helper()
	all, err := h.db.Outbox(context.Background(), 0, 100_000)
	if err != nil {
		h.tb.Fatal(err)
	}
	var out []canon.Change
	for _, c := range all {
		if c.Type == typ {
			out = append(out, c)
		}
	}
	return out
}

// sameState fails where two states differ, and says in which lines.
func sameState(tb rapid.TB, what, want, got string) {
	tb.Helper()
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		tb.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func company(ref string) string { return ref + "#company" }
func contact(ref string) string { return ref + "#contact" }
