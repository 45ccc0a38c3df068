package rt

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// batchSize is how many tickets are written at once. Request Tracker has no limit of its own, but works on all
// of a request in one process.
const batchSize = 50

// customFields are the first values of custom fields, by name.
type customFields map[string]string

// UnmarshalJSON reads the list that Request Tracker gives; where an object has no custom fields, it is "".
func (f *customFields) UnmarshalJSON(b []byte) error {
	var list []struct {
		Name   string `json:"name"`
		Values []any  `json:"values"`
	}
	*f = customFields{}
	if json.Unmarshal(b, &list) != nil {
		return nil
	}
	for _, field := range list {
		(*f)[field.Name] = ""
		if len(field.Values) > 0 {
			(*f)[field.Name], _ = field.Values[0].(string)
		}
	}
	return nil
}

// BatchSize is the most records per call.
func (c *conn) BatchSize() int { return batchSize }

// Read returns the current values of custom fields by record id.
func (c *conn) Read(ctx context.Context, stream string, ids, fields []string) (map[string]map[string]string, error) {
	have, err := c.values(ctx, stream, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]map[string]string, len(have))
	for id, values := range have {
		out[id] = make(map[string]string, len(fields))
		for _, f := range fields {
			out[id][f] = values[f]
		}
	}
	return out, nil
}

// values returns all custom fields of the records that are there.
func (c *conn) values(ctx context.Context, stream string, ids []string) (map[string]customFields, error) {
	if err := writable(stream); err != nil {
		return nil, err
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		n, err := strconv.ParseUint(id, 10, 63)
		return err != nil || strconv.FormatUint(n, 10) != id
	})
	out := map[string]customFields{}
	if stream == "users" {
		for _, id := range ids {
			u, err := c.user(ctx, id)
			if canon.CodeOf(err) == "not_found" {
				continue
			}
			if err != nil {
				return nil, err
			}
			out[id] = u.CustomFields
		}
		return out, nil
	}
	for chunk := range slices.Chunk(ids, batchSize) {
		found, err := c.list(ctx, "/REST/2.0/tickets", url.Values{
			"query": {"id = " + strings.Join(chunk, " OR id = ")}, "fields": {"id,CustomFields"}})
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			out[t.ID.String()] = t.CustomFields
		}
	}
	return out, nil
}

func (c *conn) user(ctx context.Context, id string) (item, error) {
	path := "/REST/2.0/user/" + id
	answer, err := c.Do(ctx, rest.Call{Method: http.MethodGet, Path: path})
	if err != nil {
		return item{}, err
	}
	var u item
	return u, decode(path, answer.Body, &u)
}

// Push sets custom fields. Request Tracker answers 200 whatever became of them, and leaves out what it does not
// know or want; so the values are read again, and a write whose values are not there has failed.
func (c *conn) Push(ctx context.Context, stream string, writes []connectors.Write) ([]connectors.Outcome, error) {
	if err := writable(stream); err != nil {
		return nil, err
	}
	out := make([]connectors.Outcome, len(writes))
	for _, batch := range batches(writes) {
		for i := range batch {
			out[batch[i]].Ref = writes[batch[i]].Ref
		}
		said, err := c.put(ctx, stream, pick(writes, batch))
		if err != nil {
			return nil, err
		}
		ids := make([]string, 0, len(batch))
		for _, i := range batch {
			ids = append(ids, writes[i].Ref.ID)
		}
		now, err := c.values(ctx, stream, ids)
		if err != nil {
			return nil, err
		}
		for k, i := range batch {
			out[i].Err = c.judge(writes[i], now, said[k])
		}
	}
	return out, nil
}

// batches groups the writes' indices, no record twice in one: each is read again behind its batch.
func batches(writes []connectors.Write) [][]int {
	var out [][]int
	var ids map[string]bool
	for i, w := range writes {
		if ids == nil || len(out[len(out)-1]) == batchSize || ids[w.Ref.ID] {
			out = append(out, nil)
			ids = map[string]bool{}
		}
		ids[w.Ref.ID] = true
		out[len(out)-1] = append(out[len(out)-1], i)
	}
	return out
}

func pick(writes []connectors.Write, indices []int) []connectors.Write {
	out := make([]connectors.Write, 0, len(indices))
	for _, i := range indices {
		out = append(out, writes[i])
	}
	return out
}

// put sends the writes and returns what Request Tracker said of each.
func (c *conn) put(ctx context.Context, stream string, writes []connectors.Write) ([][]string, error) {
	type update struct {
		ID     string         `json:"id,omitempty"`
		Fields map[string]any `json:"CustomFields"`
	}
	said := make([][]string, len(writes))
	if stream == "users" {
		for i, w := range writes {
			var words []any
			err := c.send(ctx, message{http.MethodPut, "/REST/2.0/user/" + url.PathEscape(w.Ref.ID), update{Fields: nullable(w.Fields)}}, &words)
			if code := canon.CodeOf(err); err != nil && code != "not_found" && code != "request.refused" {
				return nil, err
			}
			said[i] = texts(words)
		}
		return said, nil
	}
	var all []update
	for _, w := range writes {
		all = append(all, update{w.Ref.ID, nullable(w.Fields)})
	}
	var words [][]any
	if err := c.send(ctx, message{http.MethodPut, "/REST/2.0/tickets/bulk", all}, &words); err != nil {
		return nil, err
	}
	for i := range said {
		if i < len(words) && len(words[i]) > 0 {
			said[i] = texts(words[i][1:])
		}
	}
	return said, nil
}

// nullable takes values away that are to be empty: an empty text would be a value of its own.
func nullable(fields map[string]string) map[string]any {
	out := make(map[string]any, len(fields))
	for k, v := range fields {
		out[k] = v
		if v == "" {
			out[k] = nil
		}
	}
	return out
}

func texts(in []any) []string {
	var out []string
	for _, v := range in {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// judge compares what was to be written with what is there.
func (c *conn) judge(w connectors.Write, now map[string]customFields, said []string) error {
	have, ok := now[w.Ref.ID]
	if !ok {
		return canon.Errorf("not_found", "Request Tracker has no record %s any more", w.Ref.ID).
			WithHint("It may have been deleted or merged; Hub learns of it in the stream's next round.")
	}
	for _, name := range slices.Sorted(maps.Keys(w.Fields)) {
		if have[name] == w.Fields[name] {
			continue
		}
		if _, known := have[name]; !known {
			return canon.Errorf("push.field_missing", "record %s has no custom field %s", w.Ref.ID, name).
				WithHint("In Request Tracker: Admin, Custom Fields, %s, Applies to. The field must be applied to all queues or users, or to those that Hub writes to, and Hub's user needs SeeCustomField.", name)
		}
		return canon.Errorf("push.refused", "Request Tracker did not write %s of record %s: %s", name, w.Ref.ID, c.Redact(head(strings.Join(said, "; ")))).
			WithHint("Look at the field's values and pattern, and whether Hub's user has ModifyCustomField.")
	}
	return nil
}

func head(s string) string {
	if len(s) > 300 {
		s = s[:300]
	}
	return strings.ToValidUTF8(s, "")
}

func writable(stream string) error {
	if stream == "users" || stream == "tickets" {
		return nil
	}
	return canon.Errorf("push.unsupported", "Request Tracker's stream %q takes no fields from Hub", stream).
		WithHint("Write to users or tickets.")
}

// message is a JSON body on its way to a path.
type message struct {
	method, path string
	body         any
}

// send sends a message and reads the JSON answer into a value.
func (c *conn) send(ctx context.Context, m message, into any) error {
	b, err := json.Marshal(m.body)
	if err != nil {
		return canon.Errorf("request.invalid", "the body of %s cannot be written as JSON: %w", m.path, err)
	}
	answer, err := c.Do(ctx, rest.Call{Method: m.method, Path: m.path, Body: b})
	if err != nil {
		return err
	}
	return decode(m.path, answer.Body, into)
}

func decode(path string, body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		var shape *json.UnmarshalTypeError
		if errors.As(err, &shape) {
			err = errors.New("unexpected " + shape.Value + " at " + shape.Field)
		}
		return canon.Errorf("page.shape", "the answer of %s has another shape than expected: %w", path, err).
			WithHint("Request Tracker's API may have changed, or base_url leads elsewhere.")
	}
	return nil
}
