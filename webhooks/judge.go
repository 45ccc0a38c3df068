package webhooks

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// throttleCap is the longest pause that an endpoint is granted by Retry-After.
const throttleCap = time.Hour

// answer is what one attempt learnt.
type answer struct {
	try canon.Attempt
	// retryAfter is the pause that the endpoint asked for, 0 where it asked for none.
	retryAfter time.Duration
	// control is the webhook-delivery header.
	control string
}

// verdict is what an answer means for the delivery and for its lane.
type verdict struct {
	outcome canon.Outcome
	// tried tells an attempt from none, down that the endpoint as a whole seems not to work.
	tried, down bool
	// pause shuts the lane for a while, disable for good, with the reason.
	pause   time.Duration
	disable string
}

// judge decides what follows from an answer at now. draw is from [0,1) and spreads the retry by 20 % either
// way. It is pure.
func judge(e Endpoint, d canon.Delivery, a answer, draw float64) verdict {
	now := a.try.At.Add(a.try.Took)
	v := verdict{tried: true, outcome: canon.Outcome{Try: a.try}}
	v.down = a.try.Status == 0 || a.try.Status >= 500 || a.try.Status == http.StatusTooManyRequests
	ok := a.try.Status >= 200 && a.try.Status <= 299
	switch {
	case a.control == "disable":
		v.disable = "The endpoint answered with webhook-delivery: disable."
	case a.try.Status == http.StatusGone:
		v.disable = "The endpoint answered 410 Gone."
	}
	switch {
	case ok:
		v.outcome.State = canon.DeliveryDelivered
		v.outcome.Reason = fmt.Sprintf("The endpoint answered %d.", a.try.Status)
	case v.disable != "":
		v.outcome.State, v.outcome.Reason = canon.DeliveryDead, v.disable
	case a.control == "abort-message":
		v.outcome.State = canon.DeliveryDead
		v.outcome.Reason = "The endpoint answered with webhook-delivery: abort-message."
	default:
		if throttles(a.try.Status) {
			v.pause = a.retryAfter
		}
		v.outcome = retry(e, d, v, now.Add(max(jittered(e.Schedule, a.try.No, draw), v.pause)))
	}
	return v
}

// retry plans the attempt at next, or ends the delivery where there is none to come.
func retry(e Endpoint, d canon.Delivery, v verdict, next time.Time) canon.Outcome {
	o, try := v.outcome, v.outcome.Try
	switch {
	case try.No > len(e.Schedule):
		o.State = canon.DeliveryDead
		o.Reason = fmt.Sprintf("Given up after %s: %s", attempts(try.No), failure(try))
	case e.MaxAge > 0 && next.Sub(d.CreatedAt) > e.MaxAge:
		o.State = canon.DeliveryExpired
		o.Reason = fmt.Sprintf("Expired after %s, as the next one would come after the endpoint's maximum age of %s: %s", attempts(try.No), e.MaxAge, failure(try))
	default:
		o.State, o.NextAt, o.Reason = canon.DeliveryPending, next, upper(failure(try))
	}
	return o
}

// expired ends a delivery that is too old to be worth telling.
func expired(e Endpoint) verdict {
	return verdict{outcome: canon.Outcome{
		State:  canon.DeliveryExpired,
		Reason: fmt.Sprintf("The delivery grew older than the endpoint's maximum age of %s.", e.MaxAge),
	}}
}

// released gives a delivery back untried, because this process stops.
func released(now time.Time) verdict {
	return verdict{outcome: canon.Outcome{
		State: canon.DeliveryPending, NextAt: now, Reason: "Interrupted as Hub stopped; it is tried again.",
	}}
}

func throttles(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// jittered returns the wait after the no-th attempt, 0 where none follows.
func jittered(schedule []time.Duration, no int, draw float64) time.Duration {
	if no < 1 || no > len(schedule) {
		return 0
	}
	return time.Duration(float64(schedule[no-1]) * (0.8 + 0.4*draw))
}

// retryAfter reads the header's seconds or date as a pause from 0 to throttleCap.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0
	}
	if strings.Trim(header, "0123456789") == "" {
		seconds, err := strconv.ParseInt(header, 10, 64)
		if err != nil || seconds > int64(throttleCap/time.Second) {
			return throttleCap
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), throttleCap)
}

func failure(t canon.Attempt) string {
	switch {
	case t.Status == 0:
		return t.Error + "."
	case t.Status >= 300 && t.Status <= 399:
		return fmt.Sprintf("the endpoint answered %d; redirects are never followed.", t.Status)
	}
	return fmt.Sprintf("the endpoint answered %d.", t.Status)
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return strconv.Itoa(n) + " attempts"
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
