package attio

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// maxEvents is how many events of one call are read.
const maxEvents = 10000

// event is one event of a call.
type event struct {
	Type string `json:"event_type"`
	ID   struct {
		Object string `json:"object_id"`
		Record string `json:"record_id"`
	} `json:"id"`
	// The loser of a merge.
	Duplicate string `json:"duplicate_record_id"`
}

// Receive reads one verified call. Its events name objects by ids that only the workspace knows; which object a
// webhook is for stands at the end of its address. It fails with hook.shape.
func (c *conn) Receive(call connectors.Call) (connectors.Received, error) {
	path := strings.Trim(call.Path, "/")
	stream := path[strings.LastIndexByte(path, '/')+1:]
	var body struct {
		Events []event `json:"events"`
	}
	if err := json.Unmarshal(call.Body, &body); err != nil {
		return connectors.Received{}, canon.Errorf("hook.shape", "a webhook call cannot be read: %w", err).
			WithHint("Compare the call with Attio's description of its webhooks.")
	}
	var out connectors.Received
	for _, e := range body.Events[:min(len(body.Events), maxEvents)] {
		action, ok := strings.CutPrefix(e.Type, "record.")
		if !ok || e.ID.Record == "" {
			continue
		}
		if !slices.ContainsFunc(c.Streams(), func(st connectors.Stream) bool { return st.Name == stream }) {
			return connectors.Received{}, canon.Errorf("hook.shape", "a webhook's address does not say which object it is for").
				WithHint("Let its address end in /companies, /people or /deals, and filter it by the object's id.")
		}
		hint := connectors.Hint{Stream: stream, ID: e.ID.Record, At: call.At.UTC(), Deleted: action == "deleted"}
		if action == "merged" && e.Duplicate != "" && e.Duplicate != e.ID.Record {
			out.Hints = append(out.Hints, connectors.Hint{Stream: stream, ID: e.Duplicate, At: hint.At, Deleted: true, Into: e.ID.Record})
		}
		out.Hints = append(out.Hints, hint)
	}
	return out, nil
}
