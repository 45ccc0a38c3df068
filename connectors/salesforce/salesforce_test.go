package salesforce_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestAddedColumn: a field that somebody adds, filled in without a trace in any modification time, loses no row and
// is read of every record in the next round.
func TestAddedColumn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(start())
		o := &org{start(), w.Salesforce()}
		conn, r := o.open(t, nil), newReading()
		r.round(t, conn, "accounts")
		before := len(r.live())
		w.SalesforceField("accounts", "Tier__c", "string", "Gold")
		o.now = o.now.Add(time.Minute)
		r.round(t, conn, "accounts")
		gold := 0
		for _, raw := range r.live() {
			if !strings.Contains(raw, `"Tier__c":`) {
				t.Fatalf("a record lacks the new column: %s", raw)
			}
			if strings.Contains(raw, `"Tier__c":"Gold"`) {
				gold++
			}
		}
		if len(r.live()) != before || gold < before/3 {
			t.Errorf("%d records before, %d after, %d with the new value", before, len(r.live()), gold)
		}
	})
}

// TestColumnAddedInTheMiddle: between two pages of a round, no row is lost either.
func TestColumnAddedInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 120, Now: start()})
		o := &org{start(), w.Salesforce()}
		got, cursor := map[string]bool{}, canon.Cursor("")
		for more, n := true, 0; more; n++ {
			p, err := o.open(t, nil).Pull(t.Context(), "tasks", cursor)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				w.SalesforceField("tasks", "Mood__c", "string", "good")
			}
			for _, rec := range p.Records {
				got[rec.ID] = true
			}
			cursor, more = p.Next, p.More
		}
		if want := w.Counts()["salesforce/tasks"]; len(got) != want || want <= 200 {
			t.Errorf("%d of %d tasks were read", len(got), want)
		}
	})
}

// TestExpiredResult: a result that the vendor no longer holds is asked for again from the last row on.
func TestExpiredResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 200, Now: start()})
		o := &org{start(), w.Salesforce()}
		got, read, cursor := map[string]bool{}, 0, canon.Cursor("")
		for more, n := true, 0; more && n < 20; n++ {
			p, err := o.open(t, nil).Pull(t.Context(), "tasks", cursor)
			if err != nil {
				t.Fatal(err)
			}
			o.server = w.Salesforce() // a new server knows no results of the old one
			for _, rec := range p.Records {
				got[rec.ID] = true
			}
			read += len(p.Records)
			cursor, more = p.Next, p.More
		}
		want := w.Counts()["salesforce/tasks"]
		if len(got) != want || want <= 400 || read != want {
			t.Errorf("%d of %d tasks were read, %d times", len(got), want, read)
		}
	})
}

// TestHorizon: after weeks without a round the vendor no longer tells all deletions; a full list finds them.
func TestHorizon(t *testing.T) {
	for name, lose := range map[string]func(*org, *sandbox.World){
		"a round after twenty days": func(o *org, w *sandbox.World) { o.now = o.now.Add(20 * 24 * time.Hour) },
		"the vendor refuses the date": func(o *org, w *sandbox.World) {
			o.now = o.now.Add(2 * time.Hour)
			w.Inject(sandbox.VendorSalesforce, sandbox.Fault{Match: "/deleted", Status: 400, Body: `[{"message":"startDate too old","errorCode":"INVALID_REPLICATION_DATE"}]`})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := world(start())
				o := &org{start(), w.Salesforce()}
				conn, r := o.open(t, nil), newReading()
				r.round(t, conn, "tasks")
				for range 40 {
					o.now = o.now.Add(time.Minute)
					w.SalesforceStep(o.now)
				}
				lose(o, w)
				w.Step(o.now)
				r.round(t, conn, "tasks")
				if r.swept == nil {
					t.Error("the round was no full list")
				}
				fresh := newReading()
				fresh.round(t, o.open(t, nil), "tasks")
				if diff := cmp.Diff(fresh.live(), r.live()); diff != "" {
					t.Errorf("a fresh reading (-) and the round (+) differ:\n%s", diff)
				}
			})
		})
	}
}

// TestErrors: what the vendor says in its own way has its own code, names the object, and stops no other stream.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		status     int
		errorCode  string
		code, says string
		retry      bool
	}{
		{403, "REQUEST_LIMIT_EXCEEDED", "rate.daily", "24 hours", true},
		{401, "INVALID_SESSION_ID", "auth.denied", "credential", false},
		{403, "INSUFFICIENT_ACCESS", "auth.forbidden", "Account", false},
		{403, "API_DISABLED_FOR_ORG", "auth.forbidden", "Account", false},
		{404, "NOT_FOUND", "object.missing", "Account", false},
		{400, "INVALID_TYPE", "object.missing", "Account", false},
		{500, "UNKNOWN_EXCEPTION", "vendor.unavailable", "working", true},
		{400, "QUERY_TIMEOUT", "vendor.unavailable", "long", true},
	} {
		t.Run(c.errorCode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := world(start())
				o := &org{start(), w.Salesforce()}
				w.Inject(sandbox.VendorSalesforce, sandbox.Fault{Match: "/Account/describe", Times: 100, Status: c.status, Body: fmt.Sprintf(`[{"message":"no","errorCode":%q}]`, c.errorCode)})
				conn := o.open(t, nil)
				_, err := conn.Pull(t.Context(), "accounts", "")
				e := canon.AsError(err)
				if e == nil || e.Code != c.code || e.Retry != c.retry || e.Hint == "" || !strings.Contains(e.Message, c.says) {
					t.Errorf("got %#v", e)
				}
				if _, err := conn.Pull(t.Context(), "contacts", ""); err != nil {
					t.Errorf("another stream: %v", err)
				}
			})
		})
	}
}

// TestQuotesAreOff: an org without quotes says so for that stream alone.
func TestQuotesAreOff(t *testing.T) {
	w := world(start())
	o := &org{start(), w.Salesforce()}
	w.SalesforceSwitchOff("quotes")
	conn := o.open(t, nil)
	for _, st := range conn.Streams() {
		_, err := conn.Pull(t.Context(), st.Name, "")
		switch e := canon.AsError(err); {
		case st.Name != "quotes" && err != nil:
			t.Errorf("%s: %v", st.Name, err)
		case st.Name == "quotes" && (e == nil || e.Code != "object.missing" || !strings.Contains(e.Message, "Quote") || e.Hint == ""):
			t.Errorf("quotes: %#v", e)
		}
	}
}

// TestDailyAllowance: an org whose day is used up says so, and Check tells it too.
func TestDailyAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: start(), Limits: true})
		o := &org{start(), w.Salesforce()}
		for range 14999 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host+"/services/data/v62.0/limits", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+sandbox.SalesforceToken)
			o.server.ServeHTTP(discard{http.Header{}}, r)
		}
		conn := o.open(t, nil)
		if e := canon.AsError(conn.Check(t.Context())); e == nil || e.Code != "rate.daily" || !e.Retry {
			t.Errorf("Check gave %v, want rate.daily for the last request of the day", e)
		}
		_, err := o.open(t, nil).Pull(t.Context(), "accounts", "")
		if e := canon.AsError(err); e == nil || e.Code != "rate.daily" || !e.Retry {
			t.Errorf("Pull gave %v, want rate.daily", e)
		}
	})
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// watched passes requests on and looks at them.
type watched struct {
	next http.Handler
	look func(*http.Request)
}

func (w watched) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.look(r)
	w.next.ServeHTTP(rw, r)
}

// TestManyFields: where the fields do not fit into a URL the rest is read by id, and nothing is missing.
func TestManyFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(start())
		for i := range 600 {
			w.SalesforceField("accounts", fmt.Sprintf("A_Rather_Long_Name_Of_A_Field_%03d__c", i), "double", float64(i)+0.5)
		}
		longest := 0
		o := &org{start(), watched{w.Salesforce(), func(r *http.Request) { longest = max(longest, len(r.URL.RequestURI())) }}}
		r, byJob := newReading(), newReading()
		r.round(t, o.open(t, nil), "accounts")
		for id, raw := range r.live() {
			if n := strings.Count(raw, "A_Rather_Long_Name"); n != 600 {
				t.Fatalf("%s has %d of 600 fields", id, n)
			}
		}
		if longest > 16384 || longest < 10000 {
			t.Errorf("the longest address has %d characters", longest)
		}
		byJob.round(t, o.open(t, connectors.Settings{"bulk_above": "0"}), "accounts")
		if diff := cmp.Diff(byJob.live(), r.live()); diff != "" {
			t.Errorf("by a job (-) and by queries (+):\n%.2000s", diff)
		}
	})
}

// TestJobThreshold: many records are read by a job, few are not, and a job that fails is no reason to stop.
func TestJobThreshold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			above string
			fault string
			jobs  bool
		}{{"20", "", true}, {"1000", "", false}, {"never", "", false}, {"20", "/jobs/query/", true}} {
			w, jobs := world(start()), 0
			o := &org{start(), watched{w.Salesforce(), func(r *http.Request) {
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/jobs/query") {
					jobs++
				}
			}}}
			if c.fault != "" {
				w.Inject(sandbox.VendorSalesforce, sandbox.Fault{Match: c.fault, Status: 404, Body: `[{"errorCode":"NOT_FOUND","message":"gone"}]`})
			}
			r := newReading()
			r.round(t, o.open(t, connectors.Settings{"bulk_above": c.above}), "accounts")
			if len(r.live()) != w.Counts()["salesforce/accounts"] || (jobs > 0) != c.jobs {
				t.Errorf("%+v: %d records, %d jobs", c, len(r.live()), jobs)
			}
		}
	})
}

// TestRelated: a contact that is named on an opportunity leaves the opportunity's time alone, and is read.
func TestRelated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(start())
		o := &org{start(), w.Salesforce()}
		conn, r := o.open(t, nil), newReading()
		r.round(t, conn, "opportunities")
		seen := strings.Count(fmt.Sprint(r.live()), `"Role":"Evaluator"`)
		for range 30 {
			o.now = o.now.Add(time.Minute)
			w.SalesforceStep(o.now)
		}
		o.now = o.now.Add(10 * time.Minute)
		w.Step(o.now)
		r.round(t, conn, "opportunities")
		text := fmt.Sprint(r.live())
		if n := strings.Count(text, `"Role":"Evaluator"`); n <= seen || r.swept != nil {
			t.Errorf("%d roles of evaluators, %d before", n, seen)
		}
		if !strings.Contains(text, `"OpportunityHistories":[{"Amount":`) || strings.Contains(text, `"attributes"`) {
			t.Error("histories are missing, or attributes are not")
		}
	})
}
