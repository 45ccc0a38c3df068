package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// account is the truth about one firm, of which each vendor knows a part.
type account struct {
	n            int
	name, domain string
	industry     string
	place        place
	mood         float64 // 0 unhappy … 1 happy
	seats        int
	plan         plan
	interval     string // of billing: "month" or "year"
	onAccount    bool   // pays by invoice, not by card
	ended        bool
	born         time.Time

	company  *hsObject
	people   []*hsObject
	deals    []*hsObject
	customer *stripeObject
	sub      *stripeObject
	invoices []*stripeObject
	org      *zdObject
	users    []*zdObject
	tickets  []*zdObject
}

const day = 24 * time.Hour

// live makes one firm and plays its history up to now.
func (w *World) live(n int, names map[string]bool, d dice) *account {
	a := w.found(n, names, d)
	fate := d.Float64()
	if n%3 == 1 { // every third firm is a customer for sure, so that small worlds are not empty
		fate = 1
	}
	switch {
	case fate < 0.35:
		w.meet(a, d, "lead")
		if d.chance(0.3) {
			w.openHSTicket(a, a.born.Add(time.Duration(d.between(1, 9))*day), "Question about pricing", d)
		}
	case fate < 0.55:
		w.meet(a, d, "opportunity")
		w.sell(a, d, a.born.Add(2*day), false)
	default:
		w.meet(a, d, "opportunity")
		if won, ok := w.sell(a, d, a.born.Add(2*day), true); ok {
			w.crm["companies"].set(a.company, won, "lifecyclestage", "customer")
			w.play(a, d, won)
		}
	}
	return a
}

func (w *World) found(n int, names map[string]bool, d dice) *account {
	a := &account{n: n, place: pick(d, places()), industry: pick(d, industries()), mood: 0.25 + 0.65*d.Float64(), plan: pick(d, plans()), interval: "month"}
	for try := 0; ; try++ {
		one, two := pick(d, firstWords()), pick(d, secondWords())
		if a.name = one + " " + two; !names[a.name] {
			a.domain = domainOf(one, two)
			break
		}
		if try > 20 { // nearly all pairs are taken
			a.name = fmt.Sprintf("%s %s %d", one, two, n)
			a.domain = domainOf(one, two, strconv.Itoa(n))
			break
		}
	}
	names[a.name] = true
	switch suffix := a.place.iso; {
	case n%17 == 4:
		a.name = pick(d, lastNames()) + " & Söhne " + a.name
	case suffix == "DE" || suffix == "AT":
		a.name += " GmbH"
	case suffix == "JP":
		a.name += " 株式会社"
	case suffix == "US":
		a.name += ", Inc."
	}
	a.seats = d.between(3, 12) * d.between(1, 8)
	if d.chance(0.3) {
		a.interval = "year"
	}
	a.onAccount = a.interval == "year" || d.chance(0.5)
	span := int(w.now.Sub(w.begin)/day) - 30
	born := w.begin.Add(time.Duration(d.between(0, max(span, 1))) * day)
	a.born = time.Date(born.Year(), born.Month(), min(born.Day(), 27), d.between(7, 17), d.between(0, 59), d.between(0, 59), 0, time.UTC)
	if a.born.Before(w.begin) {
		a.born = a.born.Add(5 * day)
	}
	return a
}

// domainOf makes a domain in the top level that is kept for examples, so that it is nobody's.
func domainOf(words ...string) string { return strings.ToLower(strings.Join(words, "-")) + ".example" }

// meet enters the firm and its people into the CRM.
func (w *World) meet(a *account, d dice, stage string) {
	a.company = w.addCompany(a, a.born, a.domain)
	a.company.props["lifecyclestage"] = stage
	for i := range d.between(1, 4) {
		w.addPerson(a, a.born.Add(time.Duration(i*d.between(1, 72))*time.Hour), stage, d)
	}
}

func (w *World) addCompany(a *account, at time.Time, domain string) *hsObject {
	return w.crm["companies"].add(at, map[string]string{
		"name": a.name, "domain": domain, "industry": a.industry, "city": a.place.city, "country": a.place.country,
		"numberofemployees": strconv.Itoa(a.seats * 4), "hubspot_owner_id": strconv.Itoa(5001 + a.n%4), "lifecyclestage": "lead",
		"phone": fmt.Sprintf("+49 30 5550%04d", a.n),
	})
}

func (w *World) addPerson(a *account, at time.Time, stage string, d dice) *hsObject {
	first, last := pick(d, firstNames()), pick(d, lastNames())
	email := fmt.Sprintf("%s.%s@%s", fold(first), fold(last), a.domain)
	for _, p := range a.people {
		if p.props["email"] == email {
			email = fmt.Sprintf("%s.%s%d@%s", fold(first), fold(last), len(a.people)+1, a.domain)
		}
	}
	p := w.addContact(at, first+" "+last, email, stage)
	p.props["jobtitle"], p.props["country"] = pick(d, jobTitles()), a.place.country
	p.props["hs_analytics_source"] = pick(d, []string{"ORGANIC_SEARCH", "REFERRALS", "DIRECT_TRAFFIC", "EMAIL_MARKETING"})
	w.link("contacts", p.id, "companies", a.company.id)
	a.people = append(a.people, p)
	return p
}

// addContact enters a person by first and last name, with a space between; "" for a mailbox of nobody.
func (w *World) addContact(at time.Time, name, email, stage string) *hsObject {
	first, last, _ := strings.Cut(name, " ")
	return w.crm["contacts"].add(clampTime(at, w.now), map[string]string{"firstname": first, "lastname": last, "email": email, "lifecyclestage": stage})
}

func clampTime(t, latest time.Time) time.Time {
	if t.After(latest) {
		return latest
	}
	return t
}

// worth is the yearly price of so many seats, as the CRM writes amounts: major units with a dot.
func worth(a *account, seats int) string {
	v := unitPrice(a.plan, a.place.currency, "month") * int64(seats) * 12
	if canon.Exponent(a.place.currency) == 0 {
		return strconv.FormatInt(v, 10)
	}
	return fmt.Sprintf("%d.%02d", v/100, v%100)
}

// sell opens a deal and walks it through the stages. It returns when the deal was won, false while it is
// open and when it was lost.
func (w *World) sell(a *account, d dice, at time.Time, buys bool) (time.Time, bool) {
	deal := w.addDeal(a, at, a.name+" – "+a.plan.name, worth(a, a.seats))
	last := d.between(1, len(dealStages())-1)
	for i, stage := range dealStages() {
		if i > 0 {
			at = at.Add(time.Duration(d.between(2, 14))*day + time.Duration(d.between(0, 300))*time.Minute)
			if at.After(w.now) {
				return at, false
			}
			w.moveDeal(deal, at, stage)
		}
		if !buys && i == last {
			break
		}
	}
	if at = at.Add(time.Duration(d.between(1, 10)) * day); at.After(w.now) {
		return at, false
	}
	if !buys {
		w.closeDeal(deal, at, false, pick(d, []string{"Price", "Went with a competitor", "No budget", "No answer any more"}))
		return at, false
	}
	w.closeDeal(deal, at, true, "")
	return at, true
}

func (w *World) addDeal(a *account, at time.Time, name, amount string) *hsObject {
	kind := "newbusiness"
	if a.customer != nil {
		kind = "existingbusiness"
	}
	at = clampTime(at, w.now)
	t := w.crm["deals"]
	deal := t.add(at, map[string]string{
		"dealname": name, "amount": amount, "dealtype": kind, "pipeline": "default", "dealstage": dealStages()[0],
		"deal_currency_code": strings.ToUpper(a.place.currency), "closedate": hsTime(at.Add(60 * day)), "hs_is_closed": "false", "hs_is_closed_won": "false",
		"hs_deal_stage_probability": "0.2", "hubspot_owner_id": a.company.props["hubspot_owner_id"],
		"hs_v2_date_entered_" + dealStages()[0]: hsTime(at),
	})
	w.link("deals", deal.id, "companies", a.company.id)
	if len(a.people) > 0 {
		w.link("deals", deal.id, "contacts", a.people[0].id)
	}
	a.deals = append(a.deals, deal)
	return deal
}

func (w *World) moveDeal(deal *hsObject, at time.Time, stage string) {
	odds := map[string]string{"qualifiedtobuy": "0.4", "presentationscheduled": "0.6", "decisionmakerboughtin": "0.8", "contractsent": "0.9"}[stage]
	w.crm["deals"].set(deal, at, "dealstage", stage, "hs_deal_stage_probability", odds, "hs_v2_date_entered_"+stage, hsTime(at))
	if stage == "contractsent" {
		w.quoteDeal(deal, at)
	}
}

func (w *World) closeDeal(deal *hsObject, at time.Time, won bool, reason string) {
	stage, odds := "closedlost", "0.0"
	if won {
		stage, odds = "closedwon", "1.0"
	}
	if reason != "" {
		deal.props["closed_lost_reason"] = reason
	}
	w.crm["deals"].set(deal, at, "dealstage", stage, "hs_is_closed", "true", "hs_is_closed_won", strconv.FormatBool(won), "closedate", hsTime(at),
		"hs_deal_stage_probability", odds, "hs_v2_date_entered_"+stage, hsTime(at))
	if won {
		w.signQuotes(deal, at)
	}
}

func (w *World) openHSTicket(a *account, at time.Time, subject string, d dice) *hsObject {
	at = clampTime(at, w.now)
	t := w.crm["tickets"]
	o := t.add(at, map[string]string{
		"subject": subject, "content": subject + ".", "hs_pipeline": "0", "hs_pipeline_stage": "1", "hs_ticket_priority": "MEDIUM",
		"hs_ticket_category": "GENERAL_INQUIRY", "hubspot_owner_id": a.company.props["hubspot_owner_id"],
	})
	w.link("tickets", o.id, "companies", a.company.id)
	if len(a.people) > 0 {
		w.link("tickets", o.id, "contacts", a.people[0].id)
	}
	if done := at.Add(time.Duration(d.between(1, 20)) * day); done.Before(w.now) {
		t.set(o, done, "hs_pipeline_stage", "4", "closed_date", hsTime(done))
	}
	return o
}
