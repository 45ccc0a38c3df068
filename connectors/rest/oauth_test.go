package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestRotation: a token is renewed after four fifths of its life, and is in the vault before it is used.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: 30 * time.Minute, Rotate: true, Strict: true, Single: true})
		a.before = func(r *http.Request) {
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			kept, err := a.vault.Load(context.WithoutCancel(r.Context()), "token")
			if err != nil || !bytes.Contains(kept, []byte(token)) {
				t.Errorf("the token was used before it was saved (%v)", err)
			}
		}
		c := a.connect(t, "refresh", a.Consent())
		works(t, c)
		time.Sleep(23 * time.Minute)
		works(t, c)
		a.renewals(t, 1)
		time.Sleep(time.Minute)
		works(t, c)
		a.renewals(t, 2)
		// After a restart the setting holds a token of the first day; the vault knows better.
		for range 5 {
			time.Sleep(time.Hour)
			c = a.connect(t, "refresh", "refresh-acme-2-not-a-secret")
			works(t, c)
		}
		a.renewals(t, 7)
		a.quiet(t)
	})
}

// TestOneRenewal: of all calls, in both processes, one renews.
func TestOneRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: 30 * time.Minute, Rotate: true, Strict: true, Single: true})
		refresh := a.Consent()
		one, two := a.connect(t, "refresh", refresh), a.connect(t, "refresh", refresh)
		for n := 1; n <= 3; n++ {
			var wg sync.WaitGroup
			for range 20 {
				for _, c := range []*rest.Conn{one, two} {
					wg.Go(func() {
						if err := c.Check(t.Context()); err != nil {
							t.Error(err)
						}
					})
				}
			}
			wg.Wait()
			a.renewals(t, n)
			time.Sleep(time.Hour)
		}
	})
}

// TestLostAnswer: where the answer with the next refresh token is lost, a vendor with a grace period is
// asked again with the same one; with another, the grant is dead, and Hub says so and does not go on asking.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Rotate: true, Grace: time.Minute, Strict: true})
		c := a.connect(t, "refresh", a.Consent())
		works(t, c)
		a.Lose(3)
		time.Sleep(time.Hour)
		works(t, c)
		a.renewals(t, 5)
	})
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Rotate: true})
		c := a.connect(t, "refresh", a.Consent())
		works(t, c)
		a.Lose(1)
		time.Sleep(time.Hour)
		denied(t, c, "hub connect c")
		asked := a.Counts().Refused
		denied(t, c, "hub connect c")
		if again := a.Counts().Refused; again != asked {
			t.Errorf("a dead grant was asked for %d times more", again-asked)
		}
		// Once a person let Hub in again, it goes on: in another process too.
		other := a.connect(t, "refresh", "refresh-acme-2-not-a-secret")
		answer := a.answer(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.Consent()}})
		if err := other.Connected(t.Context(), answer); err != nil {
			t.Fatal(err)
		}
		works(t, other, c)
		a.quiet(t)
	})
}

// TestPreviousToken: a refresh token that the vendor does not know (its commit was lost, the store was restored)
// is followed by the one before.
func TestPreviousToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Rotate: true, Grace: 24 * time.Hour})
		c := a.connect(t, "refresh", a.Consent())
		works(t, c)
		kept, err := a.vault.Load(t.Context(), "token")
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(kept, &doc); err != nil {
			t.Fatal(err)
		}
		doc["refresh_token"], doc["access_token"] = "unknown-to-the-vendor", "unknown-too"
		wrong, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.vault.Save(t.Context(), "token", wrong); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		works(t, c, a.connect(t, "refresh", "refresh-acme-2-not-a-secret"))
		a.renewals(t, 2)
	})
}

// TestTokenEndpointDown: transient faults are retried; while the token still serves, nobody notices.
func TestTokenEndpointDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Rotate: true})
		c := a.connect(t, "refresh", a.Consent())
		a.Fail(2, 503)
		works(t, c)
		time.Sleep(50 * time.Minute)
		a.Fail(1000, 500)
		asked := a.Counts().Refused
		for range 10 {
			works(t, c)
		}
		if n := a.Counts().Refused - asked; n > 6 {
			t.Errorf("a token endpoint that is down was asked %d times within a minute", n)
		}
		time.Sleep(10 * time.Minute)
		err := c.Check(t.Context())
		if e := canon.AsError(err); e == nil || e.Code != "vendor.unavailable" || !e.Retry {
			t.Errorf("got %#v, want vendor.unavailable that may be retried", e)
		}
		a.Fail(0, 0)
		works(t, c)
		a.renewals(t, 2)
	})
}

// TestWrongRefusal: a vendor that refused by mistake is asked again after five minutes.
func TestWrongRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Rotate: true, Grace: time.Minute})
		c := a.connect(t, "refresh", a.Consent())
		works(t, c)
		time.Sleep(time.Hour)
		a.Refuse(2)
		denied(t, c, "hub connect c")
		time.Sleep(4 * time.Minute)
		denied(t, c, "hub connect c")
		time.Sleep(time.Minute)
		works(t, c)
	})
}

// TestUnsaved: a token that cannot be saved is not used and not lost.
func TestUnsaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Rotate: true, Strict: true})
		full := &fullDisk{Vault: a.vault, full: true}
		a.vault = full
		c := a.connect(t, "refresh", a.Consent())
		e := canon.AsError(c.Check(t.Context()))
		if e == nil || e.Code != "auth.vault" || !e.Retry || len(a.hosts) > 0 {
			t.Errorf("got %#v after %d calls, want auth.vault after none", e, len(a.hosts))
		}
		full.full = false
		works(t, c)
		a.renewals(t, 1)
	})
}

// fullDisk is a vault on a disk that may be full.
type fullDisk struct {
	connectors.Vault
	full bool
}

func (f *fullDisk) Save(ctx context.Context, name string, value []byte) error {
	if f.full {
		return io.ErrShortWrite
	}
	return f.Vault.Save(ctx, name, value)
}

// TestAbandoned: the call that began a renewal may end before it; the answer is kept all the same.
func TestAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAcme(t, sandbox.OAuthOptions{Life: time.Hour, Rotate: true, Strict: true})
		a.Fail(2, 503)
		c := a.connect(t, "refresh", a.Consent())
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := c.Check(ctx); canon.CodeOf(err) != "interrupted" {
			t.Errorf("got %v", err)
		}
		time.Sleep(30 * time.Second)
		works(t, c)
		a.renewals(t, 1)
	})
}
