package rt

import (
	"context"
	"net/http"
	"net/url"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// field is what it takes to create a custom field. With Queue it is applied to all queues.
type field struct {
	Name        string `json:"Name"`
	Description string `json:"Description,omitempty"`
	Type        string `json:"Type"`
	LookupType  string `json:"LookupType,omitempty"`
	Queue       *int   `json:"Queue,omitempty"`
}

// Prepare creates the custom fields that are missing and returns their names. Those of tickets are applied to
// all queues. Those of users are created too, but only an administrator can apply them: until then Prepare
// fails with push.field_unapplied and says where.
func (c *conn) Prepare(ctx context.Context, stream string, fields []connectors.FieldSpec) ([]string, error) {
	if err := writable(stream); err != nil {
		return nil, err
	}
	lookup := map[string]string{"tickets": "RT::Queue-RT::Ticket", "users": "RT::User"}[stream]
	there, err := c.list(ctx, "/REST/2.0/customfields", url.Values{
		"query": {`[{"field":"LookupType","value":"` + lookup + `"}]`}, "fields": {"id,Name"}})
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, f := range there {
		have[f.Name] = true
	}
	var created []string
	for _, f := range fields {
		if have[f.Name] {
			continue
		}
		if err := c.create(ctx, lookup, f); err != nil {
			return created, err
		}
		created = append(created, f.Name)
	}
	if stream == "users" {
		return created, c.applied(ctx, fields)
	}
	return created, nil
}

// create makes one field. Texts hold numbers and moments as Hub writes them: Request Tracker's own dates would
// be in the zone of who writes.
func (c *conn) create(ctx context.Context, lookup string, f connectors.FieldSpec) error {
	in := field{Name: f.Name, Description: f.Label, Type: "FreeformSingle", LookupType: lookup}
	if lookup != "RT::User" {
		in.LookupType, in.Queue = "", new(int)
	}
	switch f.Type {
	case "text", "number", "datetime":
	case "enum":
		in.Type = "SelectSingle"
	default:
		return canon.Errorf("push.field_type", "field %s has the type %q, which Request Tracker has no custom field for", f.Name, f.Type).
			WithHint("Use text, number, datetime or enum in the mapping's push section.")
	}
	var made item
	if err := c.send(ctx, message{http.MethodPost, "/REST/2.0/customfield", in}, &made); err != nil {
		return err
	}
	if f.Type != "enum" {
		return nil
	}
	for _, option := range f.Options {
		var ignored struct{}
		path := "/REST/2.0/customfield/" + url.PathEscape(made.ID.String()) + "/value"
		if err := c.send(ctx, message{http.MethodPost, path, map[string]string{"Name": option}}, &ignored); err != nil {
			return err
		}
	}
	return nil
}

// applied looks at a user for the fields: one that is not applied is not shown.
func (c *conn) applied(ctx context.Context, fields []connectors.FieldSpec) error {
	nobody, err := c.user(ctx, "Nobody") // whom every Request Tracker has
	if err != nil {
		return err
	}
	for _, f := range fields {
		if _, ok := nobody.CustomFields[f.Name]; !ok {
			return canon.Errorf("push.field_unapplied", "the custom field %s of users is there but not applied, and the API has no way to", f.Name).
				WithHint("In Request Tracker: Admin, Custom Fields, %s, Applies to, check \"Apply globally\", Submit. Then push again.", f.Name)
		}
	}
	return nil
}
