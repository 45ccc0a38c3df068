package rest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// ask asks the vendor for a token. Where it does not accept the refresh token, another process may have
// changed it, or an answer with a newer one was lost and the one before still holds; only then is the grant
// dead. It returns nil where the vault holds a token by now that serves.
func (ts *tokens) ask(ctx context.Context, stored *token) (*token, error) {
	if !ts.source.grants {
		return ts.source.ask(ctx, "")
	}
	var tried []string
	var refused error
	for step := range 4 {
		refresh := ""
		switch step {
		case 0:
			if stored != nil {
				refresh = stored.Refresh
			}
		case 1:
			now, err := ts.load(ctx)
			if err != nil {
				return nil, err
			}
			if now != nil && (stored == nil || now.Access != stored.Access) {
				if !now.due(ts.now()) {
					return nil, nil
				}
				refresh = now.Refresh
			}
		case 2:
			before, err := ts.previous(ctx)
			if err != nil {
				return nil, err
			}
			if before != nil && refused != nil {
				refresh = before.Refresh
			}
		case 3:
			refresh = ts.source.seed
		}
		if refresh == "" || slices.Contains(tried, refresh) {
			continue
		}
		tried = append(tried, refresh)
		ts.secrets.add(refresh)
		t, err := ts.source.ask(ctx, refresh)
		if err == nil && t.Refresh == "" {
			t.Refresh = refresh
		}
		if err == nil || !errors.Is(err, errGrant) {
			return t, err
		}
		refused = err
	}
	if refused == nil {
		refused = ts.source.missing()
	}
	return nil, refused
}

// keep saves the token and only then lets it be used: the vendor may take no other from now on.
func (ts *tokens) keep(ctx context.Context, t *token) (*token, error) {
	ts.secrets.add(t.Access, t.Refresh)
	t.From = ts.source.from
	doc, err := json.Marshal(t)
	if err != nil {
		return nil, vaultError("written", err)
	}
	save, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	defer context.AfterFunc(ts.life, cancel)()
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		if err = ts.vault.Save(save, tokenName, doc); err == nil {
			break
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-save.Done():
			timer.Stop()
			ts.setUnsaved(t)
			return nil, vaultError("saved", err)
		}
	}
	ts.setUnsaved(nil)
	return ts.adopt(t)
}

func (ts *tokens) setUnsaved(t *token) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.unsaved = t
	if t == nil {
		ts.failed, ts.failedAt, ts.failedFor = nil, time.Time{}, ""
	}
}

// adopt makes a token that is saved the one in use.
func (ts *tokens) adopt(t *token) (*token, error) {
	ts.secrets.add(t.Access, t.Refresh)
	if t.Base != "" {
		base, err := apiBase(t.Base)
		if err != nil {
			return nil, err
		}
		t.base = base
	}
	ts.current.Store(t)
	return t, nil
}

// load reads the kept token, nil where there is none of this credential.
func (ts *tokens) load(ctx context.Context) (*token, error) {
	doc, err := ts.vault.Load(ctx, tokenName)
	return ts.read(doc, err)
}

func (ts *tokens) previous(ctx context.Context) (*token, error) {
	doc, err := ts.vault.Previous(ctx, tokenName)
	return ts.read(doc, err)
}

func (ts *tokens) read(doc []byte, err error) (*token, error) {
	if err != nil {
		return nil, vaultError("read", err)
	}
	if len(doc) == 0 {
		return nil, nil
	}
	t := &token{}
	if err := json.Unmarshal(doc, t); err != nil || t.Access == "" || t.From != ts.source.from {
		return nil, nil
	}
	return t, nil
}

// remember keeps that the vendor does not accept the credential, so that not every call asks it again: many
// lock an account after some failed logins.
func (ts *tokens) remember(stored *token, err error) {
	if canon.CodeOf(err) != "auth.denied" {
		return
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.failed, ts.failedAt, ts.failedFor = err, ts.now(), refreshOf(stored)
}

func (ts *tokens) refusedBefore(stored *token) error {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.failed != nil && ts.failedFor == refreshOf(stored) && ts.now().Sub(ts.failedAt) < deadAgain {
		return ts.failed
	}
	return nil
}

func refreshOf(t *token) string {
	if t == nil {
		return ""
	}
	return t.Refresh
}

func vaultError(what string, err error) error {
	var known *canon.Error
	if errors.As(err, &known) {
		return known
	}
	e := canon.Errorf("auth.vault", "the connection's token could not be %s: %w", what, err)
	e.Retry = true
	return e.WithHint("Check that the store is reachable; Hub goes on by itself then.")
}

// memory is the vault of a connection that was given none.
type memory struct {
	mu            sync.Mutex
	now, previous []byte
}

func (m *memory) Load(context.Context, string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now, nil
}

func (m *memory) Save(_ context.Context, _ string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.previous, m.now = m.now, value
	return nil
}

func (m *memory) Previous(context.Context, string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.previous, nil
}

func (m *memory) Lease(context.Context, string) (func(), error) { return func() {}, nil }
