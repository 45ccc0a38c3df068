package rest

import (
	"encoding/json"
	"mime"
	"net/url"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

var _ connectors.Receiver = (*Conn)(nil)

// noticesMax is how many notices of one call are read.
const noticesMax = 10_000

// Receive reads a webhook call by the spec's hooks. Calls about objects that no rule or stream is for tell
// nothing. A call that does not have the shape that a rule asks for fails with hook.shape; one notice among
// several that does not is a reject.
func (c *Conn) Receive(call connectors.Call) (connectors.Received, error) {
	body, err := hookBody(call)
	if err != nil {
		return connectors.Received{}, err
	}
	r := &receipt{conn: c, call: call}
	for _, notice := range listOf(body) {
		for _, rule := range c.spec.Hooks {
			if rule.When != nil && !rule.When.holds(notice) {
				continue
			}
			if err := r.take(rule, notice); err != nil {
				return connectors.Received{}, err
			}
			break
		}
	}
	return r.out, nil
}

// hookBody reads the call's body as JSON; a form becomes an object of texts.
func hookBody(call connectors.Call) (gjson.Result, error) {
	kind, _, _ := mime.ParseMediaType(call.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" {
		values, err := url.ParseQuery(string(call.Body))
		if err != nil {
			return gjson.Result{}, shapeError("the body is no form, as its Content-Type says")
		}
		obj := map[string]string{}
		for k := range values {
			obj[k] = values.Get(k)
		}
		b, err := json.Marshal(obj)
		return gjson.ParseBytes(b), err
	}
	if !valid(call.Body) {
		return gjson.Result{}, shapeError("the body is no JSON")
	}
	return gjson.ParseBytes(call.Body), nil
}

func shapeError(what string) error {
	return canon.Errorf("hook.shape", "a webhook call cannot be read: %s", what).
		WithHint("Compare the call with the connector's hooks: the vendor may send another version or kind of webhook.")
}

// listOf returns the elements of an array, or the one value that is none.
func listOf(v gjson.Result) []gjson.Result {
	if !v.IsArray() {
		return []gjson.Result{v}
	}
	all := v.Array()
	return all[:min(len(all), noticesMax)]
}

// receipt gathers what one call tells.
type receipt struct {
	conn *Conn
	call connectors.Call
	out  connectors.Received
}

// take reads one notice, which may hold several objects.
func (r *receipt) take(rule HookRule, notice gjson.Result) error {
	objects := []gjson.Result{notice}
	if rule.Items != "" {
		list := notice.Get(rule.Items)
		if !list.IsArray() && !list.IsObject() {
			return shapeError("there is no list at " + rule.Items)
		}
		objects = listOf(list)
	}
	for _, object := range objects {
		st := r.stream(rule.Stream, notice, object)
		if st == nil {
			continue
		}
		id := first(text, object.Get(rule.ID), notice.Get(rule.ID))
		if id == "" {
			if len(objects) == 1 && r.only() {
				return shapeError("there is no id at " + rule.ID)
			}
			r.reject(st, rule, object)
			continue
		}
		r.tell(rule, st, id, notice, object)
	}
	return nil
}

// only reports whether nothing was told so far.
func (r *receipt) only() bool {
	return len(r.out.Records)+len(r.out.Hints)+len(r.out.Rejects) == 0
}

// first returns the first text that is not empty.
func first(read func(gjson.Result) string, values ...gjson.Result) string {
	for _, v := range values {
		if s := read(v); s != "" {
			return s
		}
	}
	return ""
}

// stream finds the stream of an object, nil where Hub has none.
func (r *receipt) stream(rule HookStream, notice, object gjson.Result) *Stream {
	word := rule.Name
	switch {
	case word != "":
		return r.conn.spec.stream(word)
	case rule.Header != "":
		word = r.call.Header.Get(rule.Header)
	default:
		word = first(text, object.Get(rule.Path), notice.Get(rule.Path))
	}
	if rule.Cut != "" {
		word, _, _ = strings.Cut(word, rule.Cut)
	}
	if rule.Map != nil {
		word = rule.Map[word]
	}
	return r.conn.spec.stream(word)
}

// tell turns an object of a notice into hints or a record.
func (r *receipt) tell(rule HookRule, st *Stream, id string, notice, object gjson.Result) {
	at := r.call.At.UTC()
	if rule.At != "" {
		if t, ok := parseTime(first(text, object.Get(rule.At), notice.Get(rule.At)), "auto"); ok {
			at = t
		}
	}
	either := func(c *Condition) bool { return c.holds(object) || c.holds(notice) }
	if m := rule.Merged; m != nil && (m.When == nil || either(m.When)) {
		into := first(text, object.Get(m.Into), notice.Get(m.Into))
		losers := object.Get(m.Losers)
		if !losers.Exists() {
			losers = notice.Get(m.Losers)
		}
		for _, loser := range losers.Array() {
			if l := text(loser); l != "" && l != into {
				r.out.Hints = append(r.out.Hints, connectors.Hint{Stream: st.Name, ID: l, Deleted: true, At: at, Into: into})
			}
		}
		if into != "" {
			// When they were merged says nothing of the remaining record's version, which it tells itself.
			r.out.Hints = append(r.out.Hints, connectors.Hint{Stream: st.Name, ID: into, At: r.call.At.UTC()})
		}
		return
	}
	if either(rule.Deleted) {
		r.out.Hints = append(r.out.Hints, connectors.Hint{Stream: st.Name, ID: id, Deleted: true, At: at})
		return
	}
	if rule.Record != "" {
		whole := object.Get(rule.Record)
		if !whole.Exists() {
			whole = notice.Get(rule.Record)
		}
		if rec, ok := r.record(st, whole, id, at); ok {
			r.out.Records = append(r.out.Records, rec)
			return
		}
	}
	r.out.Hints = append(r.out.Hints, connectors.Hint{Stream: st.Name, ID: id, At: at})
}

// record makes the record that a call carries, as Pull would.
func (r *receipt) record(st *Stream, whole gjson.Result, id string, at time.Time) (canon.Record, bool) {
	p := &pull{conn: r.conn, st: st, now: r.call.At.UTC()}
	shaped := st.apply([]gjson.Result{whole})
	if len(shaped) != 1 || !shaped[0].IsObject() || text(shaped[0].Get(st.ID)) != id {
		return canon.Record{}, false
	}
	rec := p.newRecord(id, shaped[0])
	rec.Version = st.Version.of(shaped[0], p.now)
	if rec.Version == 0 && st.Version.Format != "sequence" {
		rec.Version = at.UnixMicro()
	}
	return rec, true
}

func (r *receipt) reject(st *Stream, rule HookRule, object gjson.Result) {
	at := r.call.At.UTC()
	r.out.Rejects = append(r.out.Rejects, canon.DeadLetter{
		Connection: r.conn.connection, Stream: st.Name, Code: "hook.shape", Path: rule.ID, Raw: []byte(object.Raw),
		Reason: "A webhook's notice names no object at " + rule.ID + ".", OccurredAt: at, RecordedAt: at,
		Hint: "Compare the notice with the connector's hooks; nothing else of the call was lost.",
	})
}
