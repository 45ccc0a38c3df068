package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// searchSpec describes a vendor with a search like HubSpot's: at most 4 records a page, at most 12 a query.
const searchSpec = `
base_url: https://acme.example
check: {path: /check}
streams:
  - name: things
    title: Things
    id: id
    version: {path: mod}
    full:
      request: {path: /list, query: {after: "${token}"}}
      records: results
      paging: {kind: cursor, token: next}
    changes:
      mode: window
      settle: 2s
      overlap: 1s
      refresh: 24h
      feed:
        request: {method: POST, path: /search, idempotent: true, body: {since: "${since|unix_ms}", after: "${token:-0}"}}
        records: results
        total: total
        paging: {kind: cursor, token: next}
      reset:
        records: %d
        path: mod
        step: 1ms
        ties:
          request: {method: POST, path: /search, idempotent: true, body: {tie: "${tie|unix_ms}", above: "${last_id:-0}", after: "0"}}
          records: results
          paging: {kind: last_id, size: 4}
`

const (
	pageSize = 4
	queryCap = 12
)

type thing struct {
	ID  int   `json:"id"`
	Mod int64 `json:"mod"` // milliseconds
	Rev int   `json:"rev"`
}

// searcher is the simulated vendor. lag hides changes younger than it from the search. Between two
// requests, churn changes things.
type searcher struct {
	things []thing
	now    int64
	lag    int64
	churn  func(*searcher)
	refuse func(string)
}

func (s *searcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.churn != nil {
		defer s.churn(s)
	}
	if r.URL.Path == "/list" {
		slices.SortFunc(s.things, func(a, b thing) int { return a.ID - b.ID })
		at, _ := strconv.Atoi(r.URL.Query().Get("after"))
		s.page(w, slices.DeleteFunc(slices.Clone(s.things), func(x thing) bool { return x.ID <= at }), func(last thing, _ int) string { return strconv.Itoa(last.ID) })
		return
	}
	var q struct{ Since, After, Tie, Above string }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		s.refuse(err.Error())
	}
	num := func(text string) int64 { n, _ := strconv.ParseInt(text, 10, 64); return n }
	hits := slices.DeleteFunc(slices.Clone(s.things), func(x thing) bool {
		switch {
		case x.Mod > s.now-s.lag:
			return true
		case q.Tie != "":
			return x.Mod != num(q.Tie) || x.ID <= int(num(q.Above))
		}
		return x.Mod < num(q.Since)
	})
	slices.SortFunc(hits, func(a, b thing) int {
		if q.Tie != "" || a.Mod == b.Mod {
			return a.ID - b.ID
		}
		return int(a.Mod - b.Mod)
	})
	after := int(num(q.After))
	if after+pageSize > queryCap {
		w.WriteHeader(http.StatusBadRequest)
		send(w, map[string]any{"message": "more than the cap"})
		return
	}
	total := len(hits)
	s.page(w, hits[min(after, total):], func(_ thing, n int) string { return strconv.Itoa(after + n) })
}

func (s *searcher) page(w http.ResponseWriter, hits []thing, next func(thing, int) string) {
	body := map[string]any{"results": hits[:min(pageSize, len(hits))], "total": len(hits)}
	if len(hits) > pageSize {
		body["next"] = next(hits[pageSize-1], pageSize)
	}
	send(w, body)
}

// TestWindowLosesNothing: whatever changes while a round is read, however many records share one moment,
// and though the search lags, every state of rest is learnt, and the watermark never runs ahead.
func TestWindowLosesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := &searcher{now: start.UnixMilli(), lag: rapid.Int64Range(0, 1900).Draw(r, "lag"), refuse: func(m string) { r.Fatal(m) }}
		n := rapid.IntRange(1, 40).Draw(r, "things")
		for id := range n {
			s.things = append(s.things, thing{ID: id + 1, Mod: s.now - 100_000 + rapid.Int64Range(0, 20).Draw(r, "mod")})
		}
		// Only a window that restarts after every page is safe: by position, records that move to the end
		// pull others over the edge of a page.
		v := open(t, fmt.Sprintf(searchSpec, pageSize), s, nil)
		known := map[string]int{}
		learn := func(records []canon.Record) {
			for _, rec := range records {
				var x thing
				if err := json.Unmarshal(rec.Raw, &x); err != nil {
					r.Fatal(err)
				}
				known[rec.ID] = max(known[rec.ID], x.Rev)
			}
		}
		records, cursor := v.round(t, "")
		learn(records)
		for range rapid.IntRange(1, 3).Draw(r, "rounds") {
			for range rapid.IntRange(0, 30).Draw(r, "edits") {
				s.edit(r)
			}
			budget := rapid.IntRange(0, 12).Draw(r, "churn")
			s.churn = func(s *searcher) {
				if budget > 0 {
					budget--
					s.edit(r)
				}
			}
			v.now = time.UnixMilli(s.now)
			records, cursor = v.round(t, cursor)
			learn(records)
			s.churn = nil
		}
		// All is quiet: one more round, later than the lag, knows the last state of everything.
		s.now += 10_000
		v.now = time.UnixMilli(s.now)
		records, _ = v.round(t, cursor)
		learn(records)
		for _, x := range s.things {
			if rev, ok := known[strconv.Itoa(x.ID)]; !ok || rev != x.Rev {
				r.Fatalf("thing %d was last learnt in revision %d (%t), is in %d", x.ID, rev, ok, x.Rev)
			}
		}
	})
}

// edit changes some things at one moment, as an import does.
func (s *searcher) edit(r *rapid.T) {
	s.now += rapid.Int64Range(0, 700).Draw(r, "pass")
	first := rapid.IntRange(0, len(s.things)-1).Draw(r, "first")
	last := min(len(s.things), first+rapid.SampledFrom([]int{1, 1, 1, 15, 40}).Draw(r, "many"))
	for i := first; i < last; i++ {
		s.things[i].Mod, s.things[i].Rev = s.now, s.things[i].Rev+1
	}
}

// TestWindowBeyondTheCap: many more records than one query gives, most of them in one millisecond, are
// told once each.
func TestWindowBeyondTheCap(t *testing.T) {
	s := &searcher{now: start.UnixMilli(), refuse: func(m string) { t.Fatal(m) }}
	v := open(t, fmt.Sprintf(searchSpec, 8), s, nil)
	s.things = []thing{{ID: 1, Mod: s.now - 50_000}}
	_, cursor := v.round(t, "")
	for id := 2; id <= 130; id++ {
		x := thing{ID: id, Mod: s.now + 5000}
		if id > 100 {
			x.Mod += int64(id)
		}
		s.things = append(s.things, x)
	}
	s.now += 60_000
	v.now = time.UnixMilli(s.now)
	records, next := v.round(t, cursor)
	got := ids(records)
	slices.Sort(got)
	if len(got) != 129 || len(slices.Compact(got)) != 129 {
		t.Errorf("got %d records, %d of them distinct, want 129", len(records), len(slices.Compact(got)))
	}
	var state struct{ Mark int64 }
	if err := json.Unmarshal([]byte(next), &state); err != nil {
		t.Fatal(err)
	}
	if want := v.now.Add(-2 * time.Second).UnixMicro(); state.Mark != want {
		t.Errorf("the watermark is %v, want the round's start less the settle lag, %v", time.UnixMicro(state.Mark), time.UnixMicro(want))
	}
}

// TestWindowWhoseFilterIsIgnored: a vendor that answers every query with the same old records is not read
// for ever.
func TestWindowWhoseFilterIsIgnored(t *testing.T) {
	calls := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		body := map[string]any{"results": []thing{{ID: 1, Mod: start.UnixMilli()}, {ID: 2, Mod: start.UnixMilli()}}}
		if r.URL.Path == "/search" {
			body["next"] = "4"
		}
		send(w, body)
	})
	v := open(t, fmt.Sprintf(searchSpec, 2), h, nil)
	_, cursor := v.round(t, "")
	v.now = start.Add(time.Hour)
	for range 20 {
		p, err := v.Pull(t.Context(), "things", cursor)
		if err != nil {
			if code := canon.CodeOf(err); code != "page.loop" {
				t.Fatalf("got %q, want page.loop", code)
			}
			return
		}
		if !p.More {
			t.Fatal("the round ended as if all were well")
		}
		cursor = p.Next
	}
	t.Fatalf("still reading after %d calls", calls)
}

// TestRefresh: what changes without a new modification time is learnt when everything is listed again.
func TestRefresh(t *testing.T) {
	s := &searcher{now: start.UnixMilli(), refuse: func(m string) { t.Fatal(m) }}
	s.things = []thing{{ID: 1, Mod: s.now - 50_000}, {ID: 2, Mod: s.now - 40_000}}
	v := open(t, fmt.Sprintf(searchSpec, pageSize), s, nil)
	_, cursor := v.round(t, "")
	s.things[0].Rev = 1
	var records []canon.Record
	for _, c := range []struct{ hour, want int }{{1, 0}, {23, 0}, {24, 2}, {25, 0}, {47, 0}, {49, 2}} {
		v.now = start.Add(time.Duration(c.hour) * time.Hour)
		records, cursor = v.round(t, cursor)
		if len(records) != c.want {
			t.Errorf("after %d hours the round gave %d records, want %d", c.hour, len(records), c.want)
		}
	}
}
