package sandbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// pdKey is the key of a field of the company's own.
func pdKey(name string) string {
	h := canon.Hash([]byte("pipedrive field " + name))
	return h + h[:40-len(h)]
}

// pdID is the number under which the CRM has what the first one has under another.
func pdID(o *hsObject) int64 { return o.num % 1000000 }

// pdWrite enters the firms, people and deals of the first CRM, and what sales people logged.
func pdWrite(b *books) {
	for _, a := range b.world.accounts {
		org := pdID(a.company)
		b.enter(b.pdOrganization(a, org))
		for i, h := range a.people {
			if h.archived.IsZero() {
				b.enter(b.pdPerson(a, h, org))
			}
			if i < 2 {
				b.enter(b.pdActivity(a, i, org, pdID(h)))
			}
		}
		for _, h := range a.deals {
			if h.archived.IsZero() && !b.world.malformed["hubspot/deals/"+h.id] {
				b.enter(b.pdDeal(a, h, org))
			}
		}
	}
	if b.filling {
		b.pdDirt()
	}
}

// pdDirt is what every CRM holds: a person entered twice, and a deal that was deleted.
func (b *books) pdDirt() {
	persons, deals := b.list("persons"), b.list("deals")
	at := b.world.now.Add(-3 * day)
	first := persons.rows[0]
	persons.put("9001", at, doc{"id": int64(9001), "name": first.doc["name"], "owner_id": int64(11), "emails": []doc{}, "phones": []doc{}, "custom_fields": doc{}, "label_ids": []int{}})
	persons.merge(persons.byID["9001"], first, at.Add(time.Hour))
	deals.put("9001", at, laidOver(deals.rows[0].doc, doc{"id": int64(9001), "title": "Entered by mistake", "is_archived": false}))
	deals.remove(deals.byID["9001"], at.Add(time.Hour))
}

func (b *books) pdOrganization(a *account, id int64) entry {
	p := a.company.props
	facts := doc{
		"id": id, "name": a.name, "owner_id": int64(11 + a.n%4), "visible_to": 3, "employee_count": a.seats * 4, "industry": 1 + a.n%3,
		"address": doc{"value": a.place.city + ", " + a.place.country, "locality": a.place.city, "country": a.place.country},
	}
	if p["domain"] != "" {
		facts["website"] = "https://www." + p["domain"] + "/"
	}
	first := doc{"label_ids": []int{1 + a.n%2}, "custom_fields": doc{pdKey("Seats"): a.seats, pdKey("Plan"): 20 + a.n%3,
		pdKey("ARR"): doc{"value": json.Number(worth(a, a.seats)), "currency": strings.ToUpper(a.place.currency)}}}
	return entry{stream: "organizations", id: strconv.FormatInt(id, 10), created: a.born, updated: clampTime(a.company.updated, b.world.now), facts: facts, first: first}
}

func (b *books) pdPerson(a *account, h *hsObject, org int64) entry {
	p, id := h.props, pdID(h)
	emails := []doc{}
	if p["email"] != "" {
		emails = append(emails, doc{"value": p["email"], "primary": true, "label": "work"})
	}
	return entry{stream: "persons", id: strconv.FormatInt(id, 10), created: h.created, updated: clampTime(h.updated, b.world.now),
		facts: doc{"id": id, "name": strings.TrimSpace(p["firstname"] + " " + p["lastname"]), "first_name": p["firstname"], "last_name": p["lastname"],
			"owner_id": int64(11 + a.n%4), "org_id": org, "emails": emails, "visible_to": 3},
		first: doc{"phones": []doc{}, "label_ids": []int{}, "custom_fields": doc{pdKey("Persona"): []int{30, 31}}},
	}
}

func (b *books) pdDeal(a *account, h *hsObject, org int64) entry {
	p, id := h.props, pdID(h)
	status := map[string]string{"true true": "won", "true false": "lost"}[p["hs_is_closed"]+" "+p["hs_is_closed_won"]]
	facts := doc{
		"id": id, "title": p["dealname"], "owner_id": int64(11 + a.n%4), "org_id": org, "person_id": nil, "pipeline_id": int64(1), "stage_id": pdStage(p["dealstage"]),
		"value": zhAmount(p["amount"]), "currency": strings.ToUpper(a.place.currency), "status": status, "visible_to": 3, "is_archived": false,
		"expected_close_date": p["closedate"][:10], "lost_reason": nil, "stage_change_time": pdTime(h.updated), "origin": "ManuallyCreated",
	}
	if len(a.people) > 0 {
		facts["person_id"] = pdID(a.people[0])
	}
	at, _ := time.Parse(time.RFC3339, p["closedate"])
	switch status {
	case "":
		facts["status"] = "open"
	case "won":
		facts["won_time"], facts["close_time"] = pdTime(at), pdTime(at)
	case "lost":
		facts["lost_time"], facts["close_time"], facts["lost_reason"] = pdTime(at), pdTime(at), p["closed_lost_reason"]
	}
	// What was closed long ago is archived.
	if status != "" && b.world.opts.Now.Sub(at) > 200*day {
		facts["is_archived"], facts["archive_time"] = true, pdTime(at.Add(100*day))
	}
	return entry{stream: "deals", id: strconv.FormatInt(id, 10), created: h.created, updated: clampTime(h.updated, b.world.now), facts: facts,
		first: doc{"label_ids": []int{}, "custom_fields": doc{pdKey("Priority"): 1 + a.n%3}}}
}

func (b *books) pdActivity(a *account, i int, org, person int64) entry {
	at := clampTime(a.born.Add(time.Duration(3+11*i)*day), b.world.now)
	id := int64(a.n*10 + i + 1)
	d := doc{"id": id, "subject": []string{"First talk", "Demo"}[i], "type": []string{"call", "meeting"}[i], "owner_id": int64(11 + a.n%4), "org_id": org,
		"person_id": person, "due_date": at.Format(time.DateOnly), "due_time": at.Format("15:04"), "done": true, "marked_as_done_time": pdTime(at), "busy": false, "note": ""}
	return entry{stream: "activities", id: strconv.FormatInt(id, 10), created: at, updated: at, first: d}
}

// pdStir is what sales people do between two readings.
func pdStir(b *books, n int, d dice) {
	switch n % 7 {
	case 0:
		it := pick(d, b.living("organizations"))
		own := laidOver(as[doc](it.doc["custom_fields"]), doc{pdKey("Plan"): 20 + n%3})
		b.change(b.list("organizations"), it, doc{"custom_fields": own})
	case 1: // a person is deleted for good: no list tells
		if people := b.living("persons"); len(people) > 30 {
			b.list("persons").remove(pick(d, people), b.world.now)
		}
	case 2: // two persons become one
		people := b.living("persons")
		if x, y := pick(d, people), pick(d, people); x != y {
			b.list("persons").merge(x, y, b.world.now)
		}
	case 3:
		b.list("deals").remove(pick(d, b.living("deals")), b.world.now)
	case 4: // a deal is put away, or taken out again
		it := pick(d, b.living("deals"))
		b.change(b.list("deals"), it, doc{"visible_to": 7, "label_ids": []int{n % 2}})
	case 5: // a call is planned, and later done
		id := int64(500000 + n)
		org := pick(d, b.living("organizations"))
		b.list("activities").put(strconv.FormatInt(id, 10), b.world.now, doc{"id": id, "subject": fmt.Sprintf("Call %d", n), "type": "call", "owner_id": int64(11),
			"org_id": org.doc["id"], "person_id": nil, "due_date": b.world.now.Format(time.DateOnly), "due_time": "09:00", "done": n%2 == 0, "busy": false, "note": "",
			"marked_as_done_time": pdTime(b.world.now)})
	case 6:
		acts := b.living("activities")
		b.change(b.list("activities"), pick(d, acts), doc{"done": true, "marked_as_done_time": pdTime(b.world.now)})
	}
}

// pdStage is the number of a stage of the one pipeline.
func pdStage(word string) int64 {
	for i, s := range append(dealStages(), "closedwon", "closedlost") {
		if s == word {
			return int64(i + 1)
		}
	}
	return 1
}

func pdStageList() []doc {
	out := []doc{}
	for i, name := range []string{"Qualified", "Contact made", "Demo scheduled", "Proposal made", "Negotiations", "Won", "Lost"} {
		out = append(out, doc{"id": i + 1, "order_nr": i + 1, "name": name, "is_deleted": false, "deal_probability": 100, "pipeline_id": 1, "is_deal_rot_enabled": false,
			"days_to_rotten": nil, "add_time": "2020-01-01T00:00:00Z", "update_time": "2020-01-01T00:00:00Z"})
	}
	return out
}

func pdPipelines() []doc {
	return []doc{{"id": 1, "name": "Sales", "order_nr": 0, "is_deleted": false, "is_deal_probability_enabled": true, "add_time": "2020-01-01T00:00:00Z", "update_time": "2020-01-01T00:00:00Z"}}
}

func pdUsers() []doc {
	out := []doc{}
	for i, name := range []string{"Robin Sales", "Kim Closer", "Sam Growth", "Alex Success"} {
		out = append(out, doc{"id": 11 + i, "name": name, "default_currency": "EUR", "locale": "en_US", "lang": 1, "email": strings.ToLower(strings.Fields(name)[0]) + "@sandbox.example",
			"phone": nil, "activated": true, "last_login": "2026-01-01 08:00:00", "created": "2020-01-01 08:00:00", "modified": "2026-01-01 08:00:00", "has_created_company": i == 0,
			"access": []doc{{"app": "sales", "admin": i == 0, "permission_set_id": "62cc4d7f-4038-4352-abf3-a8c1c822b631"}}, "active_flag": i != 3,
			"timezone_name": "Europe/Berlin", "timezone_offset": "+01:00", "role_id": 1, "icon_url": nil, "is_you": i == 0, "is_deleted": false})
	}
	return out
}

func pdMe() doc {
	return laidOver(pdUsers()[0], doc{"company_id": 77, "company_name": "Sandbox", "company_domain": "sandbox", "company_country": "DE", "company_industry": "Software",
		"language": doc{"language_code": "en", "country_code": "US"}})
}

// pdFields lists the fields of a type: some of the vendor's, and those of the company's own.
func pdFields(one string) []doc {
	all := []doc{pdField("id", "ID", "int", false), pdField("owner_id", "Owner", "user", false), pdField("label_ids", "Labels", "set", false, "1 Hot", "2 Customer")}
	switch one {
	case "organization":
		all = append(all, pdField("name", "Name", "varchar", false), pdField("industry", "Industry", "enum", false, "1 Software", "2 Retail", "3 Logistics"),
			pdField(pdKey("Seats"), "Seats", "double", true), pdField(pdKey("Plan"), "Plan", "enum", true, "20 Starter", "21 Team", "22 Business"), pdField(pdKey("ARR"), "ARR", "monetary", true))
	case "person":
		all = append(all, pdField("name", "Name", "varchar", false), pdField(pdKey("Persona"), "Persona", "set", true, "30 Champion", "31 User"))
	case "deal":
		all = append(all, pdField("title", "Title", "varchar", false), pdField(pdKey("Priority"), "Priority", "enum", true, "1 Low", "2 Medium", "3 High"))
	}
	return all
}

func pdField(code, name, kind string, own bool, options ...string) doc {
	f := doc{"field_name": name, "field_code": code, "description": "", "field_type": kind, "options": nil, "subfields": nil, "is_custom_field": own, "is_optional_response_field": false}
	var all []doc
	for _, o := range options {
		n, label, _ := strings.Cut(o, " ")
		id, _ := strconv.Atoi(n)
		all = append(all, doc{"id": id, "label": label})
	}
	if all != nil {
		f["options"] = all
	}
	return f
}
