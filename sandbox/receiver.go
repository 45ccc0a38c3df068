package sandbox

import (
	"io"
	"net/http"
	"slices"
	"sync"
)

// Receiver is a subscriber to webhooks: it verifies, counts and remembers what it gets. It is an
// http.Handler and may be used concurrently.
type Receiver struct {
	verify func(http.Header, []byte) error
	keep   int

	mu     sync.Mutex
	counts ReceiverCounts
	bodies [][]byte
	seen   map[string]bool
	fails  int
	status int
}

// ReceiverCounts tells what became of the requests. Each request counts once.
type ReceiverCounts struct {
	// Verified requests were genuine and new, Duplicate ones genuine with a webhook-id seen before,
	// Rejected ones failed verification (answered 401), Failed ones were refused on request of FailNext.
	Verified, Duplicate, Rejected, Failed int
}

// NewReceiver makes a receiver that remembers the last keep bodies. verify says whether a request is
// genuine; nil takes everything.
func NewReceiver(verify func(http.Header, []byte) error, keep int) *Receiver {
	if verify == nil {
		verify = func(http.Header, []byte) error { return nil }
	}
	return &Receiver{verify: verify, keep: keep, seen: map[string]bool{}}
}

// FailNext makes the next k requests fail with a status, whatever they carry.
func (r *Receiver) FailNext(k, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails, r.status = k, status
}

// Counts returns the counts so far.
func (r *Receiver) Counts() ReceiverCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// Bodies returns the last bodies of verified new requests, the oldest first.
func (r *Receiver) Bodies() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bodies)
}

// ServeHTTP answers 204 to genuine requests, duplicates included.
func (r *Receiver) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, req.Body, 1<<20))
	if err != nil {
		http.Error(rw, "the body cannot be read", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails > 0 {
		r.fails--
		r.counts.Failed++
		rw.WriteHeader(r.status)
		return
	}
	if r.verify(req.Header, body) != nil {
		r.counts.Rejected++
		http.Error(rw, "the signature does not match", http.StatusUnauthorized)
		return
	}
	id := req.Header.Get("webhook-id")
	if id != "" && r.seen[id] {
		r.counts.Duplicate++
		rw.WriteHeader(http.StatusNoContent)
		return
	}
	r.seen[id] = true
	r.counts.Verified++
	r.bodies = append(r.bodies, body)
	r.bodies = r.bodies[max(0, len(r.bodies)-r.keep):]
	rw.WriteHeader(http.StatusNoContent)
}
