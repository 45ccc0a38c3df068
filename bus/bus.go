// Package bus carries Hub's two belts on NATS JetStream: pages of records on their way in, and changes on
// their way out. The server is embedded by default and opens no port; an external one is used by URL.
//
// It keeps no truth: losing everything that the bus holds loses nothing, because the store refills it.
package bus

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lifecyclehub/hub/canon"
)

// The streams and the subjects that they hold.
const (
	RecordsStream = "HUB_RECORDS"
	ChangesStream = "HUB_CHANGES"
	recordsPrefix = "hub.records."
	changesPrefix = "hub.changes."
)

// maxPayload bounds one message. A batch larger than it is split before it is sent.
const maxPayload = 8 << 20

// Options say which server to use.
type Options struct {
	// URL of an external server; "" starts an embedded one.
	URL string
	// Dir is where the embedded server keeps its files.
	Dir string
	// Listen is the address on which the embedded server is reachable for others, "" for no port.
	Listen string
	// Keep is how long changes stay on the belt; 0 means 7 days.
	Keep time.Duration
}

// Bus is a connection to the belts. It is safe for concurrent use.
type Bus struct {
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
}

// Open starts or dials the server and makes sure that the streams are there. It returns a canon.Error with
// code bus.open.
func Open(ctx context.Context, o Options) (*Bus, error) {
	b := &Bus{}
	if err := b.connect(o); err != nil {
		return nil, errors.Join(openError(o, err), b.Close())
	}
	if err := b.streams(ctx, o); err != nil {
		return nil, errors.Join(openError(o, err), b.Close())
	}
	return b, nil
}

func openError(o Options, err error) error {
	if o.URL == "" {
		return canon.Errorf("bus.open", "the embedded NATS server cannot start: %w", err).
			WithHint("check that data_dir in hub.yaml is writable and used by no other hub, and that nats.listen is free")
	}
	return canon.Errorf("bus.open", "the NATS server cannot be used: %w", err).
		WithHint("check nats.url in hub.yaml, that the server runs with JetStream, and that the account may create streams")
}

func (b *Bus) connect(o Options) error {
	opts := []nats.Option{nats.Name("hub"), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond), nats.RetryOnFailedConnect(false)}
	url := o.URL
	if url == "" {
		so := &server.Options{
			ServerName: "hub", JetStream: true, StoreDir: o.Dir, DontListen: o.Listen == "",
			MaxPayload: maxPayload + 1<<16, NoSigs: true, NoLog: true, NoSystemAccount: false,
		}
		if o.Listen != "" {
			host, port, err := splitAddr(o.Listen)
			if err != nil {
				return err
			}
			so.Host, so.Port = host, port
		}
		s, err := server.NewServer(so)
		if err != nil {
			return err
		}
		b.server = s
		if err := start(s); err != nil {
			return err
		}
		opts = append(opts, nats.InProcessServer(s))
	}
	conn, err := nats.Connect(url, opts...)
	if err != nil {
		return err
	}
	b.conn = conn
	b.js, err = jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(2*publishAhead), jetstream.WithPublishAsyncTimeout(30*time.Second))
	return err
}

// start starts an embedded server and waits until it is ready.
func start(s *server.Server) error {
	var why lastWords
	s.SetLoggerV2(&why, false, false, false)
	started := make(chan struct{})
	go func() {
		defer close(started)
		s.Start()
	}()
	for begun := time.Now(); ; {
		gaveUp := false
		select {
		case <-started:
			// What is not ready soon after the start has given up.
			gaveUp = true
		default:
		}
		if s.ReadyForConnections(500 * time.Millisecond) {
			return nil
		}
		if why := why.Load(); why != nil {
			return errors.New(*why)
		}
		if gaveUp || time.Since(begun) > 20*time.Second {
			return errors.New("the server does not become ready")
		}
	}
}

// lastWords is a server's log that keeps only why the server gave up.
type lastWords struct{ atomic.Pointer[string] }

func (w *lastWords) Fatalf(format string, v ...any) {
	s := fmt.Sprintf(format, v...)
	w.Store(&s)
}
func (*lastWords) Noticef(string, ...any) {}
func (*lastWords) Warnf(string, ...any)   {}
func (*lastWords) Errorf(string, ...any)  {}
func (*lastWords) Debugf(string, ...any)  {}
func (*lastWords) Tracef(string, ...any)  {}

func (b *Bus) streams(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	keep := o.Keep
	if keep == 0 {
		keep = 7 * 24 * time.Hour
	}
	for _, cfg := range []jetstream.StreamConfig{
		{Name: RecordsStream, Description: "pages of records on their way into the hub", Subjects: []string{recordsPrefix + ">"},
			Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, MaxMsgSize: maxPayload + 1<<15},
		{Name: ChangesStream, Description: "what became known of customers", Subjects: []string{changesPrefix + ">"},
			Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, MaxAge: keep, Duplicates: 10 * time.Minute,
			AllowDirect: true, MaxMsgSize: maxPayload},
	} {
		if _, err := b.js.CreateOrUpdateStream(ctx, cfg); err != nil {
			return fmt.Errorf("stream %s: %w", cfg.Name, err)
		}
	}
	return nil
}

// URL returns where others reach the embedded server, "" where it opens no port.
func (b *Bus) URL() string {
	if b.server == nil || b.server.Addr() == nil {
		return ""
	}
	return b.server.ClientURL()
}

// Close ends the connection and the embedded server, if any.
func (b *Bus) Close() error {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
	return nil
}
