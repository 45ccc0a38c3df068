package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// airbyte speaks with sources of the Airbyte protocol.
type airbyte struct{ conn *conn }

// airbyteMessage is any message of a source.
type airbyteMessage struct {
	Type   string `json:"type"`
	Record *struct {
		Stream    string          `json:"stream"`
		Namespace string          `json:"namespace"`
		Data      json.RawMessage `json:"data"`
		EmittedAt json.RawMessage `json:"emitted_at"`
	} `json:"record"`
	State json.RawMessage `json:"state"`
	Trace *airbyteTrace   `json:"trace"`
	Log   *struct {
		Level   string `json:"level"`
		Message string `json:"message"`
	} `json:"log"`
	Control *struct {
		Type      string `json:"type"`
		Connector *struct {
			Config json.RawMessage `json:"config"`
		} `json:"connectorConfig"`
	} `json:"control"`
	Catalog *struct {
		Streams []json.RawMessage `json:"streams"`
	} `json:"catalog"`
	Spec *struct {
		Connection struct {
			Required []string `json:"required"`
		} `json:"connectionSpecification"`
	} `json:"spec"`
	Status *struct {
		Status  string `json:"status"`
		Message string `json:"message"`
	} `json:"connectionStatus"`
}

type airbyteTrace struct {
	Type  string `json:"type"`
	Error *struct {
		Message  string `json:"message"`
		Internal string `json:"internal_message"`
		Failure  string `json:"failure_type"`
	} `json:"error"`
	Estimate *struct {
		Rows float64 `json:"row_estimate"`
	} `json:"estimate"`
	Status *struct {
		Stream  descriptor `json:"stream_descriptor"`
		Status  string     `json:"status"`
		Reasons []struct {
			Type    string `json:"type"`
			Limited *struct {
				Reset float64 `json:"quota_reset"`
			} `json:"rate_limited"`
		} `json:"reasons"`
	} `json:"stream_status"`
}

type descriptor struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// airbyteState is what Hub looks at in a state; the rest is the source's own.
type airbyteState struct {
	Type   string `json:"type"`
	Stream *struct {
		Descriptor descriptor `json:"stream_descriptor"`
	} `json:"stream"`
	Data  json.RawMessage `json:"data"`
	Stats *struct {
		Records *float64 `json:"recordCount"`
	} `json:"sourceStats"`
}

// ask runs one of the verbs that end by themselves, and gives its messages to take.
func (a *airbyte) ask(ctx context.Context, args []string, take func(airbyteMessage)) error {
	var failed error
	err := a.conn.run(ctx, launch{args: args}, func(l line) error {
		var m airbyteMessage
		if l.tooLong || json.Unmarshal(l.text, &m) != nil {
			return nil // what is missing shows in the answer
		}
		switch {
		case m.Trace != nil && m.Trace.Error != nil:
			failed = a.failure(m.Trace)
		case m.Control != nil:
			return a.control(m)
		case m.Log != nil:
			a.note(m)
		}
		take(m)
		return nil
	})
	if failed != nil && (err == nil || canon.CodeOf(err) == "program.failed") {
		return failed
	}
	return err
}

func (a *airbyte) discover(ctx context.Context) ([]source, error) {
	var out []source
	var bad error
	answered := false
	err := a.ask(ctx, []string{"discover", "--config", "{dir}/" + configFile}, func(m airbyteMessage) {
		if m.Catalog == nil {
			return
		}
		answered = true
		for _, raw := range m.Catalog.Streams {
			src, err := airbyteSource(raw)
			bad = errors.Join(bad, err)
			out = append(out, src)
		}
	})
	switch {
	case err != nil:
		return nil, err
	case bad != nil:
		return nil, badCatalog(bad)
	case !answered:
		return nil, badCatalog(errors.New("it printed none"))
	}
	return out, nil
}

func airbyteSource(raw json.RawMessage) (source, error) {
	var e struct {
		Name          string     `json:"name"`
		Namespace     string     `json:"namespace"`
		Modes         []string   `json:"supported_sync_modes"`
		SourceCursor  bool       `json:"source_defined_cursor"`
		DefaultCursor []string   `json:"default_cursor_field"`
		Key           [][]string `json:"source_defined_primary_key"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return source{}, err
	}
	return source{name: e.Name, namespace: e.Namespace, key: e.Key, cursor: e.DefaultCursor, raw: raw,
		incremental: slices.Contains(e.Modes, "incremental"), needsCursor: !e.SourceCursor && len(e.DefaultCursor) == 0}, nil
}

func (a *airbyte) check(ctx context.Context) error {
	config, err := a.conn.load(ctx)
	if err != nil {
		return err
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(config, &given); err != nil {
		return wrong("config", "is no JSON object")
	}
	var missing []string
	if err := a.ask(ctx, []string{"spec"}, func(m airbyteMessage) {
		if m.Spec == nil {
			return
		}
		for _, name := range m.Spec.Connection.Required {
			if _, ok := given[name]; !ok {
				missing = append(missing, name)
			}
		}
	}); err != nil {
		return err
	}
	if len(missing) > 0 {
		return canon.Errorf("settings.refused", "the program's configuration lacks %s", strings.Join(missing, ", ")).
			WithHint("add what is missing to the setting config")
	}
	status, message := "", ""
	err = a.ask(ctx, []string{"check", "--config", "{dir}/" + configFile}, func(m airbyteMessage) {
		if m.Status != nil {
			status, message = m.Status.Status, m.Status.Message
		}
	})
	if status == "FAILED" {
		return canon.Errorf("settings.refused", "the program refuses its configuration: %s", clip(a.conn.redact(message), maxMessage)).
			WithHint("correct the setting config")
	}
	if err == nil && status == "" {
		err = canon.Errorf("program.answer", "the program did not tell whether its configuration works").
			WithHint("check that the program speaks the Airbyte protocol")
	}
	return err
}

func (a *airbyte) read(st *stream, src source, state []byte) launch {
	configured := map[string]any{
		"stream": src.raw, "sync_mode": "full_refresh", "destination_sync_mode": "append",
		"sync_id": 1, "generation_id": 1, "minimum_generation_id": 0,
	}
	if st.incremental(src) {
		configured["sync_mode"] = "incremental"
	}
	if c := st.cursorOf(src); len(c) > 0 {
		configured["cursor_field"] = c
	}
	if key := st.keyOf(src); len(key) > 0 {
		configured["primary_key"] = key
	}
	catalog := encode(map[string]any{"streams": []any{configured}})
	l := launch{args: []string{"read", "--config", "{dir}/" + configFile, "--catalog", "{dir}/catalog.json"}, files: map[string][]byte{"catalog.json": catalog}}
	if state != nil {
		l.args = append(l.args, "--state", "{dir}/state.json")
		l.files["state.json"] = state
	}
	return l
}

func (a *airbyte) take(r *run, raw []byte) (event, error) {
	var m airbyteMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return event{}, nil
	}
	switch {
	case m.Type == "RECORD" && m.Record != nil:
		r.all++
		if r.foreign(m.Record.Stream) || r.src.namespace != "" && m.Record.Namespace != "" && m.Record.Namespace != r.src.namespace {
			return event{what: nothing}, nil
		}
		r.own++
		return event{what: isRecord, data: m.Record.Data, at: moment(m.Record.EmittedAt)}, nil
	case m.Type == "STATE" && m.State != nil:
		return a.state(r, m.State)
	case m.Type == "TRACE" && m.Trace != nil:
		a.trace(r, m.Trace)
	case m.Type == "CONTROL":
		return event{what: nothing}, a.control(m)
	case m.Type == "LOG" && m.Log != nil:
		a.note(m)
	case m.Type == "":
		return event{}, nil
	}
	return event{what: nothing}, nil
}

// state holds a state against the records that came before it. One that does not fit them is no state.
func (a *airbyte) state(r *run, raw json.RawMessage) (event, error) {
	var s airbyteState
	if err := json.Unmarshal(raw, &s); err != nil {
		return event{}, nil
	}
	count := r.all
	if s.Type == "STREAM" {
		if s.Stream == nil || r.foreign(s.Stream.Descriptor.Name) {
			return event{what: nothing}, nil
		}
		count = r.own
	}
	// What could not be read may have been records.
	if s.Stats != nil && s.Stats.Records != nil {
		if want := *s.Stats.Records; want < float64(count) || want > float64(count+r.unread) {
			return event{}, canon.Errorf("program.checksum", "the program counts %.0f records before its state, %d came", want, count).
				WithHint("records may be lost between program and Hub; the state is not kept, and the next round reads them again")
		}
	}
	r.all, r.own, r.unread = 0, 0, 0
	if s.Type == "" || s.Type == "LEGACY" {
		return event{what: isState, data: s.Data}, nil
	}
	return event{what: isState, data: encode([]json.RawMessage{raw})}, nil
}

func (a *airbyte) trace(r *run, t *airbyteTrace) {
	switch {
	case t.Error != nil:
		r.failure = a.failure(t)
	case t.Estimate != nil:
		r.total = int64(min(max(t.Estimate.Rows, 0), 1e15))
	case t.Status != nil && !r.foreign(t.Status.Stream.Name):
		r.incomplete = t.Status.Status == "INCOMPLETE"
		for _, why := range t.Status.Reasons {
			if why.Type == "RATE_LIMITED" {
				r.limited = true
				if why.Limited != nil && why.Limited.Reset > 0 && why.Limited.Reset < 1e14 {
					r.reset = time.UnixMilli(int64(why.Limited.Reset)).UTC()
				}
				a.conn.log.Info("the program waits for its vendor's limit", "connection", a.conn.connection, "stream", r.st.name, "until", r.reset)
			}
		}
		if t.Status.Status == "COMPLETE" {
			r.limited = false
		}
	}
}

const maxMessage = 1000

func (a *airbyte) failure(t *airbyteTrace) *canon.Error {
	said := t.Error.Message
	if said == "" {
		said = t.Error.Internal
	}
	said = clip(a.conn.redact(strings.ToValidUTF8(said, "\ufffd")), maxMessage)
	switch t.Error.Failure {
	case "config_error":
		return canon.Errorf("settings.refused", "the program refuses its configuration: %s", said).WithHint("correct the setting config")
	case "transient_error":
		e := canon.Errorf("program.transient", "the program was interrupted: %s", said).WithHint("Hub goes on by itself later")
		e.Retry = true
		return e
	}
	return canon.Errorf("program.failed", "the program failed: %s", said).
		WithHint("this is a fault of the program; what it printed before is kept")
}

// control keeps a changed configuration before anything else is read, as the one before may be worthless.
func (a *airbyte) control(m airbyteMessage) error {
	if m.Control == nil || m.Control.Type != "CONNECTOR_CONFIG" || m.Control.Connector == nil {
		return nil
	}
	if err := a.conn.save(m.Control.Connector.Config); err != nil {
		return fmt.Errorf("the program's changed configuration: %w", err)
	}
	return nil
}

func (a *airbyte) note(m airbyteMessage) {
	message := clip(a.conn.redact(strings.ToValidUTF8(m.Log.Message, "\ufffd")), maxMessage)
	switch m.Log.Level {
	case "FATAL", "ERROR", "WARN":
		a.conn.log.Warn("program", "connection", a.conn.connection, "level", m.Log.Level, "said", message)
	default:
		a.conn.log.Debug("program", "connection", a.conn.connection, "said", message)
	}
}

func (a *airbyte) late(raw []byte) {
	var m airbyteMessage
	if json.Unmarshal(raw, &m) != nil || m.Type != "CONTROL" {
		return
	}
	if err := a.control(m); err != nil {
		a.conn.log.Error("a changed configuration of the program is lost", "connection", a.conn.connection, "error", err)
	}
}
