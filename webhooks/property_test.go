package webhooks

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// plan is what goes wrong in one run: the fate of each attempt, of each settling, and when the process is
// replaced. Fates are used round and round.
type plan struct {
	statuses []int // 0 cuts the connection, -1 hangs
	lost     []bool
	restarts []time.Duration
	ordered  bool
	maxAge   time.Duration
	n        int
}

// TestEveryDeliveryEndsOnce: whatever endpoints, store and process do, every delivery reaches exactly one
// terminal state, and a delivered one was taken by the endpoint under its id.
func TestEveryDeliveryEndsOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := plan{
			statuses: rapid.SliceOfN(rapid.SampledFrom([]int{200, 200, 204, 302, 400, 429, 500, 503, 0, -1}), 1, 12).Draw(rt, "statuses"),
			lost:     append(rapid.SliceOfN(rapid.Bool(), 0, 5).Draw(rt, "lost"), false),
			restarts: rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) time.Duration {
				return time.Duration(rapid.IntRange(0, int(2*time.Hour)).Draw(rt, "ns"))
			}), 0, 4).Draw(rt, "restarts"),
			ordered: rapid.Bool().Draw(rt, "ordered"),
			maxAge:  rapid.SampledFrom([]time.Duration{0, time.Minute, 24 * time.Hour}).Draw(rt, "max age"),
			n:       rapid.IntRange(1, 12).Draw(rt, "deliveries"),
		}
		var fault string
		synctest.Test(t, func(t *testing.T) { fault = p.play(t) })
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

// play runs the plan for up to 40 days and says what is wrong with the end.
func (p plan) play(t *testing.T) string {
	e := endpoint("crm")
	e.Ordered, e.MaxAge = p.ordered, p.maxAge
	ds := pending("crm", p.n, "cus_a", "cus_b", "cus_c")
	m := newMemory(ds...)
	settled, answers := 0, 0
	m.broken = func(call, _ string) bool {
		if call != "settle" {
			return false
		}
		settled++
		return p.lost[settled%len(p.lost)]
	}
	r := &receiver{}
	taken := map[string]bool{}
	r.answer = func(h hit) *said {
		r.mu.Lock()
		defer r.mu.Unlock()
		answers++
		switch status := p.statuses[answers%len(p.statuses)]; status {
		case -1:
			return nil
		case 0:
			return &said{}
		default:
			taken[h.id] = taken[h.id] || status < 300
			return reply(status, "Retry-After", "7")
		}
	}
	for _, life := range p.restarts {
		_, stop := start(t, m, Options{Transport: r}, e)
		time.Sleep(life)
		stop()
	}
	_, stop := start(t, m, Options{Transport: r}, e)
	for day := 0; day < 40 && m.anyPending(); day++ {
		time.Sleep(24 * time.Hour)
	}
	stop()
	for _, d := range ds {
		switch got := m.get(t, d.ID); {
		case got.State == canon.DeliveryPending:
			return d.ID + " is still pending: " + got.Reason
		case m.ended[d.ID] != 1:
			return d.ID + " ended more than once"
		case got.State == canon.DeliveryDelivered && !taken[d.ID]:
			return d.ID + " is called delivered, but nobody took it"
		case got.Reason == "":
			return d.ID + " ended without a reason"
		}
	}
	return ""
}
