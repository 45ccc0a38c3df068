package sandbox

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Zendesk returns the help desk's server. It wants ZendeskToken or a token of OAuth as bearer token, or basic authentication
// with ZendeskEmail + "/token" and ZendeskToken, and answers, with or without ".json":
//
//	GET  /api/v2/incremental/organizations
//	GET  /api/v2/incremental/users/cursor, /api/v2/incremental/tickets/cursor   (include=metric_sets)
//	GET  /api/v2/users/me, /api/v2/users/{id}, /api/v2/organizations/{id}, /api/v2/tickets/{id}
//	GET  /api/v2/{organizations|users|tickets}/show_many?ids=   (include=metric_sets)
//	GET  /api/v2/organization_memberships
//	GET, POST  /api/v2/organization_fields, /api/v2/user_fields
//	PUT  /api/v2/organizations/update_many, /api/v2/users/update_many
//	GET  /api/v2/job_statuses/{id}
func (w *World) Zendesk() http.Handler {
	g := &gate{world: w, vendor: VendorZendesk, mux: http.NewServeMux(), limit: w.zendeskLimit,
		tidy: func(path string) string { return strings.TrimSuffix(path, ".json") },
		allowed: func(r *http.Request) bool {
			user, pass, ok := r.BasicAuth()
			return bearer(r, ZendeskToken) || ok && user == ZendeskEmail+"/token" && pass == ZendeskToken || w.OAuth(VendorZendesk).Allows(r)
		},
		denied: func(*call) reply {
			return reply{status: http.StatusUnauthorized, body: doc{"error": "Couldn't authenticate you"}}
		}}
	g.route("GET /api/v2/incremental/organizations", w.zendeskOrganizations)
	g.route("GET /api/v2/incremental/users/cursor", func(c *call) reply { return w.zendeskCursor(c, w.users, "users") })
	g.route("GET /api/v2/incremental/tickets/cursor", func(c *call) reply { return w.zendeskCursor(c, w.tickets, "tickets") })
	g.route("GET /api/v2/users/me", func(*call) reply {
		return reply{status: http.StatusOK, body: doc{"user": w.users.byID[w.agents[0]].doc}}
	})
	for _, k := range []struct {
		stream string
		table  *zdTable
	}{{"organizations", w.orgs}, {"users", w.users}, {"tickets", w.tickets}} {
		g.route("GET /api/v2/"+k.stream+"/show_many", func(c *call) reply { return w.zendeskMany(c, k.table, k.stream) })
	}
	g.route("GET /api/v2/users/{id}", func(c *call) reply { return w.zendeskOne(c, w.users, "user") })
	g.route("GET /api/v2/organizations/{id}", func(c *call) reply { return w.zendeskOne(c, w.orgs, "organization") })
	g.route("GET /api/v2/tickets/{id}", func(c *call) reply { return w.zendeskOne(c, w.tickets, "ticket") })
	g.route("GET /api/v2/organization_memberships", w.zendeskMemberships)
	g.route("GET /api/v2/{fields}", w.zendeskFields)
	g.route("POST /api/v2/{fields}", w.zendeskAddField)
	g.route("PUT /api/v2/organizations/update_many", func(c *call) reply { return w.zendeskUpdate(c, w.orgs, "organization") })
	g.route("PUT /api/v2/users/update_many", func(c *call) reply { return w.zendeskUpdate(c, w.users, "user") })
	g.route("GET /api/v2/job_statuses/{id}", w.zendeskJob)
	g.route("/", func(*call) reply { return zendeskMissing() })
	return g
}

func zendeskMissing() reply {
	return reply{status: http.StatusNotFound, body: doc{"error": "RecordNotFound", "description": "Not found"}}
}

func zendeskInvalid(what string) reply {
	return reply{status: http.StatusBadRequest, body: doc{"error": "InvalidValue", "description": what}}
}

// exportLimit is the published limit of the incremental exports, per minute (developer.zendesk.com,
// "Incremental Exports", Rate limits; 30 with the high-volume add-on). It is counted per endpoint.
const exportLimit = 10

func (w *World) zendeskLimit(c *call) (reply, bool) {
	if !strings.HasPrefix(c.URL.Path, "/api/v2/incremental/") {
		return reply{}, false
	}
	wait, ok := w.limits.take("zendesk "+c.URL.Path, exportLimit, time.Minute)
	if ok {
		return reply{}, false
	}
	seconds := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	return reply{status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": seconds},
		text: "Number of allowed incremental export API requests per minute exceeded"}, true
}

func (w *World) zendeskOne(c *call, t *zdTable, name string) reply {
	id, err := strconv.ParseInt(c.PathValue("id"), 10, 64)
	if err != nil || t.byID[id].missing() {
		return zendeskMissing()
	}
	return reply{status: http.StatusOK, body: doc{name: t.byID[id].doc}}
}

// missing reports that reading an object alone gives 404: it is deleted, and with users deleted for good, as the
// others are still shown.
func (o *zdObject) missing() bool {
	return o == nil || o.doc["status"] == "deleted" || o.doc["deleted_at"] != nil || o.doc["permanently_deleted"] == true
}

// zendeskMany reads up to 100 objects by id. Those that are not there are left out.
func (w *World) zendeskMany(c *call, t *zdTable, stream string) reply {
	ids := c.words("ids")
	if len(ids) == 0 || len(ids) > 100 {
		return zendeskInvalid("ids must hold 1 to 100 ids")
	}
	rows := []doc{}
	for _, text := range ids {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || t.byID[id].missing() {
			continue
		}
		d := t.byID[id].exportShape(c.query.Get("include"))
		if t.byID[id].metric != nil {
			d = maps.Clone(d)
			delete(d, "generated_timestamp") // only exports tell it
		}
		rows = append(rows, d)
	}
	return reply{status: http.StatusOK, body: doc{stream: rows, "count": len(rows), "next_page": nil, "previous_page": nil}}
}

// exportStart reads start_time. With limits on, the last minute of the world is closed, as at the vendor:
// "start_time must be at least one minute in the past; data isn't provided for the most recent minute".
func (w *World) exportStart(c *call) (int64, *reply) {
	n, err := strconv.ParseInt(c.query.Get("start_time"), 10, 64)
	if err != nil || n < 0 {
		bad := zendeskInvalid("start_time must be a number of seconds since 1970")
		return 0, &bad
	}
	if w.closed() && n > w.now.Add(-time.Minute).Unix() {
		bad := zendeskInvalid("Too recent start_time. Use a start_time older than 60 seconds")
		return 0, &bad
	}
	return n, nil
}

// exported tells whether a row is out of the closed last minute.
func (w *World) exported(o *zdObject) bool {
	return !w.closed() || !o.updated.After(w.now.Add(-time.Minute))
}

// closed tells whether the exports keep the last minute back.
func (w *World) closed() bool { return w.opts.Limits || w.hostile[VendorZendesk] }

func (c *call) perPage() int {
	if n, err := strconv.Atoi(c.query.Get("per_page")); err == nil && n >= 1 && n < 1000 {
		return n
	}
	return 1000
}

// zendeskOrganizations is the time-based export: a page goes on to the end of its last second, and the next
// one starts with that second, so the last rows come twice.
func (w *World) zendeskOrganizations(c *call) reply {
	start, bad := w.exportStart(c)
	if bad != nil {
		return *bad
	}
	rows, end, last := []doc{}, start, true
	for _, o := range w.orgs.rows {
		at := o.updated.Unix()
		if at < start || !w.exported(o) {
			continue
		}
		if len(rows) >= c.perPage() && at != end {
			last = false
			break
		}
		rows, end = append(rows, o.doc), at
	}
	if c.repeat {
		end, last = start, false
	}
	return reply{status: http.StatusOK, body: doc{
		"organizations": rows, "count": len(rows), "end_of_stream": last, "end_time": end,
		"next_page": fmt.Sprintf("%s/api/v2/incremental/organizations.json?start_time=%d", c.base(), end),
	}}
}

// zendeskCursor is the cursor-based export of users and tickets: every change comes once, in order.
func (w *World) zendeskCursor(c *call, t *zdTable, stream string) reply {
	token := c.query.Get("cursor")
	var from, start int64
	if token == "" {
		n, bad := w.exportStart(c)
		if bad != nil {
			return *bad
		}
		start = n
	} else {
		n, err := readCursor(token)
		if err != nil {
			return zendeskInvalid("cursor is not valid")
		}
		from = n
	}
	rows, last := []doc{}, true
	next := from
	for _, o := range t.rows {
		if o.seq <= from {
			continue
		}
		if o.updated.Unix() < start {
			next = o.seq
			continue
		}
		if !w.exported(o) {
			break
		}
		if len(rows) == c.perPage() {
			last = false
			break
		}
		rows, next = append(rows, o.exportShape(c.query.Get("include"))), o.seq
	}
	after := writeCursor(next)
	if c.repeat && token != "" {
		after, last = token, false
	}
	body := doc{stream: rows, "end_of_stream": last, "after_cursor": after, "before_cursor": nil, "before_url": nil,
		"after_url": fmt.Sprintf("%s/api/v2/incremental/%s/cursor.json?cursor=%s", c.base(), stream, after)}
	return reply{status: http.StatusOK, body: body}
}

func (o *zdObject) exportShape(include string) doc {
	if o.metric == nil {
		return o.doc
	}
	d := maps.Clone(o.doc)
	d["generated_timestamp"] = o.updated.Unix()
	if strings.Contains(include, "metric_sets") {
		d["metric_set"] = o.metric
	}
	return d
}

func writeCursor(seq int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte("s|" + strconv.FormatInt(seq, 10)))
}

func readCursor(s string) (int64, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimPrefix(string(b), "s|"), 10, 64)
}

// zendeskMemberships pages with page[size] and page[after].
func (w *World) zendeskMemberships(c *call) reply {
	size, err := strconv.Atoi(c.query.Get("page[size]"))
	if err != nil || size < 1 || size > 100 {
		size = 100
	}
	from := int64(0)
	if s := c.query.Get("page[after]"); s != "" {
		if from, err = readCursor(s); err != nil || from < 0 {
			return zendeskInvalid("page[after] is not valid")
		}
	}
	first := min(int(from), len(w.memberships))
	end := min(first+size, len(w.memberships))
	after := writeCursor(int64(end))
	body := doc{"organization_memberships": append([]doc{}, w.memberships[first:end]...),
		"meta": doc{"has_more": end < len(w.memberships), "after_cursor": after, "before_cursor": nil}, "links": doc{"next": nil, "prev": nil}}
	if end < len(w.memberships) {
		as[doc](body["links"])["next"] = fmt.Sprintf("%s/api/v2/organization_memberships.json?page[size]=%d&page[after]=%s", c.base(), size, after)
	}
	return reply{status: http.StatusOK, body: body}
}
