package identity_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/mapping"
)

// TestVendorsTellOwnersAndNumbers holds the shipped mappings to what their vendors know: which company owns another,
// its VAT id and its number in a register.
func TestVendorsTellOwnersAndNumbers(t *testing.T) {
	for _, c := range []struct{ vendor, stream, raw, parent, vat, registration string }{
		{"hubspot", "companies", `{"id":"2","properties":{"name":"Acme France","hs_parent_company_id":"1"}}`, "hubspot/companies/1", "", ""},
		{"salesforce", "accounts", `{"Id":"0012","Name":"Acme France","ParentId":"0011"}`, "salesforce/accounts/0011", "", ""},
		{"zoho", "accounts", `{"id":"2","Account_Name":"Acme France","Parent_Account":{"id":"1","name":"Acme"}}`, "zoho/accounts/1", "", ""},
		{"odoo", "partners", `{"id":2,"name":"Acme France","is_company":true,"parent_id":[1,"Acme"],"vat":"FR12345678901","company_registry":"123 456 789"}`, "odoo/partners/1", "FR12345678901", "123 456 789"},
		{"xero", "contacts", `{"ContactID":"2","Name":"Acme","IsCustomer":true,"TaxNumber":"GB123456789","CompanyNumber":"00445790"}`, "", "GB123456789", "00445790"},
		{"stripe", "customers", `{"id":"cus_2","name":"Acme","tax_ids":{"data":[{"value":"DE123456789"}]}}`, "", "DE123456789", ""},
	} {
		t.Run(c.vendor, func(t *testing.T) {
			src, err := os.ReadFile(filepath.Join("..", "connectors", c.vendor, "mapping.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			m, err := mapping.Parse(c.vendor, src, mapping.Options{Connection: func(name string) string { return name }})
			if err != nil {
				t.Fatal(err)
			}
			entities, letters := m.Apply(canon.Record{Ref: canon.Ref{Connection: c.vendor, Stream: c.stream, ID: "2"}, Raw: []byte(c.raw)})
			for _, e := range entities {
				b, ok := e.Body.(*canon.Company)
				if !ok {
					continue
				}
				parent := ""
				if !b.Parent.IsZero() {
					parent = b.Parent.String()
				}
				if parent != c.parent || b.VATID != c.vat || b.RegistrationID != c.registration {
					t.Errorf("parent %q, VAT id %q, register number %q, want %q, %q, %q", parent, b.VATID, b.RegistrationID, c.parent, c.vat, c.registration)
				}
				rolledUp := false
				for _, key := range (&identity.Rules{Grain: identity.GrainGroup}).Evidence(identity.NewNode(e, time.Time{})) {
					rolledUp = rolledUp || key == "par:company:"+c.parent
				}
				if rolledUp != (c.parent != "") {
					t.Errorf("rolled up: %v", rolledUp)
				}
				return
			}
			t.Errorf("no company among %+v, %+v", entities, letters)
		})
	}
}
