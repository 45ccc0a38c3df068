package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// officeYAML maps a little office, of which these tests have two.
const officeYAML = `streams:
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
        fields: {name: name, opted_out: out}
  deals:
    rules:
      - kind: deal
        created_at: created
        owners:
          - {kind: company, stream: firms, id: firm}
          - {kind: contact, stream: people, id: person}
        fields: {name: name, status: status, stage: stage, closed_at: closed, owner: owner}
  notes:
    rules:
      - kind: activity
        owners: {kind: contact, stream: people, id: person}
        fields: {type: type, at: at, by: by}
`

// office is a pipeline in front of a store, with a clock that the test sets.
type office struct {
	db   *store.DB
	pipe *ingest.Pipeline
	now  time.Time
}

func newOffice(t testing.TB, db *store.DB) *office {
	t.Helper()
	o := &office{db: db, now: day}
	maps := map[string]*mapping.Map{}
	for _, name := range []string{"crm", "bill"} {
		maps[name] = must[*mapping.Map](t)(mapping.Parse(name+".yaml", []byte(officeYAML), mapping.Options{Connection: func(string) string { return name }}))
	}
	o.pipe = ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			return db.InTx(ctx, o.now, func(tx *store.Tx) error { return fn(tx) })
		},
		Maps: maps, Rules: &identity.Rules{}, Policy: lifecycle.Default(),
		Now: func() time.Time { return o.now }, Rounds: db.Rounds, Log: slog.New(slog.DiscardHandler),
	})
	return o
}

func (o *office) take(t testing.TB, recs ...canon.Record) {
	t.Helper()
	for _, r := range recs {
		r.ObservedAt = o.now
		must[ingest.Result](t)(o.pipe.Ingest(t.Context(), canon.Batch{Connection: r.Connection, Stream: r.Stream, From: "x", Next: "x", ReadAt: o.now, Records: []canon.Record{r}}))
	}
}

// paper is a state of a record, hours after the beginning.
func paper(connection, stream, id string, version int, raw string) canon.Record {
	at := day.Add(time.Duration(version) * time.Hour)
	return canon.Record{Ref: canon.Ref{Connection: connection, Stream: stream, ID: id}, Version: at.UnixMicro(), Raw: []byte(raw)}
}

// anyPaper draws a state of one of few records.
func anyPaper(t *rapid.T) canon.Record {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	id, firm, person := pick("id", "1", "2"), pick("firm", "1", "2", ""), pick("person", "1", "2", "")
	created := day.Add(-time.Hour).Format(time.RFC3339)
	stream := pick("stream", "firms", "firms", "people", "deals", "deals", "notes")
	raw := ""
	switch stream {
	case "firms":
		raw = fmt.Sprintf(`{"name":%q,"domain":%q,"created":%q}`, pick("name", "A", "B"), pick("domain", "", "a-firm.com", "b-firm.com"), created)
	case "people":
		raw = fmt.Sprintf(`{"name":"Ann","firm":%q,"out":%s,"created":%q}`, firm, pick("out", "true", "false"), created)
	case "deals":
		raw = fmt.Sprintf(`{"name":"Deal","firm":%q,"person":%q,"status":%q,"stage":%q,"closed":%q,"created":%q}`, firm, person, pick("status", "open", "won"), pick("stage", "x", "y"),
			day.Add(time.Duration(rapid.IntRange(1, 5).Draw(t, "closed"))*time.Hour).Format(time.RFC3339), created)
	default:
		raw = fmt.Sprintf(`{"type":"call","person":%q,"at":%q}`, person, day.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "called"))*time.Hour).Format(time.RFC3339))
	}
	r := paper(pick("connection", "crm", "bill"), stream, id, rapid.IntRange(1, 9).Draw(t, "version"), raw)
	if rapid.IntRange(0, 9).Draw(t, "gone") == 0 {
		r.Raw, r.Deleted, r.Reason = nil, true, "deleted"
		if stream == "firms" {
			r.Reason, r.Into = "merged", map[string]string{"1": "2", "2": "1"}[id]
		}
	}
	return r
}

// shown is what everybody's timeline was after a step, and whose each entity was.
type shown struct {
	at     time.Time
	events []canon.Event
	owners map[int64]string
}

// diary is the slow reference: what was shown at every moment.
type diary []shown

func (d *diary) write(t testing.TB, o *office) {
	t.Helper()
	s := shown{at: o.now, owners: map[int64]string{}}
	for w := (canon.Window{Limit: 1000}); ; {
		page := must[canon.EventPage](t)(o.db.Timeline(t.Context(), "", w))
		s.events = append(s.events, page.Events...)
		if w.After = page.Next; w.After == "" {
			break
		}
	}
	for _, e := range entities(t, o) {
		s.owners[e.Row] = e.Customer
	}
	*d = append(*d, s)
}

func entities(t testing.TB, o *office) []canon.StoredEntity {
	t.Helper()
	var rows []int64
	for i := range int64(64) {
		rows = append(rows, i+1)
	}
	var es []canon.StoredEntity
	at(t, o.db, o.now, func(ctx context.Context, tx *store.Tx) (err error) {
		es, err = tx.EntitiesByRow(ctx, rows)
		return err
	})
	return es
}

// then returns what was shown at a moment: by the last step until then.
func (d diary) then(known time.Time) shown {
	if known.IsZero() {
		return d[len(d)-1]
	}
	last := shown{}
	for _, s := range d {
		if !s.at.After(known) {
			last = s
		}
	}
	return last
}

// meant returns the customer that an id meant, "" where it has to be asked for as it is now.
func (d diary) meant(es []canon.StoredEntity, id string, known time.Time) string {
	for _, e := range es {
		name := e.Entity.Ref.String()
		if id == "" || known.IsZero() || e.Node != id && (name != id || e.Entity.Kind != canon.KindCompany && e.Entity.Kind != canon.KindContact) {
			continue
		}
		if owner, ok := d.then(known).owners[e.Row]; ok {
			return owner
		}
		for _, s := range d {
			if owner, ok := s.owners[e.Row]; ok {
				return owner
			}
		}
	}
	return ""
}

// TestWhatWasKnownIsWhatWasShown takes random states of records in, in any order, with a clock that takes steps of any
// size, and notes after each what everybody's timeline is. What is asked of a moment later must be what was noted then.
func TestWhatWasKnownIsWhatWasShown(t *testing.T) {
	urls(t, func(t *testing.T, url string) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			switch {
			case !strings.HasPrefix(url, "postgres"):
				url = filepath.Join(t.TempDir(), fmt.Sprint(n), "hub.db")
			case n > 5:
				// A schema of its own takes a server its time; the engines are compared with one reference elsewhere.
				return
			case n > 1:
				url = postgresURL(t)
			}
			db := must[*store.DB](t)(store.Open(t.Context(), url))
			defer func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			}()
			o, d := newOffice(t, db), diary{}
			settle := rapid.IntRange(0, 20).Draw(rt, "settle")
			for i := range rapid.IntRange(2, 14).Draw(rt, "steps") {
				o.now = o.now.Add(time.Duration(rapid.SampledFrom([]int64{0, 1, 1_000_000, 36_000_000_000}).Draw(rt, "wait")) * time.Microsecond)
				o.take(t, anyPaper(rt))
				if i == settle {
					must[int](t)(o.pipe.Settle(t.Context()))
				}
				if i%4 == 3 {
					must[int](t)(o.pipe.Tick(t.Context()))
				}
				d.write(t, o)
			}
			for range 12 {
				d.compare(t, rt, o)
			}
		})
	})
}

// compare draws a question and compares the store's answer with what was shown.
func (d diary) compare(t *testing.T, rt *rapid.T, o *office) {
	t.Helper()
	es := entities(t, o)
	ids := map[string]bool{"": true}
	for _, s := range d {
		for _, id := range s.owners {
			ids[id] = true
		}
	}
	for _, e := range es {
		if e.Entity.Kind == canon.KindCompany {
			ids[e.Entity.Ref.String()] = true
		}
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(ids))).Draw(rt, "customer")
	win := canon.Window{Newest: rapid.Bool().Draw(rt, "newest"), Limit: rapid.IntRange(1, 9).Draw(rt, "limit")}
	if rapid.IntRange(0, 4).Draw(rt, "known") > 0 {
		i := rapid.IntRange(0, len(d)-1).Draw(rt, "step")
		win.KnownAt = d[i].at.Add(time.Duration(rapid.IntRange(-1, 1).Draw(rt, "around")) * time.Microsecond)
	}
	if rapid.Bool().Draw(rt, "at") {
		win.At = day.Add(time.Duration(rapid.IntRange(0, 9).Draw(rt, "hour")) * time.Hour)
	}
	if rapid.IntRange(0, 3).Draw(rt, "kinds") == 0 {
		win.Kinds = []canon.Kind{canon.KindDeal, canon.KindActivity}
	}
	if rapid.IntRange(0, 3).Draw(rt, "source") == 0 {
		win.Streams = []string{"crm/firms", "bill/deals"}
	}
	customer := d.meant(es, id, win.KnownAt)
	if customer == "" && id != "" {
		var err error
		if customer, err = o.db.Resolve(t.Context(), id); err != nil {
			return
		}
	}
	var want []string
	for _, e := range d.then(win.KnownAt).events {
		stream := e.Ref.Connection + "/" + e.Ref.Stream
		if customer != "" && e.Customer != customer || !win.At.IsZero() && e.OccurredAt.After(win.At) ||
			len(win.Kinds) > 0 && !slices.Contains(win.Kinds, e.Kind) || len(win.Streams) > 0 && !slices.Contains(win.Streams, stream) {
			continue
		}
		want = append(want, fmt.Sprintf("%s %s of %s", e.ID, e.RecordedAt.Format(time.RFC3339Nano), e.Customer))
	}
	if win.Newest {
		slices.Reverse(want)
	}
	if want == nil {
		want = []string{}
	}
	forth, back := strides(t, o.db, id, win)
	if diff := gocmp.Diff(want, forth); diff != "" {
		rt.Fatalf("%q (%s) %+v (-shown then +asked now):\n%s", id, customer, win, diff)
	}
	if diff := gocmp.Diff(want, back); diff != "" {
		rt.Fatalf("%q (%s) %+v, walked back (-shown then +asked now):\n%s", id, customer, win, diff)
	}
}

func TestAssessmentsAsOf(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_1", "Acme"))
		hours := func(n int) time.Time { return day.Add(time.Duration(n) * time.Hour) }
		for i, stage := range []string{"reach", "conversion", "retention"} {
			at(t, db, hours(10*i+5), func(ctx context.Context, tx *store.Tx) error {
				return tx.AddAssessments(ctx, []canon.CustomerState{{ID: "cus_1", Assessed: int64(i + 1), Assessment: &canon.Assessment{Customer: "cus_1", Stage: stage, At: hours(10 * i)}}})
			})
		}
		for _, c := range []struct {
			at, known time.Time
			want      string
		}{
			{time.Time{}, time.Time{}, "retention"}, {hours(10), time.Time{}, "conversion"}, {hours(9), time.Time{}, "reach"},
			{time.Time{}, hours(24), "conversion"}, {hours(9), hours(5), "reach"}, {hours(-1), time.Time{}, ""}, {time.Time{}, hours(4), ""},
		} {
			a, err := db.AssessmentAt(t.Context(), "cus_1", c.at, c.known)
			var e *canon.Error
			if a.Stage != c.want || (c.want == "") != (errors.As(err, &e) && e.Code == "assessment.unknown") {
				t.Errorf("at %v, known at %v: %q, %v; want %q", c.at, c.known, a.Stage, err, c.want)
			}
		}
	})
}
