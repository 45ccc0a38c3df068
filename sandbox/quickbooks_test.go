package sandbox_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/sandbox"
)

const qbBase = "/v3/company/" + sandbox.QuickBooksRealm

func quickbooks(t *testing.T, o sandbox.Options) *ledger {
	o.Seed, o.Now = 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := sandbox.NewWorld(o)
	return &ledger{t, w, w.QuickBooks(), func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+sandbox.QuickBooksToken) }}
}

// query returns the objects that a query finds.
func (l *ledger) query(text string) []any {
	l.t.Helper()
	status, body, _ := l.get(qbBase + "/query?query=" + url.QueryEscape(text))
	if status != 200 {
		l.t.Fatalf("%s: %d %v", text, status, body)
	}
	for _, v := range object(body["QueryResponse"]) {
		if rows, ok := v.([]any); ok {
			return rows
		}
	}
	return nil
}

func TestQuickBooksQueries(t *testing.T) {
	l := quickbooks(t, sandbox.Options{Companies: 40})
	all := l.query("select * from Invoice maxresults 1000")
	if len(all) != l.world.Counts()["quickbooks/invoices"] || len(all) < 100 {
		t.Fatalf("%d invoices, want %d", len(all), l.world.Counts()["quickbooks/invoices"])
	}
	if n := len(l.query("select * from Invoice")); n != 100 {
		t.Errorf("without maxresults a query gave %d", n)
	}
	last, seen := "0", 0
	for {
		rows := l.query("SELECT * FROM Invoice WHERE Id > '" + last + "' ORDERBY Id MAXRESULTS 70")
		if len(rows) == 0 {
			break
		}
		seen += len(rows)
		last = str(object(rows[len(rows)-1])["Id"])
	}
	if seen != len(all) {
		t.Errorf("reading on behind the last id found %d of %d invoices", seen, len(all))
	}
	if n := len(l.query("select * from Invoice startposition 91 maxresults 1000")); n != len(all)-90 {
		t.Errorf("from position 91 there are %d of %d", n, len(all))
	}
	active, both := len(l.query("select * from Customer maxresults 1000")), len(l.query("select * from Customer where Active in (true, false) maxresults 1000"))
	if both != active+1 {
		t.Errorf("%d customers are active, %d there are", active, both)
	}
	at := l.world.Now().Add(-20 * 24 * time.Hour).Format(time.RFC3339)
	newer, older := len(l.query("select * from Invoice where MetaData.LastUpdatedTime >= '"+at+"' maxresults 1000")), len(l.query("select * from Invoice where MetaData.LastUpdatedTime < '"+at+"' maxresults 1000"))
	if newer == 0 || older == 0 || newer+older != len(all) {
		t.Errorf("%d newer and %d older are not %d", newer, older, len(all))
	}
}

func TestQuickBooksCapturedChanges(t *testing.T) {
	l := quickbooks(t, sandbox.Options{Companies: 40})
	since := l.world.Now().Add(-29 * 24 * time.Hour)
	_, body, _ := l.get(qbBase + "/cdc?entities=Customer,Invoice&changedSince=" + since.Format(time.RFC3339))
	answers := list(object(list(body["CDCResponse"])[0])["QueryResponse"])
	if len(answers) != 2 {
		t.Fatalf("%d answers to two entities", len(answers))
	}
	deleted := 0
	for _, row := range list(object(answers[1])["Invoice"]) {
		if object(row)["status"] == "Deleted" {
			deleted++
			if object(row)["TotalAmt"] != nil {
				t.Errorf("more than its id is left of %v", row)
			}
		}
	}
	if deleted != 1 {
		t.Errorf("%d invoices are told as deleted", deleted)
	}
	for _, target := range []string{"/cdc?entities=Invoice&changedSince=2025-11-01", "/cdc?entities=Invoice", "/cdc?entities=Rocket&changedSince=2026-02-27"} {
		if status, body, _ := l.get(qbBase + target); status != 400 || object(body["Fault"])["type"] != "ValidationFault" {
			t.Errorf("%s gave %d %v", target, status, body)
		}
	}
}

func TestQuickBooksRefuses(t *testing.T) {
	l := quickbooks(t, sandbox.Options{Companies: 20})
	for _, text := range []string{"select", "select * from Rocket", "select * from Invoice maxresults 2000", "select * from Invoice orderby Colour", "select * from Invoice where Colour = 'red'",
		"delete from Invoice", "select * from Invoice where Id ! 3"} {
		if status, body, _ := l.get(qbBase + "/query?query=" + url.QueryEscape(text)); status != 400 || fmt.Sprint(object(list(object(body["Fault"])["Error"])[0])["code"]) != "4000" {
			t.Errorf("%q gave %d %v", text, status, body)
		}
	}
	if status, _, _ := l.get("/v3/company/1/query?query=select"); status != 403 {
		t.Errorf("another company gave %d", status)
	}
	if status, _, _ := l.get(qbBase + "/invoice/5"); status != 400 {
		t.Errorf("an invoice that is not there gave %d", status)
	}
	l.sign = func(*http.Request) {}
	if status, _, _ := l.get(qbBase + "/query?query=select"); status != 401 {
		t.Errorf("no token gave %d", status)
	}
}

func TestQuickBooksLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := quickbooks(t, sandbox.Options{Companies: 20, Limits: true})
		for range 500 {
			l.get(qbBase + "/query?query=select")
		}
		if status, body, _ := l.get(qbBase + "/query?query=select"); status != 429 || object(body["Fault"])["type"] != "SERVICE" {
			t.Errorf("beyond the limit: %d %v", status, body)
		}
	})
}
