package rest_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

// bulkSpec is HubSpot's search as its connector describes it.
const bulkSpec = `
base_url: https://acme.example
check: {path: /check}
streams:
  - name: things
    title: Things
    id: id
    version: {path: mod}
    full:
      request: {path: /list}
      records: results
    changes:
      mode: window
      settle: 2s
      overlap: 1s
      feed:
        request: {method: POST, path: /search, idempotent: true, body: {since: "${since|unix_ms}", limit: 200, after: "${token:-0}"}}
        records: results
        total: total
        paging: {kind: cursor, token: next}
      reset:
        records: 10000
        path: mod
        step: 1ms
        ties:
          request: {method: POST, path: /search, idempotent: true, body: {tie: "${tie|unix_ms}", above: "${last_id:-0}", limit: 200}}
          records: results
          paging: {kind: last_id, size: 200}
`

// index is a search that gives at most 10,000 hits a query, sorted by time and id; an import gave very many
// records the same millisecond.
type index struct {
	t      *testing.T
	things []thing
	calls  int
}

func (x *index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/list" {
		send(w, map[string]any{"results": []any{}})
		return
	}
	x.calls++
	var q struct {
		Since, After, Tie, Above string
		Limit                    int
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		x.t.Error(err)
	}
	num := func(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }
	from := sort.Search(len(x.things), func(i int) bool { return x.things[i].Mod >= num(q.Since) })
	end := len(x.things)
	if q.Tie != "" {
		tie, above := num(q.Tie), num(q.Above)
		from = sort.Search(len(x.things), func(i int) bool {
			return x.things[i].Mod > tie || (x.things[i].Mod == tie && int64(x.things[i].ID) > above)
		})
		end = sort.Search(len(x.things), func(i int) bool { return x.things[i].Mod > tie })
	}
	after := int(num(q.After))
	if after+q.Limit > 10_000 {
		w.WriteHeader(http.StatusBadRequest)
		send(w, map[string]any{"message": "paging past 10,000"})
		return
	}
	hits := x.things[from:max(from, end)]
	rest := hits[min(after, len(hits)):]
	body := map[string]any{"results": rest[:min(q.Limit, len(rest))], "total": len(hits)}
	if len(rest) > q.Limit {
		body["next"] = strconv.Itoa(after + q.Limit)
	}
	send(w, body)
}

// TestManyAtOneMoment: 25,000 records that share one millisecond, with others before and behind, come through a
// search that ends after 10,000.
func TestManyAtOneMoment(t *testing.T) {
	x := &index{t: t}
	at := start.Add(10 * time.Minute).UnixMilli()
	for id := range 26_000 {
		one := thing{ID: id + 1, Mod: at}
		if id < 500 {
			one.Mod = at - 1000 + int64(id)
		} else if id >= 25_500 {
			one.Mod = at + int64(id)
		}
		x.things = append(x.things, one)
	}
	v := open(t, bulkSpec, x, nil)
	_, cursor := v.round(t, "")
	v.now = start.Add(time.Hour)
	records, _ := v.round(t, cursor)
	got := ids(records)
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != 26_000 {
		t.Errorf("got %d of 26000 records", n)
	}
	// The first 10,000 at the moment are read by position and once more by id.
	if len(records) > 26_000+10_000 || x.calls > 200 {
		t.Errorf("%d records were told in %d calls", len(records), x.calls)
	}
}

// TestLongLists: a list of names too long for one request is asked for in parts, and the parts are one record.
func TestLongLists(t *testing.T) {
	var asked []string
	gone := false
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/names" {
			var names []map[string]string
			for i := range 9 {
				names = append(names, map[string]string{"name": "field_" + strconv.Itoa(i)})
			}
			send(w, names)
			return
		}
		fields := r.URL.Query().Get("fields")
		asked = append(asked, fields)
		items := []any{}
		for _, id := range []string{"1", "2"} {
			props := map[string]string{}
			for name := range strings.SplitSeq(fields, ",") {
				props[name] = id + name
			}
			items = append(items, map[string]any{"id": id, "props": props, "rev": 7})
		}
		if gone && strings.Contains(fields, "field_8") {
			items = items[:1]
		}
		send(w, items)
	})
	spec := strings.Replace(feedSpec("    full: {request: {path: /t, query: {fields: \"${list.names}\"}}}\n    sweep: {every: 24h}\n    fetch: {request: {path: /t, query: {fields: \"${list.names}\", ids: \"${ids|csv}\"}}}\n"),
		"streams:", "lists: {names: {request: {path: /names}, value: name, include: [key], always: [key], max_chars: 32, chunk: true}}\nstreams:", 1)
	pages := rounds(t, spec, h, 1)[0]
	if want := []string{"key,field_0,field_1,field_2", "key,field_3,field_4,field_5", "key,field_6,field_7,field_8"}; !slices.Equal(asked[:3], want) {
		t.Errorf("asked for %q, want %q", asked[:3], want)
	}
	v := open(t, spec, h, nil)
	fetched, err := v.Fetch(t.Context(), "things", []string{"1", "2"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(pages[0].Records, fetched.Records...) {
		var rec struct{ Props map[string]string }
		if err := json.Unmarshal(r.Raw, &rec); err != nil || len(rec.Props) != 10 || rec.Props["field_8"] != r.ID+"field_8" || strings.Count(string(r.Raw), `"rev"`) != 1 {
			t.Errorf("record %s is %s, %v", r.ID, r.Raw, err)
		}
	}
	// What is gone when the last part is asked for is told by nobody as half a record, and the round is no sweep.
	gone = true
	if p := rounds(t, spec, h, 1)[0][0]; idsOf(pages) != "1 2" || len(p.Records) != 1 || p.Sweep != nil {
		t.Errorf("got %d records, sweep %+v", len(p.Records), p.Sweep)
	}
}
