package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Servers are the three vendors on loopback addresses.
type Servers struct {
	// URLs holds each vendor's address, such as http://127.0.0.1:40123, without a path.
	URLs map[string]string

	servers []*http.Server
	done    sync.WaitGroup
	once    sync.Once
	closed  error
}

// Serve starts the servers of a world on free ports of 127.0.0.1. They end when ctx ends or Close is called.
func Serve(ctx context.Context, w *World) (*Servers, error) {
	s := &Servers{URLs: map[string]string{}}
	for _, v := range []struct {
		name    string
		handler http.Handler
	}{{VendorHubSpot, w.HubSpot()}, {VendorStripe, w.Stripe()}, {VendorZendesk, w.Zendesk()}} {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(fmt.Errorf("sandbox %s: listen: %w", v.name, err), s.Close())
		}
		srv := &http.Server{Handler: v.handler, ReadHeaderTimeout: 10 * time.Second}
		s.URLs[v.name] = "http://" + l.Addr().String()
		s.servers = append(s.servers, srv)
		s.done.Go(func() { _ = srv.Serve(l) }) // always ends with ErrServerClosed, after Close
	}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

// Close ends the servers and their connections and waits for them. It may be called more than once.
func (s *Servers) Close() error {
	s.once.Do(func() {
		for _, srv := range s.servers {
			s.closed = errors.Join(s.closed, srv.Close())
		}
		s.done.Wait()
	})
	return s.closed
}
