package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// helped are the accounts with a help desk, second departments included.
func (w *World) helped() []*account {
	return slices.DeleteFunc(slices.Concat(w.accounts, w.branches), func(a *account) bool { return a.org == nil })
}

// request is what a ticket of an account comes to, in no vendor's words.
type request struct {
	*zdObject
	status, subject, priority string
	user                      *zdObject
	opened, replied, solved   time.Time
	replies, reopens          int
	rating                    string // "good", "bad" or ""
}

func (a *account) requests() []request {
	var out []request
	for _, t := range a.tickets {
		r := request{zdObject: t, status: as[string](t.doc["status"]), subject: as[string](t.doc["raw_subject"]), priority: as[string](t.doc["priority"]),
			opened: t.openedAt(), replies: as[int](t.metric["replies"]), reopens: as[int](t.metric["reopens"])}
		for _, u := range a.users {
			if u.doc["id"] == t.doc["requester_id"] {
				r.user = u
			}
		}
		if r.status == "deleted" || r.user == nil || r.opened.IsZero() {
			continue
		}
		if at, err := time.Parse(time.RFC3339, as[string](t.metric["solved_at"])); err == nil {
			r.solved = at
		}
		if n, ok := as[doc](t.metric["reply_time_in_minutes"])["calendar"].(int); ok {
			r.replied = r.opened.Add(time.Duration(n) * time.Minute)
		}
		if score := as[string](as[doc](t.doc["satisfaction_rating"])["score"]); score == "good" || score == "bad" {
			r.rating = score
		}
		out = append(out, r)
	}
	return out
}

// done tells whether a request is solved or closed.
func (r request) done() bool { return r.status == "solved" || r.status == "closed" }

// icWrite enters the accounts: every second request is a ticket, the others are conversations.
func icWrite(b *books) {
	for _, a := range b.world.helped() {
		company := b.bookID("company", strconv.FormatInt(a.org.id, 10))[:24]
		b.enter(b.icCompany(a, company))
		for _, u := range a.users {
			b.enter(b.icContact(a, u, company))
		}
		for _, r := range a.requests() {
			if r.id%2 == 0 {
				b.enter(b.icTicket(r))
			} else {
				b.enter(b.icConversation(a, r, company))
			}
		}
	}
}

func (b *books) icCompany(a *account, id string) entry {
	born := b.world.orgBorn(a)
	facts := doc{"type": "company", "id": id, "company_id": "acc-" + strconv.Itoa(a.n), "name": a.org.doc["name"], "app_id": "sandbox",
		"size": a.seats, "industry": a.industry, "plan": doc{"type": "plan", "id": a.plan.name, "name": a.plan.name}, "user_count": len(a.users)}
	if len(as[[]string](a.org.doc["domain_names"])) > 0 {
		facts["website"] = "https://www." + a.domain
	}
	own := doc{"segment": "core"}
	if id, ok := a.org.doc["external_id"].(string); ok {
		own["hubspot_company_id"] = id
	}
	return entry{stream: "companies", id: id, created: born, updated: born, facts: facts, first: doc{
		"custom_attributes": own, "monthly_spend": 0, "session_count": 3, "tags": doc{"type": "tag.list", "tags": []doc{}},
		"segments": doc{"type": "segment.list", "segments": []doc{}}}}
}

// orgBorn is when the help desk learnt of the account.
func (w *World) orgBorn(a *account) time.Time {
	at, err := time.Parse(time.RFC3339, as[string](a.org.doc["created_at"]))
	if err != nil {
		return w.begin
	}
	return at
}

func (b *books) icPersonID(u *zdObject) string {
	return b.bookID("contact", strconv.FormatInt(u.id, 10))[:24]
}

// icPart is a list of what belongs to a contact.
func icPart(id, what string, rows []doc) doc {
	return doc{"type": "list", "data": rows, "url": "/contacts/" + id + "/" + what, "total_count": len(rows), "has_more": false}
}

func (b *books) icContact(a *account, u *zdObject, company string) entry {
	id, born := b.icPersonID(u), b.world.orgBorn(a)
	e := icPerson(id, as[string](u.doc["name"]), as[string](u.doc["email"]), "user")
	e["companies"] = icPart(id, "companies", []doc{{"id": company, "type": "company", "url": "/companies/" + company}})
	e["external_id"] = strconv.FormatInt(u.id, 10)
	e["location"] = doc{"type": "location", "country": a.place.country, "region": nil, "city": a.place.city}
	return entry{stream: "contacts", id: id, created: born, updated: born, facts: doc{"id": id}, first: e}
}

func icPerson(id, name, email, role string) doc {
	d := doc{"type": "contact", "id": id, "external_id": nil, "workspace_id": "sandbox", "role": role, "email": email, "phone": nil, "name": name,
		"owner_id": nil, "has_hard_bounced": false, "marked_email_as_spam": false, "unsubscribed_from_emails": false, "signed_up_at": nil,
		"last_seen_at": nil, "last_replied_at": nil, "custom_attributes": doc{}, "avatar": nil, "tags": icPart(id, "tags", []doc{}),
		"notes": icPart(id, "notes", []doc{}), "companies": icPart(id, "companies", []doc{}), "social_profiles": doc{"type": "list", "data": []doc{}},
		"location": doc{"type": "location", "country": nil, "region": nil, "city": nil}}
	if _, domain, ok := strings.Cut(email, "@"); ok {
		d["email_domain"] = domain
	}
	return d
}

func (b *books) icReference(u *zdObject) doc {
	return doc{"type": "contact.list", "contacts": []doc{{"type": "contact", "id": b.icPersonID(u), "external_id": strconv.FormatInt(u.id, 10)}}}
}

func (b *books) icConversation(a *account, r request, company string) entry {
	id := strconv.FormatInt(200_000+r.id, 10)
	state := map[string]string{"pending": "snoozed", "hold": "snoozed", "solved": "closed", "closed": "closed"}[r.status]
	if state == "" {
		state = "open"
	}
	statistics := doc{"type": "conversation_statistics", "count_reopens": r.reopens, "count_assignments": 1, "count_conversation_parts": 1 + r.replies}
	if !r.replied.IsZero() {
		statistics["first_admin_reply_at"], statistics["time_to_admin_reply"] = r.replied.Unix(), int(r.replied.Sub(r.opened)/time.Second)
	}
	if r.done() && !r.solved.IsZero() {
		statistics["last_close_at"] = r.solved.Unix()
	}
	person := b.icPersonID(r.user)
	facts := doc{
		"type": "conversation", "id": id, "title": r.subject, "open": state == "open", "state": state, "read": true,
		"priority": map[string]string{"low": "low", "normal": "medium", "high": "high", "urgent": "urgent"}[r.priority],
		"contacts": b.icReference(r.user), "company": doc{"type": "company", "id": company, "name": a.org.doc["name"]}, "statistics": statistics,
		"conversation_rating": nil, "waiting_since": nil, "snoozed_until": nil, "first_contact_reply": nil,
		"source": doc{"type": "email", "id": id + "1", "delivered_as": "customer_initiated", "subject": r.subject, "body": "<p>" + r.subject + "</p>", "url": nil,
			"redacted": false, "attachments": []doc{}, "author": doc{"type": "user", "id": person, "name": r.user.doc["name"], "email": r.user.doc["email"]}},
		"linked_objects": doc{"type": "list", "total_count": 0, "has_more": false, "data": []doc{}}, "ai_agent_participated": false,
		"teammates": doc{"type": "admin.list", "teammates": []doc{{"type": "admin", "id": "991267"}}}, "admin_assignee_id": 991267,
	}
	if r.rating != "" {
		facts["conversation_rating"] = doc{"rating": map[string]int{"good": 5, "bad": 1}[r.rating], "remark": as[doc](r.doc["satisfaction_rating"])["comment"],
			"created_at": r.updated.Unix(), "updated_at": r.updated.Unix(), "contact": doc{"type": "contact", "id": person, "external_id": nil},
			"teammate": doc{"type": "admin", "id": "991267"}}
	}
	return entry{stream: "conversations", id: id, created: r.opened, updated: r.updated, facts: facts,
		first: doc{"custom_attributes": doc{}, "tags": doc{"type": "tag.list", "tags": []doc{}}}}
}

func (b *books) icTicket(r request) entry {
	id := strconv.FormatInt(500_000+r.id, 10)
	state := map[string]string{"new": "submitted", "pending": "waiting_on_customer", "hold": "waiting_on_customer", "solved": "resolved", "closed": "resolved"}[r.status]
	if state == "" {
		state = "in_progress"
	}
	parts := []doc{}
	if r.done() && !r.solved.IsZero() {
		parts = append(parts, doc{"type": "ticket_part", "id": id + "2", "part_type": "ticket_state_updated_by_admin", "previous_ticket_state": "in_progress",
			"ticket_state": "resolved", "created_at": r.solved.Unix(), "updated_at": r.solved.Unix()})
	}
	return entry{stream: "tickets", id: id, created: r.opened, updated: r.updated, facts: doc{
		"type": "ticket", "id": id, "ticket_id": strconv.FormatInt(r.id, 10), "category": "Customer", "open": state != "resolved", "is_shared": true,
		"ticket_state": doc{"type": "ticket_state", "id": "1", "category": state, "internal_label": state, "external_label": state},
		"ticket_type":  doc{"type": "ticket_type", "id": "7", "category": "Customer", "name": "Bug", "description": "", "workspace_id": "sandbox", "archived": false},
		"contacts":     b.icReference(r.user), "admin_assignee_id": 991267, "team_assignee_id": 0,
		"linked_objects": doc{"type": "list", "total_count": 0, "has_more": false, "data": []doc{}},
		"ticket_parts":   doc{"type": "ticket_part.list", "ticket_parts": parts, "total_count": len(parts)},
	}, first: doc{"ticket_attributes": doc{"_default_title_": r.subject, "_default_description_": r.subject + "\n\nThank you!", "severity": r.priority}}}
}

// icStir is what the people at the messenger do between two readings.
func icStir(b *books, n int, d dice) {
	contacts := b.living("contacts")
	c := pick(d, contacts)
	switch n % 7 {
	case 0:
		b.change(b.list("contacts"), c, doc{"phone": fmt.Sprintf("+49 30 5552%04d", n), "custom_attributes": doc{"favourite": pick(d, []string{"dark mode", "exports"})}})
	case 1:
		companies := b.living("companies")
		b.change(b.list("companies"), pick(d, companies), doc{"monthly_spend": 10 * n, "custom_attributes": doc{"segment": "growth"}})
	case 2: // a lead writes, which searches show minutes later
		id := b.bookID("lead", strconv.Itoa(n))[:24]
		it := b.list("contacts").put(id, b.world.now, icPerson(id, "Lead "+strconv.Itoa(n), fmt.Sprintf("lead%d@example.com", n), "lead"))
		it.shown = b.world.now.Add(3 * time.Minute)
	case 3: // a lead turns out to be a user
		for _, other := range contacts {
			if other.doc["role"] == "lead" && c.doc["role"] == "user" && !other.shown.After(b.world.now) {
				b.list("contacts").merge(other, c, b.world.now)
				return
			}
		}
	case 4:
		if all := b.living("conversations"); len(all) > 1 {
			b.list("conversations").remove(pick(d, all), b.world.now)
		}
	case 5:
		if all := b.living("tickets"); len(all) > 1 {
			b.list("tickets").remove(pick(d, all), b.world.now)
		}
	case 6:
		b.list("contacts").remove(c, b.world.now)
	}
}
