// Package bus carries Hub's two belts on NATS JetStream: pages of records on their way in, and changes on
// their way out. The server is embedded by default and opens no port; an external one is used by URL.
//
// It keeps no truth: losing everything that the bus holds loses nothing, because the store refills it.
package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
	// Keep is how long changes stay on the belt; 0 means 30 days. KeepBytes is how much of them, 0 for no bound. A
	// belt that is there already is changed to it, which drops what is beyond.
	Keep      time.Duration
	KeepBytes int64
	// Source names the hub to those who hear changes, as a URI reference; "" means "/hub".
	Source string
}

// Bus is a connection to the belts. It is safe for concurrent use.
type Bus struct {
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	// source and keepBytes are those of the options.
	source    string
	keepBytes int64
	options   Options
}

// Open starts or dials the server and makes sure that the streams are there. It returns a canon.Error with
// code bus.open, bus.listen where the address to listen on cannot be had, or bus.retention where the server does not
// keep changes as the options say.
func Open(ctx context.Context, o Options) (*Bus, error) {
	b := &Bus{source: cmp.Or(o.Source, defaultSource), keepBytes: o.KeepBytes, options: o}
	if err := b.connect(o); err != nil {
		return nil, errors.Join(openError(o, err), b.Close())
	}
	if err := b.streams(ctx, o); err != nil {
		return nil, errors.Join(openError(o, err), b.Close())
	}
	return b, nil
}

func openError(o Options, err error) error {
	if e := canon.AsError(err); e.Code != "internal" {
		return e
	}
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
			var err error
			if so.Host, so.Port, err = free(o.Listen); err != nil {
				return canon.Errorf("bus.listen", "the embedded NATS server cannot listen on %s: %w", o.Listen, err).
					WithHint("nats.listen in hub.yaml is host:port of this machine that no other program has, such as 127.0.0.1:4222")
			}
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
	if _, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: RecordsStream, Description: "pages of records on their way into the hub", Subjects: []string{recordsPrefix + ">"},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, MaxMsgSize: maxPayload + 1<<15}); err != nil {
		return fmt.Errorf("stream %s: %w", RecordsStream, err)
	}
	keep := cmp.Or(o.Keep, 30*24*time.Hour)
	size := cmp.Or(o.KeepBytes, -1)
	if keep < 0 || size < -1 {
		return badRetention(o, errors.New("neither age nor size can be below zero"))
	}
	_, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: ChangesStream, Description: "what became known of customers, as CloudEvents", Subjects: []string{changesPrefix + ">"},
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage, MaxAge: keep, MaxBytes: size,
		// The server refuses to remember ids for longer than messages.
		Duplicates: min(remembered, keep), AllowDirect: true, MaxMsgSize: maxPayload})
	var refused *jetstream.APIError
	if errors.As(err, &refused) && slices.Contains(limits, refused.ErrorCode) {
		return badRetention(o, err)
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", ChangesStream, err)
	}
	return nil
}

// remembered is how long the id of a change is known, so that it is kept once.
const remembered = 10 * time.Minute

// limits are the server's words for a stream that is to keep more than it gives.
var limits = []jetstream.ErrorCode{
	10002, // the account's resources are used up
	10023, // insufficient resources
	10047, // no storage of that size
	10052, // the configuration of the stream is off
	10113, // the account asks for a bound of size
	10122, // the bound is larger than the account allows
}

func badRetention(o Options, err error) error {
	return canon.Errorf("bus.retention", "the NATS server does not keep changes for %s in %s: %w", cmp.Or(o.Keep, 30*24*time.Hour), size(o.KeepBytes), err).
		WithHint("change nats.retention in hub.yaml: age is at least some minutes, and bytes no more than the server's disk or account has free")
}

func size(n int64) string {
	if n == 0 {
		return "any number of bytes"
	}
	return fmt.Sprintf("%d bytes", n)
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
