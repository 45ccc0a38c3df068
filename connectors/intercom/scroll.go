package intercom

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// restartsMost is how often a round begins its scroll anew before an operator is told.
const restartsMost = 5

// conn reads companies by the scroll. A scroll moves on with every request, wherever its answer goes, so a
// page can be asked for only once: the last one is kept for whoever asks again, and where that is not enough
// (another process, a lost answer, a minute of silence) the scroll begins anew. The round stays the same
// then, as all that it saw was there.
type conn struct {
	*rest.Conn
	connection string
	now        func() time.Time

	mu sync.Mutex
	// at is the cursor that the open scroll goes on from, asked the one before, with the page that it gave.
	at, asked canon.Cursor
	page      connectors.Page
	// tired is the cursor at which an operator was told.
	tired canon.Cursor
}

// place is what a cursor holds: the scroll and how many pages it gave, the round, how often its scroll began
// anew, and what the last page held.
type place struct {
	Scroll   string `json:"scroll,omitempty"`
	Page     int    `json:"page,omitempty"`
	Round    int64  `json:"round,omitempty"`
	Restarts int    `json:"restarts,omitempty"`
	Last     string `json:"last,omitempty"`
}

// Pull reads a page. Besides the codes of rest.Conn's it fails with scroll.busy and scroll.lost.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	if stream != "companies" {
		return c.Conn.Pull(ctx, stream, from)
	}
	var p place
	if from != "" {
		if err := json.Unmarshal([]byte(from), &p); err != nil {
			return connectors.Page{}, canon.Errorf("cursor.invalid", "the stream's cursor cannot be read: %w", err).
				WithHint("Reset the stream to read it from the beginning.")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case p.Scroll == "":
	case from == c.asked:
		return c.page, nil
	case from != c.at:
		return c.restart(from, p)
	}
	if p.Round == 0 {
		p.Round = c.now().UnixMicro()
	}
	answer, err := c.Do(context.WithValue(ctx, attemptsKey{}, new(int)), scrollCall(p.Scroll))
	if err != nil {
		if code := canon.CodeOf(err); p.Scroll != "" && (code == "not_found" || code == "vendor.unavailable" || code == "net.unreachable") {
			return c.restart(from, p)
		}
		return connectors.Page{}, err
	}
	page, err := c.turn(p, answer.Body)
	if err != nil {
		return connectors.Page{}, err
	}
	c.asked, c.at, c.page = from, page.Next, page
	return page, nil
}

// restart gives up the scroll; the next call opens another one.
func (c *conn) restart(from canon.Cursor, p place) (connectors.Page, error) {
	c.at, c.asked, c.page = "", "", connectors.Page{}
	if p.Restarts++; p.Restarts > restartsMost {
		if c.tired != from {
			c.tired = from
			e := canon.Errorf("scroll.lost", "the scroll over the companies was lost %d times in one round", restartsMost)
			e.Retry = true
			return connectors.Page{}, e.WithHint("Hub tries again later. Another app may be using the workspace's one scroll, or Hub takes more than a minute for a page.")
		}
		p.Restarts, c.tired = 0, ""
	}
	page := connectors.Page{More: true, Sweep: p.sweep()}
	var err error
	page.Next, err = place{Round: p.Round, Restarts: p.Restarts}.cursor()
	return page, err
}

func (p place) cursor() (canon.Cursor, error) {
	b, err := json.Marshal(p)
	return canon.Cursor(b), err
}

// sweep marks every page: the list is full in each round.
func (p place) sweep() *canon.Sweep {
	return &canon.Sweep{Round: strconv.FormatInt(p.Round, 10), Guard: 0.05}
}

// turn makes a page of an answer, with the place behind it.
func (c *conn) turn(p place, body []byte) (connectors.Page, error) {
	var in struct {
		Data   []json.RawMessage `json:"data"`
		Scroll string            `json:"scroll_param"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Data == nil {
		return connectors.Page{}, canon.Errorf("page.shape", "the answer of /companies/scroll holds no list at \"data\"").
			WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
	}
	page := connectors.Page{Sweep: p.sweep()}
	var ids strings.Builder
	for _, raw := range in.Data {
		c.take(&page, raw, &ids)
	}
	next, err := place{}, error(nil)
	if len(in.Data) > 0 && in.Scroll != "" {
		page.More = true
		next = place{Scroll: in.Scroll, Page: p.Page + 1, Round: p.Round, Restarts: p.Restarts, Last: canon.Hash([]byte(ids.String()))[:16]}
		if next.Last == p.Last {
			return connectors.Page{}, canon.Errorf("page.loop", "the scroll over the companies gives the same page again and again").
				WithHint("This is a fault at the vendor; the round was ended so that it cannot run for ever. Try again later.")
		}
	}
	page.Next, err = next.cursor()
	return page, err
}

// take makes a record of a company, or a reject where it has no id.
func (c *conn) take(page *connectors.Page, raw json.RawMessage, ids *strings.Builder) {
	now := c.now().UTC()
	var in struct {
		ID      string          `json:"id"`
		Updated json.RawMessage `json:"updated_at"`
	}
	if err := json.Unmarshal(raw, &in); err != nil || in.ID == "" {
		page.Rejects = append(page.Rejects, canon.DeadLetter{
			Code: "record.no_id", Path: "id", Raw: raw, OccurredAt: now, RecordedAt: now,
			Reason: "The object has no id at id, so it cannot be told from others.",
			Hint:   "Look at the object at the vendor; nothing else of the page was lost.",
		})
		return
	}
	ids.WriteString(in.ID)
	ids.WriteByte(0)
	page.Records = append(page.Records, canon.Record{
		Ref:     canon.Ref{Connection: c.connection, Stream: "companies", ID: in.ID},
		Version: versionOf(string(in.Updated)), ObservedAt: now, Raw: raw,
	})
}

// versionOf reads unix seconds; what is none orders nothing.
func versionOf(updated string) int64 {
	const year2200 = 7258118400
	n, err := strconv.ParseInt(strings.Trim(updated, `"`), 10, 64)
	if err != nil || n < 0 || n > year2200 {
		return 0
	}
	return n * 1e6
}
