package receive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

const (
	// fetchSize is how many objects one fetch asks for.
	fetchSize = 100
	// receiptWait is how long a batch may lie on the belt without word of it before it is sent again.
	receiptWait = 5 * time.Minute
	// strangeTries is how often something is tried that fails for no reason that has a name.
	strangeTries = 8
)

// gather puts what a call tells on the pile, and what it names among the waiting.
func (l *lane) gather(now time.Time, c *call, told connectors.Call, got connectors.Received) {
	whole := false
	for _, r := range got.Records {
		if !slices.Contains(l.src.Streams, r.Stream) {
			continue
		}
		whole = true
		r.Connection = l.src.Connection
		if r.ObservedAt.IsZero() {
			r.ObservedAt = told.At
		}
		l.put(now, r.Stream, func(p *pile) { p.records = append(p.records, r) }, 512+len(r.Raw))
	}
	for _, d := range got.Rejects {
		whole = true
		if d.OccurredAt.IsZero() {
			d.OccurredAt = told.At
		}
		l.put(now, cmp.Or(d.Stream, lettersStream), func(p *pile) { p.rejects = append(p.rejects, d) }, 512+len(d.Raw))
	}
	if whole {
		l.pile.calls = append(l.pile.calls, c)
		c.open++
	}
	_, fetches := l.src.Conn.(connectors.Fetcher)
	for _, h := range got.Hints {
		if h.ID == "" || !slices.Contains(l.src.Streams, h.Stream) || !fetches && !h.Deleted {
			continue
		}
		k := key{stream: h.Stream, id: h.ID, deleted: h.Deleted}
		if h.Deleted {
			if h.At.IsZero() {
				h.At = told.At
			}
			k.into, k.at = h.Into, h.At.UnixMicro()
		}
		if !h.Deleted && h.At.Equal(told.At) {
			// The vendor has not said when.
			h.At = time.Time{}
		}
		if it := l.waiting[k]; it != nil {
			if h.At.After(it.at) {
				it.at = h.At
			}
			continue
		}
		l.waiting[k] = &item{key: k, at: h.At, calls: []*call{c}, due: now.Add(l.Window)}
		c.open++
	}
}

// deliver commits a pile, stream by stream.
func (l *lane) deliver(ctx context.Context, full *load) error {
	for _, stream := range sorted(full.piles) {
		if err := l.commit(ctx, stream, *full.piles[stream]); err != nil {
			return err
		}
		delete(full.piles, stream)
	}
	return nil
}

func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// refetch reads the items' objects and commits them. Items that must be tried again have their tries counted,
// all others have none.
func (l *lane) refetch(ctx context.Context, items []*item) []*item {
	streams := map[string][]*item{}
	for _, it := range items {
		streams[it.stream] = append(streams[it.stream], it)
	}
	for _, stream := range sorted(streams) {
		l.refetchStream(ctx, stream, streams[stream])
	}
	return items
}

func (l *lane) refetchStream(ctx context.Context, stream string, items []*item) {
	slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(a.id, b.id) })
	var p pile
	var live, good []*item
	for _, it := range items {
		if it.deleted {
			p.records = append(p.records, l.tombstone(it))
			good = append(good, it)
			continue
		}
		live = append(live, it)
	}
	for part := range slices.Chunk(live, fetchSize) {
		good = append(good, l.fetchPart(ctx, stream, part, &p)...)
	}
	if len(good) == 0 {
		return
	}
	if len(p.records)+len(p.rejects) > 0 {
		if err := l.commit(ctx, stream, p); err != nil {
			l.again(ctx, stream, good, err)
			return
		}
	}
	for _, it := range good {
		it.tries = 0
	}
}

// again counts a failed try.
func (l *lane) again(ctx context.Context, stream string, items []*item, err error) {
	for _, it := range items {
		it.tries++
	}
	if ctx.Err() == nil {
		l.Log.Warn("objects that webhook calls named could not be read; it is tried again", "connection", l.src.Connection, "stream", stream, "objects", len(items), "error", err)
	}
}

// tombstone is the record of what a call said is gone.
func (l *lane) tombstone(it *item) canon.Record {
	r := canon.Record{Ref: canon.Ref{Connection: l.src.Connection, Stream: it.stream, ID: it.id}, Version: it.at.UnixMicro(), ObservedAt: it.at.UTC(),
		Deleted: true, Reason: "deleted"}
	if it.into != "" {
		r.Reason, r.Into = "merged", it.into
	}
	return r
}

// fetchPart reads some objects into the pile and returns the items that are settled by it. Where the vendor
// refuses the whole for good, the halves are asked for, so that one bad object does not take others with it.
func (l *lane) fetchPart(ctx context.Context, stream string, items []*item, p *pile) []*item {
	ids := make([]string, len(items))
	for i, it := range items {
		ids[i] = it.id
	}
	at := l.Now().UTC()
	page, err := l.ask(ctx, stream, ids)
	switch {
	case err == nil:
		for _, r := range page.Records {
			r.Connection, r.Stream = l.src.Connection, stream
			if i, ok := slices.BinarySearchFunc(items, r.ID, func(it *item, id string) int { return cmp.Compare(it.id, id) }); ok {
				r.Version = atLeast(r, items[i].at, at)
			}
			if r.ObservedAt.IsZero() {
				r.ObservedAt = at
			}
			p.records = append(p.records, r)
		}
		p.rejects = append(p.rejects, page.Rejects...)
		return items
	case canon.CodeOf(err) == "fetch.unsupported":
		// The stream's next round brings them.
		return items
	case ctx.Err() != nil || !lasting(err, items[0].tries):
		l.again(ctx, stream, items, err)
		return nil
	case len(items) > 1:
		half := len(items) / 2
		return append(l.fetchPart(ctx, stream, items[:half], p), l.fetchPart(ctx, stream, items[half:], p)...)
	}
	e := canon.AsError(err)
	raw, err := json.Marshal(map[string]string{"stream": stream, "id": ids[0]})
	if err != nil {
		raw = nil
	}
	p.rejects = append(p.rejects, canon.DeadLetter{RecordID: ids[0], Code: e.Code, Reason: e.Message, Hint: e.Hint, Raw: raw, OccurredAt: at})
	return items
}

// atLeast is the version of a record that was read after its vendor said that it has changed at told: as new as that
// at least, also where the object names only older moments. Versions that are no times are left alone.
func atLeast(r canon.Record, told, now time.Time) int64 {
	if r.Deleted || r.Version == 0 || !r.VersionTime().Equal(time.UnixMicro(r.Version)) || told.After(now.Add(time.Hour)) {
		return r.Version
	}
	return max(r.Version, told.UnixMicro())
}

// ask is one fetch, before all other calls to the vendor.
func (l *lane) ask(ctx context.Context, stream string, ids []string) (page connectors.Page, err error) {
	f, ok := l.src.Conn.(connectors.Fetcher)
	if !ok {
		return connectors.Page{}, nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("fault of hub: %v", r)
		}
	}()
	return f.Fetch(connectors.WithPriority(ctx, connectors.PriorityWebhook), stream, ids)
}

// lasting says that trying again will not help. A credential that is refused is mended by people, after which it
// does; one that may not read some objects must not hold up all others.
func lasting(err error, tries int) bool {
	e := canon.AsError(err)
	switch {
	case e.Retry, e.Code == "auth.denied", errors.Is(err, context.DeadlineExceeded):
		return false
	case e.Code == "internal":
		return tries >= strangeTries
	}
	return true
}

// commit puts what belongs to one stream on the records belt and returns when it is in the store. The batches
// move no cursor: they are parts of no page.
func (l *lane) commit(ctx context.Context, stream string, p pile) (err error) {
	at := l.Now().UTC()
	b := canon.Batch{Connection: l.src.Connection, Connector: l.src.Connector, Stream: stream, Part: true, ReadAt: at, Records: p.records, Rejects: p.rejects,
		Run: canon.ID("hook", l.src.Connection, stream, at.Format(time.RFC3339Nano))}
	parts := l.Split(b)
	line, err := l.Open(len(parts) + 1)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := line.Close(); cerr != nil && err == nil {
			l.Log.Warn("a line to the records belt did not close", "error", cerr)
		}
	}()
	open := map[int64]bool{}
	for i, part := range parts {
		part.Seq = int64(i + 1)
		open[part.Seq] = true
		if err := line.Send(ctx, part); err != nil {
			return err
		}
	}
	late := time.NewTimer(receiptWait)
	defer late.Stop()
	for len(open) > 0 {
		select {
		case seq := <-line.Done():
			if seq == 0 {
				return errors.New("the belt could not read what was sent")
			}
			delete(open, seq)
			late.Reset(receiptWait)
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			e := canon.Errorf("belt.silent", "nothing of what webhook calls told has been committed for %s", receiptWait).WithHint("the log says why pages cannot be committed")
			e.Retry = true
			return e
		}
	}
	return nil
}
