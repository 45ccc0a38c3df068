package airbyte

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// parent is a stream whose records are another's partitions.
type parent struct {
	stream      *stream
	key, field  *tmpl
	extra       [][]*tmpl
	to          *option
	incremental bool
}

// subRouter has a partition for each record of its parents.
type subRouter struct{ parents []parent }

func (b *builder) subRouter(d *dict) (router, error) {
	list, _ := orNil(d, "parent_stream_configs").([]any)
	if len(list) == 0 {
		return nil, b.refuse(d, "a SubstreamPartitionRouter has no parents")
	}
	r := &subRouter{}
	for _, x := range list {
		c, ok := x.(*dict)
		if !ok {
			return nil, b.refuse(d, "a parent is no mapping")
		}
		if b.use(c) != "ParentStreamConfig" {
			return nil, b.unknown(c, "the parent")
		}
		p, err := b.parent(c)
		if err != nil {
			return nil, err
		}
		r.parents = append(r.parents, p)
	}
	return r, nil
}

func (b *builder) parent(d *dict) (parent, error) {
	p := parent{incremental: flag(d, "incremental_dependency")}
	if orNil(d, "lazy_read_pointer") != nil {
		return p, b.refuse(d, "lazy_read_pointer is not supported")
	}
	s := b.child(d, "stream")
	if s == nil {
		return p, b.refuse(d, "a parent has no stream")
	}
	var err error
	if p.stream, err = b.stream(s); err != nil {
		return p, err
	}
	for key, into := range map[string]**tmpl{"parent_key": &p.key, "partition_field": &p.field} {
		if *into, err = b.tmpl(d, key); err != nil {
			return p, err
		}
		if *into == nil {
			return p, b.refuse(d, "a parent has no %s", key)
		}
	}
	list, _ := orNil(d, "extra_fields").([]any)
	for _, x := range list {
		path, _ := x.([]any)
		var ts []*tmpl
		for _, y := range path {
			t, err := b.compile(d, y)
			if err != nil {
				return p, err
			}
			ts = append(ts, t)
		}
		p.extra = append(p.extra, ts)
	}
	p.to, err = b.option(b.child(d, "request_option"))
	return p, err
}

func (r *subRouter) options(sl *slice, sc *scope) ([]placed, error) {
	var out []placed
	for _, p := range r.parents {
		if p.to == nil {
			continue
		}
		field, err := p.field.text(sc)
		if err != nil {
			return nil, expression("a partition's name", err)
		}
		if v, ok := sl.partition.get(field); ok && truthy(v) {
			out = append(out, placed{p.to, v})
		}
	}
	return out, nil
}

// parentPage is what a page of the parent gives, with where the next one is.
type parentPage struct {
	slices []*slice
	next   *cursor
	more   bool
}

// pageCache keeps the parent page that each stream is in the midst of, so that each partition does not ask for it
// anew.
type pageCache struct {
	mu   sync.Mutex
	held map[string]cachedPage
}

type cachedPage struct {
	from string
	page *parentPage
}

func (c *pageCache) get(owner, from string) *parentPage {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.held[owner]; ok && e.from == from {
		return e.page
	}
	return nil
}

func (c *pageCache) put(owner, from string, p *parentPage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = map[string]cachedPage{}
	}
	c.held[owner] = cachedPage{from, p}
}

func (w *walk) cacheKey(which int, from *cursor) (owner, key string) {
	b, err := json.Marshal(from)
	if err != nil {
		return "", ""
	}
	return w.owner + "#" + strconv.Itoa(which), strconv.FormatInt(w.start, 10) + string(b)
}

func (r *subRouter) next(ctx context.Context, w *walk, at *route) (*slice, *route, error) {
	now := &route{At: -1}
	if at != nil {
		*now = *at
	}
	for now.Which >= 0 && now.Which < len(r.parents) {
		if now.From == nil {
			now.From = &cursor{}
			if k := w.kept[strconv.Itoa(now.Which)]; k != nil && r.parents[now.Which].incremental {
				now.From = k
			}
			now.At, now.Prev = -1, ""
		}
		page, err := r.page(ctx, w, now.Which, now.From)
		if err != nil {
			return nil, at, err
		}
		if sl := now.step(page); sl != nil {
			now.Last = !page.more && now.At == len(page.slices)-1
			return sl, now, nil
		}
		if page.more {
			now.From, now.At, now.Prev = page.next, -1, ""
			continue
		}
		done := map[string]*cursor{}
		for k, v := range now.Done {
			done[k] = v
		}
		if r.parents[now.Which].incremental {
			done[strconv.Itoa(now.Which)] = page.next
		}
		now = &route{Which: now.Which + 1, At: -1, Done: done}
	}
	return nil, now, nil
}

// step moves to the next partition of the page. Where the page is no longer what it was, it goes on behind the
// partition that it was at, or begins the page anew where that is gone.
func (at *route) step(page *parentPage) *slice {
	i := at.At + 1
	if at.Prev != "" && (at.At < 0 || at.At >= len(page.slices) || page.slices[at.At].key() != at.Prev) {
		i = slices.IndexFunc(page.slices, func(s *slice) bool { return s.key() == at.Prev }) + 1
	}
	if i >= len(page.slices) {
		return nil
	}
	at.At, at.Prev = i, page.slices[i].key()
	return page.slices[i]
}

func (r *subRouter) ended(_ *walk, at *route) bool {
	if at == nil {
		return false
	}
	if at.Which >= len(r.parents) {
		return true
	}
	return at.Last && at.Which == len(r.parents)-1 && !r.parents[at.Which].incremental
}

func (r *subRouter) page(ctx context.Context, w *walk, which int, from *cursor) (*parentPage, error) {
	owner, key := w.cacheKey(which, from)
	if p := w.conn.parents.get(owner, key); p != nil {
		return p, nil
	}
	p := r.parents[which]
	cur, err := from.copy()
	if err != nil {
		return nil, err
	}
	got, err := w.conn.read(ctx, p.stream, cur, reading{start: w.start, owner: owner})
	if err != nil {
		return nil, err
	}
	page := &parentPage{next: got.next, more: got.more}
	for _, it := range got.items {
		sl, err := p.slice(it, w.scope)
		if err != nil {
			return nil, err
		}
		if sl != nil {
			page.slices = append(page.slices, sl)
		}
	}
	w.conn.parents.put(owner, key, page)
	return page, nil
}

// slice makes a partition of a parent's record; nil where the record has no key.
func (p parent) slice(it entry, sc *scope) (*slice, error) {
	key, err := p.key.text(sc)
	if err != nil {
		return nil, expression("the parent's key", err)
	}
	field, err := p.field.text(sc)
	if err != nil {
		return nil, expression("a partition's name", err)
	}
	v, ok := dpathGet(it.rec, strings.Split(key, "/"))
	if !ok {
		return nil, nil
	}
	outer := newDict()
	if it.slice != nil && it.slice.partition != nil {
		outer = it.slice.partition
	}
	sl := &slice{partition: newDict(field, v, "parent_slice", outer)}
	for _, path := range p.extra {
		names, err := textsFrom(path, sc)
		if err != nil {
			return nil, err
		}
		x, _ := dpathGet(it.rec, names)
		if sl.extra == nil {
			sl.extra = newDict()
		}
		sl.extra.set(strings.Join(names, "."), x)
	}
	return sl, nil
}
