package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const budgetSpec = `
base_url: https://acme.example
auth: [{kind: bearer, token: "${setting.key}"}]
budgets:
  default:
%s
check: {path: /check}
streams: [{name: things, title: Things, id: id, full: {request: {path: /things}}}]
`

// account opens connections to a handler; those with the same key are of one account.
type account struct {
	budgets connectors.Budgets
	spec    *rest.Spec
	handler http.Handler
}

func newAccount(t testing.TB, budget string, h http.HandlerFunc) *account {
	t.Helper()
	spec, err := rest.Parse("acme", fmt.Appendf(nil, budgetSpec, "    "+strings.ReplaceAll(strings.TrimSpace(budget), "\n", "\n    ")))
	if err != nil {
		t.Fatal(err)
	}
	return &account{spec: spec, handler: h}
}

func (a *account) open(t testing.TB, key string, more ...string) *rest.Conn {
	t.Helper()
	s := connectors.Settings{"key": key}
	for i := 0; i < len(more); i += 2 {
		s[more[i]] = more[i+1]
	}
	c, err := rest.Open(a.spec, s, connectors.Env{Connection: key, Transport: connectortest.Transport(a.handler), Budgets: &a.budgets})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func as(ctx context.Context, p connectors.Priority, path string) (context.Context, rest.Call) {
	return connectors.WithPriority(ctx, p), rest.Call{Path: path}
}

func ok(w http.ResponseWriter, _ *http.Request) { send(w, map[string]any{}) }

// TestPriorities: who waits goes in the order of priorities, whoever came first.
func TestPriorities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		a := newAccount(t, "rate: 1\nper: 1s", func(w http.ResponseWriter, r *http.Request) {
			order = append(order, r.URL.Path[1:])
			ok(w, r)
		})
		one, two := a.open(t, "k"), a.open(t, "k")
		var wg sync.WaitGroup
		for _, p := range []connectors.Priority{3, 3, 2, 3, 1, 2, 0, 1} {
			for _, c := range []*rest.Conn{one, two} {
				wg.Go(func() {
					if _, err := c.Do(as(t.Context(), p, "/"+p.String())); err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
			}
		}
		m := two.Meters()[0]
		if m.Waiting["backfill"] != 5 || m.Waiting["webhook"] != 2 || m.Why != "The budget allows 1 requests per 1s." || m.Until.IsZero() {
			t.Errorf("the meter tells %+v", m)
		}
		wg.Wait()
		rank := func(s string) int { return slices.Index([]string{"webhook", "push", "incremental", "backfill"}, s) }
		// The first call waited for nobody.
		if rest := order[1:]; !slices.IsSortedFunc(rest, func(a, b string) int { return rank(a) - rank(b) }) || len(order) != 16 {
			t.Errorf("the order was %v", order)
		}
	})
}

// TestNobodyStarves: where urgent calls never end, the others get every 20th turn all the same.
func TestNobodyStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		a := newAccount(t, "rate: 10\nper: 1s", func(w http.ResponseWriter, r *http.Request) {
			order = append(order, r.URL.Path[1:])
			ok(w, r)
		})
		c := a.open(t, "k")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for p := range connectors.Priority(4) {
			for range 3 {
				wg.Go(func() {
					for ctx.Err() == nil {
						_, _ = c.Do(as(ctx, p, "/"+p.String()))
					}
				})
			}
		}
		wg.Wait()
		for _, who := range []string{"push", "incremental", "backfill"} {
			last, worst := 20, 0
			for i, s := range order {
				if s == who && i > 20 {
					worst, last = max(worst, i-last), i
				}
			}
			if worst > 20 || worst == 0 {
				t.Errorf("%s got no turn among %d", who, worst)
			}
		}
		if n := strings.Count(strings.Join(order, " "), "webhook"); n < len(order)*3/4 {
			t.Errorf("webhooks got %d of %d turns", n, len(order))
		}
	})
}

// TestDaily: reading leaves the reserve of the day to webhooks and push, and says when it goes on.
func TestDaily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		used := 80
		a := newAccount(t, `rate: 1000
per: 1s
reserve: 10%
headers: {pattern: {header: Sforce-Limit-Info, match: 'api-usage=(?P<daily_used>\d+)/(?P<daily_limit>\d+)'}}`, func(w http.ResponseWriter, r *http.Request) {
			used++
			w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/100", used))
			ok(w, r)
		})
		c := a.open(t, "k")
		try := func(p connectors.Priority, most int) (n int, err error) {
			for ; n < most; n++ {
				if _, err = c.Do(as(t.Context(), p, "/")); err != nil {
					return n, err
				}
			}
			return n, nil
		}
		n, err := try(connectors.PriorityBackfill, 100)
		if e := canon.AsError(err); n != 10 || e == nil || e.Code != "rate.daily" || !e.Retry || !strings.Contains(e.Message, "asks again at 2000-01-01T01:00:00Z") {
			t.Fatalf("after %d reads: %#v", n, e)
		}
		if m := c.Meters()[0]; m.DailyLeft != 10 || m.Reserve != 10 || !strings.Contains(m.Why, "kept for webhooks and write-back") {
			t.Errorf("the meter tells %+v", m)
		}
		// Another connection to the account knows as well.
		if _, err := a.open(t, "k").Do(as(t.Context(), 2, "/")); canon.CodeOf(err) != "rate.daily" {
			t.Errorf("the other connection got %v", err)
		}
		if n, err := try(connectors.PriorityPush, 5); err != nil || n != 5 {
			t.Errorf("push got %d of the reserve: %v", n, err)
		}
		if n, err := try(connectors.PriorityWebhook, 50); n != 5 || canon.CodeOf(err) != "rate.daily" {
			t.Errorf("webhooks got %d of the reserve: %v", n, err)
		}
		used = 0
		time.Sleep(time.Hour)
		if n, err := try(connectors.PriorityBackfill, 50); err != nil || n != 50 {
			t.Errorf("an hour later: %d, %v", n, err)
		}
	})
}

// TestDailySetting: a day of the settings is counted here, by what a request costs, and begins at midnight UTC.
func TestDailySetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, "rate: 1000\nper: 1s\ncost: 10\nreserve: 50\ndaily: ${setting.daily}", ok)
		c := a.open(t, "k", "daily", "200")
		n := 0
		var err error
		for ; err == nil; n++ {
			_, err = c.Do(as(t.Context(), connectors.PriorityIncremental, "/"))
		}
		if n != 16 || !strings.Contains(err.Error(), "resets at 2000-01-02T00:00:00Z") {
			t.Errorf("after %d calls: %v", n, err)
		}
		if err := a.open(t, "another account").Check(t.Context()); err != nil {
			t.Errorf("another account: %v", err)
		}
		time.Sleep(25 * time.Hour)
		if err := c.Check(t.Context()); err != nil {
			t.Errorf("the next day: %v", err)
		}
		for _, bad := range []string{"-1", "x"} {
			if _, err := rest.Open(a.spec, connectors.Settings{"key": "bad", "daily": bad}, connectors.Env{}); canon.CodeOf(err) != "settings.rate" {
				t.Errorf("daily %s gave %v", bad, err)
			}
		}
	})
}

// TestAccounts: connections of one account share its budget, others do not; a long Retry-After ends the calls
// of all who share it at once.
func TestAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, "rate: 1\nper: 1s", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hold" {
				w.Header().Set("Retry-After", "7200")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			ok(w, r)
		})
		one, two, other := a.open(t, "k"), a.open(t, "k"), a.open(t, "another")
		began := time.Now()
		for range 3 {
			for _, c := range []*rest.Conn{one, two, other} {
				if err := c.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("6 calls at one a second took %v", took)
		}
		if _, err := one.Do(as(t.Context(), 3, "/hold")); canon.CodeOf(err) != "rate.limited" {
			t.Errorf("got %v", err)
		}
		began = time.Now()
		err := two.Check(t.Context())
		if e := canon.AsError(err); e == nil || e.Code != "rate.limited" || !e.Retry || time.Since(began) > 0 {
			t.Errorf("the other connection got %#v after %v", e, time.Since(began))
		}
		if m := two.Meters()[0]; !strings.HasPrefix(m.Why, "The vendor asked to wait until ") {
			t.Errorf("the meter tells %+v", m)
		}
		if err := other.Check(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Hour)
		if err := two.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestTurnGivenBack: a call that ends while it waits costs the budget nothing.
func TestTurnGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newAccount(t, "rate: 1\nper: 1m", ok).open(t, "k")
		works(t, c)
		began := time.Now()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := c.Check(ctx); canon.CodeOf(err) != "interrupted" {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		works(t, c)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("the next call went after %v", took)
		}
	})
}
