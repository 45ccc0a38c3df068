package xero_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/xero"
	"github.com/lifecyclehub/hub/sandbox"
)

func settings() connectors.Settings {
	return connectors.Settings{"token": sandbox.XeroToken, "tenant_id": sandbox.XeroTenant}
}

func TestLaws(t *testing.T) {
	x := connectortest.ReadExchange(t, filepath.Join("testdata", "exchange.json"))
	connectortest.Run(t, xero.Definition(), x.Options(t))
}

// TestReceive: a call names objects of several organisations; only the connection's own count.
func TestReceive(t *testing.T) {
	conn, err := xero.Definition().Open(t.Context(), settings(), connectors.Env{Connection: "c"})
	if err != nil {
		t.Fatal(err)
	}
	event := func(tenant, category, id string) string {
		return `{"resourceUrl":"https://api.xero.com/x","resourceId":"` + id + `","eventDateUtc":"2026-03-01T11:59:58.909","eventType":"UPDATE","eventCategory":"` +
			category + `","tenantId":"` + tenant + `","tenantType":"ORGANISATION"}`
	}
	body := `{"events":[` + event(sandbox.XeroTenant, "INVOICE", "i1") + "," + event("another", "INVOICE", "i2") + "," + event(sandbox.XeroTenant, "CONTACT", "c1") + "," +
		event(sandbox.XeroTenant, "SUBSCRIPTION", "s1") + `],"firstEventSequence":1,"lastEventSequence":4,"entropy":"X"}`
	got, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	want := []connectors.Hint{{Stream: "invoices", ID: "i1"}, {Stream: "contacts", ID: "c1"}}
	if diff := cmp.Diff(want, got.Hints, cmpopts.IgnoreFields(connectors.Hint{}, "At")); diff != "" || len(got.Records)+len(got.Rejects) > 0 {
		t.Errorf("%s%+v", diff, got)
	}
	// The vendor probes a webhook with calls that tell nothing.
	if got, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: []byte(`{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"X"}`)}); err != nil || len(got.Hints) > 0 {
		t.Errorf("a probe gave %+v, %v", got, err)
	}
	if _, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: []byte(`not JSON`)}); err == nil {
		t.Error("a call that is no JSON was taken")
	}
}

// TestGone: each way in which an object leaves the ledger has its reason.
func TestGone(t *testing.T) {
	world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
	now := world.Now()
	conn := open(t, world, &now, nil)
	got := map[string]int{}
	for _, stream := range []string{"contacts", "invoices"} {
		r := &connectortest.Reading{}
		r.Round(t, conn, stream)
		for _, rec := range r.Records {
			if rec.Deleted {
				got[stream+" "+rec.Reason]++
			}
			if into := r.Records[rec.Into]; (rec.Into != "") != (rec.Reason == "merged") || rec.Into != "" && (into.ID == "" || into.Deleted) {
				t.Errorf("%s is gone as %q into %q", rec.Ref, rec.Reason, rec.Into)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"contacts archived": 1, "contacts merged": 1, "invoices deleted": 1}, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzReceive: no call makes the connector panic, and what it tells is of its own streams.
func FuzzReceive(f *testing.F) {
	conn, err := xero.Definition().Open(f.Context(), settings(), connectors.Env{Connection: "c"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{`{"events":[]}`, `{"events":[{"tenantId":"` + sandbox.XeroTenant + `","eventCategory":"INVOICE","resourceId":"1"}]}`, `{"events":[null,7,{}]}`, `[]`, `{"events":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: body})
		for _, h := range got.Hints {
			if err != nil || h.ID == "" || h.Stream != "contacts" && h.Stream != "invoices" && h.Stream != "credit_notes" {
				t.Errorf("%q gave %+v, %v", body, h, err)
			}
		}
	})
}
