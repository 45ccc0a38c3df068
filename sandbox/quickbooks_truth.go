package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// qbWrite enters what the accounts owe into the company's books.
func qbWrite(b *books) {
	for i, a := range b.world.payers() {
		id := qbCustomerID(a, i >= len(b.world.payers())-len(b.world.branches))
		demands := b.world.demands(a)
		b.enter(b.qbCustomer(a, id, demands))
		for _, d := range demands {
			b.enter(b.qbInvoice(a, id, d))
			if d.status == "paid" || d.status == "uncollectible" {
				b.enter(b.qbPayment(a, id, d))
			}
			if d.status == "uncollectible" {
				b.enter(b.qbCreditMemo(a, id, d))
			}
		}
		if a.n%5 == 1 {
			b.enter(b.qbEstimate(a, id))
		}
	}
	b.qbDirt()
}

func qbCustomerID(a *account, branch bool) string {
	if branch {
		return strconv.Itoa(50000 + a.n)
	}
	return strconv.Itoa(101 + a.n)
}

// qbTxnID numbers all kinds of transactions in one row, as the vendor does.
func qbTxnID(d demand, kind int64) string { return strconv.FormatInt(d.seq*10+kind, 10) }

func qbRef(id, name string) doc { return doc{"value": id, "name": name} }

func qbMoney(currency string) doc { return doc{"value": currency, "name": currency} }

func (b *books) qbCustomer(a *account, id string, demands []demand) entry {
	currency := strings.ToUpper(a.place.currency)
	var owed int64
	born := time.Unix(a.customer.created, 0).UTC()
	updated := born
	for _, d := range demands {
		owed += d.owed()
		updated = later(updated, d.updated)
	}
	facts := doc{
		"Id": id, "domain": "QBO", "sparse": false, "DisplayName": a.name, "FullyQualifiedName": a.name, "CompanyName": a.name, "PrintOnCheckName": a.name,
		"Active": true, "Taxable": false, "Job": false, "BillWithParent": false, "PreferredDeliveryMethod": "Email", "CurrencyRef": qbMoney(currency),
		"Balance": major(owed, currency), "BalanceWithJobs": major(owed, currency),
		"BillAddr": doc{"Id": id, "Line1": a.name, "City": a.place.city, "Country": a.place.country},
	}
	first := doc{"PrimaryPhone": doc{"FreeFormNumber": fmt.Sprintf("+49 30 5550%04d", a.n)}}
	if mail := as[string](a.customer.doc["email"]); mail != "" {
		facts["PrimaryEmailAddr"] = doc{"Address": mail}
	}
	if a.n%4 == 1 {
		first["WebAddr"] = doc{"URI": "https://www." + a.domain}
	}
	if len(a.people) > 0 {
		p := a.people[0].props
		first["GivenName"], first["FamilyName"] = p["firstname"], p["lastname"]
	}
	return entry{stream: "customers", id: id, created: born, updated: updated, facts: facts, first: first}
}

func (b *books) qbInvoice(a *account, customer string, d demand) entry {
	id := qbTxnID(d, 0)
	total := d.total
	linked, note := []doc{}, any(nil)
	switch d.status {
	case "paid", "uncollectible":
		linked = append(linked, doc{"TxnId": qbTxnID(d, 1), "TxnType": "Payment"})
	case "void": // the amounts of what is voided become nothing
		total, note = 0, "Voided"
	}
	unit := as[int64](as[doc](a.sub.item()["price"])["unit_amount"])
	due := later(d.issued, d.due)
	facts := doc{
		"Id": id, "domain": "QBO", "sparse": false, "DocNumber": d.number[max(0, len(d.number)-21):], "TxnDate": d.issued.Format(time.DateOnly), "DueDate": due.Format(time.DateOnly),
		"CustomerRef": qbRef(customer, a.name), "CurrencyRef": qbMoney(d.currency), "ExchangeRate": 1, "TotalAmt": major(total, d.currency), "Balance": major(min(d.owed(), total), d.currency),
		"Deposit": 0, "ApplyTaxAfterDiscount": false, "PrintStatus": "NotSet", "EmailStatus": "EmailSent", "LinkedTxn": linked, "PrivateNote": note,
		"Line": []doc{
			{"Id": "1", "LineNum": 1, "Description": a.plan.name, "Amount": major(total, d.currency), "DetailType": "SalesItemLineDetail",
				"SalesItemLineDetail": doc{"ItemRef": qbRef("1", a.plan.name), "UnitPrice": major(unit, d.currency), "Qty": d.quantity, "TaxCodeRef": doc{"value": "NON"}}},
			{"Amount": major(total, d.currency), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": doc{}},
		},
		"TxnTaxDetail": doc{"TotalTax": 0},
	}
	if mail := as[string](a.customer.doc["email"]); mail != "" {
		facts["BillEmail"] = doc{"Address": mail}
	}
	return entry{stream: "invoices", id: id, created: d.issued, updated: d.updated, facts: facts,
		first: doc{"CustomField": []doc{{"DefinitionId": "1", "Name": "Sales Rep", "Type": "StringType", "StringValue": strconv.Itoa(5001 + a.n%4)}}}}
}

// qbPayment settles an invoice; one of nothing sets a credit memo against it.
func (b *books) qbPayment(a *account, customer string, d demand) entry {
	id := qbTxnID(d, 1)
	total, linked := d.total, []doc{{"TxnId": qbTxnID(d, 0), "TxnType": "Invoice"}}
	if d.status == "uncollectible" {
		total = 0
		linked = append(linked, doc{"TxnId": qbTxnID(d, 2), "TxnType": "CreditMemo"})
	}
	return entry{stream: "payments", id: id, created: d.ended, updated: d.ended, facts: doc{
		"Id": id, "domain": "QBO", "sparse": false, "TxnDate": d.ended.Format(time.DateOnly), "CustomerRef": qbRef(customer, a.name), "CurrencyRef": qbMoney(d.currency),
		"TotalAmt": major(total, d.currency), "UnappliedAmt": 0, "ProcessPayment": false,
		"Line": []doc{{"Amount": major(d.total, d.currency), "LinkedTxn": linked}},
	}}
}

func (b *books) qbCreditMemo(a *account, customer string, d demand) entry {
	id := qbTxnID(d, 2)
	return entry{stream: "credit_memos", id: id, created: d.ended, updated: d.ended, facts: doc{
		"Id": id, "domain": "QBO", "sparse": false, "DocNumber": "CM" + id, "TxnDate": d.ended.Format(time.DateOnly), "CustomerRef": qbRef(customer, a.name),
		"CurrencyRef": qbMoney(d.currency), "TotalAmt": major(d.total, d.currency), "Balance": major(0, d.currency), "RemainingCredit": major(0, d.currency),
		"ApplyTaxAfterDiscount": false, "PrintStatus": "NotSet", "EmailStatus": "NotSet",
		"Line": []doc{{"Id": "1", "LineNum": 1, "Description": "Written off", "Amount": major(d.total, d.currency), "DetailType": "SalesItemLineDetail",
			"SalesItemLineDetail": doc{"ItemRef": qbRef("2", "Bad debt")}}},
	}}
}

func (b *books) qbEstimate(a *account, customer string) entry {
	id := strconv.Itoa(800000 + a.n)
	at := clampTime(time.Unix(a.customer.created, 0).UTC().Add(70*day), b.world.now.Add(-day))
	currency := strings.ToUpper(a.place.currency)
	total := major(unitPrice(a.plan, a.place.currency, a.interval)*int64(max(1, a.seats/4)), currency)
	return entry{stream: "estimates", id: id, created: at, updated: at, first: doc{
		"Id": id, "domain": "QBO", "sparse": false, "DocNumber": "E-" + id, "TxnDate": at.Format(time.DateOnly), "ExpirationDate": at.AddDate(0, 1, 0).Format(time.DateOnly),
		"TxnStatus": "Pending", "EmailStatus": "EmailSent", "PrintStatus": "NotSet", "CustomerRef": qbRef(customer, a.name), "CurrencyRef": qbMoney(currency),
		"TotalAmt": total, "Line": []doc{{"Id": "1", "LineNum": 1, "Description": "More seats", "Amount": total, "DetailType": "SalesItemLineDetail",
			"SalesItemLineDetail": doc{"ItemRef": qbRef("1", a.plan.name)}}},
	}}
}

// qbDirt is what else stands in the books: a project under a customer, a customer that was put away, and an
// invoice that was deleted.
func (b *books) qbDirt() {
	customers, invoices := b.list("customers"), b.list("invoices")
	if customers.byID["90001"] != nil || len(customers.rows) == 0 {
		return
	}
	at := b.world.now.Add(-60 * day)
	parent := customers.rows[0]
	customers.put("90001", at, doc{"Id": "90001", "domain": "QBO", "sparse": false, "DisplayName": "Relaunch", "FullyQualifiedName": fmt.Sprint(parent.doc["DisplayName"]) + ":Relaunch",
		"Active": true, "Job": true, "IsProject": true, "BillWithParent": true, "ParentRef": doc{"value": parent.id}, "Level": 1, "Balance": 0, "CurrencyRef": qbMoney("EUR")})
	b.qbAway(customers.put("90002", at, qbNewcomer("90002", "Former customer")), at.Add(day))
	invoices.remove(invoices.put("900030", at, qbEmptyInvoice("900030", parent.id, at)), b.world.now.Add(-10*day))
}

func qbNewcomer(id, name string) doc {
	return doc{"Id": id, "domain": "QBO", "sparse": false, "DisplayName": name, "FullyQualifiedName": name, "Active": true, "Job": false, "Balance": 0, "CurrencyRef": qbMoney("EUR")}
}

// qbEmptyInvoice names no currency, as was so before the company had several.
func qbEmptyInvoice(id, customer string, at time.Time) doc {
	amount := major(4000, "EUR")
	return doc{"Id": id, "domain": "QBO", "sparse": false, "DocNumber": "X" + id, "TxnDate": at.Format(time.DateOnly), "DueDate": at.AddDate(0, 1, 0).Format(time.DateOnly),
		"CustomerRef": doc{"value": customer}, "TotalAmt": amount, "Balance": amount, "LinkedTxn": []doc{},
		"Line": []doc{{"Id": "1", "LineNum": 1, "Amount": amount, "DetailType": "DescriptionOnly", "Description": "By mistake"}}}
}

// qbStir is what the people at the books do between two readings.
func qbStir(b *books, n int, d dice) {
	customers, invoices, estimates := b.list("customers"), b.list("invoices"), b.list("estimates")
	c := pick(d, b.living("customers"))
	switch n % 6 {
	case 0:
		b.change(customers, c, doc{"Notes": fmt.Sprintf("Called, note %d", n), "Mobile": doc{"FreeFormNumber": fmt.Sprintf("+49 170 5550%04d", n)}})
	case 1:
		id := strconv.Itoa(910000 + n)
		customers.put(id, b.world.now, qbNewcomer(id, fmt.Sprintf("Newcomer %d", n)))
	case 2: // two records of a customer become one: the other is put away for good
		if it := customers.byID[strconv.Itoa(910000+n-1)]; it != nil && it.gone.IsZero() {
			b.settleLate(it)
			b.qbAway(it, b.world.now)
		}
	case 3:
		id := strconv.Itoa(920000 + n)
		invoices.put(id, b.world.now, qbEmptyInvoice(id, c.id, b.world.now))
	case 4:
		if it := invoices.byID[strconv.Itoa(920000+n-1)]; it != nil && it.gone.IsZero() {
			b.settleLate(it)
			invoices.remove(it, b.world.now)
		}
	case 5:
		if open := b.living("estimates"); len(open) > 0 {
			b.change(estimates, pick(d, open), doc{"TxnStatus": pick(d, []string{"Accepted", "Rejected", "Closed"})})
		}
	}
}
