package rest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// fetched is one page as it came.
type fetched struct {
	body   body
	header http.Header
	// items are the records to be, count how many the vendor listed.
	items []gjson.Result
	count int
	// lastID is the id of the last item that has one, lastKey its key, ids all ids joined.
	lastID, lastKey, ids string
	// skipped says that the answer was ignored, or never asked for.
	skipped bool
	// base is what relative links are relative to.
	base *url.URL
}

// keys takes the ids and the last key out of the items as they were listed.
func (f *fetched) keys(id, key string) {
	var ids strings.Builder
	for i := range f.items {
		if v := text(f.items[i].Get(id)); v != "" {
			f.lastID = v
			ids.WriteString(v)
			ids.WriteByte(0)
		}
	}
	f.ids, f.lastKey = ids.String(), f.lastID
	if key == id {
		return
	}
	for i := len(f.items) - 1; i >= 0; i-- {
		if f.lastKey = text(f.items[i].Get(key)); f.lastKey != "" {
			return
		}
	}
}

// next finds the token of the next page. more is false on the last one; the token may still be told, for
// streams that go on from it in the next round.
func (p Paging) next(f fetched, current string, now time.Time) (token string, more bool) {
	switch p.Kind {
	case "cursor":
		token = text(f.body.get(p.Token))
	case "next_url":
		token = absolute(f.base, text(f.body.get(p.Token)))
	case "link":
		token = absolute(f.base, nextLink(f.header.Values("Link")))
	case "offset":
		n, err := strconv.Atoi(current)
		if err != nil {
			n = p.Start
		}
		token, more = strconv.Itoa(n+f.count), f.count >= p.Size
		return token, more && p.goesOn(f.body)
	case "page":
		n, err := strconv.Atoi(current)
		if err != nil {
			n = p.Start
		}
		return strconv.Itoa(n + 1), f.count >= p.Size && p.goesOn(f.body)
	case "last_id", "keyset":
		token = f.lastID
		if p.Kind == "keyset" {
			token = f.lastKey
		}
		more = f.count >= p.Size
		if p.More != "" {
			more = f.count > 0
		}
		return token, more && p.goesOn(f.body)
	}
	more = token != "" && p.goesOn(f.body)
	if p.NotAfter > 0 && !more {
		token = p.clamp(token, now)
	}
	return token, more
}

// goesOn looks at the flags that the body carries.
func (p Paging) goesOn(of body) bool {
	if p.More != "" && !of.get(p.More).Bool() {
		return false
	}
	return p.End == "" || !of.get(p.End).Bool()
}

// clamp keeps a token that is a time at least NotAfter in the past.
func (p Paging) clamp(token string, now time.Time) string {
	n, err := strconv.ParseInt(token, 10, 64)
	if err != nil {
		return token
	}
	return strconv.FormatInt(min(n, now.Add(-time.Duration(p.NotAfter)).Unix()), 10)
}

// signature is what must not come back: the token, or the page itself where tokens are only counted up.
func (p Paging) signature(f fetched, token string) string {
	if p.Kind == "offset" || p.Kind == "page" {
		if f.ids == "" {
			return f.body.Raw
		}
		return f.ids
	}
	return token
}

func (p Paging) isURL() bool { return p.Kind == "next_url" || p.Kind == "link" }

func absolute(base *url.URL, ref string) string {
	if ref == "" {
		return ""
	}
	u, err := base.Parse(ref)
	if err != nil {
		return ref
	}
	return u.String()
}

// nextLink finds rel="next" in Link headers.
func nextLink(headers []string) string {
	for _, h := range headers {
		for link := range strings.SplitSeq(h, ",") {
			target, params, ok := strings.Cut(link, ">")
			if !ok {
				continue
			}
			for param := range strings.SplitSeq(params, ";") {
				k, v, _ := strings.Cut(strings.TrimSpace(param), "=")
				if strings.EqualFold(k, "rel") && strings.EqualFold(strings.Trim(v, `"`), "next") {
					return strings.TrimPrefix(strings.TrimSpace(target), "<")
				}
			}
		}
	}
	return ""
}

func loopError(stream string) error {
	return canon.Errorf("page.loop", "the vendor's pages of %s lead in a circle: a page was told to follow that was read before", stream).
		WithHint("This is a fault at the vendor; the round was ended so that it cannot run for ever. Try again later.")
}
