package store_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// assessedOnce stores a customer with an assessment, its history and the changes that tell of it.
func assessedOnce(t *testing.T, db *store.DB) {
	t.Helper()
	addCustomers(t, db, profile("cus_a", "A"))
	score := 61.5
	s := state("cus_a", "active", &score, nil)
	s.Assessed, s.Assessment.Customer = 1, "cus_a"
	s.Assessment.At, s.Assessment.Segments, s.Assessment.Metrics = day, []string{"at-risk"}, map[string]float64{"days": 3}
	for range 40 {
		s.Assessment.Health.Contributions = append(s.Assessment.Health.Contributions, canon.Contribution{Measure: "logins", Title: "Logins", Reason: `Ann "]}" logged in`})
	}
	e := company("1", "cus_a")
	tx(t, db, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.PutEntities(ctx, []*canon.StoredEntity{e}); err != nil {
			return err
		}
		if err := tx.AddAssessments(ctx, []canon.CustomerState{s}); err != nil {
			return err
		}
		if err := tx.PutCustomerStates(ctx, []canon.CustomerState{s}); err != nil {
			return err
		}
		states, err := tx.CustomerStates(ctx, []string{"cus_a"})
		if err != nil {
			return err
		}
		about := `{"customer":{"id":"cus_a"},"assessment":` + string(states["cus_a"].Doc) + `}`
		return tx.AddChanges(ctx, []canon.Change{{ID: "chg_1", Type: "customer.assessed", Customer: "cus_a", OccurredAt: day, RecordedAt: day, Data: []byte(about)},
			{ID: "chg_2", Type: "deal.won", Customer: "cus_a", OccurredAt: day, RecordedAt: day, Data: []byte(`{}`)}})
	})
}

// documents is all that a store answers of the documents of a customer.
type documents struct {
	Changes, Told []canon.Change
	Now           *canon.Assessment
	At            canon.Assessment
	Past          []canon.Assessment
	Histories     []canon.History
	Metrics       []map[string]float64
	Counts        map[string]int64
	Members       canon.CustomerPage
	State         canon.CustomerState
	Exported      map[string][]store.Exported
}

func answersOf(t *testing.T, db *store.DB) documents {
	t.Helper()
	ctx := t.Context()
	out := documents{
		Changes: must[[]canon.Change](t)(db.Outbox(ctx, 0, 10)), Now: must[canon.Customer](t)(db.Customer(ctx, "cus_a")).Assessment,
		At: must[canon.Assessment](t)(db.AssessmentAt(ctx, "cus_a", time.Time{}, time.Time{})), Past: must[[]canon.Assessment](t)(db.Assessments(ctx, "cus_a", 10)),
		Members: must[canon.CustomerPage](t)(db.SegmentMembers(ctx, "at-risk", "", 10)), Exported: map[string][]store.Exported{},
	}
	var err error
	if out.Counts, _, err = db.SegmentCounts(ctx); err != nil {
		t.Fatal(err)
	}
	err = errors.Join(db.Histories(ctx, canon.HistoryAsk{Assessments: true}, func(hs []canon.History) error {
		out.Histories = append(out.Histories, hs...)
		return nil
	}), db.Metrics(ctx, 10, func(m map[string]float64) { out.Metrics = append(out.Metrics, m) }),
		db.Export(ctx, canon.Scope{Customers: []string{"cus_a"}}, func(table string, row store.Exported) error {
			out.Exported[table] = append(out.Exported[table], row)
			return nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	tx(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
		if out.Told, err = tx.Told(ctx, []string{"chg_1", "chg_2"}); err != nil {
			return err
		}
		states, err := tx.CustomerStates(ctx, []string{"cus_a"})
		out.State = states["cus_a"]
		return err
	})
	return out
}

// TestPlainAndPackedDocuments: SQLite keeps documents packed, and what was kept plainly reads as before.
func TestPlainAndPackedDocuments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	db := open(t, path)
	assessedOnce(t, db)
	want := answersOf(t, db)
	if len(want.Changes) != 2 || len(want.Members.Customers) != 1 || want.Counts["at-risk"] != 1 || len(want.Past) != 1 || len(want.Metrics) != 1 || len(want.Histories) != 1 ||
		len(want.Now.Health.Contributions) != 40 || !strings.Contains(string(want.Changes[0].Data), `Ann \"]}\" logged in`) {
		t.Fatalf("not everything is told: %+v", want)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := raw.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range [][2]string{{"customers", "assessment"}, {"assessments", "doc"}, {"outbox", "doc"}} {
		var packed, longest int
		if err := raw.QueryRowContext(t.Context(), "SELECT COUNT(*), MAX(LENGTH("+c[1]+")) FROM "+c[0]+" WHERE TYPEOF("+c[1]+") = 'blob'").Scan(&packed, &longest); err != nil || packed == 0 || longest > 1000 {
			t.Errorf("%s: %d packed, the longest of %d bytes, %v", c[0], packed, longest, err)
		}
	}
	err = db.EachText(t.Context(), func(r canon.TextRow) error {
		for i, c := range r.Columns {
			query, arg := "", "cus_a"
			switch r.Table + "." + c {
			case "customers.assessment":
				query = "UPDATE customers SET assessment = $1 WHERE id = $2"
			case "assessments.doc":
				query = "UPDATE assessments SET doc = $1 WHERE customer = $2"
			case "outbox.doc":
				query, arg = "UPDATE outbox SET doc = $1 WHERE change = $2", "chg_2"
				if strings.Contains(r.Values[i], "chg_1") {
					arg = "chg_1"
				}
			default:
				continue
			}
			if _, err := raw.ExecContext(t.Context(), query, r.Values[i], arg); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "plain documents", want, answersOf(t, db))
}

// TestRedactPackedDocuments: what is redacted within a packed document is told no more.
func TestRedactPackedDocuments(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		assessedOnce(t, db)
		for _, table := range []string{"customers", "assessments", "outbox"} {
			tx(t, db, func(ctx context.Context, tx *store.Tx) error {
				_, n, err := tx.RedactTexts(ctx, table, nil, func(r *canon.TextRow) {
					for i := range r.Values {
						r.Values[i] = strings.ReplaceAll(r.Values[i], "Ann", "***")
					}
				})
				if n != 1 {
					t.Errorf("%d rows of %s are redacted, want 1", n, table)
				}
				return err
			})
		}
		got := answersOf(t, db)
		if r := got.Now.Health.Contributions[0].Reason; r != `*** "]}" logged in` || got.Past[0].Health.Contributions[0].Reason != r {
			t.Errorf("reasons are %q and %q", r, got.Past[0].Health.Contributions[0].Reason)
		}
		if s := string(got.Changes[0].Data); strings.Contains(s, "Ann") || !strings.Contains(s, "***") {
			t.Errorf("the change tells %s", s)
		}
	})
}
