package xero_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/stripe"
	"github.com/lifecyclehub/hub/connectors/xero"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestSameTruth reads the same accounts through two billing systems of the sandbox. What they tell in their
// different words must come to the same.
func TestSameTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// What is written off in Xero is credited in full, and no more is known of it.
		same := map[string]string{"uncollectible": "void"}
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		world := sandbox.NewWorld(sandbox.Options{Seed: 3, Companies: 80, Now: now})
		ours := figures(entities(t, xero.Definition(), world.Xero(), settings(), now), same)
		base := connectors.Settings{"api_key": sandbox.StripeKey}
		theirs := figures(entities(t, stripe.Definition(), world.Stripe(), base, now, world.Malformed()), same)
		for name := range theirs {
			if !strings.HasPrefix(name, "invoices") && !strings.HasPrefix(name, "owed") && !strings.HasPrefix(name, "billed") {
				delete(theirs, name)
			}
		}
		if diff := cmp.Diff(theirs, ours); diff != "" || len(ours) < 4 {
			t.Errorf("Stripe (-) and xero (+) differ:\n%s", diff)
		}
	})
}

// entities reads all streams and maps them. Nothing may be left over, but for what is broken on purpose.
func entities(t *testing.T, def connectors.Definition, vendor http.Handler, s connectors.Settings, now time.Time, broken ...map[string]bool) []canon.Entity {
	t.Helper()
	conn, err := def.Open(t.Context(), s, connectors.Env{Connection: "c", Transport: connectortest.Transport(vendor), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse(def.Name, def.Mapping, mapping.Options{Connection: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	var out []canon.Entity
	for _, st := range conn.Streams() {
		r := &connectortest.Reading{}
		r.Round(t, conn, st.Name)
		for _, rec := range r.Records {
			if len(broken) > 0 && broken[0][def.Name+"/"+st.Name+"/"+rec.ID] {
				continue
			}
			all, letters := m.Apply(rec)
			if len(letters) > 0 {
				t.Errorf("%s: %s at %s: %s", rec.Ref, letters[0].Code, letters[0].Path, letters[0].Reason)
			}
			out = append(out, all...)
		}
	}
	return out
}

// figures counts invoices by state and adds up, by currency, what is owed and what recurs in a month. same
// names states that stand for another one.
func figures(all []canon.Entity, same map[string]string) map[string]int64 {
	out := map[string]int64{}
	state := func(s string) string {
		if word, ok := same[s]; ok {
			return word
		}
		return s
	}
	for _, e := range all {
		if e.Deleted {
			continue
		}
		switch body := e.Body.(type) {
		case *canon.Invoice:
			if body.Credit {
				continue
			}
			body.Status = state(body.Status)
			out["invoices "+body.Status]++
			out["billed "+body.Total.Currency] += billed(body)
			if body.Status == "paid" && body.PaidAt.Truncate(24*time.Hour).Sub(body.IssuedAt.Truncate(24*time.Hour)) > 35*24*time.Hour {
				out["invoices paid slowly"]++
			}
			if body.Status == "open" && body.Due != nil {
				out["owed "+body.Due.Currency] += body.Due.Minor
			}
		case *canon.Subscription:
			out["subscriptions "+state(body.Status)]++
			if body.MRR != nil && body.Status != "ended" {
				out["recurring "+body.MRR.Currency] += body.MRR.Minor
			}
			out["seats"] += int64(body.Quantity)
		}
	}
	return out
}

// billed leaves out what was annulled, as some ledgers take its amounts away.
func billed(b *canon.Invoice) int64 {
	if b.Status == "void" {
		return 0
	}
	return b.Total.Minor
}
