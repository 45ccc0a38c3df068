package odoo

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// batchSize bounds how many records are read at once; each is written alone, in a transaction of its own.
const batchSize = 100

// BatchSize is the most records per call.
func (c *conn) BatchSize() int { return batchSize }

func writable(stream string) (object, error) {
	if stream != "partners" && stream != "leads" {
		return object{}, canon.Errorf("push.unsupported", "Odoo's stream %q takes no fields from Hub", stream).
			WithHint("Write to partners or leads.")
	}
	return objectOf(stream)
}

// number reads an id as Odoo has them.
func number(id string) (int64, bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == id
}

// Read returns the current values by record id. Archived records are read too.
func (c *conn) Read(ctx context.Context, stream string, ids, fields []string) (map[string]map[string]string, error) {
	o, err := writable(stream)
	if err != nil {
		return nil, err
	}
	have, err := c.describe(ctx, o.model, true)
	if err != nil {
		return nil, err
	}
	var columns []string
	for _, f := range fields {
		if _, ok := have[f]; ok {
			columns = append(columns, f)
		}
	}
	out := map[string]map[string]string{}
	for chunk := range slices.Chunk(ids, batchSize) {
		var numbers []int64
		for _, id := range chunk {
			if n, ok := number(id); ok {
				numbers = append(numbers, n)
			}
		}
		if len(numbers) == 0 {
			continue
		}
		var rows []map[string]json.RawMessage
		params := map[string]any{"domain": []any{[]any{"id", "in", numbers}}, "fields": append([]string{"id"}, columns...),
			"limit": len(numbers), "context": map[string]any{"active_test": false}}
		if err := c.do(ctx, call{o.model, "search_read", params, true}, &rows); err != nil {
			return nil, err
		}
		for _, row := range rows {
			values := make(map[string]string, len(fields))
			for _, f := range fields {
				values[f] = plain(row[f], have[f].Type)
			}
			out[string(row["id"])] = values
		}
	}
	return out, nil
}

// plain turns a value of Odoo's into Hub's text. false is nothing, but for fields that are true or false.
func plain(raw json.RawMessage, kind string) string {
	text := string(raw)
	if text == "" || text == "null" || text == "false" && kind != "boolean" {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		if kind == "float" || kind == "monetary" {
			text = strings.TrimSuffix(text, ".0")
		}
		return text
	}
	if kind == "datetime" {
		if t, err := time.Parse(time.DateTime, s); err == nil {
			return t.Format(time.RFC3339)
		}
	}
	return s
}

// value turns Hub's text into what a field of that type takes.
func value(text string, kind string) (any, bool) {
	switch {
	case text == "":
		return false, true
	case kind == "datetime":
		t, err := time.Parse(time.RFC3339Nano, text)
		return t.UTC().Format(time.DateTime), err == nil
	case kind == "date":
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t, err = time.Parse(time.DateOnly, text)
		}
		return t.UTC().Format(time.DateOnly), err == nil
	case kind == "integer" || kind == "float" || kind == "monetary":
		_, err := strconv.ParseFloat(text, 64)
		return json.Number(text), err == nil && json.Valid([]byte(text))
	case kind == "boolean":
		return text == "true", text == "true" || text == "false"
	case kind == "char" || kind == "text" || kind == "selection" || kind == "html":
		return text, true
	}
	return nil, false
}

// Push sets the fields, one record after the other.
func (c *conn) Push(ctx context.Context, stream string, writes []connectors.Write) ([]connectors.Outcome, error) {
	o, err := writable(stream)
	if err != nil {
		return nil, err
	}
	have, err := c.describe(ctx, o.model, false)
	if err != nil {
		return nil, err
	}
	out := make([]connectors.Outcome, len(writes))
	for i, w := range writes {
		out[i].Ref = w.Ref
		err := c.write(ctx, o, w, have)
		switch canon.CodeOf(err) {
		case "", "not_found", "request.refused", "auth.forbidden", "push.field_missing", "push.value":
			out[i].Err = err
		default:
			return nil, err
		}
	}
	return out, nil
}

func (c *conn) write(ctx context.Context, o object, w connectors.Write, have map[string]field) error {
	id, ok := number(w.Ref.ID)
	if !ok {
		return canon.Errorf("not_found", "Odoo has no record %s", w.Ref.ID).WithHint("Its ids are numbers.")
	}
	vals := map[string]any{}
	for name, text := range w.Fields {
		f, ok := have[name]
		if !ok {
			return canon.Errorf("push.field_missing", "Odoo's model %s has no field %s", o.model, name).
				WithHint("Hub creates fields whose names begin with x_, where its user has the right Administration: Settings.")
		}
		if vals[name], ok = value(text, f.Type); !ok {
			return canon.Errorf("push.value", "the field %s is of type %s, which does not take %.40q", name, f.Type, text).
				WithHint("Let Hub create the field, or choose another in the mapping's push section.")
		}
	}
	var done any
	return c.do(ctx, call{o.model, "write", map[string]any{"ids": []int64{id}, "vals": vals}, false}, &done)
}

// Prepare creates the fields that are missing and returns their names. It never touches a field that is there.
func (c *conn) Prepare(ctx context.Context, stream string, fields []connectors.FieldSpec) ([]string, error) {
	o, err := writable(stream)
	if err != nil {
		return nil, err
	}
	c.forget(o.model)
	have, err := c.describe(ctx, o.model, true)
	if err != nil {
		return nil, err
	}
	var missing []map[string]any
	var names []string
	for _, f := range fields {
		if _, ok := have[f.Name]; ok {
			continue
		}
		vals, err := newField(f)
		if err != nil {
			return nil, err
		}
		missing, names = append(missing, vals), append(names, f.Name)
	}
	if len(missing) == 0 {
		return nil, nil
	}
	var models []struct {
		ID int64 `json:"id"`
	}
	params := map[string]any{"domain": []any{[]any{"model", "=", o.model}}, "fields": []string{"id"}, "limit": 1}
	if err := c.do(ctx, call{"ir.model", "search_read", params, true}, &models); err != nil {
		return nil, mayNot(err)
	}
	if len(models) == 0 {
		return nil, canon.Errorf("auth.forbidden", "Odoo does not show the model %s to Hub's user", o.model).
			WithHint("Give the user the right Administration: Settings while the fields are created.")
	}
	defer c.forget(o.model)
	var created []string
	for i, vals := range missing {
		vals["model_id"] = models[0].ID
		var made any
		if err := c.do(ctx, call{"ir.model.fields", "create", map[string]any{"vals_list": []any{vals}}, false}, &made); err != nil {
			return created, mayNot(err)
		}
		created = append(created, names[i])
	}
	return created, nil
}

// mayNot says what an administrator can do where Hub may not create fields.
func mayNot(err error) error {
	if e := canon.AsError(err); e.Code == "auth.forbidden" {
		return canon.Errorf("auth.forbidden", "Odoo does not let Hub's user create fields: %s", e.Message).
			WithHint("Give the user the right Administration: Settings while the fields are created, or create them under Settings, Technical, Fields.")
	}
	return err
}

// newField is what it takes to create a field. Numbers are kept as texts: a number in Odoo cannot be empty, and an
// unknown health must not read 0.
func newField(f connectors.FieldSpec) (map[string]any, error) {
	if !strings.HasPrefix(f.Name, "x_") {
		return nil, canon.Errorf("push.field_name", "Odoo takes no field called %s: own fields begin with x_", f.Name).
			WithHint("Call it x_%s in the mapping's push section.", f.Name)
	}
	vals := map[string]any{"name": f.Name, "field_description": f.Label, "help": f.Doc, "state": "manual", "copied": false}
	if f.Label == "" {
		vals["field_description"] = f.Name
	}
	switch f.Type {
	case "text", "number":
		vals["ttype"] = "char"
	case "datetime":
		vals["ttype"] = "datetime"
	case "enum":
		vals["ttype"] = "selection"
		options := []any{}
		for i, v := range f.Options {
			// Odoo's words for "create and link".
			options = append(options, []any{0, 0, map[string]any{"value": v, "name": v, "sequence": i}})
		}
		vals["selection_ids"] = options
	default:
		return nil, canon.Errorf("push.field_type", "field %s has the type %q, which Odoo has no field for", f.Name, f.Type).
			WithHint("Use text, number, datetime or enum in the mapping's push section.")
	}
	return vals, nil
}
