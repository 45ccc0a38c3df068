package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// zdObject is one help-desk object. seq is the place in the order of change that cursors walk along.
type zdObject struct {
	id      int64
	seq     int64
	updated time.Time
	doc     doc
	metric  doc
}

// zdTable keeps its rows in the order of their last change.
type zdTable struct {
	rows []*zdObject
	byID map[int64]*zdObject
	next int64
}

func newZDTable(first int64) *zdTable { return &zdTable{byID: map[int64]*zdObject{}, next: first} }

const zdHost = "https://sandbox.zendesk.example/api/v2/"

func zdTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (w *World) addZD(t *zdTable, stream string, at time.Time, d doc) *zdObject {
	o := &zdObject{id: t.next, doc: d}
	t.next++
	d["id"], d["created_at"] = o.id, zdTime(at)
	d["url"] = fmt.Sprintf("%s%s/%d.json", zdHost, stream, o.id)
	t.rows = append(t.rows, o)
	t.byID[o.id] = o
	w.touchZD(t, o, at)
	return o
}

// touchZD marks a change and moves the object to the end of the order of change.
func (w *World) touchZD(t *zdTable, o *zdObject, at time.Time) {
	at = at.UTC().Truncate(time.Second)
	if at.Before(o.updated) {
		at = o.updated
	}
	o.updated = at
	o.doc["updated_at"] = zdTime(at)
	w.zdSeq++
	o.seq = w.zdSeq
	i := len(t.rows) - 1
	for i >= 0 && t.rows[i] != o { // what changes is mostly recent
		i--
	}
	if i >= 0 && i < len(t.rows)-1 {
		t.rows = append(slices.Delete(t.rows, i, i+1), o)
	}
}

func (w *World) hireAgents() {
	for _, name := range []string{"Sandbox Agent", "Nadia Keller", "Omar Lindqvist"} {
		email := strings.ReplaceAll(strings.ToLower(name), " ", ".") + "@sandbox.example"
		if len(w.agents) == 0 {
			email = ZendeskEmail
		}
		u := w.addUser(w.begin, name, email, nil)
		u.doc["role"] = "agent"
		w.agents = append(w.agents, u.id)
	}
}

func (w *World) addOrg(name string, at time.Time, domains []string, externalID string) *zdObject {
	var ext any
	if externalID != "" {
		ext = externalID
	}
	return w.addZD(w.orgs, "organizations", at, doc{
		"name": name, "domain_names": domains, "external_id": ext, "details": nil, "notes": nil, "group_id": nil, "shared_tickets": false,
		"shared_comments": false, "tags": []string{}, "organization_fields": doc{},
	})
}

func (w *World) addUser(at time.Time, name, email string, org *zdObject) *zdObject {
	u := w.addZD(w.users, "users", at, doc{
		"name": name, "email": email, "role": "end-user", "active": true, "verified": true, "suspended": false, "time_zone": "Berlin", "locale": "en-US",
		"phone": nil, "organization_id": nil, "external_id": nil, "tags": []string{}, "user_fields": doc{}, "shared": false, "moderator": false,
		"restricted_agent": false, "ticket_restriction": nil, "details": "", "notes": "",
	})
	if org != nil {
		u.doc["organization_id"] = org.id
		w.join(u, org, at, true)
	}
	return u
}

// join makes a user a member of an organisation; a user may belong to several.
func (w *World) join(u, org *zdObject, at time.Time, first bool) {
	id := int64(len(w.memberships) + 70001)
	w.memberships = append(w.memberships, doc{
		"id": id, "url": fmt.Sprintf("%sorganization_memberships/%d.json", zdHost, id), "user_id": u.id, "organization_id": org.id, "default": first,
		"organization_name": org.doc["name"], "view_tickets": true, "created_at": zdTime(at), "updated_at": zdTime(at),
	})
}

func (w *World) openTicket(user *zdObject, at time.Time, subject, priority string) *zdObject {
	agent := w.agents[int(w.tickets.next)%len(w.agents)]
	t := w.addZD(w.tickets, "tickets", at, doc{
		"subject": subject, "raw_subject": subject, "description": subject + "\n\nThank you!", "type": "incident", "priority": priority, "status": "new",
		"requester_id": user.id, "submitter_id": user.id, "assignee_id": agent, "organization_id": user.doc["organization_id"], "group_id": 360001,
		"brand_id": 360002, "via": doc{"channel": "email", "source": doc{"rel": nil}}, "collaborator_ids": []any{}, "follower_ids": []any{}, "email_cc_ids": []any{},
		"has_incidents": false, "is_public": true, "due_at": nil, "tags": []string{}, "custom_fields": []any{}, "satisfaction_rating": doc{"score": "unoffered"},
		"sharing_agreement_ids": []any{}, "followup_ids": []any{}, "allow_channelback": false, "allow_attachments": true, "from_messaging_channel": false,
	})
	t.metric = doc{
		"id": t.id + 5_000_000, "ticket_id": t.id, "url": fmt.Sprintf("%sticket_metrics/%d.json", zdHost, t.id+5_000_000), "created_at": zdTime(at),
		"updated_at": zdTime(at), "reopens": 0, "replies": 0, "group_stations": 1, "assignee_stations": 1, "solved_at": nil, "initially_assigned_at": zdTime(at),
		"assigned_at": zdTime(at), "status_updated_at": zdTime(at), "latest_comment_added_at": zdTime(at), "requester_updated_at": zdTime(at), "assignee_updated_at": nil,
		"reply_time_in_minutes": minutes(-1), "first_resolution_time_in_minutes": minutes(-1), "full_resolution_time_in_minutes": minutes(-1),
	}
	return t
}

func minutes(n int) doc {
	if n < 0 {
		return doc{"calendar": nil, "business": nil}
	}
	return doc{"calendar": n, "business": n / 3}
}

func (o *zdObject) openedAt() time.Time {
	at, err := time.Parse(time.RFC3339, as[string](o.doc["created_at"]))
	if err != nil {
		return time.Time{}
	}
	return at
}

func (w *World) moveTicket(t *zdObject, at time.Time, status string) {
	t.doc["status"] = status
	t.metric["status_updated_at"], t.metric["updated_at"] = zdTime(at), zdTime(at)
	w.touchZD(w.tickets, t, at)
}

// reply adds an agent's public answer; the ticket then waits for the customer.
func (w *World) reply(t *zdObject, at time.Time) {
	n := as[int](t.metric["replies"]) + 1
	t.metric["replies"], t.metric["assignee_updated_at"], t.metric["latest_comment_added_at"] = n, zdTime(at), zdTime(at)
	if n == 1 {
		t.metric["reply_time_in_minutes"] = minutes(int(at.Sub(t.openedAt()).Minutes()))
	}
	w.moveTicket(t, at, "pending")
}

func (w *World) reopen(t *zdObject, at time.Time) {
	t.metric["reopens"] = as[int](t.metric["reopens"]) + 1
	t.metric["solved_at"], t.metric["full_resolution_time_in_minutes"] = nil, minutes(-1)
	t.metric["requester_updated_at"] = zdTime(at)
	t.doc["satisfaction_rating"] = doc{"score": "unoffered"}
	w.moveTicket(t, at, "open")
}

func (w *World) solve(t *zdObject, at time.Time) {
	took := minutes(int(at.Sub(t.openedAt()).Minutes()))
	t.metric["solved_at"], t.metric["full_resolution_time_in_minutes"] = zdTime(at), took
	if t.metric["reopens"] == 0 {
		t.metric["first_resolution_time_in_minutes"] = took
	}
	t.doc["satisfaction_rating"] = doc{"score": "offered"}
	w.moveTicket(t, at, "solved")
}

// rate records the customer's verdict on a solved ticket.
func (w *World) rate(t *zdObject, at time.Time, good bool) {
	score, comment := "bad", "Took too long"
	if good {
		score, comment = "good", "Quick and friendly"
	}
	t.doc["satisfaction_rating"] = doc{"id": t.id + 8_000_000, "score": score, "comment": comment, "reason": "No reason provided", "reason_id": 0}
	w.touchZD(w.tickets, t, at)
}
