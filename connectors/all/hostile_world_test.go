package all_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/sandbox"
	"github.com/lifecyclehub/hub/webhooks"
)

// held is what is known of a stream, by the rules of the store: the newest version of each record, and what a full
// list no longer holds as missing.
type held struct {
	cursor  canon.Cursor
	records map[string]canon.Record
	sweep   *sweeping
	// refused holds what was missing at once when it was more than may be believed.
	refused map[string]canon.Record
	began   time.Time
}

// sweeping is a full list that is under way: what was alive when it began, and what it has shown.
type sweeping struct {
	round  string
	began  time.Time
	before map[string]canon.Record
	seen   map[string]bool
}

func (s *held) keep(p connectors.Page) {
	switch {
	case p.Sweep == nil:
		s.sweep = nil
	case s.sweep == nil || s.sweep.round != p.Sweep.Round:
		s.sweep = &sweeping{round: p.Sweep.Round, began: time.Now(), before: map[string]canon.Record{}, seen: map[string]bool{}}
		for id, rec := range s.records {
			if !rec.Deleted {
				s.sweep.before[id] = rec
			}
		}
	}
	for _, rec := range p.Records {
		if s.sweep != nil {
			s.sweep.seen[rec.ID] = true
		}
		s.add(rec)
	}
	s.cursor = p.Next
	if s.sweep == nil || p.More {
		return
	}
	missing := map[string]canon.Record{}
	for id, was := range s.sweep.before {
		if !s.sweep.seen[id] {
			missing[id] = was
		}
	}
	s.refused, s.began = missing, s.sweep.began
	if most := max(1, int(p.Sweep.Guard*float64(len(s.sweep.before))+1e-9)); len(missing) <= most {
		s.accept()
	}
	s.sweep = nil
}

// accept takes what the last full list lacked as gone, where nothing was heard of it since.
func (s *held) accept() {
	for id, was := range s.refused {
		if now := s.records[id]; now.Version == was.Version && now.ObservedAt.Equal(was.ObservedAt) {
			now.Deleted, now.Reason, now.ObservedAt = true, canon.ReasonMissing, s.began
			s.records[id] = now
		}
	}
	s.refused = nil
}

// add keeps the newer of two states.
func (s *held) add(rec canon.Record) {
	was, known := s.records[rec.ID]
	if !known || rec.Version > was.Version || rec.Version == was.Version && (rec.ObservedAt.After(was.ObservedAt) ||
		rec.ObservedAt.Equal(was.ObservedAt) && rec.ContentHash() >= was.ContentHash()) {
		s.records[rec.ID] = rec
	}
}

// vault keeps a connection's tokens beyond its process.
type vault struct {
	mu        sync.Mutex
	now, last map[string][]byte
}

func (v *vault) Load(_ context.Context, name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now[name], nil
}

func (v *vault) Save(_ context.Context, name string, value []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.now == nil {
		v.now, v.last = map[string][]byte{}, map[string][]byte{}
	}
	v.last[name], v.now[name] = v.now[name], slices.Clone(value)
	return nil
}

func (v *vault) Previous(_ context.Context, name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last[name], nil
}

func (v *vault) Lease(context.Context, string) (func(), error) { return func() {}, nil }

// oneByOne carries one request after the other, so that a seed gives the same run every time.
func oneByOne(next http.RoundTripper) http.RoundTripper {
	turn := make(chan struct{}, 1)
	return trip(func(r *http.Request) (*http.Response, error) {
		turn <- struct{}{}
		defer func() { <-turn }()
		return next.RoundTrip(r)
	})
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// hookAddress is where the vendors post their calls.
const hookAddress = "https://hub.example/hooks/vendor"

// verified proves a call by the scheme that the connector's definition names.
func verified(hook connectors.Hook, c sandbox.HookCall) error {
	scheme, ok := webhooks.FindScheme(hook.Scheme)
	if !ok {
		return canon.Errorf("hook.scheme", "there is no scheme %q", hook.Scheme)
	}
	in := webhooks.Inbound{Method: http.MethodPost, URL: hookAddress, Header: c.Header, Body: c.Body, At: time.Now()}
	return scheme.Verify(in, webhooks.Trust{Scheme: hook.Scheme, Secrets: []string{hostileSecret}})
}
