package salesforce

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const (
	// inOne is the most ids of one IN list: written into a URL each takes 27 characters.
	inOne = 400
	// retrieveOne is the most records of one retrieve; Salesforce takes 2,000, whose answer may be too large.
	retrieveOne = 500
)

// answered is a page of a query's result.
type answered struct {
	TotalSize int64             `json:"totalSize"`
	Done      bool              `json:"done"`
	Next      string            `json:"nextRecordsUrl"`
	Records   []json.RawMessage `json:"records"`
}

// about names the object in errors that are about it.
func about(name string, err error) error {
	e := canon.AsError(err)
	if e == nil {
		return nil
	}
	switch e.Code {
	case "auth.forbidden", "not_found", "field.unknown":
		named := *e
		named.Message = name + ": " + e.Message
		return &named
	case "object.missing":
		named := *e
		named.Message = "the org has no object " + name + ", or its user may not see it"
		return &named
	}
	return err
}

// question asks for a page of records: token is the path of a further page, or "" for the first page of the query.
type question struct {
	object, soql, token string
	// all includes deleted records.
	all bool
}

func (c *conn) query(ctx context.Context, q question) (answered, error) {
	call := rest.Call{Path: c.base + "/query", Query: url.Values{"q": {q.soql}}, Header: map[string]string{"Sforce-Query-Options": "batchSize=" + c.pageSize}}
	switch {
	case q.token != "":
		call.Path, call.Query = q.token, nil
	case q.all:
		call.Path += "All"
	}
	answer, err := c.Do(ctx, call)
	if err != nil {
		return answered{}, about(q.object, err)
	}
	var out answered
	if err := json.Unmarshal(answer.Body, &out); err != nil || out.Records == nil || (!out.Done && !strings.HasPrefix(out.Next, "/")) {
		return answered{}, canon.Errorf("page.shape", "Salesforce's answer to a query of %s holds no records", q.object).
			WithHint("instance_url may lead elsewhere than to an org.")
	}
	return out, nil
}

// everything reads all pages of a query whose result is known to be small.
func (c *conn) everything(ctx context.Context, q question) ([]json.RawMessage, error) {
	var out []json.RawMessage
	var loop guard
	for {
		a, err := c.query(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, a.Records...)
		if a.Done {
			return out, nil
		}
		if loop.repeats(a.Next) {
			return nil, circle(q.object)
		}
		q.token = a.Next
	}
}

// retrieve reads columns of records by id. Records that are gone are missing from the answer.
func (c *conn) retrieve(ctx context.Context, name string, ids, fields []string) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, part := range chunks(ids, retrieveOne) {
		body, err := json.Marshal(map[string]any{"ids": part, "fields": fields})
		if err != nil {
			return nil, err
		}
		answer, err := c.Do(ctx, rest.Call{Method: http.MethodPost, Path: c.base + "/composite/sobjects/" + url.PathEscape(name), Body: body, Idempotent: true})
		if err != nil {
			return nil, about(name, err)
		}
		var rows []json.RawMessage
		if err := json.Unmarshal(answer.Body, &rows); err != nil {
			return nil, canon.Errorf("page.shape", "Salesforce's answer to a retrieve of %s is no list", name).WithHint("instance_url may lead elsewhere than to an org.")
		}
		for _, raw := range rows {
			var head struct {
				ID string `json:"Id"`
			}
			if json.Unmarshal(raw, &head) == nil && head.ID != "" {
				out[long(head.ID)] = raw
			}
		}
	}
	return out, nil
}

func chunks(ids []string, n int) [][]string {
	var out [][]string
	for len(ids) > n {
		out = append(out, ids[:n])
		ids = ids[n:]
	}
	if len(ids) > 0 {
		out = append(out, ids)
	}
	return out
}

// list writes ids as SOQL does. Ids are letters and digits; anything else is left out.
func list(ids []string) string {
	var b strings.Builder
	for _, id := range ids {
		if !isID(id) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString("'" + id + "'")
	}
	return "(" + b.String() + ")"
}

// moment writes a time as SOQL does.
func moment(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000Z") }

func circle(name string) error {
	return canon.Errorf("page.loop", "Salesforce's pages of %s lead in a circle; the round was ended", name).
		WithHint("Try again later; a proxy between Hub and Salesforce may answer from memory.")
}

// isID reports whether a text can be the id of a record.
func isID(id string) bool {
	if len(id) != 15 && len(id) != 18 {
		return false
	}
	for _, r := range []byte(id) {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}

// long makes the 18-character form of an id, whose last three characters tell which of the first 15 are capitals.
func long(id string) string {
	if len(id) != 15 || !isID(id) {
		return id
	}
	out := []byte(id)
	for block := range 3 {
		sum := 0
		for i := range 5 {
			if c := id[block*5+i]; c >= 'A' && c <= 'Z' {
				sum |= 1 << i
			}
		}
		out = append(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[sum])
	}
	return string(out)
}
