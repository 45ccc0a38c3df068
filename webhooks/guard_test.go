package webhooks

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lifecyclehub/hub/canon"
)

// deliverOnce sends one delivery to url over the default transport and returns how the attempt ended.
func deliverOnce(t *testing.T, url string, allow ...netip.Prefix) canon.Attempt {
	t.Helper()
	e := endpoint("crm")
	e.URL, e.Timeout = url, 5*time.Second
	settled := make(chan canon.Outcome, 1)
	d, err := New([]Endpoint{e}, once{pending("crm", 1)[0], settled, new(atomic.Bool)}, Options{AllowPrivate: allow})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	o := <-settled
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return o.Try
}

// once is a Store with one delivery.
type once struct {
	delivery canon.Delivery
	settled  chan canon.Outcome
	taken    *atomic.Bool
}

func (o once) Claim(context.Context, Claim) ([]canon.Delivery, error) {
	if o.taken.Swap(true) {
		return nil, nil
	}
	return []canon.Delivery{o.delivery}, nil
}
func (o once) Settle(_ context.Context, _ string, out canon.Outcome) error {
	o.settled <- out
	return nil
}
func (o once) NextDue(context.Context, Claim) (time.Time, error) { return time.Time{}, nil }

func TestPrivateAddressesAreRefusedWhenDialled(t *testing.T) {
	defer goleak.VerifyNone(t)
	var hits atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{
		"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "[::1]", "10.0.0.1", "192.168.1.1", "172.16.0.1",
		"169.254.169.254", "100.64.0.1", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::]", "255.255.255.255",
	} {
		try := deliverOnce(t, "http://"+host+":"+port+"/hook?token=t0ken")
		if try.Status != 0 || !strings.Contains(try.Error, "not public") {
			t.Errorf("%s: %+v", host, try)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests came through", hits.Load())
	}
}

func TestPrivateAddressesMayBeAllowed(t *testing.T) {
	defer goleak.VerifyNone(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The demo's receiver would answer so.
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	for _, cidr := range []string{"127.0.0.0/8", "::ffff:127.0.0.0/104"} {
		if try := deliverOnce(t, server.URL, netip.MustParsePrefix(cidr)); try.Status != http.StatusFound {
			t.Errorf("allowed by %s: %+v", cidr, try)
		}
	}
	if try := deliverOnce(t, server.URL, netip.MustParsePrefix("10.0.0.0/8")); try.Status != 0 {
		t.Errorf("another network's permission: %+v", try)
	}
}

// TestOverHTTP delivers to a real server that verifies what it gets.
func TestOverHTTP(t *testing.T) {
	defer goleak.VerifyNone(t)
	const n = 200
	got := make(chan error, n)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = Verify(r.Header, body, time.Now(), testSecret)
		}
		got <- err
	}))
	defer server.Close()
	e := endpoint("crm")
	e.URL = server.URL
	ds := pending("crm", n)
	m := newMemory(ds...)
	_, stop := start(t, m, Options{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, e)
	for range n {
		if err := <-got; err != nil {
			t.Error(err)
		}
	}
	stop()
	for _, d := range ds {
		if state := m.get(t, d.ID).State; state != canon.DeliveryDelivered {
			t.Errorf("%s is %s", d.ID, state)
		}
	}
}

func TestErrorsDoNotTellTheAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	try := deliverOnce(t, "http://"+address+"/p4th?token=t0ken", netip.MustParsePrefix("127.0.0.0/8"))
	if try.Status != 0 || try.Error == "" || strings.Contains(try.Error, "t0ken") || strings.Contains(try.Error, "p4th") {
		t.Errorf("attempt %+v", try)
	}
}
