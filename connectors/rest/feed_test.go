package rest_test

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// feedSpec is a connector with one stream, whose parts stand in for %s.
func feedSpec(stream string) string {
	return "base_url: https://acme.example\ncheck: {path: /check}\nstreams:\n  - name: things\n    title: Things\n    id: id\n" + stream
}

// raws are the records' JSON.
func raws(records []canon.Record) []string {
	out := []string{}
	for _, r := range records {
		out = append(out, string(r.Raw))
	}
	return out
}

func says(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
}

// TestShapes: what vendors wrap, nest, scatter and gather becomes records.
func TestShapes(t *testing.T) {
	for _, c := range []struct{ name, feed, body, want string }{
		{"first list that is there", "records: [nothing, items]", `{"items":[{"id":1}]}`, `{"id":1}`},
		{"null is not there", "records: [data, data.items]", `{"data":{"items":[{"id":1}]}}`, ``},
		{"unwrap", "records: list\n      unwrap: customer", `{"list":[{"customer":{"id":"a"},"card":{"id":"x"}},{"customer":{"id":"b"}}]}`, `{"id":"a"} {"id":"b"}`},
		{"collect", "records: l\n      collect: {prefix: cf_, into: custom}", `{"l":[{"id":1,"cf_a":"x","n":2,"cf_b":{"c":1.50}},{"id":2}]}`,
			`{"id":1,"n":2,"custom":{"a":"x","b":{"c":1.50}}} {"id":2,"custom":{}}`},
		{"collect into what is there", "records: l\n      collect: {prefix: cf_, into: custom}", `{"l":[{"id":1,"custom":{"z":0},"cf_a":"x"}]}`, `{"id":1,"custom":{"z":0,"a":"x"}}`},
		{"explode", "records: l\n      explode: lines\n      parent: {invoice: id, when: at}", `{"l":[{"id":9,"at":"now","lines":[{"id":1},{"id":2,"q":"}"}]},{"id":8,"lines":[]}]}`,
			`{"id":1,"invoice":9,"when":"now"} {"id":2,"q":"}","invoice":9,"when":"now"}`},
		{"flatten", "records: l\n      flatten: {path: address, prefix: address_}", `{"l":[{"id":1,"address":{"city":"Bergen","zip":"5003"},"address_zip":"kept"}]}`,
			`{"id":1,"address":{"city":"Bergen","zip":"5003"},"address_zip":"kept","address_city":"Bergen"}`},
		{"shape of the stream", "records: list\n    unwrap: it", `{"list":[{"it":{"id":1}}]}`, `{"id":1}`},
		{"lines", "format: jsonl", "{\"id\":1}\n\n{\"id\":2,\"a\":[1, 2]}\r\n", `{"id":1} {"id":2,"a":[1, 2]}`},
		{"no lines", "format: jsonl", "", ``},
		{"rows", "format: csv", "\ufeffid,name, note \n1,\"Old, Mill\",\"says \"\"hi\"\"\n<b>\"\n2,Ōkubo,\n", `{"id":"1","name":"Old, Mill","note":"says \"hi\"\n<b>"} {"id":"2","name":"Ōkubo","note":""}`},
		{"no rows", "format: csv", "", ``},
		{"skipped", "records: l", `{"l":[{"id":1}]}`, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			request := "{path: /things}"
			if c.name == "skipped" {
				request = `{path: /things, when: "${setting.plan} == pro"}`
			}
			spec := feedSpec("    full:\n      request: " + request + "\n      " + c.feed + "\n")
			v := open(t, spec, says(c.body), connectors.Settings{"plan": "free"})
			p, err := v.Pull(t.Context(), "things", "")
			if c.name == "null is not there" {
				if canon.CodeOf(err) != "page.shape" {
					t.Errorf("an object where a list should be gave %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, strings.Join(raws(p.Records), " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
	for format, body := range map[string]string{"csv": "a,b\n1\n", "jsonl": "{\"id\":1}\n{\"id\""} {
		v := open(t, feedSpec("    full: {request: {path: /t}, format: "+format+"}\n"), says(body), nil)
		if _, err := v.Pull(t.Context(), "things", ""); canon.CodeOf(err) != map[string]string{"csv": "page.not_csv", "jsonl": "page.not_json"}[format] {
			t.Errorf("a broken %s gave %v", format, err)
		}
	}
}

// TestForm: a form is sent as one, without what is empty, and the answer is asked for as told.
func TestForm(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		form, err := url.ParseQuery(string(b))
		if err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.Header.Get("Accept") != "text/plain" {
			t.Errorf("got %s %q, %v", r.Header, b, err)
		}
		if diff := cmp.Diff(url.Values{"a": {"1", "2"}, "site": {"brücke & co"}}, form); diff != "" {
			t.Error(diff)
		}
		send(w, []any{})
	})
	v := open(t, feedSpec(`    full: {request: {method: POST, path: /t, accept: text/plain, form: {a: ["1", "2"], site: "${setting.site}", none: "${token}"}}}`), h, connectors.Settings{"site": "brücke & co"})
	if _, err := v.Pull(t.Context(), "things", ""); err != nil {
		t.Fatal(err)
	}
}

// rounds reads n rounds, an hour apart, and holds the law that a new connection reads the rest from any cursor.
func rounds(t *testing.T, spec string, h http.Handler, n int) [][]connectors.Page {
	t.Helper()
	v := open(t, spec, h, nil)
	type step struct {
		from canon.Cursor
		now  time.Time
		page connectors.Page
	}
	var steps []step
	out := make([][]connectors.Page, n)
	from := canon.Cursor("")
	for round := 0; round < n; {
		p, err := v.Pull(t.Context(), "things", from)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step{from, v.now, p})
		out[round] = append(out[round], p)
		if from = p.Next; !p.More {
			round++
			v.now = v.now.Add(time.Hour)
		}
		if len(steps) > 300 {
			t.Fatal("the rounds do not end")
		}
	}
	for i, s := range steps {
		again := open(t, spec, h, nil)
		again.now = s.now
		p, err := again.Pull(t.Context(), "things", s.from)
		if diff := cmp.Diff(s.page, p); diff != "" || err != nil {
			t.Fatalf("page %d read again differs: %v\n%s", i, err, diff)
		}
	}
	return out
}

func idsOf(pages []connectors.Page) string {
	var out []string
	for _, p := range pages {
		for _, r := range p.Records {
			id := r.ID
			if r.Deleted {
				id = "-" + id + ":" + r.Reason
			}
			out = append(out, id)
		}
	}
	return strings.Join(out, " ")
}

// shop is a vendor that lists groups, and things per group, two a page.
type shop struct {
	groups map[string][]string
	order  []string
	asked  []string
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.asked = append(s.asked, r.URL.RequestURI())
	list := s.groups[strings.TrimPrefix(r.URL.Path, "/things/")]
	if r.URL.Path == "/groups" {
		list = s.order
	}
	at, _ := strconv.Atoi(q.Get("at"))
	items := []map[string]string{}
	for _, id := range list[at:min(at+2, len(list))] {
		items = append(items, map[string]string{"id": id})
	}
	body := map[string]any{"items": items}
	if at+2 < len(list) {
		body["next"] = at + 2
	}
	send(w, body)
}

const pagedItems = `records: items, paging: {kind: cursor, token: next}`

// TestPartitions: a stream is read for each value: of a list, of the vendor's list, of a parent's records.
func TestPartitions(t *testing.T) {
	s := &shop{order: []string{"a", "b", "c"}, groups: map[string][]string{"a": {"1", "2", "3"}, "b": {}, "c": {"4"}}}
	child := "    full: {request: {path: \"/things/${part.group}\", query: {at: \"${token}\"}}, " + pagedItems + "}\n"
	parent := "  - {name: groups, title: Groups, id: id, full: {request: {path: /groups, query: {at: \"${token}\"}}, " + pagedItems + "}}\n"
	withParent := strings.Replace(feedSpec("    partitions: {parent: groups, as: group, member: group}\n"+child), "streams:\n", "streams:\n"+parent, 1)
	withList := strings.Replace(feedSpec("    partitions: {list: \"${list.groups}\", as: group}\n"+child), "streams:\n", "lists: {groups: {request: {path: /groups}, items: items, value: id}}\nstreams:\n", 1)
	for name, spec := range map[string]string{
		"list": feedSpec("    partitions: {list: [a, b, c], as: group}\n" + child), "the vendor's list": withList, "parent": withParent,
	} {
		t.Run(name, func(t *testing.T) {
			got := rounds(t, spec, s, 2)
			want := "1 2 3 4"
			if name == "the vendor's list" {
				want = "1 2 3" // the list is not paged
			}
			for i, pages := range got {
				if idsOf(pages) != want {
					t.Errorf("round %d gave %q, want %q", i, idsOf(pages), want)
				}
			}
			if raw := string(got[0][0].Records[0].Raw); name == "parent" && raw != `{"id":"1","group":"a"}` {
				t.Errorf("the record is %s, want its partition in it", raw)
			}
		})
	}
}

// TestPartitionsOfMany: a parent's page that is longer than a cursor may carry is read again, and nothing of it
// is left out.
func TestPartitionsOfMany(t *testing.T) {
	var parents []map[string]any
	for i := range 600 {
		parents = append(parents, map[string]any{"id": i})
	}
	largest := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/groups" {
			send(w, parents)
			return
		}
		send(w, []any{map[string]string{"id": strings.TrimPrefix(r.URL.Path, "/things/")}})
	})
	v := open(t, strings.Replace(feedSpec("    partitions: {parent: groups, as: group}\n    full: {request: {path: \"/things/${part.group}\"}}\n"),
		"streams:\n", "streams:\n  - {name: groups, title: Groups, id: id, full: {request: {path: /groups}}}\n", 1), h, nil)
	got, from := 0, canon.Cursor("")
	for {
		p, err := v.Pull(t.Context(), "things", from)
		if err != nil {
			t.Fatal(err)
		}
		got += len(p.Records)
		if from = p.Next; !p.More {
			break
		}
		largest = max(largest, len(from))
	}
	if got != 600 || largest > 4000 {
		t.Errorf("got %d records with cursors of up to %d bytes, want 600 and less than 4000", got, largest)
	}
}
