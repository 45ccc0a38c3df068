package sandbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// spoil adds what real accounts are full of. All of it is chosen by position, so every world has each kind.
func (w *World) spoil(d dice) {
	var bought []*account
	for _, a := range w.accounts {
		if a.customer != nil {
			bought = append(bought, a)
		}
	}
	slices.SortStableFunc(bought, func(a, b *account) int { return cmp.Compare(a.customer.created, b.customer.created) })
	w.spoilCRM(d)
	w.spoilBilling(bought, d)
	w.spoilDesk(bought, d)
}

func (w *World) spoilCRM(d dice) {
	companies, contacts, deals := w.crm["companies"], w.crm["contacts"], w.crm["deals"]
	for i, a := range w.accounts {
		at := clampTime(a.born.Add(40*time.Hour), w.now)
		switch i % 20 {
		case 2: // a person at a free mailbox, filed under the firm
			p := w.addContact(at, somebody(d), fmt.Sprintf("private.person%d@gmail.com", i), "lead")
			w.link("contacts", p.id, "companies", a.company.id)
		case 5: // a role mailbox
			p := w.addContact(at, "", "info@"+a.domain, "lead")
			w.link("contacts", p.id, "companies", a.company.id)
		case 8: // a person filed under no firm, at the firm's domain
			w.addContact(at, somebody(d), fmt.Sprintf("new.colleague%d@%s", i, a.domain), "lead")
		case 11: // a person of nowhere
			w.addContact(at, somebody(d), fmt.Sprintf("curious%d@gmx.net", i), "subscriber")
		case 14: // the same firm twice
			twin := w.addCompany(a, at, a.domain)
			twin.props["name"] = strings.ToUpper(a.name)
			p := w.addContact(at, somebody(d), fmt.Sprintf("second.office%d@%s", i, a.domain), "lead")
			w.link("contacts", p.id, "companies", twin.id)
		case 17: // a firm without a domain
			delete(a.company.props, "domain")
		case 19: // one person at two firms
			if len(a.people) > 0 {
				w.link("contacts", a.people[0].id, "companies", w.accounts[i-1].company.id)
			}
		}
	}
	first, last := w.accounts[0], w.accounts[len(w.accounts)-1]
	w.mergeContacts(first, d)

	gone := w.addContact(first.born, "Gone Person", "gone.person@"+first.domain, "lead")
	w.link("contacts", gone.id, "companies", first.company.id)
	w.archive(contacts, gone, w.now.Add(-20*day))
	w.archive(deals, w.addDeal(last, w.now.Add(-25*day), last.name+" – entered by mistake", "1.00"), w.now.Add(-12*day))
	dupe := w.addCompany(first, first.born, "")
	w.archive(companies, dupe, w.now.Add(-30*day))

	huge := w.addDeal(first, w.now.Add(-15*day), first.name+" – typo", "99999999999999999999999")
	yearZero := w.addDeal(last, w.now.Add(-14*day), last.name+" – no date", "100.00")
	yearZero.props["closedate"] = "0000-01-01T00:00:00Z"
	w.malformed["hubspot/deals/"+huge.id] = true
	w.malformed["hubspot/deals/"+yearZero.id] = true
}

// mergeContacts leaves one contact that swallowed another: the other's id answers 404 and is in no list.
func (w *World) mergeContacts(a *account, d dice) {
	t := w.crm["contacts"]
	winner := w.addPerson(a, a.born.Add(3*day), "lead", d)
	loser := t.add(a.born, map[string]string{"email": "old.address@" + a.domain})
	t.rows = t.rows[:len(t.rows)-1]
	delete(t.byID, loser.id)
	t.set(winner, w.now.Add(-40*day), "hs_merged_object_ids", loser.id, "hs_additional_emails", loser.props["email"])
}

func (w *World) archive(t *hsTable, o *hsObject, at time.Time) {
	if at.Before(o.updated) {
		at = o.updated.Add(time.Second)
	}
	o.archived = at
	t.touch(o, at)
}

func (w *World) spoilBilling(bought []*account, d dice) {
	for i, a := range bought {
		if i%15 != 7 {
			continue
		}
		// A second billing customer for the same firm: another department, same CRM company.
		at := clampTime(time.Unix(a.customer.created, 0).UTC().Add(30*day), w.now.Add(-time.Hour))
		b := &account{n: a.n, name: a.name + " (Lab)", domain: a.domain, place: a.place, plan: plans()[0], seats: d.between(2, 5), interval: "month", mood: 0.8}
		b.customer = w.addCustomer(b, at, "lab@"+a.domain, a.company.id)
		b.sub = w.addSubscription(b, at)
		w.settleInvoice(b, d, w.bill(b, at, time.Time{}))
		w.renewDue(b, d, w.now)
		w.branches = append(w.branches, b)
	}
	if len(bought) == 0 {
		return
	}
	a := bought[len(bought)-1]
	gone := w.addCustomer(a, w.now.Add(-50*day), "former@"+a.domain, "")
	gone.doc["name"] = "Former test account"
	w.event("customer.deleted", w.now.Add(-10*day), gone)
	gone.deleted = true

	latest := bought[0].sub.doc["latest_invoice"]
	bad := w.bill(bought[0], w.now.Add(-35*day), w.now.Add(-5*day))
	bought[0].sub.doc["latest_invoice"] = latest
	bad.doc["due_date"] = "next friday"
	bought[0].invoices = bought[0].invoices[:len(bought[0].invoices)-1]
	w.malformed["stripe/invoices/"+bad.id] = true
}

func (w *World) spoilDesk(bought []*account, d dice) {
	if len(bought) < 2 {
		return
	}
	a, b := bought[0], bought[1]
	if len(a.users) > 0 && b.org != nil {
		w.join(a.users[0], b.org, clampTime(b.org.updated.Add(time.Hour), w.now), false)
	}
	for _, c := range bought {
		if c.n%8 == 2 && c.org != nil { // somebody writes from a private mailbox
			c.users = append(c.users, w.addUser(c.org.updated, somebody(d), fmt.Sprintf("home%d@gmail.com", c.n), c.org))
		}
	}
	for _, c := range bought[1:] {
		if n := len(c.users); n > 1 && !w.wrote(c, c.users[n-1]) {
			c.users[n-1].doc["active"] = false // deleted users stay in the export
			c.users = c.users[:n-1]
			break
		}
	}
	deleted := w.openTicket(a.users[0], w.now.Add(-21*day), "Spam", "low")
	w.moveTicket(deleted, w.now.Add(-20*day), "deleted")
	anonymous := w.openTicket(a.users[0], w.now.Add(-9*day), "This ticket lost its number", "normal")
	delete(anonymous.doc, "id")
	w.malformed["zendesk/tickets/"] = true
}

// wrote reports whether a user of the account has opened a ticket.
func (w *World) wrote(a *account, u *zdObject) bool {
	return slices.ContainsFunc(a.tickets, func(t *zdObject) bool { return t.doc["requester_id"] == u.id })
}

func somebody(d dice) string { return pick(d, firstNames()) + " " + pick(d, lastNames()) }
