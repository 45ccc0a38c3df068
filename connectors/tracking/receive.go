package tracking

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// The limits of Segment's API: of one event, of a request with several, and of the number of them.
const (
	maxEvent  = 32 << 10
	maxBatch  = 500 << 10
	maxEvents = 2500
)

const (
	// maxName bounds ids and names.
	maxName = 400
	// skewed is by how much a sender's clock may be wrong before its times are put right.
	skewed = 2 * time.Minute
)

// callTypes are the last parts of the paths. Browsers use the short ones.
func callTypes() map[string]string {
	return map[string]string{
		"track": "track", "t": "track", "identify": "identify", "i": "identify", "group": "group", "g": "group", "page": "page", "p": "page",
		"screen": "screen", "s": "screen", "alias": "alias", "a": "alias", "batch": "batch", "b": "batch", "import": "batch",
	}
}

// object is a JSON object whose members are read one by one.
type object map[string]json.RawMessage

// text returns a member that is a text or a number, "" for all others.
func (o object) text(name string) string {
	var s string
	if json.Unmarshal(o[name], &s) == nil {
		return strings.TrimSpace(s)
	}
	var n json.Number
	if json.Unmarshal(o[name], &n) == nil {
		return n.String()
	}
	return ""
}

func (o object) set(name string, v any) {
	if b, err := json.Marshal(v); err == nil {
		o[name] = b
	}
}

// Receive reads one call of the API. What cannot be read as a whole is an error; of a batch, single events that
// cannot be used are rejected and the others go on.
func (c *conn) Receive(call connectors.Call) (connectors.Received, error) {
	var out connectors.Received
	name := strings.TrimPrefix(strings.Trim(call.Path, "/"), "v1/")
	kind, ok := callTypes()[name]
	if !ok {
		return out, canon.Errorf("track.path", "there is no call %q", call.Path).WithHint("post to /v1/track, identify, group, page, screen, alias or batch")
	}
	if call.Method != http.MethodPost {
		return out, canon.Errorf("track.method", "events are posted")
	}
	limit := maxEvent
	if kind == "batch" {
		limit = maxBatch
	}
	if len(call.Body) > limit {
		return out, canon.Errorf("track.too_large", "the body is %d bytes long, and may be %d", len(call.Body), limit).WithHint("send smaller batches, and events without attachments")
	}
	var in object
	if err := json.Unmarshal(call.Body, &in); err != nil || in == nil {
		return out, canon.Errorf("track.not_json", "the body is no JSON object").WithHint("send one event as an object, or several in batch")
	}
	delete(in, "writeKey")
	if kind != "batch" {
		in.set("type", kind)
		c.event(&out, call.At, in, in)
		if len(out.Rejects) > 0 {
			return connectors.Received{}, canon.Errorf(out.Rejects[0].Code, "%s", out.Rejects[0].Reason).WithHint("%s", out.Rejects[0].Hint)
		}
		return out, nil
	}
	var events []json.RawMessage
	if err := json.Unmarshal(in["batch"], &events); err != nil || events == nil {
		return out, canon.Errorf("track.no_batch", "the body has no list named batch").WithHint("send {\"batch\": [ … ]}")
	}
	if len(events) > maxEvents {
		return out, canon.Errorf("track.too_many", "the batch has %d events, and may have %d", len(events), maxEvents).WithHint("send smaller batches")
	}
	for _, raw := range events {
		var e object
		if err := json.Unmarshal(raw, &e); err != nil || e == nil {
			out.Rejects = append(out.Rejects, reject(call.At, raw, "track.not_json", "an event of the batch is no JSON object"))
			continue
		}
		c.event(&out, call.At, e, in)
	}
	return out, nil
}

func reject(at time.Time, raw []byte, code, reason string) canon.DeadLetter {
	return canon.DeadLetter{Stream: streamEvents, Code: code, Reason: reason, Hint: "Mend it where the event is sent.", Raw: raw, OccurredAt: at}
}

// event turns one event into records. around is the batch that it came in, whose context and time of sending
// are the event's where it has none of its own.
func (c *conn) event(out *connectors.Received, arrived time.Time, e, around object) {
	delete(e, "writeKey")
	if e["context"] == nil && around["context"] != nil {
		e["context"] = around["context"]
	}
	sent := e.text("sentAt")
	if sent == "" {
		sent = around.text("sentAt")
	}
	delete(e, "sentAt")
	at := when(e, sent, arrived)
	user, anonymous := id(e.text("userId")), id(e.text("anonymousId"))
	if user == "" {
		user = anonymous
	}
	raw, err := json.Marshal(e)
	if err != nil || len(raw) > maxEvent+1<<10 {
		out.Rejects = append(out.Rejects, reject(arrived, raw, "track.too_large", fmt.Sprintf("the event is longer than %d bytes", maxEvent)))
		return
	}
	add := func(stream, id string) *canon.Record {
		out.Records = append(out.Records, canon.Record{Ref: canon.Ref{Connection: c.name, Stream: stream, ID: id}, Version: at.UnixMicro(), ObservedAt: arrived.UTC(), Raw: raw})
		return &out.Records[len(out.Records)-1]
	}
	missing := func(what string) {
		out.Rejects = append(out.Rejects, reject(arrived, raw, "track.no_id", fmt.Sprintf("the %s has no %s", e.text("type"), what)))
	}
	switch kind := e.text("type"); kind {
	case "track", "page", "screen":
		if kind == "track" && e.text("event") == "" {
			missing("event")
			return
		}
		add(streamEvents, messageID(e, raw))
	case "identify":
		if user == "" {
			missing("userId")
			return
		}
		add(streamUsers, user)
	case "group":
		group := id(e.text("groupId"))
		if group == "" {
			missing("groupId")
			return
		}
		add(streamGroups, group)
		if user != "" {
			add(streamMembers, user)
		}
	case "alias":
		previous := id(e.text("previousId"))
		if previous == "" || user == "" || previous == user {
			missing("previousId and another userId")
			return
		}
		r := add(streamUsers, previous)
		r.Deleted, r.Reason, r.Into = true, "merged", user
	default:
		out.Rejects = append(out.Rejects, reject(arrived, raw, "track.type", "the event's type is none of track, page, screen, identify, group and alias"))
	}
}

// id bounds what stands for a user or a group.
func id(s string) string {
	if len(s) > maxName {
		return canon.ID("long", s)
	}
	return s
}

// messageID is the event's own id. One that has none is known by its content, so that it counts once when it is
// sent again.
func messageID(e object, raw []byte) string {
	if m := id(e.text("messageId")); m != "" {
		return m
	}
	return canon.ID("msg", string(raw))
}

// when finds the moment of an event, and writes it into the event in one form. The clock of the sender is put
// right by the time at which it says that it has sent: what it calls now is when the call arrived.
func when(e object, sent string, arrived time.Time) time.Time {
	told := e.text("timestamp")
	if told == "" {
		told = e.text("originalTimestamp")
	}
	at, ok := parseTime(told)
	sentAt, sentOK := parseTime(sent)
	switch {
	case !ok && sentOK && within(sentAt, arrived):
		at = sentAt
	case !ok:
		at = arrived
	case sentOK && !within(sentAt, arrived):
		at = arrived.Add(at.Sub(sentAt))
	}
	if at.After(arrived) || at.Year() < 2000 {
		// Nothing has happened that lies ahead.
		at = arrived
	}
	at = at.UTC().Truncate(time.Microsecond)
	if told != "" && !at.Equal(first(parseTime(told))) {
		e.set("originalTimestamp", told)
	}
	e.set("timestamp", at.Format(time.RFC3339Nano))
	return at
}

func first(t time.Time, _ bool) time.Time { return t.Truncate(time.Microsecond) }

func within(a, b time.Time) bool { return a.Sub(b).Abs() <= skewed }

// parseTime reads ISO 8601 and milliseconds or seconds since 1970.
func parseTime(s string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil || n <= 0 || n > 1e14:
		return time.Time{}, false
	case n < 1e11:
		return time.Unix(n, 0), true
	}
	return time.UnixMilli(n), true
}
