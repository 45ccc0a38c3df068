package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// VendorIntercom names the messenger's server.
const VendorIntercom = "intercom"

const (
	// IntercomToken is the access token that the Intercom server asks for.
	IntercomToken = "dG9rOnNhbmRib3hfbm90X2Ffc2VjcmV0"
	// IntercomZone is the workspace's time zone, in which searches by a moment find whole days.
	IntercomZone = "America/Los_Angeles"
	// icVersion is the version of the API that the server speaks.
	icVersion = "2.16"
	// icPerSlice is the published limit of 1000 requests a minute, counted in slices of ten seconds
	// (developers.intercom.com, Rate limiting).
	icPerSlice = 166
	// icScrollLife is how long a scroll waits for its next page (the document, GET /companies/scroll).
	icScrollLife = time.Minute
	// icListed is how many companies /companies/list gives in all (the document, POST /companies/list).
	icListed = 10_000
)

// intercom is the server with its one scroll.
type intercom struct {
	*books
	zone *time.Location
	// scroll is the open scroll's parameter, at what it has given, until when it lives.
	scroll string
	at     int
	until  time.Time
	opened int
}

// Intercom returns a messenger's server, API 2.16. It wants IntercomToken as bearer token and the header
// Intercom-Version, and answers:
//
//	GET   /me, /data_attributes
//	GET   /contacts, /contacts/{id}, POST /contacts/search            (include_merge_history)
//	POST  /companies/list, GET /companies/scroll, /companies/{id}
//	GET   /conversations, /conversations/deleted, /conversations/{id}, POST /conversations/search
//	POST  /tickets/search, GET /tickets/{id}
func (w *World) Intercom() http.Handler {
	zone, err := time.LoadLocation(IntercomZone)
	if err != nil {
		zone = time.FixedZone(IntercomZone, -8*60*60)
	}
	ic := &intercom{zone: zone,
		books: (&books{world: w, vendor: VendorIntercom, write: icWrite, stir: icStir, stamp: icStamp}).open("companies", "contacts", "conversations", "tickets")}
	g := &gate{world: w, vendor: VendorIntercom, mux: http.NewServeMux(), limit: w.icLimit,
		allowed: func(r *http.Request) bool { return bearer(r, IntercomToken) },
		denied: func(c *call) reply {
			return icError(c, http.StatusUnauthorized, "unauthorized", "Access Token Invalid")
		},
	}
	route := func(pattern string, fn func(*call) reply) {
		ic.route(g, pattern, func(c *call) reply {
			if v := c.Header.Get("Intercom-Version"); v != icVersion {
				return icError(c, http.StatusBadRequest, "intercom_version_invalid", "The requested version could not be found: "+v)
			}
			a := fn(c)
			if a.header == nil {
				a.header = map[string]string{}
			}
			a.header["X-RateLimit-Limit"] = strconv.Itoa(icPerSlice)
			a.header["X-RateLimit-Remaining"] = strconv.Itoa(w.limits.left(VendorIntercom, icPerSlice))
			return a
		})
	}
	route("GET /me", func(*call) reply {
		return reply{status: http.StatusOK, body: doc{"type": "admin", "id": "991267", "name": "Sandbox Agent", "email": ZendeskEmail, "has_inbox_seat": true,
			"app": doc{"type": "app", "id_code": "sandbox", "name": "Sandbox", "region": "US", "timezone": IntercomZone}}}
	})
	route("GET /data_attributes", icAttributes)
	route("GET /contacts", func(c *call) reply { return ic.walk(c, "contacts", "data") })
	route("POST /contacts/search", func(c *call) reply { return ic.search(c, "contacts", "data") })
	route("GET /contacts/{id}", ic.contact)
	route("POST /companies/list", ic.companies)
	route("GET /companies/scroll", ic.scrolled)
	route("GET /companies/{id}", func(c *call) reply { return ic.one(c, "companies", "company_not_found", "Company Not Found") })
	route("GET /conversations", func(c *call) reply { return ic.walk(c, "conversations", "conversations") })
	route("GET /conversations/deleted", ic.deletedConversations)
	route("POST /conversations/search", func(c *call) reply { return ic.search(c, "conversations", "conversations") })
	route("GET /conversations/{id}", func(c *call) reply { return ic.one(c, "conversations", "not_found", "Resource Not Found") })
	route("POST /tickets/search", func(c *call) reply { return ic.search(c, "tickets", "tickets") })
	route("GET /tickets/{id}", func(c *call) reply { return ic.one(c, "tickets", "not_found", "Resource Not Found") })
	ic.route(g, "/", func(c *call) reply {
		return icError(c, http.StatusNotFound, "not_found", "The requested resource was not found")
	})
	return g
}

func (w *World) icLimit(c *call) (reply, bool) {
	wait, ok := w.limits.take(VendorIntercom, icPerSlice, 10*time.Second)
	if ok {
		return reply{}, false
	}
	a := icError(c, http.StatusTooManyRequests, "rate_limit_exceeded", "The rate limit for the App has been exceeded")
	a.header = map[string]string{"X-RateLimit-Limit": strconv.Itoa(icPerSlice), "X-RateLimit-Remaining": "0",
		"X-RateLimit-Reset": strconv.FormatInt(time.Now().Add(wait).Unix()+1, 10)}
	return a, true
}

func icError(c *call, status int, code, message string) reply {
	return reply{status: status, body: doc{"type": "error.list", "request_id": c.trace(), "errors": []doc{{"code": code, "message": message}}}}
}

func icStamp(_ string, d doc, created, updated time.Time) {
	d["created_at"], d["updated_at"] = created.Unix(), updated.Unix()
}

func icAttributes(c *call) reply {
	model := c.query.Get("model")
	if model == "conversation" {
		return icError(c, http.StatusUnprocessableEntity, "parameter_invalid", "model=conversation is no longer supported. Use GET /conversations/attributes instead")
	}
	rows := []doc{}
	for _, name := range []string{"contact.name", "contact.email", "company.name", "contact.favourite", "company.segment", "company.hubspot_company_id"} {
		of, field := name[:7], name[8:]
		if model != "" && model != of {
			continue
		}
		custom := field != "name" && field != "email"
		row := doc{"type": "data_attribute", "model": of, "name": field, "full_name": field, "label": field, "data_type": "string", "custom": custom,
			"archived": false, "api_writable": true, "messenger_writable": false, "ui_writable": true}
		if custom {
			row["full_name"], row["id"] = "custom_attributes."+field, len(rows)+1
		}
		rows = append(rows, row)
	}
	return reply{status: http.StatusOK, body: doc{"type": "list", "data": rows}}
}

// one answers with a single object.
func (ic *intercom) one(c *call, stream, code, message string) reply {
	it := ic.list(stream).byID[c.PathValue("id")]
	if it == nil || !it.gone.IsZero() {
		return icError(c, http.StatusNotFound, code, message)
	}
	return reply{status: http.StatusOK, body: it.doc}
}

// contact answers 410 for a contact that was merged away, and says where it went.
func (ic *intercom) contact(c *call) reply {
	it := ic.list("contacts").byID[c.PathValue("id")]
	if it != nil && it.into != "" {
		a := icError(c, http.StatusGone, "contact_merged", "This contact has been merged. See the 'Link' header for the canonical contact.")
		a.header = map[string]string{"Link": "</contacts/" + it.into + `>; rel="canonical"`}
		return a
	}
	if it == nil || !it.gone.IsZero() {
		return icError(c, http.StatusNotFound, "not_found", "User Not Found")
	}
	return reply{status: http.StatusOK, body: ic.shape("contacts", it, c)}
}

// shape is an object as lists show it: contacts with those that they absorbed, where the request asks.
func (ic *intercom) shape(stream string, it *item, c *call) doc {
	if stream != "contacts" || c.query.Get("include_merge_history") != "true" || it.doc["role"] != "user" {
		return it.doc
	}
	history := []doc{}
	for _, other := range ic.list("contacts").rows {
		if other.into == it.id {
			history = append(history, doc{"type": "merge_history_item", "source_contact_id": other.id, "source_contact_role": other.doc["role"], "merged_at": other.gone.Unix()})
		}
	}
	d := maps.Clone(it.doc)
	d["merge_history"] = history
	return d
}

// walk answers GET lists: by id, behind starting_after.
func (ic *intercom) walk(c *call, stream, member string) reply {
	per, bad := icPer(c, c.query.Get("per_page"), 150)
	if bad != nil {
		return *bad
	}
	rows := byIDOrder(live(ic.list(stream).list(ic.world.now)))
	after := c.query.Get("starting_after")
	from := 0
	if after != "" {
		id, err := icReadCursor(after)
		at := slices.IndexFunc(rows, func(it *item) bool { return it.id == id })
		if err != nil {
			return icError(c, http.StatusBadRequest, "parameter_invalid", "starting_after is invalid")
		}
		if from = at + 1; at < 0 { // it is gone since: go on behind its place
			gone := ic.list(stream).byID[id]
			for gone != nil && from < len(rows) && byIDOrder([]*item{rows[from], gone})[0] == rows[from] {
				from++
			}
		}
	}
	end := min(from+per, len(rows))
	return ic.page(c, icPage{stream, member, rows[from:end], len(rows), per, end < len(rows), func(it *item) string { return it.id }, after})
}

// icPage is a page of a list with cursors.
type icPage struct {
	stream, member string
	rows           []*item
	total, per     int
	more           bool
	key            func(*item) string
	asked          string
}

func (ic *intercom) page(c *call, p icPage) reply {
	shown := make([]doc, 0, len(p.rows))
	for _, it := range p.rows {
		shown = append(shown, ic.shape(p.stream, it, c))
	}
	pages := doc{"type": "pages", "page": 1, "per_page": p.per, "total_pages": (p.total + p.per - 1) / p.per}
	switch {
	case c.repeat && p.asked != "":
		pages["next"] = doc{"per_page": p.per, "starting_after": p.asked}
	case p.more:
		pages["next"] = doc{"per_page": p.per, "starting_after": icCursor(p.key(p.rows[len(p.rows)-1]))}
	}
	kind := map[string]string{"contacts": "list", "conversations": "conversation.list", "tickets": "ticket.list"}[p.stream]
	return reply{status: http.StatusOK, body: doc{"type": kind, p.member: shown, "total_count": p.total, "pages": pages}}
}

func icPer(c *call, text string, most int) (int, *reply) {
	if text == "" {
		return 20, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		bad := icError(c, http.StatusBadRequest, "parameter_invalid", "per_page must be between 1 and "+strconv.Itoa(most))
		return 0, &bad
	}
	return n, nil
}

// companies answers pages by number, the most recently active first, and no more than icListed in all.
func (ic *intercom) companies(c *call) reply {
	per, bad := icPer(c, c.query.Get("per_page"), 60)
	if bad != nil {
		return *bad
	}
	n := max(1, icNumber(c.query.Get("page")))
	if (n-1)*per >= icListed {
		return icError(c, http.StatusBadRequest, "bad_request", "page limit reached, please use scroll API")
	}
	rows := byIDOrder(live(ic.list("companies").list(ic.world.now)))
	slices.SortStableFunc(rows, func(a, b *item) int { return b.created.Compare(a.created) })
	from := min((n-1)*per, len(rows))
	end := min(from+per, len(rows))
	shown := []doc{}
	for _, it := range rows[from:end] {
		shown = append(shown, it.doc)
	}
	return reply{status: http.StatusOK, body: doc{"type": "list", "data": shown, "total_count": len(rows),
		"pages": doc{"type": "pages", "page": n, "per_page": per, "total_pages": (len(rows) + per - 1) / per}}}
}

// scrolled answers the scroll: one at a time, which moves on with every request and dies when left alone.
func (ic *intercom) scrolled(c *call) reply {
	param := c.query.Get("scroll_param")
	now := time.Now()
	open := ic.scroll != "" && now.Before(ic.until)
	switch {
	case param == "" && open:
		return icError(c, http.StatusBadRequest, "scroll_exists", "scroll already exists for this workspace")
	case param == "":
		ic.opened++
		ic.scroll, ic.at = canon.Hash([]byte("scroll " + strconv.Itoa(ic.opened)))[:32], 0
	case !open || param != ic.scroll:
		return icError(c, http.StatusNotFound, "not_found", "scroll parameter not found")
	}
	ic.until = now.Add(icScrollLife)
	rows := byIDOrder(live(ic.list("companies").list(ic.world.now)))
	from := min(ic.at, len(rows))
	end := min(from+100, len(rows))
	shown := []doc{}
	for _, it := range rows[from:end] {
		shown = append(shown, it.doc)
	}
	ic.at = end
	body := doc{"type": "list", "data": shown, "total_count": nil, "scroll_param": ic.scroll}
	if len(shown) == 0 {
		ic.scroll = ""
	}
	return reply{status: http.StatusOK, body: body}
}

func (ic *intercom) deletedConversations(c *call) reply {
	per, bad := icPer(c, c.query.Get("per_page"), 60)
	if bad != nil {
		return *bad
	}
	n := max(1, icNumber(c.query.Get("page")))
	rows := slices.DeleteFunc(byIDOrder(slices.Clone(ic.list("conversations").rows)), func(it *item) bool { return it.gone.IsZero() })
	from := min((n-1)*per, len(rows))
	shown := []doc{}
	for _, it := range rows[from:min(from+per, len(rows))] {
		shown = append(shown, doc{"type": "conversation", "id": it.id, "metrics_retained": true, "deleted_at": it.gone.Unix()})
	}
	return reply{status: http.StatusOK, body: doc{"type": "conversation.list", "conversations": shown, "total_count": len(rows),
		"pages": doc{"type": "pages", "page": n, "per_page": per, "total_pages": (len(rows) + per - 1) / per, "next": nil}}}
}

func icNumber(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
