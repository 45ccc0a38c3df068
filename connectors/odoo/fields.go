package odoo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const (
	// knownFor is how long a model's fields are used before they are asked for again.
	knownFor = 10 * time.Minute
	// ours is how the names of fields that Hub writes begin: Odoo wants x_ of all that are made by hand.
	ours = "x_hub_"
)

// field is what a database tells of one field.
type field struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Label  string `json:"string"`
	Help   any    `json:"help"` // a text, or false
	Store  bool   `json:"store"`
	Manual bool   `json:"manual"`
}

type described struct {
	fields map[string]field
	at     time.Time
}

// call is one method of a model. reads marks one that changes nothing.
type call struct {
	model, method string
	params        map[string]any
	reads         bool
}

// do calls a method and reads its answer into a value.
func (c *conn) do(ctx context.Context, m call, into any) error {
	path := "/json/2/" + m.model + "/" + m.method
	body, err := json.Marshal(m.params)
	if err != nil {
		return canon.Errorf("request.invalid", "the body of %s cannot be written as JSON: %w", path, err)
	}
	answer, err := c.Do(ctx, rest.Call{Method: http.MethodPost, Path: path, Body: body, Idempotent: m.reads})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		var shape *json.UnmarshalTypeError
		if errors.As(err, &shape) {
			err = errors.New("unexpected " + shape.Value + " at " + shape.Field)
		}
		return canon.Errorf("page.shape", "the answer of %s has another shape than expected: %w", path, err).
			WithHint("Odoo's API may have changed, or base_url leads elsewhere.")
	}
	return nil
}

// describe returns a model's fields. repeat says that the request may be made again after a fault.
func (c *conn) describe(ctx context.Context, model string, repeat bool) (map[string]field, error) {
	c.mu.Lock()
	d, ok := c.known[model]
	c.mu.Unlock()
	if ok && c.now().Sub(d.at).Abs() < knownFor {
		return d.fields, nil
	}
	d = described{at: c.now()}
	params := map[string]any{"attributes": []string{"name", "type", "string", "help", "store", "manual"}}
	if err := c.do(ctx, call{model, "fields_get", params, repeat}, &d.fields); err != nil {
		return nil, err
	}
	for name, f := range d.fields {
		f.Name = name
		d.fields[name] = f
	}
	c.mu.Lock()
	c.known[model] = d
	c.mu.Unlock()
	return d.fields, nil
}

// forget makes the next call ask for the model's fields.
func (c *conn) forget(model string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, model)
}

// columns are the fields that are read: those of the connector that there are, and the database's own.
func (o object) columns(have map[string]field) []string {
	out := []string{"id"}
	for _, name := range o.fields {
		if _, ok := have[name]; ok {
			out = append(out, name)
		}
	}
	for name, f := range have {
		if own(f) && !strings.HasPrefix(name, ours) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out[1:])
	return out
}

// own reports a field that the account added and whose values are short. What is computed anew at each reading
// is left out: it changes without its record changing.
func own(f field) bool {
	if !f.Manual && !strings.HasPrefix(f.Name, "x_") || !f.Store {
		return false
	}
	switch f.Type {
	case "binary", "one2many", "many2many", "html", "serialized", "json", "properties", "properties_definition":
		return false
	}
	return true
}

// Describe tells the fields of a stream's records.
func (c *conn) Describe(ctx context.Context, stream string) ([]connectors.Field, error) {
	o, err := objectOf(stream)
	if err != nil {
		return nil, err
	}
	have, err := c.describe(ctx, o.model, true)
	if err != nil {
		return nil, err
	}
	var out []connectors.Field
	for name, f := range have {
		help, _ := f.Help.(string)
		out = append(out, connectors.Field{Name: name, Label: f.Label, Doc: help, Type: f.Type,
			Custom: f.Manual || strings.HasPrefix(name, "x_"), Computed: !f.Store})
	}
	slices.SortFunc(out, func(a, b connectors.Field) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
