package airbyte

import (
	"bytes"
	"encoding/json"

	"github.com/lifecyclehub/hub/canon"
)

// pager says where the next page is.
type pager struct {
	// kind is CursorPagination, PageIncrement or OffsetIncrement.
	kind              string
	value, stop, size *tmpl
	start             int64
	first             bool
	sizeTo, tokenTo   *option
	// asPath says that the token takes the path's place.
	asPath bool
}

func (b *builder) paginator(d *dict) (*pager, error) {
	if d == nil {
		return nil, nil
	}
	switch b.use(d) {
	case "NoPagination":
		return nil, nil
	case "DefaultPaginator":
	default:
		return nil, b.unknown(d, "the paginator")
	}
	st := b.child(d, "pagination_strategy")
	if st == nil {
		return nil, b.refuse(d, "a DefaultPaginator has no pagination_strategy")
	}
	p := &pager{kind: b.use(st), first: flag(st, "inject_on_first_request")}
	switch p.kind {
	case "CursorPagination", "PageIncrement", "OffsetIncrement":
	default:
		return nil, b.unknown(st, "the pagination strategy")
	}
	for key, into := range map[string]**tmpl{"cursor_value": &p.value, "stop_condition": &p.stop, "page_size": &p.size} {
		t, err := b.tmpl(st, key)
		if err != nil {
			return nil, err
		}
		*into = t
	}
	if p.kind == "CursorPagination" && p.value == nil {
		return nil, b.refuse(st, "a CursorPagination has no cursor_value")
	}
	p.start, _ = toInt(orNil(st, "start_from_page"))
	var err error
	if p.sizeTo, err = b.option(b.child(d, "page_size_option")); err != nil {
		return nil, err
	}
	if to := b.child(d, "page_token_option"); to != nil {
		if pyStr(orNil(to, "type")) == "RequestPath" || pyStr(orNil(to, "inject_into")) == "path" {
			b.manifest.used["RequestPath"] = true
			p.asPath = true
		} else if p.tokenTo, err = b.option(to); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// initial is the token of the first request, nil for none.
func (p *pager) initial() any {
	switch {
	case p == nil || !p.first:
		return nil
	case p.kind == "PageIncrement":
		return p.start
	case p.kind == "OffsetIncrement":
		return int64(0)
	}
	return nil
}

func (p *pager) pageSize(sc *scope) (int64, error) {
	if p.size == nil {
		return 0, nil
	}
	v, err := p.size.must(sc)
	if err != nil {
		return 0, expression("the page size", err)
	}
	n, ok := toInt(v)
	if !ok {
		return 0, canon.Errorf("manifest.expression", "the page size %q is no number", pyStr(v)).WithHint("Check the connection's settings.")
	}
	return n, nil
}

// options are the values that paging puts into a request.
func (p *pager) options(sc *scope, token any) ([]placed, string, error) {
	if p == nil {
		return nil, "", nil
	}
	var out []placed
	if p.sizeTo != nil {
		n, err := p.pageSize(sc)
		if err != nil {
			return nil, "", err
		}
		if n > 0 {
			out = append(out, placed{p.sizeTo, n})
		}
	}
	if token == nil {
		return out, "", nil
	}
	if p.asPath {
		return out, pyStr(token), nil
	}
	if p.tokenTo != nil {
		out = append(out, placed{p.tokenTo, token})
	}
	return out, "", nil
}

// told is what a page was.
type told struct {
	resp *response
	// raw counts what the answer held, kept what the filter left; last is the last record kept.
	raw, kept int
	last      any
}

// next is the next page's token, nil for the end.
func (p *pager) next(sc *scope, t told, token any) (any, error) {
	if p == nil {
		return nil, nil
	}
	if p.kind != "CursorPagination" {
		return p.count(sc, t, token)
	}
	own := sc.with("response", t.resp.first(), "headers", headersOf(t.resp.header), "last_record", t.last, "last_page_size", int64(t.kept))
	if p.stop != nil {
		stop, err := p.stop.truth(own)
		if err != nil {
			return nil, expression("the stop condition", err)
		}
		if stop {
			return nil, nil
		}
	}
	v, err := p.value.eval(own, nil)
	if err != nil {
		return nil, expression("the next page's token", err)
	}
	if !truthy(v) {
		return nil, nil
	}
	return v, nil
}

func (p *pager) count(sc *scope, t told, token any) (any, error) {
	size, err := p.pageSize(sc.with("response", t.resp.first()))
	if err != nil {
		return nil, err
	}
	if (size > 0 && int64(t.raw) < size) || t.raw == 0 {
		return nil, nil
	}
	at, ok := asInt(token)
	if p.kind == "PageIncrement" {
		if !ok {
			at = p.start
		}
		return at + 1, nil
	}
	return at + int64(t.raw), nil
}

// first is the JSON that templates see as response: of a list, its first element.
func (r *response) first() any {
	v := r.decoded()
	if list, ok := v.([]any); ok {
		if len(list) == 0 {
			return newDict()
		}
		return list[0]
	}
	return v
}

// guard finds page tokens and pages that come back, in constant memory (Brent's algorithm): it keeps one earlier
// mark and replaces it after ever longer stretches, so any cycle is found within a few turns.
type guard struct {
	Hash  string `json:"h,omitempty"`
	Power int    `json:"p,omitempty"`
	Steps int    `json:"s,omitempty"`
}

func (g *guard) repeats(what []byte) bool {
	h := canon.Hash(what)[:16]
	if h == g.Hash {
		return true
	}
	if g.Steps == g.Power {
		g.Hash, g.Power, g.Steps = h, max(1, g.Power*2), 0
	}
	g.Steps++
	return false
}

// resetRule starts paging anew: after so many records, or where the vendor says so.
type resetRule struct {
	split   bool
	records int
}

// tokenJSON writes a token so that it comes back as the same kind of value.
func tokenJSON(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	return encodeJSON(v)
}

func tokenValue(raw json.RawMessage) any {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	v, _ := decodeJSON(raw)
	return v
}
