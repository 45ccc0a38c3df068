package mapping

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// The bounds of what is kept of a record's custom fields. Of more fields the first by name are kept; longer
// texts are cut.
const (
	maxCustom     = 200
	maxCustomName = 200
	maxCustomText = 4000
)

// custom says which of the vendor's own fields are kept under their own names.
type custom struct {
	// from is an object, or a list of elements with a key and a value.
	from         []path
	key, value   []path
	prefix       string
	only, except *patterns
	// kept is the index of the members that the picker kept for it, -1 where it reads them itself.
	kept int
}

func (c *custom) keeps(name string) bool {
	switch {
	case name == "" || len(name) > maxCustomName || !strings.HasPrefix(name, c.prefix):
		return false
	case c.only != nil && !c.only.match(name):
		return false
	}
	return c.except == nil || !c.except.match(name)
}

// patterns are names, some of which begin or end in a star.
type patterns struct {
	names              map[string]bool
	prefixes, suffixes []string
}

// newPatterns returns nil for a list that the file lacks.
func newPatterns(list []string) *patterns {
	if list == nil {
		return nil
	}
	p := &patterns{names: map[string]bool{}}
	for _, s := range list {
		if prefix, ok := strings.CutSuffix(s, "*"); ok {
			p.prefixes = append(p.prefixes, prefix)
		} else if suffix, ok := strings.CutPrefix(s, "*"); ok {
			p.suffixes = append(p.suffixes, suffix)
		} else {
			p.names[s] = true
		}
	}
	return p
}

func (p *patterns) match(name string) bool {
	if p.names[name] {
		return true
	}
	for _, prefix := range p.prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for _, suffix := range p.suffixes {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// collect adds the fields to into; a name that is there already stays.
func (c *custom) collect(s *source, into map[string]any) {
	add := func(name string, v gjson.Result) {
		name = clean(name)
		if _, ok := into[name]; ok || !c.keeps(name) {
			return
		}
		if value := plain(v); value != nil {
			into[name] = value
		}
	}
	if c.key == nil && c.kept >= 0 && !s.inEach {
		c.collectKept(s.members[c.kept], into)
		return
	}
	from, _ := s.first(c.from)
	if c.key == nil {
		if from.IsObject() {
			from.ForEach(func(k, v gjson.Result) bool {
				add(k.Str, v)
				return true
			})
		}
		return
	}
	if !from.IsArray() {
		return
	}
	from.ForEach(func(_, element gjson.Result) bool {
		in := s.within(element)
		k, _ := in.scalar(c.key)
		v, _ := in.scalar(c.value)
		add(text(k), v)
		return true
	})
}

// collectKept adds what the picker kept.
func (c *custom) collectKept(members []member, into map[string]any) {
	if len(into) > 0 {
		for _, m := range members {
			if _, ok := into[m.name]; !ok {
				if value := plain(m.value); value != nil {
					into[m.name] = value
				}
			}
		}
		return
	}
	// From behind, as of a name that stands twice the first value counts.
	for _, m := range slices.Backward(members) {
		if value := plain(m.value); value != nil {
			into[m.name] = value
		}
	}
}

// plain returns a text, number or boolean, nil for all else. A number that a float cannot hold stays a text.
func plain(v gjson.Result) any {
	switch v.Type {
	case gjson.True:
		return true
	case gjson.False:
		return false
	case gjson.String:
		s := strings.TrimSpace(clean(v.Str))
		if len(s) > maxCustomText {
			s = strings.ToValidUTF8(s[:maxCustomText], "")
		}
		if s == "" {
			return nil
		}
		return s
	case gjson.Number:
		n, ok := decimal(v.Raw)
		if !ok {
			return shortText(v.Raw)
		}
		f, exact := n.Float64()
		if n.IsInt() && !exact {
			return v.Raw
		}
		return f
	}
	return nil
}

func shortText(s string) string { return s[:min(len(s), maxCustomText)] }

// bound keeps the first maxCustom fields by name.
func bound(fields map[string]any) {
	if len(fields) <= maxCustom {
		return
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names[maxCustom:] {
		delete(fields, name)
	}
}
