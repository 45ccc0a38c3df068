package airbyte

import (
	"context"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// route is a place among a router's partitions. It is kept in the cursor.
type route struct {
	// At is the index of the partition: in a list, or among the records of the parent's page that From
	// leads to. Prev is that partition's key.
	At   int     `json:"at"`
	From *cursor `json:"from,omitempty"`
	Prev string  `json:"prev,omitempty"`
	// Last says that the partition is the last one of its parent's last page.
	Last bool `json:"last,omitempty"`
	// Which is the parent that is read, Done the cursors of those read to their end.
	Which int                `json:"w,omitempty"`
	Done  map[string]*cursor `json:"done,omitempty"`
	// Subs and Slices are the places of inner routers, Seen what a group has taken.
	Subs   []*route `json:"subs,omitempty"`
	Slices []*slice `json:"slices,omitempty"`
	Seen   []string `json:"seen,omitempty"`
}

// walk is what a router needs to read its parents.
type walk struct {
	conn  *Conn
	start int64
	// owner names the stream whose partitions are walked, kept its parents' cursors from the last round.
	owner string
	kept  map[string]*cursor
	scope *scope
}

// router gives a stream's partitions one after another.
type router interface {
	// next returns the partition behind at, nil for the end; a nil at is the place before the first.
	next(ctx context.Context, w *walk, at *route) (*slice, *route, error)
	// options are the values that a partition puts into requests.
	options(sl *slice, sc *scope) ([]placed, error)
	// ended reports whether there is certainly none behind at, without asking anybody.
	ended(w *walk, at *route) bool
}

func (b *builder) router(v any, near *dict) (router, error) {
	switch v := v.(type) {
	case nil:
		return single{}, nil
	case []any:
		if len(v) == 1 {
			return b.router(v[0], near)
		}
		p := product{}
		for _, x := range v {
			r, err := b.router(x, near)
			if err != nil {
				return nil, err
			}
			p.each = append(p.each, r)
		}
		b.manifest.used["CartesianProductStreamSlicer"] = true
		return p, nil
	case *dict:
		switch b.use(v) {
		case "ListPartitionRouter":
			return b.listRouter(v)
		case "SubstreamPartitionRouter":
			return b.subRouter(v)
		case "CartesianProductStreamSlicer":
			list, _ := orNil(v, "stream_slicers").([]any)
			return b.router(list, v)
		case "GroupingPartitionRouter":
			inner, err := b.router(orNil(v, "underlying_partition_router"), v)
			n, _ := toInt(orNil(v, "group_size"))
			if err == nil && n < 1 {
				err = b.refuse(v, "group_size must be a positive number")
			}
			return grouped{inner, int(n), orNil(v, "deduplicate") != false}, err
		}
		return nil, b.unknown(v, "the partition router")
	}
	return nil, b.refuse(near, "the partition router is no mapping")
}

// single is the router of streams without partitions.
type single struct{}

func (single) next(_ context.Context, _ *walk, at *route) (*slice, *route, error) {
	if at != nil {
		return nil, at, nil
	}
	return &slice{}, &route{}, nil
}
func (single) options(*slice, *scope) ([]placed, error) { return nil, nil }
func (single) ended(_ *walk, at *route) bool            { return at != nil }

// listRouter has a partition for each of some values.
type listRouter struct {
	values any
	field  *tmpl
	to     *option
}

func (b *builder) listRouter(d *dict) (router, error) {
	r := &listRouter{}
	switch v := orNil(d, "values").(type) {
	case []any:
		r.values = v
	case string:
		t, err := b.compile(d, v)
		if err != nil {
			return nil, err
		}
		r.values = t
	default:
		return nil, b.refuse(d, "a ListPartitionRouter has no values")
	}
	var err error
	if r.field, err = b.tmpl(d, "cursor_field"); err != nil {
		return nil, err
	}
	if r.field == nil {
		return nil, b.refuse(d, "a ListPartitionRouter has no cursor_field")
	}
	r.to, err = b.option(b.child(d, "request_option"))
	return r, err
}

func (r *listRouter) list(sc *scope) ([]any, error) {
	if t, ok := r.values.(*tmpl); ok {
		v, err := t.must(sc)
		if err != nil {
			return nil, expression("the values of the partitions", err)
		}
		if s, ok := v.(string); ok {
			if s == "" {
				return nil, nil
			}
			return []any{s}, nil
		}
		list, err := items(v)
		if err != nil {
			return nil, expression("the values of the partitions", err)
		}
		return list, nil
	}
	list, _ := r.values.([]any)
	return list, nil
}

func (r *listRouter) next(_ context.Context, w *walk, at *route) (*slice, *route, error) {
	list, err := r.list(w.scope)
	if err != nil {
		return nil, at, err
	}
	i := 0
	if at != nil {
		i = at.At + 1
	}
	if i < 0 || i >= len(list) {
		return nil, &route{At: len(list)}, nil
	}
	field, err := r.field.text(w.scope)
	if err != nil {
		return nil, at, expression("a partition's name", err)
	}
	return &slice{partition: newDict(field, list[i])}, &route{At: i}, nil
}

func (r *listRouter) options(sl *slice, sc *scope) ([]placed, error) {
	if r.to == nil {
		return nil, nil
	}
	field, err := r.field.text(sc)
	if err != nil {
		return nil, expression("a partition's name", err)
	}
	if v, ok := sl.partition.get(field); ok && truthy(v) {
		return []placed{{r.to, v}}, nil
	}
	return nil, nil
}

func (r *listRouter) ended(w *walk, at *route) bool {
	list, err := r.list(w.scope)
	return err == nil && at != nil && at.At+1 >= len(list)
}

// product has a partition for each combination of those of several routers, the first one's outermost.
type product struct{ each []router }

func (p product) next(ctx context.Context, w *walk, at *route) (*slice, *route, error) {
	n := len(p.each)
	now := &route{Subs: make([]*route, n), Slices: make([]*slice, n)}
	i := 0
	if at != nil {
		if len(at.Subs) != n || len(at.Slices) != n {
			return nil, at, nil
		}
		copy(now.Subs, at.Subs)
		copy(now.Slices, at.Slices)
		i = n - 1
	}
	for i >= 0 && i < n {
		if err := ctx.Err(); err != nil {
			return nil, at, err
		}
		sl, rt, err := p.each[i].next(ctx, w.inner(i), now.Subs[i])
		if err != nil {
			return nil, at, err
		}
		if sl == nil {
			now.Subs[i], now.Slices[i] = nil, nil
			i--
			continue
		}
		now.Subs[i], now.Slices[i] = rt, sl
		i++
	}
	if i < 0 {
		return nil, &route{At: -1}, nil
	}
	out := &slice{partition: newDict(), extra: newDict()}
	for _, sl := range now.Slices {
		out.partition.update(sl.partition)
		if sl.extra != nil {
			out.extra.update(sl.extra)
		}
	}
	return out, now, nil
}

func (p product) options(sl *slice, sc *scope) ([]placed, error) {
	var out []placed
	for _, r := range p.each {
		o, err := r.options(sl, sc)
		if err != nil {
			return nil, err
		}
		out = append(out, o...)
	}
	return out, nil
}

func (p product) ended(w *walk, at *route) bool {
	if at == nil || len(at.Subs) != len(p.each) {
		return at != nil
	}
	for i, r := range p.each {
		if !r.ended(w.inner(i), at.Subs[i]) {
			return false
		}
	}
	return true
}

// inner names the walk of an inner router, so that parents of two routers are told apart.
func (w *walk) inner(i int) *walk {
	own := *w
	own.owner += "/" + string(rune('a'+i%26))
	own.kept = nil
	return &own
}

// grouped puts several partitions of another router into one.
type grouped struct {
	inner router
	size  int
	once  bool
}

// groupSeen bounds how many partitions a group remembers; behind it one may come twice, which is harmless.
const groupSeen = 5000

func (g grouped) next(ctx context.Context, w *walk, at *route) (*slice, *route, error) {
	now := &route{Subs: []*route{nil}}
	if at != nil {
		now.Seen = slices.Clone(at.Seen)
		if len(at.Subs) == 1 {
			now.Subs[0] = at.Subs[0]
		}
	}
	var batch []*slice
	for len(batch) < g.size {
		sl, rt, err := g.inner.next(ctx, w, now.Subs[0])
		if err != nil {
			return nil, at, err
		}
		if sl == nil {
			break
		}
		now.Subs[0] = rt
		key := shortHash(encodeJSON(sl.own()))
		if g.once && slices.Contains(now.Seen, key) {
			continue
		}
		if now.Seen = append(now.Seen, key); len(now.Seen) > groupSeen {
			now.Seen = now.Seen[len(now.Seen)-groupSeen:]
		}
		batch = append(batch, sl)
	}
	if len(batch) == 0 {
		return nil, now, nil
	}
	out := &slice{partition: newDict(), extra: newDict()}
	for _, sl := range batch {
		appendAll(out.partition, sl.partition)
		if sl.extra != nil {
			appendAll(out.extra, sl.extra)
		}
	}
	return out, now, nil
}

func appendAll(into, from *dict) {
	for _, k := range from.keys {
		list, _ := into.vals[k].([]any)
		into.set(k, append(list, from.vals[k]))
	}
}

// own is the partition without its parent's.
func (s *slice) own() *dict {
	d := s.partition.clone()
	d.del("parent_slice")
	return d
}

func (g grouped) options(sl *slice, sc *scope) ([]placed, error) { return g.inner.options(sl, sc) }
func (g grouped) ended(w *walk, at *route) bool {
	return at != nil && len(at.Subs) == 1 && g.inner.ended(w, at.Subs[0])
}

func shortHash(b []byte) string { return canon.Hash(b)[:12] }
