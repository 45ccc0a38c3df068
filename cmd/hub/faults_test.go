package main

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/sandbox"
	"github.com/lifecyclehub/hub/store"
)

// TestFaultsOfVendors lets a vendor misbehave while a real sync runs, and wants a clear error with a code and a
// hint for the stream concerned, everything else to go on, and the next sync to end where an undisturbed one does.
func TestFaultsOfVendors(t *testing.T) {
	// Enough contacts for a second page, so that there is a token to repeat.
	const companies = 45
	_, calm := play(t, companies)
	syncOnce(t, calm, true)
	want := withoutScores(state(t, calm))
	for _, tc := range []struct {
		name, vendor string
		fault        sandbox.Fault
		// code is that of the stream's error, "" where the connector copes by itself.
		code string
	}{
		{"not JSON", sandbox.VendorStripe, sandbox.Fault{Match: "/v1/invoices", Times: 50, Status: 200, Body: "<html>We are down for maintenance</html>"}, "page.not_json"},
		{"401", sandbox.VendorHubSpot, sandbox.Fault{Match: "/crm/v3/objects/deals", Times: 50, Status: 401, Body: `{"status":"error","message":"no"}`}, "auth.denied"},
		{"403", sandbox.VendorHubSpot, sandbox.Fault{Match: "/crm/v3/objects/deals", Times: 50, Status: 403, Body: `{"status":"error","message":"no"}`}, "auth.forbidden"},
		{"404", sandbox.VendorStripe, sandbox.Fault{Match: "/v1/subscriptions", Times: 50, Status: 404, Body: `{"error":{"message":"no"}}`}, "not_found"},
		{"429 with Retry-After", sandbox.VendorStripe, sandbox.Fault{Match: "/v1/customers", Times: 2, Status: 429, RetryAfter: "1"}, ""},
		{"429 without", sandbox.VendorHubSpot, sandbox.Fault{Match: "/crm/v3/objects/contacts", Times: 2, Status: 429}, ""},
		{"500 for a while", sandbox.VendorZendesk, sandbox.Fault{Match: "incremental", Times: 2, Status: 500}, ""},
		{"cut connection", sandbox.VendorHubSpot, sandbox.Fault{Match: "/crm/v3/objects/companies", Times: 2, CutAfter: 200}, ""},
		{"a token that repeats forever", sandbox.VendorHubSpot, sandbox.Fault{Match: "/crm/v3/objects/contacts", Times: 1 << 20, RepeatToken: true}, "page.loop"},
		{"a body of 100 MB", sandbox.VendorStripe, sandbox.Fault{Match: "/v1/invoices", Times: 50, Huge: 100 << 20}, "page.too_large"},
	} {
		if slow && tc.code == "" {
			// These only wait for the next try, in code that the others run as well.
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			// Most of the time goes into waiting before the next try.
			t.Parallel()
			st, dir := play(t, companies)
			st.world.Inject(tc.vendor, tc.fault)
			s, out := syncOnce(t, dir, tc.code == "")
			if tc.code != "" {
				if len(s.Failed) == 0 {
					t.Fatalf("no stream failed:\n%s", out)
				}
				e := streamError(t, dir, s.Failed[0])
				if e.Code != tc.code || e.Hint == "" || e.Message == "" {
					t.Errorf("%s: code %q (want %q), message %q, hint %q", s.Failed[0], e.Code, tc.code, e.Message, e.Hint)
				}
				if strings.Contains(e.Message, sandbox.StripeKey) || strings.Contains(e.Message, sandbox.HubSpotToken) {
					t.Errorf("a secret stands in the error: %s", e.Message)
				}
				if s.Records == 0 || s.Customers == 0 {
					t.Errorf("the other streams did not go on: %+v", s)
				}
				st.world.Heal(tc.vendor)
				syncOnce(t, dir, true)
			}
			// Scores were told while a source was missing, and then again: that is history, and right.
			differ(t, tc.name, want, withoutScores(state(t, dir)))
		})
	}
}

// withoutScores leaves out when scores were told.
func withoutScores(state string) string {
	var kept []string
	for _, l := range strings.Split(state, "\n") {
		if !strings.Contains(l, `"type":"score.changed"`) {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}

// streamError returns why a stream failed.
func streamError(t *testing.T, dir, stream string) canon.Error {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(dir, "hub-data", "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	states, err := db.Streams(t.Context())
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.Connection+"/"+s.Stream == stream && s.Error != nil {
			return *s.Error
		}
	}
	t.Fatalf("no error is kept with %s", stream)
	return canon.Error{}
}

// syncOnce runs a real hub sync and returns its summary.
func syncOnce(t *testing.T, dir string, wantOK bool) (summary, string) {
	t.Helper()
	cmd, out := program(t.Context(), t, dir, "sync", "--json")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := cmd.Run()
	if (err == nil) != wantOK {
		t.Fatalf("sync: %v\n%s%s", err, out, &stderr)
	}
	var s summary
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		t.Fatalf("%v\n%s%s", err, out, &stderr)
	}
	return s, out.String() + stderr.String()
}
