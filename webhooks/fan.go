package webhooks

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Fan returns the deliveries that changes are due as: one per change and endpoint that wants it, in the
// order of changes, then of endpoints. It is pure: the same changes give the same deliveries, ids and
// bodies. A delivery to a disabled endpoint is skipped from the start, so that it can be seen and replayed.
func Fan(endpoints []Endpoint, changes []canon.Change) []canon.Delivery {
	working := make([]Endpoint, len(endpoints))
	for i, e := range endpoints {
		working[i] = e.withDefaults()
	}
	var due []canon.Delivery
	for _, c := range changes {
		for _, e := range working {
			if e.wants(c.Type) && e.hears(c) {
				due = append(due, deliver(e, c))
			}
		}
	}
	return due
}

// hears reports whether the endpoint asked for what c is, news or history.
func (e Endpoint) hears(c canon.Change) bool {
	return !c.Backfill || e.Backfill == BackfillAll || e.Backfill == BackfillCurrent && c.Current
}

func deliver(e Endpoint, c canon.Change) canon.Delivery {
	d := canon.Delivery{
		ID: canon.DeliveryID(c.ID, e.Name), Endpoint: e.Name, Change: c.ID, Type: c.Type, Customer: c.Customer,
		State: canon.DeliveryPending, NextAt: c.RecordedAt, CreatedAt: c.RecordedAt,
	}
	d.Body = body(d.ID, c)
	if e.Disabled {
		d.State, d.NextAt, d.EndedAt = canon.DeliverySkipped, time.Time{}, c.RecordedAt
		d.Reason = "The endpoint was disabled when the change happened."
	}
	return d
}

// body returns the bytes that are sent and signed. The members of data come from the change; customer,
// sequence, change and backfill are the envelope's and win over members of these names.
func body(id string, c canon.Change) json.RawMessage {
	data := map[string]any{}
	var told map[string]json.RawMessage
	switch err := json.Unmarshal(c.Data, &told); {
	case err == nil:
		for name, value := range told {
			data[name] = value
		}
	case json.Valid(c.Data):
		data["value"] = c.Data
	}
	data["customer"], data["sequence"], data["change"], data["backfill"] = c.Customer, c.Sequence, c.ID, c.Backfill
	envelope := struct {
		ID        string         `json:"id"`
		Type      string         `json:"type"`
		Timestamp string         `json:"timestamp"`
		Data      map[string]any `json:"data"`
	}{id, c.Type, c.OccurredAt.UTC().Format(time.RFC3339Nano), data}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(envelope); err != nil {
		// Strings, numbers, bools and JSON that was just parsed: nothing of it can fail to marshal.
		panic("webhooks: body does not marshal: " + err.Error())
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
