package sandbox

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// VendorDelighted names the survey server.
const VendorDelighted = "delighted"

// DelightedKey is the API key that the survey server asks for.
const DelightedKey = "dl_sandbox_not_a_secret"

// dlPerSecond is a limit of the sandbox's own: the vendor publishes no number.
const dlPerSecond = 10

// Delighted returns a survey server. It wants DelightedKey as the user of basic authentication, and answers:
//
//	GET   /v1/people.json, /v1/survey_responses.json
func (w *World) Delighted() http.Handler {
	b := (&books{world: w, vendor: VendorDelighted, write: dlWrite, stir: dlStir, stamp: dlStamp}).open("people", "survey_responses")
	g := &gate{world: w, vendor: VendorDelighted, mux: http.NewServeMux(), limit: w.dlLimit,
		allowed: func(r *http.Request) bool {
			user, _, _ := r.BasicAuth()
			return user == DelightedKey
		},
		denied: func(*call) reply { return dlError(http.StatusUnauthorized, "Invalid API key") }}
	b.route(g, "GET /v1/people.json", b.dlPeople)
	b.route(g, "GET /v1/survey_responses.json", b.dlResponses)
	b.route(g, "/", func(*call) reply { return dlError(http.StatusNotFound, "Not found") })
	return g
}

func (w *World) dlLimit(*call) (reply, bool) {
	wait, ok := w.limits.take(VendorDelighted, dlPerSecond, time.Second)
	if ok {
		return reply{}, false
	}
	a := dlError(http.StatusTooManyRequests, "Too many requests")
	a.header = map[string]string{"Retry-After": strconv.Itoa(int(wait/time.Second) + 1)}
	return a, true
}

func dlError(status int, text string) reply {
	return reply{status: status, body: doc{"status": status, "message": text}}
}

func dlStamp(stream string, d doc, created, updated time.Time) {
	d["created_at"] = created.Unix()
	if stream == "survey_responses" {
		d["updated_at"] = updated.Unix()
	}
}

// dlPeople lists people by when they were added. The next page is told in a header.
func (b *books) dlPeople(c *call) reply {
	size, ok := queryNumber(c, "per_page", 20, 100)
	if !ok {
		return dlError(http.StatusNotAcceptable, "per_page is invalid")
	}
	rows := dlSorted(live(b.list("people").list(b.world.now)), false)
	after := c.query.Get("page_info")
	if i := slices.IndexFunc(rows, func(it *item) bool { return it.id == after }); i >= 0 && !c.repeat {
		rows = rows[i+1:]
	}
	header := map[string]string{}
	if len(rows) > size {
		rows = rows[:size]
		header["Link"] = fmt.Sprintf("<%s%s?page_info=%s&per_page=%d>; rel=\"next\"", c.base(), c.URL.Path, rows[size-1].id, size)
	}
	people := []doc{}
	for _, it := range rows {
		people = append(people, it.doc)
	}
	return reply{status: http.StatusOK, body: people, header: header}
}

func dlSorted(rows []*item, changed bool) []*item {
	slices.SortFunc(rows, func(x, y *item) int {
		if changed {
			return cmp.Or(x.updated.Compare(y.updated), cmp.Compare(x.id, y.id))
		}
		return cmp.Or(x.created.Compare(y.created), cmp.Compare(x.id, y.id))
	})
	return rows
}

// dlResponses lists answers by when they were given, or changed.
func (b *books) dlResponses(c *call) reply {
	size, ok := queryNumber(c, "per_page", 20, 100)
	page, fine := queryNumber(c, "page", 1, 1<<20)
	since, good := queryMoment(c.query.Get("since"), time.Time{})
	changed, right := queryMoment(c.query.Get("updated_since"), time.Time{})
	if !ok || !fine || !good || !right {
		return dlError(http.StatusNotAcceptable, "a parameter is invalid")
	}
	answers := []doc{}
	rows := live(b.list("survey_responses").list(b.world.now))
	rows = slices.DeleteFunc(rows, func(it *item) bool { return it.created.Before(since) || it.updated.Before(changed) })
	for i, it := range dlSorted(rows, c.query.Get("order") == "asc:updated_at") {
		if i/size+1 != page {
			continue
		}
		d := laidOver(it.doc, nil)
		if person := b.list("people").byID[as[string](d["person"])]; person != nil && c.query.Get("expand[]") == "person" {
			d["person"] = doc{"id": person.id, "email": person.doc["email"], "name": person.doc["name"], "created_at": person.doc["created_at"]}
		}
		answers = append(answers, d)
	}
	return reply{status: http.StatusOK, body: answers}
}

func dlWrite(b *books) {
	for _, a := range b.world.payers() {
		for i, p := range a.people {
			mail := p.props["email"]
			if mail == "" {
				continue
			}
			id := "7" + p.id
			b.enter(entry{stream: "people", id: id, created: a.born, updated: a.born, first: doc{"id": id, "email": mail,
				"name": p.props["firstname"] + " " + p.props["lastname"], "phone_number": nil, "last_sent_at": a.born.Unix()}})
			for n, at := 0, a.born.Add(time.Duration(30+i)*day); at.Before(b.world.opts.Now); n, at = n+1, at.AddDate(0, 1, 0) {
				if b.filling {
					b.dlAnswer(a, id, n, at)
				}
			}
		}
	}
}

func (b *books) dlAnswer(a *account, person string, n int, at time.Time) {
	d := b.world.dice("delighted "+person, n)
	kind, score := "nps", min(10, max(0, int(a.mood*10)+d.between(-2, 2)))
	switch n % 4 {
	case 1:
		kind, score = "csat", 1+score*4/10
	case 2:
		kind, score = "ces", 1+score*6/10
	case 3:
		kind, score = "thumbs", score/6
	}
	id := strconv.Itoa(n) + person
	b.enter(entry{stream: "survey_responses", id: id, created: at, updated: at, first: doc{"id": id, "person": person, "survey_type": kind, "score": score,
		"comment": nil, "permalink": "https://app.delighted.example/r/" + id, "notes": []doc{}, "tags": []doc{}, "additional_answers": []doc{},
		"person_properties": doc{"plan": a.plan.name}}})
}

// dlStir is what people do between two readings: answer, think again, and ask to be forgotten.
func dlStir(b *books, n int, d dice) {
	a := pick(d, b.world.payers())
	if people := b.living("people"); len(people) > 0 {
		b.dlAnswer(a, pick(d, people).id, 1000+n, b.world.now)
	}
	answers := b.living("survey_responses")
	if len(answers) == 0 {
		return
	}
	it := pick(d, answers)
	if n%3 == 2 {
		b.list("survey_responses").remove(it, b.world.now)
		return
	}
	b.change(b.list("survey_responses"), it, doc{"comment": fmt.Sprintf("On second thought, %d.", n)})
}
