package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/sandbox"
)

var hostileNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func hostileVendors() []string {
	return []string{sandbox.VendorHubSpot, sandbox.VendorStripe, sandbox.VendorZendesk, sandbox.VendorSalesforce}
}

// besiege lets a vendor do its worst for some hours.
func besiege(vendor string, seed int64) (*sandbox.World, *sandbox.Hostile, []string) {
	w := sandbox.NewWorld(sandbox.Options{Seed: 5, Companies: 20, Now: hostileNow})
	h := w.Hostile(vendor, seed)
	var told []string
	for i := range 40 {
		told = append(told, h.Step(hostileNow.Add(time.Duration(i)*11*time.Minute))...)
	}
	return w, h, told
}

// TestHostileBySeed: equal seeds make equal worlds, other seeds others, and every kind of mishap happens.
func TestHostileBySeed(t *testing.T) {
	for _, vendor := range hostileVendors() {
		_, a, told := besiege(vendor, 1)
		_, b, again := besiege(vendor, 1)
		if diff := cmp.Diff(told, again); diff != "" {
			t.Errorf("%s: the same seed tells something else:\n%s", vendor, diff)
		}
		if diff := cmp.Diff(a.Final(), b.Final()); diff != "" {
			t.Errorf("%s: the same seed makes another world:\n%s", vendor, diff)
		}
		if _, c, _ := besiege(vendor, 2); cmp.Equal(a.Final(), c.Final()) {
			t.Errorf("%s: another seed makes the same world", vendor)
		}
		all := strings.Join(told, "\n")
		for _, want := range []string{"too many", "fails for a while", "cut", "deleted", "at once"} {
			if vendor == sandbox.VendorHubSpot && want == "deleted" {
				want = "archived"
			}
			if !strings.Contains(all, want) {
				t.Errorf("%s: nothing was %q in\n%s", vendor, want, all)
			}
		}
	}
}

// TestHostileTruth: what Final tells is what a list of everything shows once nothing is hidden.
func TestHostileTruth(t *testing.T) {
	w, h, _ := besiege(sandbox.VendorHubSpot, 4)
	h.Settle()
	w.Step(hostileNow.Add(48 * time.Hour))
	got := map[string]bool{}
	for after := ""; ; {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://hubspot.example/crm/v3/objects/contacts?limit=100&after="+after, nil)
		r.Header.Set("Authorization", "Bearer "+sandbox.HubSpotToken)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		var page struct {
			Results []struct{ ID string }
			Paging  struct{ Next struct{ After string } }
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &page); err != nil || rec.Code != http.StatusOK {
			t.Fatalf("%d %v", rec.Code, err)
		}
		for _, o := range page.Results {
			got[o.ID] = true
		}
		if after = page.Paging.Next.After; after == "" {
			break
		}
	}
	for id, want := range h.Final()["contacts"] {
		if got[id] != (want.JSON != nil) {
			t.Errorf("%s is listed: %t, and alive: %t", id, got[id], want.JSON != nil)
		}
		delete(got, id)
	}
	if len(got) > 0 {
		t.Errorf("%d contacts are listed that Final does not know", len(got))
	}
}

// TestStorm refuses everything for as long as it lasts, and nothing afterwards.
func TestStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := sandbox.NewWorld(sandbox.Options{Seed: 5, Companies: 20, Now: hostileNow}).Hostile(sandbox.VendorStripe, 1)
		h.Storm(10*time.Minute, "7")
		ask := func() *http.Response {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://stripe.example/v1/customers", nil)
			r.Header.Set("Authorization", "Bearer "+sandbox.StripeKey)
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			return rec.Result()
		}
		for range 10 {
			if a := ask(); a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "7" {
				t.Errorf("answered %d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
			}
			time.Sleep(time.Minute)
		}
		if a := ask(); a.StatusCode != http.StatusOK {
			b, _ := io.ReadAll(a.Body)
			t.Errorf("after the storm: %d %s", a.StatusCode, b)
		}
	})
}

// TestHostileCalls: calls carry what happened, some twice, and forged ones are marked as such.
func TestHostileCalls(t *testing.T) {
	for _, vendor := range hostileVendors()[:3] {
		_, h, _ := besiege(vendor, 3)
		calls := h.Calls("secret", "https://hub.example/hooks/x", hostileNow)
		forged, bodies := 0, map[string]int{}
		for _, c := range calls {
			if !json.Valid(c.Body) || len(c.Header) == 0 {
				t.Errorf("%s: the call is %s %v", vendor, c.Body, c.Header)
			}
			if c.Forged {
				forged++
				continue
			}
			bodies[string(c.Body)]++
		}
		twice := 0
		for _, n := range bodies {
			if n > 1 {
				twice++
			}
		}
		if forged < 4 || len(bodies) == 0 {
			t.Errorf("%s: %d calls, %d of them forged, %d twice", vendor, len(calls), forged, twice)
		}
		if again := h.Calls("secret", "https://hub.example/hooks/x", hostileNow); len(again) > 0 {
			t.Errorf("%s: %d calls are told a second time", vendor, len(again))
		}
	}
}
