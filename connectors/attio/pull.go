package attio

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const (
	// maxPage is the most that a query gives.
	maxPage = 500
	// sweepEvery is how often everything is listed: only so are changes and deletions found without webhooks.
	sweepEvery = time.Hour
	// New records may show late; so much is read again.
	overlap = 5 * time.Minute
	// guard is the largest share of what is held that may be found missing at once.
	guard = 0.05
	// maxTold is how many records of one moment are remembered.
	maxTold = 10000
)

// place is where a round stands: the list is sorted by the moment of creation, and each page begins at the moment
// of the last record seen.
type place struct {
	// Start is when the round began, zero between rounds; Mark is up to when new records are known.
	Start time.Time `json:"start,omitzero"`
	Mark  time.Time `json:"mark,omitzero"`
	// Swept is when the last full list began, Sweep says that the running round is one.
	Swept time.Time `json:"swept,omitzero"`
	Sweep bool      `json:"sweep,omitempty"`
	// Since is the moment that the page begins at, as the vendor writes it; Told are the records of that moment
	// that were told, and Offset how many to leave out, where more share it than a page holds.
	Since  string   `json:"since,omitempty"`
	Told   []string `json:"told,omitempty"`
	Offset int      `json:"offset,omitempty"`
}

// begin starts a round, where none runs.
func (p *place) begin(now time.Time) {
	if !p.Start.IsZero() {
		return
	}
	p.Start, p.Since, p.Told, p.Offset = now, "", nil, 0
	if p.Sweep = now.Sub(p.Swept) >= sweepEvery; p.Sweep {
		p.Swept = now
		return
	}
	p.Since = p.Mark.Add(-overlap).UTC().Format(time.RFC3339Nano)
}

// record is what the pages are put together by.
type record struct {
	ID struct {
		Record string `json:"record_id"`
	} `json:"id"`
	Created string `json:"created_at"`
}

func (c *conn) pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	var at place
	if from != "" {
		if err := json.Unmarshal([]byte(from), &at); err != nil {
			return connectors.Page{}, canon.Errorf("cursor.invalid", "the stream's cursor cannot be read: %w", err).
				WithHint("Reset the stream to read it from the beginning.")
		}
	}
	now := c.now().UTC()
	at.begin(now)
	if _, given := connectors.PriorityOf(ctx); !given {
		priority := connectors.PriorityIncremental
		if at.Sweep {
			priority = connectors.PriorityBackfill
		}
		ctx = connectors.WithPriority(ctx, priority)
	}
	items, on, err := c.query(ctx, stream, at)
	if err != nil {
		return connectors.Page{}, err
	}
	at.Sweep = at.Sweep && on
	var page connectors.Page
	if at.Sweep {
		page.Sweep = &canon.Sweep{Round: strconv.FormatInt(at.Start.UnixMicro(), 10), Guard: guard}
	}
	var listed []record
	for _, raw := range items {
		var r record
		if json.Unmarshal(raw, &r) != nil || r.ID.Record == "" {
			page.Rejects = append(page.Rejects, reject(raw, now))
			continue
		}
		listed = append(listed, r)
		if r.Created != at.Since || !slices.Contains(at.Told, r.ID.Record) {
			page.Records = append(page.Records, canon.Record{
				Ref: canon.Ref{Connection: c.connection, Stream: stream, ID: r.ID.Record}, ObservedAt: now, Raw: compact(raw),
			})
		}
	}
	if page.More = len(items) >= c.pageSize; page.More {
		if err := at.turn(stream, listed, len(items)); err != nil {
			return connectors.Page{}, err
		}
	} else {
		at = place{Mark: at.Start, Swept: at.Swept}
	}
	next, err := json.Marshal(at)
	if err != nil {
		return connectors.Page{}, canon.Errorf("cursor.invalid", "the stream's cursor cannot be written: %w", err)
	}
	page.Next = canon.Cursor(next)
	return page, nil
}

// turn moves on behind a full page.
func (p *place) turn(stream string, listed []record, count int) error {
	loop := canon.Errorf("page.loop", "the pages of stream %s lead in a circle", stream).
		WithHint("The vendor answered with the same page again. Nothing was lost; try again later.")
	if len(listed) == 0 {
		return loop
	}
	last := listed[len(listed)-1].Created
	if moment(last).Before(moment(p.Since)) || last == "" {
		return loop
	}
	if last != p.Since {
		p.Since, p.Told, p.Offset = last, nil, 0
	} else {
		p.Offset += count
	}
	told := len(p.Told)
	for _, r := range listed {
		if r.Created == last && !slices.Contains(p.Told, r.ID.Record) {
			p.Told = append(p.Told, r.ID.Record)
		}
	}
	if len(p.Told) == told || len(p.Told) > maxTold {
		return loop
	}
	return nil
}

func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// query asks for the page at a place. on is false where the object is switched off: nothing is known of its records.
func (c *conn) query(ctx context.Context, stream string, at place) (items []json.RawMessage, on bool, err error) {
	ask := map[string]any{"limit": c.pageSize, "sorts": []map[string]string{{"attribute": "created_at", "direction": "asc"}}}
	if at.Since != "" {
		ask["filter"] = map[string]any{"created_at": map[string]string{"$gte": at.Since}}
	}
	if at.Offset > 0 {
		ask["offset"] = at.Offset
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, false, canon.Errorf("request.invalid", "the query of stream %s cannot be written: %w", stream, err)
	}
	answer, err := c.Do(ctx, rest.Call{Method: "POST", Path: "/v2/objects/" + stream + "/records/query", Body: body, Idempotent: true})
	if err != nil {
		return nil, false, err
	}
	if answer.Status >= 400 {
		return nil, false, nil
	}
	var list struct {
		Data *[]json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(answer.Body, &list); err != nil || list.Data == nil {
		return nil, false, canon.Errorf("page.shape", "the answer of stream %s holds no list at \"data\"", stream).
			WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
	}
	return *list.Data, true, nil
}

// compact takes indentation out, so that a record is the same bytes in a list and alone.
func compact(raw json.RawMessage) json.RawMessage {
	var flat bytes.Buffer
	if json.Compact(&flat, raw) != nil {
		return raw
	}
	return flat.Bytes()
}

func reject(raw json.RawMessage, now time.Time) canon.DeadLetter {
	return canon.DeadLetter{
		Code: "record.no_id", Path: "id.record_id", Raw: raw, OccurredAt: now, RecordedAt: now,
		Reason: "The object has no id at id.record_id, so it cannot be told from others.",
		Hint:   "Look at the object at the vendor; nothing else of the page was lost.",
	}
}
