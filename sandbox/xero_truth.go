package sandbox

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// xeroWrite enters what the accounts owe into the ledger.
func xeroWrite(b *books) {
	for _, a := range b.world.payers() {
		id := b.bookUUID("contact", a.customer.id)
		demands := b.world.demands(a)
		b.enter(b.xeroContact(a, id, demands))
		for _, d := range demands {
			inv := b.xeroInvoice(a, id, d)
			b.enter(inv)
			if d.status == "uncollectible" {
				b.enter(b.xeroCreditNote(a, id, d))
			}
		}
	}
	b.xeroDirt()
}

func (b *books) xeroContact(a *account, id string, demands []demand) entry {
	var owed, overdue int64
	for _, d := range demands {
		owed += d.owed()
		if !d.overdueAt(b.world.now).IsZero() {
			overdue += d.total
		}
	}
	currency := strings.ToUpper(a.place.currency)
	facts := doc{
		"ContactID": id, "ContactStatus": "ACTIVE", "Name": a.name, "IsSupplier": false, "IsCustomer": true, "DefaultCurrency": currency,
		"HasAttachments": false, "HasValidationErrors": false, "ContactGroups": []doc{},
		"Addresses": []doc{{"AddressType": "STREET", "City": "", "Region": "", "PostalCode": "", "Country": ""},
			{"AddressType": "POBOX", "City": a.place.city, "Region": "", "PostalCode": "", "Country": a.place.country}},
		"Balances": doc{"AccountsReceivable": doc{"Outstanding": major(owed, currency), "Overdue": major(overdue, currency)},
			"AccountsPayable": doc{"Outstanding": 0, "Overdue": 0}},
	}
	if mail := as[string](a.customer.doc["email"]); mail != "" {
		facts["EmailAddress"] = mail
	}
	if crm := a.crmID(); crm != "" {
		facts["ContactNumber"] = crm
	}
	first := doc{"Phones": []doc{{"PhoneType": "DDI", "PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""},
		{"PhoneType": "DEFAULT", "PhoneNumber": fmt.Sprintf("5550%04d", a.n), "PhoneAreaCode": "30", "PhoneCountryCode": "49"}}}
	if len(a.people) > 0 {
		p := a.people[0].props
		first["FirstName"], first["LastName"] = p["firstname"], p["lastname"]
	}
	born := time.Unix(a.customer.created, 0).UTC()
	updated := born
	for _, d := range demands {
		updated = later(updated, d.updated)
	}
	return entry{stream: "contacts", id: id, created: born, updated: updated, facts: facts, first: first}
}

func (b *books) xeroInvoice(a *account, contact string, d demand) entry {
	id := b.bookUUID("invoice", d.id)
	status, paid, credited, paidOn := "AUTHORISED", int64(0), int64(0), any(nil)
	payments, notes := []doc{}, []doc{}
	switch d.status {
	case "paid":
		status, paid, paidOn = "PAID", d.total, xeroDate(d.ended.Truncate(day))
		payments = append(payments, doc{"PaymentID": b.bookUUID("payment", d.id), "Date": paidOn, "Amount": major(d.total, d.currency), "CurrencyRate": 1, "HasAccount": false, "HasValidationErrors": false})
	case "void":
		status = "VOIDED"
	case "uncollectible":
		status, credited, paidOn = "PAID", d.total, xeroDate(d.ended.Truncate(day))
		notes = append(notes, doc{"CreditNoteID": b.bookUUID("note", d.id), "CreditNoteNumber": "CN-" + d.number, "AppliedAmount": major(d.total, d.currency), "Total": major(d.total, d.currency)})
	}
	due := later(d.issued, d.due)
	unit := as[int64](as[doc](a.sub.item()["price"])["unit_amount"])
	facts := doc{
		"Type": "ACCREC", "InvoiceID": id, "InvoiceNumber": d.number, "Reference": a.plan.name, "Contact": doc{"ContactID": contact, "Name": a.name, "HasValidationErrors": false},
		"Date": xeroDate(d.issued.Truncate(day)), "DateString": d.issued.Format("2006-01-02T00:00:00"), "DueDate": xeroDate(due.Truncate(day)), "DueDateString": due.Format("2006-01-02T00:00:00"),
		"Status": status, "LineAmountTypes": "Exclusive", "SubTotal": major(d.total, d.currency), "TotalTax": major(0, d.currency), "Total": major(d.total, d.currency),
		"AmountDue": major(d.owed(), d.currency), "AmountPaid": major(paid, d.currency), "AmountCredited": major(credited, d.currency),
		"CurrencyCode": d.currency, "CurrencyRate": 1, "FullyPaidOnDate": paidOn, "HasAttachments": false, "HasErrors": false, "IsDiscounted": false,
		"Payments": payments, "CreditNotes": notes, "Prepayments": []doc{}, "Overpayments": []doc{},
		"LineItems": []doc{{"LineItemID": b.bookUUID("line", d.id), "Description": a.plan.name, "Quantity": d.quantity, "UnitAmount": major(unit, d.currency),
			"LineAmount": major(d.total, d.currency), "TaxAmount": major(0, d.currency), "TaxType": "NONE", "AccountCode": "200", "Tracking": []doc{}}},
	}
	return entry{stream: "invoices", id: id, created: d.issued, updated: d.updated, facts: facts, first: doc{"SentToContact": true}}
}

func (b *books) xeroCreditNote(a *account, contact string, d demand) entry {
	id := b.bookUUID("note", d.id)
	on := xeroDate(d.ended.Truncate(day))
	return entry{stream: "credit_notes", id: id, created: d.ended, updated: d.ended, facts: doc{
		"Type": "ACCRECCREDIT", "CreditNoteID": id, "CreditNoteNumber": "CN-" + d.number, "Contact": doc{"ContactID": contact, "Name": a.name}, "Date": on, "DueDate": on,
		"Status": "PAID", "LineAmountTypes": "Exclusive", "SubTotal": major(d.total, d.currency), "TotalTax": major(0, d.currency), "Total": major(d.total, d.currency),
		"RemainingCredit": major(0, d.currency), "CurrencyCode": d.currency, "CurrencyRate": 1, "FullyPaidOnDate": on, "HasAttachments": false,
		"Allocations": []doc{{"Amount": major(d.total, d.currency), "Date": on, "Invoice": doc{"InvoiceID": b.bookUUID("invoice", d.id), "InvoiceNumber": d.number}}},
	}}
}

// xeroDirt is what else stands in a ledger: a supplier with a bill, two contacts that were merged, one that
// was put away, and a draft that was deleted.
func (b *books) xeroDirt() {
	contacts, invoices := b.list("contacts"), b.list("invoices")
	supplier := b.bookUUID("supplier")
	if contacts.byID[supplier] != nil {
		return
	}
	at := b.world.now.Add(-90 * day)
	contact := func(id, name, status string) doc {
		return doc{"ContactID": id, "ContactStatus": status, "Name": name, "IsSupplier": false, "IsCustomer": false, "HasAttachments": false, "HasValidationErrors": false,
			"Addresses": []doc{}, "Phones": []doc{}, "ContactGroups": []doc{}}
	}
	d := contact(supplier, "Paper & Pens Ltd", "ACTIVE")
	d["IsSupplier"] = true
	contacts.put(supplier, at, d)
	bill := b.bookUUID("bill")
	b.list("bills").put(bill, at, xeroDraft(bill, supplier, "ACCPAY", "AUTHORISED"))
	away := b.bookUUID("away")
	contacts.put(away, at, contact(away, "Former customer", "ARCHIVED")).gone = at
	b.xeroMerge(contacts.put(b.bookUUID("twin"), at, contact(b.bookUUID("twin"), strings.ToUpper(b.world.accounts[0].name), "ACTIVE")), contacts.rows[0], at.Add(day))
	draft := b.bookUUID("draft")
	invoices.put(draft, at, xeroDraft(draft, away, "ACCREC", "DELETED")).gone = at
}

func xeroDraft(id, contact, kind, status string) doc {
	return doc{"Type": kind, "InvoiceID": id, "InvoiceNumber": "", "Contact": doc{"ContactID": contact, "Name": ""}, "Date": xeroDate(time.Unix(1750000000, 0).Truncate(day)),
		"Status": status, "LineAmountTypes": "Exclusive", "SubTotal": 80, "TotalTax": 0, "Total": 80, "AmountDue": 80, "AmountPaid": 0, "AmountCredited": 0,
		"CurrencyCode": "EUR", "HasAttachments": false, "HasErrors": false, "Payments": []doc{}, "LineItems": []doc{}}
}

// xeroMerge puts a contact away and names the one that it became part of.
func (b *books) xeroMerge(loser, winner *item, at time.Time) {
	d := maps.Clone(loser.doc)
	d["ContactStatus"], d["MergedToContactID"] = "ARCHIVED", winner.id
	s := b.list("contacts")
	s.put(loser.id, at, d)
	loser.into, loser.gone = winner.id, at
	s.put(winner.id, later(at, winner.updated), maps.Clone(winner.doc))
}

// xeroStir is what the people at the books do between two readings.
func xeroStir(b *books, n int, d dice) {
	contacts, invoices := b.list("contacts"), b.list("invoices")
	c := pick(d, b.living("contacts"))
	switch n % 5 {
	case 0:
		b.change(contacts, c, doc{"Website": fmt.Sprintf("https://site%d.example", n), "AccountNumber": strconv.Itoa(9000 + n)})
	case 1: // a contact is entered twice
		id := b.bookUUID("twin", strconv.Itoa(n))
		contacts.put(id, b.world.now, doc{"ContactID": id, "ContactStatus": "ACTIVE", "Name": fmt.Sprintf("Double entry %d", n), "IsSupplier": false, "IsCustomer": false,
			"HasAttachments": false, "HasValidationErrors": false, "Addresses": []doc{}, "Phones": []doc{}, "ContactGroups": []doc{}})
	case 2: // and found out
		if loser := contacts.byID[b.bookUUID("twin", strconv.Itoa(n-1))]; loser != nil && loser != c && loser.gone.IsZero() {
			b.xeroMerge(loser, c, b.world.now)
		}
	case 3: // a draft is begun
		id := b.bookUUID("draft", strconv.Itoa(n))
		invoices.put(id, b.world.now, xeroDraft(id, c.id, "ACCREC", "DRAFT"))
	case 4: // and thrown away
		if it := invoices.byID[b.bookUUID("draft", strconv.Itoa(n-1))]; it != nil {
			b.change(invoices, it, doc{"Status": "DELETED"})
			it.gone = b.world.now
		}
	}
}
