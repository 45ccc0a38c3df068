package rest

import (
	"context"
	"net/http"
	"sync"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

var _ connectors.Fetcher = (*Conn)(nil)

// single and many tell how the request names its records.
func (f *Fetch) single() bool { return f.names("id") }
func (f *Fetch) many() bool   { return f.names("ids") }

func (f *Fetch) names(variable string) bool {
	found := false
	eachRequestText(f.Request, func(t string) {
		vars, _ := variables(t)
		for _, v := range vars {
			found = found || v.name == variable
		}
	})
	return found
}

// CanFetch reports whether single records of the stream can be read by id.
func (c *Conn) CanFetch(stream string) bool {
	st := c.spec.stream(stream)
	return st != nil && st.Fetch != nil
}

// Fetch reads the records with these ids as they are now. What the vendor does not find is a tombstone, as of
// now, unless the spec leaves that to the feeds. Besides the codes of Pull it fails with fetch.unsupported.
func (c *Conn) Fetch(ctx context.Context, stream string, ids []string) (connectors.Page, error) {
	p, err := c.startPull(stream)
	if err != nil {
		return connectors.Page{}, plain(err)
	}
	if p.st.Fetch == nil {
		return connectors.Page{}, canon.Errorf("fetch.unsupported", "single records of stream %s cannot be read", stream).
			WithHint("They are learnt in the stream's next round.")
	}
	p.cur.Start = p.now.UnixMicro()
	p.cur.Phase = phaseChanges
	if err := p.fetchAll(ctx, unique(ids)); err != nil {
		return connectors.Page{}, plain(err)
	}
	if err := p.enrich(ctx, p.st.Fetch.Enrich); err != nil {
		return connectors.Page{}, plain(err)
	}
	if p.st.Merged != nil {
		p.mergedAway()
	}
	return p.page, nil
}

func unique(ids []string) []string {
	have := map[string]bool{}
	var out []string
	for _, id := range ids {
		if id != "" && !have[id] {
			have[id] = true
			out = append(out, id)
		}
	}
	return out
}

// fetchAll asks for the ids in batches, a few at a time, and keeps their order.
func (p *pull) fetchAll(ctx context.Context, ids []string) error {
	f := p.st.Fetch
	size := 1
	if f.many() {
		size = or(f.Size, 100)
	}
	var mu sync.Mutex
	found := map[string]gjson.Result{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(or(f.Parallel, 4))
	for at := 0; at < len(ids); at += size {
		batch := ids[at:min(at+size, len(ids))]
		g.Go(func() error {
			items, err := p.fetchBatch(gctx, batch)
			mu.Lock()
			defer mu.Unlock()
			for _, item := range items {
				found[text(item.Get(p.st.ID))] = item
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, id := range ids {
		item, ok := found[id]
		if !ok {
			if f.Missing != "skip" {
				p.page.Records = append(p.page.Records, p.gone(id))
			}
			continue
		}
		rec, ok := p.record(item, item.Get)
		if ok && f.Gone.holds(item) {
			rec.Deleted, rec.Reason = true, or(rec.Reason, p.reason(item.Get))
		}
		if ok {
			p.page.Records = append(p.page.Records, rec)
		}
	}
	return nil
}

// fetchBatch asks for some records. Where the vendor refuses them together because one is not there, it is
// asked for each half.
func (p *pull) fetchBatch(ctx context.Context, ids []string) ([]gjson.Result, error) {
	f := p.st.Fetch
	sc := p.asking()
	sc.id = ids[0]
	for _, id := range ids {
		sc.ids = append(sc.ids, asked{ID: id})
	}
	items, err := p.fetchParts(ctx, sc)
	if canon.CodeOf(err) == "not_found" {
		if len(ids) == 1 {
			return nil, nil
		}
		half := len(ids) / 2
		one, err := p.fetchBatch(ctx, ids[:half])
		if err != nil {
			return nil, err
		}
		two, err := p.fetchBatch(ctx, ids[half:])
		return append(one, two...), err
	}
	if err != nil {
		return nil, err
	}
	if !f.many() && len(items) == 1 && text(items[0].Get(p.st.ID)) != ids[0] {
		return nil, canon.Errorf("page.shape", "%s answered with another object than %s", f.Request.Path, ids[0]).
			WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
	}
	return items, nil
}

// fetchParts makes the request, once for each part of a long list of names.
func (p *pull) fetchParts(ctx context.Context, sc *scope) ([]gjson.Result, error) {
	f := p.st.Fetch
	name, parts, err := p.conn.chunks(ctx, f.Request)
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		parts = [][]string{nil}
	}
	var out []gjson.Result
	for i, part := range parts {
		if part != nil {
			sc.lists[name] = part
		}
		answer, err := p.conn.send(ctx, f.Request, sc, false)
		if err != nil {
			return nil, err
		}
		if answer.Status >= http.StatusBadRequest {
			// Nothing was asked, or the answer does not count: nothing is known of the records.
			return nil, canon.Errorf("fetch.unsupported", "the vendor does not tell single records of stream %s now", p.st.Name).
				WithHint("They are learnt in the stream's next round.")
		}
		items := f.items(gjson.ParseBytes(answer.Body))
		if i == 0 {
			out = items
			continue
		}
		for j, a := range out {
			for _, b := range items {
				if id := text(a.Get(p.st.ID)); id != "" && id == text(b.Get(p.st.ID)) {
					out[j] = gjson.ParseBytes(mergeObjects(a, b))
				}
			}
		}
	}
	return out, nil
}

// items takes the records out of an answer that holds one or several.
func (f *Fetch) items(body gjson.Result) []gjson.Result {
	found := body
	for _, at := range f.Records {
		if at == "" {
			break
		}
		if found = body.Get(at); found.Exists() {
			break
		}
	}
	if found.IsObject() {
		return f.apply([]gjson.Result{found})
	}
	return f.apply(found.Array())
}

// gone is the tombstone of a record that the vendor does not find. It is as new as now; a sequence cannot be
// made up, so there it is 0, and the next round decides.
func (p *pull) gone(id string) canon.Record {
	rec := canon.Record{
		Ref:        canon.Ref{Connection: p.conn.connection, Stream: p.st.Name, ID: id},
		ObservedAt: p.now, Deleted: true, Reason: "deleted",
	}
	if p.st.Version.Format != "sequence" {
		rec.Version = p.now.UnixMicro()
	}
	return rec
}
