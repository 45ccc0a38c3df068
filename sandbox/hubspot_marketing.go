package sandbox

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// newQuotes makes the table of quotes. Each belongs to a deal that came as far as a contract.
func newQuotes() *hsTable {
	return newHSTable(hsTable{name: "quotes", singular: "quote", stamp: "hs_lastmodifieddate", next: 31000001}, "hs_title hs_status hs_quote_amount",
		"hs_title string|hs_quote_number string|hs_status string|hs_quote_amount number|hs_currency string|hs_expiration_date datetime|hs_esign_date datetime|"+
			"hs_createdate datetime|hubspot_owner_id string")
}

// quoteDeal makes the quote of a deal. What it is like follows from the deal alone, so that no dice are used up.
func (w *World) quoteDeal(deal *hsObject, at time.Time) {
	status := []string{"APPROVAL_NOT_NEEDED", "APPROVED", "PENDING_APPROVAL", "DRAFT"}[deal.num%4]
	t := w.crm["quotes"]
	number := fmt.Sprintf("%s-%09d", at.UTC().Format("20060102"), t.next%1e9)
	q := t.add(at, map[string]string{
		"hs_title": deal.props["dealname"], "hs_quote_number": number, "hs_status": status, "hs_quote_amount": deal.props["amount"],
		"hs_currency": deal.props["deal_currency_code"], "hs_expiration_date": hsTime(at.Add(60 * day)), "hs_createdate": hsTime(at),
		"hubspot_owner_id": deal.props["hubspot_owner_id"],
	})
	w.link("quotes", q.id, "deals", deal.id)
	for _, kind := range []string{"companies", "contacts"} {
		for _, id := range deal.links[kind] {
			w.link("quotes", q.id, kind, id)
		}
	}
}

// signQuotes is what winning a deal does to its quotes.
func (w *World) signQuotes(deal *hsObject, at time.Time) {
	t := w.crm["quotes"]
	for _, id := range deal.links["quotes"] {
		q := t.byID[id]
		status := q.props["hs_status"]
		if status != "APPROVAL_NOT_NEEDED" {
			status = "APPROVED"
		}
		t.set(q, at, "hs_status", status, "hs_esign_date", hsTime(at))
	}
}

// told is what marketing told of a person at a moment.
type told struct {
	at   time.Time
	body doc
}

// newestFirst leaves out what is still to come.
func (w *World) newestFirst(all []told) []told {
	all = slices.DeleteFunc(all, func(x told) bool { return x.at.After(w.now) })
	slices.SortStableFunc(all, func(a, b told) int { return cmp.Compare(b.at.UnixMilli(), a.at.UnixMilli()) })
	return all
}

// emailEvents follows from the contacts: every third got one e-mail, and some did something with it.
func (w *World) emailEvents() []told {
	var all []told
	for _, p := range w.crm["contacts"].rows {
		if p.num%3 != 0 || p.props["email"] == "" {
			continue
		}
		at := p.created.Add(26 * time.Hour)
		for i, what := range [][]string{{"SENT", "DELIVERED", "OPEN", "CLICK"}, {"SENT", "DELIVERED", "OPEN"}, {"SENT", "BOUNCE"}, {"SENT", "DELIVERED", "STATUSCHANGE"}}[p.num/3%4] {
			at := at.Add(time.Duration(i*i*17) * time.Minute)
			body := doc{
				"id": fmt.Sprintf("%08x-0e17-4000-8000-%012x", p.num, i), "created": at.UnixMilli(), "type": what, "recipient": p.props["email"],
				"emailCampaignId": 8214, "portalId": 62515, "appId": 113, "appName": "Batch",
			}
			switch what {
			case "SENT":
				body["subject"] = "Welcome"
			case "CLICK":
				body["url"] = "https://www.sandbox.example/welcome"
			case "STATUSCHANGE":
				body["source"], body["portalSubscriptionStatus"] = "SOURCE_RECIPIENT", "UNSUBSCRIBED"
			}
			all = append(all, told{at, body})
		}
	}
	return w.newestFirst(all)
}

// hubspotEmailEvents answers newest first. Positions are counted from the oldest, so that what happens meanwhile
// moves nothing.
func (w *World) hubspotEmailEvents(c *call) reply {
	limit, ok := c.whole("limit", 10)
	since, okSince := c.whole("startTimestamp", 0)
	until, okUntil := c.whole("endTimestamp", w.now.UnixMilli())
	all := w.emailEvents()
	left, okOffset := c.whole("offset", int64(len(all)))
	if !ok || !okSince || !okUntil || !okOffset || limit < 1 || limit > 1000 || left > int64(len(all)) {
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "limit, offset, startTimestamp or endTimestamp is not valid")
	}
	events := []doc{}
	for left > 0 && int64(len(events)) < limit {
		e := all[int64(len(all))-left]
		left--
		if ms := e.at.UnixMilli(); ms >= since && ms <= until {
			events = append(events, e.body)
		}
	}
	if c.repeat {
		return reply{status: http.StatusOK, body: doc{"hasMore": true, "offset": c.query.Get("offset"), "events": events}}
	}
	return reply{status: http.StatusOK, body: doc{"hasMore": left > 0, "offset": strconv.FormatInt(left, 10), "events": events}}
}

// whole reads a parameter that is a whole number of at least 0.
func (c *call) whole(name string, absent int64) (int64, bool) {
	s := c.query.Get(name)
	if s == "" {
		return absent, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0
}

// hubspotForms are the forms of the account, by id.
func hubspotForms() []doc {
	var all []doc
	for i, name := range []string{"Ask for a demo", "Newsletter", "Webinar"} {
		all = append(all, doc{
			"id": fmt.Sprintf("f0%06d-0e17-4000-8000-00000000000%d", i, i), "name": name, "formType": "hubspot", "archived": false,
			"createdAt": "2024-01-15T09:00:00.000Z", "updatedAt": "2024-01-15T09:00:00.000Z",
		})
	}
	return all
}

func (w *World) hubspotForms(c *call) reply {
	from, ok := c.whole("after", 0)
	limit, okLimit := c.whole("limit", 20)
	all := hubspotForms()
	if !ok || !okLimit || limit < 1 || limit > 500 || from > int64(len(all)) {
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "limit or after is not valid")
	}
	return hubspotPage(c, all, from, limit)
}

// hubspotPage answers some of a list, by position.
func hubspotPage(c *call, all []doc, from, limit int64) reply {
	end := min(from+limit, int64(len(all)))
	body := doc{"results": append([]doc{}, all[from:end]...)}
	if c.repeat && from > 0 {
		end = from
	}
	if end < int64(len(all)) {
		body["paging"] = doc{"next": doc{"after": strconv.FormatInt(end, 10)}}
	}
	return reply{status: http.StatusOK, body: body}
}

// submissions follows from the contacts: every fifth filled a form in.
func (w *World) submissions() []told {
	var all []told
	forms := hubspotForms()
	for _, p := range w.crm["contacts"].rows {
		if p.num%5 != 0 || p.props["email"] == "" {
			continue
		}
		at, form := p.created.Add(3*time.Minute), forms[p.num/5%int64(len(forms))]
		all = append(all, told{at, doc{
			"conversionId": fmt.Sprintf("%08x-0e17-4000-8000-00000000f0f0", p.num), "submittedAt": at.UnixMilli(), "form": form["id"],
			"values": []doc{
				{"name": "email", "value": p.props["email"], "objectTypeId": "0-1"},
				{"name": "firstname", "value": p.props["firstname"], "objectTypeId": "0-1"},
			},
			"pageUrl": "https://www.sandbox.example/forms",
		}})
	}
	return w.newestFirst(all)
}

func (w *World) hubspotSubmissions(c *call) reply {
	id := c.PathValue("id")
	if !slices.ContainsFunc(hubspotForms(), func(f doc) bool { return f["id"] == id }) {
		return hubspotError(c, http.StatusNotFound, "OBJECT_NOT_FOUND", "No form found with id "+id)
	}
	var all []doc
	for _, s := range w.submissions() {
		if s.body["form"] == id {
			delete(s.body, "form")
			all = append(all, s.body)
		}
	}
	from, ok := c.whole("after", 0)
	limit, okLimit := c.whole("limit", 20)
	if !ok || !okLimit || limit < 1 || limit > 50 || from > int64(len(all)) {
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "limit or after is not valid")
	}
	return hubspotPage(c, all, from, limit)
}
