package mapping

import (
	"slices"

	"github.com/tidwall/gjson"
)

// condition is a compiled when. Exactly one of its parts is set.
type condition struct {
	all, any []condition
	not      *condition
	// path with exists, or with the values of equals or in.
	path   path
	exists *bool
	values []string
}

// holds reports whether the condition is true of s. A condition on a list is true where it is true of any
// of its elements.
func (c *condition) holds(s *source) bool {
	switch {
	case c.all != nil:
		for i := range c.all {
			if !c.all[i].holds(s) {
				return false
			}
		}
		return true
	case c.any != nil:
		for i := range c.any {
			if c.any[i].holds(s) {
				return true
			}
		}
		return false
	case c.not != nil:
		return !c.not.holds(s)
	}
	v := s.get(c.path)
	if c.exists != nil {
		return present(v) == *c.exists
	}
	if v.IsArray() {
		return slices.ContainsFunc(v.Array(), c.matches)
	}
	return present(v) && c.matches(v)
}

func (c *condition) matches(v gjson.Result) bool {
	return v.Type != gjson.JSON && slices.Contains(c.values, text(v))
}
