package sandbox_test

import (
	"fmt"
	"testing"
	"time"
)

// marketing reads a list to its end, by the names of its records, of the position in the answer, and of the ids.
func marketing(v *vendor, path, records, id string, next func(map[string]any) string) map[string]int {
	v.t.Helper()
	seen := map[string]int{}
	for at := ""; ; {
		page := v.ok("GET", path+at, nil)
		for _, row := range list(page[records]) {
			seen[str(object(row)[id])]++
		}
		if at = next(page); at == "" {
			return seen
		}
	}
}

func afterOf(page map[string]any) string {
	if next := object(object(page["paging"])["next"]); next != nil {
		return "&after=" + str(next["after"])
	}
	return ""
}

func offsetOf(page map[string]any) string {
	if page["hasMore"] == true {
		return "&offset=" + str(page["offset"])
	}
	return ""
}

// TestHubSpotMarketing reads events and submissions page by page, each once, also while the world goes on.
func TestHubSpotMarketing(t *testing.T) {
	w := small()
	for i := range 3 {
		w.Step(noon().Add(time.Duration(i) * 20 * time.Hour))
		hubspot, _, _ := vendors(t, w, nil)
		got := map[string]map[string]int{
			"email_events":     marketing(hubspot, "/email/public/v1/events?limit=37", "events", "id", offsetOf),
			"forms":            marketing(hubspot, "/marketing/v3/forms?limit=2", "results", "id", afterOf),
			"form_submissions": {},
		}
		for form := range got["forms"] {
			for id, n := range marketing(hubspot, "/form-integrations/v1/submissions/forms/"+form+"?limit=5", "results", "conversionId", afterOf) {
				got["form_submissions"][id] += n
			}
		}
		for stream, seen := range got {
			for id, n := range seen {
				if n != 1 || id == "" {
					t.Errorf("%s: %q came %d times", stream, id, n)
				}
			}
			if want := w.Counts()["hubspot/"+stream]; len(seen) != want || want < 3 {
				t.Errorf("%s: %d came, the world holds %d", stream, len(seen), want)
			}
		}
		since := w.Now().Add(-90 * 24 * time.Hour).UnixMilli()
		some := marketing(hubspot, fmt.Sprintf("/email/public/v1/events?limit=37&startTimestamp=%d", since), "events", "id", offsetOf)
		if len(some) == 0 || len(some) >= len(got["email_events"]) {
			t.Errorf("%d of %d events are of the last 90 days", len(some), len(got["email_events"]))
		}
		for _, path := range []string{"/email/public/v1/events?limit=1001", "/marketing/v3/forms?after=x", "/form-integrations/v1/submissions/forms/none"} {
			if status, _ := hubspot.call("GET", path, nil); status < 400 {
				t.Errorf("%s: got %d", path, status)
			}
		}
	}
}

// TestHubSpotQuotes: a deal that came as far as a contract has a quote, which is signed where the deal was won.
func TestHubSpotQuotes(t *testing.T) {
	hubspot, _, _ := vendors(t, small(), nil)
	signed, open := 0, 0
	for after := ""; ; {
		page := hubspot.ok("GET", "/crm/v3/objects/quotes?limit=100&associations=deals,companies&properties=hs_esign_date,hs_status"+after, nil)
		for _, row := range list(page["results"]) {
			links := object(object(row)["associations"])
			if len(list(object(links["deals"])["results"])) != 1 || links["companies"] == nil {
				t.Errorf("a quote is of no deal or no company: %v", row)
			}
			if object(object(row)["properties"])["hs_esign_date"] != nil {
				signed++
			} else {
				open++
			}
		}
		if after = afterOf(page); after == "" {
			break
		}
	}
	if signed == 0 || open == 0 {
		t.Errorf("%d quotes are signed, %d are not", signed, open)
	}
}
