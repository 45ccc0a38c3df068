package hubspot

import (
	"context"
	"net/http"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// group is the property group that Hub's own properties stand in.
const group = "hub"

// property is what it takes to create one.
type property struct {
	Name        string   `json:"name"`
	Label       string   `json:"label"`
	Description string   `json:"description,omitempty"`
	GroupName   string   `json:"groupName"`
	Type        string   `json:"type"`
	FieldType   string   `json:"fieldType"`
	Options     []option `json:"options,omitempty"`
}

type option struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	DisplayOrder int    `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
}

// Prepare creates the properties that are missing, in a group called Hub, and returns their names. It never
// touches a property that is there.
func (c *conn) Prepare(ctx context.Context, stream string, fields []connectors.FieldSpec) ([]string, error) {
	if err := c.writable(stream); err != nil {
		return nil, err
	}
	base := "/crm/v3/properties/" + stream
	have, err := c.names(ctx, base)
	if err != nil {
		return nil, err
	}
	var missing []property
	for _, f := range fields {
		if have[f.Name] {
			continue
		}
		p, err := newProperty(f)
		if err != nil {
			return nil, err
		}
		missing = append(missing, p)
	}
	if len(missing) == 0 {
		return nil, nil
	}
	if err := c.ensureGroup(ctx, base+"/groups"); err != nil {
		return nil, err
	}
	var created []string
	for _, p := range missing {
		var ignored struct{}
		err := c.post(ctx, message{base, p, false}, &ignored)
		if err == nil {
			created = append(created, p.Name)
			continue
		}
		// Somebody else may have created it in between.
		if have, again := c.names(ctx, base); again != nil || !have[p.Name] {
			return created, err
		}
	}
	return created, nil
}

func newProperty(f connectors.FieldSpec) (property, error) {
	p := property{Name: f.Name, Label: f.Label, Description: f.Doc, GroupName: group}
	switch f.Type {
	case "text":
		p.Type, p.FieldType = "string", "text"
	case "number":
		p.Type, p.FieldType = "number", "number"
	case "datetime":
		p.Type, p.FieldType = "datetime", "date"
	case "enum":
		p.Type, p.FieldType = "enumeration", "select"
		for i, v := range f.Options {
			p.Options = append(p.Options, option{Label: v, Value: v, DisplayOrder: i})
		}
	default:
		return p, canon.Errorf("push.field_type", "field %s has the type %q, which HubSpot has no property for", f.Name, f.Type).
			WithHint("Use text, number, datetime or enum in the mapping's push section.")
	}
	return p, nil
}

func (c *conn) ensureGroup(ctx context.Context, path string) error {
	have, err := c.names(ctx, path)
	if err != nil || have[group] {
		return err
	}
	var ignored struct{}
	return c.post(ctx, message{path, map[string]any{"name": group, "label": "Hub", "displayOrder": -1}, false}, &ignored)
}

// names lists what is at the path, by name.
func (c *conn) names(ctx context.Context, path string) (map[string]bool, error) {
	answer, err := c.Do(ctx, rest.Call{Method: http.MethodGet, Path: path})
	if err != nil {
		return nil, err
	}
	var list struct {
		Results []struct {
			Name string `json:"name"`
		} `json:"results"`
	}
	if err := decode(path, answer.Body, &list); err != nil {
		return nil, err
	}
	have := make(map[string]bool, len(list.Results))
	for _, r := range list.Results {
		have[r.Name] = true
	}
	return have, nil
}
