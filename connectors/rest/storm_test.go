package rest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// window is a vendor that allows so many requests in any such time, and none during a storm.
type window struct {
	most  int
	per   time.Duration
	after string

	mu            sync.Mutex
	hits          []time.Time
	storms        [][2]time.Time
	sent, refused int
	done          map[string]int
	tell          func(h http.Header, left int, resets time.Time)
}

func (v *window) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	v.sent++
	v.hits = slices.DeleteFunc(v.hits, func(t time.Time) bool { return now.Sub(t) >= v.per })
	stormy := slices.ContainsFunc(v.storms, func(s [2]time.Time) bool { return !now.Before(s[0]) && now.Before(s[1]) })
	if stormy || len(v.hits) >= v.most {
		v.refused++
		if v.after != "" {
			w.Header().Set("Retry-After", v.after)
		}
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	v.hits = append(v.hits, now)
	v.done[r.URL.Path]++
	if v.tell != nil {
		v.tell(w.Header(), v.most-len(v.hits), v.hits[0].Add(v.per))
	}
	ok(w, r)
}

// TestStorms: whatever storms of 429 come, every call is carried out once, and no more is sent than the
// budget allows.
func TestStorms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rate := rapid.IntRange(1, 50).Draw(rt, "rate")
		most := rate * rapid.IntRange(1, 3).Draw(rt, "generous")
		after := rapid.SampledFrom([]string{"", "1", "20", "600"}).Draw(rt, "retry after")
		calls := rapid.IntRange(20, 300).Draw(rt, "calls")
		gaps := rapid.SliceOfN(rapid.IntRange(1, 300), 1, 3).Draw(rt, "gaps")
		synctest.Test(t, func(t *testing.T) {
			v := &window{most: most, per: 10 * time.Second, after: after, done: map[string]int{}}
			at := time.Now()
			for _, gap := range gaps {
				at = at.Add(time.Duration(gap) * time.Second)
				v.storms = append(v.storms, [2]time.Time{at, at.Add(10 * time.Minute)})
				at = at.Add(10 * time.Minute)
			}
			a := newAccount(t, fmt.Sprintf("rate: %d\nper: 10s\nburst: 3", rate), v.ServeHTTP)
			conns := []*rest.Conn{a.open(t, "k"), a.open(t, "k")}
			began := time.Now()
			work := make(chan int, calls)
			for i := range calls {
				work <- i
			}
			close(work)
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for n := range work {
						for {
							_, err := conns[i%2].Do(as(t.Context(), connectors.Priority(i%4), "/"+strconv.Itoa(n)))
							if err == nil {
								break
							}
							if e := canon.AsError(err); !e.Retry {
								t.Errorf("call %d: %v", n, err)
								return
							}
							time.Sleep(30 * time.Second)
						}
					}
				})
			}
			wg.Wait()
			for n := range calls {
				if v.done["/"+strconv.Itoa(n)] != 1 {
					t.Errorf("call %d was carried out %d times", n, v.done["/"+strconv.Itoa(n)])
				}
			}
			allowed := 3 + float64(rate)*time.Since(began).Seconds()/10
			if float64(v.sent) > 1.05*allowed {
				t.Errorf("%d requests were sent, the budget allows %.0f", v.sent, allowed)
			}
			if m := conns[0].Meters()[0]; m.Sent != int64(v.sent) || m.Refused != int64(v.refused) || len(m.Waiting) > 0 {
				t.Errorf("the vendor saw %d, refused %d; the meter tells %+v", v.sent, v.refused, m)
			}
		})
	})
}

// teller is how a vendor tells what is left.
type teller struct {
	name, headers string
	tell          func(h http.Header, left int, resets time.Time)
}

func tellers() []teller {
	secs := func(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
	return []teller{
		{"hubspot", "{remaining: X-HubSpot-RateLimit-Remaining, interval: X-HubSpot-RateLimit-Interval-Milliseconds}", func(h http.Header, left int, _ time.Time) {
			h.Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(left))
			h.Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
		}},
		{"zendesk", "{limit: X-Rate-Limit, remaining: X-Rate-Limit-Remaining, reset: ratelimit-reset}", func(h http.Header, left int, resets time.Time) {
			h.Set("X-Rate-Limit", "20")
			h.Set("X-Rate-Limit-Remaining", strconv.Itoa(left))
			h.Set("ratelimit-reset", secs(time.Until(resets)))
		}},
		{"zendesk per endpoint", `{pattern: {header: zendesk-ratelimit-exports, match: 'total=(?P<limit>\d+); *remaining=(?P<remaining>\d+); *resets=(?P<reset>\d+)'}}`, func(h http.Header, left int, resets time.Time) {
			h.Set("Zendesk-RateLimit-Exports", fmt.Sprintf("total=20; remaining=%d; resets=%s", left, secs(time.Until(resets))))
		}},
		{"intercom", "{remaining: X-RateLimit-Remaining, reset: X-RateLimit-Reset}", func(h http.Header, left int, resets time.Time) {
			h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
			h.Set("X-RateLimit-Reset", strconv.FormatInt(resets.Unix()+1, 10))
		}},
		{"freshdesk", "{limit: X-RateLimit-Total, remaining: X-RateLimit-Remaining}", func(h http.Header, left int, _ time.Time) {
			h.Set("X-RateLimit-Total", "20")
			h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
		}},
		{"pipedrive", "{limit: x-ratelimit-limit, remaining: x-ratelimit-remaining, reset: x-ratelimit-reset}", func(h http.Header, left int, resets time.Time) {
			h.Set("X-RateLimit-Limit", "20")
			h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
			h.Set("X-RateLimit-Reset", secs(time.Until(resets)))
		}},
		{"a date", "{remaining: X-Left, reset: X-Reset}", func(h http.Header, left int, resets time.Time) {
			h.Set("X-Left", strconv.Itoa(left))
			h.Set("X-Reset", resets.Add(time.Second).UTC().Format(http.TimeFormat))
		}},
	}
}

// TestHeaders: where a vendor tells what is left, in its own way, none of its refusals is provoked although
// the budget is set too high.
func TestHeaders(t *testing.T) {
	for _, c := range tellers() {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &window{most: 20, per: 10 * time.Second, done: map[string]int{}, tell: c.tell}
				conn := newAccount(t, "rate: 1000\nper: 10s\nburst: 50\nheaders: "+c.headers, v.ServeHTTP).open(t, "k")
				var wg sync.WaitGroup
				for w := range 4 {
					wg.Go(func() {
						for n := range 40 {
							if _, err := conn.Do(as(t.Context(), 2, fmt.Sprintf("/%d-%d", w, n))); err != nil {
								t.Error(err)
							}
						}
					})
				}
				began := time.Now()
				wg.Wait()
				if v.refused > 0 || len(v.done) != 160 {
					t.Errorf("%d of %d requests were refused", v.refused, v.sent)
				}
				if took := time.Since(began); took > 5*time.Minute {
					t.Errorf("160 requests at 20 per 10s took %v", took)
				}
			})
		})
	}
}
