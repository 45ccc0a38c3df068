package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// asking is one rule's questions about the records of a page, and what was answered.
type asking struct {
	rule  Enrich
	names []string
	keys  [][]byte
	// place is where a record stands on the page, by its id.
	place map[string]int
	// first and found are the objects of each record, text the memory that they are written into.
	first, found [][]json.RawMessage
	text         []byte
	guards       map[string]*guard
	open         []asked
	// answer and item look at an answer and at an item in it.
	answer, item *glance
	// list and every are the parts of the condition's path, where it is about every element of a list.
	list, every string
}

// ask reads one kind of addition for all records, following the pages of records that have many.
func (p *pull) ask(ctx context.Context, e Enrich) ([][]json.RawMessage, error) {
	n := len(p.page.Records)
	a := asking{rule: e, names: sortedKeys(e.Take), place: make(map[string]int, n), found: make([][]json.RawMessage, n),
		guards: map[string]*guard{}, answer: newGlance(e.ID, e.Items, e.More)}
	paths := make([]string, 0, len(a.names)+1)
	for _, name := range a.names {
		a.keys = append(a.keys, append(quoted(name), ':'))
		paths = append(paths, e.Take[name])
	}
	if e.First != nil {
		if list, every, ok := strings.Cut(e.First.Path, ".#."); ok && plainSteps(list) != nil && len(plainSteps(every)) == 1 {
			a.list, a.every = list, every
			paths = append(paths, list)
		}
	}
	a.item = newGlance(paths...)
	for i := range p.page.Records {
		id := p.page.Records[i].ID
		a.place[id] = i
		a.open = append(a.open, asked{ID: id})
	}
	for len(a.open) > 0 {
		size := min(len(a.open), e.Size)
		chunk := a.open[:size]
		a.open = a.open[size:]
		if err := p.askChunk(ctx, &a, chunk); err != nil {
			return nil, err
		}
	}
	for i, items := range a.first {
		if len(items) > 0 {
			a.found[i] = slices.Concat(items, a.found[i])
		}
	}
	return a.found, nil
}

func (p *pull) askChunk(ctx context.Context, a *asking, chunk []asked) error {
	sc := p.asking()
	sc.ids, sc.lend = chunk, true
	answer, err := p.conn.send(ctx, a.rule.Request, sc, false)
	if err != nil {
		return err
	}
	// All that is taken of the answer is copied.
	defer p.conn.client.giveBack(answer)
	whole := gjson.Parse(view(answer.Body))
	list := whole
	if a.rule.Results != "" {
		list = whole.Get(a.rule.Results)
	}
	for _, one := range arrayOf(list) {
		a.answer.at(one)
		more := a.take(a.answer)
		if more.After == "" {
			continue
		}
		if a.guards[more.ID] == nil {
			a.guards[more.ID] = &guard{}
		}
		if a.guards[more.ID].repeats(more.After) {
			return loopError(p.st.Name)
		}
		a.open = append(a.open, more)
	}
	return nil
}

// arrayOf returns the elements of a list; anything else is a list of one, and nothing of none.
func arrayOf(v gjson.Result) []gjson.Result {
	if !v.IsArray() {
		return v.Array()
	}
	b := bytesOf(v.Raw)
	list, _ := elements(b, blanks(b, 0))
	return list
}

// take keeps the items of one answer, and returns what is to be asked for the rest of them.
func (a *asking) take(answer *glance) (more asked) {
	id := text(answer.get(a.rule.ID))
	if a.rule.More != "" {
		more = asked{ID: strings.Clone(id), After: strings.Clone(text(answer.get(a.rule.More)))}
	}
	place, ok := a.place[id]
	if !ok {
		return more
	}
	for _, item := range arrayOf(answer.get(a.rule.Items)) {
		a.item.at(item)
		object := a.object()
		if a.isFirst() {
			if a.first == nil {
				a.first = make([][]json.RawMessage, len(a.found))
			}
			a.first[place] = append(a.first[place], object)
		} else {
			a.found[place] = append(a.found[place], object)
		}
	}
	return more
}

// isFirst decides on the item that was read last.
func (a *asking) isFirst() bool {
	c := a.rule.First
	if c == nil {
		return false
	}
	list := a.item.get(a.list)
	if a.list == "" || !list.IsArray() || c.Exists != nil || c.Equals == nil && c.In == nil && c.Prefix == "" && c.Suffix == "" {
		return c.is(a.item.item.Get(c.Path))
	}
	for _, e := range arrayOf(list) {
		if v := e.Get(a.every); v.Exists() && c.fits(text(v)) {
			return true
		}
	}
	return false
}

// object builds the merged object of the item that was read last. A member called id is always text, as vendors
// waver between text and number.
func (a *asking) object() json.RawMessage {
	from := len(a.text)
	a.text = append(a.text, '{')
	for i, name := range a.names {
		v := a.item.get(a.rule.Take[name])
		if !v.Exists() {
			continue
		}
		if len(a.text) > from+1 {
			a.text = append(a.text, ',')
		}
		a.text = append(a.text, a.keys[i]...)
		if name == "id" {
			a.text = appendQuoted(a.text, text(v))
			continue
		}
		if a.text = appendCompact(a.text, v.Raw); a.text == nil {
			return json.RawMessage("{}")
		}
	}
	a.text = append(a.text, '}')
	return a.text[from:len(a.text):len(a.text)]
}

// appendCompact writes a value without white space, or returns nil where it is none.
func appendCompact(out []byte, raw string) []byte {
	spaced := false
	for i := range len(raw) {
		spaced = spaced || raw[i] <= ' '
	}
	if !spaced {
		return append(out, raw...)
	}
	var b bytes.Buffer
	if json.Compact(&b, []byte(raw)) != nil {
		return nil
	}
	return append(out, b.Bytes()...)
}

// quoted writes a text as JSON.
func quoted(s string) []byte { return appendQuoted(nil, s) }

func appendQuoted(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			b, err := json.Marshal(s)
			if err != nil {
				b = []byte(`""`)
			}
			return append(out, b...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}
