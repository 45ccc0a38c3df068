package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
)

// cards counts the pairs that await a decision.
const cards = "document.querySelectorAll('#pairs > [data-id]:not(.decided)').length"

func TestReviewInABrowser(t *testing.T) {
	chrome := browser(t)
	w := newWorld(60)
	w.similar(26)
	w.decided()
	server := serve(t, w)
	for _, s := range []struct {
		name string
		run  func(*testing.T, *tab, *world)
	}{{"queue", testQueue}, {"keyboard", testQueueByKeyboard}, {"refusal", testRefusal}, {"who", testWho}, {"past", testPast}, {"both ways", testBothWays}, {"narrow", testReviewNarrow}} {
		t.Run(s.name, func(t *testing.T) { s.run(t, open(t, chrome, server.URL, "/connections"), w) })
	}
	t.Run("empty", func(t *testing.T) {
		p := open(t, chrome, serve(t, newWorld(1).bare()).URL, "/review")
		p.until("document.querySelector('main').innerText.includes('Nothing awaits a decision.')")
		p.until("document.querySelector('[data-count=review]').hidden")
		p.shoot("empty-review")
		p.fine()
	})
}

// decided puts decisions of the past into the log, and pins a field.
func (w *world) decided() {
	c := &w.customers[9]
	a, b := c.Members[0].Ref.String()+"#company", c.Members[1].Ref.String()+"#company"
	for _, d := range []canon.Decision{
		{Kind: canon.DecideLink, A: a, B: b, Author: "Mia Braun", Reason: "The same VAT id stands on the contract.", At: w.now.AddDate(0, -2, 0)},
		{Kind: canon.DecideUnlink, A: a, B: "stripe/customers/cus_777#company", Author: "ops", Reason: hostile, At: w.now.AddDate(0, -1, 0)},
		{Kind: canon.DecidePin, A: a, Field: "name", Value: "Alder Group", Author: "Mia Braun", Reason: "As in the contract.", At: w.now.AddDate(0, 0, -9), ExpiresAt: w.now.AddDate(1, 0, 0)},
	} {
		d.Seq = int64(len(w.who.log) + 1)
		w.who.log = append(w.who.log, d.WithID())
	}
	c.Fields[0] = canon.Field{Name: "name", Value: "Alder Group", Source: c.Members[0].Ref, Rule: "pinned", Policy: "pinned", Author: "Mia Braun", Reason: "As in the contract.",
		ObservedAt: w.now.AddDate(0, 0, -9), ModifiedAt: w.now.AddDate(0, 0, -9), ExpiresAt: w.now.AddDate(1, 0, 0)}
	c.Fields[1].Policy, c.Fields[1].ModifiedAt, c.Fields[1].ObservedAt = "source_priority", w.now.AddDate(0, 0, -40), w.now.AddDate(0, 0, -39)
	c.Fields[2].Policy, c.Fields[2].ObservedAt = "source_priority", w.now.AddDate(0, 0, -3)
	c.Fields[3].Policy, c.Fields[3].ModifiedAt = "most_recent", w.now.AddDate(0, 0, -2)
}

func testQueue(t *testing.T, p *tab, w *world) {
	p.visit("/review")
	p.until(cards + " === 20 && document.querySelector('[data-count=review]').textContent === '26'")
	p.shoot("review")
	first := p.text("#pairs > li")
	for _, want := range []string{"Alder Foods 0 and ALDER FOODS 0 Lda.", "96 % alike", "hubspot-emea · companies · 0", "same town porto", "other phone", "rua das flores, 12", "PT501964843"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is missing in:\n%s", want, first)
		}
	}
	// What is equal is said in words, not by color alone.
	if got := p.text("#pairs > li tr.equal .mark"); got != "= equal" {
		t.Errorf("an equal field reads %q", got)
	}
	if got := p.text("#pairs > li:nth-child(4) h2"); !strings.Contains(got, hostile) {
		t.Errorf("the hostile name reads %q", got)
	}
	p.do(chromedp.Click(chromedp.CSS("#pairs > li .acts button:first-child")))
	p.until("document.activeElement.closest('.ruling') && document.activeElement.required")
	p.shoot("review-reason")
	// Without a reason nothing is decided.
	asked := len(w.rulings())
	p.do(chromedp.SendKeys(chromedp.CSS(".ruling input[required]"), "   "), chromedp.Click(chromedp.CSS(".ruling button[type=submit]")))
	p.until("document.querySelector('.ruling input').matches(':invalid')")
	if n := len(w.rulings()); n != asked {
		t.Error("it was decided without a reason")
	}
	p.do(chromedp.SendKeys(chromedp.CSS(".ruling input[required]"), "same people at both"), chromedp.SendKeys(chromedp.CSS(".ruling label:not(.grow) input"), "Rita"),
		chromedp.Click(chromedp.CSS(".ruling button[type=submit]")))
	p.until("document.querySelector('#pairs > .decided')?.innerText.includes('are the same') && document.activeElement.closest('.decided')")
	p.shoot("review-decided")
	if got, want := w.rulings()[asked], (api.Ruling{Kind: "link", A: "hubspot-emea/companies/0#company", B: "stripe/customers/cus_0#company", Author: "Rita", Reason: "same people at both"}); got != want {
		t.Errorf("decided was %+v, want %+v", got, want)
	}
	p.do(chromedp.Click(chromedp.CSS("#pairs > .decided button")))
	p.until("document.querySelector('#pairs > .decided') === null && " + cards + " === 20")
	if got := w.rulings()[asked+1]; got.Kind != "revoke" || got.Revokes == "" || got.Author != "Rita" {
		t.Errorf("taking back was %+v", got)
	}
	p.do(chromedp.Click(chromedp.CSS("#more")))
	p.until(cards + " === 26 && document.querySelector('#more').hidden")
	p.do(chromedp.Click(chromedp.CSS("[data-value=contact]")))
	p.until("(l => l.length === 6 && l.every(x => x.includes('Ana Reis')))([...document.querySelectorAll('#pairs h2')].map(x => x.textContent))")
	if url := eval[string](p, "location.search"); url != "?kind=contact" {
		t.Errorf("the address says %q", url)
	}
	p.dark(true)
	p.shoot("review-dark")
	p.dark(false)
	p.visit("/review?customer=cu_0004")
	p.until(cards + " === 1 && !document.querySelector('#only').hidden")
	p.fine()
}

// testQueueByKeyboard decides with nothing but keys.
func testQueueByKeyboard(t *testing.T, p *tab, w *world) {
	p.visit("/review?kind=company")
	p.until(cards + " > 10")
	asked := len(w.rulings())
	eval[bool](p, "(document.querySelector('#pairs .acts button:nth-child(2)').focus(), true)")
	p.do(chromedp.KeyEvent("\r"))
	p.until("document.activeElement.required")
	p.do(chromedp.KeyEvent("\x1b"))
	p.until("document.querySelector('.ruling') === null && document.activeElement.textContent === 'Not the same'")
	p.do(chromedp.KeyEvent("\r"))
	p.until("document.activeElement.required")
	p.do(chromedp.KeyEvent("two branches"), chromedp.KeyEvent("\r"))
	p.until("document.querySelector('#pairs > .decided')?.innerText.includes('are not the same')")
	got := w.rulings()[asked:]
	if len(got) != 1 || got[0].Kind != "unlink" || got[0].Reason != "two branches" {
		t.Fatalf("decided was %+v", got)
	}
	p.do(chromedp.KeyEvent("\t"))
	p.until("document.activeElement.textContent === 'Take back'")
	p.do(chromedp.KeyEvent("\r"))
	p.until("document.querySelector('#pairs > .decided') === null")
	p.fine()
}

// testRefusal keeps the form, with what was typed, where the hub refuses.
func testRefusal(t *testing.T, p *tab, _ *world) {
	p.visit("/review?kind=company")
	p.until(cards + " > 10")
	p.do(chromedp.Click(chromedp.CSS("#pairs > li .acts button:first-child")), chromedp.SendKeys(chromedp.CSS(".ruling input[required]"), "barred by another"),
		chromedp.Click(chromedp.CSS(".ruling button[type=submit]")))
	p.until("document.querySelector('.ruling .problem')?.innerText.includes('Take dec_1 back first.')")
	if got := eval[string](p, "document.querySelector('.ruling input').value"); got != "barred by another" {
		t.Errorf("the reason is %q after a refusal", got)
	}
	p.shoot("review-refused")
	p.fine("409")
}

func testWho(t *testing.T, p *tab, w *world) {
	p.visit("/customers/cu_0009")
	p.until("document.querySelectorAll('#identity section').length >= 3 && document.querySelectorAll('#members .rank').length === 3")
	for selector, wants := range map[string][]string{
		"#members":  {"because of domain", "rank 1", "by itself"},
		"#fields":   {"Alder Group", "Pinned by Mia Braun", "As in the contract.", "until", "hubspot-emea · companies · 9009", "by order of sources", "modified last month", "seen 3 days ago"},
		"#identity": {"Decisions (3)", "The same VAT id stands on the contract.", "are not the same.", "Name is “Alder Group”.", "Turned down: 12 records hold it", "rank 5", "awaits a decision", hostile, "Alder Logistics", "Moves of records (12)"},
	} {
		got := p.text(selector)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is missing in:\n%s", selector, want, got)
			}
		}
	}
	p.shoot("who-profile")
	eval[bool](p, "(document.querySelector('#identity').scrollIntoView(), true)")
	p.shoot("who")
	asked := len(w.rulings())
	p.do(chromedp.Click(chromedp.CSS("#identity .with button")))
	p.until("document.activeElement.closest('#identity .ruling')")
	p.shoot("who-take-back")
	p.do(chromedp.Click(chromedp.CSS("#identity .ruling button[type=submit]")))
	p.until("document.querySelector('#identity').innerText.includes('Decisions (2)') && document.querySelector('#identity-notice').innerText.includes('Taken back')")
	if got := w.rulings()[asked:]; len(got) != 1 || got[0].Kind != "revoke" {
		t.Errorf("taking back was %+v", got)
	}
	eval[bool](p, "(document.querySelectorAll('#identity details').forEach(d => { d.open = true }), true)")
	if got := p.text("#identity"); !strings.Contains(got, "cus_alias2_cu_0009") || !strings.Contains(got, "and 3 that are not shown here") {
		t.Errorf("folded: %s", got)
	}
	p.dark(true)
	p.shoot("who-dark")
	p.dark(false)
	p.fine()
}

// testPast looks at the timeline as of a moment, and as it was known at one.
func testPast(t *testing.T, p *tab, w *world) {
	p.visit("/customers/cu_0012")
	p.until("document.querySelectorAll('#timeline li').length === 50")
	pick := func(id string, at time.Time) {
		local := eval[string](p, fmt.Sprintf("(t => new Date(t - new Date(t).getTimezoneOffset() * 60000).toISOString().slice(0, 16))(%d)", at.UnixMilli()))
		eval[bool](p, fmt.Sprintf("(e => { e.value = %q; e.dispatchEvent(new Event('change')); return true })(document.getElementById(%q))", local, id))
	}
	then := w.now.AddDate(0, 0, -10)
	pick("at", then)
	p.until(fmt.Sprintf("(l => l.length > 5 && l.every(x => Date.parse(x.dateTime) <= %d + 60000))([...document.querySelectorAll('#timeline .events time')])", then.UnixMilli()))
	p.until("document.querySelector('#asof-said').textContent.startsWith('Shows what had happened by')")
	if got := w.windowOf(); got.At.Sub(then).Abs() > time.Minute || !got.KnownAt.IsZero() {
		t.Errorf("asked was %+v", got)
	}
	known := w.now.AddDate(0, 0, -20)
	pick("known", known)
	p.until("document.querySelector('#asof-said').textContent.includes('as Hub knew it at') && location.search.includes('known_at=')")
	p.until(fmt.Sprintf("(l => l.length > 5 && l.every(x => Date.parse(x.dateTime) <= %d + 60000))([...document.querySelectorAll('#timeline .events time')])", known.UnixMilli()))
	eval[bool](p, "(document.querySelector('#kinds').scrollIntoView(), true)")
	p.shoot("timeline-past")
	// The address can be handed on.
	p.visit(eval[string](p, "location.pathname + location.search"))
	p.until("document.querySelector('#asof-said').textContent.includes('as Hub knew it at') && document.querySelectorAll('#timeline li').length > 5")
	if got := w.windowOf(); got.KnownAt.Sub(known).Abs() > time.Minute {
		t.Errorf("asked anew was %+v", got)
	}
	p.do(chromedp.Click(chromedp.CSS("#now")))
	p.until("document.querySelector('#asof-said').textContent === '' && location.search === '' && document.querySelector('#now').disabled")
	p.until("document.querySelectorAll('#timeline li').length === 50")
	pick("at", w.now.AddDate(-9, 0, 0))
	p.until("document.querySelector('#timeline').innerText.includes('go back to now')")
	p.fine()
}

// testBothWays reads a timeline to its end and back: every event once, and never more than some pages at once.
func testBothWays(t *testing.T, p *tab, w *world) {
	var all []canon.Event
	for i := range 330 {
		all = append(all, canon.Event{ID: fmt.Sprintf("ev_long_%d", i), Type: "usage.recorded", Kind: canon.KindUsage, Summary: fmt.Sprintf("Usage %d.", i), OccurredAt: w.now.Add(-time.Duration(i*5) * time.Hour)})
	}
	w.mu.Lock()
	w.events["cu_0030"] = all
	w.mu.Unlock()
	p.visit("/customers/cu_0030")
	said := func(first, last int) string {
		return fmt.Sprintf("(l => l.length === %d && l[0] === 'Usage %d.' && l.at(-1) === 'Usage %d.')([...document.querySelectorAll('#timeline .say')].map(x => x.textContent))", last-first+1, first, last)
	}
	p.until(said(0, 49) + " && document.querySelector('#newer').hidden")
	for _, s := range []struct {
		button      string
		first, last int
	}{{"more", 0, 99}, {"more", 0, 149}, {"more", 0, 199}, {"more", 50, 249}, {"more", 100, 299}, {"more", 150, 329}, {"newer", 100, 299}, {"newer", 50, 249}, {"newer", 0, 199}} {
		p.do(chromedp.Click(chromedp.CSS("#" + s.button)))
		p.until(said(s.first, s.last))
		if s.first == 100 && s.button == "newer" {
			eval[bool](p, "(document.querySelector('#kinds').scrollIntoView(), true)")
			p.shoot("timeline-middle")
		}
	}
	p.until("document.querySelector('#newer').hidden && !document.querySelector('#more').hidden")
	p.fine()
}

func testReviewNarrow(t *testing.T, p *tab, _ *world) {
	p.do(chromedp.EmulateViewport(400, 860))
	for _, page := range []string{"/review", "/customers/cu_0009"} {
		p.visit(page)
		p.until("document.querySelectorAll('[aria-busy=true]').length === 0")
		if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%s is %d pixels too wide for a phone", page, over)
		}
		if page == "/review" {
			p.do(chromedp.Click(chromedp.CSS("#pairs > li .acts button:first-child")))
			p.until("document.querySelector('.ruling')")
			p.shoot("review-narrow")
		}
	}
}
