package sandbox

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VendorPipedrive names a CRM that knows the same firms as the first.
const VendorPipedrive = "pipedrive"

// PipedriveToken is the API token that the server accepts. It opens nothing but the sandbox.
const PipedriveToken = "pipedrive-sandbox-not-a-secret"

const (
	// pdPerWindow is how many requests an API token of the smallest plan may make in two seconds
	// (pipedrive.readme.io, Rate limiting); pdTokens is what a day has for one seat of it.
	pdPerWindow, pdTokens = 20, 30000
	// pdBin is how long deleted deals are listed.
	pdBin = 30 * day
)

// Pipedrive returns a CRM server, API v2. It wants PipedriveToken as x-api-token or a bearer token of its
// authorization server, which answers at /oauth/. It answers:
//
//	GET   /api/v2/organizations, /persons, /deals, /deals/archived, /activities, and each with an id
//	GET   /api/v2/organizationFields, /personFields, /dealFields, /pipelines, /stages
//	GET   /api/v1/users, /api/v1/users/me
func (w *World) Pipedrive() http.Handler {
	b := (&books{world: w, vendor: VendorPipedrive, write: pdWrite, stir: pdStir, stamp: pdStamp}).open("organizations", "persons", "deals", "activities")
	tokens := w.OAuth(VendorPipedrive)
	p := &pdServer{b}
	g := &gate{world: w, vendor: VendorPipedrive, mux: http.NewServeMux(), limit: p.limit,
		allowed: func(r *http.Request) bool {
			return r.Header.Get("x-api-token") == PipedriveToken || tokens.Allows(r)
		},
		denied: func(*call) reply { return pdError(http.StatusUnauthorized, "unauthorized access") }}
	route := func(pattern string, cost int, fn func(*call) reply) {
		b.route(g, pattern, func(c *call) reply { return p.charge(fn(c), cost) })
	}
	for _, stream := range []string{"organizations", "persons", "deals", "activities"} {
		route("GET /api/v2/"+stream, 10, func(c *call) reply { return p.list(c, stream, false) })
		route("GET /api/v2/"+stream+"/{id}", 1, func(c *call) reply { return p.one(c, stream) })
	}
	route("GET /api/v2/deals/archived", 20, func(c *call) reply { return p.list(c, "deals", true) })
	for _, one := range []string{"organization", "person", "deal"} {
		route("GET /api/v2/"+one+"Fields", 10, func(*call) reply { return pdPage(pdFields(one), "") })
	}
	route("GET /api/v2/pipelines", 5, func(*call) reply { return pdPage(pdPipelines(), "") })
	route("GET /api/v2/stages", 5, func(*call) reply { return pdPage(pdStageList(), "") })
	route("GET /api/v1/users", 20, func(*call) reply { return reply{status: http.StatusOK, body: doc{"success": true, "data": pdUsers()}} })
	route("GET /api/v1/users/me", 2, func(*call) reply { return reply{status: http.StatusOK, body: doc{"success": true, "data": pdMe()}} })
	route("/", 0, func(*call) reply { return pdError(http.StatusNotFound, "not found") })
	mux := http.NewServeMux()
	mux.Handle("/oauth/", tokens)
	mux.Handle("/", g)
	return mux
}

type pdServer struct{ *books }

func pdError(status int, text string) reply {
	return reply{status: status, body: doc{"success": false, "error": text, "error_info": "Please check developers.pipedrive.com", "data": nil, "additional_data": nil}}
}

// limit counts the window of two seconds. Requests that are over it cost nothing.
func (p *pdServer) limit(*call) (reply, bool) {
	wait, ok := p.world.limits.take(VendorPipedrive, pdPerWindow, 2*time.Second)
	if ok {
		return reply{}, false
	}
	a := pdError(http.StatusTooManyRequests, "request over limit")
	a.header = map[string]string{"Retry-After": strconv.Itoa(int(wait/time.Second) + 1)}
	return a, true
}

// charge takes a request's tokens, and tells what is left where limits are on.
func (p *pdServer) charge(a reply, cost int) reply {
	if !p.world.opts.Limits {
		return a
	}
	for range cost {
		if _, ok := p.world.limits.take(VendorPipedrive+" tokens", pdTokens, day); !ok {
			a = pdError(http.StatusTooManyRequests, "daily budget exceeded")
		}
	}
	a.header = map[string]string{
		"x-ratelimit-limit": strconv.Itoa(pdPerWindow), "x-ratelimit-remaining": strconv.Itoa(p.world.limits.left(VendorPipedrive, pdPerWindow)), "x-ratelimit-reset": "2",
		"x-daily-ratelimit-token-limit": strconv.Itoa(pdTokens), "x-daily-ratelimit-token-remaining": strconv.Itoa(p.world.limits.left(VendorPipedrive+" tokens", pdTokens)),
	}
	return a
}

func pdTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func pdStamp(_ string, d doc, created, updated time.Time) {
	d["add_time"], d["update_time"] = pdTime(created), pdTime(updated)
}

func pdShape(it *item) doc {
	return laidOver(it.doc, doc{"is_deleted": !it.gone.IsZero()})
}

func pdPage(rows []doc, next string) reply {
	more := doc{"next_cursor": nil}
	if next != "" {
		more["next_cursor"] = next
	}
	return reply{status: http.StatusOK, body: doc{"success": true, "data": rows, "additional_data": more}}
}

// one answers with a single object. A deleted deal is shown as one, other deleted objects are not found.
func (p *pdServer) one(c *call, stream string) reply {
	it := p.books.list(stream).byID[c.PathValue("id")]
	if it == nil || (!it.gone.IsZero() && stream != "deals") {
		return pdError(http.StatusNotFound, strings.TrimSuffix(stream, "s")+" not found")
	}
	return reply{status: http.StatusOK, body: doc{"success": true, "data": pdShape(it)}}
}

// pdMark is what a cursor holds: the last object's place in the order.
type pdMark struct {
	Field string `json:"field"`
	Value string `json:"fieldValue"`
	Way   string `json:"sortDirection"`
	ID    int64  `json:"id"`
}

func (p *pdServer) list(c *call, stream string, archived bool) reply {
	keep, bad := p.filter(c, stream, archived)
	if bad != "" {
		return pdError(http.StatusBadRequest, bad)
	}
	limit := 100
	if s := c.query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return pdError(http.StatusBadRequest, "limit must be a positive number")
		}
		limit = min(n, 500)
	}
	by, way := cmp.Or(c.query.Get("sort_by"), "id"), cmp.Or(c.query.Get("sort_direction"), "asc")
	if !slices.Contains([]string{"id", "update_time", "add_time"}, by) || !slices.Contains([]string{"asc", "desc"}, way) {
		return pdError(http.StatusBadRequest, "sort_by or sort_direction is not supported")
	}
	order := func(it *item) pdMark {
		m := pdMark{Field: by, Way: way, ID: as[int64](it.doc["id"])}
		if by != "id" {
			m.Value = as[string](it.doc[by])
		}
		return m
	}
	compare := func(a, b pdMark) int {
		n := cmp.Or(strings.Compare(a.Value, b.Value), cmp.Compare(a.ID, b.ID))
		if way == "desc" {
			return -n
		}
		return n
	}
	rows := slices.DeleteFunc(p.books.list(stream).list(p.world.now), func(it *item) bool { return !keep(it) })
	slices.SortFunc(rows, func(a, b *item) int { return compare(order(a), order(b)) })
	if s := c.query.Get("cursor"); s != "" && !c.repeat {
		var at pdMark
		raw, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil || json.Unmarshal(raw, &at) != nil || at.Field != by || at.Way != way {
			return pdError(http.StatusBadRequest, "cursor is invalid")
		}
		rows = slices.DeleteFunc(rows, func(it *item) bool { return compare(order(it), at) <= 0 })
	}
	next := ""
	if len(rows) > limit {
		raw, err := json.Marshal(order(rows[limit-1]))
		if err != nil {
			return pdError(http.StatusInternalServerError, "no cursor can be made")
		}
		rows, next = rows[:limit], base64.RawURLEncoding.EncodeToString(raw)
	}
	out := []doc{}
	for _, it := range rows {
		out = append(out, pdShape(it))
	}
	return pdPage(out, next)
}

// filter reads a list's filters, and says what is wrong with them.
func (p *pdServer) filter(c *call, stream string, archived bool) (keep func(*item) bool, bad string) {
	since, until := time.Time{}, p.world.now.Add(100*365*day)
	for name, into := range map[string]*time.Time{"updated_since": &since, "updated_until": &until} {
		if s := c.query.Get(name); s != "" {
			t, err := time.Parse(time.RFC3339, s)
			if err != nil {
				return nil, name + " must be a date in RFC3339 format"
			}
			*into = t
		}
	}
	statuses := []string{}
	if s := c.query.Get("status"); s != "" {
		statuses = strings.Split(s, ",")
	}
	var ids []string
	if s := c.query.Get("ids"); s != "" {
		if ids = strings.Split(s, ","); len(ids) > 100 {
			return nil, "ids may hold 100 ids at most"
		}
	}
	return func(it *item) bool {
		gone := !it.gone.IsZero()
		switch {
		case it.updated.Before(since), !it.updated.Before(until), ids != nil && !slices.Contains(ids, it.id):
			return false
		case gone && (stream != "deals" || !slices.Contains(statuses, "deleted") || p.world.now.Sub(it.gone) > pdBin):
			return false
		case !gone && len(statuses) > 0 && !slices.Contains(statuses, as[string](it.doc["status"])):
			return false
		}
		return stream != "deals" || (it.doc["is_archived"] == true) == archived
	}, ""
}
