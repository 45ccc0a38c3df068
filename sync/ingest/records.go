package ingest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// arrival is a record of which new versions came.
type arrival struct {
	held canon.Held
	// recs are the new versions, the oldest first.
	recs []canon.Record
	// fresh says that the record was never seen. whole says that the versions do not simply follow the
	// one held, so that its history is worked out again from all of them. back says that the version is that
	// of a record that was missing.
	fresh, whole, back bool
}

func (a *arrival) newest() canon.Record { return a.recs[len(a.recs)-1] }

// compareRecords orders the states of one record: by the vendor's version, then by when they were read.
func compareRecords(a, b canon.Record) int {
	if a.Version != b.Version {
		if a.Version < b.Version {
			return -1
		}
		return 1
	}
	if c := a.ObservedAt.Compare(b.ObservedAt); c != 0 {
		return c
	}
	return strings.Compare(a.ContentHash(), b.ContentHash())
}

// arrivals finds out which records of a batch say something new.
func (w *work) arrivals(ctx context.Context, b canon.Batch) ([]*arrival, error) {
	recs := slices.Clone(b.Records)
	for i := range recs {
		// What the store keeps must compare like what came.
		recs[i].ObservedAt = recs[i].ObservedAt.Truncate(time.Microsecond)
	}
	slices.SortStableFunc(recs, func(x, y canon.Record) int {
		if c := strings.Compare(x.ID, y.ID); c != 0 {
			return c
		}
		return compareRecords(x, y)
	})
	ids := make([]string, 0, len(recs))
	for _, r := range recs {
		ids = append(ids, r.ID)
	}
	ids = slices.Compact(ids)
	held, err := w.tx.Held(ctx, b.Connection, b.Stream, ids)
	if err != nil {
		return nil, err
	}
	var out []*arrival
	for len(recs) > 0 {
		n := 1
		for n < len(recs) && recs[n].ID == recs[0].ID {
			n++
		}
		if h, ok := held[recs[0].ID]; ok && h.Missing && b.ReadAt.After(h.ObservedAt) {
			sighted(recs[:n], h, b.ReadAt)
		}
		a, err := w.arrival(ctx, held, recs[:n])
		if err != nil {
			return nil, err
		}
		if a != nil {
			out = append(out, a)
		}
		recs = recs[n:]
	}
	return out, nil
}

func (w *work) arrival(ctx context.Context, held map[string]canon.Held, recs []canon.Record) (*arrival, error) {
	h, known := held[recs[0].ID]
	recs = slices.CompactFunc(recs, func(x, y canon.Record) bool {
		return x.Version == y.Version && x.ContentHash() == y.ContentHash()
	})
	if !known {
		return &arrival{recs: recs, fresh: true, whole: len(recs) > 1}, nil
	}
	last := canon.Record{Ref: h.Ref, Version: h.Version, ObservedAt: h.ObservedAt}
	inOrder := true
	var fresh []canon.Record
	for _, r := range recs {
		if r.Version == h.Version && r.ContentHash() == h.Hash {
			continue
		}
		if r.Version < last.Version || r.Version == last.Version && !r.ObservedAt.After(last.ObservedAt) {
			inOrder = false
		}
		fresh = append(fresh, r)
	}
	switch {
	case len(fresh) == 0:
		return nil, nil
	case inOrder && len(fresh) == 1:
		return &arrival{held: h, recs: fresh, back: h.Missing && fresh[0].Version == h.Version}, nil
	}
	// Older than what is held, or several at once: what is known of them already says nothing new.
	versions, err := w.tx.Versions(ctx, h)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, v := range versions {
		seen[versionKey(v)] = true
	}
	fresh = slices.DeleteFunc(fresh, func(r canon.Record) bool { return seen[versionKey(r)] })
	if len(fresh) == 0 {
		return nil, nil
	}
	return &arrival{held: h, recs: fresh, whole: true}, nil
}

func versionKey(r canon.Record) string {
	return time.UnixMicro(r.Version).UTC().Format(time.RFC3339Nano) + r.ContentHash()
}

// store keeps the raw records.
func (w *work) store(ctx context.Context, as []*arrival) error {
	var fresh []canon.Record
	for _, a := range as {
		if a.fresh {
			fresh = append(fresh, a.newest())
		}
	}
	rows, err := w.tx.AddRecords(ctx, fresh)
	if err != nil {
		return err
	}
	var moved []canon.Held
	var vrows []int64
	var vrecs []canon.Record
	for _, a := range as {
		if len(a.recs) == 0 {
			continue
		}
		n := a.newest()
		if a.fresh {
			a.held = holding(canon.Held{Row: rows[n.ID], Ref: n.Ref}, n)
		} else if h := holding(a.held, n); newer(h, a.held) {
			a.held = h
			moved = append(moved, a.held)
		}
		for _, r := range a.recs {
			vrows, vrecs = append(vrows, a.held.Row), append(vrecs, r)
		}
	}
	if err := w.tx.PutHeld(ctx, moved); err != nil {
		return err
	}
	return w.tx.AddVersions(ctx, vrows, vrecs)
}

// holding returns h with r as the newest version.
func holding(h canon.Held, r canon.Record) canon.Held {
	h.Version, h.ObservedAt, h.Hash, h.Deleted, h.Missing = r.Version, r.ObservedAt, r.ContentHash(), r.Deleted, r.Missing()
	return h
}

// newer orders the states of one record as compareRecords does.
func newer(a, b canon.Held) bool {
	if a.Version != b.Version {
		return a.Version > b.Version
	}
	return cmp.Or(a.ObservedAt.Compare(b.ObservedAt), strings.Compare(a.Hash, b.Hash)) > 0
}

// clearLetters forgets the dead letters of records that are understood by now.
func (w *work) clearLetters(ctx context.Context, connection, stream string, as []*arrival) error {
	var ids []string
	for _, a := range as {
		if a.fresh {
			continue
		}
		ids = append(ids, a.held.Ref.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	lettered, err := w.tx.Lettered(ctx, connection, stream, ids)
	if err != nil || len(lettered) == 0 {
		return err
	}
	var drop []string
	for id := range lettered {
		drop = append(drop, id)
	}
	slices.Sort(drop)
	// Those that are still faulty are stored anew right after.
	return w.tx.DropDeadLetters(ctx, connection, stream, drop)
}
