package store_test

import (
	stdcmp "cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// pairOf makes the candidate of two entities.
func pairOf(a, b *canon.StoredEntity, score float64) ([2]int64, canon.Candidate) {
	return [2]int64{a.Row, b.Row}, canon.Candidate{Kind: a.Entity.Kind, A: a.Entity.Key(), B: b.Entity.Key(), Rank: 8, Score: score, Why: []string{"same name"}}
}

// board is a store with companies, of which pairs are candidates.
type board struct {
	t  *testing.T
	db *store.DB
	es []*canon.StoredEntity
}

// newBoard has six companies, of which the last two are one, and five pairs.
func newBoard(t *testing.T, db *store.DB) *board {
	t.Helper()
	b := &board{t: t, db: db}
	for i := range 6 {
		b.es = append(b.es, company(fmt.Sprint(i), fmt.Sprintf("cus_%d", i)))
		addCustomers(t, db, profile(fmt.Sprintf("cus_%d", i), fmt.Sprintf("Customer %d", i)))
	}
	b.es[5].Cluster = b.es[4].Cluster
	tx(t, db, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.PutEntities(ctx, b.es); err != nil {
			return err
		}
		for _, p := range []struct {
			a, b  int
			score float64
		}{{0, 1, 0.5}, {2, 1, 0.9}, {0, 3, 0.7}, {4, 5, 1}, {3, 5, 0.6}} {
			rows, c := pairOf(b.es[p.a], b.es[p.b], p.score)
			if err := tx.PutCandidates(ctx, [][2]int64{rows, rows}, []canon.Candidate{c, c}); err != nil {
				return err
			}
		}
		return nil
	})
	return b
}

func (b *board) open(f store.CandidateFilter) []string {
	b.t.Helper()
	f.Now = day
	out := []string{}
	for {
		page, next, err := b.db.Candidates(b.t.Context(), f)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, c := range page {
			out = append(out, fmt.Sprintf("%s-%s %.1f", c.Left.Entity.Ref.ID, c.Right.Entity.Ref.ID, c.Score))
			if c.A != c.Left.Entity.Key() || c.B != c.Right.Entity.Key() || c.ID != canon.CandidateID(c.A, c.B) || c.Left.CustomerName == "" || len(c.Why) == 0 {
				b.t.Errorf("a candidate is %+v", c)
			}
		}
		if next == "" {
			return out
		}
		f.After = next
	}
}

func (b *board) decide(d canon.Decision) (out canon.Decision) {
	d.Author = "ann"
	tx(b.t, b.db, func(ctx context.Context, tx *store.Tx) (err error) {
		out, err = tx.AddDecision(ctx, d)
		return err
	})
	return out
}

func TestCandidatesThatAreOpen(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		b := newBoard(t, db)
		all := []string{"1-2 0.9", "0-3 0.7", "3-5 0.6", "0-1 0.5"}
		same(t, "open", all, b.open(store.CandidateFilter{}))
		same(t, "page by page", all, b.open(store.CandidateFilter{Limit: 1}))
		same(t, "the most alike", all[:2], b.open(store.CandidateFilter{MinScore: 0.7}))
		same(t, "of a customer", []string{"0-3 0.7", "0-1 0.5"}, b.open(store.CandidateFilter{Customer: "cus_0"}))
		same(t, "of another kind", []string{}, b.open(store.CandidateFilter{Kind: canon.KindContact}))
		if _, _, err := db.Candidates(t.Context(), store.CandidateFilter{After: "x"}); canon.AsError(err).Code != "request.invalid" {
			t.Errorf("a wrong token gives %v", err)
		}
		b.es[3].Entity.Deleted = true
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			return tx.PutEntities(ctx, []*canon.StoredEntity{b.es[3]})
		})
		same(t, "of the living", []string{"1-2 0.9", "0-1 0.5"}, b.open(store.CandidateFilter{}))
	})
}

// TestCandidatesThatAreDecided are not open, while the decision is in force.
func TestCandidatesThatAreDecided(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		b := newBoard(t, db)
		// What is decided of one record of a company is decided of the others.
		unlink := b.decide(canon.Decision{Kind: canon.DecideUnlink, A: b.es[3].Entity.Key(), B: b.es[4].Entity.Key()})
		b.decide(canon.Decision{Kind: canon.DecideLink, A: b.es[0].Entity.Key(), B: b.es[1].Entity.Key(), ExpiresAt: day})
		b.decide(canon.Decision{Kind: canon.DecideUnlink, A: b.es[2].Entity.Key(), B: b.es[1].Entity.Key(), ExpiresAt: day.Add(time.Second)})
		same(t, "undecided", []string{"0-3 0.7", "0-1 0.5"}, b.open(store.CandidateFilter{Limit: 1}))
		revoke := b.decide(canon.Decision{Kind: canon.DecideRevoke, Revokes: unlink.ID})
		same(t, "undecided again", []string{"0-3 0.7", "3-5 0.6", "0-1 0.5"}, b.open(store.CandidateFilter{}))
		b.decide(canon.Decision{Kind: canon.DecideRevoke, Revokes: revoke.ID})
		same(t, "decided after all", []string{"0-3 0.7", "0-1 0.5"}, b.open(store.CandidateFilter{}))
	})
}

func TestCandidatesOfAnEntity(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		b := newBoard(t, db)
		want := map[[2]int64]canon.Candidate{}
		for _, p := range []struct {
			a, b  int
			score float64
		}{{0, 1, 0.5}, {1, 2, 0.9}} {
			rows, c := pairOf(b.es[p.a], b.es[p.b], p.score)
			c.ID = canon.CandidateID(c.A, c.B)
			want[rows] = c
		}
		one := b.es[1].Row
		tx(t, db, func(ctx context.Context, tx *store.Tx) error {
			of, err := tx.CandidatesOf(ctx, []int64{one})
			same(t, "candidates of an entity", want, of)
			if err != nil {
				return err
			}
			if err := tx.DropPairs(ctx, [][2]int64{{b.es[0].Row, one}, {b.es[0].Row, b.es[5].Row}}); err != nil {
				return err
			}
			of, err = tx.CandidatesOf(ctx, []int64{one})
			if len(of) != 1 || err != nil {
				t.Errorf("after one pair of two was dropped there are %v, %v", of, err)
			}
			return tx.DropPairs(ctx, slices.Collect(maps.Keys(of)))
		})
		same(t, "after a drop", []string{"0-3 0.7", "3-5 0.6"}, b.open(store.CandidateFilter{}))
	})
}

// TestPagesOfCandidates: pages of any size show every pair once, in one order.
func TestPagesOfCandidates(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		var es []*canon.StoredEntity
		for i := range 12 {
			es = append(es, company(fmt.Sprint(100+i), ""))
		}
		tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.PutEntities(ctx, es) })
		rapid.Check(t, func(rt *rapid.T) {
			var want []canon.Candidate
			tx(t, db, func(ctx context.Context, tx *store.Tx) error {
				before, err := tx.CandidatesOf(ctx, rowsOfPointers(es))
				if err != nil {
					return err
				}
				if err := tx.DropPairs(ctx, slices.Collect(maps.Keys(before))); err != nil {
					return err
				}
				seen := map[[2]int64]bool{}
				for range rapid.IntRange(0, 12).Draw(rt, "pairs") {
					a, b := rapid.IntRange(0, 10).Draw(rt, "a"), 0
					b = rapid.IntRange(a+1, 11).Draw(rt, "b")
					// Scores that are no round binary fractions.
					rows, c := pairOf(es[a], es[b], rapid.SampledFrom([]float64{0.1, 0.3, 1.0 / 3, 0.7}).Draw(rt, "score"))
					if seen[rows] {
						continue
					}
					seen[rows] = true
					c.ID = canon.CandidateID(c.A, c.B)
					want = append(want, c)
					if err := tx.PutCandidates(ctx, [][2]int64{{rows[1], rows[0]}}, []canon.Candidate{c}); err != nil {
						return err
					}
				}
				return nil
			})
			slices.SortFunc(want, func(a, b canon.Candidate) int {
				return stdcmp.Or(stdcmp.Compare(b.Score, a.Score), strings.Compare(a.ID, b.ID))
			})
			var got []canon.Candidate
			for f := (store.CandidateFilter{Limit: rapid.IntRange(1, 5).Draw(rt, "limit")}); ; {
				page, next, err := db.Candidates(t.Context(), f)
				if err != nil {
					rt.Fatal(err)
				}
				for _, c := range page {
					got = append(got, c.Candidate)
				}
				if next == "" {
					break
				}
				f.After = next
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("pages (-want +got):\n%s", diff)
			}
		})
	})
}

func rowsOfPointers(es []*canon.StoredEntity) []int64 {
	var out []int64
	for _, e := range es {
		out = append(out, e.Row)
	}
	return out
}
