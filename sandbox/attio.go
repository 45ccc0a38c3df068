package sandbox

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// VendorAttio names a CRM whose records do not tell when they changed.
const VendorAttio = "attio"

// AttioToken is the access token that the server accepts. It opens nothing but the sandbox.
const AttioToken = "attio-sandbox-not-a-secret"

// atPerSecond is the published limit of requests that read (docs.attio.com, Rate limiting), atMost what a query gives.
const atPerSecond, atMost = 100, 500

// Attio returns a CRM server, API v2. It wants AttioToken as bearer token and answers:
//
//	POST  /v2/objects/{object}/records/query  (filter on created_at, sorts, limit, offset)
//	GET   /v2/objects/{object}/records/{id}, /v2/objects/{object}/attributes, /v2/self
func (w *World) Attio() http.Handler {
	b := (&books{world: w, vendor: VendorAttio, write: atWrite, stir: atStir, stamp: func(string, doc, time.Time, time.Time) {}}).open("companies", "people", "deals")
	s := &atServer{b}
	g := &gate{world: w, vendor: VendorAttio, mux: http.NewServeMux(),
		allowed: func(r *http.Request) bool { return bearer(r, AttioToken) },
		denied: func(*call) reply {
			return atError(http.StatusUnauthorized, "auth_error", "unauthorized", "The access token is invalid")
		},
		limit: func(*call) (reply, bool) {
			wait, ok := w.limits.take(VendorAttio, atPerSecond, time.Second)
			if ok {
				return reply{}, false
			}
			a := atError(http.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded", "Rate limit exceeded, please try again later")
			a.header = map[string]string{"Retry-After": time.Now().Add(wait).UTC().Format(http.TimeFormat)}
			return a, true
		}}
	b.route(g, "GET /v2/self", func(*call) reply {
		return reply{status: http.StatusOK, body: doc{"active": true, "scope": "record_permission:read object_configuration:read", "workspace_id": b.bookUUID("workspace"), "workspace_name": "Sandbox"}}
	})
	b.route(g, "POST /v2/objects/{object}/records/query", s.in(s.query))
	b.route(g, "GET /v2/objects/{object}/records/{id}", s.in(func(c *call, object string) reply {
		it := b.list(object).byID[c.PathValue("id")]
		if it == nil || !it.gone.IsZero() {
			return atError(http.StatusNotFound, "invalid_request_error", "not_found", "Record with ID "+c.PathValue("id")+" was not found.")
		}
		return reply{status: http.StatusOK, body: doc{"data": s.shape(object, it)}}
	}))
	b.route(g, "GET /v2/objects/{object}/attributes", s.in(func(_ *call, object string) reply {
		return reply{status: http.StatusOK, body: doc{"data": s.attributes(object)}}
	}))
	b.route(g, "/", func(c *call) reply {
		return atError(http.StatusNotFound, "invalid_request_error", "not_found", "Could not find endpoint "+c.URL.Path)
	})
	return g
}

type atServer struct{ *books }

func atError(status int, kind, code, message string) reply {
	return reply{status: status, body: doc{"status_code": status, "type": kind, "code": code, "message": message}}
}

func (s *atServer) in(fn func(*call, string) reply) func(*call) reply {
	return func(c *call) reply {
		if object := c.PathValue("object"); slices.Contains([]string{"companies", "people", "deals"}, object) {
			return fn(c, object)
		}
		return atError(http.StatusNotFound, "invalid_request_error", "not_found", "Could not find object with slug or ID \""+c.PathValue("object")+"\".")
	}
}

func atTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// shape is a record: each attribute a list of values, each with when it became active.
func (s *atServer) shape(object string, it *item) doc {
	values := doc{}
	for slug, v := range it.doc {
		list, ok := v.([]doc)
		if !ok {
			continue
		}
		out := []doc{}
		for _, one := range list {
			one = laidOver(doc{"active_from": atTime(it.created), "created_by_actor": doc{"type": "system", "id": nil}}, one)
			one["active_until"] = nil
			out = append(out, one)
		}
		values[slug] = out
	}
	created := atTime(it.created)
	values["created_at"] = []doc{{"active_from": created, "active_until": nil, "attribute_type": "timestamp", "value": created}}
	return doc{"id": doc{"workspace_id": s.bookUUID("workspace"), "object_id": s.bookUUID("object", object), "record_id": it.id}, "created_at": created,
		"web_url": "https://app.attio.com/sandbox/" + object + "/" + it.id, "values": values}
}

// query lists records by the moment of their creation. Numbers that are texts are refused.
func (s *atServer) query(c *call, object string) reply {
	var in struct {
		Filter struct {
			Created struct {
				From string `json:"$gte"`
			} `json:"created_at"`
		} `json:"filter"`
		Sorts []struct{ Attribute, Direction string } `json:"sorts"`
		Limit *int                                    `json:"limit"`
		Skip  int                                     `json:"offset"`
	}
	refuse := func(code, message string) reply {
		return atError(http.StatusBadRequest, "invalid_request_error", code, message)
	}
	if err := json.Unmarshal(c.raw, &in); err != nil {
		return refuse("validation_type", "Body payload validation error: "+err.Error())
	}
	limit := atMost
	if in.Limit != nil {
		limit = *in.Limit
	}
	if limit < 1 || limit > atMost || in.Skip < 0 {
		return refuse("validation_type", "limit must be between 1 and 500, and offset not negative")
	}
	from := time.Time{}
	if text := in.Filter.Created.From; text != "" {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return refuse("filter_error", "Error in filter.")
		}
		from = t
	}
	for _, o := range in.Sorts {
		if o.Attribute != "created_at" || o.Direction != "asc" {
			return refuse("unknown_sort", "Only the order of created_at is played here")
		}
	}
	rows := slices.DeleteFunc(live(s.list(object).list(s.world.now)), func(it *item) bool { return it.created.Before(from) })
	slices.SortFunc(rows, func(a, b *item) int { return cmp.Or(a.created.Compare(b.created), strings.Compare(a.id, b.id)) })
	rows = rows[min(in.Skip, len(rows)):]
	data := []doc{}
	for _, it := range rows[:min(limit, len(rows))] {
		data = append(data, s.shape(object, it))
	}
	return reply{status: http.StatusOK, body: doc{"data": data}}
}
