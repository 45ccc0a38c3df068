package rt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// staffLife is how long the list of privileged users is used before it is read again.
const staffLife = 10 * time.Minute

// Pull reads the page at from. Request Tracker writes the members of an object and its custom fields in another
// order each time, and lists users with other members than it shows one alone; both are made the same.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	page, err := c.Conn.Pull(ctx, stream, from)
	if err != nil {
		return page, err
	}
	if stream == "tickets" && page.Sweep == nil {
		if err := c.absorbed(ctx, &page); err != nil {
			return connectors.Page{}, err
		}
	}
	var staff map[string]bool
	if stream == "users" && len(page.Records) > 0 {
		if staff, err = c.privileged(ctx); err != nil {
			return connectors.Page{}, err
		}
	}
	for i, rec := range page.Records {
		members, err := object(rec.Raw)
		if err != nil {
			continue // a tombstone without an object
		}
		if rec.Deleted && members["type"] == "transaction" {
			page.Records[i].Raw = nil // it tells that the ticket is gone, not what it was
			continue
		}
		if stream == "users" && !rec.Deleted {
			members = userMembers(members)
			members["Privileged"] = staff[rec.ID]
		}
		if page.Records[i].Raw, err = steady(members); err != nil {
			return connectors.Page{}, err
		}
	}
	return page, nil
}

// absorbed adds tombstones of the tickets that became part of those on a page of changes: merging moves the
// winner's time of change alone. A full list has them already.
func (c *conn) absorbed(ctx context.Context, page *connectors.Page) error {
	here, winners := map[string]canon.Record{}, []string{}
	for _, rec := range page.Records {
		here[rec.ID] = rec
		if !rec.Deleted {
			winners = append(winners, rec.ID)
		}
	}
	for chunk := range slices.Chunk(winners, batchSize) {
		losers, err := c.list(ctx, "/REST/2.0/tickets", url.Values{"fields": {"id,EffectiveId"},
			"query": {"EffectiveId != id AND (EffectiveId = " + strings.Join(chunk, " OR EffectiveId = ") + ")"}})
		if err != nil {
			return err
		}
		for _, l := range losers {
			winner, ok := here[l.Into.String()]
			if _, told := here[l.ID.String()]; told || !ok {
				continue
			}
			page.Records = append(page.Records, canon.Record{
				Ref:     canon.Ref{Connection: winner.Connection, Stream: winner.Stream, ID: l.ID.String()},
				Version: winner.Version, ObservedAt: winner.ObservedAt, Deleted: true, Reason: "merged", Into: winner.ID,
			})
		}
	}
	return nil
}

// object reads an object with its numbers as they are written.
func object(raw []byte) (map[string]any, error) {
	var members map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, errors.New("null is no object")
	}
	return members, nil
}

// userMembers keeps what both the list and the single user have, without what is empty.
func userMembers(in map[string]any) map[string]any {
	out := map[string]any{}
	for _, name := range []string{"id", "Name", "EmailAddress", "RealName", "NickName", "Organization", "WorkPhone", "MobilePhone",
		"Country", "Lang", "Created", "LastUpdated", "CustomFields"} {
		if v, ok := in[name]; ok && v != nil && v != "" {
			out[name] = v
		}
	}
	return out
}

// steady writes members in the order of their names and custom fields in that of their ids. Fields without a
// value are left out: else a new field would change every record.
func steady(members map[string]any) (json.RawMessage, error) {
	fields, _ := members["CustomFields"].([]any)
	fields = slices.DeleteFunc(fields, func(v any) bool {
		m, _ := v.(map[string]any)
		values, _ := m["values"].([]any)
		return len(values) == 0
	})
	slices.SortStableFunc(fields, func(a, b any) int { return cmp.Compare(fieldID(a), fieldID(b)) })
	delete(members, "CustomFields")
	if len(fields) > 0 {
		members["CustomFields"] = fields
	}
	b, err := json.Marshal(members)
	if err != nil {
		return nil, canon.Errorf("page.shape", "a record cannot be written as JSON: %w", err).
			WithHint("Request Tracker's API may have changed, or base_url leads elsewhere.")
	}
	return b, nil
}

func fieldID(v any) int {
	m, _ := v.(map[string]any)
	n, err := strconv.Atoi(fmt.Sprint(m["id"]))
	if err != nil {
		return 0
	}
	return n
}

// privileged returns the ids of the users who are staff: the members of the system's group Privileged.
func (c *conn) privileged(ctx context.Context) (map[string]bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.staff != nil && time.Since(c.staffAt) < staffLife {
		return c.staff, nil
	}
	group, err := c.list(ctx, "/REST/2.0/groups", url.Values{
		"query": {`[{"field":"Domain","value":"SystemInternal"},{"field":"Name","value":"Privileged"}]`}, "fields": {"id,Name"}})
	if err != nil {
		return nil, err
	}
	if len(group) != 1 {
		return nil, canon.Errorf("auth.forbidden", "Request Tracker does not show the group of privileged users").
			WithHint("Give Hub's user the right SeeGroup: without it Hub cannot tell customers from staff.")
	}
	members, err := c.list(ctx, "/REST/2.0/group/"+group[0].ID.String()+"/members", url.Values{"users": {"1"}, "groups": {"0"}})
	if err != nil {
		return nil, err
	}
	staff := map[string]bool{}
	for _, m := range members {
		staff[m.ID.String()] = true
	}
	c.staff, c.staffAt = staff, time.Now()
	return staff, nil
}

// item is an element of a list. Ids come as numbers and as texts.
type item struct {
	ID           anyID
	Into         anyID `json:"EffectiveId"`
	Name         string
	CustomFields customFields
}

// anyID reads a number or a text.
type anyID string

func (id *anyID) UnmarshalJSON(b []byte) error {
	*id = anyID(bytes.Trim(b, `"`))
	return nil
}

func (id anyID) String() string { return string(id) }

// maxLists bounds the pages of a list that is read at once.
const maxLists = 1000

// list reads all pages of a list, up to an empty one.
func (c *conn) list(ctx context.Context, path string, query url.Values) ([]item, error) {
	var out []item
	seen := map[string]bool{}
	query.Set("per_page", "100")
	query.Set("orderby", "id")
	for n := range maxLists {
		query.Set("page", strconv.Itoa(n+1))
		answer, err := c.Do(ctx, rest.Call{Method: http.MethodGet, Path: path, Query: query})
		if err != nil {
			return nil, err
		}
		var page struct{ Items []item }
		if err := decode(path, answer.Body, &page); err != nil {
			return nil, err
		}
		fresh := 0
		for _, it := range page.Items {
			if !seen[it.ID.String()] {
				seen[it.ID.String()] = true
				out = append(out, it)
				fresh++
			}
		}
		if fresh == 0 || len(page.Items) < 100 {
			break
		}
	}
	return out, nil
}
