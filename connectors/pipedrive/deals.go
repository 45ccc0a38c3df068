package pipedrive

import (
	"context"
	"encoding/json"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// place is where a round of deals stands: in the list of those that are not archived, or in that of those that are.
type place struct {
	Archived bool `json:"archived,omitempty"`
	// Live and Kept are the two lists' own cursors.
	Live canon.Cursor `json:"live,omitempty"`
	Kept canon.Cursor `json:"kept,omitempty"`
	// Sweep is set while the round is a full list. It must then be one of both lists.
	Sweep *canon.Sweep `json:"sweep,omitempty"`
}

// pullDeals reads a page of the one list or of the other, as one stream.
func (c *conn) pullDeals(ctx context.Context, from canon.Cursor) (connectors.Page, error) {
	var at place
	if from != "" {
		if err := json.Unmarshal([]byte(from), &at); err != nil {
			return connectors.Page{}, canon.Errorf("cursor.invalid", "the stream's cursor cannot be read: %w", err).
				WithHint("Reset the stream to read it from the beginning.")
		}
	}
	read := c.pullLive
	if at.Archived {
		read = c.pullArchived
	}
	page, err := read(ctx, &at)
	if err != nil {
		return connectors.Page{}, err
	}
	next, err := json.Marshal(at)
	if err != nil {
		return connectors.Page{}, canon.Errorf("cursor.invalid", "the stream's cursor cannot be written: %w", err)
	}
	page.Next = canon.Cursor(next)
	return page, nil
}

func (c *conn) pullLive(ctx context.Context, at *place) (connectors.Page, error) {
	page, err := c.Conn.Pull(ctx, deals, at.Live)
	if err != nil {
		return connectors.Page{}, err
	}
	at.Live, at.Sweep = page.Next, page.Sweep
	if !page.More {
		at.Archived = true
		if at.Sweep != nil {
			at.Kept = ""
		}
	}
	page.More = true
	return page, nil
}

func (c *conn) pullArchived(ctx context.Context, at *place) (connectors.Page, error) {
	page, err := c.Conn.Pull(ctx, archived, at.Kept)
	if err != nil {
		return connectors.Page{}, err
	}
	for i := range page.Records {
		page.Records[i].Stream = deals
	}
	at.Kept, page.Sweep = page.Next, at.Sweep
	if !page.More {
		at.Archived, at.Sweep = false, nil
	}
	return page, nil
}
