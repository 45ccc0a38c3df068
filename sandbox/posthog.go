package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VendorPostHog names the product analytics server.
const VendorPostHog = "posthog"

// The credentials of the product analytics server: a personal API key, and the project that it opens.
const (
	PostHogKey     = "phx_sandbox_not_a_secret"
	PostHogProject = "4711"
)

// The published limits of a project's queries (posthog.com/docs/api, Rate limiting).
const (
	phPerMinute = 240
	phPerHour   = 2400
)

// phSlow is how long an event may take until queries see it.
const phSlow = 2 * time.Minute

// PostHog returns a product analytics server. It wants PostHogKey as bearer token, and answers:
//
//	POST  /api/projects/{PostHogProject}/query/
//	GET   /api/projects/{PostHogProject}/groups/
//
// It knows no SQL in general: a query is told by the table that it reads, its conditions are taken from the
// values that come with it, and its columns are those that the connector asks for.
func (w *World) PostHog() http.Handler {
	b := (&books{world: w, vendor: VendorPostHog, write: phWrite, stir: phStir, stamp: phStamp}).open("groups", "persons", "events")
	g := &gate{world: w, vendor: VendorPostHog, mux: http.NewServeMux(), limit: w.phLimit,
		allowed: func(r *http.Request) bool { return bearer(r, PostHogKey) },
		denied: func(*call) reply {
			return phError(http.StatusUnauthorized, "authentication_error", "authentication_failed", "Invalid access token.")
		}}
	for pattern, answer := range map[string]func(*call) reply{"POST /api/projects/{project}/query/": b.phQuery, "GET /api/projects/{project}/groups/": b.phGroups} {
		b.route(g, pattern, func(c *call) reply {
			if c.PathValue("project") != PostHogProject {
				return phError(http.StatusForbidden, "authentication_error", "permission_denied", "API key does not have access to the requested project.")
			}
			return answer(c)
		})
	}
	b.route(g, "/", func(*call) reply {
		return phError(http.StatusNotFound, "invalid_request", "not_found", "Endpoint not found.")
	})
	return g
}

func (w *World) phLimit(*call) (reply, bool) {
	wait, ok := w.limits.take(VendorPostHog, phPerMinute, time.Minute)
	if ok {
		wait, ok = w.limits.take(VendorPostHog+" hour", phPerHour, time.Hour)
	}
	if ok {
		return reply{}, false
	}
	a := phError(http.StatusTooManyRequests, "throttled_error", "throttled", "Request was throttled.")
	a.header = map[string]string{"Retry-After": strconv.Itoa(int(wait/time.Second) + 1)}
	return a, true
}

func phError(status int, kind, code, detail string) reply {
	return reply{status: status, body: doc{"type": kind, "code": code, "detail": detail, "attr": nil}}
}

func phTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func phStamp(_ string, d doc, created, _ time.Time) {
	d["created_at"] = phTime(created)
}

// phAsk is a query as it is understood.
type phAsk struct {
	text                        string
	after, start, since, events string
	hasSince                    bool
}

var phPlaceholder = regexp.MustCompile(`\{(\w+)\}`)

// phQuery answers a query. A placeholder without a value is refused, as the vendor does.
func (b *books) phQuery(c *call) reply {
	var in struct {
		Query struct {
			Kind   string            `json:"kind"`
			Query  string            `json:"query"`
			Values map[string]string `json:"values"`
		} `json:"query"`
	}
	if json.Unmarshal(c.raw, &in) != nil || in.Query.Kind != "HogQLQuery" {
		return phError(http.StatusBadRequest, "validation_error", "invalid_input", "Query is not valid.")
	}
	for _, m := range phPlaceholder.FindAllStringSubmatch(in.Query.Query, -1) {
		if _, ok := in.Query.Values[m[1]]; !ok {
			return phError(http.StatusBadRequest, "validation_error", "hogql_error", "Unresolved placeholder: {"+m[1]+"}")
		}
	}
	v := in.Query.Values
	q := phAsk{text: in.Query.Query, after: v["after"], start: v["start"], since: v["since"], events: v["events"]}
	_, q.hasSince = v["since"]
	if c.repeat {
		q.after = ""
	}
	var rows [][]any
	switch {
	case q.text == "SELECT 1":
		rows = [][]any{{1}}
	case strings.Contains(q.text, "FROM persons"):
		rows = b.phPersons(q)
	case strings.Contains(q.text, "FROM events"):
		rows = b.phEvents(q)
	default:
		return phError(http.StatusBadRequest, "validation_error", "hogql_error", "Unknown table.")
	}
	if len(rows) > 1000 {
		rows = rows[:1000]
	}
	return reply{status: http.StatusOK, body: doc{"results": rows, "hasMore": false, "is_cached": false, "error": nil, "hogql": q.text}}
}

// recent reports whether a moment is within the query's window.
func (q phAsk) recent(t time.Time) bool {
	since, err := time.Parse(time.RFC3339, q.since)
	return !q.hasSince || err == nil && !t.Before(since)
}

func phText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "{}"
	}
	return string(b)
}

// phPage is how many groups a page has.
const phPage = 100

// phGroups lists the groups of the first type; the project has no other.
func (b *books) phGroups(c *call) reply {
	index := c.query.Get("group_type_index")
	if len(index) != 1 || index < "0" || index > "4" {
		return phError(http.StatusBadRequest, "validation_error", "invalid_input", "group_type_index is required")
	}
	after := c.query.Get("cursor")
	results, next := []doc{}, any(nil)
	for _, it := range byIDOrder(live(b.list("groups").list(b.world.now))) {
		if index != "0" || it.id <= after && !c.repeat {
			continue
		}
		if len(results) == phPage {
			next = fmt.Sprintf("%s%s?group_type_index=%s&cursor=%s", c.base(), c.URL.Path, index, results[phPage-1]["group_key"])
			break
		}
		results = append(results, doc{"group_type_index": 0, "group_key": it.id, "group_properties": it.doc["properties"], "created_at": it.doc["created_at"]})
	}
	return reply{status: http.StatusOK, body: doc{"next": next, "previous": nil, "results": results}}
}

func (b *books) phPersons(q phAsk) [][]any {
	active := map[any]bool{}
	for _, it := range b.list("events").list(b.world.now) {
		active[it.doc["person_id"]] = active[it.doc["person_id"]] || q.recent(it.created)
	}
	rows := [][]any{}
	for _, it := range byIDOrder(live(b.list("persons").list(b.world.now))) {
		if it.id > q.after && (!q.hasSince || active[it.id]) && it.doc["is_identified"] == true {
			rows = append(rows, []any{it.id, it.doc["created_at"], true, phText(it.doc["properties"])})
		}
	}
	return rows
}

func (b *books) phEvents(q phAsk) [][]any {
	rows := [][]any{}
	wanted := strings.Split(q.events, ",")
	for _, it := range b.list("events").list(b.world.now) {
		name, at := as[string](it.doc["event"]), as[time.Time](it.doc["at"])
		noise := strings.HasPrefix(name, "$") && name != "$pageview" && name != "$screen"
		place := strconv.FormatInt(at.UnixMilli(), 10) + "-" + it.id
		late := q.hasSince && !q.recent(at.Add(7*day))
		if q.events == "" && noise || q.events != "" && !slices.Contains(wanted, name) || !q.recent(it.created) || late ||
			place <= q.after || phTime(at) < q.start {
			continue
		}
		rows = append(rows, []any{it.id, name, phTime(at), it.doc["created_at"], it.doc["distinct_id"], it.doc["person_id"], it.doc["email"],
			it.doc["group"], it.doc["session"], it.doc["page"], place})
	}
	slices.SortFunc(rows, func(x, y []any) int { return cmp.Compare(as[string](x[10]), as[string](y[10])) })
	return rows
}

func (b *books) phGroup(a *account) string { return "acct-" + strconv.Itoa(a.n) }

// phWrite enters accounts as groups, their people as persons, and what these did in the last months.
func phWrite(b *books) {
	for _, a := range b.world.payers() {
		properties := doc{"name": a.name, "domain": a.domain, "plan": a.plan.name, "seats": a.seats, "tier": "standard"}
		if crm := a.crmID(); crm != "" {
			properties["hubspot_company_id"] = crm
		}
		b.phEnter("groups", b.phGroup(a), a.born, properties)
		for i, p := range a.people {
			mail := p.props["email"]
			id := b.bookUUID("person", mail, strconv.Itoa(a.n))
			if mail == "" {
				continue
			}
			b.phEnter("persons", id, a.born, doc{"email": mail, "first_name": p.props["firstname"], "last_name": p.props["lastname"],
				"$geoip_country_code": a.place.iso, "role": p.props["jobtitle"], "company_id": b.phGroup(a)})
			from := b.world.opts.Now.Add(-90 * day)
			for n, at := 0, from.Add(time.Duration(a.n%24+i)*time.Hour); at.Before(b.world.now); n, at = n+1, at.Add(4*day) {
				// Who is new has no history.
				if b.filling || at.After(b.world.now.Add(-6*day)) {
					b.phEvent(a, mail, n, at)
				}
			}
		}
	}
}

// phEnter adds a group or person. What they say of themselves is then theirs to change.
func (b *books) phEnter(stream, id string, at time.Time, properties doc) {
	b.enter(entry{stream: stream, id: id, created: at, updated: at, first: doc{"properties": properties, "is_identified": true}})
}

// phEvent is one thing that a person did at a moment, told at the world's time.
func (b *books) phEvent(a *account, mail string, n int, at time.Time) {
	id := b.bookUUID("event", mail, strconv.Itoa(a.n), strconv.Itoa(n))
	if b.list("events").byID[id] != nil {
		return
	}
	names := []string{"$pageview", "report exported", "$autocapture", "user invited", "$screen"}
	name := names[(a.n+n)%len(names)]
	var page any
	if name == "$pageview" || name == "$screen" {
		page = []string{"/reports", "/settings", "/home"}[n%3]
	}
	b.enter(entry{stream: "events", id: id, created: at.Add(time.Second), updated: at.Add(time.Second), first: doc{
		"event": name, "at": at, "distinct_id": mail, "person_id": b.bookUUID("person", mail, strconv.Itoa(a.n)), "email": mail,
		"group": b.phGroup(a), "session": b.bookUUID("session", mail, strconv.Itoa(n)), "page": page}})
	if it := b.list("events").byID[id]; !b.filling && n%2 == 0 {
		it.shown = b.world.now.Add(phSlow)
	}
}

// phStir is what users do between two readings: use the product, on the train as well, and become one person
// with another that they were.
func phStir(b *books, n int, d dice) {
	a := pick(d, b.world.payers())
	if len(a.people) == 0 || a.people[0].props["email"] == "" {
		return
	}
	mail := a.people[0].props["email"]
	now := b.world.now
	b.phEvent(a, mail, 1000+10*n, now)
	switch n % 4 {
	case 0: // two days without a network
		b.phEvent(a, mail, 1001+10*n, now.Add(-2*day))
	case 1: // says more of itself, by an event
		if it := b.list("persons").byID[b.bookUUID("person", mail, strconv.Itoa(a.n))]; it != nil && it.gone.IsZero() {
			b.list("persons").change(it, now, doc{"properties": laidOver(as[doc](it.doc["properties"]), doc{"role": fmt.Sprintf("Role %d", n)})})
			b.phEvent(a, mail, 1003+10*n, now)
		}
	case 2:
		if it := b.list("groups").byID[b.phGroup(a)]; it != nil {
			b.change(b.list("groups"), it, doc{"properties": laidOver(as[doc](it.doc["properties"]), doc{"tier": fmt.Sprintf("tier %d", n)})})
		}
	case 3: // signs up twice, and is recognised
		id := b.bookUUID("visitor", strconv.Itoa(n))
		b.phEnter("persons", id, now, doc{"email": mail})
		if old := b.list("persons").byID[b.bookUUID("visitor", strconv.Itoa(n-4))]; old != nil && old.gone.IsZero() {
			b.list("persons").remove(old, now)
		}
	}
}
