package ingest

import (
	"context"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// scrubbedAtOnce is how many records one transaction of Scrub looks at.
const scrubbedAtOnce = 200

// Erased returns what recognises the erased, but for those of some erasures.
func (p *Pipeline) Erased(ctx context.Context, without ...string) (k *Marked, err error) {
	err = p.Atomic(ctx, func(tx Tx) error {
		k, err = p.recognise(ctx, tx, without...)
		return err
	})
	return k, err
}

// Scrub removes from the store what is held of those who are marked, as though every record had come through the gate
// that keeps them out: their own records go with all that was made of them, and what others' records say of them is
// replaced in every version. Customers are resolved anew and marked to be assessed. It may be stopped at any moment
// and done again: what is left is found by the marks alone.
func (p *Pipeline) Scrub(ctx context.Context, k *Marked) (map[string]int64, error) {
	counts := map[string]int64{}
	if k.empty() {
		return counts, nil
	}
	var streams [][2]string
	err := p.Atomic(ctx, func(tx Tx) (err error) {
		streams, err = tx.HeldStreams(ctx)
		return err
	})
	for _, s := range streams {
		for after := int64(0); err == nil; {
			var last int64
			if last, err = p.scrub(ctx, k, s, after, counts); last == 0 {
				break
			}
			after = last
		}
	}
	return counts, err
}

// ScrubTexts is Scrub for all that is kept beside records.
func (p *Pipeline) ScrubTexts(ctx context.Context, k *Marked, counts map[string]int64) error {
	var tables []string
	err := p.Atomic(ctx, func(tx Tx) error {
		tables = tx.TextTables()
		return nil
	})
	for _, table := range tables {
		var after []any
		for more := true; more && err == nil; more = after != nil {
			err = p.Atomic(ctx, func(tx Tx) error {
				next, n, err := tx.RedactTexts(ctx, table, after, k.row)
				counts["texts"] += n
				after = next
				return err
			})
		}
	}
	return err
}

// row takes what erased people were known by out of a row. What stands for one of their records goes.
func (k *Marked) row(r *canon.TextRow) {
	r.Drop = slices.ContainsFunc(r.Refs, k.ref)
	for i, v := range r.Values {
		r.Values[i], _ = k.Redact(v)
	}
}

// scrub looks at the next records of a stream and returns the row of the last one, 0 where there is none.
func (p *Pipeline) scrub(ctx context.Context, k *Marked, stream [2]string, after int64, counts map[string]int64) (last int64, err error) {
	found := map[string]int64{}
	err = p.Atomic(ctx, func(tx Tx) error {
		return guarded(func() error {
			clear(found)
			s := scrubbing{work: p.work(tx, p.Maps[stream[0]]), marked: k, counts: found}
			s.backfill = true
			last, err = s.stretch(ctx, stream, after)
			return err
		})
	})
	if err == nil {
		for name, n := range found {
			counts[name] += n
		}
	}
	return last, err
}

// scrubbing is one transaction of Scrub.
type scrubbing struct {
	*work
	marked *Marked
	counts map[string]int64
}

func (s scrubbing) stretch(ctx context.Context, stream [2]string, after int64) (int64, error) {
	held, err := s.tx.RecordsFrom(ctx, stream[0], stream[1], after, scrubbedAtOnce)
	if err != nil || len(held) == 0 {
		return 0, err
	}
	rows := make([]int64, len(held))
	for i, h := range held {
		rows[i] = h.Row
	}
	stored, err := s.tx.EntitiesOf(ctx, rows)
	if err != nil {
		return 0, err
	}
	of := map[int64][]canon.StoredEntity{}
	for _, e := range stored {
		of[e.Record] = append(of[e.Record], e)
	}
	var gone []canon.Held
	var lost []canon.StoredEntity
	var changed []*arrival
	var past []int64
	for _, h := range held {
		es := make([]canon.Entity, len(of[h.Row]))
		for i, e := range of[h.Row] {
			es[i] = e.Entity
		}
		drop, namesake := s.marked.judge(h.Ref, es)
		var v scrubbed
		if !drop {
			if v, err = s.versions(ctx, h, namesake); err != nil {
				return 0, err
			}
		}
		if drop || v.none {
			gone, lost = append(gone, h), append(lost, of[h.Row]...)
			continue
		}
		if v.changed != nil {
			changed = append(changed, v.changed)
		}
		for _, e := range of[h.Row] {
			if v.dropped {
				past = append(past, e.Row)
			}
		}
	}
	if len(gone) > 0 {
		if err := s.remove(ctx, stream, gone, lost); err != nil {
			return 0, err
		}
	}
	if err := s.retold(ctx, stream, changed); err != nil {
		return 0, err
	}
	if err := s.tx.ErasePast(ctx, past); err != nil {
		return 0, err
	}
	return held[len(held)-1].Row, s.end(ctx, lost)
}

// scrubbed is what became of a record that stays.
type scrubbed struct {
	// changed is the record as it is now, nil where no version names anybody.
	changed *arrival
	// dropped says that versions went, none that no other is left.
	dropped, none bool
}

// versions removes from a record that stays the versions by which it was only of somebody erased, as the gate keeps them
// out, and redacts the others.
func (s scrubbing) versions(ctx context.Context, h canon.Held, namesake bool) (scrubbed, error) {
	versions, err := s.tx.Versions(ctx, h)
	if err != nil {
		return scrubbed{}, err
	}
	var drop, kept []canon.Record
	redacted := int64(0)
	for _, was := range versions {
		if len(versions) > 1 && s.m != nil {
			var theirs bool
			if theirs, namesake = s.judge(s.marked, was); theirs {
				drop = append(drop, was)
				continue
			}
		}
		is := was
		if raw, hit := s.marked.redact(string(was.Raw), namesake); hit {
			is.Raw = []byte(raw)
			redacted++
			if err := s.tx.RewriteVersion(ctx, h.Row, was, is); err != nil {
				return scrubbed{}, err
			}
		}
		kept = append(kept, is)
	}
	if len(kept) == 0 {
		return scrubbed{none: len(drop) > 0}, nil
	}
	if len(drop) == 0 && redacted == 0 {
		return scrubbed{}, nil
	}
	s.counts["versions"] += int64(len(drop))
	s.counts["versions_redacted"] += redacted
	s.counts["records_redacted"]++
	return scrubbed{changed: &arrival{whole: true, held: holding(h, slices.MaxFunc(kept, compareRecords))}, dropped: len(drop) > 0},
		s.tx.EraseVersions(ctx, h.Row, drop)
}

// remove takes records out with all that was made of them. Who is left is resolved anew.
func (s scrubbing) remove(ctx context.Context, stream [2]string, gone []canon.Held, lost []canon.StoredEntity) error {
	var ds []*delta
	var rows []int64
	for i := range lost {
		e := &lost[i]
		was := *e
		ds = append(ds, &delta{known: true, was: was, full: true, forget: true, entity: &was})
		rows = append(rows, e.Row)
		s.counts[string(e.Entity.Kind)]++
	}
	if len(ds) > 0 {
		if err := s.apply(ctx, ds); err != nil {
			return err
		}
		// What was known when is not answerable of who is erased.
		if err := s.tx.EraseEntities(ctx, rows); err != nil {
			return err
		}
	}
	s.counts["records"] += int64(len(gone))
	return s.tx.EraseRecords(ctx, stream[0], stream[1], gone)
}

// retold maps the redacted records again. Those of a connection that is not configured any more keep their entities,
// which ScrubTexts redacts as they are.
func (s scrubbing) retold(ctx context.Context, stream [2]string, changed []*arrival) error {
	if len(changed) == 0 {
		return nil
	}
	held := make([]canon.Held, len(changed))
	for i, a := range changed {
		held[i] = a.held
	}
	if err := s.tx.PutHeld(ctx, held); err != nil || s.m == nil {
		return err
	}
	return s.carry(ctx, stream[0], stream[1], changed)
}

// end settles the transaction, and removes the customers that were nobody else.
func (s scrubbing) end(ctx context.Context, lost []canon.StoredEntity) error {
	if err := s.finish(ctx); err != nil || len(lost) == 0 {
		return err
	}
	var ids []string
	for _, e := range lost {
		for _, id := range []string{e.Customer, e.Node, e.Cluster} {
			if id != "" {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	n, err := s.tx.EraseCustomers(ctx, slices.Compact(ids))
	s.counts["customers"] += int64(n)
	return err
}
