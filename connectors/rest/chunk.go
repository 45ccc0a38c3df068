package rest

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/tidwall/gjson"
)

// chunked adds to the items what the other parts of a long list of names tell of them. An item that a later
// part no longer holds has changed or gone meanwhile: it is left out, to come again whole, and the round is no
// sweep any more.
func (p *pull) chunked(ctx context.Context, feed Feed, f *fetched, name string, parts [][]string) error {
	for _, part := range parts {
		sc := p.scope()
		sc.lists[name] = part
		if feed.Paging.Kind == "keyset" {
			sc.lastKey = p.cur.Token
		}
		answer, err := p.conn.send(ctx, feed.Request, sc, false)
		if err != nil {
			return err
		}
		more := fetched{body: body{Result: gjson.ParseBytes(answer.Body)}}
		if err := p.items(&more, feed, feed.Request.Path); err != nil {
			return err
		}
		byID := make(map[string]gjson.Result, len(more.items))
		for _, item := range more.items {
			byID[text(item.Get(p.st.ID))] = item
		}
		kept := make([]gjson.Result, 0, len(f.items))
		for _, item := range f.items {
			id := text(item.Get(p.st.ID))
			other, ok := byID[id]
			if id != "" && !ok {
				p.cur.Sweep = false
				continue
			}
			if ok && item.IsObject() {
				item = gjson.ParseBytes(mergeObjects(item, other))
			}
			kept = append(kept, item)
		}
		f.items = kept
	}
	return nil
}

// mergeObjects adds to a the members that only b has, also within objects that both have.
func mergeObjects(a, b gjson.Result) []byte {
	var out bytes.Buffer
	out.WriteByte('{')
	put := func(name string, value []byte) {
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return
		}
		out.Write(quoted)
		out.WriteByte(':')
		out.Write(value)
	}
	theirs := b.Map()
	have := map[string]bool{}
	a.ForEach(func(k, v gjson.Result) bool {
		have[k.String()] = true
		other, ok := theirs[k.String()]
		if ok && v.IsObject() && other.IsObject() {
			put(k.String(), mergeObjects(v, other))
			return true
		}
		put(k.String(), []byte(v.Raw))
		return true
	})
	b.ForEach(func(k, v gjson.Result) bool {
		if !have[k.String()] {
			put(k.String(), []byte(v.Raw))
		}
		return true
	})
	out.WriteByte('}')
	return out.Bytes()
}
