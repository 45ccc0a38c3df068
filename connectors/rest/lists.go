package rest

import (
	"context"
	"strings"

	"github.com/tidwall/gjson"
)

// list returns the names of a list, from the vendor or from the last few minutes.
func (c *Conn) list(ctx context.Context, name string) ([]string, error) {
	c.mu.Lock()
	cached, ok := c.lists[name]
	c.mu.Unlock()
	if ok && c.now().Sub(cached.at) < listLife {
		return cached.names, nil
	}
	l := c.spec.Lists[name]
	answer, err := c.send(ctx, l.Request, c.scope("", cursor{}), false)
	if err != nil {
		return nil, err
	}
	names := l.names(gjson.ParseBytes(answer.Body))
	c.mu.Lock()
	c.lists[name] = cachedList{names, c.now()}
	c.mu.Unlock()
	return names, nil
}

func (l List) names(body gjson.Result) []string {
	names, have, chars := []string{}, map[string]bool{}, 0
	add := func(name string) {
		if name == "" || have[name] || (l.MaxChars > 0 && !l.Chunk && chars+len(name)+1 > l.MaxChars) {
			return
		}
		have[name] = true
		chars += len(name) + 1
		names = append(names, name)
	}
	for _, n := range l.Include {
		add(n)
	}
	for _, item := range body.Get(or(l.Items, "@this")).Array() {
		if name := text(item.Get(l.Value)); !l.skips(item, name) {
			add(name)
		}
	}
	return names
}

func (l List) skips(item gjson.Result, name string) bool {
	for _, c := range l.Skip {
		if c.holds(item) {
			return true
		}
	}
	for _, prefix := range l.Exclude {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// parts cuts a list into pieces no longer than MaxChars, each beginning with the names that are always there.
func (l List) parts(names []string) [][]string {
	if !l.Chunk || l.MaxChars == 0 {
		return [][]string{names}
	}
	always, base := map[string]bool{}, 0
	for _, n := range l.Always {
		always[n] = true
		base += len(n) + 1
	}
	var out [][]string
	part, chars := append([]string{}, l.Always...), base
	for _, n := range names {
		if always[n] {
			continue
		}
		if chars+len(n)+1 > l.MaxChars && len(part) > len(l.Always) {
			out = append(out, part)
			part, chars = append([]string{}, l.Always...), base
		}
		part, chars = append(part, n), chars+len(n)+1
	}
	return append(out, part)
}

// chunks returns the pieces of the one list of the request that is read in pieces, and its name.
func (c *Conn) chunks(ctx context.Context, r Request) (string, [][]string, error) {
	for _, name := range listsOf(r) {
		l := c.spec.Lists[name]
		if !l.Chunk {
			continue
		}
		names, err := c.list(ctx, name)
		return name, l.parts(names), err
	}
	return "", nil, nil
}
