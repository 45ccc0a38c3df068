package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// beside opens the store beside the one at url for the length of fn, and removes it.
func beside(t *testing.T, url string, fn func(side *store.DB)) {
	t.Helper()
	side, err := store.OpenBeside(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	fn(side)
	if err := side.Close(); err != nil {
		t.Error(err)
	}
	if err := store.DropBeside(t.Context(), url); err != nil {
		t.Error(err)
	}
}

func TestAStoreBesideIsItsOwn(t *testing.T) {
	urls(t, func(t *testing.T, url string) {
		live := open(t, url)
		meta := func(db *store.DB) string {
			t.Helper()
			v, err := db.Meta(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		set := func(db *store.DB, v string) {
			t.Helper()
			tx(t, db, func(ctx context.Context, tx *store.Tx) error { return tx.SetMeta(ctx, "x", v) })
		}
		set(live, "live")
		beside(t, url, func(side *store.DB) {
			if v := meta(side); v != "" {
				t.Errorf("a new store holds %q", v)
			}
			set(side, "side")
		})
		beside(t, url, func(side *store.DB) {
			if v := meta(side); v != "" {
				t.Errorf("a store that was removed holds %q", v)
			}
		})
		if v := meta(live); v != "live" {
			t.Errorf("the live store holds %q", v)
		}
		if err := store.DropBeside(t.Context(), url); err != nil {
			t.Errorf("removing nothing: %v", err)
		}
	})
}

// TestReplayGoesByWhenThingsWereRecorded wants every version once, as it was given, in steps of one transaction's and
// one stream's, whatever the limit.
func TestReplayGoesByWhenThingsWereRecorded(t *testing.T) {
	urls(t, func(t *testing.T, url string) {
		live := open(t, url)
		rec := func(stream, id string, version int64) canon.Record {
			return canon.Record{Ref: canon.Ref{Connection: "c", Stream: stream, ID: id}, Version: version, ObservedAt: day, Raw: []byte(`{"id":"` + id + `"}`)}
		}
		gone := rec("a", "1", 9)
		gone.Deleted, gone.Reason, gone.Into, gone.Raw = true, "merged", "2", nil
		rows := map[string]int64{}
		add := func(after time.Duration, recs ...canon.Record) {
			at(t, live, day.Add(after), func(ctx context.Context, tx *store.Tx) error {
				for _, r := range recs {
					if rows[r.Ref.String()] == 0 {
						ids, err := tx.AddRecords(ctx, []canon.Record{r})
						if err != nil {
							return err
						}
						rows[r.Ref.String()] = ids[r.ID]
					}
					if err := tx.AddVersions(ctx, []int64{rows[r.Ref.String()]}, []canon.Record{r}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		// The first to get a row is not the first that was recorded.
		add(2*time.Hour, rec("b", "1", 1), rec("a", "2", 1))
		add(time.Hour, rec("a", "1", 5))
		add(3*time.Hour, rec("a", "2", 7), gone, rec("a", "1", 2))
		want := []canon.Record{rec("a", "1", 5), rec("a", "2", 1), rec("b", "1", 1), rec("a", "2", 7), rec("a", "1", 2), gone}
		for _, limit := range []int{1, 2, 100} {
			beside(t, url, func(side *store.DB) {
				for range 2 {
					if n, err := side.PlanReplay(t.Context(), live); n != int64(len(want)) || err != nil {
						t.Fatalf("planned %d versions, %v", n, err)
					}
				}
				var got []canon.Record
				var times []time.Duration
				for at := (store.ReplayMark{}); ; {
					s, err := side.ReplayStep(t.Context(), live, at, limit)
					if err != nil {
						t.Fatal(err)
					}
					if len(s.Records) == 0 {
						break
					}
					if len(s.Records) > limit {
						t.Errorf("%d versions at once", len(s.Records))
					}
					for i := range s.Records {
						if len(s.Records[i].Raw) == 0 {
							s.Records[i].Raw = nil
						}
						times = append(times, s.RecordedAt.Sub(day))
					}
					got, at = append(got, s.Records...), s.End
				}
				same(t, "versions", want, got)
				same(t, "times", []time.Duration{time.Hour, 2 * time.Hour, 2 * time.Hour, 3 * time.Hour, 3 * time.Hour, 3 * time.Hour}, times)
			})
		}
	})
}

func TestDifferencesAreNotedOnce(t *testing.T) {
	urls(t, func(t *testing.T, url string) {
		beside(t, url, func(side *store.DB) {
			a := store.Difference{Kind: store.DifferentRecord, Ref: canon.Ref{Connection: "c", Stream: "s", ID: "1"}}
			b := store.Difference{Kind: store.DifferentRecord, Ref: canon.Ref{Connection: "c", Stream: "s", ID: "2"}}
			c := store.Difference{Kind: store.DifferentCustomer, Name: "cus_1"}
			if err := errors.Join(side.ResetDifferences(t.Context()), side.AddDifferences(t.Context(), []store.Difference{b, a, c, a}), side.AddDifferences(t.Context(), []store.Difference{a})); err != nil {
				t.Fatal(err)
			}
			var got []store.Difference
			for at := (store.Difference{}); ; {
				ds, err := side.Differences(t.Context(), store.DifferentRecord, at, 1)
				if err != nil {
					t.Fatal(err)
				}
				if len(ds) == 0 {
					break
				}
				got, at = append(got, ds...), ds[0]
			}
			same(t, "records", []store.Difference{a, b}, got)
			ds, err := side.Differences(t.Context(), store.DifferentCustomer, store.Difference{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "customers", []store.Difference{c}, ds)
			if err := side.ResetDifferences(t.Context()); err != nil {
				t.Fatal(err)
			}
			if ds, err := side.Differences(t.Context(), store.DifferentCustomer, store.Difference{}, 10); len(ds) > 0 || err != nil {
				t.Errorf("after a reset: %v, %v", ds, err)
			}
		})
	})
}
