package sandbox

import (
	"fmt"
	"strings"
)

// atText and the others are values of an attribute.
func atText(v any) []doc { return []doc{{"attribute_type": "text", "value": v}} }

func atSelect(title string) []doc {
	return []doc{{"attribute_type": "select", "option": doc{"title": title, "is_archived": false}}}
}

func atRecord(object, id string) []doc {
	return []doc{{"attribute_type": "record-reference", "target_object": object, "target_record_id": id}}
}

func atPlace(city, country string) []doc {
	return []doc{{"attribute_type": "location", "line_1": nil, "locality": city, "country_code": country, "postcode": nil}}
}

// atWrite enters the firms, people and deals of the first CRM.
func atWrite(b *books) {
	for _, a := range b.world.accounts {
		company := b.bookUUID("company", a.company.id)
		b.enter(b.atCompany(a, company))
		for _, h := range a.people {
			if h.archived.IsZero() {
				b.enter(b.atPerson(a, h, company))
			}
		}
		for _, h := range a.deals {
			if h.archived.IsZero() && !b.world.malformed["hubspot/deals/"+h.id] {
				b.enter(b.atDeal(a, h, company))
			}
		}
	}
	if b.filling { // a whole import came in at one moment
		at := b.world.now.Add(-30 * day)
		for i := range 50 {
			id := b.bookUUID("import", fmt.Sprint(i))
			b.list("people").put(id, at, doc{"name": []doc{{"attribute_type": "personal-name", "first_name": "Visitor", "last_name": fmt.Sprint(i), "full_name": fmt.Sprint("Visitor ", i)}}})
		}
	}
}

func (b *books) atCompany(a *account, id string) entry {
	p := a.company.props
	facts := doc{"name": atText(a.name), "domains": []doc{}, "categories": atSelect(a.industry), "primary_location": atPlace(a.place.city, a.place.iso)}
	if p["domain"] != "" {
		facts["domains"] = []doc{{"attribute_type": "domain", "domain": p["domain"], "root_domain": p["domain"]}}
	}
	first := doc{"tier": atSelect([]string{"Gold", "Silver"}[a.n%2]), "seats": []doc{{"attribute_type": "number", "value": a.seats}},
		"arr":      []doc{{"attribute_type": "currency", "currency_value": zhAmount(worth(a, a.seats)), "currency_code": strings.ToUpper(a.place.currency)}},
		"products": append(atSelect("Core"), atSelect("Reports")...)}
	return entry{stream: "companies", id: id, created: a.born, updated: a.born, facts: facts, first: first}
}

func (b *books) atPerson(a *account, h *hsObject, company string) entry {
	p := h.props
	facts := doc{"name": []doc{{"attribute_type": "personal-name", "first_name": p["firstname"], "last_name": p["lastname"], "full_name": strings.TrimSpace(p["firstname"] + " " + p["lastname"])}},
		"job_title": atText(p["jobtitle"]), "company": atRecord("companies", company), "email_addresses": []doc{}, "primary_location": atPlace(a.place.city, a.place.iso)}
	if p["email"] != "" {
		facts["email_addresses"] = []doc{{"attribute_type": "email-address", "email_address": p["email"], "original_email_address": p["email"], "email_domain": a.domain}}
	}
	return entry{stream: "people", id: b.bookUUID("person", h.id), created: h.created, updated: h.created, facts: facts, first: doc{"vip": []doc{{"attribute_type": "checkbox", "value": a.n%5 == 0}}}}
}

// atStages pairs the stages of the two CRMs.
func atStages() map[string]string {
	return map[string]string{"appointmentscheduled": "Lead", "qualifiedtobuy": "Lead", "presentationscheduled": "In Progress", "decisionmakerboughtin": "In Progress",
		"contractsent": "In Progress", "closedwon": "Won 🎉", "closedlost": "Lost"}
}

func (b *books) atDeal(a *account, h *hsObject, company string) entry {
	p := h.props
	facts := doc{"name": atText(p["dealname"]), "associated_company": atRecord("companies", company), "associated_people": []doc{},
		"value": []doc{{"attribute_type": "currency", "currency_value": zhAmount(p["amount"]), "currency_code": strings.ToUpper(a.place.currency)}},
		"stage": []doc{{"attribute_type": "status", "active_from": atTime(h.updated), "status": doc{"title": atStages()[p["dealstage"]], "is_archived": false, "celebration_enabled": p["dealstage"] == "closedwon"}}},
		"owner": []doc{{"attribute_type": "actor-reference", "referenced_actor_type": "workspace-member", "referenced_actor_id": b.bookUUID("member", fmt.Sprint(a.n%4))}}}
	if len(a.people) > 0 {
		facts["associated_people"] = atRecord("people", b.bookUUID("person", a.people[0].id))
	}
	return entry{stream: "deals", id: b.bookUUID("deal", h.id), created: h.created, updated: h.updated, facts: facts, first: doc{"next_step": atText("Call")}}
}

// atStir is what the workspace's people do between two readings.
func atStir(b *books, n int, d dice) {
	switch n % 5 {
	case 0:
		b.change(b.list("companies"), pick(d, b.living("companies")), doc{"tier": atSelect(pick(d, []string{"Gold", "Silver", "Bronze"}))})
	case 1: // an attribute is emptied
		b.change(b.list("people"), pick(d, b.living("people")), doc{"job_title": []doc{}})
	case 2:
		b.list("people").remove(pick(d, b.living("people")), b.world.now)
	case 3:
		people := b.living("people")
		if x, y := pick(d, people), pick(d, people); x != y {
			b.list("people").merge(x, y, b.world.now)
		}
	case 4:
		id := b.bookUUID("visitor", fmt.Sprint(n))
		b.list("companies").put(id, b.world.now, doc{"name": atText(fmt.Sprint("New firm ", n)), "domains": []doc{}})
	}
}

// attributes lists an object's attributes: some of the vendor's, and those of the workspace's own.
func (s *atServer) attributes(object string) []doc {
	system := map[string]string{"companies": "name domains categories primary_location created_at", "people": "name email_addresses phone_numbers job_title company primary_location created_at",
		"deals": "name stage value owner associated_company associated_people created_at"}
	own := map[string]string{"companies": "tier seats arr products", "people": "vip", "deals": "next_step"}
	out := []doc{}
	for _, group := range []struct {
		names  string
		system bool
	}{{system[object], true}, {own[object], false}} {
		for _, slug := range strings.Fields(group.names) {
			out = append(out, doc{"id": doc{"workspace_id": s.bookUUID("workspace"), "object_id": s.bookUUID("object", object), "attribute_id": s.bookUUID("attribute", object, slug)},
				"title": strings.ReplaceAll(slug, "_", " "), "description": nil, "api_slug": slug, "type": "text", "is_system_attribute": group.system, "is_writable": true,
				"is_required": false, "is_unique": false, "is_multiselect": false, "is_default_value_enabled": false, "is_archived": false})
		}
	}
	return out
}
