package rest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
)

// touched is an object that events speak of.
type touched struct {
	id string
	// at is the newest event's time in microseconds; gone says that it tells of the object's end.
	at   int64
	gone bool
	copy gjson.Result
}

// events turns a page of events into the objects as they are now. An event is a hint, not a state: feeds
// render objects in the version of the past and leave out members, so the object is fetched again.
func (p *pull) events(ctx context.Context, items []gjson.Result) error {
	e := p.st.Changes.Events
	objects := p.touched(items, e)
	found := make([]*canon.Record, len(objects))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(or(e.Parallel, 4))
	for i, o := range objects {
		g.Go(func() error {
			rec, err := p.object(ctx, e, o)
			found[i] = rec
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var marks []string
	for i, rec := range found {
		marks = append(marks, eventMark(objects[i].id))
		p.page.Records = append(p.page.Records, *rec)
	}
	p.cur.Seen = remember(p.cur.Seen, marks)
	return nil
}

// eventMark is the short hash under which an object already fetched in this round is remembered.
func eventMark(id string) string { return canon.ID("", id)[1:13] }

// touched lists the objects of the events, the one changed first coming first, without those that a newer
// page of this round has told.
func (p *pull) touched(items []gjson.Result, e *Events) []touched {
	at := map[string]int{}
	var out []touched
	for _, item := range items {
		id := text(item.Get(e.Object))
		if id == "" {
			p.reject(item)
			continue
		}
		o := touched{id: id, at: Version{Path: e.Time}.of(item, p.now), copy: item.Get(or(e.Copy, "@this"))}
		o.gone = e.Type != "" && slices.Contains(e.Deleted, text(item.Get(e.Type)))
		i, known := at[id]
		switch {
		case slices.Contains(p.cur.Seen, eventMark(id)):
		case !known:
			at[id] = len(out)
			out = append(out, o)
		case o.gone || (o.at > out[i].at && !out[i].gone):
			o.at = max(o.at, out[i].at)
			out[i] = o
		}
	}
	slices.SortStableFunc(out, func(a, b touched) int {
		return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.id, b.id))
	})
	return out
}

// object fetches what an event speaks of, or makes its tombstone.
func (p *pull) object(ctx context.Context, e *Events, o touched) (*canon.Record, error) {
	tombstone := func() *canon.Record {
		rec := p.newRecord(o.id, o.copy)
		rec.Deleted, rec.Version, rec.Reason = true, o.at, or(rec.Reason, "deleted")
		return &rec
	}
	if o.gone {
		return tombstone(), nil
	}
	sc := p.asking()
	sc.id = o.id
	answer, err := p.conn.send(ctx, e.Fetch, sc, false)
	if err != nil {
		if canon.CodeOf(err) == "not_found" {
			return tombstone(), nil
		}
		return nil, err
	}
	item := gjson.ParseBytes(answer.Body)
	if shaped := p.st.apply([]gjson.Result{item}); len(shaped) == 1 {
		item = shaped[0]
	}
	if id := text(item.Get(p.st.ID)); id != o.id {
		return nil, canon.Errorf("page.shape", "%s answered with another object than %s", e.Fetch.Path, o.id).
			WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
	}
	rec := p.newRecord(o.id, item)
	if e.Gone.holds(item) {
		rec.Deleted, rec.Reason = true, or(rec.Reason, "deleted")
	}
	rec.Version = max(p.st.Version.of(item, micros(p.cur.Start)), o.at)
	return &rec, nil
}
