package salesforce

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// fetchMost is the most ids of one Fetch that are read at once.
const fetchMost = 200

// Fetch reads records by id as they are now.
func (c *conn) Fetch(ctx context.Context, stream string, ids []string) (connectors.Page, error) {
	o, err := objectOf(stream)
	if err != nil {
		return connectors.Page{}, err
	}
	p := &pull{conn: c, object: o, now: c.now().UTC()}
	if p.shape, err = c.shape(ctx, o.name, false); err != nil {
		return connectors.Page{}, canon.AsError(err)
	}
	var whole []string
	for _, id := range ids {
		if id = long(id); isID(id) && !slices.Contains(whole, id) {
			whole = append(whole, id)
		}
	}
	for _, part := range chunks(whole, fetchMost) {
		if err := p.fetch(ctx, part); err != nil {
			return connectors.Page{}, canon.AsError(err)
		}
	}
	return p.page, nil
}

// fetch reads a few records; what is not there was deleted, merged, or is hidden from the user.
func (p *pull) fetch(ctx context.Context, ids []string) error {
	before := len(p.page.Records)
	err := p.living(ctx, ids)
	if canon.CodeOf(err) == "field.unknown" {
		if p.shape, err = p.conn.shape(ctx, p.shape.object, true); err == nil {
			err = p.living(ctx, ids)
		}
	}
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, rec := range p.page.Records[before:] {
		have[rec.ID] = true
	}
	when, gone := map[string]int64{}, []string{}
	for _, id := range ids {
		if !have[id] {
			gone = append(gone, id)
			when[id] = p.now.UnixMicro()
		}
	}
	return p.graves(ctx, gone, when)
}

// Check asks for the org's limits, which every user with API access may read, and tells where the day's requests
// are used up.
func (c *conn) Check(ctx context.Context) error {
	answer, err := c.Do(ctx, rest.Call{Path: c.base + "/limits"})
	if err != nil {
		return err
	}
	var limits struct {
		Daily *struct {
			Max, Remaining int64
		} `json:"DailyApiRequests"`
	}
	if err := json.Unmarshal(answer.Body, &limits); err != nil {
		return canon.Errorf("page.shape", "the answer of %s/limits tells no limits", c.base).WithHint("Set instance_url to the org's own address.")
	}
	if d := limits.Daily; d != nil && d.Max > 0 && d.Remaining <= 0 {
		e := canon.Errorf("rate.daily", "the org's %d requests of the last 24 hours are used up", d.Max).
			WithHint("Hub goes on as the day moves on; sync less often, or buy more requests at Salesforce.")
		e.Retry = true
		return e
	}
	return nil
}
