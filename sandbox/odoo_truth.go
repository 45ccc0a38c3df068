package sandbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// odooStamp writes the moments that Odoo keeps of each record. Its own fields list keeps none.
func odooStamp(stream string, d doc, created, updated time.Time) {
	if stream != "fields" {
		d["create_date"], d["write_date"] = created.Format(odooTime), updated.Format(odooTime)
	}
}

// odooID numbers what belongs to an account.
func odooID(a *account, kind, i int) int64 { return int64(a.n+1)*10_000 + int64(kind)*1000 + int64(i) }

// The kinds of records in an id.
const (
	odooCompany = iota
	odooPerson
	odooLead
	odooOrder
	odooInvoice
)

func odooRef(id int64, name string) []any { return []any{id, name} }

// odooWrite enters what the accounts hold into the database.
func odooWrite(b *books) {
	for _, a := range b.world.accounts {
		company := odooID(a, odooCompany, 0)
		b.enter(b.odooCompany(a, company))
		for i, p := range a.people {
			name := strings.TrimSpace(p.props["firstname"] + " " + p.props["lastname"])
			facts := doc{"name": name, "email": p.props["email"], "is_company": false, "type": "contact", "partner_share": true,
				"parent_id": odooRef(company, a.name), "commercial_partner_id": odooRef(company, a.name)}
			b.odooEnter(entry{stream: "partners", created: p.created, facts: facts, first: doc{"active": true, "function": p.props["jobtitle"]}}, odooID(a, odooPerson, i))
		}
		for i, o := range a.deals {
			b.odooEnter(b.odooDeal(a, o), odooID(a, odooLead, i))
			if o.props["hs_is_closed_won"] == "true" && i%2 == 0 && !b.world.malformed["hubspot/deals/"+o.id] {
				b.odooEnter(b.odooOrder(a, o), odooID(a, odooOrder, i))
			}
		}
		if a.customer == nil {
			continue
		}
		for i, d := range b.world.demands(a) {
			b.odooEnter(b.odooInvoice(a, d), odooID(a, odooInvoice, i))
		}
	}
	b.odooDirt()
}

func (b *books) odooEnter(e entry, id int64) {
	e.id = strconv.FormatInt(id, 10)
	if e.updated.IsZero() {
		e.updated = e.created
	}
	e.created, e.updated = e.created.Truncate(time.Second), e.updated.Truncate(time.Second)
	b.enter(e)
}

func (b *books) odooCompany(a *account, id int64) entry {
	facts := doc{"name": a.name, "is_company": true, "type": "contact", "partner_share": true, "commercial_partner_id": odooRef(id, a.name),
		"website": "https://www." + a.domain, "city": a.place.city, "country_id": odooRef(int64(len(a.place.country)), a.place.country),
		"industry_id": odooRef(int64(len(a.industry)), a.industry), "customer_rank": json.Number("0")}
	if a.customer != nil {
		facts["customer_rank"] = json.Number("1")
	}
	born := a.born.Truncate(time.Second)
	return entry{stream: "partners", id: strconv.FormatInt(id, 10), created: born, updated: born, facts: facts,
		first: doc{"active": true, "phone": fmt.Sprintf("+49 30 5552%04d", a.n), "user_id": odooRef(int64(5+a.n%4), "Salesperson"), "x_vip": a.n%5 == 0}}
}

// odooDeal is an opportunity. A lost one is archived, which is how Odoo marks it.
func (b *books) odooDeal(a *account, o *hsObject) entry {
	facts := doc{"name": o.props["dealname"], "type": "opportunity", "partner_id": odooRef(odooID(a, odooCompany, 0), a.name),
		"stage_id": odooRef(int64(len(o.props["dealstage"])), o.props["dealstage"]), "team_id": odooRef(1, "Sales"),
		"expected_revenue": json.Number(o.props["amount"]), "company_currency": odooRef(1, strings.ToUpper(a.place.currency)),
		"won_status": "pending", "probability": json.Number("40.5"), "active": true, "date_closed": nil, "lost_reason_id": nil}
	if o.props["amount"] == "" || b.world.malformed["hubspot/deals/"+o.id] {
		delete(facts, "expected_revenue") // Odoo would not have taken it
	}
	if o.props["hs_is_closed"] == "true" {
		facts["won_status"], facts["probability"], facts["active"] = "lost", json.Number("0.0"), false
		if o.props["hs_is_closed_won"] == "true" {
			facts["won_status"], facts["probability"], facts["active"] = "won", json.Number("100.0"), true
		} else if reason := o.props["closed_lost_reason"]; reason != "" {
			facts["lost_reason_id"] = odooRef(int64(len(reason)), reason)
		}
		if at, err := time.Parse(time.RFC3339, o.props["closedate"]); err == nil {
			facts["date_closed"] = at.UTC().Format(odooTime)
		}
	}
	return entry{stream: "leads", created: o.created, updated: clampTime(o.updated, b.world.now), facts: facts}
}

// odooOrder is the quotation that a deal was won with.
func (b *books) odooOrder(a *account, o *hsObject) entry {
	at := clampTime(o.updated, b.world.now)
	return entry{stream: "orders", created: o.created, updated: at, first: doc{"name": "S0" + o.id, "state": "sale",
		"partner_id": odooRef(odooID(a, odooCompany, 0), a.name), "amount_total": json.Number(o.props["amount"]),
		"currency_id": odooRef(1, strings.ToUpper(a.place.currency)), "date_order": at.UTC().Format(odooTime)}}
}

func (b *books) odooInvoice(a *account, d demand) entry {
	facts := doc{"name": d.number, "move_type": "out_invoice", "state": "posted", "payment_state": "not_paid",
		"partner_id": odooRef(odooID(a, odooCompany, 0), a.name), "commercial_partner_id": odooRef(odooID(a, odooCompany, 0), a.name),
		"amount_total": major(d.total, d.currency), "amount_residual": major(d.owed(), d.currency), "currency_id": odooRef(1, d.currency),
		"invoice_date": d.issued.Format(time.DateOnly)}
	switch d.status {
	case "paid":
		facts["payment_state"] = "paid"
	case "void", "uncollectible":
		facts["state"] = "cancel"
	}
	if !d.due.IsZero() {
		facts["invoice_date_due"] = d.due.Format(time.DateOnly)
	}
	return entry{stream: "invoices", created: d.issued, updated: d.updated, facts: facts}
}

// odooDirt is what no account stands behind: an archived partner, an address for bills and a credit note.
func (b *books) odooDirt() {
	at := b.world.begin.Truncate(time.Second)
	company := odooRef(odooID(b.world.accounts[0], odooCompany, 0), b.world.accounts[0].name)
	b.odooEnter(entry{stream: "partners", created: at, first: doc{"name": "Old Mill", "is_company": true, "type": "contact", "active": false, "partner_share": true,
		"commercial_partner_id": odooRef(2, "Old Mill")}}, 2)
	b.odooEnter(entry{stream: "partners", created: at, first: doc{"name": "Accounts payable", "is_company": false, "type": "invoice", "active": true,
		"partner_share": true, "parent_id": company, "commercial_partner_id": company}}, 3)
	b.odooEnter(entry{stream: "partners", created: at, first: doc{"name": "Mitchell Admin", "email": "admin@sandbox.example", "is_company": false,
		"type": "contact", "active": true, "partner_share": false}}, 4)
	b.odooEnter(entry{stream: "leads", created: at, first: doc{"name": "Question by form", "type": "lead", "active": true, "contact_name": "Jo Brook",
		"email_from": "jo@brook.example", "won_status": "pending", "probability": json.Number("10.0"), "company_currency": odooRef(1, "EUR")}}, 5)
	b.odooEnter(entry{stream: "invoices", created: at, first: doc{"name": "RINV/1", "move_type": "out_refund", "state": "posted", "payment_state": "paid",
		"partner_id": company, "commercial_partner_id": company, "amount_total": json.Number("12.5"), "currency_id": odooRef(1, "EUR"),
		"invoice_date": at.Format(time.DateOnly)}}, 6)
	b.odooEnter(entry{stream: "orders", created: at, first: doc{"name": "S00007", "state": "draft", "partner_id": company, "amount_total": json.Number("100"),
		"currency_id": odooRef(1, "EUR"), "date_order": at.Format(odooTime)}}, 7)
}

// odooStir is what the people who work with Odoo do between two readings.
func odooStir(b *books, n int, d dice) {
	partners := b.living("partners")
	p := pick(d, partners)
	switch n % 5 {
	case 0:
		b.change(b.list("partners"), p, doc{"phone": fmt.Sprintf("+49 30 5553%04d", n), "x_segment": pick(d, []string{"core", "growth"})})
	case 1:
		b.change(b.list("partners"), p, doc{"active": p.doc["active"] == false})
	case 2: // somebody asks by the form of the website
		b.odooEnter(entry{stream: "leads", created: b.world.now, first: doc{"name": "Question", "type": "lead", "active": true, "contact_name": "Visitor",
			"email_from": fmt.Sprintf("visitor%d@example.com", n), "won_status": "pending", "company_currency": odooRef(1, "EUR")}}, 100+int64(n))
	case 3: // a visitor of some time ago was nobody: deleted for good
		for _, it := range b.living("leads") {
			if strings.HasPrefix(as[string](it.doc["email_from"]), "visitor") && b.world.now.Sub(it.updated) > 8*time.Hour {
				b.list("leads").remove(it, b.world.now)
				return
			}
		}
	case 4:
		if open := b.living("orders"); len(open) > 0 {
			b.change(b.list("orders"), pick(d, open), doc{"state": pick(d, []string{"sent", "sale", "cancel"})})
		}
	}
}
