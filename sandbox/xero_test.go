package sandbox_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/sandbox"
)

func xero(t *testing.T, o sandbox.Options) *ledger {
	o.Seed, o.Now = 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := sandbox.NewWorld(o)
	return &ledger{t, w, w.Xero(), func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+sandbox.XeroToken)
		r.Header.Set("xero-tenant-id", sandbox.XeroTenant)
	}}
}

func TestXeroLists(t *testing.T) {
	l := xero(t, sandbox.Options{Companies: 40})
	where := "&where=" + url.QueryEscape(`Type=="ACCREC"`)
	_, all, _ := l.get("/api.xro/2.0/Invoices?page=1&pageSize=1000")
	_, sales, _ := l.get("/api.xro/2.0/Invoices?page=1&pageSize=1000" + where)
	if n := len(list(all["Invoices"])); n != len(list(sales["Invoices"]))+1 {
		t.Errorf("%d invoices, %d of them to customers; one is a supplier's", n, len(list(sales["Invoices"])))
	}
	seen := map[string]bool{}
	for page := 1; page < 100; page++ {
		_, body, _ := l.get("/api.xro/2.0/Invoices?pageSize=60&order=InvoiceID%20ASC&page=" + strconv.Itoa(page) + where)
		rows := list(body["Invoices"])
		for _, row := range rows {
			seen[str(object(row)["InvoiceID"])] = true
		}
		if p := object(body["pagination"]); p["page"] == p["pageCount"] || len(rows) == 0 {
			break
		}
	}
	if len(seen) != len(list(sales["Invoices"])) {
		t.Errorf("the pages hold %d of %d invoices", len(seen), len(list(sales["Invoices"])))
	}
	if _, body, _ := l.get("/api.xro/2.0/Invoices"); object(list(body["Invoices"])[0])["LineItems"] != nil || body["pagination"] != nil {
		t.Error("a list without pages tells lines or pages")
	}
	_, active, _ := l.get("/api.xro/2.0/Contacts?page=1&pageSize=1000")
	_, archived, _ := l.get("/api.xro/2.0/Contacts?page=1&pageSize=1000&includeArchived=true")
	gone, merged := 0, 0
	for _, row := range list(archived["Contacts"]) {
		if object(row)["ContactStatus"] == "ARCHIVED" {
			gone++
		}
		if object(row)["MergedToContactID"] != nil {
			merged++
		}
	}
	if gone != 2 || merged != 1 || len(list(active["Contacts"]))+gone != len(list(archived["Contacts"])) {
		t.Errorf("%d contacts are put away, %d merged", gone, merged)
	}
}

func TestXeroModifiedSince(t *testing.T) {
	l := xero(t, sandbox.Options{Companies: 40})
	sign := l.sign
	at := l.world.Now().Add(-30 * 24 * time.Hour)
	l.sign = func(r *http.Request) { sign(r); r.Header.Set("If-Modified-Since", at.Format("2006-01-02T15:04:05")) }
	_, some, _ := l.get("/api.xro/2.0/Invoices?page=1&pageSize=1000")
	l.sign = sign
	_, all, _ := l.get("/api.xro/2.0/Invoices?page=1&pageSize=1000&order=UpdatedDateUTC%20DESC")
	n, newest := len(list(some["Invoices"])), list(all["Invoices"])
	if n == 0 || n == len(newest) {
		t.Fatalf("%d of %d invoices changed in the last month", n, len(newest))
	}
	for i, row := range newest {
		text := strings.TrimSuffix(strings.TrimPrefix(str(object(row)["UpdatedDateUTC"]), "/Date("), "+0000)/")
		if recent := text > strconv.FormatInt(at.UnixMilli(), 10); recent != (i < n) {
			t.Fatalf("invoice %d of %d changed at %s, and the list since %d says otherwise", i, n, text, at.UnixMilli())
		}
	}
}

func TestXeroRefuses(t *testing.T) {
	l := xero(t, sandbox.Options{Companies: 20})
	for target, want := range map[string]int{
		"/api.xro/2.0/Contacts?page=0": 400, "/api.xro/2.0/Contacts?page=1&pageSize=2000": 400, "/api.xro/2.0/Invoices?where=Total%3E5": 400,
		"/api.xro/2.0/Invoices?order=Colour": 400, "/api.xro/2.0/Invoices?modified=1": 400, "/api.xro/2.0/Invoices/nobody": 404, "/api.xro/2.0/Quotes": 404,
	} {
		if status, body, _ := l.get(target); status != want {
			t.Errorf("%s gave %d %v, want %d", target, status, body, want)
		}
	}
	sign := l.sign
	l.sign = func(r *http.Request) { sign(r); r.Header.Set("xero-tenant-id", "another") }
	if status, _, _ := l.get("/api.xro/2.0/Contacts"); status != 403 {
		t.Errorf("another organisation gave %d", status)
	}
	l.sign = func(*http.Request) {}
	if status, body, _ := l.get("/api.xro/2.0/Contacts"); status != 401 || body["Title"] != "Unauthorized" {
		t.Errorf("no token gave %d %v", status, body)
	}
}

func TestXeroLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := xero(t, sandbox.Options{Companies: 20, Limits: true})
		for range 59 {
			l.get("/api.xro/2.0/Organisation")
		}
		if status, _, header := l.get("/api.xro/2.0/Organisation"); status != 200 || header.Get("X-MinLimit-Remaining") != "0" || header.Get("X-DayLimit-Remaining") != "4940" {
			t.Errorf("the last request within the limit gave %d %v", status, header)
		}
		if status, _, header := l.get("/api.xro/2.0/Organisation"); status != 429 || header.Get("X-Rate-Limit-Problem") != "minute" || header.Get("Retry-After") == "" {
			t.Errorf("beyond the limit: %d %v", status, header)
		}
	})
}
