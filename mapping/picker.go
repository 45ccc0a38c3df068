package mapping

import (
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// picker finds the values of many plain paths in one pass over an object.
type picker struct {
	// node numbers the pickers of a stream.
	node     int
	children map[string]*picker
	slot     int
	// keep are the custom fields that are read from here.
	keep []*custom
	// What follows is of the top picker alone: the slots by path, and how many slots, custom fields and nodes
	// there are.
	seen           map[string]int
	n, kept, nodes int
	// used are sources that nobody reads from any more.
	used sync.Pool
}

func newPicker() *picker {
	return &picker{slot: -1, seen: map[string]int{}, nodes: 1}
}

// collect lets the picker keep the members that c wants, where they are read from one plain path. Only the top
// picker is asked.
func (k *picker) collect(c *custom) {
	c.kept = -1
	if len(c.from) != 1 || c.key != nil {
		return
	}
	at := k
	if text := c.from[0].text; text != "@this" {
		if c.from[0].slot < 0 || c.from[0].tail != "" {
			return
		}
		for _, s := range steps(text) {
			at = at.children[s]
		}
	}
	if len(at.keep) == maxKeeping {
		return
	}
	c.kept = k.kept
	k.kept++
	at.keep = append(at.keep, c)
}

// maxKeeping is how many custom fields of one object are kept in passing.
const maxKeeping = 64

// add returns the slot of path p, or -1 where the picker cannot find it. Only the top picker is added to.
func (k *picker) add(p string) int {
	if slot, ok := k.seen[p]; ok {
		return slot
	}
	parts := steps(p)
	if parts == nil {
		return -1
	}
	at := k
	for _, s := range parts {
		if at.children == nil {
			at.children = map[string]*picker{}
		}
		next := at.children[s]
		if next == nil {
			next = &picker{slot: -1, node: k.nodes}
			k.nodes++
			at.children[s] = next
		}
		at = next
	}
	at.slot = k.n
	k.seen[p] = k.n
	k.n++
	return at.slot
}

// source returns what paths read of an object from, and how deep the object is nested. Give it back by done.
func (k *picker) source(raw []byte) (s *source, depth int) {
	s, ok := k.used.Get().(*source)
	if !ok {
		s = &source{slots: make([]gjson.Result, k.n), members: make([][]member, k.kept), known: make([]names, k.nodes)}
	}
	if len(raw) > 0 && raw[0] == '{' {
		s.root = gjson.Result{Type: gjson.JSON, Raw: view(raw)}
		_, depth = k.walk(s, raw, 0, true)
	}
	return s, depth
}

// done takes a source back, emptied, so that the next record needs no memory of its own for it.
func (k *picker) done(s *source) {
	s.root, s.ref = gjson.Result{}, canon.Ref{}
	clear(s.slots)
	for i := range s.members {
		clear(s.members[i])
		s.members[i] = s.members[i][:0]
	}
	k.used.Put(s)
}

// walk fills the slots of k's children from the object at i, and returns the index behind it and how deep it is
// nested. Of a name that stands twice the first counts that leads to the end of the path, as with gjson's own
// search; first says that the object is that one.
func (k *picker) walk(s *source, b []byte, i int, first bool) (end, depth int) {
	whole := first && len(k.keep) > 0
	known := &s.known[k.node]
	known.last = &known.head
	for i++; i < len(b); {
		switch c := b[i]; {
		case c == '}':
			return i + 1, depth + 1
		case c != '"':
			i++
			continue
		}
		quote, escaped := endOfText(b, i+1)
		n := known.of(k, b, i, quote, escaped)
		i = blanks(b, quote+1)
		if i = blanks(b, i+1); i >= len(b) {
			break
		}
		var deep int
		if i, deep = k.member(s, b, i, n, whole); deep > depth {
			depth = deep
		}
	}
	return len(b), depth + 1
}

// member takes the value at i of the member called n.
func (k *picker) member(s *source, b []byte, i int, n *name, whole bool) (end, depth int) {
	child := n.child
	found := child != nil && child.slot >= 0 && !s.slots[child.slot].Exists()
	if c := b[i]; c == '{' || c == '[' {
		if c == '{' && child != nil && (len(child.children) > 0 || len(child.keep) > 0) {
			end, depth = child.walk(s, b, i, found)
		} else {
			end, depth = endOfNested(b, i)
		}
		if found {
			s.slots[child.slot] = gjson.Result{Type: gjson.JSON, Raw: view(b[i:end])}
		}
		return end, depth
	}
	if keeps := whole && n.keeps != 0; !found && !keeps {
		return endOfValue(b, i)
	}
	var v gjson.Result
	v, end = scalarAt(b, i)
	if found {
		s.slots[child.slot] = v
	}
	if whole && n.keeps != 0 && v.Type != gjson.Null {
		for j, c := range k.keep {
			if n.keeps&(1<<j) != 0 {
				s.members[c.kept] = append(s.members[c.kept], member{n.clean, v})
			}
		}
	}
	return end, 0
}

// memberAt returns the first value under a name in the object at i, and the index behind the object.
func memberAt(b []byte, i int, name string) (v gjson.Result, end int) {
	for i++; i < len(b); {
		switch c := b[i]; {
		case c == '}':
			return v, i + 1
		case c != '"':
			i++
			continue
		}
		quote, escaped := endOfText(b, i+1)
		key := view(b[i+1 : quote])
		if escaped {
			key = gjson.Parse(view(b[i:min(quote+1, len(b))])).Str
		}
		i = blanks(b, quote+1)
		if i = blanks(b, i+1); i >= len(b) {
			break
		}
		at := i
		if c := b[i]; v.Exists() || key != name || c == '{' || c == '[' {
			i, _ = endOfValue(b, i)
			if !v.Exists() && key == name {
				v = gjson.Result{Type: gjson.JSON, Raw: view(b[at:i])}
			}
			continue
		}
		v, i = scalarAt(b, i)
	}
	return v, len(b)
}

// scalarAt reads the text, number or literal at i. Num stays 0: numbers are read from Raw, exactly.
func scalarAt(b []byte, i int) (v gjson.Result, end int) {
	if b[i] == '"' {
		quote, escaped := endOfText(b, i+1)
		end = min(quote+1, len(b))
		if escaped {
			return gjson.Parse(view(b[i:end])), end
		}
		return gjson.Result{Type: gjson.String, Raw: view(b[i:end]), Str: view(b[i+1 : quote])}, end
	}
	end, _ = endOfValue(b, i)
	v.Raw = view(b[i:end])
	switch b[i] {
	case 't':
		v.Type = gjson.True
	case 'f':
		v.Type = gjson.False
	case 'n':
		v.Type = gjson.Null
	default:
		v.Type = gjson.Number
	}
	return v, end
}

// name is what a member's name means to a picker.
type name struct {
	text string
	// clean is the name that a custom field gets, keeps which of the picker's custom fields want it.
	clean string
	keeps uint64
	child *picker
	// next is the name that stood behind this one the last time.
	next *name
}

// names are those that one object had in earlier records. Vendors send the same names in the same order record
// after record, so nearly always the next name is known without a search.
type names struct {
	byText map[string]*name
	// head stands before the first name, last is the one that was read last.
	head name
	last *name
}

// maxNames and maxCustomName bound what is remembered of an object's names: there are objects with a member for
// every day.
const maxNames = 1000

// of returns the meaning of the name between the quotes at i and quote.
func (l *names) of(k *picker, b []byte, i, quote int, escaped bool) *name {
	text := view(b[i+1 : quote])
	if escaped {
		text = gjson.Parse(view(b[i:min(quote+1, len(b))])).Str
	}
	if n := l.last.next; n != nil && n.text == text {
		l.last = n
		return n
	}
	n := l.byText[text]
	if n == nil {
		n = k.meaning(text)
		if len(l.byText) >= maxNames || len(text) > maxCustomName {
			return n
		}
		if l.byText == nil {
			l.byText = map[string]*name{}
		}
		l.byText[n.text] = n
	}
	l.last.next = n
	l.last = n
	return n
}

// meaning finds out what a name means.
func (k *picker) meaning(text string) *name {
	n := &name{text: strings.Clone(text)}
	n.clean, n.child = clean(n.text), k.children[text]
	for j, c := range k.keep {
		if c.keeps(n.text) && c.keeps(n.clean) {
			n.keeps |= 1 << j
		}
	}
	return n
}
