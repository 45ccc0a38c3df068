package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The ids of the help desk's objects follow from those of the truth.
const (
	fdCompanies = 43_000_000_000
	fdContacts  = 43_100_000_000
	fdRatings   = 43_200_000_000
)

// fdWrite enters the accounts.
func fdWrite(b *books) {
	for _, a := range b.world.helped() {
		b.enter(b.fdCompany(a))
		for _, u := range a.users {
			b.enter(b.fdContact(a, u))
		}
		for _, r := range a.requests() {
			b.enter(fdTicket(a, r))
			if r.rating != "" {
				b.enter(fdRating(r))
			}
		}
	}
}

func (b *books) fdCompany(a *account) entry {
	id, born := fdCompanies+a.org.id, b.world.orgBorn(a)
	own := doc{"segment": "core"}
	if id, ok := a.org.doc["external_id"].(string); ok {
		own["hubspot_company_id"] = id
	}
	domains := as[[]string](a.org.doc["domain_names"])
	if domains == nil {
		domains = []string{}
	}
	return entry{stream: "companies", id: strconv.FormatInt(id, 10), created: born, updated: born,
		facts: doc{"id": id, "name": a.org.doc["name"], "account_tier": a.plan.name, "industry": a.industry},
		first: doc{"description": "", "note": "", "domains": domains, "health_score": "Happy", "custom_fields": own}}
}

func (b *books) fdContact(a *account, u *zdObject) entry {
	id, born := fdContacts+u.id, b.world.orgBorn(a)
	return entry{stream: "contacts", id: strconv.FormatInt(id, 10), created: born, updated: born,
		facts: doc{"id": id, "company_id": fdCompanies + a.org.id},
		first: fdPerson(as[string](u.doc["name"]), as[string](u.doc["email"]))}
}

func fdPerson(name, email string) doc {
	return doc{"active": true, "address": "", "description": "", "email": email, "job_title": "", "language": "en", "mobile": "", "name": name,
		"phone": "", "time_zone": "Berlin", "other_emails": []string{}, "tags": []string{}, "custom_fields": doc{"favourite": nil}}
}

func fdTicket(a *account, r request) entry {
	id := r.id - 1000
	status := map[string]int{"pending": 3, "hold": 3, "solved": 4, "closed": 5}[r.status]
	if status == 0 {
		status = 2
	}
	moment := func(t time.Time, known bool) any {
		if !known || t.IsZero() {
			return nil
		}
		return t.UTC().Format(time.RFC3339)
	}
	stats := doc{"agent_responded_at": moment(r.replied, true), "requester_responded_at": nil, "first_responded_at": moment(r.replied, true),
		"status_updated_at": moment(r.updated, true), "reopened_at": moment(r.updated, r.reopens > 0), "resolved_at": moment(r.solved, r.done()),
		"closed_at": moment(r.updated, r.status == "closed"), "pending_since": nil}
	return entry{stream: "tickets", id: strconv.FormatInt(id, 10), created: r.opened, updated: r.updated, facts: doc{
		"id": id, "subject": r.subject, "status": status, "priority": map[string]int{"low": 1, "normal": 2, "high": 3, "urgent": 4}[r.priority],
		"source": 1, "requester_id": fdContacts + r.user.id, "company_id": fdCompanies + a.org.id, "spam": false, "stats": stats,
		"due_by": r.opened.Add(3 * day).UTC().Format(time.RFC3339), "fr_due_by": r.opened.Add(day).UTC().Format(time.RFC3339),
	}, first: doc{"type": "Question", "cc_emails": []string{}, "fwd_emails": []string{}, "reply_cc_emails": []string{}, "fr_escalated": false,
		"is_escalated": r.priority == "urgent", "tags": []string{}, "custom_fields": doc{"cf_area": "product"}, "description_text": r.subject,
		"description": "<div>" + r.subject + "</div>"}}
}

// fdRating is the answer to the survey after a ticket, with the vendor's codes for the ends of its scale.
func fdRating(r request) entry {
	id := fdRatings + r.id
	return entry{stream: "ratings", id: strconv.FormatInt(id, 10), created: r.updated, updated: r.updated, first: doc{
		"id": id, "survey_id": 43_300_000_001, "user_id": fdContacts + r.user.id, "agent_id": 43_400_000_001, "ticket_id": r.id - 1000,
		"feedback": as[doc](r.doc["satisfaction_rating"])["comment"], "ratings": doc{"default_question": map[string]int{"good": 103, "bad": -103}[r.rating]},
	}}
}

// fdBulk is how many tickets a bulk update changes in one second: more than a page.
const fdBulk = 130

// fdStir is what the people at the help desk do between two readings.
func fdStir(b *books, n int, d dice) {
	switch n % 7 {
	case 0:
		b.change(b.list("contacts"), pick(d, b.living("contacts")), doc{"phone": fmt.Sprintf("+49 30 5553%04d", n), "job_title": pick(d, jobTitles())})
	case 1:
		b.change(b.list("companies"), pick(d, b.living("companies")), doc{"health_score": pick(d, []string{"At risk", "Doing okay", "Happy"}), "custom_fields": doc{"segment": "growth"}})
	case 2: // somebody writes for the first time
		id := int64(fdContacts + 90_000_000 + n)
		p := fdPerson("Visitor "+strconv.Itoa(n), fmt.Sprintf("visitor%d@example.com", n))
		p["id"] = id
		b.list("contacts").put(strconv.FormatInt(id, 10), b.world.now, p)
	case 3:
		for _, it := range b.living("contacts") {
			if strings.HasPrefix(as[string](it.doc["name"]), "Visitor") {
				b.list("contacts").remove(it, b.world.now)
				return
			}
		}
	case 4:
		b.list("tickets").remove(pick(d, b.living("tickets")), b.world.now)
	case 5: // a bulk update: one second for all
		all := b.living("tickets")
		for _, it := range all[:min(len(all), fdBulk)] {
			b.list("tickets").put(it.id, b.world.now, laidOver(it.doc, doc{"tags": []string{"reviewed-" + strconv.Itoa(n)}}))
		}
	case 6:
		b.list("companies").put("43999999999", b.world.now, doc{"id": int64(43_999_999_999), "name": "Passing Trade", "domains": []string{}, "custom_fields": doc{}})
		if n%2 == 0 {
			b.list("companies").remove(b.list("companies").byID["43999999999"], b.world.now)
		}
	}
}
