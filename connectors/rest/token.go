package rest

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// token is what a vendor gave for the credential, as it is kept in the vault.
type token struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token,omitempty"`
	// Base is the address that the vendor wants its API to be called at, where it tells one.
	Base string    `json:"base_url,omitempty"`
	Got  time.Time `json:"got"`
	// Ends is zero where nobody knows.
	Ends time.Time `json:"ends,omitzero"`
	// From tells from which credential the token comes: of another one's it is of no use.
	From string `json:"from"`

	base *url.URL
	// ours says that this process fetched it, accepted that the vendor took it since.
	ours     bool
	accepted atomic.Bool
}

// due reports whether it is time for another: after four fifths of its life, so that it does not end on
// its way to the vendor.
func (t *token) due(now time.Time) bool {
	return !t.Ends.IsZero() && !now.Before(t.Got.Add(t.Ends.Sub(t.Got)/5*4))
}

// over reports whether its life has ended.
func (t *token) over(now time.Time) bool { return !t.Ends.IsZero() && !now.Before(t.Ends) }

// source is where tokens come from.
type source struct {
	// ask gets a new one, for the refresh token where the grant needs one. An error with the cause errGrant
	// says that the vendor does not accept that refresh token.
	ask func(ctx context.Context, refresh string) (*token, error)
	// account tells this account from others at the same address. from tells the credential that kept
	// tokens must come from.
	account, from string
	// grants says that a refresh token is needed, seed is the one in the settings.
	grants bool
	seed   string
	// always says that a 401 is answered by another token even before the end of the present one's life.
	always bool
	// signed ones are made here, and not kept.
	signed bool
	// missing is told where there is no refresh token at all. hint says what to do where a token is refused.
	missing func() error
	hint    string
}

var errGrant = errors.New("the refresh token is not accepted")

// errStands is the cause where a refused token is not replaced, as by the vendor's word its life is not over.
var errStands = errors.New("the vendor refuses a token whose life is not over")

const (
	// tokenName is the token's name in the vault.
	tokenName = "token"
	// A renewal and its save end before the vault's lease does.
	renewLimit, saveLimit = 80 * time.Second, 30 * time.Second
	// Close lets a renewal end, as its lost answer might cost the grant.
	closeLimit = 10 * time.Second
	// A renewal that failed although the token still serves is tried again after a while, and so is one that
	// the vendor refused for good.
	renewAgain, deadAgain = time.Minute, 5 * time.Minute
	// A token that is not taken so soon after it was fetched will not be replaced by a better one.
	freshFor = time.Minute
)

// tokens holds a connection's token, and renews it: one call at a time in this process, and one process at
// a time under the vault's lease.
type tokens struct {
	source  source
	vault   connectors.Vault
	now     func() time.Time
	secrets *redactor

	current atomic.Pointer[token]
	// life ends with Close.
	life context.Context
	end  context.CancelFunc
	done sync.WaitGroup

	mu     sync.Mutex
	flight *flight
	// unsaved was fetched and could not be saved; it is not used before it is.
	unsaved *token
	// A renewal that failed while the token still serves is not tried again before retryAt.
	retryAt time.Time
	// failed says that the vendor did not accept the refresh token failedFor, failedAt.
	failed    error
	failedAt  time.Time
	failedFor string
}

// flight is a renewal that is under way.
type flight struct {
	done  chan struct{}
	token *token
	err   error
}

func newTokens(from source, vault connectors.Vault, now func() time.Time, s *redactor) *tokens {
	if vault == nil || from.signed {
		vault = &memory{}
	}
	t := &tokens{source: from, vault: vault, now: now, secrets: s}
	t.life, t.end = context.WithCancel(context.Background())
	return t
}

// get returns a token that serves. stale, where not nil, is one that the vendor no longer takes.
func (ts *tokens) get(ctx context.Context, stale *token) (*token, error) {
	t, now := ts.current.Load(), ts.now()
	if t.serves(stale) && !t.due(now) {
		return t, nil
	}
	if t.serves(stale) && !t.over(now) && ts.resting(now) {
		return t, nil
	}
	// A renewal that was under way before may end with the very token that is stale.
	for range 2 {
		f := ts.start(ctx, stale)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.done:
		}
		switch {
		case f.err == nil && f.token.serves(stale):
			return f.token, nil
		case f.err != nil:
			if t = ts.current.Load(); t.serves(stale) && !t.over(ts.now()) {
				return t, nil
			}
			return nil, own(f.err)
		}
	}
	return nil, own(ts.source.missing())
}

// own copies an error that several calls are told of, as each may add to its own.
func own(err error) error {
	e := *canon.AsError(err)
	return &e
}

func (t *token) serves(stale *token) bool {
	return t != nil && (stale == nil || t.Access != stale.Access)
}

func (ts *tokens) resting(now time.Time) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return now.Before(ts.retryAt)
}

// replaceable reports whether another token may do better than t, which the vendor refused: not where it is
// a new one that the vendor never took.
func (ts *tokens) replaceable(t *token) bool {
	return !t.ours || t.accepted.Load() || ts.now().Sub(t.Got) >= freshFor
}

// start joins the renewal that is under way, or begins one. It does not end with ctx: an answer that nobody
// reads may hold the only refresh token that the vendor still takes.
func (ts *tokens) start(ctx context.Context, stale *token) *flight {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.flight != nil {
		return ts.flight
	}
	f := &flight{done: make(chan struct{})}
	if ts.life.Err() != nil {
		f.err = canon.Errorf("interrupted", "the connection is closed")
		close(f.done)
		return f
	}
	ts.flight = f
	run, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewLimit)
	stop := context.AfterFunc(ts.life, cancel)
	ts.done.Go(func() {
		defer cancel()
		defer stop()
		f.token, f.err = ts.renew(run, stale)
		if f.err != nil && run.Err() != nil {
			f.err = late(f.err)
		}
		ts.mu.Lock()
		ts.flight = nil
		if ts.retryAt = (time.Time{}); f.err != nil {
			ts.retryAt = ts.now().Add(renewAgain)
		}
		ts.mu.Unlock()
		close(f.done)
	})
	return f
}

// late tells of a renewal that ended with its time. It was not the caller's time, and must not look so.
func late(err error) error {
	e := *canon.AsError(err)
	if e.Code == "interrupted" {
		e.Code, e.Message, e.Hint = "net.unreachable", "the renewal of the token did not end in time", "Check the network; Hub goes on by itself later."
	}
	e.Cause, e.Retry = nil, true
	return &e
}

// replace keeps a token that somebody fetched, in place of the present one.
func (ts *tokens) replace(ctx context.Context, t *token) error {
	release, err := ts.vault.Lease(ctx, tokenName)
	if err != nil {
		return vaultError("leased", err)
	}
	defer release()
	_, err = ts.keep(ctx, t)
	return err
}

// close lets a renewal end, though not for long.
func (ts *tokens) close() {
	late := time.AfterFunc(closeLimit, ts.end)
	ts.mu.Lock()
	f := ts.flight
	ts.mu.Unlock()
	if f != nil {
		<-f.done
	}
	ts.end()
	late.Stop()
	ts.done.Wait()
}

// renew takes the token that another process left in the vault, or asks the vendor for one.
func (ts *tokens) renew(ctx context.Context, stale *token) (*token, error) {
	release, err := ts.vault.Lease(ctx, tokenName)
	if err != nil {
		return nil, vaultError("leased", err)
	}
	defer release()
	ts.mu.Lock()
	unsaved := ts.unsaved
	ts.mu.Unlock()
	if unsaved != nil {
		return ts.keep(ctx, unsaved)
	}
	stored, err := ts.load(ctx)
	if err != nil {
		return nil, err
	}
	if stored.serves(stale) && !stored.due(ts.now()) {
		return ts.adopt(stored)
	}
	if stale != nil && !ts.source.always && !stale.Ends.IsZero() && !stale.due(ts.now()) {
		return nil, canon.Errorf("auth.denied", "%w", errStands)
	}
	if stored.serves(stale) && !stored.over(ts.now()) {
		// It serves on where the vendor gives no other for now.
		if _, err := ts.adopt(stored); err != nil {
			return nil, err
		}
	}
	if err := ts.refusedBefore(stored); err != nil {
		return nil, err
	}
	t, err := ts.ask(ctx, stored)
	if err != nil {
		ts.remember(stored, err)
		return nil, err
	}
	if t == nil {
		// Another process saved one that serves while this one asked.
		if stored, err = ts.load(ctx); err != nil {
			return nil, err
		}
		return ts.adopt(stored)
	}
	return ts.keep(ctx, t)
}
