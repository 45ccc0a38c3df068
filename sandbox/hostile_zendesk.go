package sandbox

import (
	"fmt"
	"maps"
	"strconv"
)

func (h *Hostile) zendeskActs() []func(dice) string {
	return []func(dice) string{h.zdEdit, h.zdEdit, h.zdOpen, h.zdBulk, h.zdDelete, h.zdDelete, h.zdRestore, h.zdScrub, h.zdMergeUsers, h.zdMeasure}
}

func (h *Hostile) zdTable(d dice) (*zdTable, string) {
	switch d.IntN(3) {
	case 0:
		return h.world.orgs, "organizations"
	case 1:
		return h.world.users, "users"
	}
	return h.world.tickets, "tickets"
}

// zdDead says that an object is deleted in whatever way.
func zdDead(o *zdObject) bool { return o.missing() || o.doc["active"] == false }

// zdPick finds an object that lives, or one that is dead. Agents are left alone, and what is malformed.
func (h *Hostile) zdPick(d dice, t *zdTable, dead bool) *zdObject {
	for range 30 {
		o := pick(d, t.rows)
		if o.doc["id"] != nil && o.doc["role"] != "agent" && zdDead(o) == dead {
			return o
		}
	}
	return nil
}

// zdSet changes members of an object. Its doc is another one afterwards, as others may still hold the old.
func (h *Hostile) zdSet(t *zdTable, o *zdObject, members doc) {
	o.doc = maps.Clone(o.doc)
	maps.Copy(o.doc, members)
	h.world.touchZD(t, o, h.world.now)
}

func (h *Hostile) zdEdit(d dice) string {
	t, stream := h.zdTable(d)
	o := h.zdPick(d, t, false)
	if o == nil {
		return ""
	}
	h.zdSet(t, o, doc{"tags": []string{fmt.Sprintf("edited_%d", d.IntN(1e9))}})
	h.zdTell(stream, o, "changed")
	return fmt.Sprintf("%d of %s was edited.", o.id, stream)
}

func (h *Hostile) zdOpen(d dice) string {
	u := h.zdPick(d, h.world.users, false)
	if u == nil {
		return ""
	}
	o := h.world.openTicket(u, h.world.now, pick(d, ticketSubjects()), "normal")
	h.zdTell("tickets", o, "created")
	return fmt.Sprintf("ticket %d was opened.", o.id)
}

// zdBulk changes many objects within one second.
func (h *Hostile) zdBulk(d dice) string {
	t, stream := h.zdTable(d)
	all := append([]*zdObject{}, t.rows...)
	n := 0
	for _, o := range all {
		if o.doc["id"] != nil && !zdDead(o) && d.chance(0.5) {
			h.zdSet(t, o, doc{"tags": []string{"bulk_" + strconv.Itoa(d.IntN(100))}})
			n++
		}
	}
	return fmt.Sprintf("%d of %s were updated at once.", n, stream)
}

func (h *Hostile) zdDelete(d dice) string {
	t, stream := h.zdTable(d)
	o := h.zdPick(d, t, false)
	if o == nil {
		return ""
	}
	switch stream {
	case "users":
		h.zdSet(t, o, doc{"active": false})
	case "tickets":
		h.zdSet(t, o, doc{"status": "deleted"})
	default:
		h.zdSet(t, o, doc{"deleted_at": zdTime(h.world.now)})
	}
	h.zdTell(stream, o, "deleted")
	return fmt.Sprintf("%d of %s was deleted.", o.id, stream)
}

// zdRestore brings a deleted ticket back. Users and organisations cannot be.
func (h *Hostile) zdRestore(d dice) string {
	o := h.zdPick(d, h.world.tickets, true)
	if o == nil || o.doc["subject"] == zdScrubbed {
		return ""
	}
	h.zdSet(h.world.tickets, o, doc{"status": "open"})
	h.zdTell("tickets", o, "undeleted")
	return fmt.Sprintf("ticket %d was restored.", o.id)
}

// zdScrubbed is what is left of the texts of a ticket that was deleted for good.
const zdScrubbed = "SCRUBBED"

// zdScrub deletes for good what was deleted: exports tell it once more, with nothing left in it.
func (h *Hostile) zdScrub(d dice) string {
	if o := h.zdPick(d, h.world.tickets, true); o != nil && d.chance(0.5) {
		h.zdSet(h.world.tickets, o, doc{"subject": zdScrubbed, "raw_subject": zdScrubbed, "description": zdScrubbed, "tags": []string{}, "requester_id": nil})
		return fmt.Sprintf("ticket %d was deleted for good.", o.id)
	}
	o := h.zdPick(d, h.world.users, true)
	if o == nil {
		return ""
	}
	h.zdSet(h.world.users, o, doc{"permanently_deleted": true, "name": "Permanently Deleted User", "email": nil, "phone": nil})
	return fmt.Sprintf("user %d was deleted for good.", o.id)
}

// zdMergeUsers makes one user part of another: its tickets move, and it is left as deleted.
func (h *Hostile) zdMergeUsers(d dice) string {
	w := h.world
	winner, loser := h.zdPick(d, w.users, false), h.zdPick(d, w.users, false)
	if winner == nil || loser == nil || winner == loser {
		return ""
	}
	for _, t := range append([]*zdObject{}, w.tickets.rows...) {
		if t.doc["requester_id"] == loser.id && !zdDead(t) {
			h.zdSet(w.tickets, t, doc{"requester_id": winner.id})
		}
	}
	h.zdSet(w.users, loser, doc{"active": false})
	h.zdSet(w.users, winner, doc{"details": fmt.Sprintf("was also %v", loser.doc["email"])})
	h.zdTell("users", loser, "deleted")
	h.zdTell("users", winner, "changed")
	return fmt.Sprintf("user %d became part of %d.", loser.id, winner.id)
}

// zdMeasure changes what the vendor itself keeps about a ticket: exports show the ticket again, with the old
// updated_at.
func (h *Hostile) zdMeasure(d dice) string {
	t := h.world.tickets
	o := h.zdPick(d, t, false)
	if o == nil || o.metric == nil {
		return ""
	}
	was := o.doc["updated_at"]
	o.metric = maps.Clone(o.metric)
	o.metric["group_stations"] = d.between(1, 1e6)
	h.zdSet(t, o, doc{})
	o.doc["updated_at"] = was
	return fmt.Sprintf("the metrics of ticket %d were computed anew.", o.id)
}

func (h *Hostile) zdTell(stream string, o *zdObject, what string) {
	single := map[string]string{"organizations": "organization", "users": "user", "tickets": "ticket"}[stream]
	if stream == "tickets" && what == "deleted" {
		what = "soft_deleted"
	}
	kind := fmt.Sprintf("zen:event-type:%s.%s", single, what)
	at := zdTime(h.world.now)
	h.notices = append(h.notices, notice{stream: stream, id: strconv.FormatInt(o.id, 10), body: doc{
		"type": kind, "id": fmt.Sprintf("evt-%d", h.dice.Int64N(1e15)), "account_id": 1, "time": at, "zendesk_event_version": "2022-11-06",
		"subject": fmt.Sprintf("zen:%s:%d", single, o.id), "detail": doc{"id": strconv.FormatInt(o.id, 10), "created_at": o.doc["created_at"], "updated_at": at}, "event": doc{},
	}})
}
