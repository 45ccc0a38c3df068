package airbyte

import (
	"slices"
	"strings"
)

// option says where in a request a value goes.
type option struct {
	// into is "request_parameter", "header", "body_data" or "body_json".
	into string
	name *tmpl
	path []*tmpl
}

// inputs are a requester's parameters, headers or body: pairs, or one template for all.
type inputs struct {
	keys []*tmpl
	vals []any
	text *tmpl
}

// requester makes a stream's requests.
type requester struct {
	base, url, path *tmpl
	method          string
	params, headers inputs
	form            inputs
	// body is the JSON body, its texts compiled; nil for none.
	body     any
	auth     authenticator
	errors   *errorHandler
	props    *queryProperties
	propsKey string
}

func (b *builder) requester(d *dict) (*requester, error) {
	if b.use(d) != "HttpRequester" {
		return nil, b.unknown(d, "the requester")
	}
	r := &requester{method: strings.ToUpper(pyStr(orNil(d, "http_method")))}
	if r.method == "NONE" || r.method == "" {
		r.method = "GET"
	}
	if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}, r.method) {
		return nil, b.refuse(d, "the method %s is not supported", r.method)
	}
	for key, into := range map[string]**tmpl{"url_base": &r.base, "url": &r.url, "path": &r.path} {
		t, err := b.tmpl(d, key)
		if err != nil {
			return nil, err
		}
		*into = t
	}
	if r.base == nil && r.url == nil {
		return nil, b.refuse(d, "the requester has neither url_base nor url")
	}
	if err := b.requestParts(r, d); err != nil {
		return nil, err
	}
	var err error
	if r.auth, err = b.authenticator(b.child(d, "authenticator"), r); err != nil {
		return nil, err
	}
	r.errors, err = b.errorHandler(b.child(d, "error_handler"))
	return r, err
}

func (b *builder) requestParts(r *requester, d *dict) error {
	var err error
	if p := b.child(d, "request_parameters"); p != nil {
		// A parameter may be a list of properties to ask for.
		for _, k := range p.keys {
			if q, ok := p.vals[k].(*dict); ok {
				if b.use(q) != "QueryProperties" {
					return b.refuse(p, "the parameter %s is an object", k)
				}
				if r.props, err = b.queryProperties(q); err != nil {
					return err
				}
				r.propsKey = k
				p = p.clone()
				p.del(k)
				d = d.clone()
				d.set("request_parameters", p)
				break
			}
		}
	}
	if q := b.child(d, "query_properties"); q != nil {
		if r.props, err = b.queryProperties(q); err != nil {
			return err
		}
	}
	if b.child(d, "fetch_properties_from_endpoint") != nil {
		return b.refuse(d, "fetch_properties_from_endpoint is not supported")
	}
	if r.params, err = b.inputs(d, "request_parameters"); err != nil {
		return err
	}
	if r.headers, err = b.inputs(d, "request_headers"); err != nil {
		return err
	}
	if r.form, err = b.inputs(d, "request_body_data"); err != nil {
		return err
	}
	if v := orNil(d, "request_body_json"); v != nil {
		if r.body, err = b.tree(d, v); err != nil {
			return err
		}
	}
	if body := b.child(d, "request_body"); body != nil {
		return b.requestBody(r, body)
	}
	return nil
}

func (b *builder) requestBody(r *requester, d *dict) error {
	var err error
	switch b.use(d) {
	case "RequestBodyJsonObject", "RequestBodyGraphQL":
		r.body, err = b.tree(d, orNil(d, "value"))
	case "RequestBodyUrlEncodedForm", "RequestBodyPlainText":
		r.form, err = b.inputs(d, "value")
	default:
		return b.unknown(d, "the request body")
	}
	return err
}

func (b *builder) inputs(d *dict, key string) (inputs, error) {
	var in inputs
	var err error
	switch v := orNil(d, key).(type) {
	case nil:
	case *dict:
		for _, k := range v.keys {
			kt, err := b.compile(d, k)
			if err != nil {
				return in, err
			}
			val := v.vals[k]
			if s, ok := val.(string); ok {
				if val, err = b.compile(d, s); err != nil {
					return in, err
				}
			}
			if _, isDict := val.(*dict); isDict {
				return in, b.refuse(v, "%s.%s is an object", key, k)
			}
			in.keys, in.vals = append(in.keys, kt), append(in.vals, val)
		}
	default:
		in.text, err = b.compile(d, v)
	}
	return in, err
}

// pairTree is a dict whose keys and values are compiled.
type pairTree struct{ keys, vals []any }

// tree compiles the texts within a value.
func (b *builder) tree(d *dict, v any) (any, error) {
	switch v := v.(type) {
	case string:
		return b.compile(d, v)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = b.tree(d, x); err != nil {
				return nil, err
			}
		}
		return out, nil
	case *dict:
		out := &pairTree{}
		for _, k := range v.keys {
			if k == parametersKey {
				continue
			}
			kt, err := b.compile(d, k)
			if err != nil {
				return nil, err
			}
			x, err := b.tree(d, v.vals[k])
			if err != nil {
				return nil, err
			}
			out.keys, out.vals = append(out.keys, kt), append(out.vals, x)
		}
		return out, nil
	}
	return v, nil
}

// grow evaluates a tree. Members that come out as None are left out.
func grow(v any, sc *scope) (any, error) {
	switch v := v.(type) {
	case *tmpl:
		return v.eval(sc, nil)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = grow(x, sc); err != nil {
				return nil, err
			}
		}
		return out, nil
	case *pairTree:
		out := newDict()
		for i := range v.keys {
			k, err := grow(v.keys[i], sc)
			if err != nil {
				return nil, err
			}
			x, err := grow(v.vals[i], sc)
			if err != nil {
				return nil, err
			}
			if x != nil {
				out.set(pyStr(k), x)
			}
		}
		return out, nil
	}
	return v, nil
}

func (b *builder) option(d *dict) (*option, error) {
	if d == nil {
		return nil, nil
	}
	b.use(d)
	o := &option{into: pyStr(orNil(d, "inject_into"))}
	if !slices.Contains([]string{"request_parameter", "header", "body_data", "body_json"}, o.into) {
		return nil, b.refuse(d, "inject_into %s is not supported", o.into)
	}
	var err error
	if o.name, err = b.tmpl(d, "field_name"); err != nil {
		return nil, err
	}
	if o.path, err = b.tmpls(d, "field_path"); err != nil {
		return nil, err
	}
	if o.name == nil && len(o.path) == 0 {
		return nil, b.refuse(d, "a request option has no field_name")
	}
	return o, nil
}

func (b *builder) queryProperties(d *dict) (*queryProperties, error) {
	b.use(d)
	q := &queryProperties{}
	if b.child(d, "property_selector") != nil {
		b.use(b.child(d, "property_selector"))
	}
	always, _ := orNil(d, "always_include_properties").([]any)
	for _, x := range always {
		q.always = append(q.always, pyStr(x))
	}
	switch l := orNil(d, "property_list").(type) {
	case []any:
		for _, x := range l {
			q.names = append(q.names, pyStr(x))
		}
	case *dict:
		b.use(l)
		src := &stream{name: "properties"}
		r := b.child(l, "retriever")
		if r == nil || b.use(r) != "SimpleRetriever" {
			return nil, b.refuse(l, "PropertiesFromEndpoint needs a SimpleRetriever")
		}
		if err := b.retriever(src, r); err != nil {
			return nil, err
		}
		q.source = src
		var err error
		if q.path, err = b.tmpls(l, "property_field_path"); err != nil {
			return nil, err
		}
	}
	if c := b.child(d, "property_chunking"); c != nil {
		b.use(c)
		q.chunked, q.key = true, []string{"id"}
		n, _ := toInt(orNil(c, "property_limit"))
		q.limit, q.chars = int(n), pyStr(orNil(c, "property_limit_type")) == "characters"
		if m := b.child(c, "record_merge_strategy"); m != nil {
			if b.use(m) != "GroupByKeyMergeStrategy" {
				return nil, b.unknown(m, "the merge strategy")
			}
			q.key = nil
			for _, p := range keyPaths(orNil(m, "key")) {
				q.key = append(q.key, p...)
			}
		}
	}
	return q, nil
}
