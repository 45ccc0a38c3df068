package salesforce_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/salesforce"
	"github.com/lifecyclehub/hub/mapping"
)

func shipped(t *testing.T) *mapping.Map {
	t.Helper()
	m, err := mapping.Parse("salesforce", salesforce.Definition().Mapping, mapping.Options{Connection: func(name string) string {
		if name == "salesforce" {
			return "sf"
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMapping maps a whole org, read by queries and by jobs: every record becomes what it is, none is refused, and
// both ways of reading give the same entities.
func TestMapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &org{start(), world(start()).Salesforce()}
		m := shipped(t)
		counts := map[canon.Kind]int{}
		for _, stream := range []string{"users", "accounts", "contacts", "leads", "opportunities", "quotes", "cases", "tasks", "events"} {
			byQuery, byJob := newReading(), newReading()
			byQuery.round(t, o.open(t, nil), stream)
			byJob.round(t, o.open(t, connectors.Settings{"bulk_above": "0"}), stream)
			for id, rec := range byQuery.records {
				entities, letters := m.Apply(rec)
				if len(letters) > 0 {
					t.Fatalf("%s: %+v", rec.Ref, letters[0])
				}
				again, _ := m.Apply(byJob.records[id])
				if a, b := inJSON(t, entities), inJSON(t, again); a != b {
					t.Fatalf("%s: by query\n%s\nby job\n%s", rec.Ref, a, b)
				}
				for _, e := range entities {
					counts[e.Kind]++
				}
			}
		}
		for _, kind := range []canon.Kind{canon.KindCompany, canon.KindContact, canon.KindDeal, canon.KindQuote, canon.KindTicket, canon.KindActivity} {
			if counts[kind] < 10 {
				t.Errorf("%d entities of kind %s", counts[kind], kind)
			}
		}
	})
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestMappingTells holds what single records become.
func TestMappingTells(t *testing.T) {
	for _, c := range []struct{ stream, raw, want string }{
		{"accounts", `{"Id":"1","Name":"Acme","Website":"https://www.acme.example/x","NumberOfEmployees":12,"Seats__c":7,"Hub_Stage__c":"x","IsDeleted":false}`,
			`"custom":{"Seats__c":7},"body":{"name":"Acme","domains":["acme.example"],"employees":12}`},
		{"leads", `{"Id":"1","LastName":"Roe","Email":"r@acme.example","IsConverted":true,"ConvertedContactId":"003","ConvertedAccountId":"001"}`,
			`"owners":[{"kind":"company","ref":{"connection":"sf","stream":"accounts","id":"001"}}],"same_as":[{"connection":"sf","stream":"contacts","id":"003"}]`},
		{"opportunities", `{"Id":"1","Name":"D","Amount":1200.5,"CurrencyIsoCode":"EUR","StageName":"Closed Won","IsClosed":true,"IsWon":true,"CloseDate":"2026-01-02"}`,
			`"body":{"name":"D","amount":{"minor":120050,"currency":"EUR"},"stage":"Closed Won","status":"won","closed_at":"2026-01-02T00:00:00Z"}`},
		{"opportunities", `{"Id":"1","Amount":1200,"CurrencyIsoCode":"JPY","IsClosed":false,"IsWon":false,"CloseDate":"2026-01-02","OpportunityContactRoles":[{"ContactId":"a"},{"ContactId":"b","IsPrimary":true}]}`,
			`"id":"b"}},{"kind":"contact","ref":{"connection":"sf","stream":"contacts","id":"a"}}]`},
		{"opportunities", `{"Id":"1","Amount":1200,"CurrencyIsoCode":"JPY","IsClosed":true,"IsWon":false,"CloseDate":"2026-01-02","Loss_Reason__c":"Price"}`,
			`"amount":{"minor":1200,"currency":"JPY"},"status":"lost","closed_at":"2026-01-02T00:00:00Z","lost_reason":"Price"`},
		{"quotes", `{"Id":"1","QuoteNumber":"7","GrandTotal":10,"CurrencyIsoCode":"USD","Status":"Presented"}`, `"status":"sent"`},
		{"cases", `{"Id":"1","Subject":"Help","Status":"Odd","IsClosed":false,"Priority":"Critical","Origin":"Web","IsEscalated":true}`,
			`"status":"open","priority":"urgent","channel":"web"`},
		{"cases", `{"Id":"1","Subject":"Help","Status":"Done","IsClosed":true,"ClosedDate":"2026-01-02T03:04:05.000Z"}`, `"status":"closed"`},
		{"tasks", `{"Id":"1","IsClosed":true,"TaskSubtype":"Call","CallType":"Inbound","CompletedDateTime":"2026-01-02T03:04:05.000Z"}`, `"type":"call","direction":"in"`},
	} {
		entities, letters := shipped(t).Apply(canon.Record{Ref: canon.Ref{Connection: "sf", Stream: c.stream, ID: "1"}, Raw: []byte(c.raw)})
		if got := inJSON(t, entities); len(letters) > 0 || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v\n got %s\nwant %s", c.stream, letters, got, c.want)
		}
	}
	open := canon.Record{Ref: canon.Ref{Connection: "sf", Stream: "tasks", ID: "1"}, Raw: []byte(`{"Id":"1","IsClosed":false,"ActivityDate":"2030-01-01"}`)}
	if entities, _ := shipped(t).Apply(open); len(entities) != 0 {
		t.Errorf("a task that is not done became %+v", entities)
	}
}
