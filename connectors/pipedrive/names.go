package pipedrive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const (
	// directoryLife is how long names are used before they are read again: they cost tokens, and change rarely.
	directoryLife = time.Hour
	// maxDirectory is the most pages of a list of names.
	maxDirectory = 40
)

// field is one entry of a list of fields.
type field struct {
	Code    string `json:"field_code"`
	Name    string `json:"field_name"`
	Type    string `json:"field_type"`
	Custom  bool   `json:"is_custom_field"`
	Options []struct {
		ID    any    `json:"id"`
		Label string `json:"label"`
	} `json:"options"`
}

// named is one entry of the lists of users, pipelines and stages.
type named struct {
	ID   json.Number `json:"id"`
	Name string      `json:"name"`
}

// directory is what the ids in one stream's records stand for.
type directory struct {
	at time.Time
	// owners, pipelines and stages are by id.
	owners, pipelines, stages map[string]string
	fields                    []field
	// titles are the names of the account's own fields by key, options the labels by key and id.
	titles  map[string]string
	options map[string]map[string]string
}

// fieldLists are where a stream's fields are listed. Activities have no fields of the account's own.
func fieldLists() map[string]string {
	return map[string]string{"organizations": "/api/v2/organizationFields", "persons": "/api/v2/personFields", deals: "/api/v2/dealFields"}
}

// name adds the member _names to every record that has an object.
func (c *conn) name(ctx context.Context, stream string, records []canon.Record) error {
	path, ok := fieldLists()[stream]
	if !ok || len(records) == 0 {
		return nil
	}
	d, err := c.directory(ctx, stream, path)
	if err != nil {
		return err
	}
	for i, r := range records {
		raw := bytes.TrimSpace(r.Raw)
		if len(raw) < 2 || raw[len(raw)-1] != '}' {
			continue
		}
		// A record of another shape than known is told as it came.
		added, err := d.namesOf(raw)
		if err != nil {
			continue
		}
		if added == nil {
			continue
		}
		out := append(append(bytes.Clone(raw[:len(raw)-1]), `,"_names":`...), added...)
		records[i].Raw = append(out, '}')
	}
	return nil
}

func (c *conn) directory(ctx context.Context, stream, path string) (directory, error) {
	c.mu.Lock()
	d, ok := c.known[stream]
	c.mu.Unlock()
	if ok && c.now().Sub(d.at) < directoryLife {
		return d, nil
	}
	d = directory{at: c.now(), titles: map[string]string{}, options: map[string]map[string]string{}}
	var err error
	if d.fields, err = readAll[field](ctx, c, path); err != nil {
		return d, err
	}
	d.learnFields()
	// Without the scope for users their names stay unknown.
	if d.owners, err = c.names(ctx, "/api/v1/users"); err != nil && canon.CodeOf(err) != "auth.forbidden" {
		return d, err
	}
	if stream == deals {
		if d.pipelines, err = c.names(ctx, "/api/v2/pipelines"); err != nil {
			return d, err
		}
		if d.stages, err = c.names(ctx, "/api/v2/stages"); err != nil {
			return d, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]directory{}
	}
	c.known[stream] = d
	return d, nil
}

// learnFields gives every field of the account's own a name that no other has.
func (d *directory) learnFields() {
	count := map[string]int{}
	for _, f := range d.fields {
		if f.Custom {
			count[f.Name]++
		}
	}
	for _, f := range d.fields {
		if f.Custom {
			d.titles[f.Code] = f.Name
			if count[f.Name] > 1 || f.Name == "" {
				d.titles[f.Code] = strings.TrimSpace(f.Name + " " + f.Code[:min(8, len(f.Code))])
			}
		}
		labels := map[string]string{}
		for _, o := range f.Options {
			labels[fmt.Sprint(o.ID)] = o.Label
		}
		d.options[f.Code] = labels
	}
}

func (c *conn) names(ctx context.Context, path string) (map[string]string, error) {
	all, err := readAll[named](ctx, c, path)
	out := map[string]string{}
	for _, n := range all {
		out[n.ID.String()] = n.Name
	}
	return out, err
}

// readAll reads all pages of a list of names.
func readAll[T any](ctx context.Context, c *conn, path string) ([]T, error) {
	var out []T
	cursor := ""
	for range maxDirectory {
		query := url.Values{}
		if strings.HasPrefix(path, "/api/v2/") {
			query.Set("limit", "500")
		}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		answer, err := c.Do(ctx, rest.Call{Path: path, Query: query})
		if err != nil {
			return nil, err
		}
		var page struct {
			Data       []T `json:"data"`
			Additional struct {
				Next string `json:"next_cursor"`
			} `json:"additional_data"`
		}
		dec := json.NewDecoder(bytes.NewReader(answer.Body))
		dec.UseNumber()
		if err := dec.Decode(&page); err != nil {
			return nil, canon.Errorf("page.shape", "the list at %s cannot be read: %w", path, err).WithHint("Pipedrive's API may have changed.")
		}
		out = append(out, page.Data...)
		if page.Additional.Next == "" || page.Additional.Next == cursor {
			break
		}
		cursor = page.Additional.Next
	}
	return out, nil
}

// namesOf says what the ids in a record stand for, nil where there is nothing to say.
func (d *directory) namesOf(raw []byte) ([]byte, error) {
	var in struct {
		Owner    json.Number    `json:"owner_id"`
		Pipeline json.Number    `json:"pipeline_id"`
		Stage    json.Number    `json:"stage_id"`
		Industry json.Number    `json:"industry"`
		Labels   []any          `json:"label_ids"`
		Custom   map[string]any `json:"custom_fields"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&in); err != nil {
		return nil, err
	}
	out := map[string]any{}
	for member, name := range map[string]string{
		"owner": d.owners[in.Owner.String()], "pipeline": d.pipelines[in.Pipeline.String()], "stage": d.stages[in.Stage.String()],
		"industry": d.options["industry"][in.Industry.String()],
	} {
		if name != "" {
			out[member] = name
		}
	}
	custom := map[string]any{}
	if labels := d.plain("label_ids", in.Labels); labels != nil {
		custom["Labels"] = labels
	}
	for key, v := range in.Custom {
		title, ok := d.titles[key]
		if !ok {
			title = key
		}
		if p := d.plain(key, v); p != nil {
			custom[title] = p
		}
	}
	if len(custom) > 0 {
		out["custom"] = custom
	}
	if len(out) == 0 {
		return nil, nil
	}
	return json.Marshal(out)
}

// plain turns a value into one that is a text, a number or a truth: an option into its label, several into a text
// with commas, an amount into the number with its currency behind it. Nil for nothing.
func (d *directory) plain(key string, v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var parts []string
		for _, one := range v {
			if p := d.plain(key, one); p != nil {
				parts = append(parts, fmt.Sprint(p))
			}
		}
		if len(parts) == 0 {
			return nil
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		return d.structured(v)
	}
	if label, ok := d.options[key][fmt.Sprint(v)]; ok {
		return label
	}
	return v
}

// structured reads values that are objects: amounts, spans of days, addresses, times, and options with labels.
func (d *directory) structured(v map[string]any) any {
	if label, ok := v["label"].(string); ok {
		return label
	}
	value := v["value"]
	if value == nil || value == "" {
		return nil
	}
	for _, member := range []string{"currency", "until"} {
		if more, ok := v[member].(string); ok && more != "" {
			join := " "
			if member == "until" {
				join = " – "
			}
			return fmt.Sprint(value) + join + more
		}
	}
	switch value.(type) {
	case string, json.Number, bool:
		return value
	}
	return nil
}
