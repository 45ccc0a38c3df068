package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

func TestTimelineIsAskedAsTheCallSays(t *testing.T) {
	w := newWorld()
	h := newAPI(t, w)
	moment := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	for path, want := range map[string]canon.Window{
		"": {Newest: true, Limit: 100},
		"?at=2026-01-03T00:00:00Z&known_at=2026-01-04T00:00:00Z&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&order=oldest": {
			At: moment(3), KnownAt: moment(4), From: moment(1), To: moment(2), Limit: 100,
		},
		"?person=crm/people/7&kinds=deal,ticket&sources=crm,desk/tickets&types=deal.&revisions=true": {
			Person: "crm/people/7", Kinds: []canon.Kind{canon.KindDeal, canon.KindTicket}, Connections: []string{"crm"}, Streams: []string{"desk/tickets"},
			Types: []string{"deal."}, Revisions: true, Newest: true, Limit: 100,
		},
		"?after=x&limit=7":  {After: "x", Newest: true, Limit: 7},
		"?before=y&limit=7": {Before: "y", Newest: true, Limit: 7},
	} {
		if got := ask(t, h, "/api/v1/customers/cu_1/timeline"+path); got.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, got.Code, got.Body)
		}
		if diff := cmp.Diff(want, w.window); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if got := ask(t, h, "/api/v1/customers/cu_1/timeline?kinds=shoe"); got.Code == http.StatusOK {
		t.Error("a kind that does not exist is taken")
	}
	// Whom an id meant then is not whom it means now, so it is handed on as it is.
	if ask(t, h, "/api/v1/customers/cus_absorbed/timeline?known_at=2026-01-04T00:00:00Z"); w.asked != "cus_absorbed" {
		t.Errorf("the timeline of %q was asked for", w.asked)
	}
}
