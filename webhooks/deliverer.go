package webhooks

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Store keeps deliveries. Any error means that nothing was done; the call is repeated later.
type Store interface {
	// Claim leases up to c.N pending deliveries of c.Endpoint that are due at c.Now, the oldest first, with
	// their bodies. None is given to a second claimer before c.Now + c.Lease or its Settle. With c.Ordered
	// only a customer's oldest pending delivery is considered, and none where that one is leased or not
	// yet due.
	Claim(ctx context.Context, c Claim) ([]canon.Delivery, error)
	// Settle ends a claim: it sets the state, reason and next time, and records o.Try unless its No is 0
	// (no attempt was made). A delivery that is already terminal stays as it is.
	Settle(ctx context.Context, id string, o canon.Outcome) error
	// NextDue returns when Claim with the same c may find something next: the earliest time at which a
	// considered delivery is due and not leased; zero where nothing is pending. c.N does not matter.
	NextDue(ctx context.Context, c Claim) (time.Time, error)
}

// Claim asks for deliveries to work on.
type Claim struct {
	Endpoint string
	Now      time.Time
	Lease    time.Duration
	N        int
	// Ordered keeps each customer's deliveries in order.
	Ordered bool
}

// Options are what a Deliverer takes from its surroundings. Every zero field has a default.
type Options struct {
	// Transport carries every request. The default refuses addresses that are not public, when it dials.
	Transport http.RoundTripper
	// AllowPrivate are addresses that the default transport may reach although they are not public.
	AllowPrivate []netip.Prefix
	// Now is the clock; Rand draws from [0,1) for jitter.
	Now  func() time.Time
	Rand func() float64
	Log  *slog.Logger
	// OnDisable is called once when an endpoint asked to be left alone (410, or webhook-delivery:
	// disable). Its lane has stopped. The callee keeps the endpoint disabled and skips what is pending.
	OnDisable func(ctx context.Context, endpoint, reason string)
}

// Deliverer carries deliveries to their endpoints, each in a lane of its own, so that none waits for
// another.
type Deliverer struct {
	lanes     map[string]*lane
	closeIdle func()
}

// New returns a Deliverer for the endpoints that are not disabled. The error is a canon.Error, code
// webhooks.endpoint, for an endpoint that cannot be used or a name that stands twice.
func New(endpoints []Endpoint, store Store, o Options) (*Deliverer, error) {
	out, closeIdle := o.outside()
	d := &Deliverer{lanes: make(map[string]*lane, len(endpoints)), closeIdle: closeIdle}
	seen := make(map[string]bool, len(endpoints))
	for _, e := range endpoints {
		if err := e.Validate(); err != nil {
			return nil, err
		}
		if seen[e.Name] {
			return nil, e.fault("its name stands twice", "give each endpoint a name of its own")
		}
		seen[e.Name] = true
		if e.Disabled {
			continue
		}
		keys, err := parseSecrets(e.Secrets)
		if err != nil {
			return nil, err
		}
		d.lanes[e.Name] = newLane(e.withDefaults(), keys, store, out)
	}
	return d, nil
}

// outside is what every lane shares.
type outside struct {
	client    *http.Client
	now       func() time.Time
	rand      func() float64
	log       *slog.Logger
	onDisable func(ctx context.Context, endpoint, reason string)
}

// outside fills in defaults; the function closes what the default transport holds open.
func (o Options) outside() (outside, func()) {
	out := outside{now: o.Now, rand: o.Rand, log: o.Log, onDisable: o.OnDisable}
	if out.now == nil {
		out.now = time.Now
	}
	if out.rand == nil {
		out.rand = rand.Float64
	}
	if out.log == nil {
		out.log = slog.New(slog.DiscardHandler)
	}
	if out.onDisable == nil {
		out.onDisable = func(context.Context, string, string) {}
	}
	transport, closeIdle := o.Transport, func() {}
	if transport == nil {
		guarded := guardedTransport(o.AllowPrivate)
		transport, closeIdle = guarded, guarded.CloseIdleConnections
	}
	out.client = &http.Client{
		Transport: transport,
		// A redirect would carry a signed body to an address that nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return out, closeIdle
}

// Run delivers until ctx ends, then lets attempts under way finish for up to 5 s and returns nil. It is
// called once.
func (d *Deliverer) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, l := range d.lanes {
		wg.Go(func() { l.run(ctx) })
	}
	wg.Wait()
	<-ctx.Done()
	d.closeIdle()
	return nil
}

// Wake tells that the endpoint has new deliveries; "" means every endpoint. It never blocks, and a wake
// that is lost costs at most a minute.
func (d *Deliverer) Wake(endpoint string) {
	if endpoint != "" {
		if l := d.lanes[endpoint]; l != nil {
			l.nudge()
		}
		return
	}
	for _, l := range d.lanes {
		l.nudge()
	}
}
