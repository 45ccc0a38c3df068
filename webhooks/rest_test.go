package webhooks

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

func TestIdleLaneSleepsAndWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &receiver{answer: always(200)}
		d, stop := start(t, m, Options{Transport: r}, endpoint("crm"))
		defer stop()
		time.Sleep(time.Hour)
		if n := m.claimed(); n > 61 {
			t.Errorf("an idle lane asked %d times in an hour", n)
		}
		time.Sleep(30 * time.Second)
		for _, name := range []string{"crm", "", "nobody"} {
			ds := pending("crm", 1)
			ds[0].ID += name
			m.add(ds...)
			d.Wake(name)
			synctest.Wait()
		}
		if n := len(r.seen()); n != 2 {
			t.Errorf("%d deliveries upon wakes, want 2", n)
		}
		time.Sleep(time.Minute)
		if n := len(r.seen()); n != 3 {
			t.Errorf("%d deliveries a minute after a lost wake, want 3", n)
		}
	})
}

// TestBreaker: a dead endpoint is probed, not stormed, and all is delivered once it is back.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(10 * time.Minute)
		r := &receiver{answer: func(h hit) *said {
			if h.at.Before(back) {
				return &said{}
			}
			return reply(200)
		}}
		ds := pending("crm", 500)
		m := newMemory(ds...)
		_, stop := start(t, m, Options{Transport: r}, endpoint("crm"))
		time.Sleep(10*time.Minute - time.Second)
		if n := len(r.seen()); n > 20 {
			t.Errorf("a dead endpoint got %d requests in ten minutes", n)
		}
		time.Sleep(time.Hour)
		stop()
		for _, d := range ds {
			if got := m.get(t, d.ID); got.State != canon.DeliveryDelivered {
				t.Fatalf("%s is %s: %s", d.ID, got.State, got.Reason)
			}
		}
	})
}

func TestStoreFaultsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ds := pending("crm", 1)
		m := newMemory(ds...)
		mended := time.Now().Add(5 * time.Minute)
		m.broken = func(string, string) bool { return time.Now().Before(mended) }
		d, stop := start(t, m, Options{Transport: &receiver{answer: always(200)}}, endpoint("crm"))
		for range 5 * 60 {
			d.Wake("")
			time.Sleep(time.Second)
		}
		if n := m.claimed(); n > 20 {
			t.Errorf("%d claims of a broken store", n)
		}
		time.Sleep(faultCap)
		stop()
		if got := m.get(t, ds[0].ID); got.State != canon.DeliveryDelivered {
			t.Errorf("left %s", got.State)
		}
	})
}

func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ds := pending("crm", 1)
		m, r := newMemory(ds...), &receiver{answer: always(200)}
		time.Sleep(2 * time.Hour)
		e := endpoint("crm")
		e.MaxAge = time.Hour
		_, stop := start(t, m, Options{Transport: r}, e)
		synctest.Wait()
		stop()
		if d := m.get(t, ds[0].ID); d.State != canon.DeliveryExpired || len(r.seen()) != 0 || len(m.tries()) != 0 {
			t.Errorf("left as %+v after %d requests", d, len(r.seen()))
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(pending("crm", 1)...)
		e := endpoint("crm")
		e.URL += "?token=t0ken"
		_, stop := start(t, m, Options{Transport: &receiver{answer: func(hit) *said { return nil }}}, e)
		time.Sleep(21 * time.Second)
		stop()
		tries := m.tries()
		if len(tries) != 1 || tries[0].Error != "no answer within 20s" || tries[0].Took != 20*time.Second || tries[0].Status != 0 {
			t.Errorf("attempts %+v", tries)
		}
	})
}
