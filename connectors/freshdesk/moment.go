package freshdesk

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// pageSize is how many tickets a page holds, pagesMost the last page that Freshdesk gives.
const pageSize, pagesMost = 100, 300

// conn reads tickets by the time of their last change. Where a bulk update gave one second more tickets than a
// page holds, a list that begins at that second never gets past it: that second is read by the number of the
// page, in one go.
type conn struct {
	*rest.Conn
	connection string
	now        func() time.Time
}

// Pull reads a page.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	p, err := c.Conn.Pull(ctx, stream, from)
	if stream == "tickets" && canon.CodeOf(err) == "page.cap" {
		return c.moment(ctx, from, err)
	}
	return p, err
}

// moment reads all tickets of the second at which the cursor stands, and goes on behind it.
func (c *conn) moment(ctx context.Context, from canon.Cursor, why error) (connectors.Page, error) {
	cur := map[string]json.RawMessage{}
	var since int64
	if json.Unmarshal([]byte(from), &cur) != nil || json.Unmarshal(cur["since"], &since) != nil || since <= 0 {
		return connectors.Page{}, why
	}
	second := time.UnixMicro(since).UTC().Truncate(time.Second)
	deleted := string(cur["phase"]) == `"archived"`
	page, err := c.readSecond(ctx, second, deleted)
	if err != nil {
		return connectors.Page{}, err
	}
	// The list goes on with the second after, from its first page.
	for _, member := range []string{"token", "count", "pages", "key", "tie", "guard", "seen", "seen_at"} {
		delete(cur, member)
	}
	cur["since"] = json.RawMessage(strconv.FormatInt(second.Add(time.Second).UnixMicro(), 10))
	next, err := json.Marshal(cur)
	page.Next, page.More = canon.Cursor(next), true
	if string(cur["sweep"]) == "true" {
		page.Sweep = c.sweepOf(cur)
	}
	return page, err
}

// sweepOf names the running round as the pages before did.
func (c *conn) sweepOf(cur map[string]json.RawMessage) *canon.Sweep {
	return &canon.Sweep{Round: string(cur["start"]), Guard: 0.05}
}

// readSecond lists the tickets that changed in one second.
func (c *conn) readSecond(ctx context.Context, second time.Time, deleted bool) (connectors.Page, error) {
	q := url.Values{"per_page": {strconv.Itoa(pageSize)}, "order_by": {"updated_at"}, "order_type": {"asc"}, "include": {"stats"},
		"updated_since": {second.Format(time.RFC3339)}}
	if deleted {
		q.Set("filter", "deleted")
	}
	var out connectors.Page
	seen := map[string]bool{}
	for n := 1; n <= pagesMost; n++ {
		q.Set("page", strconv.Itoa(n))
		answer, err := c.Do(ctx, rest.Call{Path: "/api/v2/tickets", Query: q, Budget: "tickets"})
		if err != nil {
			return connectors.Page{}, err
		}
		var rows []json.RawMessage
		if err := json.Unmarshal(answer.Body, &rows); err != nil {
			return connectors.Page{}, canon.Errorf("page.shape", "the answer of /api/v2/tickets holds no list at \"@this\"").
				WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
		}
		fresh, past := false, len(rows) < pageSize
		for _, raw := range rows {
			rec, at, ok := c.ticket(raw, deleted)
			past = past || at.After(second.Add(time.Second-1))
			if !ok || seen[rec.ID] {
				continue
			}
			seen[rec.ID], fresh = true, true
			if !at.Before(second) && at.Before(second.Add(time.Second)) {
				out.Records = append(out.Records, rec)
			}
		}
		if past {
			return out, nil
		}
		if !fresh {
			return connectors.Page{}, canon.Errorf("page.loop", "the vendor's pages of tickets lead in a circle: a page holds what was read before").
				WithHint("This is a fault at the vendor; the round was ended so that it cannot run for ever. Try again later.")
		}
	}
	return connectors.Page{}, canon.Errorf("page.cap", "more than %d tickets share the moment %s", pageSize*pagesMost, second.Format(time.RFC3339)).
		WithHint("Freshdesk lists no more at once. Changing some of them in Freshdesk gives those another moment.")
}

// ticket makes a record of a ticket, with the time of its last change. One without an id was told by the page
// that led here.
func (c *conn) ticket(raw json.RawMessage, deleted bool) (canon.Record, time.Time, bool) {
	var in struct {
		ID      json.Number `json:"id"`
		Updated time.Time   `json:"updated_at"`
		Deleted bool        `json:"deleted"`
	}
	if json.Unmarshal(raw, &in) != nil || in.ID == "" {
		return canon.Record{}, time.Time{}, false
	}
	rec := canon.Record{Ref: canon.Ref{Connection: c.connection, Stream: "tickets", ID: in.ID.String()},
		Version: in.Updated.UnixMicro(), ObservedAt: c.now().UTC(), Raw: raw}
	if deleted || in.Deleted {
		rec.Deleted, rec.Reason = true, "deleted"
	}
	return rec, in.Updated.UTC(), true
}
