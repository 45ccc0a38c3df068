package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// TestFetch: records are read by id, one by one or together; what is not there is a tombstone.
func TestFetch(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wanted := strings.Split(r.URL.Query().Get("ids"), ",")
		one, single := strings.CutPrefix(r.URL.Path, "/one/")
		if single {
			wanted = []string{one}
		}
		items := []any{}
		for _, id := range wanted {
			switch {
			case id == "forbidden":
				w.WriteHeader(http.StatusForbidden)
				return
			case id == "missing" && (single || r.URL.Path == "/strict"):
				w.WriteHeader(http.StatusNotFound)
				return
			case id != "missing":
				items = append(items, map[string]any{"it": map[string]any{"id": id, "at": start.Add(-time.Hour).Format(time.RFC3339), "dead": id == "dead"}})
			}
		}
		if single {
			send(w, items[0])
			return
		}
		send(w, map[string]any{"list": items})
	})
	for name, fetch := range map[string]string{
		"single":   `{request: {path: "/one/${id}"}, gone: {path: dead}}`,
		"together": `{request: {path: /many, query: {ids: "${ids|csv}"}}, records: list, size: 2, gone: {path: dead}}`,
		"strict":   `{request: {path: /strict, query: {ids: "${ids|csv}"}}, records: list, gone: {path: dead}}`,
	} {
		t.Run(name, func(t *testing.T) {
			v := open(t, feedSpec("    version: {path: at}\n    unwrap: it\n    full: {request: {path: /x}}\n    fetch: "+fetch+"\n"), h, nil)
			p, err := v.Fetch(t.Context(), "things", []string{"a", "missing", "dead", "a", "b"})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range p.Records {
				got = append(got, fmt.Sprint(r.ID, " ", r.Deleted, r.Reason, " ", r.VersionTime().Sub(start)))
			}
			want := []string{"a false -1h0m0s", "missing truedeleted 0s", "dead truedeleted -1h0m0s", "b false -1h0m0s"}
			if diff := cmp.Diff(want, got); diff != "" || p.More || p.Next != "" {
				t.Errorf("%v %q\n%s", p.More, p.Next, diff)
			}
			if _, err := v.Fetch(t.Context(), "things", []string{"forbidden"}); canon.CodeOf(err) != "auth.forbidden" {
				t.Errorf("a refusal gave %v", err)
			}
		})
	}
	v := open(t, feedSpec("    full: {request: {path: /x}}\n"), h, nil)
	if _, err := v.Fetch(t.Context(), "things", []string{"a"}); canon.CodeOf(err) != "fetch.unsupported" || v.CanFetch("things") {
		t.Errorf("a stream without fetch gave %v", err)
	}
	if _, err := v.Fetch(t.Context(), "nothing", []string{"a"}); canon.CodeOf(err) != "stream.unknown" {
		t.Errorf("an unknown stream gave %v", err)
	}
}

const hookSpec = `base_url: https://acme.example
check: {path: /check}
streams:
  - {name: people, title: People, id: id, version: {path: at}, full: {request: {path: /p}}}
  - {name: firms, title: Firms, id: id, full: {request: {path: /f}}}
hooks:
  - when: {path: kind, suffix: .merge}
    stream: {path: kind, cut: ".", map: {person: people}}
    id: winner
    merged: {into: winner, losers: losers}
  - when: {path: topic, exists: true}
    stream: {header: X-Object, map: {person: people, firm: firms}}
    id: data.id
    record: data
    deleted: {path: topic, equals: gone}
  - items: events
    stream: {path: kind, cut: ".", map: {person: people, firm: firms}}
    id: object
    at: when
    deleted: {path: kind, suffix: .deletion}
`

// TestReceive: calls name objects, alone and in lists, changed, deleted and merged, or carry them whole.
func TestReceive(t *testing.T) {
	v := open(t, hookSpec, says("{}"), nil)
	person := http.Header{"X-Object": {"person"}}
	for _, c := range []struct {
		name, body, want string
		header           http.Header
	}{
		{"list in the call", `{"events":[{"kind":"person.change","object":7,"when":1772366460},{"kind":"firm.deletion","object":"f1"},{"kind":"robot.change","object":1}]}`, "people 7 12:01:00 | firms f1 gone 12:05:00", nil},
		{"list of calls", `[{"events":{"kind":"person.x","object":"1"}},{"events":[{"kind":"firm.x","object":"2"}]}]`, "people 1 12:05:00 | firms 2 12:05:00", nil},
		{"merge", `{"kind":"person.merge","winner":"a","losers":["b","c"]}`, "people b gone 12:05:00 into a | people c gone 12:05:00 into a | people a 12:05:00", nil},
		{"whole", `{"topic":"saved","data":{"id":5,"at":"2026-03-01T12:00:00Z"}}`, `record people 5 12:00:00 {"id":5,"at":"2026-03-01T12:00:00Z"}`, person},
		{"gone with all of it", `{"topic":"gone","data":{"id":5}}`, `people 5 gone 12:05:00`, person},
		{"unknown object", `{"topic":"saved","data":{"id":5}}`, "", http.Header{"X-Object": {"robot"}}},
		{"one without id", `{"events":[{"kind":"person.x"},{"kind":"person.x","object":"1"}]}`, "people 1 12:05:00 | reject", nil},
		{"form", "events=x&topic=saved", "hook.shape", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Object": {"firm"}}},
		{"no JSON", `<xml>`, "hook.shape", nil},
		{"no list", `{"kind":"person.x"}`, "hook.shape", nil},
		{"no id", `{"topic":"saved","data":{}}`, "hook.shape", person},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := v.Receive(connectors.Call{Method: "POST", Header: c.header, Body: []byte(c.body), At: start.Add(5 * time.Minute)})
			var parts []string
			if err != nil {
				parts = append(parts, canon.CodeOf(err))
			}
			for _, h := range got.Hints {
				s := h.Stream + " " + h.ID
				if h.Deleted {
					s += " gone"
				}
				if s += " " + h.At.Format(time.TimeOnly); h.Into != "" {
					s += " into " + h.Into
				}
				parts = append(parts, s)
			}
			for _, r := range got.Records {
				parts = append(parts, fmt.Sprintf("record %s %s %s %s", r.Stream, r.ID, r.VersionTime().Format(time.TimeOnly), r.Raw))
			}
			for range got.Rejects {
				parts = append(parts, "reject")
			}
			if diff := cmp.Diff(c.want, strings.Join(parts, " | ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzReceive(f *testing.F) {
	for _, s := range []string{`{"events":[{"kind":"person.change","object":7}]}`, `[[]]`, `{"kind":"a.merge","winner":1,"losers":{"a":[1]}}`, `{"topic":1,"data":[]}`} {
		f.Add([]byte(s))
	}
	v := open(f, hookSpec, says("{}"), nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := v.Receive(connectors.Call{Body: body, At: start})
		if err != nil && canon.CodeOf(err) != "hook.shape" {
			t.Fatal(err)
		}
		for _, h := range got.Hints {
			if h.ID == "" || h.Stream == "" {
				t.Fatalf("%q told %+v", body, h)
			}
		}
	})
}

// TestDescribe: fields are listed over all pages.
func TestDescribe(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("at") == "" {
			send(w, map[string]any{"f": []any{map[string]any{"n": "a", "l": "A", "t": "text"}, map[string]any{"n": "b", "own": true, "calc": "FORMULA"}}, "next": "2"})
			return
		}
		send(w, map[string]any{"f": []any{map[string]any{"n": "c", "hidden": true}, map[string]any{"n": "d"}}})
	})
	v := open(t, feedSpec(`    full: {request: {path: /x}}
    fields:
      request: {path: /fields, query: {at: "${token}"}}
      paging: {kind: cursor, token: next}
      items: f
      name: n
      label: l
      doc: l
      type: t
      custom: {path: own}
      computed: {path: calc, in: [FORMULA, ROLLUP]}
      skip: [{path: hidden}]
`), h, nil)
	got, err := v.Describe(t.Context(), "things")
	want := []connectors.Field{{Name: "a", Label: "A", Doc: "A", Type: "text"}, {Name: "b", Custom: true, Computed: true}, {Name: "d"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	v = open(t, feedSpec("    full: {request: {path: /x}}\n"), h, nil)
	if _, err := v.Describe(t.Context(), "things"); canon.CodeOf(err) != "fields.unsupported" {
		t.Errorf("got %v", err)
	}
}
