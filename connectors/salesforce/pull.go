package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// pull is one call of Pull.
type pull struct {
	conn   *conn
	object object
	shape  shape
	cur    cursor
	now    time.Time
	page   connectors.Page
}

// Pull reads the page at from. Besides the errors of connectors/rest it fails with object.missing, where the org
// has no such object, and rate.daily.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	o, err := objectOf(stream)
	if err != nil {
		return connectors.Page{}, err
	}
	cur, err := readCursor(from)
	if err != nil {
		return connectors.Page{}, err
	}
	p := &pull{conn: c, object: o, cur: cur, now: c.now().UTC()}
	if p.shape, err = c.shape(ctx, o.name, cur.Phase == ""); err != nil {
		return connectors.Page{}, canon.AsError(err)
	}
	if cur.Phase == "" {
		if err := p.begin(ctx); err != nil {
			return connectors.Page{}, canon.AsError(err)
		}
	}
	sweep := p.cur.Sweep
	if err := p.read(ctx); err != nil {
		return connectors.Page{}, canon.AsError(err)
	}
	// All pages of the round carry it, also those of what follows the list: missing records are found with the last.
	if sweep != "" {
		p.page.Sweep = &canon.Sweep{Round: sweep, Guard: guarded}
	}
	if p.page.Next, err = p.cur.write(); err != nil {
		return connectors.Page{}, canon.AsError(err)
	}
	return p.page, nil
}

// begin starts a round: a full one at first, where the columns are others than before, where deletions lie too far
// back to be told, and from time to time; else one of what was modified.
func (p *pull) begin(ctx context.Context) error {
	was := p.cur
	p.cur = cursor{Start: p.now.UnixMicro(), Mark: was.Mark, Full: was.Full, Fields: p.shape.hash, Logged: was.Logged}
	why := ""
	switch {
	case was.Mark == 0:
		p.cur.full(p.now)
		p.cur.Logged = p.cur.Start
		return p.chooseJob(ctx)
	case was.Fields != p.shape.hash:
		why = "its fields have changed"
	case p.shape.bin && p.now.Sub(time.UnixMicro(was.Mark)) > horizon:
		why = "the last round is so long ago that Salesforce does not tell all deletions since"
	case p.now.Sub(time.UnixMicro(was.Full)) >= p.conn.fullEvery:
		why = "it is time to look for what changed without a trace"
	}
	if why == "" {
		p.cur.enter(phaseChanges)
		return nil
	}
	p.conn.log.Info("reading everything again", "stream", p.object.stream, "because", why)
	p.cur.full(p.now)
	p.cur.Logged = p.cur.Start
	return p.chooseJob(ctx)
}

func (p *pull) read(ctx context.Context) error {
	switch p.cur.Phase {
	case phaseFull, phaseChanges:
		return p.list(ctx)
	case phaseJob:
		return p.job(ctx)
	case phaseRelated:
		return p.touched(ctx)
	case phaseBin:
		return p.bin(ctx)
	case phaseLog:
		return p.deletions(ctx)
	}
	return canon.Errorf("cursor.invalid", "the stream's cursor names the phase %q, which there is not", p.cur.Phase).
		WithHint("Reset the stream to read it from the beginning.")
}

// list reads a page of everything, or of what was modified, in the order of modification. A result that Salesforce
// no longer holds is asked for again from the last modification time on.
func (p *pull) list(ctx context.Context) error {
	a, rest, err := p.turn(ctx, p.listing)
	if err != nil {
		return err
	}
	var rows []row
	for _, raw := range a.Records {
		r, ok := p.shape.restRow(raw)
		if !ok || r.text("Id") == "" {
			p.reject(raw)
			continue
		}
		rows = append(rows, r)
		p.cur.Last, p.cur.LastID = max(p.cur.Last, r.micros("SystemModstamp")), long(r.text("Id"))
	}
	if rows, err = p.complete(ctx, rows, rest); err != nil {
		return err
	}
	if err := p.tell(ctx, rows); err != nil {
		return err
	}
	return p.onward(a)
}

// listing writes the query of the running phase, and tells the columns that did not fit into it.
func (p *pull) listing() (q question, rest []string) {
	where := ""
	switch {
	case p.cur.Last > 0 && isID(p.cur.LastID):
		// By time and id, so that it goes on even where a whole page was modified at once.
		at := moment(p.cur.Last)
		where = " WHERE SystemModstamp > " + at + " OR (SystemModstamp = " + at + " AND Id > '" + p.cur.LastID + "')"
	case p.cur.Phase == phaseChanges:
		where = " WHERE SystemModstamp >= " + moment(p.cur.since())
	}
	around := fmt.Sprintf("SELECT  FROM %s%s ORDER BY SystemModstamp ASC, Id ASC", p.shape.object, where)
	first, rest := p.shape.split(around)
	soql := strings.Replace(around, "SELECT ", "SELECT "+strings.Join(first, ","), 1)
	return question{object: p.shape.object, soql: soql}, rest
}

// turn asks for the next page of a query, which is written anew where that helps: with the columns that there are
// now, or from the last row on where the result has expired.
func (p *pull) turn(ctx context.Context, write func() (question, []string)) (answered, []string, error) {
	q, rest := write()
	q.token = p.cur.Token
	a, err := p.conn.query(ctx, q)
	switch canon.CodeOf(err) {
	case "page.expired":
		p.conn.log.Info("the result has expired; going on from the last row", "stream", p.object.stream)
		p.cur.Token, p.cur.Guard = "", guard{}
	case "field.unknown":
		if p.shape, err = p.conn.shape(ctx, p.shape.object, true); err != nil {
			return a, nil, err
		}
	default:
		return a, rest, err
	}
	q, rest = write()
	q.token = p.cur.Token
	a, err = p.conn.query(ctx, q)
	return a, rest, err
}

// onward moves the cursor behind a page of a query's result.
func (p *pull) onward(a answered) error {
	if p.cur.Total == 0 && (p.cur.Phase == phaseFull || p.cur.Phase == phaseChanges) {
		p.cur.Total = a.TotalSize
	}
	p.page.Total = p.cur.Total
	if a.Done {
		p.advance()
		return nil
	}
	next, err := url.Parse(a.Next)
	if err != nil || next.Host != "" {
		return canon.Errorf("page.foreign_url", "Salesforce's next page of %s is at another host; it was not fetched", p.shape.object).
			WithHint("Set instance_url to the org's own address.")
	}
	if p.cur.Guard.repeats(a.Next) {
		return circle(p.object.stream)
	}
	p.cur.Token, p.page.More = a.Next, true
	return nil
}

// advance leaves the phase that was read to its end.
func (p *pull) advance() {
	c := &p.cur
	first := c.Mark == 0
	p.page.More = true
	switch {
	case c.Phase == phaseChanges && len(p.object.related) > 0:
		c.enter(phaseRelated)
	case c.Phase != phaseBin && c.Phase != phaseLog && p.shape.bin && !first:
		c.enter(phaseBin)
	case c.Phase == phaseBin && p.shape.log && c.Start-c.Logged >= logEvery.Microseconds():
		c.enter(phaseLog)
	default:
		// Never past the round's start: what changed while it ran may or may not have been seen.
		p.cur = cursor{Mark: c.Start, Full: c.Full, Fields: c.Fields, Logged: c.Logged}
		p.page.More = false
	}
}

// complete reads the columns that did not fit into the query. A record that changed or went in between is left to
// the next round, which sees it in any case.
func (p *pull) complete(ctx context.Context, rows []row, rest []string) ([]row, error) {
	if len(rest) == 0 || len(rows) == 0 {
		return rows, nil
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.text("Id"))
	}
	more, err := p.conn.retrieve(ctx, p.shape.object, ids, append([]string{"Id"}, rest...))
	if err != nil {
		return nil, err
	}
	var out []row
	for _, r := range rows {
		r2, ok := p.shape.restRow(orNull(more[long(r.text("Id"))]))
		if !ok {
			continue
		}
		for name, v := range r2 {
			r[name] = v
		}
		out = append(out, r)
	}
	return out, nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage(null)
	}
	return raw
}

// tell adds rows to the page, with what is related to them, and with the currency of their amounts where the org has
// one only and does not tell it. An id that stands twice counts once, in its newest
// state.
func (p *pull) tell(ctx context.Context, rows []row) error {
	stamps, err := p.relate(ctx, rows)
	if err != nil {
		return err
	}
	at := map[string]int{}
	for _, r := range rows {
		if p.shape.money && r["CurrencyIsoCode"] == nil {
			r["CurrencyIsoCode"] = quote(p.conn.currency)
		}
		rec := p.record(r)
		rec.Version = max(rec.Version, stamps[rec.ID])
		if i, twice := at[rec.ID]; twice {
			if rec.Version >= p.page.Records[i].Version {
				p.page.Records[i] = rec
			}
			continue
		}
		at[rec.ID] = len(p.page.Records)
		p.page.Records = append(p.page.Records, rec)
	}
	return nil
}
