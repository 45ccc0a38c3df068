package quickbooks_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/quickbooks"
	"github.com/lifecyclehub/hub/sandbox"
)

func settings() connectors.Settings {
	return connectors.Settings{"token": sandbox.QuickBooksToken, "realm_id": sandbox.QuickBooksRealm}
}

func TestLaws(t *testing.T) {
	x := connectortest.ReadExchange(t, filepath.Join("testdata", "exchange.json"))
	connectortest.Run(t, quickbooks.Definition(), x.Options(t))
}

// TestReceive reads both forms of a call. What is about another company, or nothing that Hub reads, is left
// out.
func TestReceive(t *testing.T) {
	conn, err := quickbooks.Definition().Open(t.Context(), settings(), connectors.Env{Connection: "c"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	realm := sandbox.QuickBooksRealm
	want := []connectors.Hint{
		{Stream: "customers", ID: "7", Deleted: true, At: at, Into: "3"}, {Stream: "customers", ID: "3", At: at},
		{Stream: "invoices", ID: "9", Deleted: true, At: at}, {Stream: "credit_memos", ID: "5", At: at},
	}
	for name, body := range map[string]string{
		"older": `{"eventNotifications":[{"realmId":"` + realm + `","dataChangeEvent":{"entities":[
			{"name":"Customer","id":"3","operation":"Merge","lastUpdated":"2026-03-01T04:00:00-0800","deletedId":"7"},
			{"name":"Invoice","id":"9","operation":"Delete","lastUpdated":"2026-03-01T12:00:00Z"},
			{"name":"Bill","id":"4","operation":"Update","lastUpdated":"2026-03-01T12:00:00Z"},
			{"name":"CreditMemo","id":"5","operation":"Void","lastUpdated":"2026-03-01T12:00:00.000Z"}]}},
			{"realmId":"1","dataChangeEvent":{"entities":[{"name":"Customer","id":"8","operation":"Update","lastUpdated":"2026-03-01T12:00:00Z"}]}}]}`,
		"CloudEvents": `[
			{"specversion":"1.0","type":"qbo.customer.merged.v1","time":"2026-03-01T12:00:00Z","intuitentityid":"3","intuitaccountid":"` + realm + `","data":{"deletedId":"7"}},
			{"specversion":"1.0","type":"qbo.invoice.deleted.v1","time":"2026-03-01T12:00:00Z","intuitentityid":"9","intuitaccountid":"` + realm + `","data":{}},
			{"specversion":"1.0","type":"qbo.bill.updated.v1","time":"2026-03-01T12:00:00Z","intuitentityid":"4","intuitaccountid":"` + realm + `","data":{}},
			{"specversion":"1.0","type":"odd","time":"2026-03-01T12:00:00Z","intuitentityid":"4","intuitaccountid":"` + realm + `"},
			{"specversion":"1.0","type":"qbo.creditmemo.voided.v1","time":"soon","intuitentityid":"5","intuitaccountid":"` + realm + `"},
			{"specversion":"1.0","type":"qbo.customer.updated.v1","time":"2026-03-01T12:00:00Z","intuitentityid":"8","intuitaccountid":"1"}]`,
	} {
		got, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: []byte(body), At: at})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got.Hints); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, body := range []string{`{}`, `{"eventNotifications":7}`, `[1]`, `text`, ``} {
		if _, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: []byte(body), At: at}); canon.CodeOf(err) != "hook.shape" {
			t.Errorf("%q gave %v, want hook.shape", body, err)
		}
	}
}

// TestGone: each way in which an object leaves the books has its reason.
func TestGone(t *testing.T) {
	world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
	now := world.Now()
	conn := open(t, world, &now, nil)
	got := map[string]int{}
	for _, stream := range []string{"customers", "invoices"} {
		r := &connectortest.Reading{}
		r.Round(t, conn, stream)
		for _, rec := range r.Records {
			if rec.Deleted {
				got[stream+" "+rec.Reason]++
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"customers archived": 1, "invoices deleted": 1}, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzReceive: no call makes the connector panic, and what it tells is of its own streams.
func FuzzReceive(f *testing.F) {
	conn, err := quickbooks.Definition().Open(f.Context(), settings(), connectors.Env{Connection: "c"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{`{"eventNotifications":[]}`, `{"eventNotifications":[{"realmId":"` + sandbox.QuickBooksRealm + `","dataChangeEvent":{"entities":[{"name":"Invoice","id":"1","operation":"Merge"}]}}]}`,
		`[{"type":"qbo.invoice.deleted.v1","intuitentityid":"1","intuitaccountid":"` + sandbox.QuickBooksRealm + `"}]`, `[null]`, `{"eventNotifications":[null]}`, `7`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Body: body})
		for _, h := range got.Hints {
			if err != nil || h.ID == "" || !slices.ContainsFunc(conn.Streams(), func(s connectors.Stream) bool { return s.Name == h.Stream }) {
				t.Errorf("%q gave %+v, %v", body, h, err)
			}
		}
	})
}
