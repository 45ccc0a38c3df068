package rest

import (
	"context"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

var _ connectors.Describer = (*Conn)(nil)

// Describe lists the fields that the stream's records have at the vendor. Besides the codes of Pull it fails
// with fields.unsupported.
func (c *Conn) Describe(ctx context.Context, stream string) ([]connectors.Field, error) {
	st := c.spec.stream(stream)
	if st == nil {
		return nil, canon.Errorf("stream.unknown", "connector %s has no stream %q", c.spec.name, stream).
			WithHint("The streams are listed on the connector's page.")
	}
	if st.Fields == nil {
		return nil, canon.Errorf("fields.unsupported", "the vendor does not tell the fields of stream %s", stream).
			WithHint("Look at a record to see what it holds.")
	}
	fields, err := c.describe(ctx, st)
	return fields, plain(err)
}

func (c *Conn) describe(ctx context.Context, st *Stream) ([]connectors.Field, error) {
	rule := st.Fields
	out := []connectors.Field{}
	loop, cur := guard{}, cursor{}
	for {
		call, err := c.render(ctx, rule.Request, c.scope(st.Name, cur))
		if err != nil {
			return nil, err
		}
		if rule.Paging.isURL() && cur.Token != "" {
			call.Path, call.Query = cur.Token, nil
		}
		answer, err := c.client.do(ctx, call)
		if err != nil {
			return nil, err
		}
		f := fetched{body: body{Result: gjson.ParseBytes(answer.Body)}, header: answer.Header, base: c.client.base}
		f.items = f.body.Get(or(rule.Items, "@this")).Array()
		f.count = len(f.items)
		f.keys(rule.Name, or(rule.Paging.Path, rule.Name))
		for _, item := range f.items {
			if field, ok := rule.field(item); ok {
				out = append(out, field)
			}
		}
		token, more := rule.Paging.next(f, cur.Token, c.now())
		if !more {
			return out, nil
		}
		if token == "" || loop.repeats(rule.Paging.signature(f, token)) {
			return nil, loopError(st.Name)
		}
		cur.Token = token
	}
}

func (f *Fields) field(item gjson.Result) (connectors.Field, bool) {
	name := text(item.Get(f.Name))
	for _, c := range f.Skip {
		if c.holds(item) {
			return connectors.Field{}, false
		}
	}
	out := connectors.Field{Name: name, Custom: f.Custom.holds(item), Computed: f.Computed.holds(item)}
	at := func(path string) string {
		if path == "" {
			return ""
		}
		return text(item.Get(path))
	}
	out.Label, out.Doc, out.Type = at(f.Label), at(f.Doc), at(f.Type)
	return out, name != ""
}
