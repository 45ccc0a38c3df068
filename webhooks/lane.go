package webhooks

import (
	"context"
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/lifecyclehub/hub/canon"
)

const (
	// grace is how long attempts under way may go on once the process stops.
	grace = 5 * time.Second
	// idleFloor and idleCap bound how long a lane without work sleeps before it looks again; a wake ends
	// the sleep.
	idleFloor = time.Second
	idleCap   = time.Minute
	// leaseSlack is what a lease leaves beyond the attempt's timeout for settling.
	leaseSlack = 30 * time.Second
	// settleTime bounds the settling of one delivery.
	settleTime = 10 * time.Second
	// faultCap is the longest wait between calls of a store that fails.
	faultCap = 30 * time.Second
)

// lane carries the deliveries of one endpoint. One goroutine runs the loop and alone touches the loop's
// fields; each attempt has a goroutine that reports to done.
type lane struct {
	end   Endpoint
	keys  [][]byte
	store Store
	out   outside
	wake  chan struct{}
	done  chan verdict

	inflight int
	due      time.Time // before it, a claim is not worth while
	gate     gate
	limiter  *rate.Limiter // nil is unlimited
	faults   int           // failures of the store in a row
	disabled string        // why the endpoint is to be left alone
}

func newLane(e Endpoint, keys [][]byte, store Store, out outside) *lane {
	l := &lane{
		end: e, keys: keys, store: store, out: out,
		wake: make(chan struct{}, 1), done: make(chan verdict, e.Concurrency),
	}
	if e.Rate > 0 {
		// A tenth of a second's worth may go at once: fewer claims, and still even within any second.
		l.limiter = rate.NewLimiter(rate.Limit(e.Rate), max(1, int(e.Rate/10)))
	}
	return l
}

func (l *lane) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends or the endpoint asks to be left alone, and returns when no attempt is under way.
func (l *lane) run(ctx context.Context) {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	for ctx.Err() == nil && l.disabled == "" {
		l.launch(ctx, work)
		l.await(ctx)
	}
	timer := time.AfterFunc(grace, stop)
	defer timer.Stop()
	for l.inflight > 0 {
		l.learn(<-l.done)
	}
	if l.disabled != "" {
		l.out.log.Warn("webhook endpoint disabled", "endpoint", l.end, "reason", l.disabled)
		l.out.onDisable(context.WithoutCancel(ctx), l.end.Name, l.disabled)
	}
}

// await sleeps until there is something to do: an attempt ended, a wake, or the time of the next claim.
func (l *lane) await(ctx context.Context) {
	var alarm <-chan time.Time
	if l.inflight < l.gate.limit(l.end.Concurrency) {
		timer := time.NewTimer(l.nextClaim().Sub(l.out.now()))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-ctx.Done():
	case <-l.wake:
		// News do not mend a store that fails; its wait stands.
		if l.faults == 0 {
			l.due = time.Time{}
		}
	case v := <-l.done:
		l.learn(v)
		l.learnRest()
	case <-alarm:
	}
}

// learnRest takes in what else has ended, so that one claim refills all free places.
func (l *lane) learnRest() {
	for {
		select {
		case v := <-l.done:
			l.learn(v)
		default:
			return
		}
	}
}

func (l *lane) learn(v verdict) {
	l.inflight--
	now := l.out.now()
	switch {
	case l.end.Ordered:
		// The customer's next delivery was held back by this one.
		l.due = time.Time{}
	case !v.outcome.NextAt.IsZero() && v.outcome.NextAt.Before(l.due):
		l.due = v.outcome.NextAt
	}
	if v.pause > 0 {
		l.gate.throttle(now, v.pause)
		l.out.log.Info("webhook endpoint asked for a pause", "endpoint", l.end, "pause", v.pause)
	}
	if v.tried && l.gate.observe(now, v.down) {
		l.out.log.Warn("webhook endpoint seems down; its lane rests", "endpoint", l.end,
			"failures", l.gate.failures, "rest", l.gate.cool, "reason", v.outcome.Reason)
	}
	if l.disabled == "" {
		l.disabled = v.disable
	}
}

// nextClaim is when the lane may claim again, given a free place.
func (l *lane) nextClaim() time.Time {
	at := l.due
	if l.gate.shutUntil.After(at) {
		at = l.gate.shutUntil
	}
	if l.limiter != nil {
		now := l.out.now()
		if missing := 1 - l.limiter.TokensAt(now); missing > 0 {
			// Rounded up, as a claim that comes a nanosecond early finds no token.
			wait := time.Duration(math.Ceil(missing/l.end.Rate*1e6)) * time.Microsecond
			if ready := now.Add(wait); ready.After(at) {
				at = ready
			}
		}
	}
	return at
}

// places is how many deliveries may be claimed now.
func (l *lane) places(now time.Time) int {
	n := l.gate.limit(l.end.Concurrency) - l.inflight
	if n <= 0 || l.nextClaim().After(now) {
		return 0
	}
	if l.limiter != nil {
		n = min(n, int(l.limiter.TokensAt(now)))
	}
	return n
}

// launch claims what is due and starts an attempt for each, until places or work run out.
func (l *lane) launch(ctx, work context.Context) {
	for ctx.Err() == nil {
		now := l.out.now()
		n := l.places(now)
		if n == 0 {
			return
		}
		c := Claim{Endpoint: l.end.Name, Now: now.UTC(), Lease: l.end.Timeout + leaseSlack, N: n, Ordered: l.end.Ordered}
		claimed, err := l.store.Claim(ctx, c)
		if err != nil {
			l.fault(ctx, "claim", err)
			return
		}
		if l.limiter != nil {
			l.limiter.AllowN(now, len(claimed))
		}
		for _, d := range claimed {
			l.inflight++
			go func() { l.done <- l.deliver(work, d) }()
		}
		if len(claimed) == n {
			l.faults = 0
			continue
		}
		if !l.sleepUntilDue(ctx, c) {
			return
		}
	}
}

// sleepUntilDue sets the time of the next claim after one that found less than was asked for.
func (l *lane) sleepUntilDue(ctx context.Context, c Claim) bool {
	next, err := l.store.NextDue(ctx, c)
	if err != nil {
		l.fault(ctx, "next due", err)
		return false
	}
	l.faults = 0
	now := l.out.now()
	l.due = now.Add(idleCap)
	if !next.IsZero() && next.Before(l.due) {
		l.due = next
	}
	if floor := now.Add(idleFloor); l.due.Before(floor) {
		l.due = floor
	}
	return true
}

// fault backs off from a store that fails.
func (l *lane) fault(ctx context.Context, call string, err error) {
	l.faults++
	wait := min(time.Second<<min(l.faults-1, 10), faultCap)
	l.due = l.out.now().Add(wait)
	if ctx.Err() == nil {
		l.out.log.Error("webhook lane cannot reach its deliveries", "endpoint", l.end, "call", call, "err", err, "again_in", wait)
	}
}

// deliver tries one delivery and settles it.
func (l *lane) deliver(work context.Context, d canon.Delivery) verdict {
	v := l.try(work, d)
	if err := l.settle(work, d, v); err != nil {
		l.out.log.Error("webhook delivery not settled; it is sent again under the same id",
			"endpoint", l.end, "delivery", d.ID, "err", err)
		v.outcome.NextAt = l.out.now().Add(l.end.Timeout + leaseSlack)
		return v
	}
	l.out.log.Debug("webhook delivery", "endpoint", l.end, "delivery", d.ID, "state", v.outcome.State,
		"attempt", v.outcome.Try.No, "status", v.outcome.Try.Status, "took", v.outcome.Try.Took)
	return v
}

// try makes an attempt where the delivery is not too old for one.
func (l *lane) try(work context.Context, d canon.Delivery) verdict {
	now := l.out.now()
	if l.end.MaxAge > 0 && now.Sub(d.CreatedAt) > l.end.MaxAge {
		return expired(l.end)
	}
	a := l.attempt(work, d)
	if a.try.Status == 0 && work.Err() != nil {
		return released(l.out.now().UTC())
	}
	return judge(l.end, d, a, l.out.rand())
}

// settle writes the outcome down, even while the process stops: an answer that was heard should not be
// asked for again.
func (l *lane) settle(work context.Context, d canon.Delivery, v verdict) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(work), settleTime)
	defer cancel()
	wait := 100 * time.Millisecond
	for {
		err := l.store.Settle(ctx, d.ID, v.outcome)
		if err == nil || wait > 2*time.Second {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		wait *= 4
	}
}
