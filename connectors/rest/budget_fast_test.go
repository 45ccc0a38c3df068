package rest

import (
	"net/http"
	"testing"
	"time"
)

// TestFastPath: a call that need not wait allocates nothing for its budget.
func TestFastPath(t *testing.T) {
	b := newBucket("default", 1e9, time.Second, 1000)
	learn, err := Headers{Remaining: "X-Left", Reset: "X-Reset"}.compile()
	if err != nil {
		t.Fatal(err)
	}
	b.headers = learn
	h := http.Header{"X-Left": {"1000000"}, "X-Reset": {"10"}}
	n := testing.AllocsPerRun(1000, func() {
		ticket, err := b.wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.settle(ticket, h, verdictGood)
	})
	if n != 0 {
		t.Errorf("a call allocates %v times", n)
	}
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"", "0", "10", "1.5", "1767225600", "1767225600000", "-1", "NaN", "1e300", "2026-01-01T00:00:00Z", "Thu, 01 Jan 2026 00:00:00 GMT", "api-usage=9/10", "total=5; remaining=2; resets=9"} {
		f.Add(s)
	}
	learn, err := Headers{Limit: "X", Remaining: "X", Reset: "X", Interval: "X", DailyLimit: "X", DailyRemaining: "X", DailyReset: "X",
		Pattern: &HeaderPattern{Header: "X", Match: `(?P<daily_used>\d+)/(?P<daily_limit>\d+)`}}.compile()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		now := time.Now()
		got := learn.read(http.Header{"X": {text}}, now)
		for _, n := range []int64{got.limit, got.remaining, got.dailyLimit, got.dailyRemaining} {
			if n < -1 || n > 1e15 {
				t.Errorf("%q gives %+v", text, got)
			}
		}
		if got.reset.Sub(now) > maxHold || got.dailyReset.Sub(now) > maxHold {
			t.Errorf("%q gives %+v", text, got)
		}
	})
}
