package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// hubspotLate is the longest that the search index hides a change here. HubSpot names no bound.
const hubspotLate = 50 * time.Minute

func (h *Hostile) hubspotActs() []func(dice) string {
	return []func(dice) string{h.hsEdit, h.hsEdit, h.hsEdit, h.hsCreate, h.hsBulk, h.hsMerge, h.hsMergeNew, h.hsArchive, h.hsArchive, h.hsRestore, h.hsPurge, h.hsRelink}
}

// hsPick finds a live object of a type, nil where there is none.
func (h *Hostile) hsPick(d dice, t *hsTable) *hsObject {
	for range 20 {
		if len(t.rows) == 0 {
			return nil
		}
		if o := pick(d, t.rows); o.archived.IsZero() && !h.world.malformed["hubspot/"+t.name+"/"+o.id] {
			return o
		}
	}
	return nil
}

func (h *Hostile) hsTable(d dice) *hsTable {
	return h.world.crm[pick(d, []string{"companies", "contacts", "contacts", "deals", "tickets"})]
}

// hsHide lets the search index lag behind what comes next.
func (h *Hostile) hsHide(o *hsObject, fresh bool) {
	if late := h.late(hubspotLate); late > 0 {
		o.hide(h.world.now, h.world.now.Add(late), fresh)
	}
}

func (h *Hostile) hsEdit(d dice) string {
	t := h.hsTable(d)
	o := h.hsPick(d, t)
	if o == nil {
		return ""
	}
	h.hsHide(o, false)
	name := map[string]string{"companies": "city", "contacts": "jobtitle", "deals": "dealname", "tickets": "content"}[t.name]
	t.set(o, h.world.now, name, fmt.Sprintf("edited %d", d.IntN(1e9)))
	h.hsTell(t, o, "propertyChange", nil)
	return fmt.Sprintf("%s %s was edited.", t.singular, o.id)
}

func (h *Hostile) hsCreate(d dice) string {
	w, t := h.world, h.hsTable(d)
	n := d.IntN(1e9)
	o := t.add(w.now, map[string]map[string]string{
		"companies": {"name": fmt.Sprintf("New firm %d", n), "domain": fmt.Sprintf("new-%d.example", n)},
		"contacts":  {"email": fmt.Sprintf("new.%d@example.com", n), "firstname": "New"},
		"deals":     {"dealname": fmt.Sprintf("New deal %d", n), "dealstage": dealStages()[0], "amount": "10.00", "hs_is_closed": "false"},
		"tickets":   {"subject": fmt.Sprintf("New ticket %d", n), "hs_pipeline_stage": "1"},
	}[t.name])
	h.hsHide(o, true)
	if firm := h.hsPick(d, w.crm["companies"]); firm != nil && t.name != "companies" {
		w.link(t.name, o.id, "companies", firm.id)
	}
	h.hsTell(t, o, "creation", nil)
	return fmt.Sprintf("%s %s was created.", t.singular, o.id)
}

// hsBulk changes many objects at one and the same moment.
func (h *Hostile) hsBulk(d dice) string {
	t := h.hsTable(d)
	n := 0
	for _, o := range t.rows {
		if o.archived.IsZero() && d.chance(0.5) {
			h.hsHide(o, false)
			t.set(o, h.world.now, "hubspot_owner_id", fmt.Sprint(d.between(5001, 5009)))
			n++
		}
	}
	return fmt.Sprintf("%d objects of %s were updated at once.", n, t.name)
}

// BulkCreate adds so many contacts, all of one moment.
func (h *Hostile) BulkCreate(n int, at time.Time) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	for i := range n {
		h.world.crm["contacts"].add(at, map[string]string{"email": fmt.Sprintf("bulk.%d@example.com", i), "firstname": "Bulk"})
	}
}

// hsMerge makes one object part of another, which keeps its id.
func (h *Hostile) hsMerge(d dice) string {
	t := h.world.crm[pick(d, []string{"companies", "contacts"})]
	winner, loser := h.hsPick(d, t), h.hsPick(d, t)
	if winner == nil || loser == nil || winner == loser {
		return ""
	}
	h.hsHide(winner, false)
	h.hsAbsorb(t, winner, loser)
	return fmt.Sprintf("%s %s became part of %s.", t.singular, loser.id, winner.id)
}

// hsMergeNew makes two objects one with an id of its own, as HubSpot does today.
func (h *Hostile) hsMergeNew(d dice) string {
	t := h.world.crm[pick(d, []string{"companies", "contacts"})]
	a, b := h.hsPick(d, t), h.hsPick(d, t)
	if a == nil || b == nil || a == b {
		return ""
	}
	c := t.add(h.world.now, a.props)
	c.props["hs_object_id"], c.props["createdate"] = c.id, a.props["createdate"]
	t.touch(c, h.world.now)
	h.hsHide(c, true)
	h.hsAbsorb(t, c, a, b)
	return fmt.Sprintf("%s %s and %s became %s.", t.singular, a.id, b.id, c.id)
}

// hsAbsorb takes the losers out of every list, and moves what was linked to them.
func (h *Hostile) hsAbsorb(t *hsTable, winner *hsObject, losers ...*hsObject) {
	w := h.world
	ids := strings.Split(winner.props["hs_merged_object_ids"], ";")
	for _, loser := range losers {
		ids = append(ids, loser.id)
		ids = append(ids, strings.Split(loser.props["hs_merged_object_ids"], ";")...)
		for _, kind := range sortedKeys(loser.links) {
			for _, id := range loser.links[kind] {
				w.link(t.name, winner.id, kind, id)
			}
		}
		t.drop(loser)
		h.merged(t.name, loser.id, winner.id)
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" || id == winner.id })
	t.set(winner, w.now, "hs_merged_object_ids", strings.Join(ids, ";"))
	var gone []any
	for _, l := range losers {
		gone = append(gone, l.num)
	}
	primary := any(winner.num)
	if len(gone) > 1 {
		primary, gone = gone[0], gone[1:]
	}
	h.hsTell(t, winner, "merge", doc{"primaryObjectId": primary, "mergedObjectIds": gone, "newObjectId": winner.num})
}

// drop takes an object out of everything.
func (t *hsTable) drop(o *hsObject) {
	t.rows = slices.DeleteFunc(t.rows, func(x *hsObject) bool { return x == o })
	delete(t.byID, o.id)
}

// hsArchive archives an object, which leaves its modification time alone.
func (h *Hostile) hsArchive(d dice) string {
	t := h.hsTable(d)
	o := h.hsPick(d, t)
	if o == nil {
		return ""
	}
	o.archived = h.world.now
	if !o.archived.After(o.updated) {
		o.archived = o.updated.Add(time.Millisecond)
	}
	h.hsTell(t, o, "deletion", nil)
	return fmt.Sprintf("%s %s was archived.", t.singular, o.id)
}

func (h *Hostile) hsRestore(d dice) string {
	t := h.hsTable(d)
	for _, o := range t.rows {
		if !o.archived.IsZero() && h.world.now.Sub(o.archived) < 90*day && d.chance(0.3) {
			at := o.archived.Add(time.Millisecond)
			if h.world.now.After(at) {
				at = h.world.now
			}
			o.archived = time.Time{}
			h.hsHide(o, true)
			t.touch(o, at)
			h.hsTell(t, o, "restore", nil)
			return fmt.Sprintf("%s %s was restored.", t.singular, o.id)
		}
	}
	return ""
}

// hsPurge erases an object for privacy: no list tells of it.
func (h *Hostile) hsPurge(d dice) string {
	t := h.world.crm["contacts"]
	o := h.hsPick(d, t)
	if o == nil || !h.mayPurge() {
		return ""
	}
	t.drop(o)
	h.silent(t.name, o.id)
	// What became part of it is told by nobody any more.
	for id := range strings.SplitSeq(o.props["hs_merged_object_ids"], ";") {
		h.silent(t.name, id)
	}
	h.hsTell(t, o, "privacyDeletion", nil)
	return fmt.Sprintf("contact %s was erased for privacy.", o.id)
}

// hsRelink changes an association, which touches neither end.
func (h *Hostile) hsRelink(d dice) string {
	w := h.world
	person, firm := h.hsPick(d, w.crm["contacts"]), h.hsPick(d, w.crm["companies"])
	if person == nil || firm == nil {
		return ""
	}
	if i := slices.Index(person.links["companies"], firm.id); i >= 0 {
		person.links["companies"] = slices.Delete(person.links["companies"], i, i+1)
		firm.links["contacts"] = slices.DeleteFunc(firm.links["contacts"], func(id string) bool { return id == person.id })
	} else {
		w.link("contacts", person.id, "companies", firm.id)
	}
	h.hsTell(w.crm["contacts"], person, "associationChange", doc{"fromObjectId": person.num, "toObjectId": firm.num})
	return fmt.Sprintf("contact %s was associated differently.", person.id)
}

// hsTell notes what a webhook subscription would be told.
func (h *Hostile) hsTell(t *hsTable, o *hsObject, what string, more doc) {
	body := doc{
		"eventId": h.dice.Int64N(1e9), "subscriptionId": 1, "portalId": 62515, "appId": 1, "occurredAt": h.world.now.UnixMilli(),
		"subscriptionType": t.singular + "." + what, "attemptNumber": 0, "objectId": o.num, "changeSource": "CRM",
	}
	for k, v := range more {
		body[k] = v
	}
	h.notices = append(h.notices, notice{stream: t.name, id: o.id, body: body})
}
