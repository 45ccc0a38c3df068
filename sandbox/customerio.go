package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VendorCustomerIO names the marketing e-mail server.
const VendorCustomerIO = "customerio"

// CustomerIOKey is the App API key that the marketing e-mail server asks for.
const CustomerIOKey = "cio_app_sandbox_not_a_secret"

// cioPerSecond is the published limit of the App API (docs.customer.io, App API).
const cioPerSecond = 10

// CustomerIO returns a marketing e-mail server. It wants CustomerIOKey as bearer token, and answers:
//
//	GET   /v1/messages, /v1/messages/{id}
//	POST  /v1/customers (who has an attribute, or whose attribute is a value), /v1/customers/attributes
func (w *World) CustomerIO() http.Handler {
	b := (&books{world: w, vendor: VendorCustomerIO, write: cioWrite, stir: cioStir, stamp: func(_ string, d doc, created, _ time.Time) {
		d["created"] = created.Unix()
	}}).open("customers", "messages")
	g := &gate{world: w, vendor: VendorCustomerIO, mux: http.NewServeMux(), limit: w.cioLimit,
		allowed: func(r *http.Request) bool { return bearer(r, CustomerIOKey) },
		denied: func(*call) reply {
			return reply{status: http.StatusUnauthorized, body: doc{"meta": doc{"error": "unauthorized"}}}
		}}
	b.route(g, "GET /v1/messages", b.cioMessages)
	b.route(g, "GET /v1/messages/{id}", func(c *call) reply {
		if it := b.list("messages").byID[c.PathValue("id")]; it != nil {
			return reply{status: http.StatusOK, body: doc{"message": it.doc}}
		}
		return cioError(http.StatusNotFound, "not found")
	})
	b.route(g, "POST /v1/customers", b.cioSearch)
	b.route(g, "POST /v1/customers/attributes", b.cioAttributes)
	b.route(g, "/", func(*call) reply { return cioError(http.StatusNotFound, "not found") })
	return g
}

func (w *World) cioLimit(*call) (reply, bool) {
	if _, ok := w.limits.take(VendorCustomerIO, cioPerSecond, time.Second); ok {
		return reply{}, false
	}
	return cioError(http.StatusTooManyRequests, "too many requests"), true
}

func cioError(status int, text string) reply {
	return reply{status: status, body: doc{"errors": []doc{{"detail": text, "status": strconv.Itoa(status)}}}}
}

// cioPage cuts a page of rows that are sorted by the key, behind the token.
func cioPage(c *call, rows []*item, key func(*item) string) (page []*item, next string, ok bool) {
	limit, ok := queryNumber(c, "limit", 50, 1000)
	if !ok {
		return nil, "", false
	}
	if after := c.query.Get("start"); after != "" && !c.repeat {
		rows = slices.DeleteFunc(rows, func(it *item) bool { return key(it) <= after })
	}
	if len(rows) <= limit {
		return rows, "", true
	}
	return rows[:limit], key(rows[limit-1]), true
}

// cioMessages lists messages by when they were made, the newest first, six months of them at most.
func (b *books) cioMessages(c *call) reply {
	end, good := queryMoment(c.query.Get("end_ts"), b.world.now)
	start, fine := queryMoment(c.query.Get("start_ts"), end.AddDate(0, -6, 0))
	if !good || !fine {
		return cioError(http.StatusBadRequest, "start_ts is invalid")
	}
	if most := end.AddDate(0, -6, 0); start.Before(most) {
		start = most
	}
	key := func(it *item) string { return fmt.Sprintf("%012d-%s", 999999999999-it.created.Unix(), it.id) }
	var rows []*item
	for _, it := range b.list("messages").list(b.world.now) {
		if kind := c.query.Get("type"); !it.created.Before(start) && !it.created.After(end) && (kind == "" || it.doc["type"] == kind) {
			rows = append(rows, it)
		}
	}
	slices.SortFunc(rows, func(x, y *item) int { return cmp.Compare(key(x), key(y)) })
	page, next, ok := cioPage(c, rows, key)
	if !ok {
		return cioError(http.StatusBadRequest, "limit is invalid")
	}
	messages := []doc{}
	for _, it := range page {
		messages = append(messages, it.doc)
	}
	return reply{status: http.StatusOK, body: doc{"messages": messages, "next": next}}
}

// cioSearch finds people by one condition on an attribute.
func (b *books) cioSearch(c *call) reply {
	type condition struct {
		Attribute struct {
			Field, Operator, Value string
		}
	}
	var in struct{ Filter struct{ And []condition } }
	if json.Unmarshal(c.raw, &in) != nil || len(in.Filter.And) != 1 {
		return cioError(http.StatusBadRequest, "invalid filter")
	}
	want := in.Filter.And[0].Attribute
	var rows []*item
	for _, it := range byIDOrder(live(b.list("customers").list(b.world.now))) {
		v, has := as[doc](it.doc["attributes"])[want.Field]
		if want.Operator == "exists" && has || want.Operator == "eq" && has && fmt.Sprint(v) == want.Value {
			rows = append(rows, it)
		}
	}
	slices.SortFunc(rows, func(x, y *item) int { return strings.Compare(x.id, y.id) })
	page, next, ok := cioPage(c, rows, func(it *item) string { return it.id })
	if !ok {
		return cioError(http.StatusBadRequest, "limit is invalid")
	}
	people, ids := []doc{}, []any{}
	for _, it := range page {
		a := as[doc](it.doc["attributes"])
		people, ids = append(people, doc{"cio_id": it.id, "id": a["id"], "email": a["email"]}), append(ids, a["id"])
	}
	return reply{status: http.StatusOK, body: doc{"identifiers": people, "ids": ids, "next": next}}
}

// cioAttributes tells what is known of up to 100 people. Who is not known is left out.
func (b *books) cioAttributes(c *call) reply {
	var in struct{ IDs []string }
	if json.Unmarshal(c.raw, &in) != nil || len(in.IDs) < 1 || len(in.IDs) > 100 || c.query.Get("id_type") != "cio_id" {
		return cioError(http.StatusBadRequest, "ids must be 1 to 100 of the id_type")
	}
	known := []doc{}
	for _, id := range in.IDs {
		if it := b.list("customers").byID[id]; it != nil && it.gone.IsZero() {
			a := as[doc](it.doc["attributes"])
			known = append(known, doc{"customer": doc{"id": a["id"], "attributes": a, "timestamps": doc{"email": it.created.Unix()},
				"unsubscribed": a["unsubscribed"] == "true", "devices": []doc{}}})
		}
	}
	return reply{status: http.StatusOK, body: doc{"customers": known}}
}

// cioWrite enters everybody with an address, and a newsletter a month.
func cioWrite(b *books) {
	for _, a := range b.world.accounts {
		for i, p := range a.people {
			mail := p.props["email"]
			if mail == "" {
				continue
			}
			id := b.bookID("person", mail, strconv.Itoa(a.n), strconv.Itoa(i))[:12]
			b.enter(entry{stream: "customers", id: id, created: a.born, updated: a.born, first: doc{"attributes": doc{
				"id": "user-" + p.id, "cio_id": id, "email": mail, "first_name": p.props["firstname"], "last_name": p.props["lastname"],
				"created_at": strconv.FormatInt(a.born.Unix(), 10), "plan": a.plan.name, "_last_emailed": "1"}}})
			month := b.world.opts.Now.AddDate(0, -5, 0)
			for n := 0; month.Before(b.world.now); n, month = n+1, month.AddDate(0, 1, 0) {
				if b.filling && month.After(a.born) {
					b.cioMail(id, mail, n, month)
				}
			}
		}
	}
}

// cioMail is one e-mail to a person, with what became of it up to now.
func (b *books) cioMail(person, mail string, n int, at time.Time) {
	d := b.world.dice("mail "+person, n)
	metrics := doc{"sent": at.Add(2 * time.Second).Unix()}
	if d.chance(0.03) {
		metrics["bounced"] = at.Add(5 * time.Second).Unix()
	} else {
		metrics["delivered"] = at.Add(4 * time.Second).Unix()
		for _, more := range []struct {
			what   string
			chance float64
			after  time.Duration
		}{{"opened", 0.6, 3 * time.Hour}, {"clicked", 0.3, 4 * time.Hour}, {"unsubscribed", 0.05, 5 * time.Hour}} {
			if !d.chance(more.chance) || at.Add(more.after).After(b.world.now) {
				break
			}
			metrics[more.what] = at.Add(more.after).Unix()
		}
	}
	id := "dg" + b.bookID("mail", person, strconv.Itoa(n))[:26]
	b.enter(entry{stream: "messages", id: id, created: at, updated: at, first: doc{"id": id, "deduplicate_id": id + ":1", "type": "email",
		"newsletter_id": 100 + n, "campaign_id": nil, "customer_id": nil, "recipient": mail, "subject": fmt.Sprintf("News %d", n),
		"customer_identifiers": doc{"cio_id": person, "email": mail}, "metrics": metrics, "failure_message": nil, "forgotten": false}})
}

// cioStir is what marketing and its readers do between two readings.
func cioStir(b *books, n int, d dice) {
	people, mails := b.living("customers"), b.living("messages")
	p := pick(d, people)
	a := as[doc](p.doc["attributes"])
	now := b.world.now
	b.cioMail(p.id, fmt.Sprint(a["email"]), 1000+n, now)
	recent := slices.DeleteFunc(mails, func(it *item) bool { return it.created.Before(now.Add(-70 * time.Hour)) })
	if len(recent) > 0 { // somebody reads what came in the last days
		it := pick(d, recent)
		metrics := maps.Clone(as[doc](it.doc["metrics"]))
		what := "opened"
		if metrics[what] != nil {
			what = "clicked"
		}
		metrics[what] = now.Unix()
		b.change(b.list("messages"), it, doc{"metrics": metrics})
	}
	switch n % 4 {
	case 1:
		b.change(b.list("customers"), p, doc{"attributes": laidOver(a, doc{"unsubscribed": "true"})})
	case 2: // two weeks late somebody opens an old one
		old := slices.DeleteFunc(b.living("messages"), func(it *item) bool {
			return it.created.Before(now.Add(-330*time.Hour)) || it.created.After(now.Add(-80*time.Hour))
		})
		if len(old) > 0 {
			it := pick(d, old)
			b.change(b.list("messages"), it, doc{"metrics": laidOver(as[doc](it.doc["metrics"]), doc{"opened": now.Unix()})})
		}
	case 3:
		b.list("customers").remove(p, now)
	}
}
