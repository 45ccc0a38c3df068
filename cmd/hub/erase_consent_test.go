package main

import (
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/mapping"
)

// TestConsentIsRead wants that what people told a vendor about being contacted is read from the vendor's records.
func TestConsentIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		connector, stream, raw string
		optedOut, doNotContact bool
	}{
		"hubspot out":           {"hubspot", "contacts", `{"id":"1","properties":{"email":"a@acme.example","hs_email_optout":"true"}}`, true, false},
		"hubspot in":            {"hubspot", "contacts", `{"id":"1","properties":{"email":"a@acme.example","hs_email_optout":"false"}}`, false, false},
		"salesforce mail":       {"salesforce", "contacts", `{"Id":"003","LastName":"A","HasOptedOutOfEmail":true,"DoNotCall":false}`, true, false},
		"salesforce calls":      {"salesforce", "contacts", `{"Id":"003","LastName":"A","HasOptedOutOfEmail":false,"DoNotCall":true}`, false, false},
		"salesforce all":        {"salesforce", "leads", `{"Id":"00Q","LastName":"A","HasOptedOutOfEmail":true,"DoNotCall":true}`, true, true},
		"intercom out":          {"intercom", "contacts", `{"id":"1","email":"a@acme.example","unsubscribed_from_emails":true}`, true, false},
		"zoho out":              {"zoho", "contacts", `{"id":"1","Last_Name":"A","Email_Opt_Out":true}`, true, false},
		"pipedrive out":         {"pipedrive", "persons", `{"id":1,"name":"A","marketing_status":"unsubscribed"}`, true, false},
		"pipedrive in":          {"pipedrive", "persons", `{"id":1,"name":"A","marketing_status":"subscribed"}`, false, false},
		"pipedrive no consent":  {"pipedrive", "persons", `{"id":1,"name":"A","marketing_status":"no_consent"}`, false, false},
		"pipedrive not telling": {"pipedrive", "persons", `{"id":1,"name":"A"}`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := shipped().find(c.connector)
			if err != nil {
				t.Fatal(err)
			}
			m, err := mapping.Parse(c.connector, d.Mapping, mapping.Options{Connection: func(c string) string { return c }})
			if err != nil {
				t.Fatal(err)
			}
			es, letters := m.Apply(canon.Record{Ref: canon.Ref{Connection: "crm", Stream: c.stream, ID: "1"}, Raw: []byte(c.raw)})
			for _, l := range letters {
				t.Errorf("dead letter: %s %s", l.Path, l.Reason)
			}
			for _, e := range es {
				if b, ok := e.Body.(*canon.Contact); ok {
					if b.OptedOut != c.optedOut || b.DoNotContact != c.doNotContact {
						t.Errorf("opted out %t, do not contact %t", b.OptedOut, b.DoNotContact)
					}
					return
				}
			}
			t.Error("no contact came of it")
		})
	}
}
