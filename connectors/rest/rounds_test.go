package rest_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// TestStep: a window in pieces leaves no gap, and tells what lies on an edge once.
func TestStep(t *testing.T) {
	var windows []string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		since, until := r.URL.Query().Get("since"), r.URL.Query().Get("until")
		if r.URL.Path == "/all" {
			send(w, []any{})
			return
		}
		windows = append(windows, since+" "+until)
		items := []any{}
		for i := range 40 {
			at := start.Add(time.Duration(i) * 3 * time.Minute)
			if s := at.Format(time.RFC3339); s >= since && s <= until {
				items = append(items, map[string]any{"id": i, "at": s})
			}
		}
		send(w, items)
	})
	spec := feedSpec(`    version: {path: at}
    full: {request: {path: /all}}
    changes:
      mode: window
      settle: 1m
      overlap: 1m
      step: 30m
      feed: {request: {path: /changed, query: {since: "${since}", until: "${until}"}}}
`)
	pages := rounds(t, spec, h, 2)[1]
	var want []string
	for i := range 21 {
		want = append(want, strconv.Itoa(i))
	}
	if diff := cmp.Diff(strings.Join(want, " "), idsOf(pages)); diff != "" {
		t.Error(diff)
	}
	if want := []string{"2026-03-01T11:58:00Z 2026-03-01T12:28:00Z", "2026-03-01T12:28:00Z 2026-03-01T12:58:00Z", "2026-03-01T12:58:00Z 2026-03-01T13:00:00Z"}; !slices.Equal(windows[:3], want) {
		t.Errorf("the windows are %q", windows[:3])
	}
	if len(pages) != 3 {
		t.Errorf("got %d pages, want 3", len(pages))
	}
}

// TestDays: where the vendor searches by the day of the account, no hour between the last sync and the
// account's midnight is lost, and what was told before is left out.
func TestDays(t *testing.T) {
	var asked []string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("day"))
		send(w, []any{map[string]any{"id": "old", "at": "2026-03-01T09:00:00Z"}, map[string]any{"id": "new", "at": "2026-03-01T11:59:30Z"}})
	})
	spec := feedSpec(`    version: {path: at}
    full: {request: {path: /all}}
    changes:
      mode: window
      settle: 1m
      overlap: 0s
      granularity: day
      timezone: ${setting.zone}
      exact: true
      feed: {request: {path: /changed, query: {day: "${since|date}"}}}
`)
	for zone, want := range map[string]string{"": "2026-03-01", "Pacific/Auckland": "2026-03-02", "America/Los_Angeles": "2026-03-01", "Pacific/Honolulu": "2026-03-01"} {
		asked = nil
		v := open(t, spec, h, connectors.Settings{"zone": zone})
		_, cursor := v.round(t, "")
		v.now = start.Add(20 * time.Hour)
		records, _ := v.round(t, cursor)
		if asked[1] != want || strings.Join(ids(records), " ") != "new" {
			t.Errorf("in %q the vendor was asked for %q and gave %v", zone, asked[1], ids(records))
		}
	}
	v := open(t, spec, h, connectors.Settings{"zone": "Atlantis"})
	if _, err := v.Pull(t.Context(), "things", ""); canon.CodeOf(err) != "settings.timezone" {
		t.Errorf("an unknown time zone gave %v", err)
	}
}

// TestSweep: a full list that is due marks all pages of its round, and no other round does; an answer that was
// ignored makes it no full list.
func TestSweep(t *testing.T) {
	refuse := false
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse && r.URL.Query().Get("at") == "2" {
			w.WriteHeader(http.StatusForbidden)
			send(w, map[string]any{})
			return
		}
		(&shop{groups: map[string][]string{"all": {"1", "2", "3"}, "changed": {"9"}, "dead": {"7"}}}).ServeHTTP(w, r)
	})
	feed := func(name string) string {
		return "{request: {path: /things/" + name + ", query: {at: \"${token}\"}}, " + pagedItems + "}"
	}
	spec := strings.Replace(feedSpec("    full: "+feed("all")+"\n    changes: {mode: window, feed: "+feed("changed")+"}\n    archived: {feed: "+feed("dead")+", reason: deleted}\n    sweep: {every: 2h, guard: 0.1}\n"),
		"streams:", "errors: [{status: [403], action: ignore}]\nstreams:", 1)
	got := rounds(t, spec, h, 4)
	for i, want := range []string{"1 2 3 -7:deleted", "9 -7:deleted", "1 2 3 -7:deleted", "9 -7:deleted"} {
		if idsOf(got[i]) != want {
			t.Errorf("round %d gave %q, want %q", i, idsOf(got[i]), want)
		}
		for j, p := range got[i] {
			if full := i%2 == 0; full != (p.Sweep != nil) || full && (p.Sweep.Round != got[i][0].Sweep.Round || p.Sweep.Guard != 0.1) {
				t.Errorf("round %d page %d is marked %+v", i, j, p.Sweep)
			}
		}
	}
	if got[0][0].Sweep.Round == got[2][0].Sweep.Round {
		t.Error("two rounds have the same name")
	}
	refuse = true
	pages := rounds(t, spec, h, 1)[0]
	if last := pages[len(pages)-1]; last.Sweep != nil {
		t.Errorf("after an answer that was ignored the round ends with %+v", last.Sweep)
	}
}

// TestMerged: a winner's record tells of its losers, and a loser's of its winner.
func TestMerged(t *testing.T) {
	body := `[{"id":1,"at":"2026-01-01T00:00:00Z","lost":"7;8;1"},{"id":2,"at":"2026-01-02T00:00:00Z","lost":[9,1]},{"id":3,"into":"2"},{"id":4,"state":"ARCHIVED"},{"id":5,"state":"GDPR"}]`
	spec := feedSpec(`    version: {path: at}
    deleted: {path: state, in: [ARCHIVED, GDPR]}
    reason: state
    into: into
    merged: {path: lost, split: ";"}
    full: {request: {path: /all}}
`)
	pages := rounds(t, spec, says(body), 1)[0]
	if want := "1 2 -3:merged -4:archived -5:deleted -7:merged -8:merged -9:merged"; idsOf(pages) != want {
		t.Errorf("got %q, want %q", idsOf(pages), want)
	}
	for _, r := range pages[0].Records {
		if into := map[string]string{"3": "2", "7": "1", "8": "1", "9": "2"}[r.ID]; r.Into != into {
			t.Errorf("%s was merged into %q, want %q", r.ID, r.Into, into)
		}
	}
}

// TestKeyset: pages go on behind the last key, whatever is put in before it meanwhile.
func TestKeyset(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		above, _ := strconv.Atoi(r.URL.Query().Get("above"))
		items := []any{}
		for seq := above + 1; seq <= min(above+2, 5); seq++ {
			items = append(items, map[string]any{"id": fmt.Sprint("t", seq), "seq": seq})
		}
		send(w, items)
	})
	got := rounds(t, feedSpec(`    full: {request: {path: /all, query: {above: "${last_key:-0}"}}, paging: {kind: keyset, path: seq, size: 2}}`), h, 1)
	if idsOf(got[0]) != "t1 t2 t3 t4 t5" || len(got[0]) != 3 {
		t.Errorf("got %q in %d pages", idsOf(got[0]), len(got[0]))
	}
}

// TestPageCap: a vendor that gives no more than a few pages is asked again from the last moment, or behind the
// last id.
func TestPageCap(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		page, _ := strconv.Atoi(q.Get("page"))
		above, _ := strconv.Atoi(q.Get("above"))
		if page > 3 {
			w.WriteHeader(http.StatusBadRequest)
			send(w, map[string]any{"message": "no more than 3 pages"})
			return
		}
		items := []any{}
		for i := range 31 {
			// Two share each minute.
			at := start.Add(time.Duration(i/2-60) * time.Minute).Format(time.RFC3339)
			if at >= q.Get("since") && i+1 > above {
				items = append(items, map[string]any{"id": i + 1, "at": at})
			}
		}
		first := min((page-1)*4, len(items))
		send(w, items[first:min(first+4, len(items))])
	})
	var want []string
	for i := range 31 {
		want = append(want, strconv.Itoa(i+1))
	}
	for name, feed := range map[string]string{
		"time": `{request: {path: /t, query: {page: "${token:-1}", since: "${since}"}}, paging: {kind: page, start: 1, size: 4, max_pages: 3}, reset: {path: at, step: 1s}}`,
		"id":   `{request: {path: /t, query: {page: "${token:-1}", above: "${last_key}"}}, paging: {kind: page, start: 1, size: 4, max_pages: 3}, reset: {by: id}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got := idsOf(rounds(t, feedSpec("    full: "+feed+"\n"), h, 1)[0]); got != strings.Join(want, " ") {
				t.Errorf("got %s", got)
			}
		})
	}
	same := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		send(w, []any{map[string]any{"id": page, "at": "2026-01-01T00:00:00Z"}})
	})
	v := open(t, feedSpec(`    full: {request: {path: /t, query: {page: "${token:-1}", since: "${since}"}}, paging: {kind: page, start: 1, size: 1, max_pages: 3}, reset: {path: at}}`), same, nil)
	from, err := canon.Cursor(""), error(nil)
	for range 20 {
		var p connectors.Page
		if p, err = v.Pull(t.Context(), "things", from); err != nil {
			break
		}
		from = p.Next
	}
	if canon.CodeOf(err) != "page.cap" {
		t.Errorf("a moment with more records than the vendor lists gave %v, want page.cap", err)
	}
}

// TestDelayed: what the vendor shows only after the watermark has gone by is found by the second pass, and what
// was told is not told again.
func TestDelayed(t *testing.T) {
	type row struct {
		id          string
		at, visible time.Time
	}
	rows := []row{{"prompt", start.Add(10 * time.Minute), start}, {"late", start.Add(20 * time.Minute), start.Add(100 * time.Minute)}}
	var now time.Time
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		items := []any{}
		for _, x := range rows {
			if at := x.at.Format(time.RFC3339); r.URL.Path == "/changed" && at >= q.Get("since") && at <= q.Get("until") && !x.visible.After(now) {
				items = append(items, map[string]any{"id": x.id, "at": at})
			}
		}
		send(w, items)
	})
	v := open(t, feedSpec(`    version: {path: at}
    full: {request: {path: /all}}
    changes: {mode: window, settle: 1m, overlap: 1m, feed: {request: {path: /changed, query: {since: "${since}", until: "${until}"}}}}
    delayed: {lag: 2h}
`), h, nil)
	var got []string
	_, cursor := v.round(t, "")
	for i := range 8 {
		v.now = start.Add(time.Duration(i+1) * 30 * time.Minute)
		now = v.now
		var records []canon.Record
		records, cursor = v.round(t, cursor)
		for _, r := range records {
			got = append(got, fmt.Sprintf("%s@%d", r.ID, i+1))
		}
		if len(cursor) > 4000 {
			t.Errorf("the cursor has %d bytes", len(cursor))
		}
	}
	if diff := cmp.Diff("prompt@1 late@5", strings.Join(got, " ")); diff != "" {
		t.Error(diff)
	}
}

// TestWatermarks: in every mode, the watermark stays behind the round's start by what the vendor may hide.
func TestWatermarks(t *testing.T) {
	event := "{object: id, time: at, fetch: {path: \"/x/${id}\"}}"
	for name, changes := range map[string]string{
		"window": "{mode: window, settle: 5m, feed: {request: {path: /c}}}", "continue": "{mode: continue, settle: 5m}",
		"events": "{mode: events, settle: 5m, feed: {request: {path: /c}}, events: " + event + "}",
		"steps":  "{mode: window, settle: 5m, step: 7m, feed: {request: {path: /c}}}", "days": "{mode: window, settle: 5m, granularity: day, feed: {request: {path: /c}}}",
	} {
		v := open(t, feedSpec("    full: {request: {path: /all}}\n    changes: "+changes+"\n"), says("[]"), nil)
		cursor := canon.Cursor("")
		for range 3 {
			_, cursor = v.round(t, cursor)
			if want := fmt.Sprintf(`"mark":%d,`, v.now.Add(-5*time.Minute).UnixMicro()); !strings.Contains(string(cursor), want) {
				t.Errorf("%s: the cursor is %s, want %s", name, cursor, want)
			}
			v.now = v.now.Add(time.Hour)
		}
	}
}

// TestPriority: listing everything gives way to changes, and a caller's own priority counts.
func TestPriority(t *testing.T) {
	var got []string
	spec := feedSpec("    full: {request: {path: /all}}\n    changes: {mode: window, feed: {request: {path: /c}}}\n")
	v := open(t, spec, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := connectors.PriorityOf(r.Context())
		got = append(got, fmt.Sprint(p, ok))
		io.WriteString(w, "[]")
	}), nil)
	_, cursor := v.round(t, "")
	v.now = start.Add(time.Hour)
	v.round(t, cursor)
	if _, err := v.Pull(connectors.WithPriority(t.Context(), connectors.PriorityWebhook), "things", ""); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"backfill true", "incremental true", "webhook true"}, got); diff != "" {
		t.Error(diff)
	}
}
