package sandbox

import (
	"strconv"
	"time"
)

// play runs the years of a customer from the day the deal was won.
func (w *World) play(a *account, d dice, won time.Time) {
	w.enroll(a, d, won)
	w.openHSTicket(a, won.Add(26*time.Hour), "Onboarding", d)
	for m := 0; ; m++ {
		at := won.AddDate(0, m, 0)
		if !at.Before(w.now) {
			w.renewDue(a, d, w.now)
			if !a.ended && d.chance(0.12) {
				w.openExpansion(a, d)
			}
			return
		}
		w.renewDue(a, d, at)
		w.month(a, d, at, m)
	}
}

// openExpansion leaves a deal for more seats on the table.
func (w *World) openExpansion(a *account, d dice) {
	at := w.now.Add(-time.Duration(d.between(20, 40)) * day)
	deal := w.addDeal(a, at, a.name+" – expansion", worth(a, max(1, a.seats/4)))
	for i := range d.between(0, 3) {
		w.moveDeal(deal, at.Add(time.Duration(4*i+5)*day), dealStages()[i+1])
	}
}

// enroll creates the customer in billing and support. How billing knows the CRM's company differs: most
// carry its id, some can be told by e-mail domain only, a few by nothing.
func (w *World) enroll(a *account, d dice, won time.Time) {
	email, ref := "billing@"+a.domain, a.company.id
	switch {
	case a.n%14 == 13:
		email, ref = "", ""
	case a.n%5 == 3:
		ref = ""
	}
	a.customer = w.addCustomer(a, won, email, ref)
	a.sub = w.addSubscription(a, won)
	w.settleInvoice(a, d, w.bill(a, won, a.dueAt(won)))

	opened := clampTime(won.Add(49*time.Hour), w.now)
	ext := ""
	if a.n%2 == 1 {
		ext = a.company.id
	}
	domains := []string{a.domain}
	if a.n%10 == 9 {
		domains = []string{}
	}
	a.org = w.addOrg(a.name, opened, domains, ext)
	for i, p := range a.people {
		if i < 3 {
			a.users = append(a.users, w.addUser(opened, p.props["firstname"]+" "+p.props["lastname"], p.props["email"], a.org))
		}
	}
	w.crm["companies"].set(a.company, won, "product_plan", a.plan.name, "product_seats", strconv.Itoa(a.seats))
}

// dueAt is when an invoice of that moment is due, zero where the card is charged.
func (a *account) dueAt(at time.Time) time.Time {
	if !a.onAccount {
		return time.Time{}
	}
	return at.Add(30 * day)
}

// renewDue moves the subscription over every period that ended by at, in the past.
func (w *World) renewDue(a *account, d dice, at time.Time) {
	for a.sub != nil && !a.ended && !a.sub.periodEnd().After(at) {
		end := a.sub.periodEnd()
		if a.sub.doc["cancel_at_period_end"] == true {
			w.endSubscription(a, end)
			w.noteUse(a, end, 0, false)
			return
		}
		w.settleInvoice(a, d, w.renew(a, end))
	}
}

// settleInvoice decides how a past invoice went, as far as it has gone by now.
func (w *World) settleInvoice(a *account, d dice, inv *stripeObject) {
	issued := time.Unix(inv.created, 0).UTC()
	late := 0.05 + 0.4*(1-a.mood)
	if !a.onAccount {
		w.charge(a, inv, d.chance(late/10), d)
		return
	}
	due := issued.Add(30 * day)
	var at time.Time
	end := w.pay
	switch r := d.Float64(); {
	case r < 0.015:
		at, end = issued.Add(3*day), w.void
	case r < 0.015+0.04*(1-a.mood):
		at, end = due.Add(75*day), w.writeOff
	case r < late:
		at = due.Add(time.Duration(d.between(4, 50)) * day)
	default:
		at = issued.Add(time.Duration(d.between(3, 30))*day - time.Hour)
	}
	if !at.After(w.now) {
		end(inv, at)
	}
}

// charge takes an invoice from the card: at once, or after a failure some days later.
func (w *World) charge(a *account, inv *stripeObject, fails bool, d dice) {
	issued := time.Unix(inv.created, 0).UTC()
	paid := issued.Add(time.Duration(d.between(1, 60)) * time.Minute)
	if !issued.Before(w.now) {
		paid = issued
	}
	if fails {
		inv.doc["attempted"], inv.doc["attempt_count"] = true, 1
		a.sub.doc["status"] = "past_due"
		w.event("customer.subscription.updated", paid, a.sub)
		w.event("invoice.payment_failed", paid, inv)
		paid = paid.Add(time.Duration(d.between(2, 12)) * day)
	}
	if !paid.After(w.now) {
		w.pay(inv, paid)
		if fails {
			a.sub.doc["status"] = "active"
			w.event("customer.subscription.updated", paid, a.sub)
		}
	}
}

// month plays one month: mood, use, support, survey, size and, sometimes, the end.
func (w *World) month(a *account, d dice, at time.Time, m int) {
	a.mood = min(max(a.mood+d.NormFloat64()*0.09, 0.03), 0.97)
	within := func() (time.Time, bool) {
		t := at.Add(time.Duration(d.between(1, 27))*day + time.Duration(d.between(0, 600))*time.Minute)
		return t, t.Before(w.now)
	}
	if a.ended {
		return
	}
	if t, ok := within(); ok {
		w.noteUse(a, t, int(float64(a.seats)*(0.15+0.8*a.mood*(0.8+0.2*d.Float64()))), true)
	}
	for range int(d.Float64() * (0.6 + 3*(1.1-a.mood))) {
		if t, ok := within(); ok {
			w.playTicket(a, d, t)
		}
	}
	if m%4 == 2 && d.chance(0.6) {
		if t, ok := within(); ok {
			w.answerNPS(a, t, npsOf(a, d), d.IntN(8))
		}
	}
	notice := a.sub.doc["cancel_at_period_end"] == true
	if t, ok := within(); ok && !notice && m > 0 {
		w.decide(a, d, t)
	}
}

// decide grows, shrinks or cancels: unhappy customers leave more often.
func (w *World) decide(a *account, d dice, t time.Time) {
	switch {
	case a.mood > 0.6 && d.chance(0.16):
		was := a.seats
		w.resize(a, a.seats+max(1, a.seats*d.between(10, 40)/100), t)
		w.crm["companies"].set(a.company, t, "product_seats", strconv.Itoa(a.seats))
		deal := w.addDeal(a, t.Add(-9*day), a.name+" – more seats", worth(a, a.seats-was))
		w.closeDeal(deal, t, true, "")
	case a.mood < 0.35 && d.chance(0.13) && a.seats > 3:
		w.resize(a, a.seats-max(1, a.seats*d.between(10, 30)/100), t)
		w.crm["companies"].set(a.company, t, "product_seats", strconv.Itoa(a.seats))
	case d.chance(churnOdds(a.mood)):
		w.cancelAtEnd(a, t, pick(d, []string{"too_expensive", "missing_features", "switched_service", "unused", "customer_service"}))
	}
}

func churnOdds(mood float64) float64 {
	if mood < 0.35 {
		return 0.13
	}
	return 0.006
}

func npsOf(a *account, d dice) int { return min(10, max(0, int(a.mood*11)+d.between(-1, 1))) }

// noteUse writes the product's figures where this firm keeps them: in the CRM.
func (w *World) noteUse(a *account, at time.Time, active int, seen bool) {
	if a.company == nil {
		return
	}
	t := w.crm["companies"]
	a.company.props["product_active_users"] = strconv.Itoa(active)
	if seen {
		a.company.props["product_last_used_at"] = hsTime(at)
		if len(a.people) > 0 {
			p := a.people[int(at.Unix()/60)%len(a.people)]
			w.crm["contacts"].set(p, at, "product_last_used_at", hsTime(at))
		}
	}
	t.touch(a.company, at)
}

// answerNPS files an answer at the person or, for every other firm, at the company: never at both, as it is
// one answer.
func (w *World) answerNPS(a *account, at time.Time, score, who int) {
	pairs := []string{"nps_score", strconv.Itoa(score), "nps_answered_at", hsTime(at)}
	if a.n%2 == 0 || len(a.people) == 0 {
		w.crm["companies"].set(a.company, at, pairs...)
		return
	}
	w.crm["contacts"].set(a.people[who%len(a.people)], at, pairs...)
}

// playTicket opens a ticket and takes it as far as it got by now.
func (w *World) playTicket(a *account, d dice, at time.Time) {
	if len(a.users) == 0 {
		return
	}
	if opened := a.org.updated; at.Before(opened) {
		at = opened
	}
	priority := "normal"
	switch r := d.Float64() + 0.4*(0.5-a.mood); {
	case r > 0.95:
		priority = "urgent"
	case r > 0.75:
		priority = "high"
	case r < 0.2:
		priority = "low"
	}
	t := w.openTicket(pick(d, a.users), at, pick(d, ticketSubjects()), priority)
	a.tickets = append(a.tickets, t)
	step := func(hours int) bool {
		at = at.Add(time.Duration(d.between(1, hours))*time.Hour + time.Duration(d.between(0, 59))*time.Minute)
		return at.Before(w.now)
	}
	for range d.between(1, 3) {
		if !step(20) {
			return
		}
		w.reply(t, at)
	}
	if d.chance(0.04) || !step(int(90*(1.2-a.mood))+2) { // a few are forgotten
		return
	}
	w.solve(t, at)
	if d.chance(0.15*(1.4-a.mood)) && step(40) {
		w.reopen(t, at)
		if !step(60) {
			return
		}
		w.solve(t, at)
	}
	if d.chance(0.45) && step(30) {
		w.rate(t, at, d.chance(0.25+0.75*a.mood))
	}
	if closed := at.Add(28 * day); closed.Before(w.now) {
		w.moveTicket(t, closed, "closed")
	}
}
