package rest

import (
	"fmt"
	"strings"
)

func (c *complaints) partitions(s *Spec, at string, st *Stream, before map[string]bool) {
	p := st.Partitions
	if p == nil {
		return
	}
	switch {
	case (len(p.List) > 0) == (p.Parent != ""):
		c.add(at, "partitions need list or parent, and not both")
	case p.Parent != "" && !before[p.Parent]:
		c.add(at+".parent", "stream %q is not declared before this one: a parent stands above its children", p.Parent)
	}
	if !streamName.MatchString(p.As) {
		c.add(at+".as", "as %q will not do: use lower-case letters, digits and underscores", p.As)
	}
	for _, v := range p.List {
		c.text(at+".list", v, "")
		c.list(s, at+".list", v)
		if strings.Contains(v, "${list.") && (!strings.HasPrefix(v, "${list.") || strings.IndexByte(v, '}') != len(v)-1) {
			c.add(at+".list", "a list must stand alone: write ${list.name} and nothing else")
		}
	}
}

func (c *complaints) hook(at string, h HookRule, streams map[string]bool) {
	if h.ID == "" {
		c.add(at, "a hook needs id: the path of the object's id")
	}
	if h.Stream.Name == "" && h.Stream.Path == "" && h.Stream.Header == "" {
		c.add(at+".stream", "a hook needs stream: its name, or the path or header of the vendor's word for it")
	}
	if h.Stream.Name != "" && !streams[h.Stream.Name] {
		c.add(at+".stream", "stream %q is not declared under streams", h.Stream.Name)
	}
	for _, word := range sortedKeys(h.Stream.Map) {
		if name := h.Stream.Map[word]; !streams[name] {
			c.add(at+".stream.map", "stream %q is not declared under streams", name)
		}
	}
	if m := h.Merged; m != nil && (m.Into == "" || m.Losers == "") {
		c.add(at+".merged", "merged needs into and losers: the paths of the ids")
	}
}

func (c *complaints) about(a *About) {
	if a == nil {
		return
	}
	if a.Category != "" {
		c.oneOf("about.category", a.Category, "crm", "billing", "support", "marketing", "usage", "survey", "other")
	}
	names := map[string]bool{}
	for i, s := range a.Settings {
		at := fmt.Sprintf("about.settings[%d]", i)
		if !streamName.MatchString(s.Name) || names[s.Name] {
			c.add(at+".name", "setting %q needs a name of its own: use lower-case letters, digits and underscores", s.Name)
		}
		names[s.Name] = true
		if s.Title == "" || s.Doc == "" {
			c.add(at, "setting %q needs title and doc", s.Name)
		}
		if s.Secret && s.Default != "" {
			c.add(at+".default", "setting %q is secret and cannot have a default", s.Name)
		}
	}
	if h := a.Hook; h != nil && h.Scheme == "" {
		c.add("about.hook", "hook needs scheme: how the vendor's calls prove where they come from")
	}
}
