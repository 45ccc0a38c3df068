package rest

import (
	"context"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lifecyclehub/hub/canon"
)

// bucket is one rate budget of a connection, shared by all calls that name it. What the vendor says wins
// over the configured rate: after a refusal with a waiting time, everybody waits; and as other programs may
// use the same allowance, every refusal halves the rate, which then grows back with each success.
type bucket struct {
	limit *rate.Limiter
	// most is the configured rate.
	most rate.Limit

	mu     sync.Mutex
	until  time.Time
	halved time.Time
}

const (
	// Refusals of one burst count as one.
	halveEvery = 5 * time.Second
	// The rate never falls below this part of the configured one, and grows back in so many steps.
	leastShare, growSteps = 16, 100
)

func newBucket(r rate.Limit, burst int) *bucket {
	return &bucket{limit: rate.NewLimiter(r, burst), most: r}
}

func newBuckets(spec *Spec, sc *scope) (map[string]*bucket, error) {
	out := map[string]*bucket{"default": newBucket(rate.Inf, 1)}
	for _, name := range sortedKeys(spec.Budgets) {
		b := spec.Budgets[name]
		text := sc.expand(b.Rate, nil)
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n <= 0 {
			return nil, canon.Errorf("settings.rate", "the rate of budget %s is %q, which is no positive number", name, text).
				WithHint("Set it to how many requests the vendor allows, such as 10.")
		}
		per := n / time.Duration(b.Per).Seconds()
		out[name] = newBucket(rate.Limit(per), or(b.Burst, 1))
	}
	return out, nil
}

// wait takes one token, or returns the context's error.
func (b *bucket) wait(ctx context.Context) error {
	r := b.limit.Reserve()
	delay := r.Delay()
	b.mu.Lock()
	if d := time.Until(b.until); d > delay {
		delay = d
	}
	b.mu.Unlock()
	if delay <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		r.Cancel()
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// pause makes everybody wait for at least d.
func (b *bucket) pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := time.Now().Add(d); t.After(b.until) {
		b.until = t
	}
}

// refused halves the rate.
func (b *bucket) refused() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.most == rate.Inf || time.Since(b.halved) < halveEvery {
		return
	}
	b.halved = time.Now()
	b.limit.SetLimit(max(b.limit.Limit()/2, b.most/leastShare))
}

// accepted lets the rate grow back.
func (b *bucket) accepted() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.limit.Limit(); now < b.most {
		b.limit.SetLimit(min(now+b.most/growSteps, b.most))
	}
}
