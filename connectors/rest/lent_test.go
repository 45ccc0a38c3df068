package rest_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

const lentSpec = `
base_url: https://api.acme.example
check: {path: /things}
streams:
  - name: things
    title: Things
    kinds: [contact]
    id: id
    version: {path: at}
    deleted: {path: gone}
    reason: why
    merged: {path: absorbed, split: ";"}
    full:
      request: {path: /things, query: {page: "${token}"}}
      records: items
      paging: {kind: cursor, token: next}
      enrich: ENRICH
`

const lentLinks = `
        - member: links
          key: firms
          size: 100
          request: {method: POST, path: /links, idempotent: true, body: {inputs: "${ids}"}}
          results: results
          id: from
          items: to
          take: {id: firm, kinds: kinds}
          first: {path: "kinds.#.label", equals: main}
`

// lender answers with pages that differ in every letter, so that whatever still points into the memory of an
// earlier answer shows.
func lender(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/links" {
		var b bytes.Buffer
		if _, err := b.ReadFrom(r.Body); err != nil {
			panic(err)
		}
		var out []string
		for i := range 5 {
			if id := strings.Split(b.String(), `"id":"`); len(id) > i+1 {
				name, _, _ := strings.Cut(id[i+1], `"`)
				out = append(out, fmt.Sprintf(`{"from":%q,"to":[{"firm":1,"kinds":[{"label":"other of %s"}]},{"firm":2,"kinds":[ {"label":"main"} ]}]}`, name, name))
			}
		}
		fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(out, ","))
		return
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	letter := strings.Repeat(string(rune('a'+page)), 40)
	var items []string
	for i := range 4 {
		items = append(items, fmt.Sprintf(`{"id":"%s%d","at":%d,"note":%q,"gone":%t,"why":"archived","absorbed":"old%s%d"}`, letter, i, 1700000000+page, letter, i == 1, letter, i))
	}
	items = append(items, fmt.Sprintf(`{"note":"without an id %s"}`, letter), fmt.Sprintf("{\"id\":\"%s-indented\",\n  \"note\": %q}", letter, letter))
	fmt.Fprintf(w, `{"items":[%s],"next":"%s"}`, strings.Join(items, ","), map[bool]string{true: strconv.Itoa(page + 1)}[page < 8])
}

// TestPagesKeepTheirBytes: what a page holds stays as it is while later pages are read, although the memory of
// the answers is used again, and a record's bytes do not grow into those of the next.
func TestPagesKeepTheirBytes(t *testing.T) {
	for name, links := range map[string]string{"plain": "[]", "enriched": lentLinks} {
		t.Run(name, func(t *testing.T) {
			v := open(t, strings.Replace(lentSpec, "ENRICH", links, 1), http.HandlerFunc(lender), nil)
			var pages, copies []connectors.Page
			for from, more := canon.Cursor(""), true; more; {
				p, err := v.Pull(t.Context(), "things", from)
				if err != nil {
					t.Fatal(err)
				}
				pages, copies = append(pages, p), append(copies, deepCopy(p))
				from, more = p.Next, p.More
			}
			if len(pages) != 9 {
				t.Fatalf("%d pages", len(pages))
			}
			if diff := cmp.Diff(copies, pages); diff != "" {
				t.Errorf("pages changed after they were handed over:\n%s", diff)
			}
			first := pages[0].Records
			if len(first) != 9 || first[1].Reason != "archived" || first[5].Into != first[0].ID || len(pages[0].Rejects) != 1 {
				t.Errorf("the first page is %+v", first)
			}
			want := `{"id":"` + first[0].ID + `","at":1700000000,"note":"` + strings.Repeat("a", 40) + `","gone":false,"why":"archived","absorbed":"old` + first[0].ID + `"`
			if links != "[]" {
				want += `,"links":{"firms":[{"id":"2","kinds":[{"label":"main"}]},{"id":"1","kinds":[{"label":"other of ` + first[0].ID + `"}]}]}`
			}
			if diff := cmp.Diff(want+"}", string(first[0].Raw)); diff != "" {
				t.Error(diff)
			}
			before := string(first[1].Raw)
			_ = append(first[0].Raw, "more"...)
			if string(first[1].Raw) != before {
				t.Error("appending to a record's bytes wrote into the next record's")
			}
		})
	}
}

func deepCopy(p connectors.Page) connectors.Page {
	p.Next = canon.Cursor(strings.Clone(string(p.Next)))
	p.Records, p.Rejects = append([]canon.Record(nil), p.Records...), append([]canon.DeadLetter(nil), p.Rejects...)
	for i := range p.Records {
		r := &p.Records[i]
		r.ID, r.Reason, r.Into, r.Raw = strings.Clone(r.ID), strings.Clone(r.Reason), strings.Clone(r.Into), bytes.Clone(r.Raw)
	}
	for i := range p.Rejects {
		p.Rejects[i].Raw = bytes.Clone(p.Rejects[i].Raw)
	}
	return p
}
