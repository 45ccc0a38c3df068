package rest_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

const eventSpec = `
base_url: https://acme.example
check: {path: /check}
streams:
  - name: things
    title: Things
    id: id
    version: {max: [created], format: unix}
    deleted: {path: deleted}
    full:
      request: {path: /things}
      records: data
    changes:
      mode: events
      settle: 1m
      overlap: 1m
      retention: 240h
      feed:
        request: {path: /events, query: {since: "${since|unix}", behind: "${token}"}}
        records: data
        paging: {kind: last_id, more: more}
      events:
        object: object.id
        copy: object
        time: at
        type: type
        deleted: [gone]
        fetch: {path: "/things/${id}"}
        gone: {path: deleted}
`

// ledger is a vendor without modification times: three things and a feed of events, newest first.
type ledger struct {
	events  []map[string]any
	fetched []string
	since   []string
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	switch path {
	case "/things":
		send(w, map[string]any{"data": []any{l.thing("a"), l.thing("b"), l.thing("c")}})
	case "/events":
		l.since = append(l.since, r.URL.Query().Get("since"))
		at := 0
		if behind := r.URL.Query().Get("behind"); behind != "" {
			for at = range l.events {
				if l.events[at]["id"] == behind {
					break
				}
			}
			at++
		}
		end := min(at+2, len(l.events))
		send(w, map[string]any{"data": l.events[at:end], "more": end < len(l.events)})
	case "/things/missing":
		w.WriteHeader(404)
	default:
		id := strings.TrimPrefix(path, "/things/")
		l.fetched = append(l.fetched, id)
		if id == "a%2Fb" {
			id = "a/b"
		}
		send(w, l.thing(id))
	}
}

func (l *ledger) thing(id string) map[string]any {
	return map[string]any{"id": id, "created": 1_700_000_000, "deleted": id == "dead"}
}

func event(no int, typ, object string, at time.Time) map[string]any {
	return map[string]any{"id": fmt.Sprintf("e%d", no), "type": typ, "at": at.Unix(), "object": map[string]any{"id": object, "stale": true}}
}

func TestEvents(t *testing.T) {
	l := &ledger{}
	v := open(t, eventSpec, l, nil)
	_, cursor := v.round(t, "")
	at := start.Add(time.Hour)
	l.events = []map[string]any{
		event(9, "changed", "a", at.Add(9*time.Second)), event(8, "gone", "b", at.Add(8*time.Second)),
		event(7, "changed", "b", at.Add(7*time.Second)), event(6, "changed", "a", at.Add(6*time.Second)),
		event(5, "changed", "missing", at.Add(5*time.Second)), event(4, "changed", "dead", at.Add(4*time.Second)),
		event(3, "changed", "a/b", at.Add(3*time.Second)), {"id": "e2", "type": "changed", "at": 0},
	}
	v.now = at.Add(time.Minute)
	records, next := v.round(t, cursor)
	var got []string
	for _, r := range records {
		got = append(got, fmt.Sprintf("%s %d %t", r.ID, r.Version/1e6-at.Unix(), r.Deleted))
	}
	want := []string{"b 8 true", "a 9 false", "dead 4 true", "missing 5 true", "a/b 3 false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records differ:\n%s", diff)
	}
	if diff := cmp.Diff(3, len(l.fetched)); diff != "" {
		t.Errorf("fetched %v: every object once", l.fetched)
	}
	if want := strconv.FormatInt(start.Add(-2*time.Minute).Unix(), 10); l.since[0] != want {
		t.Errorf("events were read since %s, want %s: the watermark less the overlap", l.since[0], want)
	}

	// The vendor forgets after ten days: then everything is listed, as of now.
	v.now = at.Add(11 * 24 * time.Hour)
	records, _ = v.round(t, next)
	if diff := cmp.Diff([]string{"a", "b", "c"}, ids(records)); diff != "" {
		t.Errorf("after a long pause the records differ:\n%s", diff)
	}
	for _, r := range records {
		if want := v.now.Add(-time.Minute); r.Version != want.UnixMicro() {
			t.Errorf("%s has the version %v, want %v, before the round's start by the settle time: newer than what was known, older than what comes", r.ID, r.VersionTime(), want)
		}
	}
}

// TestEventOfAnother: a fetch that answers with another object is no answer.
func TestEventOfAnother(t *testing.T) {
	l := &ledger{}
	mux := http.NewServeMux()
	mux.Handle("/", l)
	mux.HandleFunc("/things/x", func(w http.ResponseWriter, _ *http.Request) { send(w, l.thing("y")) })
	v := open(t, eventSpec, mux, nil)
	_, cursor := v.round(t, "")
	v.now = start.Add(time.Hour)
	l.events = []map[string]any{event(1, "changed", "x", v.now)}
	if _, err := v.Pull(t.Context(), "things", cursor); canon.CodeOf(err) != "page.shape" {
		t.Errorf("got %v, want page.shape", err)
	}
}
