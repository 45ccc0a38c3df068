package salesforce

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const (
	// longText is the length from which on a text is a document rather than a value.
	longText = 4096
	// longQuery is the most characters of a query as it stands in a URL; Salesforce takes 16,384 in all.
	longQuery = 14000
)

// column is one field of an object.
type column struct {
	name, kind       string
	custom, computed bool
}

// shape is what an org tells of an object: the columns that are read, by name, and what else can be asked.
type shape struct {
	object  string
	columns []column
	kinds   map[string]string
	// money says that there are amounts, whose currency is that of the org where no column tells it.
	money bool
	// bin says that deleted records can be asked for, merges that they tell what they were merged into, log
	// that there is a log of deletions.
	bin, merges, log bool
	// hash stands for the names and kinds of the columns.
	hash string
}

// described is the part of describe's answer that counts.
type described struct {
	Name          string `json:"name"`
	Replicateable bool   `json:"replicateable"`
	Fields        []struct {
		Name       string `json:"name"`
		Label      string `json:"label"`
		Help       string `json:"inlineHelpText"`
		Type       string `json:"type"`
		Length     int    `json:"length"`
		Custom     bool   `json:"custom"`
		Calculated bool   `json:"calculated"`
	} `json:"fields"`
}

func (c *conn) ask(ctx context.Context, name string) (described, error) {
	var d described
	answer, err := c.Do(ctx, rest.Call{Path: c.base + "/sobjects/" + url.PathEscape(name) + "/describe"})
	if err != nil {
		return d, about(name, err)
	}
	if err := json.Unmarshal(answer.Body, &d); err != nil || len(d.Fields) == 0 {
		return d, canon.Errorf("page.shape", "Salesforce's description of %s names no fields", name).
			WithHint("instance_url may lead elsewhere than to an org.")
	}
	return d, nil
}

// shape returns what is known of an object. A fresh one is asked for at the start of every round, so that a column
// that was added is read, and none that was taken away is asked for.
func (c *conn) shape(ctx context.Context, name string, fresh bool) (shape, error) {
	c.mu.Lock()
	known, ok := c.shapes[name]
	c.mu.Unlock()
	if ok && !fresh {
		return known, nil
	}
	d, err := c.ask(ctx, name)
	if err != nil {
		return shape{}, err
	}
	s := shape{object: name, kinds: map[string]string{}, log: d.Replicateable}
	var names []string
	for _, f := range d.Fields {
		switch f.Name {
		case "IsDeleted":
			s.bin = true
		case "MasterRecordId":
			s.merges = true
		}
		if !c.reads(f.Type, f.Length, f.Custom && f.Calculated) {
			continue
		}
		s.columns = append(s.columns, column{name: f.Name, kind: f.Type, custom: f.Custom, computed: f.Calculated})
		s.kinds[f.Name] = f.Type
		s.money = s.money || f.Type == "currency"
		names = append(names, f.Name+" "+f.Type)
	}
	slices.SortFunc(s.columns, func(a, b column) int { return cmp.Compare(a.name, b.name) })
	slices.Sort(names)
	s.hash = canon.Hash([]byte(strings.Join(names, "\n")))[:16]
	if s.kinds["Id"] == "" || s.kinds["SystemModstamp"] == "" {
		return shape{}, canon.Errorf("auth.forbidden", "Salesforce shows neither Id nor SystemModstamp of %s to this user", name).
			WithHint("Let the user read the object %s.", name)
	}
	c.mu.Lock()
	c.shapes[name] = s
	c.mu.Unlock()
	return s, nil
}

// reads leaves out what is no value: compound and binary fields, documents, and formulas unless they are asked for.
func (c *conn) reads(kind string, length int, formula bool) bool {
	switch kind {
	case "address", "location", "base64", "anyType", "complexvalue", "json", "datacategorygroupreference":
		return false
	case "textarea":
		if length > longText {
			return false
		}
	}
	return !formula || c.formulas
}

// split divides the columns into what fits into a query of that beginning and what must be read besides.
func (s shape) split(around string) (first, rest []string) {
	left := longQuery - len(url.QueryEscape(around))
	for _, name := range []string{"Id", "SystemModstamp"} {
		first = append(first, name)
		left -= len(name) + 3
	}
	for _, col := range s.columns {
		if col.name == "Id" || col.name == "SystemModstamp" {
			continue
		}
		if left -= len(col.name) + 3; left >= 0 {
			first = append(first, col.name)
		} else {
			rest = append(rest, col.name)
		}
	}
	return first, rest
}

func (s shape) names() []string {
	out := make([]string, len(s.columns))
	for i, col := range s.columns {
		out[i] = col.name
	}
	return out
}

// Describe tells the fields of a stream's object, also those that are not read.
func (c *conn) Describe(ctx context.Context, stream string) ([]connectors.Field, error) {
	o, err := objectOf(stream)
	if err != nil {
		return nil, err
	}
	d, err := c.ask(ctx, o.name)
	if err != nil {
		return nil, err
	}
	var out []connectors.Field
	for _, f := range d.Fields {
		out = append(out, connectors.Field{Name: f.Name, Label: f.Label, Doc: f.Help, Type: f.Type, Custom: f.Custom, Computed: f.Calculated})
	}
	return out, nil
}
