package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// state is a customer with an assessment.
func state(id, stage string, score *float64, mrr *canon.Money) canon.CustomerState {
	return canon.CustomerState{ID: id, Type: "company", Assessed: 1, FirstSeenAt: day, LastEventAt: day.Add(time.Hour), Assessment: &canon.Assessment{
		Customer: id, At: day, Stage: stage, StageSince: day, MRR: mrr, NextAt: day.Add(48 * time.Hour),
		Health: canon.Score{Name: "health", Value: score, Band: "green", Contributions: []canon.Contribution{}}}}
}

func TestCustomerStatesRoundTrip(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		score := 61.5
		want := map[string]canon.CustomerState{}
		var ps []canon.Profile
		var ss []canon.CustomerState
		for i := range 150 {
			id := fmt.Sprintf("cus_%03d", i)
			s := state(id, "active", &score, &canon.Money{Minor: int64(i) << 32, Currency: "EUR"})
			if i%3 == 0 {
				s.Assessment.Health.Value, s.Assessment.MRR, s.Assessment.NextAt = nil, nil, time.Time{}
			}
			ps, ss, want[id] = append(ps, profile(id, "Company "+id)), append(ss, s), s
		}
		addCustomers(t, db, append(ps, ps[0])...)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			dirty, err := tx.Dirty(ctx, 1000)
			if len(dirty) != 150 || err != nil {
				t.Errorf("%d new customers are to be assessed, %v; want 150", len(dirty), err)
			}
			if err := tx.PutCustomerStates(ctx, ss); err != nil {
				return err
			}
			got, err := tx.CustomerStates(ctx, append(dirty, "none"))
			for id, s := range got {
				if s.Profile.ID != id || s.Profile.Name != "Company "+id || s.Touched || len(s.Doc) == 0 {
					t.Errorf("%s comes with golden record %+v, touched %t, %d bytes", id, s.Profile, s.Touched, len(s.Doc))
				}
				s.Profile, s.Doc = canon.Profile{}, nil
				got[id] = s
			}
			same(t, "states", want, got)
			if err != nil {
				return err
			}
			if dirty, err = tx.Dirty(ctx, 10); len(dirty) != 0 || err != nil {
				t.Errorf("%d customers are still to be assessed, %v", len(dirty), err)
			}
			if err := tx.MarkDirty(ctx, []string{"cus_001", "none"}); err != nil {
				return err
			}
			dirty, err = tx.Dirty(ctx, 10)
			same(t, "dirty", []string{"cus_001"}, dirty)
			if err != nil {
				return err
			}
			due, err := tx.DueCustomers(ctx, day.Add(72*time.Hour).UnixMicro(), 3)
			same(t, "due", []string{"cus_001", "cus_002", "cus_004"}, due)
			if err != nil {
				return err
			}
			if err := tx.MarkAllDirty(ctx); err != nil {
				return err
			}
			dirty, err = tx.Dirty(ctx, 1000)
			if len(dirty) != 150 {
				t.Errorf("%d customers are marked, want all 150", len(dirty))
			}
			return err
		})
	})
}

func TestProfilesAndAssessments(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_1", "old"))
		p := canon.Profile{ID: "cus_1", Type: "company", Name: "ACME Größe\x00", Domain: "acme.com",
			Fields: []canon.Field{{Name: "name", Value: "ACME", Source: canon.Ref{Connection: "crm", Stream: "companies", ID: "1"}, Rule: "newest"}}}
		c := contact("2", "ann@acme.com", "cus_1")
		c.Why = "domain acme.com"
		gone := contact("3", "bob@acme.com", "cus_1")
		gone.Entity.Deleted = true
		put(t, db, company("1", "cus_1"), c, gone)
		s := state("cus_1", "active", nil, nil)
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			if err := tx.PutProfiles(ctx, []canon.Profile{p}); err != nil {
				return err
			}
			if err := tx.PutCustomerStates(ctx, []canon.CustomerState{s}); err != nil {
				return err
			}
			for range 2 {
				if err := tx.AddAssessments(ctx, []canon.CustomerState{{ID: "cus_1", Assessed: 1, Assessment: &canon.Assessment{Customer: "cus_1", Stage: "lead"}}, {ID: "cus_1", Assessed: 2, Assessment: s.Assessment}}); err != nil {
					return err
				}
			}
			return nil
		})
		want := canon.Customer{ID: "cus_1", Type: "company", Name: "ACME Größe\uFFFD", Domain: "acme.com", Fields: p.Fields, FirstSeenAt: day, Assessment: s.Assessment,
			Members: []canon.Member{{Kind: canon.KindCompany, Ref: canon.Ref{Connection: "crm", Stream: "companies", ID: "1"}, Name: "Company 1"},
				{Kind: canon.KindContact, Ref: canon.Ref{Connection: "crm", Stream: "contacts", ID: "2"}, Name: "Ann 2", Email: "ann@acme.com", Why: "domain acme.com"}}}
		same(t, "customer", want, must[canon.Customer](t)(db.Customer(t.Context(), "crm/contacts/2")))
		as := must[[]canon.Assessment](t)(db.Assessments(t.Context(), "cus_1", 0))
		if len(as) != 2 || as[0].Stage != "active" || as[1].Stage != "lead" || !as[0].RecordedAt.Equal(day) {
			t.Errorf("the history is %+v", as)
		}
		// A customer of whom nothing is left is not listed, but still found by its id.
		p.Gone = true
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.PutProfiles(ctx, []canon.Profile{p}) })
		if page := must[canon.CustomerPage](t)(db.Customers(t.Context(), canon.CustomerFilter{})); page.Total != 0 || len(page.Customers) != 0 {
			t.Errorf("a customer that is gone is listed: %+v", page)
		}
		same(t, "resolved", "cus_1", must[string](t)(db.Resolve(t.Context(), "cus_1")))
	})
}

func TestSequencesCountPerCustomer(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		addCustomers(t, db, profile("cus_1", ""), profile("cus_2", ""))
		for _, c := range []struct{ n, want map[string]int64 }{
			{map[string]int64{"cus_1": 3, "none": 2}, map[string]int64{"cus_1": 1}},
			{map[string]int64{"cus_1": 1, "cus_2": 5}, map[string]int64{"cus_1": 4, "cus_2": 1}},
			{map[string]int64{"cus_2": 1}, map[string]int64{"cus_2": 6}},
		} {
			tx(t, db, func(ctx context.Context, tx *store.Tx) error {
				got, err := tx.NextSequences(ctx, c.n)
				same(t, "first numbers", c.want, got)
				return err
			})
		}
	})
}

func TestSearchFindsWhatPeopleKnow(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		ps := []canon.Profile{profile("cus_a", "Größe & Söhne 100%"), profile("cus_b", "Under_Score"), profile("cus_c", `Back\slash`), profile("cus_d", "UnderXScore 100")}
		ps[3].Domain = "known.example"
		addCustomers(t, db, ps...)
		put(t, db, contact("1", "Ann.Lee@Mail.example", "cus_a"))
		for search, want := range map[string]string{
			"GRÖSSE": "", "größe": "cus_a", "SÖHNE": "cus_a", "100%": "cus_a", "%": "cus_a", "under_score": "cus_b", "_": "cus_b",
			`\`: "cus_c", "known.ex": "cus_d", "ann.lee@mail": "cus_a", " cus_b ": "cus_b", "ann 1": "cus_a", "'": "",
		} {
			page := must[canon.CustomerPage](t)(db.Customers(t.Context(), canon.CustomerFilter{Search: search}))
			got := ""
			for _, c := range page.Customers {
				got += c.ID
			}
			if got != want || page.Total != int64(len(page.Customers)) {
				t.Errorf("search for %q found %q (of %d), want %q", search, got, page.Total, want)
			}
		}
	})
}

// TestCustomerPagesVisitEachOnce draws customers with many equal names, scores and sums, in every order.
func TestCustomerPagesVisitEachOnce(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			stage := fmt.Sprint("s", round)
			n := rapid.IntRange(0, 15).Draw(rt, "customers")
			var ps []canon.Profile
			var ss []canon.CustomerState
			for i := range n {
				id := fmt.Sprintf("cus_%d_%d", round, i)
				p := profile(id, rapid.SampledFrom([]string{"a", "B", "ä", "b"}).Draw(rt, "name"))
				s := state(id, stage, nil, nil)
				if v := rapid.IntRange(0, 3).Draw(rt, "score"); v > 0 {
					score := float64(v)
					s.Assessment.Health.Value, s.Assessment.MRR = &score, &canon.Money{Minor: int64(v), Currency: "EUR"}
				}
				ps, ss = append(ps, p), append(ss, s)
			}
			addCustomers(t, db, ps...)
			tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.PutCustomerStates(ctx, ss) })
			sort := rapid.SampledFrom([]string{"", "name", "score", "mrr", "since"}).Draw(rt, "sort")
			rows := list(t, db, canon.CustomerFilter{Stage: stage, Sort: sort, Limit: rapid.IntRange(1, 6).Draw(rt, "limit")}, n)
			seen := map[string]bool{}
			for i, r := range rows {
				seen[r.ID] = true
				if i > 0 && !ordered(sort, rows[i-1], r) {
					t.Errorf("sorted by %q, %+v stands before %+v", sort, rows[i-1], r)
				}
			}
			if len(rows) != n || len(seen) != n {
				t.Errorf("%d rows of %d customers were visited, want %d", len(rows), len(seen), n)
			}
		})
		if _, err := db.Customers(t.Context(), canon.CustomerFilter{Sort: "id; DROP TABLE customers"}); canon.CodeOf(err) != "request.invalid" {
			t.Errorf("an unknown sort: %v", err)
		}
	})
}

func list(t *testing.T, db *store.DB, f canon.CustomerFilter, total int) []canon.CustomerRow {
	t.Helper()
	var rows []canon.CustomerRow
	for {
		page := must[canon.CustomerPage](t)(db.Customers(t.Context(), f))
		if page.Total != int64(total) || len(page.Customers) > f.Limit {
			t.Fatalf("a page of %d says %d in all, want %d", len(page.Customers), page.Total, total)
		}
		rows = append(rows, page.Customers...)
		if f.After = page.Next; page.Next == "" {
			return rows
		}
	}
}

// ordered says whether a may stand before b.
func ordered(sort string, a, b canon.CustomerRow) bool {
	switch {
	case sort == "score" && (a.Score == nil) != (b.Score == nil), sort == "mrr" && (a.MRR == nil) != (b.MRR == nil):
		return b.Score == nil
	case sort == "score" && a.Score != nil && *a.Score != *b.Score:
		return *a.Score < *b.Score
	case sort == "mrr" && a.MRR != nil && a.MRR.Minor != b.MRR.Minor:
		return a.MRR.Minor > b.MRR.Minor
	}
	return true
}
