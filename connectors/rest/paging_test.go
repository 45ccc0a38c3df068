package rest_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// shelf serves seven things in pages of three, in every way of paging.
func shelf(w http.ResponseWriter, r *http.Request) {
	all := []string{"a", "b", "c", "d", "e", "f", "g"}
	q := r.URL.Query()
	at, _ := strconv.Atoi(q.Get("at"))
	switch {
	case q.Has("page"):
		n, _ := strconv.Atoi(q.Get("page"))
		at = (n - 1) * 3
	case q.Has("behind"):
		at = strings.Index("abcdefg", q.Get("behind")) + 1
	}
	at = min(at, len(all))
	end := min(at+3, len(all))
	items := []map[string]string{}
	for _, id := range all[at:end] {
		items = append(items, map[string]string{"key": id})
	}
	body := map[string]any{"data": map[string]any{"items": items}, "more": end < len(all), "done": end == len(all), "count": len(all)}
	body["cursor"] = strconv.Itoa(end)
	if end < len(all) {
		body["next"] = strconv.Itoa(end)
		body["url"] = fmt.Sprintf("https://acme.example/things?at=%d", end)
		body["rel"] = fmt.Sprintf("/things?at=%d", end)
		w.Header().Add("Link", `<https://acme.example/>; rel="first", <https://acme.example/things?at=`+strconv.Itoa(end)+`>; rel="next"`)
	}
	send(w, body)
}

func pagingSpec(query, paging string) string {
	return fmt.Sprintf(`
base_url: https://acme.example
check: {path: /check}
streams:
  - name: things
    title: Things
    id: key
    full:
      request: {path: /things, query: {%s}}
      records: data.items
      total: count
      paging: {%s}
`, query, paging)
}

func TestPagingKinds(t *testing.T) {
	for _, c := range []struct{ query, paging string }{
		{`at: "${token}"`, `kind: cursor, token: next`},
		{`at: "${token}"`, `kind: cursor, token: cursor, more: more`},
		{`at: "${token}"`, `kind: cursor, token: cursor, end: done`},
		{``, `kind: next_url, token: url`},
		{``, `kind: next_url, token: rel`},
		{``, `kind: link`},
		{`at: "${token:-0}"`, `kind: offset, size: 3`},
		{`page: "${token:-1}"`, `kind: page, size: 3, start: 1`},
		{`behind: "${last_id}"`, `kind: last_id, size: 3`},
		{`behind: "${token}"`, `kind: last_id, more: more`},
	} {
		t.Run(c.paging, func(t *testing.T) {
			v := open(t, pagingSpec(c.query, c.paging), http.HandlerFunc(shelf), nil)
			p, err := v.Pull(t.Context(), "things", "")
			if err != nil || p.Total != 7 {
				t.Errorf("the first page tells a total of %d and %v, want 7", p.Total, err)
			}
			records, next := v.round(t, "")
			if diff := cmp.Diff([]string{"a", "b", "c", "d", "e", "f", "g"}, ids(records)); diff != "" {
				t.Errorf("records differ:\n%s", diff)
			}
			again, _ := v.round(t, next)
			if diff := cmp.Diff(ids(records), ids(again)); diff != "" {
				t.Errorf("a second full round differs:\n%s", diff)
			}
		})
	}
}

// TestForeignPage: a next page at another host is not fetched, as it would be handed the credential.
func TestForeignPage(t *testing.T) {
	for _, next := range []string{"https://evil.example/x", "http://acme.example/x", "//evil.example/x", "https://acme.example@evil.example/"} {
		asked := 0
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			send(w, map[string]any{"data": map[string]any{"items": []any{map[string]string{"key": "a"}}}, "url": next})
		})
		v := open(t, pagingSpec("", "kind: next_url, token: url"), h, nil)
		p, err := v.Pull(t.Context(), "things", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = v.Pull(t.Context(), "things", p.Next); canon.CodeOf(err) != "page.foreign_url" || asked != 1 {
			t.Errorf("%s gave %v after %d requests, want page.foreign_url after 1", next, err, asked)
		}
	}
}

// TestLongCircle: also a circle of several pages is found.
func TestLongCircle(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, _ := strconv.Atoi(r.URL.Query().Get("at"))
		next := at + 1
		if next == 20 {
			next = 7
		}
		send(w, map[string]any{"data": map[string]any{"items": []any{map[string]int{"key": at}}}, "next": strconv.Itoa(next)})
	})
	v := open(t, pagingSpec(`at: "${token}"`, "kind: cursor, token: next"), h, nil)
	cursor := canon.Cursor("")
	for n := range 100 {
		p, err := v.Pull(t.Context(), "things", cursor)
		if canon.CodeOf(err) == "page.loop" {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if cursor = p.Next; len(cursor) > 500 {
			t.Fatalf("after %d pages the cursor is %d bytes long", n, len(cursor))
		}
	}
	t.Fatal("the circle was not found")
}

// TestPageShape: an answer without the list is an error, not an empty page that would end the round.
func TestPageShape(t *testing.T) {
	for body, code := range map[string]string{
		`{"data":{}}`: "page.shape", `{"data":{"items":"none"}}`: "page.shape", `[]`: "page.shape", ``: "page.shape", `{"data":{"items":null}}`: "",
		`{"data":{"items":[`: "page.not_json",
	} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) })
		v := open(t, pagingSpec("", "kind: none"), h, nil)
		if _, err := v.Pull(t.Context(), "things", ""); canon.CodeOf(err) != code {
			t.Errorf("%s gave %v, want %q", body, err, code)
		}
	}
}

// FuzzPage: whatever the vendor sends, Pull gives a page or a canon.Error, and every record has an id.
func FuzzPage(f *testing.F) {
	for _, body := range []string{`{"data":{"items":[{"key":1},{"key":"x"}]},"next":"5"}`, `{"data":{"items":[null,3,"x",[],{}]}}`, `{"data":{"items":[{"key":{"a":1}}]},"next":{}}`, "\xff", `{"data":`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
		v := open(t, pagingSpec(`at: "${token}"`, "kind: cursor, token: next"), h, connectors.Settings{})
		p, err := v.Pull(t.Context(), "things", "")
		if err != nil && canon.CodeOf(err) == "internal" {
			t.Fatalf("%v has no code", err)
		}
		for _, r := range p.Records {
			if r.ID == "" {
				t.Fatal("a record has no id")
			}
		}
	})
}
