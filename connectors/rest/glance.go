package rest

import (
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"
)

// glance finds what several paths lead to in an object in one pass over it, which is read for one object after
// the other. Paths that are no plain names are searched for one by one, by gjson.
type glance struct {
	item   gjson.Result
	paths  []string
	values []gjson.Result
	root   look
}

// look is one step of a path.
type look struct {
	name string
	// slot is the index of the value, -1 where no path ends here.
	slot int
	next []look
}

func newGlance(paths ...string) *glance {
	g := &glance{root: look{slot: -1}}
	for _, p := range paths {
		g.add(p)
	}
	g.values = make([]gjson.Result, len(g.paths))
	return g
}

func (g *glance) add(path string) {
	steps := plainSteps(path)
	if steps == nil {
		return
	}
	at := &g.root
	for _, s := range steps {
		at = at.step(s)
	}
	if at.slot < 0 {
		at.slot = len(g.paths)
		g.paths = append(g.paths, path)
	}
}

// step returns the step behind l, which it makes where it is not there.
func (l *look) step(name string) *look {
	for i := range l.next {
		if l.next[i].name == name {
			return &l.next[i]
		}
	}
	l.next = append(l.next, look{name: name, slot: -1})
	return &l.next[len(l.next)-1]
}

// at reads an object.
func (g *glance) at(item gjson.Result) {
	g.item = item
	clear(g.values)
	if len(g.paths) > 0 && item.IsObject() {
		b := bytesOf(item.Raw)
		g.walk(&g.root, b, blanks(b, 0))
	}
}

// walk reads the object at i and returns the index behind it. Of a name that stands twice the first counts that
// leads to the end of a path, as with gjson.
func (g *glance) walk(l *look, b []byte, i int) int {
	for i++; i < len(b); {
		switch c := b[i]; {
		case c == '}':
			return i + 1
		case c != '"':
			i++
			continue
		}
		name, at := memberName(b, i)
		if at >= len(b) {
			break
		}
		next := l.find(name)
		if next == nil {
			i = endOfValue(b, at)
			continue
		}
		if b[at] == '{' && len(next.next) > 0 {
			i = g.walk(next, b, at)
		} else {
			i = endOfValue(b, at)
		}
		if next.slot >= 0 && !g.values[next.slot].Exists() {
			g.values[next.slot] = valueOf(b[at:i])
		}
	}
	return len(b)
}

func (l *look) find(name string) *look {
	for i := range l.next {
		if l.next[i].name == name {
			return &l.next[i]
		}
	}
	return nil
}

// get returns what a path leads to in the object that was read last.
func (g *glance) get(path string) gjson.Result {
	for i, p := range g.paths {
		if p == path {
			return g.values[i]
		}
	}
	return g.item.Get(path)
}

// body is an answer whose members at the top are known.
type body struct {
	gjson.Result
	members []member
	// list are the elements of the member that was asked for.
	list gjson.Result
	all  []gjson.Result
}

type member struct {
	name  string
	value gjson.Result
}

// mostMembers bounds how many members at the top are remembered.
const mostMembers = 50

// readMembers finds the members of an answer in one pass over it, and the elements of the list that is one of them.
func readMembers(whole gjson.Result, list string) body {
	out := body{Result: whole}
	if !whole.IsObject() {
		return out
	}
	b := bytesOf(whole.Raw)
	eachMember(b, blanks(b, 0), func(name string, at int) int {
		var all []gjson.Result
		end := 0
		if b[at] == '[' && name == list && !out.list.Exists() {
			all, end = elements(b, at)
		} else {
			end = endOfValue(b, at)
		}
		value := valueOf(b[at:end])
		if name == list && !out.list.Exists() {
			out.list, out.all = value, all
		}
		if len(out.members) <= mostMembers {
			out.members = append(out.members, member{name, value})
		}
		return end
	})
	return out
}

// get is Get, without a search through the whole list.
func (o body) get(path string) gjson.Result {
	if plainSteps(path) == nil || len(o.members) == 0 || len(o.members) > mostMembers {
		return o.Get(path)
	}
	first, rest, deep := strings.Cut(path, ".")
	found, n := gjson.Result{}, 0
	for _, m := range o.members {
		if m.name == first {
			if n++; n == 1 {
				found = m.value
			}
		}
	}
	switch {
	case n > 1:
		return o.Get(path)
	case deep && found.Type == gjson.JSON:
		return found.Get(rest)
	case deep:
		return gjson.Result{}
	}
	return found
}

// array returns the elements of a list that was found by get.
func (o body) array(list gjson.Result) []gjson.Result {
	if o.all != nil && len(o.list.Raw) == len(list.Raw) && unsafe.StringData(o.list.Raw) == unsafe.StringData(list.Raw) {
		return o.all
	}
	all, _ := elements(bytesOf(list.Raw), blanks(bytesOf(list.Raw), 0))
	return all
}
