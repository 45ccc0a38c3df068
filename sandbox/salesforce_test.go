package sandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/sandbox"
)

const sfBase = "/services/data/v62.0"

// sfOrg is a small org with what asks it.
type sfOrg struct {
	t      *testing.T
	world  *sandbox.World
	server http.Handler
}

func newSFOrg(t *testing.T, o sandbox.Options) *sfOrg {
	o.Seed, o.Now = 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if o.Companies == 0 {
		o.Companies = 60
	}
	w := sandbox.NewWorld(o)
	return &sfOrg{t, w, w.Salesforce()}
}

// call asks and returns the status and the body.
func (o *sfOrg) call(method, path, body string) (int, []byte, http.Header) {
	o.t.Helper()
	r := httptest.NewRequestWithContext(o.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+sandbox.SalesforceToken)
	r.Header.Set("Sforce-Query-Options", "batchSize=200")
	rec := httptest.NewRecorder()
	o.server.ServeHTTP(rec, r)
	return rec.Code, rec.Body.Bytes(), rec.Header()
}

type sfPage struct {
	TotalSize int
	Done      bool
	Next      string `json:"nextRecordsUrl"`
	Records   []map[string]any
}

func (o *sfOrg) query(soql string) sfPage {
	o.t.Helper()
	status, body, _ := o.call("GET", sfBase+"/query?q="+url.QueryEscape(soql), "")
	var p sfPage
	if err := json.Unmarshal(body, &p); err != nil || status != 200 {
		o.t.Fatalf("%s: %d %s", soql, status, body)
	}
	return p
}

func TestSalesforceSOQL(t *testing.T) {
	o := newSFOrg(t, sandbox.Options{})
	count := func(where string) int {
		t.Helper()
		return o.query("SELECT COUNT() FROM Opportunity " + where).TotalSize
	}
	all := count("")
	for name, sum := range map[string][2]int{
		"and, or":  {count("WHERE IsWon = true OR (IsClosed = true AND IsWon = false)"), count("WHERE IsClosed = true")},
		"not":      {count("WHERE NOT (IsClosed = true)") + count("WHERE IsClosed = true"), all},
		"in":       {count("WHERE StageName IN ('Closed Won', 'closed lost')"), count("WHERE IsClosed = true")},
		"not in":   {count("WHERE StageName NOT IN ('Closed Won')") + count("WHERE StageName = 'Closed Won'"), all},
		"numbers":  {count("WHERE Amount >= 1000.5") + count("WHERE Amount < 1000.5"), all},
		"dates":    {count("WHERE CloseDate > 2025-06-01") + count("WHERE CloseDate <= 2025-06-01"), all},
		"times":    {count("WHERE SystemModstamp >= 2025-06-01T00:00:00.000Z") + count("WHERE SystemModstamp < 2025-06-01T00:00:00Z"), all},
		"null":     {count("WHERE Loss_Reason__c = null") + count("WHERE Loss_Reason__c != null"), all},
		"limit":    {len(o.query("SELECT Id FROM Opportunity LIMIT 3").Records), 3},
		"short id": {count("WHERE Id = '" + o.query("SELECT Id FROM Opportunity LIMIT 1").Records[0]["Id"].(string)[:15] + "'"), 1},
	} {
		if sum[0] != sum[1] || sum[0] == 0 {
			t.Errorf("%s: %d and %d", name, sum[0], sum[1])
		}
	}
	last := ""
	for _, r := range o.query("SELECT Id, Amount, SystemModstamp FROM Opportunity ORDER BY SystemModstamp DESC, Id ASC").Records {
		if s := r["SystemModstamp"].(string); last != "" && s > last {
			t.Fatalf("%s comes behind %s", s, last)
		} else {
			last = s
		}
	}
}

func TestSalesforceErrors(t *testing.T) {
	o := newSFOrg(t, sandbox.Options{})
	for soql, code := range map[string]string{
		"SELECT Nope FROM Account": "INVALID_FIELD", "SELECT Id FROM Nope__c": "INVALID_TYPE", "SELECT Id FROM Account WHERE": "INVALID_FIELD", "DELETE": "MALFORMED_QUERY",
		"SELECT Id, Id FROM Account": "INVALID_FIELD", "SELECT Id FROM Account WHERE SystemModstamp > '2025-01-01T00:00:00Z'": "INVALID_FIELD",
		"SELECT Id FROM Account WHERE Notes__c = 'x'": "INVALID_FIELD", "SELECT Id FROM Account WHERE Name ~ 'x'": "MALFORMED_QUERY", "SELECT Id FROM Account LIMIT x": "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE " + strings.Repeat("(", 500): "MALFORMED_QUERY",
	} {
		status, body, _ := o.call("GET", sfBase+"/query?q="+url.QueryEscape(soql), "")
		if status != 400 || !strings.Contains(string(body), `"errorCode":"`+code+`"`) || body[0] != '[' {
			t.Errorf("%.60s: %d %s, want %s", soql, status, body, code)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", sfBase+"/limits", nil)
	rec := httptest.NewRecorder()
	o.server.ServeHTTP(rec, r)
	if rec.Code != 401 || !strings.Contains(rec.Body.String(), "INVALID_SESSION_ID") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	for path, code := range map[string]string{
		"/query/nothing-200": "INVALID_QUERY_LOCATOR", "/sobjects/Nope/describe": "NOT_FOUND", "/sobjects/Account/deleted?start=2026-01-01T00:00:00Z&end=2026-03-01T00:00:00Z": "INVALID_REPLICATION_DATE",
		"/sobjects/Account/deleted?start=2026-03-01T11:59:10Z&end=2026-03-01T11:59:50Z": "INVALID_REPLICATION_DATE", "/jobs/query/750": "NOT_FOUND",
	} {
		if status, body, _ := o.call("GET", sfBase+path, ""); status < 400 || !strings.Contains(string(body), code) {
			t.Errorf("%s: %d %s, want %s", path, status, body, code)
		}
	}
}

// TestSalesforceCursors: the eleventh open result closes the first, and after two days all are closed.
func TestSalesforceCursors(t *testing.T) {
	o := newSFOrg(t, sandbox.Options{Companies: 100})
	first := o.query("SELECT Id FROM Task")
	if first.Done || len(first.Records) != 200 || first.TotalSize <= 200 {
		t.Fatalf("%d of %d, done %t", len(first.Records), first.TotalSize, first.Done)
	}
	for i := range 10 {
		if status, _, _ := o.call("GET", first.Next, ""); status != 200 {
			t.Fatalf("closed behind %d others", i)
		}
		o.query(fmt.Sprintf("SELECT Id FROM Task WHERE Subject != '%d'", i))
	}
	if status, body, _ := o.call("GET", first.Next, ""); status != 400 || !strings.Contains(string(body), "INVALID_QUERY_LOCATOR") {
		t.Errorf("%d %s", status, body)
	}
	again := o.query("SELECT Id FROM Task")
	o.world.Step(o.world.Now().Add(49 * time.Hour))
	if status, _, _ := o.call("GET", again.Next, ""); status != 400 {
		t.Error("a result is open after two days")
	}
}

// TestSalesforceDeletes: what was merged says into what, in the bin and nowhere else; what was purged is in the log
// alone; the bin is empty after fifteen days.
func TestSalesforceDeletes(t *testing.T) {
	o := newSFOrg(t, sandbox.Options{})
	for i := range 60 {
		o.world.SalesforceStep(o.world.Now().Add(time.Duration(i%2+1) * time.Minute))
	}
	bin := func(soql string) sfPage {
		_, body, _ := o.call("GET", sfBase+"/queryAll?q="+url.QueryEscape(soql), "")
		var p sfPage
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatalf("%s", body)
		}
		return p
	}
	merged := bin("SELECT Id, MasterRecordId FROM Contact WHERE IsDeleted = true AND MasterRecordId != null")
	if len(merged.Records) == 0 || o.query("SELECT COUNT() FROM Contact WHERE IsDeleted = true").TotalSize != 0 {
		t.Errorf("%d merged contacts in the bin", len(merged.Records))
	}
	span := "?start=" + url.QueryEscape(o.world.Now().Add(-14*24*time.Hour).Format(time.RFC3339)) + "&end=" + url.QueryEscape(o.world.Now().Add(time.Hour).Format(time.RFC3339))
	_, body, _ := o.call("GET", sfBase+"/sobjects/Task/deleted"+span, "")
	var log struct {
		DeletedRecords []struct{ ID, DeletedDate string }
	}
	if err := json.Unmarshal(body, &log); err != nil {
		t.Fatal(err)
	}
	binned := bin("SELECT COUNT() FROM Task WHERE IsDeleted = true").TotalSize
	if len(log.DeletedRecords) <= binned {
		t.Errorf("%d deletions in the log, %d in the bin", len(log.DeletedRecords), binned)
	}
	o.world.Step(o.world.Now().Add(16 * 24 * time.Hour))
	if n := bin("SELECT COUNT() FROM Contact WHERE IsDeleted = true").TotalSize; n != 0 {
		t.Errorf("%d contacts in the bin after 16 days", n)
	}
}

func TestSalesforceUpdate(t *testing.T) {
	o := newSFOrg(t, sandbox.Options{})
	ids := o.query("SELECT Id FROM Account LIMIT 2").Records
	one, two := ids[0]["Id"].(string), ids[1]["Id"].(string)
	send := func(allOrNone bool, records ...string) []struct {
		ID      string
		Success bool
		Errors  []struct{ StatusCode, Message string }
	} {
		t.Helper()
		_, body, _ := o.call("PATCH", sfBase+"/composite/sobjects", fmt.Sprintf(`{"allOrNone":%t,"records":[%s]}`, allOrNone, strings.Join(records, ",")))
		var out []struct {
			ID      string
			Success bool
			Errors  []struct{ StatusCode, Message string }
		}
		if err := json.Unmarshal(body, &out); err != nil {
			t.Fatalf("%s", body)
		}
		return out
	}
	rec := func(id, members string) string {
		return `{"attributes":{"type":"Account"},"id":"` + id + `",` + members + `}`
	}
	got := send(false, rec(one, `"Hub_Stage__c":"customer","Hub_Health__c":71`), rec(two, `"Age_Days__c":1`), rec("001000000000000AAA", `"Name":"x"`), rec(two, `"Hub_Health__c":"much"`))
	if !got[0].Success || got[1].Success || got[2].Success || got[3].Success || got[1].Errors[0].StatusCode != "INVALID_FIELD_FOR_INSERT_UPDATE" || got[2].Errors[0].StatusCode != "INVALID_CROSS_REFERENCE_KEY" {
		t.Errorf("%+v", got)
	}
	if v, ok := o.world.Field(sandbox.VendorSalesforce, "accounts", one, "Hub_Stage__c"); !ok || v != "customer" {
		t.Errorf("the world holds %q", v)
	}
	got = send(true, rec(two, `"Hub_Stage__c":"lead"`), rec(one, `"Nope__c":1`))
	if v, _ := o.world.Field(sandbox.VendorSalesforce, "accounts", two, "Hub_Stage__c"); v == "lead" || got[0].Success || got[0].Errors[0].StatusCode != "ALL_OR_NONE_OPERATION_ROLLED_BACK" {
		t.Errorf("all or none wrote %q: %+v", v, got)
	}
	many := make([]string, 201)
	for i := range many {
		many[i] = rec(one, `"Hub_Stage__c":"x"`)
	}
	if status, body, _ := o.call("PATCH", sfBase+"/composite/sobjects", `{"records":[`+strings.Join(many, ",")+`]}`); status != 400 || !strings.Contains(string(body), "EXCEEDED_ID_LIMIT") {
		t.Errorf("201 records: %d %s", status, body)
	}
}

// TestSalesforceIsDeterministic: equal options and moments give equal orgs.
func TestSalesforceIsDeterministic(t *testing.T) {
	a, b := newSFOrg(t, sandbox.Options{}), newSFOrg(t, sandbox.Options{})
	for range 30 {
		at := a.world.Now().Add(3 * time.Minute)
		x, y := a.world.SalesforceStep(at), b.world.SalesforceStep(at)
		if fmt.Sprint(x) != fmt.Sprint(y) {
			t.Fatalf("%v and %v", x, y)
		}
	}
	for _, soql := range []string{"SELECT Id, Name, Phone, SystemModstamp FROM Account", "SELECT Id, Persona__c FROM Contact", "SELECT Id, StageName, Amount FROM Opportunity"} {
		x, y := fmt.Sprint(a.query(soql)), fmt.Sprint(b.query(soql))
		if x != y {
			t.Errorf("%s differs", soql)
		}
	}
}

// TestSalesforceSpeaksJsforce lets the vendor's best known client library read the org: it follows pages, retrieves,
// describes, reads deletions, updates and runs query jobs. The library is not installed by the test.
func TestSalesforceSpeaksJsforce(t *testing.T) {
	dir := os.Getenv("HUB_TEST_JSFORCE")
	node, err := exec.LookPath("node")
	if dir == "" || err != nil {
		t.Skip("THE SANDBOX WAS NOT READ BY JSFORCE: set HUB_TEST_JSFORCE to a folder in which `npm install jsforce` was run, and have node")
	}
	o := newSFOrg(t, sandbox.Options{Companies: 200})
	server := httptest.NewServer(o.server)
	defer server.Close()
	script := filepath.Join(t.TempDir(), "ask.js")
	if err := os.WriteFile(script, []byte(jsforceScript), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, script)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(dir, "node_modules"), "URL="+server.URL, "TOKEN="+sandbox.SalesforceToken, "NOW="+o.world.Now().Format(time.RFC3339))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var got struct {
		Tasks, Pages, Retrieved, Bulk, Deleted, Updated int
		Limit, Custom, Same                             bool
		Refused                                         string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%s", out)
	}
	counts := o.world.Counts()
	if got.Tasks != counts["salesforce/tasks"] || got.Pages < 3 || got.Retrieved != 3 || got.Bulk != counts["salesforce/contacts"] || got.Deleted != counts["salesforce/contacts/deleted"] ||
		got.Updated != 2 || !got.Limit || !got.Custom || !got.Same || got.Refused != "INVALID_FIELD" {
		t.Errorf("%+v of %v", got, counts)
	}
}

const jsforceScript = `
const jsforce = require('jsforce');
(async () => {
  const conn = new jsforce.Connection({ instanceUrl: process.env.URL, accessToken: process.env.TOKEN, version: '62.0' });
  conn.bulk2.pollInterval = 50;
  const out = {};
  let page = await conn.query('SELECT Id, Subject FROM Task ORDER BY SystemModstamp, Id', { headers: { 'Sforce-Query-Options': 'batchSize=200' } });
  out.tasks = page.records.length; out.pages = 1;
  while (!page.done) { page = await conn.queryMore(page.nextRecordsUrl); out.tasks += page.records.length; out.pages++; }
  const accounts = await conn.query('SELECT Id, Name, Seats__c FROM Account LIMIT 3');
  const got = await conn.sobject('Account').retrieve(accounts.records.map(r => r.Id));
  out.retrieved = got.length;
  out.same = got.every((r, i) => r.Name === accounts.records[i].Name && r.Seats__c === accounts.records[i].Seats__c);
  const described = await conn.sobject('Account').describe();
  out.custom = described.fields.some(f => f.name === 'Seats__c' && f.custom && f.type === 'double');
  const now = new Date(process.env.NOW);
  const deleted = await conn.sobject('Contact').deleted(new Date(now - 14 * 86400e3), now);
  out.deleted = deleted.deletedRecords.length;
  const updated = await conn.sobject('Account').update(accounts.records.slice(0, 2).map(r => ({ Id: r.Id, Hub_Health__c: 12 })));
  out.updated = updated.filter(u => u.success).length;
  out.limit = conn.limitInfo.apiUsage && conn.limitInfo.apiUsage.limit > 0;
  const stream = await conn.bulk2.query('SELECT Id, LastName, Email FROM Contact');
  const rows = await stream.toArray();
  out.bulk = rows.filter(r => r.Id && r.Id.length === 18).length;
  try { await conn.query('SELECT Nope FROM Account'); } catch (e) { out.refused = e.errorCode; }
  console.log(JSON.stringify(out));
})().catch(e => { console.error(e); process.exit(1); });
`
