package zoho

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const (
	// maxFields is how many fields a request may name, maxIDs how many records.
	maxFields, maxIDs = 50, 100
	// moduleLife is how long a module's fields are used before they are asked for again.
	moduleLife = 10 * time.Minute
)

// module is what the vendor tells of a module's fields.
type module struct {
	at     time.Time
	fields []field
	// stages are what a deal's stages mean, as forecast types.
	stages map[string]string
}

type field struct {
	Name   string `json:"api_name"`
	Type   string `json:"data_type"`
	Custom bool   `json:"custom_field"`
	Values []struct {
		Value    string `json:"actual_value"`
		Forecast string `json:"forecast_type"`
	} `json:"pick_list_values"`
}

// moduleOf is the vendor's name of a stream.
func moduleOf(stream string) string { return strings.ToUpper(stream[:1]) + stream[1:] }

// complete adds to every record that has an object the fields that are missing, and what Hub makes of them.
func (c *conn) complete(ctx context.Context, stream string, records []canon.Record) error {
	var living []int
	for i, r := range records {
		if !r.Deleted && len(r.Raw) > 1 {
			living = append(living, i)
		}
	}
	if len(living) == 0 {
		return nil
	}
	m, err := c.module(ctx, stream)
	if err != nil {
		return err
	}
	objects := map[string]*object{}
	for _, i := range living {
		o, err := read(records[i].Raw)
		if err != nil {
			return canon.Errorf("page.shape", "record %s cannot be read: %w", records[i].Ref, err).WithHint("Zoho CRM's API may have changed.")
		}
		objects[records[i].ID] = o
	}
	if c.all {
		if err := c.widen(ctx, stream, m, objects); err != nil {
			return err
		}
	}
	for _, i := range living {
		o := objects[records[i].ID]
		if err := o.explain(m, c.currency, stream); err != nil {
			return canon.Errorf("page.shape", "record %s cannot be completed: %w", records[i].Ref, err).WithHint("Zoho CRM's API may have changed.")
		}
		records[i].Raw = o.raw()
	}
	return nil
}

// module reads a module's fields, or returns those of the last few minutes.
func (c *conn) module(ctx context.Context, stream string) (module, error) {
	c.mu.Lock()
	m, ok := c.known[stream]
	c.mu.Unlock()
	if ok && c.now().Sub(m.at) < moduleLife {
		return m, nil
	}
	answer, err := c.Do(ctx, rest.Call{Path: "/crm/v8/settings/fields", Query: url.Values{"module": {moduleOf(stream)}}})
	if err != nil {
		return module{}, err
	}
	var body struct {
		Fields []field `json:"fields"`
	}
	if len(answer.Body) > 0 {
		if err := json.Unmarshal(answer.Body, &body); err != nil {
			return module{}, canon.Errorf("page.shape", "the fields of %s cannot be read: %w", stream, err).WithHint("Zoho CRM's API may have changed.")
		}
	}
	m = module{at: c.now(), fields: body.Fields, stages: map[string]string{}}
	for _, f := range m.fields {
		for _, v := range f.Values {
			if f.Name == "Stage" && v.Forecast != "" {
				m.stages[v.Value] = v.Forecast
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]module{}
	}
	c.known[stream] = m
	return m, nil
}

// missing are the fields that the records' own list could not name. Those that hold lists of rows, pictures or files are
// left to the vendor.
func (m module) missing(o *object) []string {
	var out []string
	for _, f := range m.fields {
		_, have := o.members[f.Name]
		if !have && f.Name != "id" && f.Name != "" && !slices.Contains([]string{"subform", "profileimage", "imageupload", "fileupload"}, f.Type) {
			out = append(out, f.Name)
		}
	}
	return out
}

// widen reads the missing fields of all objects, as many at a time as the vendor allows.
func (c *conn) widen(ctx context.Context, stream string, m module, objects map[string]*object) error {
	ids := make([]string, 0, len(objects))
	for id := range objects {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for names := range slices.Chunk(m.missing(objects[ids[0]]), maxFields) {
		for some := range slices.Chunk(ids, maxIDs) {
			query := url.Values{"fields": {strings.Join(names, ",")}, "ids": {strings.Join(some, ",")}}
			if stream == "leads" {
				query.Set("converted", "both")
			}
			answer, err := c.Do(ctx, rest.Call{Path: "/crm/v8/" + moduleOf(stream), Query: query})
			if err != nil {
				return err
			}
			var body struct {
				Data []map[string]json.RawMessage `json:"data"`
			}
			if len(answer.Body) > 0 {
				if err := json.Unmarshal(answer.Body, &body); err != nil {
					return canon.Errorf("page.shape", "the fields of %s cannot be read: %w", stream, err).WithHint("Zoho CRM's API may have changed.")
				}
			}
			for _, row := range body.Data {
				var id string
				if json.Unmarshal(row["id"], &id) != nil || objects[id] == nil {
					continue
				}
				for _, name := range names {
					objects[id].add(name, row[name])
				}
			}
		}
	}
	return nil
}

// object is a record's JSON, to which members can be added while all that is there stays as it came.
type object struct {
	text    []byte
	members map[string]json.RawMessage
}

func read(raw []byte) (*object, error) {
	o := &object{text: bytes.TrimSpace(bytes.Clone(raw))}
	if err := json.Unmarshal(o.text, &o.members); err != nil {
		return nil, err
	}
	o.text = bytes.TrimSuffix(o.text, []byte("}"))
	return o, nil
}

func (o *object) raw() []byte { return append(bytes.Clone(o.text), '}') }

// add puts a member behind the others, unless it is there or has no value.
func (o *object) add(name string, value json.RawMessage) {
	if _, have := o.members[name]; have || value == nil {
		return
	}
	key, err := json.Marshal(name)
	if err != nil {
		return
	}
	if len(o.members) > 0 {
		o.text = append(o.text, ',')
	}
	o.text = append(append(append(o.text, key...), ':'), value...)
	o.members[name] = value
}

// explain adds what the mapping cannot see by itself.
func (o *object) explain(m module, currency, stream string) error {
	custom := map[string]any{}
	for _, f := range m.fields {
		if f.Custom {
			if v := plain(o.members[f.Name]); v != nil {
				custom[f.Name] = v
			}
		}
	}
	more := []struct {
		name  string
		value any
		when  bool
	}{
		{"_currency", currency, stream == "deals" || stream == "quotes" || stream == "invoices"},
		{"_status", m.status(o.members["Stage"]), stream == "deals"},
		{"_custom", custom, len(custom) > 0},
	}
	for _, a := range more {
		if !a.when {
			continue
		}
		b, err := json.Marshal(a.value)
		if err != nil {
			return err
		}
		o.add(a.name, b)
	}
	return nil
}

// status is what a stage means.
func (m module) status(raw json.RawMessage) string {
	var stage string
	if json.Unmarshal(raw, &stage) != nil {
		return "open"
	}
	meaning := m.stages[stage]
	if meaning == "" {
		meaning = strings.ReplaceAll(stage, "-", " ")
	}
	switch {
	case strings.HasPrefix(meaning, "Closed Won"):
		return "won"
	case strings.HasPrefix(meaning, "Closed Lost"):
		return "lost"
	}
	return "open"
}

// plain turns a value into a text, a number or a truth: of a record that is named its name, of a list its values
// with commas. Nil for nothing.
func plain(raw json.RawMessage) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if len(raw) == 0 || dec.Decode(&v) != nil {
		return nil
	}
	return flat(v)
}

func flat(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v["name"].(string); ok {
			return name
		}
		return nil
	case []any:
		var parts []string
		for _, one := range v {
			if p := flat(one); p != nil {
				parts = append(parts, fmt.Sprint(p))
			}
		}
		if len(parts) == 0 {
			return nil
		}
		return strings.Join(parts, ", ")
	}
	return v
}
