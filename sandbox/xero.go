package sandbox

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VendorXero names the accounting server of Xero.
const VendorXero = "xero"

// The credentials of the Xero server: an access token, and the organisation that it opens.
const (
	XeroToken  = "xero-sandbox-not-a-secret"
	XeroTenant = "7a4b0c2e-5d1f-4b3a-9c68-1f2e3d4c5b6a"
)

// The published limits of one organisation (developer.xero.com, OAuth 2.0 API limits).
const (
	xeroPerMinute = 60
	xeroPerDay    = 5000
)

// Xero returns an accounting server. It wants XeroToken, or a token of OAuth(VendorXero), as bearer token and
// XeroTenant in the header xero-tenant-id, and answers:
//
//	POST  /connect/token
//	GET   /api.xro/2.0/Contacts, /Invoices, /CreditNotes, each also with an id, and /Organisation
//	GET   /Connections
func (w *World) Xero() http.Handler {
	b := (&books{world: w, vendor: VendorXero, write: xeroWrite, stir: xeroStir, stamp: xeroStamp}).open("contacts", "invoices", "bills", "credit_notes")
	g := &gate{world: w, vendor: VendorXero, mux: http.NewServeMux(), limit: w.xeroLimit,
		allowed: func(r *http.Request) bool {
			return (bearer(r, XeroToken) || w.OAuth(VendorXero).Allows(r)) && (r.URL.Path == "/Connections" || r.Header.Get("xero-tenant-id") == XeroTenant)
		},
		denied: func(c *call) reply {
			if bearer(c.Request, XeroToken) || w.OAuth(VendorXero).Allows(c.Request) {
				return xeroProblem(http.StatusForbidden, "Forbidden", "AuthenticationUnsuccessful")
			}
			return xeroProblem(http.StatusUnauthorized, "Unauthorized", "TokenExpired: token expired")
		}}
	g.mux.Handle("POST /connect/token", w.OAuth(VendorXero))
	for _, k := range []xeroKind{{"contacts", "Contacts", "ContactID"}, {"invoices", "Invoices", "InvoiceID"}, {"credit_notes", "CreditNotes", "CreditNoteID"}} {
		b.route(g, "GET /api.xro/2.0/"+k.word, func(c *call) reply { return w.xeroMetered(b.xeroList(c, k)) })
		b.route(g, "GET /api.xro/2.0/"+k.word+"/{id}", func(c *call) reply {
			it := b.list(k.stream).byID[c.PathValue("id")]
			if it == nil {
				return reply{status: http.StatusNotFound, text: "The resource you're looking for cannot be found"}
			}
			return w.xeroMetered(w.xeroAnswer(c, k.word, []doc{it.doc}))
		})
	}
	b.route(g, "GET /api.xro/2.0/Organisation", func(c *call) reply {
		return w.xeroMetered(w.xeroAnswer(c, "Organisations", []doc{{"OrganisationID": XeroTenant, "Name": "Sandbox", "BaseCurrency": "EUR", "OrganisationStatus": "ACTIVE"}}))
	})
	b.route(g, "GET /Connections", func(*call) reply {
		return reply{status: http.StatusOK, body: []doc{{"id": b.bookUUID("connection"), "tenantId": XeroTenant, "tenantType": "ORGANISATION"}}}
	})
	b.route(g, "/", func(*call) reply {
		return reply{status: http.StatusNotFound, text: "The resource you're looking for cannot be found"}
	})
	return g
}

type xeroKind struct{ stream, word, id string }

func xeroProblem(status int, title, detail string) reply {
	return reply{status: status, body: doc{"Type": nil, "Title": title, "Status": status, "Detail": detail, "Instance": "sandbox", "Extensions": doc{}}}
}

func (w *World) xeroLimit(*call) (reply, bool) {
	if wait, ok := w.limits.take("xero/day", xeroPerDay, day); !ok {
		return xeroOver(wait, "day"), true
	}
	if wait, ok := w.limits.take("xero/minute", xeroPerMinute, time.Minute); !ok {
		return xeroOver(wait, "minute"), true
	}
	return reply{}, false
}

func xeroOver(wait time.Duration, which string) reply {
	return reply{status: http.StatusTooManyRequests, text: "429 TooManyRequests", header: map[string]string{
		"Retry-After": strconv.Itoa(int(wait/time.Second) + 1), "X-Rate-Limit-Problem": which,
	}}
}

// xeroMetered adds what is left of the allowances, which the vendor tells with every answer.
func (w *World) xeroMetered(a reply) reply {
	a.header = map[string]string{
		"X-DayLimit-Remaining":    strconv.Itoa(w.limits.left("xero/day", xeroPerDay)),
		"X-MinLimit-Remaining":    strconv.Itoa(w.limits.left("xero/minute", xeroPerMinute)),
		"X-AppMinLimit-Remaining": "9999",
	}
	return a
}

func (w *World) xeroAnswer(c *call, word string, rows []doc) reply {
	return reply{status: http.StatusOK, body: doc{
		"Id": c.trace(), "Status": "OK", "ProviderName": "Sandbox", "DateTimeUTC": "/Date(" + strconv.FormatInt(w.now.UnixMilli(), 10) + ")/", word: rows,
	}}
}

// xeroDate is a moment as the vendor writes it in JSON.
func xeroDate(t time.Time) string { return fmt.Sprintf("/Date(%d+0000)/", t.UnixMilli()) }

func xeroStamp(_ string, d doc, _, updated time.Time) { d["UpdatedDateUTC"] = xeroDate(updated) }

func xeroBad(message string) *reply {
	return &reply{status: http.StatusBadRequest, body: doc{"ErrorNumber": 16, "Type": "QueryParseException", "Message": message}}
}

// xeroList answers a page. Without one, all is told at once, without the lines.
func (b *books) xeroList(c *call, k xeroKind) reply {
	for name := range c.query {
		if !slices.Contains([]string{"page", "pageSize", "order", "where", "summaryOnly", "includeArchived", "IDs", "Statuses", "unitdp"}, name) {
			return *xeroBad("Unknown parameter " + name)
		}
	}
	keep, bad := xeroFilter(c, k)
	if bad != nil {
		return *bad
	}
	rows := b.list(k.stream).list(b.world.now)
	if k.stream == "invoices" { // bills of suppliers are in the same list
		rows = append(rows, b.list("bills").list(b.world.now)...)
	}
	rows = slices.DeleteFunc(rows, func(it *item) bool { return !keep(it) })
	if bad := xeroSort(rows, c.query.Get("order"), k); bad != nil {
		return *bad
	}
	page, size := 1, 100
	for name, n := range map[string]*int{"page": &page, "pageSize": &size} {
		if s := c.query.Get(name); s != "" {
			v, err := strconv.Atoi(s)
			if err != nil || v < 1 || name == "pageSize" && v > 1000 {
				return *xeroBad("Invalid value for " + name)
			}
			*n = v
		}
	}
	paged := c.query.Get("page") != ""
	total := len(rows)
	if paged {
		if c.repeat && page > 1 {
			page--
		}
		rows = rows[min((page-1)*size, total):min(page*size, total)]
	}
	out := []doc{}
	for _, it := range rows {
		d := it.doc
		if !paged || c.query.Get("summaryOnly") == "true" {
			d = maps.Clone(d)
			delete(d, "LineItems")
		}
		out = append(out, d)
	}
	a := b.world.xeroAnswer(c, k.word, out)
	if paged {
		as[doc](a.body)["pagination"] = doc{"page": page, "pageSize": size, "pageCount": (total + size - 1) / size, "itemCount": total}
	}
	return a
}

var xeroClause = regexp.MustCompile(`^\s*(\w+)\s*(==|!=)\s*"([^"]*)"\s*$`)

// xeroFilter reads the where clause, the header and the short filters.
func xeroFilter(c *call, k xeroKind) (func(*item) bool, *reply) {
	var all []func(*item) bool
	if s := c.Header.Get("If-Modified-Since"); s != "" {
		since, err := time.Parse(time.RFC3339, s)
		if err != nil {
			since, err = time.Parse("2006-01-02T15:04:05", s)
		}
		if err != nil {
			return nil, xeroBad("If-Modified-Since is not a date")
		}
		all = append(all, func(it *item) bool { return it.updated.After(since) })
	}
	if k.stream == "contacts" && c.query.Get("includeArchived") != "true" {
		all = append(all, func(it *item) bool { return it.doc["ContactStatus"] != "ARCHIVED" })
	}
	if s := c.query.Get("where"); s != "" {
		for _, clause := range strings.Split(strings.ReplaceAll(s, " AND ", "&&"), "&&") {
			m := xeroClause.FindStringSubmatch(clause)
			if m == nil {
				return nil, xeroBad("The where clause could not be read: " + clause)
			}
			all = append(all, func(it *item) bool { return (fmt.Sprint(it.doc[m[1]]) == m[3]) == (m[2] == "==") })
		}
	}
	for name, member := range map[string]string{"IDs": k.id, "Statuses": "Status"} {
		if s := c.query.Get(name); s != "" {
			wanted := strings.Split(s, ",")
			all = append(all, func(it *item) bool { return slices.Contains(wanted, as[string](it.doc[member])) })
		}
	}
	return func(it *item) bool {
		return !slices.ContainsFunc(all, func(f func(*item) bool) bool { return !f(it) })
	}, nil
}

func xeroSort(rows []*item, order string, k xeroKind) *reply {
	field, way, _ := strings.Cut(order, " ")
	var by func(x, y *item) int
	switch field {
	case "", "UpdatedDateUTC":
		by = func(x, y *item) int { return cmp.Or(x.updated.Compare(y.updated), cmp.Compare(x.seq, y.seq)) }
	case k.id:
		by = func(x, y *item) int { return cmp.Compare(x.id, y.id) }
	default:
		return xeroBad("No property " + field + " to order by")
	}
	switch strings.ToUpper(way) {
	case "", "ASC":
		slices.SortStableFunc(rows, by)
	case "DESC":
		slices.SortStableFunc(rows, func(x, y *item) int { return by(y, x) })
	default:
		return xeroBad("Unknown order " + way)
	}
	return nil
}
