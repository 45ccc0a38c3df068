package sandbox

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VendorFreshdesk names the second help desk's server.
const VendorFreshdesk = "freshdesk"

const (
	// FreshdeskKey is the API key that the Freshdesk server asks for.
	FreshdeskKey = "fd_sandbox_not_a_secret"
	// fdPerMinute and fdListsPerMinute are the published limits of the plan Growth (developers.freshdesk.com,
	// Rate limit): of all requests, and of the lists of tickets and of contacts each.
	fdPerMinute, fdListsPerMinute = 200, 20
	// fdPages is the last page that a list gives.
	fdPages = 300
)

// Freshdesk returns a help desk's server, API v2. It wants FreshdeskKey as the user of basic authentication,
// and answers:
//
//	GET   /api/v2/tickets, /contacts, /companies, and each with an id
//	GET   /api/v2/surveys/satisfaction_ratings
//	GET   /api/v2/ticket_fields, /contact_fields, /company_fields
func (w *World) Freshdesk() http.Handler {
	b := (&books{world: w, vendor: VendorFreshdesk, write: fdWrite, stir: fdStir, stamp: fdStamp}).open("companies", "contacts", "tickets", "ratings")
	g := &gate{world: w, vendor: VendorFreshdesk, mux: http.NewServeMux(), limit: w.fdLimit,
		allowed: func(r *http.Request) bool {
			user, _, _ := r.BasicAuth()
			return user == FreshdeskKey
		},
		denied: func(*call) reply {
			return reply{status: http.StatusUnauthorized, body: doc{"code": "invalid_credentials", "message": "You have to be logged in to perform this action."}}
		}}
	route := func(path string, fn func(*call) reply) {
		b.route(g, "GET /api/v2/"+path, func(c *call) reply {
			a := fn(c)
			if a.header == nil {
				a.header = map[string]string{}
			}
			a.header["X-RateLimit-Total"], a.header["X-RateLimit-Used-CurrentRequest"] = strconv.Itoa(fdPerMinute), "1"
			a.header["X-RateLimit-Remaining"] = strconv.Itoa(w.limits.left(VendorFreshdesk, fdPerMinute))
			return a
		})
	}
	route("tickets", b.fdTickets)
	route("tickets/{id}", func(c *call) reply { return b.fdOne(c, "tickets") })
	route("contacts", b.fdContacts)
	route("contacts/{id}", func(c *call) reply { return b.fdOne(c, "contacts") })
	route("companies", func(c *call) reply {
		rows := live(b.list("companies").list(w.now))
		slices.SortFunc(rows, func(x, y *item) int {
			return cmp.Or(cmp.Compare(as[string](x.doc["name"]), as[string](y.doc["name"])), cmp.Compare(x.id, y.id))
		})
		return fdPage(c, rows, nil)
	})
	route("companies/{id}", func(c *call) reply { return b.fdOne(c, "companies") })
	route("surveys/satisfaction_ratings", func(c *call) reply {
		since, bad := fdSince(c, "created_since")
		if bad != nil {
			return *bad
		}
		rows := live(b.list("ratings").list(w.now))
		return fdPage(c, slices.DeleteFunc(rows, func(it *item) bool { return it.created.Before(since) }), nil)
	})
	for _, what := range []string{"ticket", "contact", "company"} {
		route(what+"_fields", func(*call) reply { return reply{status: http.StatusOK, body: fdFields(what)} })
	}
	b.route(g, "/", func(*call) reply { return reply{status: http.StatusNotFound, body: doc{}} })
	return g
}

func (w *World) fdLimit(c *call) (reply, bool) {
	wait, ok := w.limits.take(VendorFreshdesk, fdPerMinute, time.Minute)
	if path := c.URL.Path; ok && (path == "/api/v2/tickets" || path == "/api/v2/contacts") {
		wait, ok = w.limits.take(VendorFreshdesk+path, fdListsPerMinute, time.Minute)
	}
	if ok {
		return reply{}, false
	}
	return reply{status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": strconv.Itoa(int(wait/time.Second) + 1)},
		body: doc{"message": "You have exceeded the limit of requests per minute"}}, true
}

func fdInvalid(field, message string) *reply {
	return &reply{status: http.StatusBadRequest, body: doc{"description": "Validation failed",
		"errors": []doc{{"field": field, "message": message, "code": "invalid_value"}}}}
}

func fdStamp(_ string, d doc, created, updated time.Time) {
	d["created_at"], d["updated_at"] = created.UTC().Format(time.RFC3339), updated.UTC().Format(time.RFC3339)
}

func fdFields(what string) []doc {
	own := map[string]string{"ticket": "cf_area", "contact": "favourite", "company": "segment"}[what]
	return []doc{
		{"id": 1, "name": map[string]string{"ticket": "subject"}[what] + map[string]string{"contact": "name", "company": "name"}[what], "label": "Name", "type": "default_name",
			"default": true, "position": 1},
		{"id": 2, "name": own, "label": "Our " + own, "type": "custom_text", "default": false, "position": 2},
	}
}

// fdSince reads a moment; zero where the parameter is missing.
func fdSince(c *call, name string) (time.Time, *reply) {
	s := c.query.Get(name)
	if s == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return at, fdInvalid(name, "It should be in the 'combined date and time ISO8601' format")
	}
	return at, nil
}

// fdPage cuts a page out of a list by its number, and tells in Link whether another one follows.
func fdPage(c *call, rows []*item, shape func(*item) doc) reply {
	page, per := 1, 30
	for name, into := range map[string]*int{"page": &page, "per_page": &per} {
		most := map[string]int{"page": fdPages, "per_page": 100}[name]
		if s := c.query.Get(name); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 || n > most {
				return *fdInvalid(name, fmt.Sprintf("It should be a Positive Integer less than or equal to %d", most))
			}
			*into = n
		}
	}
	from := min((page-1)*per, len(rows))
	end := min(from+per, len(rows))
	shown := make([]doc, 0, end-from)
	for _, it := range rows[from:end] {
		d := it.doc
		if shape != nil {
			d = shape(it)
		}
		shown = append(shown, d)
	}
	a := reply{status: http.StatusOK, body: shown}
	if c.repeat && page > 1 {
		page--
		end = 0
	}
	if end < len(rows) {
		u := *c.URL
		q := c.query
		q.Set("page", strconv.Itoa(page+1))
		u.RawQuery = q.Encode()
		a.header = map[string]string{"Link": "<" + c.base() + u.RequestURI() + `>; rel="next"`}
	}
	return a
}

// fdTickets lists the tickets of the last 30 days, or those changed since. The order is by the time of
// creation, the newest first, unless the request says otherwise.
func (b *books) fdTickets(c *call) reply {
	since, bad := fdSince(c, "updated_since")
	if bad != nil {
		return *bad
	}
	deleted := c.query.Get("filter") == "deleted"
	rows := slices.DeleteFunc(b.list("tickets").list(b.world.now), func(it *item) bool {
		if it.gone.IsZero() == deleted {
			return true
		}
		if since.IsZero() {
			return it.created.Before(b.world.now.AddDate(0, 0, -30))
		}
		return it.updated.Before(since)
	})
	key := func(it *item) time.Time { return it.created }
	if c.query.Get("order_by") == "updated_at" {
		key = func(it *item) time.Time { return it.updated }
	}
	slices.SortStableFunc(rows, func(x, y *item) int {
		order := key(x).Compare(key(y))
		if c.query.Get("order_type") != "asc" {
			order = -order
		}
		return order
	})
	return fdPage(c, rows, func(it *item) doc { return fdTicketShape(it, c) })
}

// fdTicketShape leaves out what lists and requests without include do not tell.
func fdTicketShape(it *item, c *call) doc {
	d := maps.Clone(it.doc)
	if !strings.Contains(c.query.Get("include"), "stats") {
		delete(d, "stats")
	}
	if c.PathValue("id") == "" {
		delete(d, "description")
		delete(d, "description_text")
	}
	if !it.gone.IsZero() {
		d["deleted"] = true
	}
	return d
}

// fdContacts lists those that were not deleted, or with state=deleted the others. The order is by name.
func (b *books) fdContacts(c *call) reply {
	since, bad := fdSince(c, "_updated_since")
	if bad != nil {
		return *bad
	}
	deleted := c.query.Get("state") == "deleted"
	rows := slices.DeleteFunc(b.list("contacts").list(b.world.now), func(it *item) bool {
		return it.gone.IsZero() == deleted || it.updated.Before(since)
	})
	slices.SortFunc(rows, func(x, y *item) int {
		return cmp.Or(cmp.Compare(as[string](x.doc["name"]), as[string](y.doc["name"])), cmp.Compare(x.id, y.id))
	})
	return fdPage(c, rows, func(it *item) doc {
		d := maps.Clone(it.doc)
		d["deleted"] = deleted
		return d
	})
}

// fdOne answers with a single object. Deleted tickets and contacts are still there, and say so.
func (b *books) fdOne(c *call, stream string) reply {
	it := b.list(stream).byID[c.PathValue("id")]
	if it == nil || !it.gone.IsZero() && stream == "companies" {
		return reply{status: http.StatusNotFound, body: doc{}}
	}
	switch stream {
	case "tickets":
		return reply{status: http.StatusOK, body: fdTicketShape(it, c)}
	case "contacts":
		d := maps.Clone(it.doc)
		d["deleted"] = !it.gone.IsZero()
		return reply{status: http.StatusOK, body: d}
	}
	return reply{status: http.StatusOK, body: it.doc}
}
