package airbyte

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// request is one request with everything filled in.
type request struct {
	method string
	url    *url.URL
	query  url.Values
	header map[string]string
	// json is the body where it is not nil; else form, else text.
	json any
	form *dict
	text string
}

// expression turns an evaluation's error into one that an operator can use.
func expression(what string, err error) error {
	if err == nil {
		return nil
	}
	return canon.Errorf("manifest.expression", "%s cannot be computed: %v", what, err).
		WithHint("Check the connection's settings; else the manifest does not fit what the vendor answers.")
}

// parts tells what a request is made for.
type parts struct {
	sc *scope
	// token is the next page's; path takes its place in the address.
	token any
	path  string
	// options are further values with where they go.
	options []placed
}

type placed struct {
	to  *option
	val any
}

// build makes the request that the requester describes.
func (r *requester) build(p parts) (*request, error) {
	rq := &request{method: r.method, query: url.Values{}, header: map[string]string{}}
	var err error
	if rq.url, err = r.address(p); err != nil {
		return nil, err
	}
	if err := r.params.into(p.sc, func(k string, v any) { addQuery(rq.query, k, v) }); err != nil {
		return nil, expression("a request parameter", err)
	}
	if err := r.headers.literals(p.sc, func(k string, v any) { rq.header[http.CanonicalHeaderKey(k)] = pyStr(v) }); err != nil {
		return nil, expression("a request header", err)
	}
	if r.body != nil {
		if rq.json, err = grow(r.body, p.sc); err != nil {
			return nil, expression("the request's body", err)
		}
	}
	if r.form.text != nil {
		if rq.text, err = r.form.text.render(p.sc); err != nil {
			return nil, expression("the request's body", err)
		}
	} else if len(r.form.keys) > 0 {
		rq.form = newDict()
		if err := r.form.into(p.sc, func(k string, v any) { rq.form.set(k, v) }); err != nil {
			return nil, expression("the request's body", err)
		}
	}
	for _, o := range p.options {
		if err := o.to.put(rq, o.val, p.sc); err != nil {
			return nil, err
		}
	}
	rq.dedupe()
	return rq, nil
}

// dedupe leaves out parameters that the address already has with the same value.
func (rq *request) dedupe() {
	have := rq.url.Query()
	for k := range rq.query {
		if len(have[k]) > 0 && len(rq.query[k]) == 1 && have[k][0] == rq.query[k][0] {
			delete(rq.query, k)
		}
	}
}

func addQuery(q url.Values, k string, v any) {
	if list, ok := v.([]any); ok {
		q.Del(k)
		for _, x := range list {
			q.Add(k, pyStr(x))
		}
		return
	}
	q.Set(k, pyStr(v))
}

// into evaluates pairs as parameters: texts stay texts, lists are several values, nothing is left out.
func (in inputs) into(sc *scope, put func(string, any)) error {
	if in.text != nil {
		v, err := in.text.eval(sc, nil)
		if d, ok := v.(*dict); ok {
			for _, k := range d.keys {
				put(k, d.vals[k])
			}
		}
		return err
	}
	return in.each(sc, put, func(t *tmpl) (any, error) { return t.param(sc) })
}

// literals evaluates pairs as headers: what looks like a number is one, and is printed as Python prints it.
func (in inputs) literals(sc *scope, put func(string, any)) error {
	return in.each(sc, put, func(t *tmpl) (any, error) { return t.eval(sc, nil) })
}

func (in inputs) each(sc *scope, put func(string, any), value func(*tmpl) (any, error)) error {
	for i, kt := range in.keys {
		k, err := kt.render(sc)
		if err != nil {
			return err
		}
		v := in.vals[i]
		if t, ok := v.(*tmpl); ok {
			if v, err = value(t); err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
		}
		if v != nil {
			put(k, v)
		}
	}
	return nil
}

// address joins the base and the path as a browser does, the base taken as a folder.
func (r *requester) address(p parts) (*url.URL, error) {
	base := r.base
	if base == nil || base.src == "" {
		base = r.url
	}
	text, err := base.text(p.sc)
	if err != nil {
		return nil, expression("the address", err)
	}
	path := p.path
	if path == "" && base != r.url || path == "" && r.path != nil {
		if path, err = r.path.text(p.sc); err != nil {
			return nil, expression("the path", err)
		}
		path = strings.TrimLeft(path, "/")
	}
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return nil, canon.Errorf("settings.base_url", "the base address of the connection is no http or https URL").
			WithHint("Check the settings that the address is made of.")
	}
	if path == "" {
		return u, nil
	}
	joined, err := join2(u, path)
	if err != nil {
		return nil, canon.Errorf("request.invalid", "a request to %s has a path that is no URL path", u.Host).
			WithHint("Check the settings that the path is made of.")
	}
	if joined.Host == u.Host && joined.Scheme != u.Scheme {
		// A link of the vendor's own that lost its s must not carry the credential in clear.
		joined.Scheme = u.Scheme
	}
	if p.path != "" && joined.Host != u.Host {
		return nil, canon.Errorf("page.foreign_url", "the vendor's next page is at another host than %s; it was not fetched", u.Host).
			WithHint("The credential belongs to %s only. If the vendor moved, change the manifest's base address.", u.Host)
	}
	if joined.Scheme != "http" && joined.Scheme != "https" || joined.User != nil {
		return nil, canon.Errorf("request.invalid", "a request to %s leads to what is no web address", u.Host).
			WithHint("Check the settings that the path is made of.")
	}
	return joined, nil
}

func join2(u *url.URL, path string) (*url.URL, error) {
	base := *u
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
		base.RawPath = ""
	}
	head, _, _ := strings.Cut(path, "/")
	if strings.Contains(head, ":") && !strings.Contains(path, "://") {
		path = "./" + path
	}
	ref, err := url.Parse(path)
	if err != nil {
		return nil, err
	}
	out := base.ResolveReference(ref)
	out.Fragment, out.RawFragment = "", ""
	return out, nil
}

// put writes a value to its place in the request.
func (o *option) put(rq *request, val any, sc *scope) error {
	var name string
	var err error
	if o.name != nil {
		if name, err = o.name.text(sc); err != nil {
			return expression("the name of a request option", err)
		}
	}
	switch o.into {
	case "request_parameter":
		addQuery(rq.query, name, val)
	case "header":
		rq.header[http.CanonicalHeaderKey(name)] = pyStr(val)
	case "body_data":
		if rq.form == nil {
			rq.form = newDict()
		}
		rq.form.set(name, val)
	case "body_json":
		body, ok := rq.json.(*dict)
		if !ok {
			body = newDict()
			rq.json = body
		}
		path := []string{name}
		if o.name == nil {
			path = nil
			for _, t := range o.path {
				s, err := t.text(sc)
				if err != nil {
					return expression("the name of a request option", err)
				}
				path = append(path, s)
			}
		}
		for _, k := range path[:len(path)-1] {
			next, ok := body.vals[k].(*dict)
			if !ok {
				next = newDict()
				body.set(k, next)
			}
			body = next
		}
		body.set(path[len(path)-1], val)
	}
	return nil
}

// wire makes the HTTP request.
func (rq *request) wire() (*http.Request, error) {
	u := *rq.url
	if len(rq.query) > 0 {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += rq.query.Encode()
	}
	var body []byte
	kind := ""
	switch {
	case rq.json != nil:
		body, kind = encodeJSON(rq.json), "application/json"
	case rq.form != nil:
		q := url.Values{}
		for _, k := range rq.form.keys {
			addQuery(q, k, rq.form.vals[k])
		}
		body, kind = []byte(q.Encode()), "application/x-www-form-urlencoded"
	case rq.text != "":
		body = []byte(rq.text)
	}
	var reader *bytes.Reader
	req, err := http.NewRequest(rq.method, u.String(), http.NoBody)
	if body != nil {
		reader = bytes.NewReader(body)
		req, err = http.NewRequest(rq.method, u.String(), reader)
	}
	if err != nil {
		return nil, canon.Errorf("request.invalid", "the request to %s could not be made", rq.url.Host)
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("User-Agent", "lifecyclehub")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for k, v := range rq.header {
		if strings.ContainsAny(k+v, "\r\n\x00") || k == "" {
			return nil, canon.Errorf("request.invalid", "a header of the request to %s cannot be sent: %s", rq.url.Host, k).
				WithHint("Check the settings for line breaks.")
		}
		req.Header.Set(k, v)
	}
	return req, nil
}
