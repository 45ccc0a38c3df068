package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Step moves the world on to a moment and lets a few plausible things happen. It returns one sentence for
// each. The choices depend on the seed and on the number of earlier calls; vendors' times are now. A moment
// before the world's own time counts as that.
func (w *World) Step(now time.Time) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now = now.UTC().Truncate(time.Second); now.After(w.now) {
		w.now = now
	}
	d := w.dice("step", w.steps)
	told := w.passTime(d)
	acts := []func(dice) string{w.someTicketOpens, w.someInvoiceIsIssued, w.someUseChanges, w.someDealMoves, w.someTicketIsSolved,
		w.someSeatsAreAdded, w.someNPSIsAnswered, w.somePaymentArrives, w.someTicketReopens, w.someoneCancels, w.someTicketIsAnswered}
	for i := range 1 + d.IntN(2) {
		act := acts[(2*w.steps+i)%len(acts)]
		if s := act(d); s != "" {
			told = append(told, s)
		}
	}
	w.steps++
	for _, t := range []*stripeTable{w.customers, w.subscriptions, w.invoices, w.events} {
		t.sort()
	}
	return told
}

// passTime does what the calendar does: invoices fall overdue, periods end.
func (w *World) passTime(d dice) []string {
	var told []string
	for _, a := range slices.Concat(w.accounts, w.branches) {
		for _, inv := range a.invoices {
			due, ok := inv.doc["due_date"].(int64)
			if ok && inv.doc["status"] == "open" && !inv.overdue && due < w.now.Unix() {
				inv.overdue = true
				if due > w.opts.Now.Unix() {
					w.event("invoice.overdue", w.now, inv)
					told = append(told, fmt.Sprintf("Invoice %s of %s over %s is now overdue.", inv.doc["number"], a.name, amountOf(inv)))
				}
			}
		}
		if s := w.nextPeriod(a, d); s != "" {
			told = append(told, s)
		}
	}
	return told
}

// nextPeriod ends or renews a subscription whose period is over. What follows carries the world's time, not
// that of the period's end: a vendor never tells of the past in a new event.
func (w *World) nextPeriod(a *account, d dice) string {
	told := ""
	for a.sub != nil && !a.ended && !a.sub.periodEnd().After(w.now) {
		if a.sub.doc["cancel_at_period_end"] == true {
			w.endSubscription(a, w.now)
			w.noteUse(a, w.now, 0, false)
			return fmt.Sprintf("The subscription of %s has ended.", a.name)
		}
		inv := w.renew(a, w.now)
		if !a.onAccount {
			w.charge(a, inv, d.chance(0.02), d)
		}
		told = fmt.Sprintf("The subscription of %s was renewed and billed.", a.name)
	}
	return told
}

func amountOf(inv *stripeObject) string {
	return canon.Money{Minor: as[int64](inv.doc["total"]), Currency: strings.ToUpper(as[string](inv.doc["currency"]))}.String()
}

// some picks an account that fits, nil where none does.
func (w *World) some(d dice, fits func(*account) bool) *account {
	var all []*account
	for _, a := range w.accounts {
		if fits(a) {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return pick(d, all)
}

func subscribed(a *account) bool { return a.sub != nil && !a.ended }

func (a *account) ticket(statuses ...string) *zdObject {
	for _, t := range a.tickets {
		for _, s := range statuses {
			if t.doc["status"] == s {
				return t
			}
		}
	}
	return nil
}

func (w *World) someTicketOpens(d dice) string {
	a := w.some(d, func(a *account) bool { return subscribed(a) && len(a.users) > 0 })
	if a == nil {
		return ""
	}
	t := w.openTicket(pick(d, a.users), w.now, pick(d, ticketSubjects()), pick(d, []string{"normal", "high", "urgent"}))
	a.tickets = append(a.tickets, t)
	return fmt.Sprintf("%s opened a ticket of %s priority: %q.", a.name, t.doc["priority"], t.doc["subject"])
}

func (w *World) someTicketIsAnswered(d dice) string {
	a := w.some(d, func(a *account) bool { return a.ticket("new", "open") != nil })
	if a == nil {
		return ""
	}
	t := a.ticket("new", "open")
	w.reply(t, w.now)
	return fmt.Sprintf("Support answered ticket %d of %s.", t.id, a.name)
}

func (w *World) someTicketIsSolved(d dice) string {
	a := w.some(d, func(a *account) bool { return a.ticket("new", "open", "pending") != nil })
	if a == nil {
		return ""
	}
	t := a.ticket("new", "open", "pending")
	w.solve(t, w.now)
	if d.chance(0.5) {
		good := d.chance(a.mood)
		w.rate(t, w.now, good)
		return fmt.Sprintf("Ticket %d of %s was solved and rated %s.", t.id, a.name, as[doc](t.doc["satisfaction_rating"])["score"])
	}
	return fmt.Sprintf("Ticket %d of %s was solved.", t.id, a.name)
}

func (w *World) someTicketReopens(d dice) string {
	a := w.some(d, func(a *account) bool { return subscribed(a) && a.ticket("solved") != nil })
	if a == nil {
		return ""
	}
	t := a.ticket("solved")
	w.reopen(t, w.now)
	return fmt.Sprintf("%s reopened ticket %d.", a.name, t.id)
}

// someInvoiceIsIssued bills ahead of time, due within half a minute, so that a viewer sees it fall overdue.
func (w *World) someInvoiceIsIssued(d dice) string {
	a := w.some(d, func(a *account) bool { return subscribed(a) && a.onAccount })
	if a == nil {
		return ""
	}
	inv := w.bill(a, w.now, w.now.Add(time.Duration(d.between(10, 25))*time.Second))
	return fmt.Sprintf("%s got invoice %s over %s, due within seconds.", a.name, inv.doc["number"], amountOf(inv))
}

func (w *World) somePaymentArrives(d dice) string {
	open := func(a *account) *stripeObject {
		for _, inv := range a.invoices {
			if inv.doc["status"] == "open" {
				return inv
			}
		}
		return nil
	}
	a := w.some(d, func(a *account) bool { return open(a) != nil })
	if a == nil {
		return ""
	}
	inv := open(a)
	w.pay(inv, w.now)
	if a.sub.doc["status"] == "past_due" {
		a.sub.doc["status"] = "active"
		w.event("customer.subscription.updated", w.now, a.sub)
	}
	return fmt.Sprintf("%s paid invoice %s over %s.", a.name, inv.doc["number"], amountOf(inv))
}

func openDeal(a *account) *hsObject {
	for _, o := range a.deals {
		if o.props["hs_is_closed"] == "false" && o.archived.IsZero() {
			return o
		}
	}
	return nil
}

func (w *World) someDealMoves(d dice) string {
	a := w.some(d, func(a *account) bool { return openDeal(a) != nil && !w.malformed["hubspot/deals/"+openDeal(a).id] })
	if a == nil {
		return ""
	}
	deal, stages := openDeal(a), dealStages()
	for i, s := range stages {
		if deal.props["dealstage"] == s && i+1 < len(stages) {
			w.moveDeal(deal, w.now, stages[i+1])
			return fmt.Sprintf("The deal %q moved to %s.", deal.props["dealname"], stages[i+1])
		}
	}
	won := d.chance(0.6)
	if !won {
		w.closeDeal(deal, w.now, false, "No budget")
		return fmt.Sprintf("The deal %q was lost.", deal.props["dealname"])
	}
	w.closeDeal(deal, w.now, true, "")
	if a.customer == nil {
		w.enroll(a, d, w.now)
		w.crm["companies"].set(a.company, w.now, "lifecyclestage", "customer")
		return fmt.Sprintf("The deal %q was won; %s is a customer now.", deal.props["dealname"], a.name)
	}
	return fmt.Sprintf("The deal %q was won.", deal.props["dealname"])
}

func (w *World) someSeatsAreAdded(d dice) string {
	a := w.some(d, subscribed)
	if a == nil {
		return ""
	}
	was := a.seats
	w.resize(a, was+d.between(1, 5), w.now)
	w.crm["companies"].set(a.company, w.now, "product_seats", strconv.Itoa(a.seats))
	return fmt.Sprintf("%s went from %d to %d seats.", a.name, was, a.seats)
}

func (w *World) someoneCancels(d dice) string {
	a := w.some(d, func(a *account) bool { return subscribed(a) && a.sub.doc["cancel_at_period_end"] == false })
	if a == nil {
		return ""
	}
	w.cancelAtEnd(a, w.now, "too_expensive")
	return fmt.Sprintf("%s cancelled; the subscription ends on %s.", a.name, a.sub.periodEnd().Format(time.DateOnly))
}

func (w *World) someUseChanges(d dice) string {
	a := w.some(d, subscribed)
	if a == nil {
		return ""
	}
	n := d.between(0, a.seats)
	w.noteUse(a, w.now, n, true)
	return fmt.Sprintf("%d of %d seats of %s are in use.", n, a.seats, a.name)
}

func (w *World) someNPSIsAnswered(d dice) string {
	a := w.some(d, subscribed)
	if a == nil {
		return ""
	}
	n := d.between(0, 10)
	w.answerNPS(a, w.now, n, d.IntN(8))
	return fmt.Sprintf("%s answered the survey with %d of 10.", a.name, n)
}
