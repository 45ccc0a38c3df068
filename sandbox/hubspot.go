package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// HubSpot returns the CRM's server. It wants HubSpotToken, or a token of OAuth, as bearer
// token and answers:
//
//	GET   /crm/v3/objects/{companies|contacts|deals|quotes|tickets}
//	GET   /crm/v3/objects/{type}/{id}
//	POST  /crm/v3/objects/{type}/search, /batch/read, /batch/update
//	POST  /crm/v4/associations/{from}/{to}/batch/read
//	GET, POST  /crm/v3/properties/{type} and /crm/v3/properties/{type}/groups
//	GET   /crm/v3/properties/{type}/{name}
//	GET   /account-info/v3/details
//	GET   /email/public/v1/events
//	GET   /marketing/v3/forms
//	GET   /form-integrations/v1/submissions/forms/{id}
func (w *World) HubSpot() http.Handler {
	g := &gate{world: w, vendor: VendorHubSpot, mux: http.NewServeMux(), limit: w.hubspotLimit,
		allowed: func(r *http.Request) bool { return bearer(r, HubSpotToken) || w.OAuth(VendorHubSpot).Allows(r) },
		denied: func(c *call) reply {
			return hubspotError(c, http.StatusUnauthorized, "INVALID_AUTHENTICATION", "Authentication credentials not found. This API supports OAuth 2.0 authentication.")
		}}
	typed := func(fn func(*call, *hsTable) reply) func(*call) reply {
		return func(c *call) reply {
			t := w.hubspotType(c.PathValue("type"))
			if t == nil {
				return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "Unable to infer object type from: "+c.PathValue("type"))
			}
			return fn(c, t)
		}
	}
	g.route("GET /crm/v3/objects/{type}", typed(w.hubspotList))
	g.route("GET /crm/v3/objects/{type}/{id}", typed(w.hubspotOne))
	g.route("POST /crm/v3/objects/{type}/search", typed(w.hubspotSearch))
	g.route("POST /crm/v3/objects/{type}/batch/read", typed(w.hubspotBatchRead))
	g.route("POST /crm/v3/objects/{type}/batch/update", typed(w.hubspotBatchUpdate))
	g.route("POST /crm/v4/associations/{from}/{to}/batch/read", w.hubspotAssociations)
	g.route("GET /crm/v3/properties/{type}", typed(w.hubspotProperties))
	g.route("POST /crm/v3/properties/{type}", typed(w.hubspotAddProperty))
	g.route("GET /crm/v3/properties/{type}/{name}", typed(w.hubspotProperty))
	g.route("GET /crm/v3/properties/{type}/groups", typed(w.hubspotGroups))
	g.route("POST /crm/v3/properties/{type}/groups", typed(w.hubspotAddGroup))
	g.route("GET /account-info/v3/details", w.hubspotAccount)
	g.route("GET /email/public/v1/events", w.hubspotEmailEvents)
	g.route("GET /marketing/v3/forms", w.hubspotForms)
	g.route("GET /form-integrations/v1/submissions/forms/{id}", w.hubspotSubmissions)
	g.route("/", func(c *call) reply {
		return hubspotError(c, http.StatusNotFound, "OBJECT_NOT_FOUND", "No route found for "+c.Method+" "+c.URL.Path)
	})
	return g
}

// hubspotLimit holds the published limits of private apps: 5 requests per second over all search endpoints
// (developers.hubspot.com, "CRM search", Rate limits) and 100 per 10 seconds over everything ("API usage
// guidelines", free and starter). Answers to throttled requests carry errorType and policyName.
func (w *World) hubspotLimit(c *call) (reply, bool) {
	policy, ok := "SECONDLY", true
	if strings.HasSuffix(c.URL.Path, "/search") {
		_, ok = w.limits.take("hubspot search", 5, time.Second)
	}
	if ok {
		policy = "TEN_SECONDLY_ROLLING"
		_, ok = w.limits.take("hubspot", 100, 10*time.Second)
	}
	if ok {
		return reply{}, false
	}
	return reply{status: http.StatusTooManyRequests, header: map[string]string{
		"X-HubSpot-RateLimit-Interval-Milliseconds": "10000", "X-HubSpot-RateLimit-Max": "100",
		"X-HubSpot-RateLimit-Remaining": strconv.Itoa(w.limits.left("hubspot", 100)),
	}, body: doc{
		"status": "error", "message": "You have reached your " + strings.ToLower(policy) + " limit.", "errorType": "RATE_LIMIT",
		"correlationId": c.trace(), "policyName": policy, "requestId": c.trace(),
	}}, true
}

func hubspotError(c *call, status int, category, message string) reply {
	return reply{status: status, body: doc{"status": "error", "message": message, "correlationId": c.trace(), "category": category}}
}

// hubspotType finds an object type by any of its names: plural, singular or number.
func (w *World) hubspotType(name string) *hsTable {
	switch name {
	case "company", "0-2":
		name = "companies"
	case "contact", "0-1":
		name = "contacts"
	case "deal", "0-3":
		name = "deals"
	case "quote", "0-14":
		name = "quotes"
	case "ticket", "0-5":
		name = "tickets"
	}
	return w.crm[name]
}

// shape renders an object with the properties asked for: unknown ones are left out, empty ones are null.
func (t *hsTable) shape(o *hsObject, properties []string) doc {
	if len(properties) == 0 {
		properties = t.defaults
	}
	props := doc{"hs_object_id": o.id, "createdate": o.props["createdate"], t.stamp: o.props[t.stamp]}
	for _, p := range properties {
		if v, ok := o.props[p]; ok {
			props[p] = v
		} else if t.field(p) != nil {
			props[p] = nil
		}
	}
	d := doc{"id": o.id, "properties": props, "createdAt": hsTime(o.created), "updatedAt": hsTime(o.updated), "archived": !o.archived.IsZero()}
	if !o.archived.IsZero() {
		d["archivedAt"] = hsTime(o.archived)
	}
	return d
}

// associations renders the links of a listed object. The vendor names the primary company twice, once per
// kind of association.
func (w *World) associations(t *hsTable, o *hsObject, to []string) doc {
	all := doc{}
	for _, name := range to {
		target := w.hubspotType(name)
		if target == nil {
			continue
		}
		results := []doc{}
		for i, id := range w.linked(o, target) {
			kind := t.singular + "_to_" + target.singular
			if i == 0 && target.name == "companies" {
				results = append(results, doc{"id": id, "type": kind})
				kind += "_unlabeled"
			}
			results = append(results, doc{"id": id, "type": kind})
		}
		if len(results) > 0 {
			all[target.name] = doc{"results": results}
		}
	}
	return all
}

// linked returns the ids of an object's live associates.
func (w *World) linked(o *hsObject, target *hsTable) []string {
	return slices.DeleteFunc(slices.Clone(o.links[target.name]), func(id string) bool {
		x := target.byID[id]
		return x == nil || !x.archived.IsZero()
	})
}

// words splits a repeated or comma-separated query parameter.
func (c *call) words(name string) []string {
	var out []string
	for _, v := range c.query[name] {
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s != "" {
				out = append(out, s)
			}
		}
	}
	return out
}

func (w *World) hubspotList(c *call, t *hsTable) reply {
	limit := 10
	if s := c.query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 100 {
			return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "limit must be between 1 and 100, was "+s)
		}
		limit = n
	}
	var after int64
	if s := c.query.Get("after"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "The after parameter is not valid: "+s)
		}
		after = n
	}
	archived := c.query.Get("archived") == "true"
	results, last, more := []doc{}, "", false
	for _, o := range t.rows { // rows are in the order of their ids
		if o.num <= after || !o.archived.IsZero() != archived {
			continue
		}
		if len(results) == limit {
			more = true
			break
		}
		d := t.shape(o, c.words("properties"))
		if links := w.associations(t, o, c.words("associations")); len(links) > 0 {
			d["associations"] = links
		}
		results, last = append(results, d), o.id
	}
	body := doc{"results": results}
	if c.repeat && after > 0 {
		last, more = c.query.Get("after"), true
	}
	if more {
		q := c.URL.Query()
		q.Set("after", last)
		body["paging"] = doc{"next": doc{"after": last, "link": c.base() + c.URL.Path + "?" + q.Encode()}}
	}
	return reply{status: http.StatusOK, body: body}
}

func (w *World) hubspotOne(c *call, t *hsTable) reply {
	o := t.byID[c.PathValue("id")]
	if o == nil || !o.archived.IsZero() != (c.query.Get("archived") == "true") {
		return hubspotError(c, http.StatusNotFound, "OBJECT_NOT_FOUND", "Object not found.  objectId are usually numeric.")
	}
	d := t.shape(o, c.words("properties"))
	if links := w.associations(t, o, c.words("associations")); len(links) > 0 {
		d["associations"] = links
	}
	return reply{status: http.StatusOK, body: d}
}

// batch is the body of a batch call; inputs differ by call.
type batch struct {
	Properties []string `json:"properties"`
	IDProperty string   `json:"idProperty"`
	Inputs     []struct {
		ID         string             `json:"id"`
		Properties map[string]*string `json:"properties"`
	} `json:"inputs"`
}

// readBatch reads a batch of at most 100 inputs.
func readBatch(c *call) (batch, *reply) {
	var b batch
	if err := json.Unmarshal(c.raw, &b); err != nil {
		bad := hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON: "+err.Error())
		return b, &bad
	}
	if len(b.Inputs) > 100 || b.IDProperty != "" {
		bad := hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", fmt.Sprintf("A batch takes up to 100 inputs by id, got %d", len(b.Inputs)))
		return b, &bad
	}
	return b, nil
}

// batchReply is COMPLETE with 200, or with 207 where some inputs failed.
func (w *World) batchReply(results []doc, errors []doc) reply {
	at := hsTime(w.now)
	body := doc{"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at}
	if len(errors) == 0 {
		return reply{status: http.StatusOK, body: body}
	}
	body["numErrors"], body["errors"] = len(errors), errors
	return reply{status: http.StatusMultiStatus, body: body}
}

func notFound(t *hsTable, ids []string) []doc {
	if len(ids) == 0 {
		return nil
	}
	return []doc{{"status": "error", "category": "OBJECT_NOT_FOUND", "errors": []doc{}, "links": doc{}, "context": doc{"ids": ids},
		"message": "Could not get some " + strings.ToUpper(t.singular) + " objects, they may be deleted or not exist. Check that ids are valid."}}
}

func (w *World) hubspotBatchRead(c *call, t *hsTable) reply {
	b, bad := readBatch(c)
	if bad != nil {
		return *bad
	}
	results, missing := []doc{}, []string{}
	seen := map[string]bool{}
	for _, in := range b.Inputs {
		o := t.byID[in.ID]
		switch {
		case seen[in.ID]:
		case o == nil || !o.archived.IsZero() != (c.query.Get("archived") == "true"):
			missing = append(missing, in.ID)
		default:
			results = append(results, t.shape(o, b.Properties))
		}
		seen[in.ID] = true
	}
	return w.batchReply(results, notFound(t, missing))
}

func (w *World) hubspotAccount(*call) reply {
	return reply{status: http.StatusOK, body: doc{
		"portalId": 62515, "accountType": "STANDARD", "timeZone": "Europe/Berlin", "companyCurrency": "EUR", "additionalCurrencies": []string{"USD", "JPY"},
		"utcOffset": "+01:00", "utcOffsetMilliseconds": 3600000, "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
	}}
}
