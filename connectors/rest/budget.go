package rest

import (
	"context"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Budget is a rate: Rate requests per Per, at most Burst at once.
type Budget struct {
	// Rate is a number, or "auto" for what the vendor's header Limit says.
	Rate  string   `yaml:"rate"`
	Per   Duration `yaml:"per"`
	Burst int      `yaml:"burst"`
	// Daily is how many requests the account has per day, over all its budgets; Cost is how many of them one
	// request of this budget takes (1). Reserve is what only webhooks and push may use, as a number or a share
	// such as 10%.
	Daily   string  `yaml:"daily"`
	Reserve string  `yaml:"reserve"`
	Cost    int     `yaml:"cost"`
	Headers Headers `yaml:"headers"`
}

func (c *complaints) budgets(s *Spec) {
	for _, name := range sortedKeys(s.Budgets) {
		b, at := s.Budgets[name], "budgets."+name
		if b.Rate == "" || b.Per == 0 {
			c.add(at, "a budget needs rate and per, such as rate: 5 and per: 1s")
		}
		if b.Rate == "auto" && b.Headers.Limit == "" {
			c.add(at, "rate: auto needs headers.limit: the header that tells the rate")
		}
		for _, t := range []string{b.Rate, b.Daily, b.Reserve} {
			c.text(at, t, "setting")
		}
		if _, err := b.Headers.compile(); err != nil {
			c.add(at+".headers", "%s", err)
		}
	}
}

const (
	// Refusals of one burst count as one.
	halveEvery = 5 * time.Second
	// The rate never falls below this part of the configured one, and grows back in so many steps.
	leastShare, growSteps = 16, 100
	// starveAfter is after how many others the one waits longest goes, whatever its priority. Three lanes may
	// starve at once, and each gets every 20th slot.
	starveAfter = 17
	// maxHold is the longest that a vendor's word is believed without asking again.
	maxHold = 24 * time.Hour
	lanes   = int(connectors.PriorityBackfill) + 1
)

// bucket is one rate budget of an account, shared by all calls that name it: of pull, refetch and push, and of
// every connection of the account. What the vendor says wins over the configured rate: after a refusal with a
// waiting time everybody waits, and so where the vendor says that nothing is left of the present window; and as
// other programs may use the same allowance, every refusal halves the rate, which then grows back with each
// success.
type bucket struct {
	name     string
	per      time.Duration
	burst    int64
	cost     int64
	headers  *headers
	day      *quota
	patience time.Duration

	mu sync.Mutex
	// ceiling is the configured rate, most what the vendor allows of it, and rate what is sent now, per second;
	// +Inf for no limit. gap is what lies between two requests.
	ceiling    float64
	most, rate float64
	gap        time.Duration
	// next is when the request after the last one would go at an even pace; burst lets some go before.
	next time.Time
	// until holds everybody, because the vendor asked for it. left is what the vendor says is left until
	// resets, -1 where it does not say.
	until, resets time.Time
	left          int64
	// probing says that the window has just ended: the answer to the one request under way tells what the next
	// one allows.
	probing  bool
	halved   time.Time
	inFlight int64
	// issued counts tickets; those up to learned were out when the vendor last told what is left.
	issued, learned int64

	queue   [lanes][]*waiter
	passed  [lanes]int
	waiting int
	timer   *time.Timer

	sent, refusals int64
}

// waiter is a call that waits for its turn.
type waiter struct {
	turn   chan error
	ticket int64
}

// newBucket makes a budget of n requests per unit of time, +Inf for one without a limit.
func newBucket(name string, n float64, per time.Duration, burst int) *bucket {
	b := &bucket{name: name, per: per, burst: int64(max(burst, 1)), cost: 1, left: -1, day: newQuota(), patience: 2 * time.Minute}
	b.most = math.Inf(1)
	if !math.IsInf(n, 1) {
		b.most = n / per.Seconds()
	}
	b.ceiling = b.most
	b.pace(b.most)
	return b
}

func (b *bucket) pace(perSecond float64) {
	b.rate, b.gap = perSecond, 0
	if !math.IsInf(perSecond, 1) {
		b.gap = time.Duration(math.Round(float64(time.Second) / perSecond))
	}
}

// openBudgets makes the budgets of an account, or joins those of another connection to it.
func (c *Conn) openBudgets(shared *connectors.Budgets, sc *scope, account string) error {
	cl := c.client
	key := canon.ID("bud", cl.base.String(), account)
	day := share(shared, key, newQuota)
	cl.buckets = map[string]*bucket{}
	if _, ok := c.spec.Budgets["default"]; !ok {
		cl.buckets["default"] = share(shared, key+"/default", func() *bucket {
			b := newBucket("default", math.Inf(1), time.Second, 1)
			b.day, b.patience = day, cl.retryAfterMax
			return b
		})
	}
	for _, name := range sortedKeys(c.spec.Budgets) {
		spec := c.spec.Budgets[name]
		n, err := number(name, "rate", sc.expand(spec.Rate, nil))
		if err != nil {
			return err
		}
		learn, err := spec.Headers.compile()
		if err != nil {
			return err
		}
		if err := day.agree(name, sc.expand(spec.Daily, nil), sc.expand(spec.Reserve, nil)); err != nil {
			return err
		}
		b := share(shared, key+"/"+name, func() *bucket {
			b := newBucket(name, n, time.Duration(spec.Per), spec.Burst)
			b.day, b.headers, b.patience, b.cost = day, learn, cl.retryAfterMax, int64(or(spec.Cost, 1))
			return b
		})
		b.agree(n)
		cl.buckets[name] = b
	}
	return nil
}

// share returns what is kept under key, or keeps what create returns.
func share[T any](b *connectors.Budgets, key string, create func() T) T {
	if v, ok := b.Share(key, func() any { return create() }).(T); ok {
		return v
	}
	return create()
}

// number reads a rate; "auto" is no limit yet.
func number(budget, what, text string) (float64, error) {
	if text == "auto" {
		return math.Inf(1), nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n <= 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return 0, canon.Errorf("settings.rate", "the %s of budget %s is %q, which is no positive number", what, budget, text).
			WithHint("Set it to how many requests the vendor allows, such as 10.")
	}
	return n, nil
}

// agree takes the lower one of two connections' rates.
func (b *bucket) agree(n float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n /= b.per.Seconds(); n < b.ceiling {
		b.ceiling = n
		b.allow(min(b.most, n))
	}
}

// allow sets what the vendor allows; a rate that was halved stays as far below.
func (b *bucket) allow(most float64) {
	share := 1.0
	if !math.IsInf(b.most, 1) {
		share = b.rate / b.most
	}
	b.most = most
	b.pace(most * share)
}

// wait returns when the call may be sent; settle must follow, with the ticket. It returns the context's error, or a canon.Error
// where the turn is too far off to wait for inside a call.
func (b *bucket) wait(ctx context.Context) (ticket int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p, ok := connectors.PriorityOf(ctx)
	if !ok {
		p = connectors.PriorityIncremental
	}
	lane := int(min(max(p, 0), connectors.PriorityBackfill))
	b.mu.Lock()
	now := time.Now()
	if err := b.tooFar(now); err != nil {
		b.mu.Unlock()
		return 0, err
	}
	if b.waiting == 0 && b.free(now) {
		ticket, err = b.admit(now, lane)
		b.mu.Unlock()
		return ticket, err
	}
	w := &waiter{turn: make(chan error, 1)}
	b.queue[lane] = append(b.queue[lane], w)
	b.waiting++
	b.arm(now)
	b.mu.Unlock()
	select {
	case err := <-w.turn:
		return w.ticket, err
	case <-ctx.Done():
		b.leave(w, lane)
		return 0, ctx.Err()
	}
}

// free reports whether a request may go now.
func (b *bucket) free(now time.Time) bool { return !b.probing && !b.ready().After(now) }

// ready is when the next request may go.
func (b *bucket) ready() time.Time {
	at := b.until
	if b.gap > 0 {
		if even := b.next.Add(-time.Duration(b.burst-1) * b.gap); even.After(at) {
			at = even
		}
	}
	if b.left == 0 && b.resets.After(at) {
		at = b.resets
	}
	return at
}

// tooFar tells a call that the vendor wants it to wait longer than a call should.
func (b *bucket) tooFar(now time.Time) error {
	at := b.until
	if b.left == 0 && b.resets.After(at) {
		at = b.resets
	}
	if at.Sub(now) <= b.patience {
		return nil
	}
	e := canon.Errorf("rate.limited", "the vendor allows no more requests of budget %s until %s", b.name, at.UTC().Format(time.RFC3339))
	e.Retry = true
	return e.WithHint("Hub goes on by itself then; to use less, sync less often.")
}

// admit lets one call go.
func (b *bucket) admit(now time.Time, lane int) (ticket int64, err error) {
	if err := b.day.take(now, connectors.Priority(lane), b.cost); err != nil {
		return 0, err
	}
	if b.gap > 0 {
		if b.next.Before(now) {
			b.next = now
		}
		b.next = b.next.Add(b.gap)
	}
	switch {
	case b.left == 0:
		b.left, b.probing = -1, true
	case b.left > 0:
		b.left--
	}
	b.inFlight++
	b.sent++
	b.issued++
	return b.issued, nil
}

// arm wakes the queue when the next may go.
func (b *bucket) arm(now time.Time) {
	if b.waiting == 0 || b.probing {
		return
	}
	d := max(b.ready().Sub(now), 0)
	if b.timer == nil {
		b.timer = time.AfterFunc(d, b.dispatch)
		return
	}
	b.timer.Reset(d)
}

// dispatch gives turns to those who wait.
func (b *bucket) dispatch() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	far := b.tooFar(now)
	for b.waiting > 0 && (far != nil || b.free(now)) {
		lane := b.pick()
		w := b.queue[lane][0]
		b.queue[lane] = b.queue[lane][1:]
		b.waiting--
		if far != nil {
			w.turn <- far
			continue
		}
		ticket, err := b.admit(now, lane)
		w.ticket = ticket
		w.turn <- err
	}
	b.arm(now)
}

// pick chooses the lane whose turn it is: the most urgent one, unless another was passed over too often.
func (b *bucket) pick() int {
	first, starved := -1, -1
	for lane := range b.queue {
		if len(b.queue[lane]) == 0 {
			b.passed[lane] = 0
			continue
		}
		if first < 0 {
			first = lane
		}
		if b.passed[lane] >= starveAfter && (starved < 0 || b.passed[lane] > b.passed[starved]) {
			starved = lane
		}
	}
	if starved >= 0 {
		first = starved
	}
	for lane := range b.queue {
		if len(b.queue[lane]) > 0 {
			b.passed[lane]++
		}
	}
	b.passed[first] = 0
	return first
}

// leave takes a call out of the queue whose context ended, or gives its turn back.
func (b *bucket) leave(w *waiter, lane int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.queue[lane], w); i >= 0 {
		b.queue[lane] = slices.Delete(b.queue[lane], i, i+1)
		b.waiting--
		return
	}
	if err := <-w.turn; err != nil {
		return
	}
	b.next = b.next.Add(-b.gap)
	b.inFlight--
	b.sent--
	b.probing = false
	b.day.giveBack(b.cost)
	b.arm(time.Now())
}
