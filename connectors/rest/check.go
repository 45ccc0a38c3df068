package rest

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

var (
	streamName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	variable   = regexp.MustCompile(`^(setting\.[a-z0-9_]+|list\.[a-z0-9_]+|part\.[a-z0-9_]+|stream|token|last_id|last_key|since|until|start|tie|id|ids|job)$`)
	formats    = []string{"", "rfc3339", "rfc3339_ms", "unix", "unix_ms", "date", "datetime", "http", "csv", "quoted", "list"}
)

func (c *complaints) spec(s *Spec) {
	if s.BaseURL == "" {
		c.add("base_url", "base_url is missing: write the URL that every path is appended to")
	}
	c.text("base_url", s.BaseURL, "setting")
	for i, a := range s.Auth {
		c.auth(s, fmt.Sprintf("auth[%d]", i), a)
	}
	for i, r := range s.Errors {
		at := fmt.Sprintf("errors[%d]", i)
		c.oneOf(at+".action", r.Action, "retry", "later", "fail", "ignore", "rate_limited", "restart")
		if len(r.Status) == 0 && r.Path == "" {
			c.add(at, "an error rule needs a status or a path")
		}
	}
	c.budgets(s)
	c.request(s, "check", s.Check)
	for _, name := range sortedKeys(s.Lists) {
		l := s.Lists[name]
		c.request(s, "lists."+name+".request", l.Request)
		if l.Value == "" {
			c.add("lists."+name, "list %q has no value: write the path of the name in each item", name)
		}
		if l.Chunk && l.MaxChars < 1 {
			c.add("lists."+name+".chunk", "chunk goes with max_chars: how long a part may be")
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
		c.stream(s, at, st)
		c.partitions(s, at+".partitions", st, seen)
		seen[st.Name] = true
	}
	for i, h := range s.Hooks {
		c.hook(fmt.Sprintf("hooks[%d]", i), h, seen)
	}
	c.about(s.About)
}

func (c *complaints) stream(s *Spec, at string, st *Stream) {
	if !streamName.MatchString(st.Name) {
		c.add(at+".name", "stream name %q will not do: use lower-case letters, digits and underscores", st.Name)
	}
	if st.Title == "" {
		c.add(at, "stream %q has no title", st.Name)
	}
	if st.ID == "" {
		c.add(at, "stream %q has no id: write the path of the record's id", st.Name)
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
		c.oneOf(at+".archived.reason", or(st.Archived.Reason, "archived"), "archived", "deleted")
		c.feed(s, at+".archived.feed", st.Archived.Feed)
	}
	c.extras(s, at, st)
}

// extras checks what a stream may have besides its feeds.
func (c *complaints) extras(s *Spec, at string, st *Stream) {
	c.shape(at, st.Shape)
	windowed := st.Changes != nil && st.Changes.Mode != "continue"
	if st.Delayed != nil && (!windowed || st.Delayed.Lag == 0 || (st.Partitions != nil && st.Partitions.Changed)) {
		c.add(at+".delayed", "delayed does not fit here: it needs a lag and changes in mode window or events, and no partitions.changed")
	}
	if sw := st.Sweep; sw != nil {
		if sw.Every == 0 || (sw.Guard != nil && (*sw.Guard < 0 || *sw.Guard > 1)) {
			c.add(at+".sweep", "sweep needs every, such as 24h, and a guard from 0 to 1")
		}
		if st.Changes != nil && st.Changes.Mode == "continue" {
			c.add(at+".sweep", "mode continue cannot sweep: its feed lists everything only once")
		}
	}
	if st.Merged != nil && st.Merged.Path == "" {
		c.add(at+".merged", "merged needs path: where the record names those that became part of it")
	}
	if f := st.Fetch; f != nil {
		c.request(s, at+".fetch.request", f.Request)
		c.shape(at+".fetch", f.Shape)
		c.enrichments(s, at+".fetch", f.Enrich)
		if !f.single() && !f.many() {
			c.add(at+".fetch.request", "fetch names no record: use ${id} for one at a time or ${ids} for several")
		}
	}
	if f := st.Fields; f != nil {
		c.request(s, at+".fields.request", f.Request)
		c.paging(at+".fields.paging", f.Paging)
		if f.Name == "" {
			c.add(at+".fields", "fields needs name: the path of the field's name in each item")
		}
	}
}

func (c *complaints) shape(at string, s Shape) {
	if s.Collect != nil && (s.Collect.Prefix == "" || s.Collect.Into == "") {
		c.add(at+".collect", "collect needs prefix and into")
	}
	if s.Flatten != nil && s.Flatten.Path == "" {
		c.add(at+".flatten", "flatten needs path: where the object is whose members move up")
	}
	if len(s.Parent) > 0 && s.Explode == "" {
		c.add(at+".parent", "parent belongs to explode: it says what each element takes from around it")
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
	c.oneOf(at+".granularity", or(ch.Granularity, "moment"), "moment", "day")
	c.text(at+".timezone", ch.Timezone, "setting")
	if !strings.Contains(ch.Timezone, "${") {
		if _, err := time.LoadLocation(ch.Timezone); err != nil {
			c.add(at+".timezone", "time zone %q is unknown: write it as in Europe/Berlin", ch.Timezone)
		}
	}
	if ch.Mode == "continue" {
		if st.Archived != nil || st.Partitions != nil {
			c.add(at, "mode continue goes with neither archived nor partitions: each owns the page token")
		}
		if ch.Refresh > 0 || ch.Step > 0 {
			c.add(at+".refresh", "mode continue has neither refresh nor step: its feed is the full one")
		}
	} else {
		c.feed(s, at+".feed", ch.Feed)
	}
	if ch.Reset != nil {
		c.reset(s, at+".reset", *ch.Reset, ch.Feed.Paging)
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

func (c *complaints) reset(s *Spec, at string, r Reset, p Paging) {
	c.oneOf(at+".by", or(r.By, "time"), "time", "id")
	if r.Records < 1 && p.MaxPages < 1 {
		c.add(at, "reset needs records, or the paging max_pages: how much of the list to read before it is restarted")
	}
	if r.By != "id" && r.Path == "" {
		c.add(at, "reset needs path: the record's modification time as the list is sorted by it")
	}
	if r.Ties != nil {
		c.feed(s, at+".ties", *r.Ties)
	}
}

func (c *complaints) feed(s *Spec, at string, f Feed) {
	if f.Job != nil {
		c.job(s, at+".job", *f.Job)
	} else {
		c.request(s, at+".request", f.Request)
	}
	c.oneOf(at+".format", or(f.Format, "json"), "json", "jsonl", "csv")
	c.paging(at+".paging", f.Paging)
	c.shape(at, f.Shape)
	if f.Reset != nil {
		c.reset(s, at+".reset", *f.Reset, f.Paging)
	}
	c.enrichments(s, at, f.Enrich)
}

func (c *complaints) enrichments(s *Spec, at string, all []Enrich) {
	for i, e := range all {
		ea := fmt.Sprintf("%s.enrich[%d]", at, i)
		if e.Member == "" || e.Key == "" || e.ID == "" || e.Items == "" || e.Size < 1 || len(e.Take) == 0 {
			c.add(ea, "enrich needs member, key, size, id, items and take")
		}
		c.request(s, ea+".request", e.Request)
	}
}

func (c *complaints) paging(at string, p Paging) {
	c.oneOf(at+".kind", or(p.Kind, "none"), "none", "cursor", "next_url", "link", "offset", "page", "last_id", "keyset")
	if (p.Kind == "cursor" || p.Kind == "next_url") && p.Token == "" {
		c.add(at, "paging %s needs token: the path of the token in the body", p.Kind)
	}
	if (p.Kind == "offset" || p.Kind == "page") && p.Size < 1 {
		c.add(at, "paging %s needs size: a shorter page is the last", p.Kind)
	}
	if (p.Kind == "last_id" || p.Kind == "keyset") && p.More == "" && p.Size < 1 {
		c.add(at, "paging %s needs more or size to know the last page", p.Kind)
	}
	if p.Kind == "keyset" && p.Path == "" {
		c.add(at, "paging keyset needs path: what the list is sorted by")
	}
}

func (c *complaints) job(s *Spec, at string, j Job) {
	c.request(s, at+".create", j.Create)
	c.request(s, at+".poll", j.Poll)
	c.request(s, at+".download", j.Download)
	c.oneOf(at+".format", or(j.Format, "csv"), "csv", "jsonl", "json")
	if j.ID == "" || j.Status == "" || len(j.Done) == 0 {
		c.add(at, "job needs id, status and done")
	}
}

func (c *complaints) request(s *Spec, at string, r Request) {
	c.oneOf(at+".method", or(r.Method, "GET"), "GET", "POST")
	if !strings.HasPrefix(r.Path, "/") {
		c.add(at+".path", "path %q must start with /", r.Path)
	}
	if r.Body != nil && len(r.Form) > 0 {
		c.add(at+".form", "give body or form, not both")
	}
	if len(r.Form) > 0 && r.Method != "POST" {
		c.add(at+".form", "form needs method: POST")
	}
	if r.Budget != "" {
		if _, ok := s.Budgets[r.Budget]; !ok {
			c.add(at+".budget", "budget %q is not declared under budgets", r.Budget)
		}
	}
	c.text(at+".path", r.Path, "")
	c.text(at+".when", r.When, "")
	for name, m := range map[string]map[string]Values{"query": r.Query, "first": r.First, "form": r.Form} {
		for _, k := range sortedKeys(m) {
			for _, v := range m[k] {
				c.text(at+"."+name+"."+k, v, "")
				c.list(s, at+"."+name+"."+k, v)
			}
		}
	}
	for _, k := range sortedKeys(r.Headers) {
		c.text(at+".headers."+k, r.Headers[k], "")
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
			c.add(at, "variable ${%s} is unknown here: SYNTAX.md lists them", v.name)
		}
		if !slices.Contains(formats, v.format) {
			c.add(at, "format %q of ${%s} is unknown: use rfc3339, rfc3339_ms, unix, unix_ms, date, datetime or http", v.format, v.name)
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
