package console_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lifecyclehub/hub/canon"
)

// rows counts the lines of a list.
const rows = "document.querySelectorAll('#rows tr.link').length"

func TestInABrowser(t *testing.T) {
	chrome := browser(t)
	w := newWorld(137)
	w.similar(26)
	server := serve(t, w)
	for name, run := range map[string]func(*testing.T, *tab, *world){
		"customers": testCustomers, "customer": testCustomer, "live": testLive, "connections": testConnections,
		"deliveries": testDeliveries, "pushes": testPushes, "letters": testLetters, "money": testMoney, "errors": testErrors, "steady": testSteady, "narrow": testNarrow,
	} {
		t.Run(name, func(t *testing.T) { run(t, open(t, chrome, server.URL, "/connections"), w) })
	}
	t.Run("login", func(t *testing.T) { testLogin(t, chrome, server.URL) })
	t.Run("empty", func(t *testing.T) { testEmpty(t, open(t, chrome, serve(t, newWorld(0).bare()).URL, "/customers")) })
}

func testCustomers(t *testing.T, p *tab, _ *world) {
	p.visit("/customers")
	p.until(rows + " === 50")
	p.until("document.querySelector('#range').textContent === '1–50 of 137'")
	p.until("document.querySelectorAll('#stages button').length === 7")
	p.until("document.querySelector('#live').dataset.state === 'on'")
	p.shoot("customers")
	p.do(chromedp.SendKeys(chromedp.CSS("#search"), "birch"))
	p.until(rows + " > 0 && [...document.querySelectorAll('#rows a.name')].every(a => a.textContent.startsWith('Birch'))")
	if url := eval[string](p, "location.search"); url != "?search=birch" {
		t.Errorf("the address says %q", url)
	}
	p.do(chromedp.SendKeys(chromedp.CSS("#search"), " nobody"))
	p.until("document.querySelector('#rows').innerText.includes('No customer matches.')")
	p.do(chromedp.Click(chromedp.CSS("#rows button")))
	p.until(rows + " === 50")
	p.do(chromedp.SetValue(chromedp.CSS("#sort"), "score"))
	eval[bool](p, "document.querySelector('#sort').dispatchEvent(new Event('change'))")
	p.until("(v => v.length === 50 && v.every((x, i) => !i || v[i-1] <= x))([...document.querySelectorAll('#rows .score b')].map(b => +b.textContent))")
	p.do(chromedp.Click(chromedp.CSS("#stages button:nth-child(6)")))
	p.until(rows + " > 0 && [...document.querySelectorAll('#rows .stage')].every(s => s.textContent === 'Loyalty')")
	p.shoot("customers-filtered")
	p.dark(true)
	p.shoot("customers-dark")
	p.dark(false)
	p.do(chromedp.Click(chromedp.CSS("#stages button:first-child")))
	p.until("!document.querySelector('#next').disabled && " + rows + " === 50")
	p.do(chromedp.Click(chromedp.CSS("#next")))
	p.until("document.querySelector('#range').textContent === '51–100 of 137'")
	p.do(chromedp.Click(chromedp.CSS("#prev")))
	p.until("document.querySelector('#range').textContent === '1–50 of 137'")
	p.visit("/customers?search=script")
	p.until(rows + " === 1")
	if got := p.text("#rows a.name"); got != hostile {
		t.Errorf("the hostile name reads %q", got)
	}
	p.fine()
}

func testCustomer(t *testing.T, p *tab, _ *world) {
	p.visit("/customers/cu_0009")
	p.until("document.querySelectorAll('#timeline li').length === 50")
	p.until("document.querySelectorAll('.measure').length === 6 && document.querySelectorAll('#path li').length === 6")
	p.until("document.querySelector('#live').dataset.state === 'on'")
	p.shoot("customer")
	if got := p.text("#fields"); !strings.Contains(got, "Portugal") || !strings.Contains(got, "stripe · customers · cus_N9") {
		t.Errorf("profile: %s", got)
	}
	if got := p.text("#members"); !strings.Contains(got, "Ana Reis") || !strings.Contains(got, "because of domain") {
		t.Errorf("members: %s", got)
	}
	if got := p.text(".measure.unknown"); !strings.Contains(got, "no data") || !strings.Contains(got, "Nobody has answered") {
		t.Errorf("unknown measure: %s", got)
	}
	if got := p.text("#health .caps"); !strings.Contains(got, "overdue for more than 60 days") {
		t.Errorf("caps: %s", got)
	}
	p.until("document.querySelector('.spark path').getAttribute('d').split('M').length === 3")
	eval[bool](p, "(document.querySelector('#kinds').scrollIntoView(), true)")
	p.shoot("timeline")
	p.do(chromedp.Click(chromedp.CSS("#more")))
	p.until("document.querySelectorAll('#timeline li').length === 100")
	p.do(chromedp.Click(chromedp.CSS("#kinds button:nth-child(4)")))
	p.until("(l => l.length > 5 && l.every(x => x.textContent.startsWith('ticket.')))([...document.querySelectorAll('#timeline .mono')])")
	p.do(chromedp.Click(chromedp.CSS(".measure .show")))
	p.dark(true)
	p.shoot("customer-dark")
	p.dark(false)
	p.until("document.querySelector('.proof li').textContent.includes('Invoice 2041')")
	p.visit("/customers/cu_0003")
	p.until("document.querySelectorAll('#timeline li').length === 50 && document.querySelector('h1').textContent !== ''")
	if got := p.text("h1"); got != hostile {
		t.Errorf("the hostile name reads %q", got)
	}
	p.fine()
}

func testLive(t *testing.T, p *tab, w *world) {
	p.visit("/customers/cu_0020")
	p.until("document.querySelectorAll('#timeline li').length === 50 && document.querySelector('#live').dataset.state === 'on'")
	if w.followers() == 0 {
		t.Fatal("nobody follows")
	}
	now := time.Now().UTC()
	w.happen("cu_0020", canon.Event{ID: "ev_live_1", Type: "deal.won", Kind: canon.KindDeal, Summary: "Deal 'Live wire' was won.", OccurredAt: now, Amount: euros(990000)})
	p.until("document.querySelector('#timeline li').textContent.includes('Live wire') && document.querySelector('#timeline li').classList.contains('fresh')")
	p.shoot("live")
	if n := eval[int](p, "document.querySelectorAll('#timeline li.fresh').length"); n != 1 {
		t.Errorf("%d events light up, want 1", n)
	}
	w.quietly("cu_0020", canon.Event{ID: "ev_live_3", Type: "deal.lost", Summary: "A deal was lost while the line was cut.", OccurredAt: now})
	w.cut()
	p.until("document.querySelector('#timeline li').textContent.includes('while the line was cut')")
	p.visit("/customers?search=cu_002")
	p.until(rows + " === 10 && document.querySelector('#live').dataset.state === 'on'")
	w.happen("cu_0021", canon.Event{ID: "ev_live_2", Type: "deal.lost", Summary: "A deal was lost.", OccurredAt: now})
	p.until("(l => l.length === 1 && l[0].querySelector('a').href.endsWith('cu_0021'))(document.querySelectorAll('#rows tr.fresh'))")
	p.fine("net::ERR_")
}

func testConnections(t *testing.T, p *tab, _ *world) {
	p.until("document.querySelectorAll('.conn').length === 3 && document.querySelectorAll('.letters li').length > 2")
	got := p.text("#connections")
	for _, want := range []string{"HubSpot · crm", "Failed", "Stripe does not let this key read invoices.", "auth.forbidden", "Give the restricted key", "9,377", "Pulling", "Not yet pulled", "All 5 dead letters",
		"3 backfill waiting until", "The vendor asked to wait <b>a minute</b>.", "40 of 100 requests per 10.0 s for now.", "1,200 requests left today.", "Token until"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	p.shoot("connections")
	p.fine()
}

func testDeliveries(t *testing.T, p *tab, _ *world) {
	p.visit("/deliveries")
	p.until("document.querySelectorAll('#rows tr').length === 50")
	p.do(chromedp.Click(chromedp.CSS("#rows button.fold")))
	p.until("document.querySelector('.attempts pre').textContent.includes('<h1 onclick')")
	p.shoot("deliveries")
	p.do(chromedp.Click(chromedp.CSS("[data-value=dead]")))
	p.until("document.querySelectorAll('#rows tr').length === 12")
	if got := p.text("#rows tr"); !strings.Contains(got, "The endpoint answered 500 nine times.") {
		t.Errorf("row: %s", got)
	}
	p.fine()
}

func testPushes(t *testing.T, p *tab, _ *world) {
	p.visit("/pushes")
	p.until("document.querySelectorAll('#rows tr').length === 5 && document.querySelectorAll('#states button').length === 4")
	p.shoot("pushes")
	p.do(chromedp.Click(chromedp.CSS("[data-value=conflict]")))
	p.until("document.querySelectorAll('#rows tr').length === 1")
	if got := p.text("#rows"); !strings.Contains(got, "Somebody changed the field") {
		t.Errorf("row: %s", got)
	}
	p.fine()
}

func testLetters(t *testing.T, p *tab, _ *world) {
	p.visit("/deadletters?connection=hubspot-emea")
	p.until("document.querySelectorAll('#letters li').length === 5")
	p.do(chromedp.Click(chromedp.CSS("#letters summary")))
	p.until("document.querySelector('#letters pre').textContent.includes('<script>')")
	p.shoot("deadletters")
	if got := p.text("#letters li"); !strings.Contains(got, "is not a number") || !strings.Contains(got, "Correct the amount") || !strings.Contains(got, "properties.amount") {
		t.Errorf("letter: %s", got)
	}
	p.fine()
}

// testMoney holds the console's table of decimals against the one that amounts are made with.
func testMoney(t *testing.T, p *tab, _ *world) {
	for _, currency := range []string{"EUR", "USD", "JPY", "KWD", "IQD", "CLF", "UYI", "ISK", "KRW", "TND", "HUF", "XOF"} {
		script := fmt.Sprintf("import(document.querySelector('link[href$=\"format.js\"]').href).then((f) => f.exponent(%q))", currency)
		if got, want := eval[int](p, script), canon.Exponent(currency); got != want {
			t.Errorf("%s has %d decimals in the console and %d in Hub", currency, got, want)
		}
	}
}

func testErrors(t *testing.T, p *tab, _ *world) {
	p.visit("/customers/cu_nobody")
	p.until("document.querySelector('.problem')?.innerText.includes('Look it up in the list')")
	p.shoot("unknown-customer")
	p.visit("/nowhere")
	if got := p.text("main"); !strings.Contains(got, "There is nothing at this address.") {
		t.Errorf("missing page: %s", got)
	}
}

// testSteady holds the page to its promise not to jump while it fills.
func testSteady(t *testing.T, p *tab, _ *world) {
	for _, page := range []string{"/customers", "/customers/cu_0009", "/connections", "/deliveries", "/review"} {
		p.visit(page)
		p.until("document.querySelectorAll('[aria-busy=true]').length === 0")
		shift := eval[string](p, `new Promise((done) => {
			let sum = 0;
			new PerformanceObserver((l) => { for (const e of l.getEntries()) if (!e.hadRecentInput) sum += e.value; }).observe({ type: "layout-shift", buffered: true });
			setTimeout(() => done(sum.toFixed(3)), 500);
		})`)
		if v, err := strconv.ParseFloat(shift, 64); err != nil || v > 0.1 {
			t.Errorf("%s shifts by %s while it fills, want at most 0.1", page, shift)
		}
	}
}

func testNarrow(t *testing.T, p *tab, _ *world) {
	p.do(chromedp.EmulateViewport(400, 860))
	for _, page := range []string{"/customers", "/customers/cu_0009", "/connections"} {
		p.visit(page)
		p.until("document.querySelectorAll('[aria-busy=true]').length === 0")
		if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%s is %d pixels too wide for a phone", page, over)
		}
	}
	p.shoot("narrow")
}

func testLogin(t *testing.T, chrome context.Context, base string) {
	ctx, cancel := chromedp.NewContext(chrome, chromedp.WithNewBrowserContext())
	defer cancel()
	p := &tab{t: t, ctx: ctx, base: base}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	p.visit("/customers/cu_0009")
	p.until("location.pathname === '/login'")
	p.do(chromedp.SendKeys(chromedp.CSS("#token"), "wrong"), chromedp.Click(chromedp.CSS("button.main")))
	p.until("document.querySelector('.problem')?.innerText.includes('not the token')")
	p.shoot("login")
	p.do(chromedp.SendKeys(chromedp.CSS("#token"), token), chromedp.Click(chromedp.CSS("button.main")))
	p.until("location.pathname === '/customers/cu_0009' && document.querySelectorAll('#timeline li').length === 50")
	p.do(chromedp.Click(chromedp.CSS(".foot button")))
	p.until("location.pathname === '/login'")
	p.visit("/connections")
	p.until("location.pathname === '/login'")
}

// bare takes everything away.
func (w *world) bare() *world {
	w.deliveries, w.letters, w.streams, w.pushes = nil, nil, nil, nil
	return w
}

func testEmpty(t *testing.T, p *tab) {
	for page, want := range map[string]string{
		"/customers": "No customers yet.", "/connections": "Nothing is connected.", "/deliveries": "Nothing has been delivered yet.",
		"/pushes": "Nothing has been written back yet.", "/deadletters": "No dead letters.",
	} {
		p.visit(page)
		p.until(fmt.Sprintf("document.querySelector('main').innerText.includes(%q)", want))
		p.shoot("empty" + strings.ReplaceAll(page, "/", "-"))
	}
	p.fine()
}
