package webhooks

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func answered(no, status int) answer {
	return answer{try: canon.Attempt{No: no, At: noon, Took: time.Second, Status: status}}
}

func TestJudge(t *testing.T) {
	e := endpoint("crm").withDefaults()
	with := func(a answer, retryAfter time.Duration, control string) answer {
		a.retryAfter, a.control = retryAfter, control
		return a
	}
	for _, tt := range []struct {
		name            string
		answer          answer
		state           string
		wait, pause     time.Duration
		disable, isDown bool
	}{
		{name: "200", answer: answered(1, 200), state: "delivered"},
		{name: "204", answer: answered(3, 204), state: "delivered"},
		{name: "299", answer: answered(1, 299), state: "delivered"},
		{name: "no answer", answer: answered(1, 0), state: "pending", wait: 5 * time.Second, isDown: true},
		{name: "199", answer: answered(1, 199), state: "pending", wait: 5 * time.Second},
		{name: "301", answer: answered(1, 301), state: "pending", wait: 5 * time.Second},
		{name: "307", answer: answered(2, 307), state: "pending", wait: 5 * time.Minute},
		{name: "400", answer: answered(9, 400), state: "pending", wait: 24 * time.Hour},
		{name: "last", answer: answered(10, 500), state: "dead", isDown: true},
		{name: "410", answer: answered(1, 410), state: "dead", disable: true},
		{name: "429 without a wish", answer: answered(1, 429), state: "pending", wait: 5 * time.Second, isDown: true},
		{name: "429", answer: with(answered(1, 429), time.Minute, ""), state: "pending", wait: time.Minute, pause: time.Minute, isDown: true},
		{name: "503, short wish", answer: with(answered(2, 503), time.Second, ""), state: "pending", wait: 5 * time.Minute, pause: time.Second, isDown: true},
		{name: "502", answer: with(answered(1, 502), time.Hour, ""), state: "pending", wait: time.Hour, pause: time.Hour, isDown: true},
		{name: "504", answer: with(answered(1, 504), time.Hour, ""), state: "pending", wait: time.Hour, pause: time.Hour, isDown: true},
		{name: "500 may not throttle", answer: with(answered(1, 500), time.Hour, ""), state: "pending", wait: 5 * time.Second, isDown: true},
		{name: "429 at the last", answer: with(answered(10, 429), time.Minute, ""), state: "dead", pause: time.Minute, isDown: true},
		{name: "abort", answer: with(answered(1, 422), 0, "abort-message"), state: "dead"},
		{name: "disable", answer: with(answered(1, 500), 0, "disable"), state: "dead", disable: true, isDown: true},
		{name: "taken, then disable", answer: with(answered(1, 200), 0, "disable"), state: "delivered", disable: true},
		{name: "taken, abort has no meaning", answer: with(answered(1, 200), 0, "abort-message"), state: "delivered"},
	} {
		v := judge(e, canon.Delivery{CreatedAt: noon}, tt.answer, 0.5)
		var next time.Time
		if tt.wait > 0 {
			next = noon.Add(time.Second + tt.wait)
		}
		if v.outcome.State != tt.state || !v.outcome.NextAt.Equal(next) || v.pause != tt.pause || (v.disable != "") != tt.disable || v.down != tt.isDown {
			t.Errorf("%s: %+v", tt.name, v)
		}
		if v.outcome.Reason == "" || v.outcome.Try.No != tt.answer.try.No {
			t.Errorf("%s: outcome lacks its reason or attempt: %+v", tt.name, v.outcome)
		}
	}
	if v := judge(e, canon.Delivery{}, answered(1, 302), 0.5); !strings.Contains(v.outcome.Reason, "never followed") {
		t.Errorf("a redirect's reason does not say so: %q", v.outcome.Reason)
	}
}

func TestJudgeJitterStaysWithinAFifth(t *testing.T) {
	e := endpoint("crm").withDefaults()
	rapid.Check(t, func(rt *rapid.T) {
		no := rapid.IntRange(1, len(e.Schedule)).Draw(rt, "attempt")
		draw := rapid.Float64Range(0, 1).Draw(rt, "draw")
		got := judge(e, canon.Delivery{}, answered(no, 500), draw).outcome.NextAt.Sub(noon.Add(time.Second))
		if low, high := e.Schedule[no-1]*8/10, e.Schedule[no-1]*12/10; got < low-1 || got > high+1 {
			rt.Fatalf("wait %s after attempt %d, want %s to %s", got, no, low, high)
		}
	})
}

func TestJudgeExpiresWhereNoAttemptCanFollow(t *testing.T) {
	e := endpoint("crm").withDefaults()
	e.MaxAge = time.Minute
	if v := judge(e, canon.Delivery{CreatedAt: noon}, answered(1, 500), 0.5); v.outcome.State != canon.DeliveryPending {
		t.Errorf("first retry within the age: %+v", v.outcome)
	}
	if v := judge(e, canon.Delivery{CreatedAt: noon}, answered(2, 500), 0.5); v.outcome.State != canon.DeliveryExpired || !v.outcome.NextAt.IsZero() {
		t.Errorf("second retry beyond the age: %+v", v.outcome)
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "0": 0, "-5": 0, "86400": time.Hour,
		"99999999999999999999999": time.Hour, "soon": 0, "1.5": 0,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second, "Sun, 01 Mar 2026 11:00:00 GMT": 0, "Mon, 02 Mar 2026 12:00:00 GMT": time.Hour,
	} {
		if got := retryAfter(header, noon); got != want {
			t.Errorf("retryAfter(%q) = %s, want %s", header, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Sun, 01 Mar 2026 12:00:30 GMT")
	f.Fuzz(func(t *testing.T, header string) {
		if got := retryAfter(header, noon); got < 0 || got > throttleCap {
			t.Errorf("retryAfter(%q) = %s", header, got)
		}
	})
}

func TestGate(t *testing.T) {
	var g gate
	for i := range breakAfter {
		if shut := g.observe(noon, true); shut != (i == breakAfter-1) {
			t.Fatalf("failure %d: shut %v", i+1, shut)
		}
	}
	if g.limit(4) != 1 || g.shutUntil != noon.Add(coolAtFirst) {
		t.Errorf("after %d failures: %+v", breakAfter, g)
	}
	if g.observe(noon.Add(time.Second), true) {
		t.Error("an attempt that was under way shut the gate again")
	}
	var rests []time.Duration
	for range 6 {
		at := g.shutUntil
		g.observe(at, true)
		rests = append(rests, g.shutUntil.Sub(at))
	}
	if rests[0] != 20*time.Second || rests[5] != coolAtMost {
		t.Errorf("probes rest for %v", rests)
	}
	g.observe(g.shutUntil, false)
	if g.limit(4) != 4 || g.failures != 0 || g.cool != 0 {
		t.Errorf("after a success: %+v", g)
	}
}
