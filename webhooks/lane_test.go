package webhooks

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

// TestScheduleConformance follows one delivery to an endpoint that always fails: ten attempts at the
// scheduled times, one id, a fresh timestamp and valid signature each, then dead.
func TestScheduleConformance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		m := newMemory(pending("crm", 1)...)
		r := &receiver{answer: always(500)}
		_, stop := start(t, m, Options{Transport: r}, endpoint("crm"))
		time.Sleep(5 * 24 * time.Hour)
		stop()
		var at []time.Duration
		want := []time.Duration{0}
		for _, wait := range DefaultSchedule() {
			want = append(want, want[len(want)-1]+wait)
		}
		id := canon.DeliveryID("ch_crm_0", "crm")
		for _, h := range r.seen() {
			at = append(at, h.at.Sub(began))
			if h.id != id {
				t.Errorf("id %s, want %s", h.id, id)
			}
			if err := Verify(h.header, []byte(h.body), h.at, testSecret); err != nil {
				t.Errorf("the attempt at %s does not verify: %v", h.at, err)
			}
			if h.header.Get(HeaderTimestamp) != fmt.Sprint(h.at.Unix()) {
				t.Errorf("timestamp %s at %d", h.header.Get(HeaderTimestamp), h.at.Unix())
			}
		}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("attempts at (-want +got)\n%s", diff)
		}
		d := m.get(t, id)
		if d.State != canon.DeliveryDead || d.Attempts != 10 || d.Reason != "Given up after 10 attempts: the endpoint answered 500." || m.ended[id] != 1 {
			t.Errorf("left as %s after %d: %q", d.State, d.Attempts, d.Reason)
		}
	})
}

func TestRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := endpoint("crm")
		e.Secrets = []string{testSecret, NewSecret()}
		e.Headers = map[string]string{"Authorization": "Bearer x"}
		ds := pending("crm", 1)
		r := &receiver{answer: func(hit) *said {
			resp := reply(200)
			resp.body = endless{}
			return resp
		}}
		m := newMemory(ds...)
		_, stop := start(t, m, Options{Transport: r}, e)
		synctest.Wait()
		stop()
		h := r.seen()[0]
		if h.body != string(ds[0].Body) {
			t.Errorf("sent %s, stored %s", h.body, ds[0].Body)
		}
		if h.header.Get("Content-Type") != "application/json" || h.header.Get("User-Agent") != userAgent || h.header.Get("Authorization") != "Bearer x" {
			t.Errorf("headers %v", h.header)
		}
		for _, s := range e.Secrets {
			if err := Verify(h.header, []byte(h.body), h.at, s); err != nil {
				t.Errorf("while rotating: %v", err)
			}
		}
		if got := m.tries(); len(got) != 1 || len(got[0].Response) != keepBytes || got[0].Status != 200 {
			t.Errorf("kept %d attempts, %d bytes", len(got), len(got[0].Response))
		}
	})
}

// endless is a body that never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func TestGoneDisables(t *testing.T) {
	for name, resp := range map[string]*said{"410": {status: 410}, "header": {status: 500, header: []string{"webhook-delivery", "disable"}}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := endpoint("crm")
				e.Concurrency = 1
				ds := pending("crm", 3)
				m := newMemory(ds...)
				r := &receiver{answer: func(hit) *said {
					return reply(resp.status, resp.header...)
				}}
				var told []string
				d, stop := start(t, m, Options{Transport: r, OnDisable: func(_ context.Context, name, reason string) {
					told = append(told, name+": "+reason)
				}}, e)
				time.Sleep(time.Hour)
				d.Wake("crm")
				time.Sleep(time.Hour)
				stop()
				if len(r.seen()) != 1 || len(told) != 1 {
					t.Errorf("%d requests, told %q", len(r.seen()), told)
				}
				if first, second := m.get(t, ds[0].ID), m.get(t, ds[1].ID); first.State != "dead" || second.State != "pending" || second.Attempts != 0 {
					t.Errorf("left as %+v and %+v", first, second)
				}
			})
		})
	}
}

func TestRetryAfterThrottlesTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var n atomic.Int64
		r := &receiver{answer: func(hit) *said {
			if n.Add(1) == 1 {
				return reply(429, "Retry-After", "90")
			}
			return reply(200)
		}}
		e := endpoint("crm")
		e.Concurrency = 1
		m := newMemory(pending("crm", 3)...)
		d, stop := start(t, m, Options{Transport: r}, e)
		time.Sleep(30 * time.Second)
		d.Wake("crm")
		time.Sleep(3 * time.Minute)
		stop()
		var at []time.Duration
		for _, h := range r.seen() {
			at = append(at, h.at.Sub(began))
		}
		if diff := cmp.Diff([]time.Duration{0, 90 * time.Second, 90 * time.Second, 90 * time.Second}, at); diff != "" {
			t.Error(diff)
		}
	})
}

// TestHungNeighbour: an endpoint that never answers costs a fast one nothing.
func TestHungNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := &receiver{answer: func(h hit) *said {
			if strings.HasPrefix(h.host, "hung") {
				return nil
			}
			return reply(200)
		}}
		m := newMemory(append(pending("hung", 50), pending("fast", 50)...)...)
		_, stop := start(t, m, Options{Transport: r}, endpoint("hung"), endpoint("fast"))
		time.Sleep(time.Minute)
		stop()
		fast := 0
		for _, h := range r.seen() {
			if strings.HasPrefix(h.host, "fast") {
				fast++
				if h.at != began {
					t.Errorf("a fast delivery waited %s", h.at.Sub(began))
				}
			}
		}
		if fast != 50 {
			t.Errorf("%d of 50 fast deliveries", fast)
		}
	})
}

func TestConcurrencyAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var now, most atomic.Int64
		r := &receiver{}
		r.answer = func(hit) *said {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			time.Sleep(3 * time.Second)
			return reply(200)
		}
		e := endpoint("crm")
		e.Rate, e.Concurrency = 2, 3
		m := newMemory(pending("crm", 12)...)
		_, stop := start(t, m, Options{Transport: r}, e)
		time.Sleep(time.Minute)
		stop()
		hits := r.seen()
		if len(hits) != 12 || most.Load() != 3 {
			t.Fatalf("%d requests, %d at once", len(hits), most.Load())
		}
		for i, h := range hits[1:] {
			if gap := h.at.Sub(hits[i].at); gap < 499*time.Millisecond {
				t.Errorf("attempts %s apart, %s after the start", gap, h.at.Sub(began))
			}
		}
	})
}

// TestOrdered: a customer's deliveries arrive in order, also over failures, and other customers pass by.
func TestOrdered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		r := &receiver{answer: func(hit) *said {
			// Every third attempt fails; those that succeed take their time.
			k := n.Add(1)
			time.Sleep(time.Duration(k%5) * 100 * time.Millisecond)
			if k%3 == 0 {
				return reply(400)
			}
			return reply(200)
		}}
		e := endpoint("crm")
		e.Ordered, e.Concurrency = true, 8
		ds := pending("crm", 60, "cus_a", "cus_b", "cus_c", "cus_d")
		m := newMemory(ds...)
		_, stop := start(t, m, Options{Transport: r}, e)
		time.Sleep(3 * time.Hour)
		stop()
		position, customer := map[string]int{}, map[string]string{}
		for i, d := range ds {
			position[d.ID], customer[d.ID] = i, d.Customer
			if got := m.get(t, d.ID); got.State != canon.DeliveryDelivered {
				t.Errorf("%s is %s", d.ID, got.State)
			}
		}
		last := map[string]int{}
		for _, h := range r.seen() {
			c := customer[h.id]
			if position[h.id] < last[c] {
				t.Fatalf("customer %s: delivery %d came after %d", c, position[h.id], last[c])
			}
			last[c] = position[h.id]
		}
	})
}

// TestOrderedIsPrompt: the next of a customer follows at once when the one before it has ended.
func TestOrderedIsPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		e := endpoint("crm")
		e.Ordered = true
		m, r := newMemory(pending("crm", 20, "cus_a")...), &receiver{answer: always(200)}
		_, stop := start(t, m, Options{Transport: r}, e)
		synctest.Wait()
		stop()
		if n := len(r.seen()); n != 20 || time.Since(began) > 0 {
			t.Errorf("%d of 20 deliveries after %s", n, time.Since(began))
		}
	})
}

// TestCrash: what a process took and never settled is sent again under the same id once the lease ends.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ds := pending("crm", 1)
		m := newMemory(ds...)
		m.broken = func(call, _ string) bool { return call == "settle" }
		r := &receiver{answer: always(200)}
		_, stop := start(t, m, Options{Transport: r}, endpoint("crm"))
		time.Sleep(15 * time.Second)
		stop()
		m.mu.Lock()
		m.broken = func(string, string) bool { return false }
		m.mu.Unlock()
		_, stop = start(t, m, Options{Transport: r}, endpoint("crm"))
		time.Sleep(2 * time.Minute)
		stop()
		hits := r.seen()
		if len(hits) != 2 || hits[0].id != hits[1].id || hits[1].at.Sub(began) != 20*time.Second+leaseSlack {
			t.Errorf("requests %+v", hits)
		}
		if m.ended[ds[0].ID] != 1 {
			t.Errorf("ended %d times", m.ended[ds[0].ID])
		}
	})
}

// TestGracefulStop: an attempt that ends within the grace is settled, one that hangs is given back at once.
func TestGracefulStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answer: func(h hit) *said {
			if strings.HasPrefix(h.host, "hung") {
				return nil
			}
			time.Sleep(3 * time.Second)
			return reply(200)
		}}
		ds := append(pending("hung", 1), pending("slow", 1)...)
		m := newMemory(ds...)
		_, stop := start(t, m, Options{Transport: r}, endpoint("hung"), endpoint("slow"))
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took != grace {
			t.Errorf("stopping took %s", took)
		}
		if d := m.get(t, ds[1].ID); d.State != canon.DeliveryDelivered {
			t.Errorf("the slow one is %s", d.State)
		}
		if d := m.get(t, ds[0].ID); d.State != canon.DeliveryPending || d.Attempts != 0 || d.NextAt.After(time.Now()) {
			t.Errorf("the hung one is %+v", d)
		}
	})
}
