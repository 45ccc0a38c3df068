package ingest

import "context"

// Remap maps records that are held once more from their raw versions, as after a change of mapping, and
// settles the differences.
func (p *Pipeline) Remap(ctx context.Context, connection, stream string, ids []string) (Result, error) {
	m := p.Maps[connection]
	if m == nil {
		return Result{}, unknown(connection)
	}
	var res Result
	err := p.Atomic(ctx, func(tx Tx) error {
		w := p.work(tx, m)
		held, err := tx.Held(ctx, connection, stream, ids)
		if err != nil {
			return err
		}
		var as []*arrival
		for _, id := range ids {
			if h, ok := held[id]; ok {
				as = append(as, &arrival{held: h, whole: true})
			}
		}
		if err := w.carry(ctx, connection, stream, as); err != nil {
			return err
		}
		err = w.finish(ctx)
		res = w.result
		return err
	})
	return res, err
}

// Stretch is a part of a stream's records to map again.
type Stretch struct {
	Connection, Stream string
	// After is the row behind which it begins, Limit how many records it has at most.
	After int64
	Limit int
	// Mark is the name under which the row is kept, in the transaction that maps up to it; Note what stands before
	// the row there.
	Mark string
	Note func(row int64) string
}

// RemapStretch maps the versions of the next records of a stream again, in one transaction that also notes how far it
// came. It returns the last row, 0 where there is none left. What it tells is history.
func (p *Pipeline) RemapStretch(ctx context.Context, s Stretch) (int64, Result, error) {
	m := p.Maps[s.Connection]
	if m == nil {
		return 0, Result{}, unknown(s.Connection)
	}
	var last int64
	var res Result
	err := p.Atomic(ctx, func(tx Tx) error {
		return guarded(func() error {
			w := p.work(tx, m)
			w.backfill = true
			held, err := tx.RecordsFrom(ctx, s.Connection, s.Stream, s.After, s.Limit)
			if err != nil || len(held) == 0 {
				return err
			}
			as := make([]*arrival, len(held))
			for i, h := range held {
				as[i] = &arrival{held: h, whole: true}
			}
			if err := w.carry(ctx, s.Connection, s.Stream, as); err != nil {
				return err
			}
			if err := w.finish(ctx); err != nil {
				return err
			}
			last, res = held[len(held)-1].Row, w.result
			return tx.SetMeta(ctx, s.Mark, s.Note(last))
		})
	})
	return last, res, err
}
