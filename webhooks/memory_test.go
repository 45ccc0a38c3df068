package webhooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// memory is a Store in memory. It keeps deliveries in the order in which they were added.
type memory struct {
	mu       sync.Mutex
	all      []*held
	attempts []canon.Attempt
	// ended counts how often each delivery went from pending to a terminal state.
	ended  map[string]int
	claims int
	// broken makes a call fail, by name of the call.
	broken func(call, id string) bool
}

type held struct {
	canon.Delivery
	leasedUntil time.Time
}

var errBroken = errors.New("the store is out")

func newMemory(ds ...canon.Delivery) *memory {
	m := &memory{ended: map[string]int{}, broken: func(string, string) bool { return false }}
	m.add(ds...)
	return m
}

func (m *memory) add(ds ...canon.Delivery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range ds {
		m.all = append(m.all, &held{Delivery: d})
	}
}

// considered lists the pending deliveries that Claim looks at, in order.
func (m *memory) considered(c Claim) []*held {
	var out []*held
	seen := map[string]bool{}
	for _, h := range m.all {
		if h.Endpoint != c.Endpoint || h.State != canon.DeliveryPending {
			continue
		}
		if c.Ordered && seen[h.Customer] {
			continue
		}
		seen[h.Customer] = true
		out = append(out, h)
	}
	return out
}

func (m *memory) Claim(_ context.Context, c Claim) ([]canon.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.claims++
	if m.broken("claim", "") {
		return nil, errBroken
	}
	var out []canon.Delivery
	for _, h := range m.considered(c) {
		if len(out) == c.N {
			break
		}
		if h.NextAt.After(c.Now) || h.leasedUntil.After(c.Now) {
			continue
		}
		h.leasedUntil = c.Now.Add(c.Lease)
		out = append(out, h.Delivery)
	}
	return out, nil
}

func (m *memory) Settle(_ context.Context, id string, o canon.Outcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken("settle", id) {
		return errBroken
	}
	for _, h := range m.all {
		if h.ID != id || h.State != canon.DeliveryPending {
			continue
		}
		h.State, h.Reason, h.NextAt, h.leasedUntil = o.State, o.Reason, o.NextAt, time.Time{}
		if o.Try.No > 0 {
			h.Attempts, h.LastStatus = o.Try.No, o.Try.Status
			m.attempts = append(m.attempts, o.Try)
		}
		if o.State != canon.DeliveryPending {
			h.EndedAt = time.Now()
			m.ended[id]++
		}
	}
	return nil
}

func (m *memory) NextDue(_ context.Context, c Claim) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken("next", "") {
		return time.Time{}, errBroken
	}
	var next time.Time
	for _, h := range m.considered(c) {
		at := h.NextAt
		if h.leasedUntil.After(at) {
			at = h.leasedUntil
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next, nil
}

func (m *memory) get(t testing.TB, id string) canon.Delivery {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.all {
		if h.ID == id {
			return h.Delivery
		}
	}
	t.Fatalf("no delivery %s", id)
	return canon.Delivery{}
}

func (m *memory) anyPending() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.all, func(h *held) bool { return h.State == canon.DeliveryPending })
}

func (m *memory) tries() []canon.Attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.attempts)
}

func (m *memory) claimed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.claims
}

// hit is one request that a receiver saw.
type hit struct {
	at     time.Time
	id     string
	header http.Header
	body   string
	host   string
}

// receiver is the subscriber's side, in process.
type receiver struct {
	mu     sync.Mutex
	hits   []hit
	answer func(hit) *said
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	h := hit{at: time.Now(), id: req.Header.Get(HeaderID), header: req.Header, body: string(b), host: req.URL.Host}
	r.mu.Lock()
	r.hits = append(r.hits, h)
	r.mu.Unlock()
	resp := r.answer(h)
	if resp == nil {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if resp.status == 0 {
		return nil, errors.New("connection reset by peer")
	}
	out := &http.Response{StatusCode: resp.status, Header: http.Header{}, Body: io.NopCloser(resp.body), Request: req}
	for i := 0; i+1 < len(resp.header); i += 2 {
		out.Header.Set(resp.header[i], resp.header[i+1])
	}
	return out, nil
}

func (r *receiver) seen() []hit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.hits)
}

// said is an answer: nil hangs, a status of 0 cuts the connection.
type said struct {
	status int
	header []string // name, value, name, value…
	body   io.Reader
}

func reply(status int, header ...string) *said {
	return &said{status, header, strings.NewReader("noted")}
}

func always(status int, header ...string) func(hit) *said {
	return func(hit) *said { return reply(status, header...) }
}

func endpoint(name string) Endpoint {
	return Endpoint{Name: name, URL: "https://" + name + ".example.com/hook", Secrets: []string{testSecret}, Types: []string{"*"}}
}

// pending returns n deliveries to the endpoint, of one customer each unless customer is given.
func pending(name string, n int, customer ...string) []canon.Delivery {
	var changes []canon.Change
	for i := range n {
		c := canon.Change{
			ID: fmt.Sprintf("ch_%s_%d", name, i), Type: "stage.changed", Customer: fmt.Sprintf("cus_%d", i), Sequence: int64(i + 1),
			OccurredAt: time.Now().UTC(), RecordedAt: time.Now().UTC(), Data: []byte(`{"event":{"from":"reach"}}`),
		}
		if len(customer) > 0 {
			c.Customer = customer[i%len(customer)]
		}
		changes = append(changes, c)
	}
	return Fan([]Endpoint{endpoint(name)}, changes)
}

// start runs a deliverer over the endpoints; the function stops it and waits for its end.
func start(t *testing.T, m *memory, o Options, endpoints ...Endpoint) (*Deliverer, func()) {
	t.Helper()
	if o.Rand == nil {
		o.Rand = func() float64 { return 0.5 }
	}
	d, err := New(endpoints, m, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	return d, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}
