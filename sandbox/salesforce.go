package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// VendorSalesforce names the second CRM, which knows the same firms as the first.
const VendorSalesforce = "salesforce"

// SalesforceToken is the session that the server accepts. It opens nothing but the sandbox.
const SalesforceToken = "00Dsandbox!session.not.a.secret"

// SalesforceOrg is the organisation's id, as outbound messages carry it.
const SalesforceOrg = "00D5e000000SandEAC"

const (
	// sfQuota is the daily allowance of a Developer Edition (Salesforce Developer Limits Quick Reference).
	sfQuota = 15000
	// sfPage is the size of a page where the caller asks for none; sfLeast is the least that can be asked for.
	sfPage, sfLeast = 2000, 200
	// A query cursor lives two days, and only the newest ten of a user stay open ("Limit of open cursors").
	sfCursorLife, sfCursors = 2 * day, 10
	// The recycle bin and the log of deletions reach back fifteen days.
	sfBin = 15 * day
)

// sfServer is the org's REST API with what it remembers between calls.
type sfServer struct {
	world *World
	types map[string]*sfType
	// known counts the changes of the org's types that are taken in.
	known   int
	cursors []*sfCursor
	jobs    map[string]*sfJob
}

// sfCursor is the rest of a query's result.
type sfCursor struct {
	id   string
	at   time.Time
	q    *soql
	rows []*item
	size int
}

// Salesforce returns the second CRM's server. It wants SalesforceToken, or a token of
// OAuth, as bearer token and answers, below
// /services/data/vNN.0:
//
//	GET   /query?q=, /queryAll?q=, /query/{locator}
//	GET   /sobjects, /sobjects/{type}/describe, /sobjects/{type}/{id}, /sobjects/{type}/deleted, /sobjects/{type}/updated
//	GET, POST  /composite/sobjects/{type}  (retrieve)
//	PATCH /composite/sobjects  (200 records)
//	POST, GET  /jobs/query, GET, PATCH, DELETE /jobs/query/{id}, GET /jobs/query/{id}/results
//	GET   /limits
func (w *World) Salesforce() http.Handler {
	w.stock(VendorSalesforce, w.stockSalesforce)
	s := &sfServer{world: w, jobs: map[string]*sfJob{}}
	g := &gate{world: w, vendor: VendorSalesforce, mux: http.NewServeMux(), limit: s.limit,
		allowed: func(r *http.Request) bool {
			return bearer(r, SalesforceToken) || w.OAuth(VendorSalesforce).Allows(r)
		},
		denied: func(*call) reply {
			return sfError(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
		}}
	route := func(pattern string, fn func(*call) reply) {
		method, path, _ := strings.Cut(pattern, " ")
		g.route(method+" /services/data/{v}"+path, func(c *call) reply {
			s.learnTypes()
			r := fn(c)
			if r.header == nil {
				r.header = map[string]string{}
			}
			r.header["Sforce-Limit-Info"] = fmt.Sprintf("api-usage=%d/%d", len(w.limits.hits[VendorSalesforce]), sfQuota)
			return r
		})
	}
	route("GET /query", func(c *call) reply { return s.query(c, false) })
	route("GET /queryAll", func(c *call) reply { return s.query(c, true) })
	route("GET /query/{locator}", s.more)
	route("GET /sobjects", s.list)
	route("GET /sobjects/{type}/describe", s.typed(s.describe))
	route("GET /sobjects/{type}/deleted", s.typed(s.deleted))
	route("GET /sobjects/{type}/updated", s.typed(s.updated))
	route("GET /sobjects/{type}/{id}", s.typed(s.one))
	route("GET /composite/sobjects/{type}", s.typed(s.retrieve))
	route("POST /composite/sobjects/{type}", s.typed(s.retrieve))
	route("PATCH /composite/sobjects", s.update)
	route("GET /limits", s.limits)
	s.jobRoutes(route)
	g.route("/", func(*call) reply {
		return sfError(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	})
	return sfCSV{g}
}

// limit counts the daily allowance.
func (s *sfServer) limit(*call) (reply, bool) {
	if _, ok := s.world.limits.take(VendorSalesforce, sfQuota, day); ok {
		return reply{}, false
	}
	return sfError(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), true
}

func (s *sfServer) limits(*call) reply {
	left := s.world.limits.left(VendorSalesforce, sfQuota)
	return reply{status: http.StatusOK, body: doc{
		"DailyApiRequests": doc{"Max": sfQuota, "Remaining": left}, "DailyBulkV2QueryJobs": doc{"Max": 10000, "Remaining": 10000 - len(s.jobs)},
	}}
}

// sfError is an error in the vendor's shape, which is a list.
func sfError(status int, code, message string) reply {
	return reply{status: status, body: []doc{{"message": message, "errorCode": code}}}
}

func sfRefusal(err error) reply {
	var f *sfFault
	if errors.As(err, &f) {
		return sfError(http.StatusBadRequest, f.code, f.message)
	}
	return sfError(http.StatusBadRequest, "UNKNOWN_EXCEPTION", err.Error())
}

// learnTypes takes in the fields that were added to the org and the types that were switched off.
func (s *sfServer) learnTypes() {
	changes := 1
	for key, fields := range s.world.deskFields {
		if strings.HasPrefix(key, "salesforce/") {
			changes += len(fields)
		}
	}
	if changes == s.known {
		return
	}
	s.types, s.known = map[string]*sfType{}, changes
	for _, t := range sfTypes() {
		if len(s.world.deskFields["salesforce/off/"+t.name]) > 0 {
			continue
		}
		for _, f := range s.world.deskFields["salesforce/"+t.name] {
			t.fields = append(t.fields, sfField{name: as[string](f["name"]), kind: as[string](f["kind"]), length: 255, custom: true})
		}
		s.types[t.name] = t
	}
}

func (s *sfServer) typed(fn func(*call, *sfType) reply) func(*call) reply {
	return func(c *call) reply {
		for _, t := range s.types {
			if strings.EqualFold(t.name, c.PathValue("type")) {
				return fn(c, t)
			}
		}
		return sfError(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	}
}

// rows are a type's records as queries see them; all adds what is in the recycle bin.
func (s *sfServer) rows(t *sfType, all bool) []*item {
	var out []*item
	for _, it := range s.world.shelf(VendorSalesforce, t.stream).list(s.world.now) {
		binned := !it.gone.IsZero()
		if binned && (!all || it.doc["_purged"] == true || s.world.now.Sub(it.gone) > sfBin) {
			continue
		}
		out = append(out, it)
	}
	return out
}

func (s *sfServer) query(c *call, all bool) reply {
	q, err := parseSOQL(c.query.Get("q"), s.types)
	if err != nil {
		return sfRefusal(err)
	}
	rows := q.run(s.rows(q.typ, all))
	if q.count {
		return reply{status: http.StatusOK, body: doc{"totalSize": len(rows), "done": true, "records": []doc{}}}
	}
	size := sfPage
	if _, text, ok := strings.Cut(c.Header.Get("Sforce-Query-Options"), "batchSize="); ok {
		if n, err := strconv.Atoi(text); err == nil {
			size = min(max(n, sfLeast), sfPage)
		}
	}
	cur := &sfCursor{id: "0r8" + canon.Hash([]byte(c.query.Get("q") + s.world.now.String()))[:15], at: s.world.now, q: q, rows: rows, size: size}
	if len(rows) > size {
		s.cursors = slices.DeleteFunc(s.cursors, func(o *sfCursor) bool { return o.id == cur.id })
		s.cursors = append(s.cursors, cur)
		s.cursors = s.cursors[max(0, len(s.cursors)-sfCursors):]
	}
	return s.page(c, cur, 0)
}

// page answers with a query's rows from a position on.
func (s *sfServer) page(c *call, cur *sfCursor, from int) reply {
	end := min(from+cur.size, len(cur.rows))
	records := []doc{}
	for _, it := range cur.rows[from:end] {
		records = append(records, cur.q.typ.shape(c.PathValue("v"), it, cur.q.fields))
	}
	body := doc{"totalSize": len(cur.rows), "done": end == len(cur.rows), "records": records}
	next := end
	if c.repeat && from > 0 {
		next, body["done"] = from, false
	}
	if body["done"] == false {
		body["nextRecordsUrl"] = fmt.Sprintf("/services/data/%s/query/%s-%d", c.PathValue("v"), cur.id, next)
	}
	return reply{status: http.StatusOK, body: body}
}

func (s *sfServer) more(c *call) reply {
	id, pos, _ := strings.Cut(c.PathValue("locator"), "-")
	from, err := strconv.Atoi(pos)
	i := slices.IndexFunc(s.cursors, func(o *sfCursor) bool { return o.id == id })
	if err != nil || i < 0 || s.world.now.Sub(s.cursors[i].at) > sfCursorLife || from < 0 || from > len(s.cursors[i].rows) {
		return sfError(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator")
	}
	return s.page(c, s.cursors[i], from)
}

func (s *sfServer) list(*call) reply {
	all := []doc{}
	for _, t := range s.types {
		all = append(all, doc{"name": t.name, "label": t.name, "keyPrefix": t.prefix, "queryable": true, "custom": false})
	}
	slices.SortFunc(all, func(a, b doc) int { return strings.Compare(as[string](a["name"]), as[string](b["name"])) })
	return reply{status: http.StatusOK, body: doc{"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": all}}
}

func (s *sfServer) describe(_ *call, t *sfType) reply {
	fields := []doc{}
	for i := range t.fields {
		fields = append(fields, t.fields[i].describe())
	}
	return reply{status: http.StatusOK, body: doc{
		"name": t.name, "label": t.name, "labelPlural": t.name + "s", "keyPrefix": t.prefix, "custom": false, "queryable": true, "retrieveable": true,
		"replicateable": t.deletes, "deletable": t.deletes, "mergeable": t.merges, "updateable": true, "createable": true, "fields": fields,
		"childRelationships": []doc{}, "recordTypeInfos": []doc{},
	}}
}

// span reads start and end, seconds cut off as the vendor does.
func (s *sfServer) span(c *call) (from, to time.Time, bad *reply) {
	from, ok := sfMoment(c.query.Get("start"))
	to, ok2 := sfMoment(c.query.Get("end"))
	from, to = from.Truncate(time.Minute), to.Truncate(time.Minute)
	refuse := func(code, why string) *reply { r := sfError(http.StatusBadRequest, code, why); return &r }
	switch {
	case !ok || !ok2:
		bad = refuse("INVALID_REPLICATION_DATE", "start and end must be ISO 8601 times")
	case !to.After(from):
		bad = refuse("INVALID_REPLICATION_DATE", "endDate must be at least 1 minute greater than startDate")
	case s.world.now.Sub(from) > sfBin:
		bad = refuse("INVALID_REPLICATION_DATE", "startDate is before the earliest date available")
	}
	return from, to, bad
}

func (s *sfServer) deleted(c *call, t *sfType) reply {
	from, to, bad := s.span(c)
	if bad != nil {
		return *bad
	}
	records := []doc{}
	for _, it := range s.world.shelf(VendorSalesforce, t.stream).list(s.world.now) {
		if !it.gone.IsZero() && !it.gone.Before(from) && it.gone.Before(to) {
			records = append(records, doc{"id": it.id, "deletedDate": sfTime(it.gone)})
		}
	}
	return reply{status: http.StatusOK, body: doc{
		"deletedRecords": records, "earliestDateAvailable": sfTime(s.world.now.Add(-sfBin).Truncate(time.Minute)),
		"latestDateCovered": sfTime(sooner(to, s.world.now.Truncate(time.Minute))),
	}}
}

func (s *sfServer) updated(c *call, t *sfType) reply {
	from, to, bad := s.span(c)
	if bad != nil {
		return *bad
	}
	ids := []string{}
	for _, it := range s.rows(t, false) {
		if !it.updated.Before(from) && it.updated.Before(to) {
			ids = append(ids, it.id)
		}
	}
	return reply{status: http.StatusOK, body: doc{"ids": ids, "latestDateCovered": sfTime(sooner(to, s.world.now.Truncate(time.Minute)))}}
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (s *sfServer) one(c *call, t *sfType) reply {
	for _, it := range s.rows(t, false) {
		if it.id == sfLong(c.PathValue("id")) {
			return reply{status: http.StatusOK, body: t.shape(c.PathValue("v"), it, t.all(c.words("fields")))}
		}
	}
	return sfError(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: "+c.PathValue("id"))
}

// all returns the fields of these names, every field where there are none.
func (t *sfType) all(names []string) []*sfField {
	var out []*sfField
	for i := range t.fields {
		if len(names) == 0 || slices.Contains(names, t.fields[i].name) {
			out = append(out, &t.fields[i])
		}
	}
	return out
}

// retrieve reads up to 2,000 records by id (800 in the GET form); those that are not there are null.
func (s *sfServer) retrieve(c *call, t *sfType) reply {
	var in struct{ IDs, Fields []string }
	most := 2000
	if c.Method == http.MethodPost {
		if err := json.Unmarshal(c.raw, &in); err != nil {
			return sfError(http.StatusBadRequest, "JSON_PARSER_ERROR", err.Error())
		}
	} else {
		in.IDs, in.Fields, most = c.words("ids"), c.words("fields"), 800
	}
	if len(in.IDs) == 0 || len(in.IDs) > most || len(in.Fields) == 0 {
		return sfError(http.StatusBadRequest, "INVALID_INPUT", fmt.Sprintf("give 1 to %d ids and the fields", most))
	}
	var fields []*sfField
	for _, name := range in.Fields {
		f := t.field(name)
		if f == nil {
			return sfError(http.StatusBadRequest, "INVALID_FIELD", "No such column '"+name+"' on entity '"+t.name+"'.")
		}
		fields = append(fields, f)
	}
	byID := map[string]*item{}
	for _, it := range s.rows(t, false) {
		byID[it.id] = it
	}
	out := []any{}
	for _, id := range in.IDs {
		if it := byID[sfLong(id)]; it != nil {
			out = append(out, t.shape(c.PathValue("v"), it, fields))
		} else {
			out = append(out, nil)
		}
	}
	return reply{status: http.StatusOK, body: out}
}
