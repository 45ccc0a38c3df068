package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Stripe returns the billing server. It wants StripeKey, as bearer token or as the user of basic
// authentication, and answers:
//
//	GET   /v1/customers, /v1/subscriptions, /v1/invoices, /v1/events, and each with an id
//	POST  /v1/customers/{id}   (metadata only)
func (w *World) Stripe() http.Handler {
	g := &gate{world: w, vendor: VendorStripe, mux: http.NewServeMux(), limit: w.stripeLimit,
		allowed: func(r *http.Request) bool {
			user, _, _ := r.BasicAuth()
			return bearer(r, StripeKey) || user == StripeKey || w.OAuth(VendorStripe).Allows(r)
		},
		denied: func(*call) reply {
			return stripeError(http.StatusUnauthorized, "", "", "Invalid API Key provided")
		}}
	for _, k := range []stripeKind{
		{w.customers, "customer", "customers"}, {w.subscriptions, "subscription", "subscriptions"},
		{w.invoices, "invoice", "invoices"}, {w.events, "event", "events"},
	} {
		g.route("GET /v1/"+k.path, func(c *call) reply { return w.stripeList(c, k) })
		g.route("GET /v1/"+k.path+"/{id}", func(c *call) reply { return w.stripeOne(c, k) })
	}
	g.route("POST /v1/customers/{id}", w.stripeUpdate)
	g.route("/", func(c *call) reply {
		return stripeError(http.StatusNotFound, "", "", fmt.Sprintf("Unrecognized request URL (%s: %s).", c.Method, c.URL.Path))
	})
	return g
}

type stripeKind struct {
	table      *stripeTable
	name, path string
}

// stripeLimit holds the published limit of live mode, 100 requests per second (docs.stripe.com/rate-limits).
func (w *World) stripeLimit(*call) (reply, bool) {
	if _, ok := w.limits.take("stripe", 100, time.Second); ok {
		return reply{}, false
	}
	a := stripeError(http.StatusTooManyRequests, "rate_limit", "", "Request rate limit exceeded.")
	a.header = map[string]string{"Stripe-Rate-Limited-Reason": "global-rate"}
	return a, true
}

func stripeError(status int, code, param, message string) reply {
	e := doc{"type": "invalid_request_error", "message": message}
	if code != "" {
		e["code"] = code
		e["doc_url"] = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(code, "_", "-")
	}
	if param != "" {
		e["param"] = param
	}
	return reply{status: status, body: doc{"error": e}}
}

func badParam(param, message string) *reply {
	a := stripeError(http.StatusBadRequest, "", param, message)
	return &a
}

func (k stripeKind) missing(status int, id, param string) *reply {
	a := stripeError(status, "resource_missing", param, fmt.Sprintf("No such %s: '%s'", k.name, id))
	return &a
}

func (o *stripeObject) shape() doc {
	if o.deleted {
		return doc{"id": o.id, "object": "customer", "deleted": true}
	}
	return o.doc
}

func (w *World) stripeOne(c *call, k stripeKind) reply {
	o := k.table.byID[c.PathValue("id")]
	if o == nil || o.deleted && k.name != "customer" {
		return *k.missing(http.StatusNotFound, c.PathValue("id"), "id")
	}
	return reply{status: http.StatusOK, body: o.shape()}
}

// stripeList answers newest first.
func (w *World) stripeList(c *call, k stripeKind) reply {
	keep, bad := w.stripeFilter(c.query, k)
	if bad != nil {
		return *bad
	}
	limit := 10
	if s := c.query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 100 {
			return *badParam("limit", "Invalid limit: must be between 1 and 100")
		}
		limit = n
	}
	var rows []*stripeObject
	for _, o := range slices.Backward(k.table.rows) {
		if !o.deleted && !o.shown.After(w.now) && keep(o) {
			rows = append(rows, o)
		}
	}
	page, more, bad := k.cut(c, rows, limit)
	if bad != nil {
		return *bad
	}
	data := []doc{}
	for _, o := range page {
		data = append(data, o.shape())
	}
	return reply{status: http.StatusOK, body: doc{"object": "list", "url": "/v1/" + k.path, "has_more": more, "data": data}}
}

// cut finds the page that starting_after or ending_before ask for. The object that they name need not pass
// the filters.
func (k stripeKind) cut(c *call, rows []*stripeObject, limit int) (page []*stripeObject, more bool, bad *reply) {
	older := func(a, b *stripeObject) bool { // a comes after b in the list
		return a.created < b.created || a.created == b.created && a.seq < b.seq
	}
	after, before := c.query.Get("starting_after"), c.query.Get("ending_before")
	switch {
	case after != "":
		at := k.table.byID[after]
		if at == nil || at.deleted {
			return nil, false, k.missing(http.StatusBadRequest, after, "starting_after")
		}
		if c.repeat {
			return []*stripeObject{at}, true, nil
		}
		i := slices.IndexFunc(rows, func(o *stripeObject) bool { return older(o, at) })
		if i < 0 {
			return nil, false, nil
		}
		rows = rows[i:]
	case before != "":
		at := k.table.byID[before]
		if at == nil || at.deleted {
			return nil, false, k.missing(http.StatusBadRequest, before, "ending_before")
		}
		n := 0
		for n < len(rows) && older(at, rows[n]) {
			n++
		}
		start := max(0, n-limit)
		return rows[start:n], start > 0, nil
	}
	return rows[:min(limit, len(rows))], len(rows) > limit, nil
}

// stripeFilter reads the filters of a list. Unknown parameters are refused, as the vendor does.
func (w *World) stripeFilter(q url.Values, k stripeKind) (func(*stripeObject) bool, *reply) {
	keep := []func(*stripeObject) bool{}
	var types []string
	status := ""
	for _, name := range slices.Sorted(maps.Keys(q)) {
		vs := q[name]
		v := vs[0]
		base, op, _ := strings.Cut(strings.TrimSuffix(name, "]"), "[")
		switch {
		case name == "limit" || name == "starting_after" || name == "ending_before":
		case base == "created":
			f, bad := createdFilter(op, v)
			if bad != nil {
				return nil, bad
			}
			keep = append(keep, f)
		case name == "customer" && (k.name == "invoice" || k.name == "subscription"), name == "email" && k.name == "customer":
			keep = append(keep, func(o *stripeObject) bool { return o.doc[name] == v })
		case name == "subscription" && k.name == "invoice":
			keep = append(keep, func(o *stripeObject) bool {
				return as[doc](as[doc](o.doc["parent"])["subscription_details"])["subscription"] == v
			})
		case name == "status" && (k.name == "invoice" || k.name == "subscription"):
			status = v
		case (base == "types" || name == "type") && k.name == "event":
			types = append(types, vs...)
		default:
			a := stripeError(http.StatusBadRequest, "parameter_unknown", name, "Received unknown parameter: "+name)
			return nil, &a
		}
	}
	if len(types) > 20 {
		return nil, badParam("types", "At most 20 types can be asked for")
	}
	if k.name == "event" {
		oldest := w.now.AddDate(0, 0, -eventDays).Unix()
		keep = append(keep, func(o *stripeObject) bool { return o.created >= oldest && ofType(o, types) })
	}
	if f := statusFilter(k, status); f != nil {
		keep = append(keep, f)
	}
	return func(o *stripeObject) bool {
		for _, f := range keep {
			if !f(o) {
				return false
			}
		}
		return true
	}, nil
}

func createdFilter(op, v string) (func(*stripeObject) bool, *reply) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return nil, badParam("created", "Invalid integer: "+v)
	}
	switch op {
	case "":
		return func(o *stripeObject) bool { return o.created == n }, nil
	case "gt":
		return func(o *stripeObject) bool { return o.created > n }, nil
	case "gte":
		return func(o *stripeObject) bool { return o.created >= n }, nil
	case "lt":
		return func(o *stripeObject) bool { return o.created < n }, nil
	case "lte":
		return func(o *stripeObject) bool { return o.created <= n }, nil
	}
	return nil, badParam("created", "Invalid operator: "+op)
}

// statusFilter hides canceled subscriptions unless they are asked for.
func statusFilter(k stripeKind, status string) func(*stripeObject) bool {
	switch {
	case k.name == "subscription" && status == "":
		return func(o *stripeObject) bool { return o.doc["status"] != "canceled" }
	case status == "" || k.name == "subscription" && status == "all":
		return nil
	case k.name == "subscription" && status == "ended":
		return func(o *stripeObject) bool { return o.doc["ended_at"] != nil }
	}
	return func(o *stripeObject) bool { return o.doc["status"] == status }
}

func ofType(o *stripeObject, types []string) bool {
	kind := as[string](o.doc["type"])
	return len(types) == 0 || slices.ContainsFunc(types, func(t string) bool {
		if head, ok := strings.CutSuffix(t, "*"); ok {
			return strings.HasPrefix(kind, head)
		}
		return t == kind
	})
}

// stripeUpdate writes a customer's metadata: an empty value removes the key. The bounds are the vendor's:
// 50 keys of up to 40 characters, values of up to 500.
func (w *World) stripeUpdate(c *call) reply {
	o := w.customers.byID[c.PathValue("id")]
	if o == nil || o.deleted {
		return *stripeKind{name: "customer"}.missing(http.StatusNotFound, c.PathValue("id"), "id")
	}
	form, err := url.ParseQuery(string(c.raw))
	if err != nil {
		return *badParam("", "The form cannot be read")
	}
	meta, changed := as[doc](o.doc["metadata"]), 0
	for name, vs := range form {
		key, ok := strings.CutPrefix(strings.TrimSuffix(name, "]"), "metadata[")
		if !ok || key == "" || len(key) > 40 || len(vs[0]) > 500 || len(meta) >= 50 {
			return *badParam(name, "The sandbox takes metadata only: up to 50 keys of 40 characters, values of up to 500")
		}
	}
	for name, vs := range form {
		key := strings.TrimPrefix(strings.TrimSuffix(name, "]"), "metadata[")
		old, had := meta[key]
		switch {
		case vs[0] == "" && had:
			delete(meta, key)
		case vs[0] != "" && old != vs[0]:
			meta[key] = vs[0]
		default:
			continue
		}
		changed++
	}
	w.writeCalls++
	w.writeVal += changed
	if changed > 0 {
		w.event("customer.updated", w.now, o)
		w.events.sort()
	}
	return reply{status: http.StatusOK, body: o.doc}
}
