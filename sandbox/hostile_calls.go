package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// notice is what a vendor tells of one change.
type notice struct {
	stream, id string
	body       doc
}

// HookCall is a webhook call to be posted.
type HookCall struct {
	Header http.Header
	Body   []byte
	// Forged says that the call is not the vendor's and must be refused.
	Forged bool
}

// Calls returns the webhook calls about what happened since the last time: signed with the secret for the address
// at the time, in any order, some twice, some not at all, and some that strangers made up. Salesforce has none.
func (h *Hostile) Calls(secret, address string, at time.Time) []HookCall {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := h.notices
	h.notices = nil
	h.dice.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
	told = told[:len(told)-len(told)/10] // some are lost
	var out []HookCall
	switch h.vendor {
	case VendorHubSpot:
		for part := range slices.Chunk(told, 20) {
			var events []doc
			for _, n := range part {
				events = append(events, n.body)
				if h.dice.chance(0.1) {
					events = append(events, n.body)
				}
			}
			out = append(out, h.signed(events, secret, address, at))
		}
	case VendorStripe, VendorZendesk:
		for _, n := range told {
			out = append(out, h.signed(n.body, secret, address, at))
		}
	}
	for _, c := range slices.Clone(out) {
		if h.dice.chance(0.15) {
			out = append(out, c)
		}
	}
	if len(out) > 0 {
		out = append(out, h.forged(out[0], secret, address, at)...)
	}
	h.dice.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func (h *Hostile) signed(body any, secret, address string, at time.Time) HookCall {
	raw, err := json.Marshal(body)
	if err != nil {
		raw = []byte("{}")
	}
	return HookCall{Body: raw, Header: h.sign(raw, secret, address, at)}
}

// sign makes the headers that the vendor sends.
func (h *Hostile) sign(body []byte, secret, address string, at time.Time) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	out := http.Header{"Content-Type": {"application/json"}}
	switch h.vendor {
	case VendorHubSpot:
		stamp := strconv.FormatInt(at.UnixMilli(), 10)
		mac.Write([]byte(http.MethodPost + address + string(body) + stamp))
		out.Set("X-HubSpot-Signature-v3", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		out.Set("X-HubSpot-Request-Timestamp", stamp)
	case VendorStripe:
		stamp := strconv.FormatInt(at.Unix(), 10)
		mac.Write([]byte(stamp + "." + string(body)))
		out.Set("Stripe-Signature", "t="+stamp+",v1="+hex.EncodeToString(mac.Sum(nil)))
	case VendorZendesk:
		stamp := at.UTC().Format(time.RFC3339)
		mac.Write([]byte(stamp + string(body)))
		out.Set("X-Zendesk-Webhook-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		out.Set("X-Zendesk-Webhook-Signature-Timestamp", stamp)
	}
	return out
}

// forged makes calls that say that a record is gone: with another secret, with a signature of another body, and with
// one of long ago.
func (h *Hostile) forged(like HookCall, secret, address string, at time.Time) []HookCall {
	wrong := h.signed(h.lie(), secret+"x", address, at)
	moved := h.signed(h.lie(), secret, address, at)
	moved.Header = like.Header
	old := h.signed(h.lie(), secret, address, at.Add(-time.Hour))
	bare := HookCall{Body: wrong.Body, Header: http.Header{"Content-Type": {"application/json"}}}
	out := []HookCall{wrong, moved, old, bare}
	for i := range out {
		out[i].Forged = true
	}
	return out
}

// lie is a notice that a record which lives was deleted.
func (h *Hostile) lie() any {
	w := h.world
	w.mu.Lock()
	defer w.mu.Unlock()
	switch h.vendor {
	case VendorHubSpot:
		o := h.hsPick(h.dice, w.crm["contacts"])
		return []doc{{"eventId": 1, "portalId": 62515, "subscriptionType": "contact.deletion", "objectId": o.num, "occurredAt": w.now.UnixMilli()}}
	case VendorStripe:
		o := h.stPick(h.dice, w.customers, nil)
		return doc{"id": "evt_lie", "object": "event", "type": "customer.deleted", "created": w.now.Unix(), "data": doc{"object": doc{"id": o.id, "object": "customer"}}}
	}
	o := h.zdPick(h.dice, w.users, false)
	return doc{"type": "zen:event-type:user.deleted", "id": "lie", "time": zdTime(w.now), "subject": "zen:user:" + strconv.FormatInt(o.id, 10),
		"detail": doc{"id": strconv.FormatInt(o.id, 10)}, "event": doc{}}
}
