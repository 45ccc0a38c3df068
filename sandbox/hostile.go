package sandbox

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Hostile is a vendor's server that does its worst, by a seed: records that the index shows late, many with one
// time, records that change while they are paged, merges, all kinds of deletion, restored records; storms of 429,
// 5xx, cut bodies, slow pages, page tokens that expire, access tokens that end, and webhooks that come twice, in
// any order and from strangers. It is an http.Handler in front of the vendor's.
type Hostile struct {
	world  *World
	vendor string
	next   http.Handler
	acts   []func(dice) string
	// oauth says that the connection should log in by OAuth.
	oauth  bool
	tokens OAuthOptions
	found  sync.Once

	mu      sync.Mutex
	dice    dice
	now     func() time.Time
	quiet   bool
	brief   bool
	during  float64
	notices []notice
	purged  int
}

// Hostile lets a vendor (HubSpot, Stripe, Zendesk or Salesforce) do its worst. Equal seeds choose alike, as far as
// the calls come in the same order.
func (w *World) Hostile(vendor string, seed int64) *Hostile {
	h := &Hostile{world: w, vendor: vendor, now: w.Now, dice: dice{rand.New(rand.NewPCG(uint64(seed), 0x9e3779b97f4a7c15))}}
	switch vendor {
	case VendorHubSpot:
		h.next, h.acts = w.HubSpot(), h.hubspotActs()
	case VendorStripe:
		h.next, h.acts = w.Stripe(), h.stripeActs()
	case VendorZendesk:
		h.next, h.acts = w.Zendesk(), h.zendeskActs()
	case VendorSalesforce:
		h.next, h.acts = w.Salesforce(), h.salesforceActs()
	}
	h.during = []float64{0, 0.02, 0.1}[h.dice.IntN(3)]
	h.oauth = vendor != VendorStripe && h.dice.chance(0.34)
	o := OAuthOptions{Rotate: true, Grace: time.Duration(h.dice.IntN(2)) * time.Minute, Uses: []int{0, 7, 40}[h.dice.IntN(3)]}
	if h.dice.chance(0.7) && vendor != VendorSalesforce {
		o.Life = time.Duration(h.dice.between(1, 30)) * time.Minute
	}
	h.tokens = o
	w.OAuth(vendor).Configure(o)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hostile[vendor] = true
	return h
}

// OAuth returns the vendor's authorization server, nil where the connection should use a fixed credential.
func (h *Hostile) OAuth() *OAuthServer {
	if !h.oauth {
		return nil
	}
	return h.world.OAuth(h.vendor)
}

// Follow gives the vendor a clock: each request moves the world to its time.
func (h *Hostile) Follow(now func() time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = now
}

// Brief makes all that takes time short, for readers that live by the clock on the wall: what is hidden comes to light
// within two seconds, the vendor asks nobody to wait for longer than one, and nothing happens that only a later full
// list would show. A refresh token that was replaced is taken for some minutes more: who is killed between a renewal
// and keeping its answer has no other.
func (h *Hostile) Brief() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.brief = true
	h.tokens.Grace = 10 * time.Minute
	h.world.OAuth(h.vendor).Configure(h.tokens)
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	delete(h.world.hostile, h.vendor)
}

// ServeHTTP answers as the vendor. Now and then something changes just before, as records do while they are paged.
func (h *Hostile) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	h.found.Do(func() { h.tellAddress(&call{Request: r}) })
	h.mu.Lock()
	h.advance(h.now())
	if !h.quiet && h.dice.chance(h.during) {
		h.act()
	}
	h.mu.Unlock()
	h.next.ServeHTTP(rw, r)
}

// tellAddress puts into Salesforce's answers with tokens where the org is: at the address that was called.
func (h *Hostile) tellAddress(c *call) {
	if h.vendor == VendorSalesforce {
		base := c.base()
		if c.URL.Scheme != "" {
			base = c.URL.Scheme + "://" + c.URL.Host
		}
		h.tokens.Extra = map[string]any{"instance_url": base}
		h.world.OAuth(h.vendor).Configure(h.tokens)
	}
}

// Step moves the world to a moment and lets some things happen, in the world and to the vendor's answers. It returns
// a sentence for each.
func (h *Hostile) Step(now time.Time) []string {
	told := h.world.Step(now)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.advance(now)
	for range h.dice.between(1, 6) {
		if s := h.act(); s != "" {
			told = append(told, s)
		}
	}
	return append(told, h.disturb()...)
}

// Settle ends all faults, and lets nothing more happen. What is hidden still comes to light with time.
func (h *Hostile) Settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.quiet = true
	h.world.Heal(h.vendor)
	o := h.world.OAuth(h.vendor)
	o.Fail(0, 0)
	o.Lose(0)
}

// advance moves the world's time, never back.
func (h *Hostile) advance(now time.Time) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	unit := time.Second
	if h.vendor == VendorHubSpot {
		unit = time.Millisecond
	}
	if now = now.UTC().Truncate(unit); now.After(h.world.now) {
		h.world.now = now
	}
}

// act lets one thing happen at the vendor.
func (h *Hostile) act() string {
	w := h.world
	w.mu.Lock()
	defer w.mu.Unlock()
	told := pick(h.dice, h.acts)(h.dice)
	for _, t := range []*stripeTable{w.customers, w.subscriptions, w.invoices, w.events} {
		t.sort()
	}
	return told
}

// disturb makes some of the next answers go wrong.
func (h *Hostile) disturb() []string {
	var told []string
	d := h.dice
	add := func(what string, f Fault) {
		told = append(told, what)
		h.world.Inject(h.vendor, f)
	}
	if d.chance(0.15) {
		f := Fault{Status: http.StatusTooManyRequests, Times: d.between(1, 5), Body: `{"status":"error","errorType":"RATE_LIMIT","message":"too many"}`}
		if d.chance(0.5) {
			f.RetryAfter = strconv.Itoa(d.between(1, 20))
		}
		if h.brief {
			f.RetryAfter, f.Times = "1", 1
		}
		add("the vendor refuses some requests as too many", f)
	}
	if d.chance(0.15) {
		add("the vendor fails for a while", Fault{Status: pick(d, []int{500, 502, 503, 504}), Times: d.between(1, 4), Body: "<html>Bad gateway</html>"})
	}
	if d.chance(0.15) {
		add("answers are cut", Fault{CutAfter: d.between(1, 400), Times: d.between(1, 3)})
	}
	if d.chance(0.1) {
		add("pages are slow", Fault{Delay: time.Duration(d.between(1, 20)) * time.Millisecond, Times: d.between(1, 6)})
	}
	if f, ok := h.expired(); ok && d.chance(0.2) {
		add("a page token expires", f)
	}
	if h.oauth {
		told = append(told, h.disturbTokens()...)
	}
	return told
}

// Storm makes the vendor refuse every request as one too many for so long, by the machine's clock.
func (h *Hostile) Storm(long time.Duration, retryAfter string) {
	h.world.Inject(h.vendor, Fault{Status: http.StatusTooManyRequests, RetryAfter: retryAfter, Until: time.Now().Add(long), Body: `{"status":"error","errorType":"RATE_LIMIT","message":"too many"}`})
}

func (h *Hostile) disturbTokens() []string {
	o, d := h.world.OAuth(h.vendor), h.dice
	switch {
	case d.chance(0.2):
		o.EndAccess()
		return []string{"the access tokens end before their time"}
	case d.chance(0.15):
		o.Fail(d.between(1, 3), http.StatusServiceUnavailable)
		return []string{"the authorization server fails for a while"}
	}
	return nil
}

// expired is the answer to a page token that is no longer known.
func (h *Hostile) expired() (Fault, bool) {
	switch h.vendor {
	case VendorHubSpot:
		return Fault{Match: "&after=", Status: http.StatusBadRequest, Body: `{"status":"error","category":"VALIDATION_ERROR","message":"The after parameter is not valid any more","correlationId":"c0ffee"}`}, true
	case VendorStripe:
		return Fault{Match: "starting_after=", Status: http.StatusBadRequest, Body: `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"starting_after","message":"No such object"}}`}, true
	case VendorZendesk:
		return Fault{Match: "cursor?cursor=", Status: http.StatusUnprocessableEntity, Body: `{"error":"InvalidCursor","description":"cursor is not valid"}`}, true
	case VendorSalesforce:
		return Fault{Match: "/query/0r8", Status: http.StatusBadRequest, Body: `[{"errorCode":"INVALID_QUERY_LOCATOR","message":"invalid query locator"}]`}, true
	}
	return Fault{}, false
}

// late is how long an index hides a change: mostly not at all.
func (h *Hostile) late(most time.Duration) time.Duration {
	if h.dice.chance(0.6) {
		return 0
	}
	if h.brief {
		most = min(most, 2*time.Second)
	}
	return time.Duration(h.dice.Int64N(int64(most)))
}

// mayPurge says whether one more record may vanish without a trace: few do, as a reader who finds many missing at
// once should not believe it.
func (h *Hostile) mayPurge() bool {
	h.purged++
	return h.purged <= 2 && !h.brief
}

// sortedKeys returns a map's keys in order, so that choices do not depend on the map.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
