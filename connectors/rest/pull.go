package rest

import (
	"context"
	"strconv"
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
	// loc is where the vendor's days begin, nil where it searches by the moment.
	loc  *time.Location
	page connectors.Page
	// lent says that records are made whose bytes are still those of the answer, answers which ones those are.
	lent    bool
	answers []Answer
	// notes are what was seen of the page's records, in their order; none where they were fetched by id.
	notes []note
	// whole says that the round that ends with this page was a sweep to its end.
	whole bool
}

// Pull reads the page at from. Besides the codes of HTTP (auth.denied, auth.forbidden, not_found,
// rate.limited, vendor.unavailable, net.unreachable, request.refused) it fails with stream.unknown,
// cursor.invalid, page.loop, page.too_large, page.not_json, page.not_csv, page.shape, page.foreign_url,
// page.cap, job.no_id, job.failed and settings.timezone. The records of a page share one piece of memory: who keeps
// a few of many for long keeps copies.
func (c *Conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	page, err := c.pull(ctx, stream, from)
	if err != nil {
		return connectors.Page{}, plain(err)
	}
	return page, nil
}

func (c *Conn) pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	p, err := c.startPull(stream)
	if err != nil {
		return connectors.Page{}, err
	}
	if p.cur, err = readCursor(from); err != nil {
		return connectors.Page{}, err
	}
	if p.cur.Phase == "" {
		p.cur.begin(p.st, p.now, p.loc)
	}
	if _, given := connectors.PriorityOf(ctx); !given {
		ctx = connectors.WithPriority(ctx, p.priority())
	}
	sweep := p.sweep()
	if err := p.read(ctx); err != nil {
		return connectors.Page{}, err
	}
	if p.cur.Sweep || !p.page.More && p.whole {
		p.page.Sweep = sweep
	}
	if p.page.Next, err = p.cur.write(); err != nil {
		return connectors.Page{}, err
	}
	// Only now is nothing left that could point into an answer. After an error they are left to the collector.
	for _, a := range p.answers {
		c.client.giveBack(a)
	}
	return p.page, nil
}

// startPull prepares to read a stream.
func (c *Conn) startPull(stream string) (*pull, error) {
	st := c.spec.stream(stream)
	if st == nil {
		return nil, canon.Errorf("stream.unknown", "connector %s has no stream %q", c.spec.name, stream).
			WithHint("The streams are listed on the connector's page.")
	}
	p := &pull{conn: c, st: st, now: c.now().UTC()}
	var err error
	if st.Changes != nil && st.Changes.Granularity == "day" {
		p.loc, err = c.timezone(st.Changes.Timezone)
	}
	return p, err
}

// timezone finds where the account's days begin.
func (c *Conn) timezone(zone string) (*time.Location, error) {
	name := or(c.scope("", cursor{}).expand(zone, nil), "UTC")
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, canon.Errorf("settings.timezone", "the time zone %q is unknown", name).
			WithHint("Write it as in Europe/Berlin, as the account at the vendor has it.")
	}
	return loc, nil
}

// priority is that of a call whose caller has none in mind: listing everything can wait.
func (p *pull) priority() connectors.Priority {
	if p.cur.Phase == phaseFull && (p.cur.Mark == 0 || p.st.Changes == nil || p.st.Changes.Mode != "continue") {
		return connectors.PriorityBackfill
	}
	return connectors.PriorityIncremental
}

// sweep is what marks the pages of a round by which missing records are found.
func (p *pull) sweep() *canon.Sweep {
	if !p.cur.Sweep {
		return nil
	}
	s := &canon.Sweep{Round: strconv.FormatInt(p.cur.Start, 10), Guard: 0.05}
	if g := p.st.Sweep.Guard; g != nil {
		s.Guard = *g
	}
	return s
}

// feed returns what the cursor stands in.
func (p *pull) feed() Feed {
	feed := p.st.Full
	switch changing := p.cur.Phase == phaseChanges || p.cur.Phase == phaseDelayed; {
	case p.cur.Phase == phaseArchived && p.st.Archived != nil:
		feed = p.st.Archived.Feed
	case changing && p.st.Changes != nil:
		feed = p.st.Changes.Feed
		if feed.Reset == nil {
			feed.Reset = p.st.Changes.Reset
		}
	}
	if p.cur.Tie > 0 && feed.Reset != nil && feed.Reset.Ties != nil {
		reset := feed.Reset
		feed = *reset.Ties
		feed.Reset = reset
	}
	return feed
}

func (p *pull) scope() *scope {
	sc := p.conn.scope(p.st.Name, p.cur)
	sc.loc = p.loc
	if p.cur.Part != nil && p.st.Partitions != nil {
		sc.part = map[string]string{p.st.Partitions.As: p.cur.Part.Value}
	}
	return sc
}

// asking is the scope of requests about records, not about pages.
func (p *pull) asking() *scope {
	sc := p.scope()
	sc.token, sc.lastID, sc.lastKey = "", "", ""
	return sc
}

func (p *pull) read(ctx context.Context) error {
	if p.st.Partitions != nil {
		if some, err := p.enterPartition(ctx); err != nil || !some {
			p.page.More = err == nil && p.nextPhase()
			return err
		}
	}
	feed := p.feed()
	f, ready, err := p.fetch(ctx, feed)
	if isRestart(err) && p.cur.Token != "" {
		p.cur.restart()
		p.cur.Seen = nil
		f, ready, err = p.fetch(ctx, feed)
	}
	if err != nil {
		return err
	}
	if !ready {
		p.page.More = true
		return nil
	}
	if f.skipped {
		p.cur.Sweep = false
	}
	if p.st.Changes != nil && p.st.Changes.Events != nil && (p.cur.Phase == phaseChanges || p.cur.Phase == phaseDelayed) {
		if err := p.events(ctx, f.items); err != nil {
			return err
		}
	} else {
		p.records(f.items, feed.Enrich)
		if len(feed.Enrich) == 0 || len(p.page.Records) == 0 {
			p.keep()
		} else if err := p.enrich(ctx, feed.Enrich); err != nil {
			return err
		}
	}
	p.finish()
	if feed.Total != "" && p.cur.Total == 0 {
		p.cur.Total = f.body.get(feed.Total).Int()
	}
	p.page.Total = p.cur.Total
	if r := feed.Reset; r != nil && r.By != "id" {
		return p.turn(f, feed, r)
	}
	return p.turnPage(f, feed)
}

// finish adds what the records tell of others, once they are whole.
func (p *pull) finish() {
	if p.st.Partitions != nil && p.st.Partitions.Member != "" {
		p.addPartition()
	}
	if p.st.Merged != nil {
		p.mergedAway()
	}
	p.leaveTold()
}

// fetch reads one page of the feed. ready is false where the vendor still prepares it.
func (p *pull) fetch(ctx context.Context, feed Feed) (f fetched, ready bool, err error) {
	if feed.Job != nil {
		return p.fetchJob(ctx, feed)
	}
	sc := p.scope()
	sc.lend = true
	if feed.Paging.Kind == "keyset" {
		sc.lastKey = p.cur.Token
	}
	name, parts, err := p.conn.chunks(ctx, feed.Request)
	if err != nil {
		return fetched{}, false, err
	}
	if len(parts) > 0 {
		sc.lists[name] = parts[0]
	}
	r := feed.Request
	if feed.Paging.isURL() && p.cur.Token != "" {
		r.Path, r.Query, r.First = p.cur.Token, nil, nil
	}
	answer, err := p.sendPage(ctx, r, sc, feed)
	if err != nil {
		return fetched{}, false, err
	}
	f = fetched{header: answer.Header, base: p.conn.client.base, skipped: answer.Status >= 400}
	p.answers = append(p.answers, answer)
	if f.body.Result, err = parseBody(feed.Format, answer.Body); err != nil {
		return fetched{}, false, err
	}
	if err := p.items(&f, feed, feed.Request.Path); err != nil {
		return fetched{}, false, err
	}
	if len(parts) > 1 && len(f.items) > 0 {
		return f, true, p.chunked(ctx, feed, &f, name, parts[1:])
	}
	return f, true, nil
}

// sendPage asks for a page; a URL that the vendor told is taken as it is.
func (p *pull) sendPage(ctx context.Context, r Request, sc *scope, feed Feed) (Answer, error) {
	any := feed.Format != "" && feed.Format != "json"
	if !feed.Paging.isURL() || p.cur.Token == "" {
		return p.conn.send(ctx, r, sc, any)
	}
	target := r.Path
	r.Path = "/"
	call, err := p.conn.render(ctx, r, sc)
	if err != nil {
		return Answer{}, err
	}
	call.Path, call.Any, call.lend = target, any, sc.lend
	return p.conn.client.do(ctx, call)
}

// items takes the list out of the body.
func (p *pull) items(f *fetched, feed Feed, path string) error {
	list := f.body.Result
	if len(feed.Records) > 0 {
		f.body = readMembers(f.body.Result, feed.Records[0])
	}
	for _, at := range feed.Records {
		if at == "" {
			break
		}
		if list = f.body.get(at); list.Exists() && list.Type != gjson.Null {
			break
		}
	}
	switch {
	case list.IsArray():
		f.items = f.body.array(list)
	case list.Type == gjson.Null && (list.Exists() || f.body.Raw == "{}"):
	default:
		return canon.Errorf("page.shape", "the answer of %s holds no list at %q", path, or(strings.Join(feed.Records, " or "), "@this")).
			WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
	}
	f.count = len(f.items)
	f.keys(p.keyPaths(feed))
	f.items = feed.or(p.st.Shape).apply(f.items)
	return nil
}

// keyPaths are where the items as listed tell their ids, and what the list is sorted by.
func (p *pull) keyPaths(feed Feed) (id, key string) {
	id, key = p.st.ID, p.st.ID
	switch {
	case feed.Paging.Path != "":
		key = feed.Paging.Path
	case feed.Reset != nil && feed.Reset.Path != "" && feed.Reset.By == "id":
		key = feed.Reset.Path
	}
	if wrap := feed.or(p.st.Shape).Unwrap; wrap != "" {
		return wrap + "." + id, wrap + "." + key
	}
	return id, key
}

// turnPage moves the cursor behind the page.
func (p *pull) turnPage(f fetched, feed Feed) error {
	if feed.Paging.Dedupe {
		p.dedupe(len(f.items) > 0)
	}
	token, more := "", false
	if feed.Job != nil && feed.Job.Locator != "" {
		token = jobNext(feed.Job, f)
		more = token != ""
	} else {
		token, more = feed.Paging.next(f, p.cur.Token, p.now)
	}
	if !more {
		// A stream that goes on from its last token keeps the old one where the vendor tells no new one.
		if p.st.Changes != nil && p.st.Changes.Mode == "continue" && token != "" {
			p.cur.Token = token
		}
		p.page.More = p.advance()
		return nil
	}
	p.page.More = true
	p.cur.Pages++
	p.cur.Count += f.count
	if feed.Reset != nil && feed.Reset.due(feed.Paging, p.cur) {
		return p.restartByID(f)
	}
	if token == "" || p.cur.Guard.repeats(feed.Paging.signature(f, token)) {
		return loopError(p.st.Name)
	}
	p.cur.Token = token
	return nil
}

// advance leaves a list that was read to its end, and reports whether the round goes on.
func (p *pull) advance() bool {
	return p.cur.nextPiece(p.st, p.loc) || p.nextPartition() || p.nextPhase()
}

func (p *pull) nextPhase() bool {
	p.whole = p.cur.Sweep
	return p.cur.nextPhase(p.st, p.loc)
}
