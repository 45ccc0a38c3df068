package customerio

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Pull reads a page. Messages get the list of what happened to them.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	p, err := c.Conn.Pull(ctx, stream, from)
	if err != nil {
		return connectors.Page{}, err
	}
	return complete(stream, p)
}

// Fetch reads single records, in the same shape.
func (c *conn) Fetch(ctx context.Context, stream string, ids []string) (connectors.Page, error) {
	p, err := c.Conn.Fetch(ctx, stream, ids)
	if err != nil {
		return connectors.Page{}, err
	}
	return complete(stream, p)
}

func complete(stream string, p connectors.Page) (connectors.Page, error) {
	if stream == "customers" {
		return p, known(p)
	}
	for i, rec := range p.Records {
		if rec.Deleted {
			// Messages are not deleted. One that a call told of before the vendor's list knows it is decided by
			// the next round.
			p.Records[i].Version = 0
			continue
		}
		raw, err := withEvents(rec.Raw)
		if err != nil {
			return connectors.Page{}, canon.Errorf("page.shape", "message %s cannot be read: %w", rec.ID, err).
				WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
		}
		p.Records[i].Raw = raw
	}
	return p, nil
}

// fewPeople may all be gone between the list and the question; more than that are not.
const fewPeople = 10

// known refuses a page of people of whom the vendor tells nothing: their consent would be taken for unknown.
func known(p connectors.Page) error {
	people := 0
	for _, rec := range p.Records {
		if rec.Deleted {
			continue
		}
		var in struct {
			Profile struct {
				Known []json.RawMessage `json:"known"`
			} `json:"profile"`
		}
		if json.Unmarshal(rec.Raw, &in) != nil || len(in.Profile.Known) > 0 {
			return nil
		}
		people++
	}
	if people < fewPeople {
		return nil
	}
	return canon.Errorf("page.shape", "Customer.io tells the attributes of none of %d people", people).
		WithHint("Check that the App API key may read people. Otherwise the vendor's API may have changed.")
}

// event is one thing that happened to a message.
type event struct {
	What string `json:"what"`
	At   int64  `json:"at"`
}

// withEvents lists the metrics of a message in the order of their time. What is no time is left out.
func withEvents(raw json.RawMessage) (json.RawMessage, error) {
	var in struct {
		Metrics map[string]json.RawMessage `json:"metrics"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	events := []event{}
	for what, v := range in.Metrics {
		var at int64
		if json.Unmarshal(v, &at) == nil && at > 0 {
			events = append(events, event{what, at})
		}
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.What, b.What)) })
	list, err := json.Marshal(events)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	members["events"] = list
	return json.Marshal(members)
}
