package rest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/lifecyclehub/hub/canon"
)

// Parse reads a connector.yaml. name is the connector's; it also names the file in complaints, as
// NAME/connector.yaml:line:column. Every complaint found is told, in one error with code "spec.invalid".
func Parse(name string, src []byte) (*Spec, error) {
	file := name + "/connector.yaml"
	spec := &Spec{name: name}
	if err := yaml.UnmarshalWithOptions(src, spec, yaml.Strict()); err != nil {
		return nil, decodeError(file, err)
	}
	tree, err := parser.ParseBytes(src, 0)
	if err != nil {
		return nil, decodeError(file, err)
	}
	c := &complaints{file: file, tree: tree}
	c.spec(spec)
	if err := c.err(); err != nil {
		return nil, err
	}
	return spec, nil
}

func decodeError(file string, err error) error {
	at := file
	text := err.Error()
	var pos yaml.Error
	if errors.As(err, &pos) {
		text = pos.GetMessage()
		if tk := pos.GetToken(); tk != nil && tk.Position != nil {
			at = fmt.Sprintf("%s:%d:%d", file, tk.Position.Line, tk.Position.Column)
		}
	}
	return canon.Errorf("spec.invalid", "%s: %s", at, text).
		WithHint("Correct the line; connectors/rest/SYNTAX.md lists every key.")
}

// complaints collects what is wrong, each with its place in the file.
type complaints struct {
	file string
	tree *ast.File
	msgs []string
}

func (c *complaints) add(path, format string, args ...any) {
	c.msgs = append(c.msgs, c.position(path)+": "+fmt.Sprintf(format, args...))
}

// position finds the nearest existing node at or above the path.
func (c *complaints) position(path string) string {
	for p := path; p != ""; {
		if yp, err := yaml.PathString("$." + p); err == nil {
			if node, err := yp.FilterFile(c.tree); err == nil && node != nil {
				if pos := node.GetToken().Position; pos != nil {
					return fmt.Sprintf("%s:%d:%d", c.file, pos.Line, pos.Column)
				}
			}
		}
		cut := strings.LastIndexAny(p, ".[")
		if cut < 0 {
			break
		}
		p = p[:cut]
	}
	return c.file + ":1:1"
}

func (c *complaints) err() error {
	if len(c.msgs) == 0 {
		return nil
	}
	return canon.Errorf("spec.invalid", "%s", strings.Join(c.msgs, "\n")).
		WithHint("Correct the lines; connectors/rest/SYNTAX.md lists every key.")
}

func (c *complaints) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.add(path, "%q is unknown here: use one of %s", value, strings.Join(allowed, ", "))
	}
}

func (c *complaints) spec(s *Spec) {
	if s.BaseURL == "" {
		c.add("base_url", "base_url is missing: write the URL that every path is appended to")
	}
	c.text("base_url", s.BaseURL, "setting")
	for i, a := range s.Auth {
		c.auth(fmt.Sprintf("auth[%d]", i), a)
	}
	for i, r := range s.Errors {
		at := fmt.Sprintf("errors[%d]", i)
		c.oneOf(at+".action", r.Action, "retry", "later", "fail", "ignore", "rate_limited", "restart")
		if len(r.Status) == 0 && r.Path == "" {
			c.add(at, "an error rule needs a status or a path")
		}
	}
	for _, name := range sortedKeys(s.Budgets) {
		if b := s.Budgets[name]; b.Rate == "" || b.Per == 0 {
			c.add("budgets."+name, "a budget needs rate and per, such as rate: 5 and per: 1s")
		}
	}
	c.request(s, "check", s.Check)
	for _, name := range sortedKeys(s.Lists) {
		l := s.Lists[name]
		c.request(s, "lists."+name+".request", l.Request)
		if l.Value == "" {
			c.add("lists."+name, "a list needs value: the path of the name in each item")
		}
	}
	if len(s.Streams) == 0 {
		c.add("streams", "no stream is declared: a connector needs at least one")
	}
	seen := map[string]bool{}
	for i := range s.Streams {
		at, st := fmt.Sprintf("streams[%d]", i), &s.Streams[i]
		if seen[st.Name] {
			c.add(at+".name", "stream %q is declared twice", st.Name)
		}
		seen[st.Name] = true
		c.stream(s, at, st)
	}
}

func (c *complaints) auth(at string, a Auth) {
	c.oneOf(at+".kind", a.Kind, "bearer", "basic", "header", "query")
	switch {
	case a.Kind == "basic" && a.User == "":
		c.add(at, "basic authentication needs user")
	case a.Kind != "basic" && a.Token == "":
		c.add(at, "%s authentication needs token", a.Kind)
	case (a.Kind == "header" || a.Kind == "query") && a.Name == "":
		c.add(at, "%s authentication needs name", a.Kind)
	}
	for _, t := range []string{a.Token, a.User, a.Password} {
		c.text(at, t, "setting")
	}
}

func (c *complaints) stream(s *Spec, at string, st *Stream) {
	if !streamName.MatchString(st.Name) {
		c.add(at+".name", "stream name %q: use lower-case letters, digits and underscores", st.Name)
	}
	if st.Title == "" {
		c.add(at, "stream %q has no title", st.Name)
	}
	if st.ID == "" {
		c.add(at, "stream %q has no id: the path of the record's id", st.Name)
	}
	for _, k := range st.Kinds {
		if !slices.Contains(canon.Kinds(), k) {
			c.add(at+".kinds", "kind %q is unknown: use one of %v", k, canon.Kinds())
		}
	}
	c.version(at+".version", st.Version)
	c.feed(s, at+".full", st.Full)
	if st.Changes != nil {
		c.changes(s, at+".changes", st)
	}
	if st.Archived != nil {
		c.version(at+".archived.version", st.Archived.Version)
		c.feed(s, at+".archived.feed", st.Archived.Feed)
	}
}

func (c *complaints) version(at string, v Version) {
	c.oneOf(at+".format", or(v.Format, "auto"), "auto", "unix", "unix_ms", "rfc3339", "sequence")
	if v.Path != "" && len(v.Max) > 0 {
		c.add(at, "give path or max, not both")
	}
}

func (c *complaints) changes(s *Spec, at string, st *Stream) {
	ch := st.Changes
	c.oneOf(at+".mode", ch.Mode, "window", "continue", "events")
	if ch.Mode == "continue" && st.Archived != nil {
		c.add(at, "mode continue and archived do not go together: both own the page token")
	}
	if ch.Mode == "continue" && ch.Refresh > 0 {
		c.add(at+".refresh", "mode continue cannot refresh: its feed is the full one")
	}
	if ch.Mode != "continue" {
		c.feed(s, at+".feed", ch.Feed)
	}
	if r := ch.Reset; r != nil {
		if ch.Mode != "window" || r.Records < 1 || r.Path == "" || r.Step == 0 {
			c.add(at+".reset", "reset belongs to mode window and needs records, path and step")
		}
		c.feed(s, at+".reset.ties", r.Ties)
	}
	if (ch.Mode == "events") != (ch.Events != nil) {
		c.add(at, "mode events and the section events belong together")
	}
	if e := ch.Events; e != nil {
		if e.Object == "" || e.Time == "" {
			c.add(at+".events", "events need object (the path of the id) and time")
		}
		c.request(s, at+".events.fetch", e.Fetch)
	}
}

func (c *complaints) feed(s *Spec, at string, f Feed) {
	c.request(s, at+".request", f.Request)
	p := f.Paging
	c.oneOf(at+".paging.kind", or(p.Kind, "none"), "none", "cursor", "next_url", "link", "offset", "page", "last_id")
	if (p.Kind == "cursor" || p.Kind == "next_url") && p.Token == "" {
		c.add(at+".paging", "paging %s needs token: the path of the token in the body", p.Kind)
	}
	if (p.Kind == "offset" || p.Kind == "page") && p.Size < 1 {
		c.add(at+".paging", "paging %s needs size: a shorter page is the last", p.Kind)
	}
	if p.Kind == "last_id" && p.More == "" && p.Size < 1 {
		c.add(at+".paging", "paging last_id needs more or size to know the last page")
	}
	for i, e := range f.Enrich {
		ea := fmt.Sprintf("%s.enrich[%d]", at, i)
		if e.Member == "" || e.Key == "" || e.ID == "" || e.Items == "" || e.Size < 1 || len(e.Take) == 0 {
			c.add(ea, "enrich needs member, key, size, id, items and take")
		}
		c.request(s, ea+".request", e.Request)
	}
}

var (
	streamName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	variable   = regexp.MustCompile(`^(setting\.[a-z0-9_]+|list\.[a-z0-9_]+|stream|token|last_id|since|start|tie|id|ids)$`)
	formats    = []string{"", "rfc3339", "unix", "unix_ms", "date"}
)

func (c *complaints) request(s *Spec, at string, r Request) {
	c.oneOf(at+".method", or(r.Method, "GET"), "GET", "POST")
	if !strings.HasPrefix(r.Path, "/") {
		c.add(at+".path", "path %q must start with /", r.Path)
	}
	if r.Budget != "" {
		if _, ok := s.Budgets[r.Budget]; !ok {
			c.add(at+".budget", "budget %q is not declared under budgets", r.Budget)
		}
	}
	c.text(at+".path", r.Path, "")
	for _, m := range []map[string]Values{r.Query, r.First} {
		for _, k := range sortedKeys(m) {
			for _, v := range m[k] {
				c.text(at+".query", v, "")
				c.list(s, at+".query", v)
			}
		}
	}
	eachText(r.Body, func(t string) { c.text(at+".body", t, ""); c.list(s, at+".body", t) })
}

// text checks the variables of one text; only restricts their first part.
func (c *complaints) text(at, text, only string) {
	vars, err := variables(text)
	if err != nil {
		c.add(at, "%s", err)
		return
	}
	for _, v := range vars {
		if !variable.MatchString(v.name) || (only != "" && !strings.HasPrefix(v.name, only+".")) {
			c.add(at, "variable ${%s} is unknown here", v.name)
		}
		if !slices.Contains(formats, v.format) {
			c.add(at, "format %q of ${%s} is unknown: use rfc3339, unix, unix_ms or date", v.format, v.name)
		}
	}
}

func (c *complaints) list(s *Spec, at, text string) {
	vars, _ := variables(text)
	for _, v := range vars {
		name, ok := strings.CutPrefix(v.name, "list.")
		if _, known := s.Lists[name]; ok && !known {
			c.add(at, "list %q is not declared under lists", name)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
