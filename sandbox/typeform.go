package sandbox

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VendorTypeform names the server of forms.
const VendorTypeform = "typeform"

// TypeformToken is the token that the server of forms asks for.
const TypeformToken = "tfp_sandbox_not_a_secret"

// tfPerSecond is the published limit of an account (typeform.com/developers, Get started, Rate limits).
const tfPerSecond = 2

// tfLate is how long the newest responses are held back: up to 30 minutes, the vendor says.
const tfLate = 25 * time.Minute

// Typeform returns a server of forms. It wants TypeformToken as bearer token, and answers:
//
//	GET   /me, /forms, /forms/{id}, /forms/{id}/responses
func (w *World) Typeform() http.Handler {
	b := (&books{world: w, vendor: VendorTypeform, write: tfWrite, stir: tfStir, stamp: tfStamp}).open("forms", "responses")
	g := &gate{world: w, vendor: VendorTypeform, mux: http.NewServeMux(), limit: w.tfLimit,
		allowed: func(r *http.Request) bool { return bearer(r, TypeformToken) },
		denied: func(*call) reply {
			return tfError(http.StatusUnauthorized, "AUTHENTICATION_FAILED", "Authentication credentials not found on the Request Headers")
		}}
	b.route(g, "GET /me", func(*call) reply {
		return reply{status: http.StatusOK, body: doc{"alias": "Sandbox", "email": "owner@sandbox.example", "language": "en"}}
	})
	b.route(g, "GET /forms", b.tfForms)
	b.route(g, "GET /forms/{id}", func(c *call) reply {
		if it := b.tfForm(c); it != nil {
			return reply{status: http.StatusOK, body: it.doc}
		}
		return tfUnknown()
	})
	b.route(g, "GET /forms/{id}/responses", b.tfResponses)
	b.route(g, "/", func(*call) reply { return tfError(http.StatusNotFound, "NOT_FOUND", "Not found") })
	return g
}

func (w *World) tfLimit(*call) (reply, bool) {
	if _, ok := w.limits.take(VendorTypeform, tfPerSecond, time.Second); ok {
		return reply{}, false
	}
	return tfError(http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "Too many requests"), true
}

func tfError(status int, code, text string) reply {
	return reply{status: status, body: doc{"code": code, "description": text}}
}

func tfUnknown() reply {
	return tfError(http.StatusNotFound, "FORM_NOT_FOUND", "Form does not exist")
}

func tfStamp(stream string, d doc, created, updated time.Time) {
	if stream == "forms" {
		d["created_at"], d["last_updated_at"] = tfTime(created), tfTime(updated)
		return
	}
	d["submitted_at"] = tfTime(created)
}

func tfTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (b *books) tfForm(c *call) *item {
	if it := b.list("forms").byID[c.PathValue("id")]; it != nil && it.gone.IsZero() {
		return it
	}
	return nil
}

// queryNumber reads a number of the query within bounds.
func queryNumber(c *call, name string, fallback, most int) (int, bool) {
	s := c.query.Get(name)
	if s == "" {
		return fallback, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= most
}

func tfBad(name string) reply {
	return tfError(http.StatusBadRequest, "VALIDATION_ERROR", "Error in parameter "+name)
}

// tfForms lists the forms, the last changed first, without what they ask.
func (b *books) tfForms(c *call) reply {
	size, ok := queryNumber(c, "page_size", 10, 200)
	page, good := queryNumber(c, "page", 1, 1<<20)
	if !ok || !good {
		return tfBad("page_size")
	}
	all := b.living("forms")
	slices.SortStableFunc(all, func(x, y *item) int { return y.updated.Compare(x.updated) })
	items := []doc{}
	for i, it := range all {
		if i/size+1 == page {
			items = append(items, doc{"id": it.id, "title": it.doc["title"], "type": "quiz", "created_at": it.doc["created_at"],
				"last_updated_at": it.doc["last_updated_at"], "settings": doc{"is_public": true, "is_trial": false}})
		}
	}
	return reply{status: http.StatusOK, body: doc{"total_items": len(all), "page_count": (len(all) + size - 1) / size, "items": items}}
}

// tfResponses lists a form's responses, the newest first, before a token and within a window.
func (b *books) tfResponses(c *call) reply {
	if b.tfForm(c) == nil {
		return tfUnknown()
	}
	size, ok := queryNumber(c, "page_size", 25, 1000)
	if !ok {
		return tfBad("page_size")
	}
	since, good := queryMoment(c.query.Get("since"), time.Time{})
	until, fine := queryMoment(c.query.Get("until"), b.world.now.AddDate(100, 0, 0))
	if !good || !fine {
		return tfBad("since")
	}
	var all []*item
	for _, it := range live(b.list("responses").list(b.world.now)) {
		if it.doc["form"] == c.PathValue("id") && !it.created.Before(since) && !it.created.After(until) {
			all = append(all, it)
		}
	}
	slices.SortFunc(all, func(x, y *item) int { return cmp.Or(y.created.Compare(x.created), cmp.Compare(y.id, x.id)) })
	if s := c.query.Get("before"); s != "" && !c.repeat {
		last := b.list("responses").byID[s]
		if last == nil {
			return tfBad("before")
		}
		all = slices.DeleteFunc(all, func(it *item) bool {
			return cmp.Or(it.created.Compare(last.created), cmp.Compare(it.id, last.id)) >= 0
		})
	}
	items := []doc{}
	for _, it := range all[:min(size, len(all))] {
		d := laidOver(it.doc, doc{"form": nil})
		items = append(items, d)
	}
	return reply{status: http.StatusOK, body: doc{"total_items": len(all), "page_count": (len(all) + size - 1) / size, "items": items}}
}

// queryMoment reads seconds since 1970, or a time without a zone.
func queryMoment(s string, fallback time.Time) (time.Time, bool) {
	if s == "" {
		return fallback, true
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0).UTC(), true
	}
	t, err := time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(s, "Z"))
	return t, err == nil
}

// The forms: a Net Promoter Score, a satisfaction survey with a group, and a form for those who ask for a talk.
const (
	tfNPS     = "nPsFoRm1"
	tfCSAT    = "cSaTfRm2"
	tfContact = "cOnTaCt3"
)

func tfWrite(b *books) {
	question := func(id, kind, title string, properties doc) doc {
		return doc{"id": id, "ref": "ref-" + id, "type": kind, "title": title, "properties": properties, "validations": doc{"required": true}}
	}
	at := b.world.begin
	b.enter(tfEntry(tfNPS, "How likely are you to recommend us?", at, []doc{
		question("qNps", "nps", "How likely are you to recommend us to a colleague?", doc{"steps": 11, "start_at_one": false}),
		question("qWhy", "long_text", "Why?", doc{}),
	}))
	b.enter(tfEntry(tfCSAT, "Support survey", at.Add(time.Hour), []doc{
		question("qGroup", "group", "About the case", doc{"fields": []doc{
			question("qStars", "rating", "How satisfied are you?", doc{"shape": "star", "steps": 5}),
			question("qEase", "opinion_scale", "It was easy to get help.", doc{"steps": 7, "start_at_one": true}),
		}}),
		question("qOdd", "opinion_scale", "How often do you write to us?", doc{"steps": 6, "start_at_one": false}),
	}))
	b.enter(tfEntry(tfContact, "Talk to us", at.Add(2*time.Hour), []doc{
		question("qMail", "email", "Your e-mail?", doc{}), question("qText", "short_text", "What about?", doc{}),
	}))
	for _, a := range b.world.payers() {
		for i, p := range a.people {
			mail := p.props["email"]
			for n, at := 0, a.born.Add(time.Duration(20+i)*day); at.Before(b.world.now); n, at = n+1, at.AddDate(0, 3, 0) {
				b.tfAnswer(a, mail, n, at)
			}
		}
	}
}

func tfEntry(id, title string, at time.Time, fields []doc) entry {
	return entry{stream: "forms", id: id, created: at, updated: at, first: doc{"id": id, "title": title, "type": "quiz",
		"hidden": []string{"email", "hubspot_company_id"}, "fields": fields, "settings": doc{"is_public": true, "language": "en"}}}
}

// tfAnswer is one person's answers to one form, which depend on how the firm feels.
func (b *books) tfAnswer(a *account, mail string, n int, at time.Time) {
	if mail == "" {
		return
	}
	id := b.bookID("response", mail, strconv.Itoa(a.n), strconv.Itoa(n))[:32]
	d := b.world.dice("form "+mail, n)
	score := min(10, max(0, int(a.mood*10)+d.between(-2, 2)))
	answer := func(id, field, kind string, v any) doc {
		return doc{"field": doc{"id": id, "ref": "ref-" + id, "type": field}, "type": kind, kind: v}
	}
	hidden := doc{"email": mail}
	if a.customer != nil && a.crmID() != "" {
		hidden["hubspot_company_id"] = a.crmID()
	}
	form, answers := tfNPS, []doc{answer("qNps", "nps", "number", score), answer("qWhy", "long_text", "text", fmt.Sprintf("%d out of ten.", score))}
	switch n % 3 {
	case 1:
		form = tfCSAT
		answers = []doc{answer("qStars", "rating", "number", 1+score*4/10), answer("qEase", "opinion_scale", "number", 1+score*6/10), answer("qOdd", "opinion_scale", "number", 2)}
	case 2:
		form, hidden = tfContact, doc{}
		answers = []doc{answer("qMail", "email", "email", mail), answer("qText", "short_text", "text", "More seats")}
	}
	fresh := b.list("responses").byID[id] == nil
	b.enter(entry{stream: "responses", id: id, created: at, updated: at, first: doc{
		"form": form, "landing_id": id, "token": id, "response_id": id, "response_type": "completed", "landed_at": tfTime(at.Add(-time.Minute)),
		"metadata": doc{"user_agent": "sandbox", "platform": "other", "referer": "https://sandbox.example", "network_id": id[:10], "browser": "default"},
		"hidden":   hidden, "calculated": doc{"score": 0}, "answers": answers}})
	if it := b.list("responses").byID[id]; fresh && !b.filling {
		it.shown = b.world.now.Add(tfLate)
	}
}

// tfStir is what respondents and the form's owner do between two readings.
func tfStir(b *books, n int, d dice) {
	all := b.world.payers()
	a := pick(d, all)
	switch {
	case n%4 == 3: // the owner deletes a response
		if rows := b.living("responses"); len(rows) > 0 {
			b.list("responses").remove(pick(d, rows), b.world.now)
		}
	case n%9 == 4: // and renames a form
		b.change(b.list("forms"), pick(d, b.living("forms")), doc{"title": fmt.Sprintf("Talk to us (%d)", n)})
	case len(a.people) > 0:
		b.tfAnswer(a, a.people[0].props["email"], 100+n, b.world.now)
	}
}
