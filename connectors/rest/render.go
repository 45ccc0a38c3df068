package rest

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

func (c *Conn) scope(stream string, cur cursor) *scope {
	sc := &scope{
		stream: stream, token: cur.Token, lastID: cur.Token, lastKey: cur.Key, settings: c.settings, lists: map[string][]string{},
		since: micros(max(cur.Since, 0)), until: micros(max(cur.Until, 0)), start: micros(cur.Start), tie: micros(cur.Tie),
	}
	if cur.Job != nil {
		sc.job = cur.Job.ID
	}
	return sc
}

// send makes a request with the variables of sc. Where its when does not hold, the answer is empty.
func (c *Conn) send(ctx context.Context, r Request, sc *scope, any bool) (Answer, error) {
	if r.When != "" && !sc.holds(r.When) {
		return Answer{Status: skippedStatus, Header: http.Header{}, Body: []byte("{}")}, nil
	}
	call, err := c.render(ctx, r, sc)
	if err != nil {
		return Answer{}, err
	}
	call.Any, call.lend = any, sc.lend
	return c.client.do(ctx, call)
}

// skippedStatus marks the answer to a request that was not made. Like an answer that an error rule ignores, it
// says nothing of what the vendor holds.
const skippedStatus = 499

// render fills in a request; lists that it names are fetched first.
func (c *Conn) render(ctx context.Context, r Request, sc *scope) (Call, error) {
	if err := c.loadLists(ctx, r, sc); err != nil {
		return Call{}, err
	}
	call := Call{
		Method: or(r.Method, http.MethodGet), Path: sc.expand(r.Path, url.PathEscape), Query: url.Values{},
		Budget: r.Budget, Idempotent: r.Idempotent, Accept: r.Accept,
	}
	sc.fill(call.Query, r.Query)
	if sc.token == "" {
		sc.fill(call.Query, r.First)
	}
	if len(r.Form) > 0 {
		call.Form = url.Values{}
		sc.fill(call.Form, r.Form)
	}
	if len(r.Headers) > 0 {
		call.Header = map[string]string{}
		for k, v := range r.Headers {
			if v = sc.expand(v, nil); v != "" {
				call.Header[k] = v
			}
		}
	}
	body, err := sc.body(r.Body)
	if err != nil {
		return Call{}, canon.Errorf("request.invalid", "the body of %s cannot be written as JSON: %w", r.Path, err)
	}
	call.Body = body
	return call, nil
}

// fill adds the parameters whose value comes out with something in it.
func (s *scope) fill(into url.Values, params map[string]Values) {
	for k, vs := range params {
		for _, v := range vs {
			if got := s.expand(v, nil); got != "" {
				into.Add(k, got)
			}
		}
	}
}

// eachRequestText visits every text of a request in which variables may stand.
func eachRequestText(r Request, visit func(string)) {
	visit(r.Path)
	for _, m := range []map[string]Values{r.Query, r.First, r.Form} {
		for _, vs := range m {
			for _, v := range vs {
				visit(v)
			}
		}
	}
	for _, v := range r.Headers {
		visit(v)
	}
	eachText(r.Body, visit)
}

// listsOf names the lists that a request needs.
func listsOf(r Request) []string {
	var names []string
	eachRequestText(r, func(t string) {
		if !strings.Contains(t, "${list.") {
			return
		}
		vars, _ := variables(t)
		for _, v := range vars {
			if name, ok := strings.CutPrefix(v.name, "list."); ok {
				names = append(names, name)
			}
		}
	})
	return names
}

func (c *Conn) loadLists(ctx context.Context, r Request, sc *scope) error {
	for _, name := range listsOf(r) {
		if _, ok := sc.lists[name]; ok {
			continue
		}
		values, err := c.list(ctx, name)
		if err != nil {
			return err
		}
		sc.lists[name] = values
	}
	return nil
}
