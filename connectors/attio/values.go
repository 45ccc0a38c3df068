package attio

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// attributesLife is how long a list of attributes is used before it is asked for again.
const attributesLife = 10 * time.Minute

// attributes are the slugs of the workspace's own attributes of an object.
type attributes struct {
	at  time.Time
	own []string
}

// value is one value of an attribute, of any type.
type value struct {
	Until    *string `json:"active_until"`
	Value    any     `json:"value"`
	Currency any     `json:"currency_value"`
	Code     string  `json:"currency_code"`
	Email    string  `json:"email_address"`
	Domain   string  `json:"domain"`
	Phone    string  `json:"original_phone_number"`
	FullName string  `json:"full_name"`
	Record   string  `json:"target_record_id"`
	Actor    string  `json:"referenced_actor_id"`
	Locality string  `json:"locality"`
	Country  string  `json:"country_code"`
	Option   *struct {
		Title string `json:"title"`
	} `json:"option"`
	Status *struct {
		Title string `json:"title"`
	} `json:"status"`
}

// explain adds to every record that has an object what the mapping cannot see by itself.
func (c *conn) explain(ctx context.Context, stream string, records []canon.Record) error {
	var own []string
	for i, r := range records {
		raw := bytes.TrimSpace(r.Raw)
		if r.Deleted || len(raw) < 2 || raw[len(raw)-1] != '}' {
			continue
		}
		if own == nil {
			a, err := c.attributes(ctx, stream)
			if err != nil {
				return err
			}
			own = append([]string{}, a.own...)
		}
		var in struct {
			Values map[string]json.RawMessage `json:"values"`
		}
		if json.Unmarshal(raw, &in) != nil {
			continue // a record of another shape than known is told as it came
		}
		more := map[string]any{}
		custom := map[string]any{}
		for _, slug := range own {
			if v := plain(in.Values[slug]); v != nil {
				custom[slug] = v
			}
		}
		if len(custom) > 0 {
			more["_custom"] = custom
		}
		if stream == "deals" {
			more["_status"] = c.status(in.Values["stage"])
		}
		if len(more) == 0 {
			continue
		}
		added, err := json.Marshal(more)
		if err != nil {
			return canon.Errorf("page.shape", "record %s cannot be completed: %w", r.Ref, err).WithHint("Attio's API may have changed.")
		}
		records[i].Raw = append(append(bytes.Clone(raw[:len(raw)-1]), ','), added[1:]...)
	}
	return nil
}

func (c *conn) attributes(ctx context.Context, stream string) (attributes, error) {
	c.mu.Lock()
	a, ok := c.known[stream]
	c.mu.Unlock()
	if ok && c.now().Sub(a.at) < attributesLife {
		return a, nil
	}
	fields, err := c.Describe(ctx, stream)
	if err != nil {
		return attributes{}, err
	}
	a = attributes{at: c.now()}
	for _, f := range fields {
		if f.Custom {
			a.own = append(a.own, f.Name)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]attributes{}
	}
	c.known[stream] = a
	return a, nil
}

// status is what a deal's stage means.
func (c *conn) status(raw json.RawMessage) string {
	title, _ := plain(raw).(string)
	if s := c.meaning[title]; s != "" {
		return s
	}
	return "open"
}

// plain turns an attribute's values into one that is a text, a number or a truth; several become a text with commas.
// Values that are no longer active do not count. Nil for nothing.
func plain(raw json.RawMessage) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var values []value
	if len(raw) == 0 || dec.Decode(&values) != nil {
		return nil
	}
	var all []any
	for _, v := range values {
		if p := v.plain(); p != nil && v.Until == nil {
			all = append(all, p)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

func (v value) plain() any {
	switch {
	case v.Option != nil:
		return v.Option.Title
	case v.Status != nil:
		return v.Status.Title
	case v.Currency != nil:
		return strings.TrimSpace(fmt.Sprint(v.Currency) + " " + v.Code)
	}
	for _, text := range []string{v.Email, v.Domain, v.Phone, v.FullName, v.Record, v.Actor} {
		if text != "" {
			return text
		}
	}
	if place := strings.Trim(v.Locality+", "+v.Country, ", "); place != "" {
		return place
	}
	switch v.Value.(type) {
	case string, json.Number, bool:
		return v.Value
	}
	return nil
}
