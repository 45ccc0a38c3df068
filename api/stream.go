package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lifecyclehub/hub/canon"
)

const (
	heartbeat    = 15 * time.Second
	writeTimeout = 30 * time.Second
	// reconnect is how long a browser waits before it comes back, in milliseconds.
	reconnect = 2000
)

type streamInput struct {
	LastEventID string   `header:"Last-Event-ID" maxLength:"30" doc:"Position of the last change seen; sent by browsers when they come back. Goes before after"`
	After       string   `query:"after" maxLength:"30" doc:"Position behind which to start; without it only what comes next is sent"`
	Customer    string   `query:"customer" maxLength:"200" doc:"Only changes of this customer"`
	Type        []string `query:"type" maxItems:"50" doc:"Only these types; a type that ends in a dot stands for all with that prefix"`
	Backfill    bool     `query:"backfill" default:"true" doc:"Whether to send what was learnt while reading the past"`
}

func (s *server) streamRoute(api huma.API) {
	op := route("stream-changes", "/stream", "Changes", "Follow changes as they happen",
		"Server-sent events of type \"change\". The id of each is its position; a comment or a bare id every 15 seconds keeps the line open.")
	change := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[canon.Change](), true, "Change")
	op.Responses["200"] = &huma.Response{
		Description: "A stream of events; the data of each is a change as JSON",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
			Type: huma.TypeString, Description: "Lines \"id\", \"event: change\" and \"data\"; data holds " + change.Ref + ".",
		}}},
	}
	huma.Register(api, op, s.stream)
}

func (s *server) stream(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
	if s.Live == nil {
		e := canon.Errorf("stream.unavailable", "This process does not follow changes.").WithHint("Ask the process that runs hub run.")
		e.Retry = true
		return nil, s.fail(ctx, e)
	}
	after, err := startAfter(in)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	keep := in.filter()
	if in.Customer != "" {
		c, err := s.Reader.Customer(ctx, in.Customer)
		if err != nil {
			return nil, s.fail(ctx, err)
		}
		in.Customer, keep = c.ID, (&streamInput{Customer: c.ID, Type: in.Type, Backfill: in.Backfill}).filter()
	}
	changes, err := s.Live.Subscribe(ctx, after)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		follow(hc.Context(), newSender(w), changes, keep)
	}}, nil
}

// startAfter returns the position to start behind, -1 for only what comes next.
func startAfter(in *streamInput) (int64, error) {
	name, value := "Last-Event-ID", in.LastEventID
	if value == "" {
		name, value = "after", in.After
	}
	if value == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return 0, canon.Errorf("request.invalid", "The parameter %s must be the position of a change, a whole number from 0.", name).
			WithHint("Use the id of the last event that you received.")
	}
	return n, nil
}

func (in *streamInput) filter() func(canon.Change) bool {
	return func(c canon.Change) bool {
		if in.Customer != "" && c.Customer != in.Customer || c.Backfill && !in.Backfill {
			return false
		}
		return len(in.Type) == 0 || slices.ContainsFunc(in.Type, func(t string) bool {
			return t == c.Type || strings.HasSuffix(t, ".") && strings.HasPrefix(c.Type, t)
		})
	}
}

// follow sends until the client leaves or the source ends. A change that the filter leaves out still moves
// the position, so that a client that comes back does not have it searched again.
func follow(ctx context.Context, out *sender, changes <-chan canon.Change, keep func(canon.Change) bool) {
	if !out.start() {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	seen := int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if !out.beat(seen) {
				return
			}
		case c, open := <-changes:
			if !open {
				return
			}
			seen = max(seen, c.Position)
			if keep(c) && !out.change(c) {
				return
			}
		}
	}
}

// sender writes server-sent events, each in one piece. Its methods report false once the client is gone.
type sender struct {
	w    http.ResponseWriter
	ctrl *http.ResponseController
	buf  bytes.Buffer
}

func newSender(w http.ResponseWriter) *sender {
	return &sender{w: w, ctrl: http.NewResponseController(w)}
}

func (s *sender) start() bool {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	// Proxies that buffer would hold changes back.
	h.Set("X-Accel-Buffering", "no")
	s.w.WriteHeader(http.StatusOK)
	fmt.Fprintf(&s.buf, "retry: %d\n\n", reconnect)
	return s.flush()
}

func (s *sender) beat(seen int64) bool {
	if seen > 0 {
		fmt.Fprintf(&s.buf, "id: %d\n\n", seen)
	} else {
		s.buf.WriteString(": still here\n\n")
	}
	return s.flush()
}

func (s *sender) change(c canon.Change) bool {
	if len(c.Data) == 0 || !json.Valid(c.Data) {
		c.Data = json.RawMessage("null")
	}
	// Marshal compacts Data, so no line break of it can end the event early.
	data, err := json.Marshal(c)
	if err != nil {
		return true
	}
	fmt.Fprintf(&s.buf, "id: %d\nevent: change\ndata: %s\n\n", c.Position, data)
	return s.flush()
}

func (s *sender) flush() bool {
	// The server's own write timeout is meant for answers that end. Writers that know no deadline do without.
	_ = s.ctrl.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := s.w.Write(s.buf.Bytes())
	s.buf.Reset()
	return err == nil && s.ctrl.Flush() == nil
}
