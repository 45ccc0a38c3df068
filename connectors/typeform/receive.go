package typeform

import (
	"encoding/json"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// completed is the type of calls about responses that were submitted; partial ones have another.
const completed = "form_response"

// Receive takes the response out of a call, in the shape that the list gives it. Calls of other types tell
// nothing. A call without a response fails with hook.shape.
func (c *conn) Receive(call connectors.Call) (connectors.Received, error) {
	var in struct {
		Type     string          `json:"event_type"`
		Response json.RawMessage `json:"form_response"`
	}
	if err := json.Unmarshal(call.Body, &in); err != nil {
		return connectors.Received{}, shape("it is no JSON object")
	}
	if in.Type != "" && in.Type != completed {
		return connectors.Received{}, nil
	}
	var r struct {
		Token      string     `json:"token"`
		Form       string     `json:"form_id"`
		Submitted  string     `json:"submitted_at"`
		Definition definition `json:"definition"`
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(in.Response, &r) != nil || json.Unmarshal(in.Response, &members) != nil || r.Token == "" || r.Form == "" {
		return connectors.Received{}, shape("it carries no response with a token and a form")
	}
	delete(members, "definition")
	raw, err := json.Marshal(members)
	if err == nil {
		raw, err = r.Definition.form().complete(raw)
	}
	if err != nil {
		return connectors.Received{}, shape("the answers are no list of objects")
	}
	rec := canon.Record{
		Ref:        canon.Ref{Connection: c.name, Stream: streamResponses, ID: r.Token},
		ObservedAt: call.At.UTC(), Version: call.At.UTC().UnixMicro(), Raw: raw,
	}
	if t, err := time.Parse(time.RFC3339, r.Submitted); err == nil {
		rec.Version = t.UTC().UnixMicro()
	}
	return connectors.Received{Records: []canon.Record{rec}}, nil
}

func shape(what string) error {
	return canon.Errorf("hook.shape", "a webhook call cannot be read: %s", what).
		WithHint("Compare the call with the form's webhook: only those of Typeform's own kind are read.")
}
