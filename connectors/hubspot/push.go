package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// batchSize is HubSpot's limit for batch/read and batch/update.
const batchSize = 100

// object is a CRM object in batch answers.
type object struct {
	ID         string             `json:"id"`
	Properties map[string]*string `json:"properties"`
}

// batchAnswer is the answer of the batch endpoints; Errors are there with status 207.
type batchAnswer struct {
	Results []object     `json:"results"`
	Errors  []batchError `json:"errors"`
}

type batchError struct {
	Category string              `json:"category"`
	Message  string              `json:"message"`
	Context  map[string][]string `json:"context"`
}

// BatchSize is the most records per call.
func (c *conn) BatchSize() int { return batchSize }

// Read returns the current property values by record id.
func (c *conn) Read(ctx context.Context, stream string, ids, fields []string) (map[string]map[string]string, error) {
	if err := c.writable(stream); err != nil {
		return nil, err
	}
	out := make(map[string]map[string]string, len(ids))
	for chunk := range slices.Chunk(ids, batchSize) {
		inputs := make([]map[string]string, 0, len(chunk))
		for _, id := range chunk {
			inputs = append(inputs, map[string]string{"id": id})
		}
		body := map[string]any{"inputs": inputs, "properties": fields, "propertiesWithHistory": []string{}}
		var answer batchAnswer
		if err := c.post(ctx, message{"/crm/v3/objects/" + stream + "/batch/read", body, true}, &answer); err != nil {
			if canon.CodeOf(err) == "not_found" {
				continue
			}
			return nil, err
		}
		for _, o := range answer.Results {
			values := make(map[string]string, len(fields))
			for _, f := range fields {
				values[f] = ""
				if v := o.Properties[f]; v != nil {
					values[f] = *v
				}
			}
			out[o.ID] = values
		}
	}
	return out, nil
}

// Push sets the properties. HubSpot refuses a whole batch for one bad value, so a refused batch is split
// until the bad writes stand alone.
func (c *conn) Push(ctx context.Context, stream string, writes []connectors.Write) ([]connectors.Outcome, error) {
	if err := c.writable(stream); err != nil {
		return nil, err
	}
	out := make([]connectors.Outcome, len(writes))
	for i, w := range writes {
		out[i].Ref = w.Ref
	}
	for _, batch := range batches(writes) {
		if err := c.update(ctx, stream, pick{writes, batch, out}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// batches groups the writes' indices, at most batchSize at once and no record twice in one batch, which
// HubSpot refuses. Two writes of one record stay in their order.
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

// pick is some of the writes, by index, with where their outcomes go.
type pick struct {
	writes  []connectors.Write
	indices []int
	out     []connectors.Outcome
}

func (c *conn) update(ctx context.Context, stream string, p pick) error {
	type input struct {
		ID         string            `json:"id"`
		Properties map[string]string `json:"properties"`
	}
	inputs := make([]input, 0, len(p.indices))
	for _, i := range p.indices {
		inputs = append(inputs, input{p.writes[i].Ref.ID, p.writes[i].Fields})
	}
	var answer batchAnswer
	err := c.post(ctx, message{"/crm/v3/objects/" + stream + "/batch/update", map[string]any{"inputs": inputs}, false}, &answer)
	if code := canon.CodeOf(err); code == "request.refused" || code == "not_found" {
		return c.split(ctx, stream, p, err)
	}
	if err != nil {
		return err
	}
	done := map[string]bool{}
	for _, o := range answer.Results {
		done[o.ID] = true
	}
	for _, i := range p.indices {
		if id := p.writes[i].Ref.ID; !done[id] {
			p.out[i].Err = c.refused(id, answer.Errors)
		}
	}
	return nil
}

// split tries the halves of a refused batch; a single write keeps the refusal.
func (c *conn) split(ctx context.Context, stream string, p pick, refusal error) error {
	if len(p.indices) == 1 {
		p.out[p.indices[0]].Err = refusal
		return nil
	}
	half := len(p.indices) / 2
	for _, part := range [][]int{p.indices[:half], p.indices[half:]} {
		if err := c.update(ctx, stream, pick{p.writes, part, p.out}); err != nil {
			return err
		}
	}
	return nil
}

// refused finds the error that names the record among those of a partial success.
func (c *conn) refused(id string, errs []batchError) error {
	for _, e := range errs {
		if !slices.Contains(e.Context["ids"], id) && !slices.Contains(e.Context["id"], id) {
			continue
		}
		code := "push.refused"
		if e.Category == "OBJECT_NOT_FOUND" {
			code = "not_found"
		}
		return canon.Errorf(code, "HubSpot did not write record %s: %s", id, c.Redact(e.Message)).
			WithHint("Look at the record in HubSpot; it may have been deleted or merged.")
	}
	return canon.Errorf("push.refused", "HubSpot did not write record %s and gave no reason", id).
		WithHint("Look at the record in HubSpot; it may have been deleted or merged.")
}

func (c *conn) writable(stream string) error {
	for _, s := range c.Streams() {
		if s.Name == stream && s.PushFields {
			return nil
		}
	}
	return canon.Errorf("push.unsupported", "HubSpot's stream %q takes no fields from Hub", stream).
		WithHint("Write to companies, contacts or deals.")
}

// message is a JSON body on its way to a path. reads marks one that changes nothing.
type message struct {
	path  string
	body  any
	reads bool
}

// post sends a message and reads the JSON answer into a value.
func (c *conn) post(ctx context.Context, m message, into any) error {
	b, err := json.Marshal(m.body)
	if err != nil {
		return canon.Errorf("request.invalid", "the body of %s cannot be written as JSON: %w", m.path, err)
	}
	answer, err := c.Do(ctx, rest.Call{Method: http.MethodPost, Path: m.path, Body: b, Idempotent: m.reads})
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
			WithHint("HubSpot's API may have changed, or base_url leads elsewhere.")
	}
	return nil
}
