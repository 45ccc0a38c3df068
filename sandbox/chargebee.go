package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VendorChargebee names the subscription billing server.
const VendorChargebee = "chargebee"

// ChargebeeKey is the API key that the Chargebee server asks for.
const ChargebeeKey = "test_sandbox_not_a_secret"

// cbPerMinute is the published limit of a test site (apidocs.chargebee.com, API rate limits).
const cbPerMinute = 150

// Chargebee returns a subscription billing server, API v2 with the product catalogue of items. It wants
// ChargebeeKey as the user of basic authentication, and answers:
//
//	GET   /api/v2/customers, /subscriptions, /invoices, /credit_notes, /quotes, and each with an id
func (w *World) Chargebee() http.Handler {
	b := (&books{world: w, vendor: VendorChargebee, write: cbWrite, stir: cbStir, stamp: cbStamp}).open(cbStreams()...)
	g := &gate{world: w, vendor: VendorChargebee, mux: http.NewServeMux(), limit: w.cbLimit,
		allowed: func(r *http.Request) bool {
			user, _, _ := r.BasicAuth()
			return user == ChargebeeKey
		},
		denied: func(*call) reply {
			return cbError(http.StatusUnauthorized, "untyped", "api_authentication_failed", "", "Sorry, authentication failed. Invalid api key.")
		}}
	for _, stream := range cbStreams() {
		one := strings.TrimSuffix(stream, "s")
		b.route(g, "GET /api/v2/"+stream, func(c *call) reply { return b.cbList(c, stream, one) })
		b.route(g, "GET /api/v2/"+stream+"/{id}", func(c *call) reply {
			it := b.list(stream).byID[c.PathValue("id")]
			if it == nil || !it.gone.IsZero() {
				return cbError(http.StatusNotFound, "invalid_request", "resource_not_found", "", c.PathValue("id")+" not found")
			}
			return reply{status: http.StatusOK, body: b.cbWrap(it, stream, one)}
		})
	}
	b.route(g, "/", func(c *call) reply {
		return cbError(http.StatusNotFound, "invalid_request", "resource_not_found", "", "Sorry, we couldn't find that resource: "+c.URL.Path)
	})
	return g
}

func cbStreams() []string {
	return []string{"customers", "subscriptions", "invoices", "credit_notes", "quotes"}
}

func (w *World) cbLimit(*call) (reply, bool) {
	wait, ok := w.limits.take(VendorChargebee, cbPerMinute, time.Minute)
	if ok {
		return reply{}, false
	}
	a := cbError(http.StatusTooManyRequests, "operation_failed", "api_request_limit_exceeded", "", "Sorry, your API request limit has been exceeded.")
	a.header = map[string]string{"Retry-After": strconv.Itoa(int(wait/time.Second) + 1)}
	return a, true
}

func cbError(status int, kind, code, param, message string) reply {
	e := doc{"message": message, "type": kind, "api_error_code": code, "error_code": code, "error_msg": message, "http_status_code": status}
	if param != "" {
		e["param"] = param
	}
	return reply{status: status, body: e}
}

// cbStamp writes the times: seconds, and the version in milliseconds.
func cbStamp(stream string, d doc, created, updated time.Time) {
	d["updated_at"], d["resource_version"] = updated.Unix(), updated.UnixMilli()
	if stream == "customers" || stream == "subscriptions" {
		d["created_at"] = created.Unix()
	}
}

// cbShape is the object as it is now; deleted ones say so.
func cbShape(it *item) doc {
	d := maps.Clone(it.doc)
	d["deleted"] = !it.gone.IsZero()
	return d
}

// cbWrap puts an object under its name, a subscription together with its customer.
func (b *books) cbWrap(it *item, stream, one string) doc {
	d := doc{one: cbShape(it)}
	if stream == "subscriptions" {
		if owner := b.list("customers").byID[as[string](it.doc["customer_id"])]; owner != nil {
			d["customer"] = cbShape(owner)
		}
	}
	return d
}

// cbSorts is what each list may be sorted by, its own order first.
func cbSorts(stream string) []string {
	switch stream {
	case "customers", "subscriptions":
		return []string{"created_at", "updated_at"}
	case "quotes":
		return []string{"date"}
	}
	return []string{"date", "updated_at"}
}

// cbList answers a page. Its offset names the last object by the order's key, so that changes between two
// pages hide nothing.
func (b *books) cbList(c *call, stream, one string) reply {
	keep, bad := cbFilter(c.query, stream)
	if bad != nil {
		return *bad
	}
	limit, key, rising := 10, cbSorts(stream)[0], false
	if s := c.query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 100 {
			return *cbBad("limit", "limit : should be between 1 and 100")
		}
		limit = n
	}
	for _, way := range []string{"asc", "desc"} {
		if s := c.query.Get("sort_by[" + way + "]"); s != "" {
			if !slices.Contains(cbSorts(stream), s) {
				return *cbBad("sort_by["+way+"]", "sort_by : "+s+" is not supported")
			}
			key, rising = s, way == "asc"
		}
	}
	rows := slices.DeleteFunc(b.list(stream).list(b.world.now), func(it *item) bool { return !keep(it) })
	slices.SortFunc(rows, func(x, y *item) int {
		order := cmp.Or(cmp.Compare(cbTime(x, key), cbTime(y, key)), cmp.Compare(x.id, y.id))
		if !rising {
			order = -order
		}
		return order
	})
	page, next, bad := cbCut(c, rows, cbOrder{key, rising, limit})
	if bad != nil {
		return *bad
	}
	list := []doc{}
	for _, it := range page {
		list = append(list, b.cbWrap(it, stream, one))
	}
	body := doc{"list": list}
	if next != "" {
		body["next_offset"] = next
	}
	return reply{status: http.StatusOK, body: body}
}

type cbOrder struct {
	key    string
	rising bool
	limit  int
}

func cbTime(it *item, key string) int64 { return as[int64](it.doc[key]) }

// cbCut takes the page behind the offset.
func cbCut(c *call, rows []*item, o cbOrder) (page []*item, next string, bad *reply) {
	if s := c.query.Get("offset"); s != "" && !c.repeat {
		var at [2]string
		if json.Unmarshal([]byte(s), &at) != nil {
			return nil, "", cbBad("offset", "offset : invalid value")
		}
		ms, err := strconv.ParseInt(at[0], 10, 64)
		if err != nil {
			return nil, "", cbBad("offset", "offset : invalid value")
		}
		n := slices.IndexFunc(rows, func(it *item) bool {
			order := cmp.Or(cmp.Compare(cbTime(it, o.key)*1000, ms), cmp.Compare(it.id, at[1]))
			return o.rising && order > 0 || !o.rising && order < 0
		})
		if n < 0 {
			n = len(rows)
		}
		rows = rows[n:]
	}
	if len(rows) <= o.limit {
		return rows, "", nil
	}
	last := rows[o.limit-1]
	return rows[:o.limit], fmt.Sprintf("[%q,%q]", strconv.FormatInt(cbTime(last, o.key)*1000, 10), last.id), nil
}

func cbBad(param, message string) *reply {
	a := cbError(http.StatusBadRequest, "invalid_request", "invalid_request", param, message)
	return &a
}

// cbFilter reads a list's filters. Unknown ones are refused, as the vendor does.
func cbFilter(q url.Values, stream string) (func(*item) bool, *reply) {
	var all []func(*item) bool
	deleted := q.Get("include_deleted") == "true"
	all = append(all, func(it *item) bool { return deleted || it.gone.IsZero() })
	for _, name := range slices.Sorted(maps.Keys(q)) {
		member, op, _ := strings.Cut(strings.TrimSuffix(name, "]"), "[")
		v := q.Get(name)
		switch {
		case slices.Contains([]string{"limit", "offset", "include_deleted"}, name), member == "sort_by":
		case member == "updated_at" || slices.Contains(cbSorts(stream), member):
			f, ok := cbMoment(member, op, v)
			if !ok {
				return nil, cbBad(name, name+" : invalid value")
			}
			all = append(all, f)
		case op == "is" && slices.Contains([]string{"id", "customer_id", "subscription_id", "status", "email"}, member):
			all = append(all, func(it *item) bool { return it.doc[member] == v })
		case op == "in" && member == "id":
			var ids []string
			if json.Unmarshal([]byte(v), &ids) != nil {
				return nil, cbBad(name, name+" : invalid value")
			}
			all = append(all, func(it *item) bool { return slices.Contains(ids, it.id) })
		default:
			return nil, cbBad(name, name+" : unknown parameter")
		}
	}
	return func(it *item) bool {
		return !slices.ContainsFunc(all, func(f func(*item) bool) bool { return !f(it) })
	}, nil
}

// cbMoment compares a time in whole seconds. After and before leave out the moment itself.
func cbMoment(member, op, v string) (func(*item) bool, bool) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return nil, false
	}
	switch op {
	case "after":
		return func(it *item) bool { return cbTime(it, member) > n }, true
	case "before":
		return func(it *item) bool { return cbTime(it, member) < n }, true
	case "on":
		return func(it *item) bool { return cbTime(it, member)/86400 == n/86400 }, true
	}
	return nil, false
}
