package rest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/connectors"
)

const absorbSpec = `
base_url: https://acme.example
check: {path: /check}
streams:
  - name: things
    title: Things
    id: id
    version: {path: at}
    deleted: {path: gone}
    merged: {path: ate, split: ";"}
    full: {request: {path: /all}, records: data}
    changes:
      mode: window
      settle: 1m
      overlap: 1m
      feed: {request: {path: /changed, query: {since: "${since|unix}", until: "${until|unix}"}}, records: data}
    delayed: {lag: 1h}
    fetch: {request: {path: "/things/${id}"}, missing: skip}
hooks:
  - {stream: things, id: into, at: when, merged: {into: into, losers: lost}}
`

// TestEachLoserIsTold: two records that become part of the same one, told in different passes of a round, both get
// their tombstones, also where the one that remained is gone by then.
func TestEachLoserIsTold(t *testing.T) {
	early := `{"id":"w","at":"2026-03-01T13:00:00Z","ate":"a"}`
	late := `{"id":"w","at":"2026-03-01T12:30:00Z","ate":"a;b;w"}`
	buried := `{"id":"x","at":"2026-03-01T13:10:00Z","gone":true,"ate":"c"}`
	round := 0
	v := open(t, absorbSpec, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var list []string
		switch {
		case r.URL.Path == "/all" || round < 2:
		case r.URL.Query().Get("until") == "1772374800": // the delayed pass ends an hour before the round
			list = []string{late}
		default:
			list = []string{early, buried}
		}
		if _, err := w.Write([]byte(`{"data":[` + strings.Join(list, ",") + `]}`)); err != nil {
			t.Error(err)
		}
	}), nil)
	_, cursor := v.round(t, "")
	v.now, round = start.Add(3*time.Hour-time.Minute), 1
	_, cursor = v.round(t, cursor)
	v.now, round = start.Add(3*time.Hour+20*time.Minute), 2
	records, _ := v.round(t, cursor)
	into := map[string]string{}
	for _, r := range records {
		if r.Deleted && r.Reason == "merged" {
			into[r.ID] = r.Into
		}
	}
	if diff := cmp.Diff(map[string]string{"a": "w", "b": "w", "c": "x"}, into); diff != "" {
		t.Errorf("what became part of what differs:\n%s", diff)
	}
}

// TestMissingIsLeftToTheFeeds: where the spec says so, an id that the vendor does not find is no tombstone.
func TestMissingIsLeftToTheFeeds(t *testing.T) {
	v := open(t, absorbSpec, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/things/1" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		send(w, map[string]any{"id": "1", "at": "2026-03-01T12:00:00Z"})
	}), nil)
	p, err := v.Fetch(t.Context(), "things", []string{"1", "2"})
	if err != nil || len(p.Records) != 1 || p.Records[0].ID != "1" {
		t.Errorf("got %+v, %v", p.Records, err)
	}
}

// TestMergeNamesNoVersion: when records were merged is the version of the tombstones, and none of the one that remains.
func TestMergeNamesNoVersion(t *testing.T) {
	v := open(t, absorbSpec, http.NotFoundHandler(), nil)
	got, err := v.Receive(connectors.Call{Method: http.MethodPost, Header: http.Header{}, At: start.Add(time.Hour), Body: []byte(`{"into":"w","lost":["a"],"when":"2026-03-01T12:00:00Z"}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := []connectors.Hint{{Stream: "things", ID: "a", Deleted: true, At: start, Into: "w"}, {Stream: "things", ID: "w", At: start.Add(time.Hour)}}
	if diff := cmp.Diff(want, got.Hints); diff != "" {
		t.Errorf("hints differ:\n%s", diff)
	}
}

// TestSweepOfUndated: a full list of objects without a modification time tells states newer than all that was known,
// not ones of the objects' creation.
func TestSweepOfUndated(t *testing.T) {
	l := &ledger{}
	v := open(t, strings.Replace(eventSpec, "    changes:\n", "    sweep: {every: 24h}\n    changes:\n", 1), l, nil)
	first, cursor := v.round(t, "")
	v.now = start.Add(25 * time.Hour)
	again, _ := v.round(t, cursor)
	if len(first) != 3 || len(again) != 3 {
		t.Fatalf("%d and %d records", len(first), len(again))
	}
	for i, r := range again {
		if want := v.now.Add(-time.Minute); r.Version != want.UnixMicro() || first[i].Version >= r.Version {
			t.Errorf("%s has the version %v, then %v, want %v", r.ID, first[i].VersionTime(), r.VersionTime(), want)
		}
	}
}
