package receive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// envelope is the head of a kept call; the body follows it as it came.
type envelope struct {
	Method string      `json:"method"`
	Path   string      `json:"path,omitempty"`
	Query  string      `json:"query,omitempty"`
	Header http.Header `json:"header,omitempty"`
	At     time.Time   `json:"at"`
}

func encode(c connectors.Call) ([]byte, error) {
	head, err := json.Marshal(envelope{c.Method, c.Path, c.Query, c.Header, c.At})
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(head)+1+len(c.Body))
	return append(append(append(out, head...), '\n'), c.Body...), nil
}

func decode(data []byte) (connectors.Call, error) {
	head, body, ok := bytes.Cut(data, []byte{'\n'})
	var e envelope
	if !ok {
		return connectors.Call{}, errors.New("call: no end of the head")
	}
	if err := json.Unmarshal(head, &e); err != nil {
		return connectors.Call{}, fmt.Errorf("call: %w", err)
	}
	if e.Header == nil {
		e.Header = http.Header{}
	}
	return connectors.Call{Method: e.Method, Path: e.Path, Query: e.Query, Header: e.Header, At: e.At, Body: body}, nil
}

// read asks the connection what a call tells. A connection that panics has found a call that it cannot read: it
// would be the first to be taken after a restart.
func read(r connectors.Receiver, c connectors.Call) (got connectors.Received, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = canon.Errorf("hook.fault", "fault of hub: %v\n%s", p, debug.Stack()).WithHint("report this")
		}
	}()
	return r.Receive(c)
}

// lettersStream is the stream under which calls are found that nothing could be made of.
const lettersStream = "hooks"

// maxLetter bounds what is kept of a call that cannot be read.
const maxLetter = 256 << 10

// letter is the dead letter of a call that cannot be read.
func letter(c connectors.Call, why error) canon.DeadLetter {
	e := canon.AsError(why)
	body := c.Body[:min(len(c.Body), maxLetter)]
	kept := struct {
		envelope
		Body any `json:"body,omitempty"`
	}{envelope: envelope{c.Method, c.Path, c.Query, c.Header, c.At}, Body: string(body)}
	if json.Valid(body) {
		kept.Body = json.RawMessage(body)
	}
	raw, err := json.Marshal(kept)
	if err != nil {
		raw = nil
	}
	hint := e.Hint
	if hint == "" {
		hint = "Compare what the vendor sends with what the connector reads; the next poll brings what the call was about."
	}
	return canon.DeadLetter{Code: e.Code, Reason: e.Message, Hint: hint, Raw: raw, OccurredAt: c.At}
}
