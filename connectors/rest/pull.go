package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// pull is one call of Pull.
type pull struct {
	conn *Conn
	st   *Stream
	cur  cursor
	now  time.Time
	page connectors.Page
}

// Pull reads the page at from. Besides the codes of HTTP (auth.denied, auth.forbidden, not_found,
// rate.limited, vendor.unavailable, net.unreachable, request.refused) it fails with stream.unknown,
// cursor.invalid, page.loop, page.too_large, page.not_json, page.shape and page.foreign_url.
func (c *Conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	st := c.spec.stream(stream)
	if st == nil {
		return connectors.Page{}, canon.Errorf("stream.unknown", "connector %s has no stream %q", c.spec.name, stream).
			WithHint("The streams are listed on the connector's page.")
	}
	cur, err := readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	p := &pull{conn: c, st: st, cur: cur, now: c.now().UTC()}
	if cur.Phase == "" {
		p.cur.begin(st, p.now)
	}
	if err := p.read(ctx); err != nil {
		return connectors.Page{}, plain(err)
	}
	next, err := p.cur.write()
	if err != nil {
		return connectors.Page{}, plain(err)
	}
	p.page.Next = next
	return p.page, nil
}

// feed returns what the cursor stands in.
func (p *pull) feed() Feed {
	switch {
	case p.cur.Phase == phaseArchived && p.st.Archived != nil:
		return p.st.Archived.Feed
	case p.cur.Phase == phaseChanges && p.cur.Tie > 0 && p.st.Changes.Reset != nil:
		return p.st.Changes.Reset.Ties
	case p.cur.Phase == phaseChanges && p.st.Changes != nil:
		return p.st.Changes.Feed
	}
	return p.st.Full
}

func (p *pull) read(ctx context.Context) error {
	feed := p.feed()
	f, err := p.fetch(ctx, feed)
	if isRestart(err) && p.cur.Token != "" {
		p.cur.Token, p.cur.Guard, p.cur.Seen = "", guard{}, nil
		f, err = p.fetch(ctx, feed)
	}
	if err != nil {
		return err
	}
	if p.cur.Phase == phaseChanges && p.st.Changes.Mode == "events" {
		if err := p.events(ctx, f.items); err != nil {
			return err
		}
	} else {
		p.records(f.items)
		if err := p.enrich(ctx, feed.Enrich); err != nil {
			return err
		}
	}
	if feed.Total != "" && p.cur.Total == 0 {
		p.cur.Total = f.body.Get(feed.Total).Int()
	}
	p.page.Total = p.cur.Total
	if r := p.reset(); r != nil {
		return p.turn(f, feed, r)
	}
	return p.turnPage(f, feed)
}

// fetch reads one page of the feed.
func (p *pull) fetch(ctx context.Context, feed Feed) (fetched, error) {
	sc := p.conn.scope(p.st.Name, p.cur)
	call, err := p.conn.render(ctx, feed.Request, sc)
	if err != nil {
		return fetched{}, err
	}
	if feed.Paging.isURL() && p.cur.Token != "" {
		call.Path, call.Query = p.cur.Token, nil
	}
	answer, err := p.conn.client.do(ctx, call)
	if err != nil {
		return fetched{}, err
	}
	f := fetched{body: gjson.ParseBytes(answer.Body), header: answer.Header, base: p.conn.client.base}
	list := f.body
	if feed.Records != "" {
		list = f.body.Get(feed.Records)
	}
	switch {
	case list.IsArray():
		f.items = list.Array()
	case list.Type == gjson.Null && (list.Exists() || string(answer.Body) == "{}"):
	default:
		return fetched{}, canon.Errorf("page.shape", "the answer of %s holds no list at %q", feed.Request.Path, or(feed.Records, "@this")).
			WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
	}
	var ids strings.Builder
	for _, item := range f.items {
		if id := text(item.Get(p.st.ID)); id != "" {
			f.lastID = id
			ids.WriteString(id)
			ids.WriteByte(0)
		}
	}
	f.ids = ids.String()
	return f, nil
}

// turnPage moves the cursor behind the page.
func (p *pull) turnPage(f fetched, feed Feed) error {
	if feed.Paging.Dedupe {
		p.dedupe(len(f.items) > 0)
	}
	token, more := feed.Paging.next(f, p.cur.Token, p.now)
	if !more {
		// A stream that goes on from its last token keeps the old one where the vendor tells no new one.
		if p.st.Changes != nil && p.st.Changes.Mode == "continue" && token != "" {
			p.cur.Token = token
		}
		p.page.More = p.cur.advance(p.st)
		return nil
	}
	if token == "" || p.cur.Guard.repeats(feed.Paging.signature(f, token)) {
		return loopError(p.st.Name)
	}
	p.cur.Token = token
	p.page.More = true
	return nil
}

// dedupe drops records that were on the page before, byte for byte.
func (p *pull) dedupe(any bool) {
	seen := map[string]bool{}
	for _, m := range p.cur.Seen {
		seen[m] = true
	}
	var fresh []string
	kept := p.page.Records[:0]
	for _, rec := range p.page.Records {
		m := mark(rec)
		fresh = append(fresh, m)
		if !seen[m] {
			kept = append(kept, rec)
		}
	}
	p.page.Records = kept
	if any {
		p.cur.Seen = remember(nil, fresh)
	}
}

// records turns items into records and rejects. An id that stands twice on one page counts once, in its
// newest state.
func (p *pull) records(items []gjson.Result) {
	at := map[string]int{}
	for _, item := range items {
		rec, ok := p.record(item)
		if !ok {
			continue
		}
		if p.stale(rec) {
			continue
		}
		if i, twice := at[rec.ID]; twice {
			if rec.Version >= p.page.Records[i].Version {
				p.page.Records[i] = rec
			}
			continue
		}
		at[rec.ID] = len(p.page.Records)
		p.page.Records = append(p.page.Records, rec)
	}
}

// stale reports a deleted record that earlier rounds have told.
func (p *pull) stale(rec canon.Record) bool {
	if p.cur.Phase != phaseArchived || p.st.Archived.Recent == 0 || p.cur.Mark == 0 || rec.Version == 0 {
		return false
	}
	return rec.Version < p.cur.Mark-time.Duration(p.st.Archived.Recent).Microseconds()
}

func (p *pull) record(item gjson.Result) (canon.Record, bool) {
	id := text(item.Get(p.st.ID))
	if !item.IsObject() || id == "" {
		p.reject(item)
		return canon.Record{}, false
	}
	rule := p.st.Version
	rec := p.newRecord(id, item)
	if p.cur.Phase == phaseArchived {
		rec.Deleted = true
		if v := p.st.Archived.Version; v.Path != "" || len(v.Max) > 0 {
			rule = v
		}
	}
	rec.Version = max(rule.of(item, micros(p.cur.Start)), p.cur.Floor)
	return rec, true
}

func (p *pull) newRecord(id string, item gjson.Result) canon.Record {
	return canon.Record{
		Ref:        canon.Ref{Connection: p.conn.connection, Stream: p.st.Name, ID: id},
		ObservedAt: p.now,
		Deleted:    p.st.Deleted.holds(item),
		Raw:        rawOf(item),
	}
}

// rawOf returns the object's bytes as they came. Only indentation is taken out: a vendor that indents does
// so differently in lists and alone, and the same object must be the same bytes.
func rawOf(item gjson.Result) []byte {
	raw := []byte(strings.TrimSpace(item.Raw))
	if bytes.IndexByte(raw, '\n') < 0 {
		return raw
	}
	var flat bytes.Buffer
	if json.Compact(&flat, raw) != nil {
		return raw
	}
	return flat.Bytes()
}

func (p *pull) reject(item gjson.Result) {
	p.page.Rejects = append(p.page.Rejects, canon.DeadLetter{
		Code: "record.no_id", Path: p.st.ID, Raw: []byte(item.Raw), OccurredAt: p.now, RecordedAt: p.now,
		Reason: "The object has no id at " + p.st.ID + ", so it cannot be told from others.",
		Hint:   "Look at the object at the vendor; nothing else of the page was lost.",
	})
}
