package airbyte

import (
	"context"
	"errors"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// answer is what a page's requests gave.
type answer struct {
	told
	records []any
	rejects []canon.DeadLetter
	// ended says that the answer's status ends the partition, reset that paging begins anew.
	ended, reset bool
}

// ask makes the page's request, or several where its properties need several.
func (c *Conn) ask(ctx context.Context, s *stream, sc *scope, win running, token any) (*answer, error) {
	q := s.requester.props
	if q == nil {
		return c.askOnce(ctx, s, sc, win, token)
	}
	names := q.names
	if q.source != nil {
		var err error
		if names, err = c.properties(ctx, q); err != nil {
			return nil, err
		}
	}
	var whole *answer
	merged := map[string]*dict{}
	for _, chunk := range q.chunks(names) {
		own := *win.slice
		own.extra = newDict("query_properties", texts(chunk))
		part := win
		part.slice = &own
		a, err := c.askOnce(ctx, s, sc.with("stream_slice", &own), part, token)
		if err != nil || a.reset || a.ended {
			return a, err
		}
		if whole == nil {
			whole = &answer{told: a.told}
			whole.kept = 0
		}
		whole.resp = a.resp
		whole.rejects = append(whole.rejects, a.rejects...)
		for _, rec := range a.records {
			d, isDict := rec.(*dict)
			key := ""
			if q.chunked && isDict {
				key = q.mergeKey(rec)
			}
			if old := merged[key]; key != "" && old != nil {
				deepMerge(old, d)
				continue
			}
			if key != "" {
				merged[key] = d
			}
			whole.records = append(whole.records, rec)
		}
	}
	whole.kept = len(whole.records)
	if whole.kept > 0 {
		whole.last = whole.records[whole.kept-1]
	}
	return whole, nil
}

// propertiesMost bounds how many pages of property names are read.
const propertiesMost = 50

func (c *Conn) properties(ctx context.Context, q *queryProperties) ([]string, error) {
	cur, sc := &cursor{}, c.scope()
	path, err := textsFrom(q.path, sc)
	if err != nil {
		return nil, err
	}
	var names []string
	for range propertiesMost {
		g, err := c.read(ctx, q.source, cur, reading{start: c.now().UnixMicro(), owner: "properties"})
		if err != nil {
			return nil, err
		}
		for _, e := range g.items {
			if v, ok := dpathGet(e.rec, path); ok && v != nil {
				names = append(names, pyStr(v))
			}
		}
		if !g.more {
			break
		}
	}
	return names, nil
}

func (c *Conn) askOnce(ctx context.Context, s *stream, sc *scope, win running, token any) (*answer, error) {
	rq, err := s.request(sc, win, token)
	if err != nil {
		return nil, err
	}
	resp, v, err := c.exchange(s.requester, sc).do(ctx, rq)
	if err != nil {
		return nil, err
	}
	a := &answer{told: told{resp: resp}}
	if v.action == actReset {
		a.reset = true
		return a, nil
	}
	if !resp.ok() {
		a.ended = true
		return a, nil
	}
	bodies, err := s.decoder.bodies(resp)
	switch {
	case errors.Is(err, errNotJSON):
		return nil, notJSON(c.client, rq, resp.body)
	case errors.Is(err, errTooLarge):
		return nil, tooLarge(rq.url.Host)
	case err != nil:
		return nil, canon.Errorf("page.malformed", "the answer of %s cannot be read: %v", c.client.redact(rq.url.Path), err).
			WithHint("The manifest's decoder does not fit what the vendor sends.")
	}
	records, err := s.extract(bodies, sc)
	if err != nil {
		return nil, err
	}
	a.raw = len(records)
	return a, c.select_(s, sc, win, a, records)
}

// request makes the request of a page.
func (s *stream) request(sc *scope, win running, token any) (*request, error) {
	p := parts{sc: sc, token: token}
	var err error
	if q := s.requester.props; q != nil && s.requester.propsKey != "" {
		list, _ := orNil(win.slice.extra, "query_properties").([]any)
		joined, _ := join(list, ",")
		name := s.requester.propsKey
		p.options = append(p.options, placed{&option{into: "request_parameter", name: &tmpl{src: name, plain: true, value: name}}, joined})
	}
	if token == nil || !s.ignoreSlicer {
		placed, err := s.router.options(win.slice, sc)
		if err != nil {
			return nil, err
		}
		p.options = append(p.options, placed...)
		if s.cursor != nil && win.slice.window != nil {
			p.options = append(p.options, s.cursor.options(win.slice.window)...)
		}
	}
	paging, path, err := s.pager.options(sc, token)
	if err != nil {
		return nil, err
	}
	p.options, p.path = append(p.options, paging...), path
	return s.requester.build(p)
}

// select_ filters and transforms records.
func (c *Conn) select_(s *stream, sc *scope, win running, a *answer, records []any) error {
	field := ""
	if s.cursor != nil {
		var err error
		if field, err = s.cursor.field.text(sc); err != nil {
			return expression("the cursor's field", err)
		}
	}
	own := sc.with("record", nil)
	for _, rec := range records {
		steps := []func() (bool, error){
			func() (bool, error) { return s.passes(own, rec, field, win) },
			func() (bool, error) { return true, s.change(own, rec) },
		}
		if s.transformFirst {
			slices.Reverse(steps)
		}
		own.vars["record"] = rec
		keep := true
		for _, step := range steps {
			ok, err := step()
			if err != nil {
				// One record that does not fit must not stop the others.
				a.rejects = append(a.rejects, canon.DeadLetter{Code: "record.expression", Reason: "The manifest cannot be applied to the record: " + c.client.redact(err.Error()) + ".",
					Hint: "Compare the record with the manifest's transformations.", Raw: encodeJSON(rec)})
				keep = false
			}
			if !ok {
				keep = false
			}
			if !keep {
				break
			}
		}
		if keep {
			a.records = append(a.records, rec)
		}
	}
	a.kept = len(a.records)
	if a.kept > 0 {
		a.last = a.records[a.kept-1]
	}
	return nil
}

func (s *stream) passes(sc *scope, rec any, field string, win running) (bool, error) {
	if s.cursor != nil && s.cursor.clientSide {
		if at, ok := s.cursor.observed(rec, field); ok && (at < win.from || at > win.to) {
			return false, nil
		}
	}
	if s.filter == nil {
		return true, nil
	}
	return s.filter.truth(sc)
}

func (s *stream) change(sc *scope, rec any) error {
	d, ok := rec.(*dict)
	if !ok {
		return nil
	}
	for _, t := range s.transforms {
		if err := t(d, sc); err != nil {
			return err
		}
	}
	return nil
}
