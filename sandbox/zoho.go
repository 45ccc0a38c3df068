package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// VendorZoho names a CRM with quotes and invoices of its own.
const VendorZoho = "zoho"

const (
	// zhCredits is the allowance of the free edition in 24 hours, zhAtOnce stands for its limit of calls at a time
	// (zoho.com/crm/developer/docs/api/v8/api-limits.html).
	zhCredits, zhAtOnce = 5000, 50
	// zhFields is how many fields a request may name, zhPages how far page numbers reach, zhBin how long deleted
	// records are listed.
	zhFields, zhPages, zhBin = 50, 10, 60 * day
)

// zhServer is the organisation's API with what its page tokens stand for.
type zhServer struct {
	*books
	tokens map[string]zhToken
}

// zhToken is where a list goes on, bound to the parameters of its first page.
type zhToken struct {
	bound string
	after string
	page  int
	at    time.Time
}

// Zoho returns a CRM server, API v8. It wants an access token of its authorization server, which answers at
// /oauth/v2/, as Zoho-oauthtoken, and answers:
//
//	GET   /crm/v8/{module}?fields=…, /crm/v8/{module}/deleted, /crm/v8/settings/fields?module=
func (w *World) Zoho() http.Handler {
	b := (&books{world: w, vendor: VendorZoho, write: zhWrite, stir: zhStir, stamp: zhStamp}).open(zhModules()...)
	tokens := w.OAuth(VendorZoho)
	s := &zhServer{books: b, tokens: map[string]zhToken{}}
	g := &gate{world: w, vendor: VendorZoho, mux: http.NewServeMux(), limit: s.limit,
		allowed: func(r *http.Request) bool {
			text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Zoho-oauthtoken ")
			r = r.Clone(r.Context())
			r.Header.Set("Authorization", "Bearer "+text)
			return ok && tokens.Allows(r)
		},
		denied: func(*call) reply {
			return zhError(http.StatusUnauthorized, "INVALID_TOKEN", "invalid oauth token")
		}}
	route := func(pattern string, fn func(*call) reply) {
		b.route(g, pattern, func(c *call) reply {
			a := fn(c)
			if w.opts.Limits {
				a.header = map[string]string{"X-API-CREDITS-REMAINING": strconv.Itoa(w.limits.left(VendorZoho+" credits", zhCredits))}
			}
			return a
		})
	}
	route("GET /crm/v8/settings/fields", func(c *call) reply {
		return reply{status: http.StatusOK, body: doc{"fields": zhMeta(c.query.Get("module"))}}
	})
	route("GET /crm/v8/{module}", s.in(s.records))
	route("GET /crm/v8/{module}/deleted", s.in(s.deleted))
	route("/", func(*call) reply {
		return zhError(http.StatusNotFound, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")
	})
	mux := http.NewServeMux()
	mux.Handle("/oauth/", tokens)
	mux.Handle("/", g)
	return mux
}

func zhError(status int, code, message string) reply {
	return reply{status: status, body: doc{"code": code, "details": doc{}, "message": message, "status": "error"}}
}

func (s *zhServer) limit(*call) (reply, bool) {
	if _, ok := s.world.limits.take(VendorZoho, zhAtOnce, time.Second); !ok {
		return zhError(http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "You crossed the maximum number of API requests permitted"), true
	}
	if _, ok := s.world.limits.take(VendorZoho+" credits", zhCredits, day); !ok {
		return zhError(http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "Your credits of the last 24 hours are used up"), true
	}
	return reply{}, false
}

// in finds the module's list.
func (s *zhServer) in(fn func(*call, string) reply) func(*call) reply {
	return func(c *call) reply {
		stream := strings.ToLower(c.PathValue("module"))
		if !slices.Contains(zhModules(), stream) {
			return zhError(http.StatusBadRequest, "INVALID_MODULE", "the module name given seems to be invalid")
		}
		return fn(c, stream)
	}
}

func zhTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05+00:00") }

func zhStamp(_ string, d doc, created, updated time.Time) {
	d["Created_Time"], d["Modified_Time"] = zhTime(created), zhTime(updated)
}

// since reads If-Modified-Since. What changed at that very second is not among what changed since.
func zhSince(c *call) (time.Time, *reply) {
	text := c.Header.Get("If-Modified-Since")
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		a := zhError(http.StatusBadRequest, "INVALID_DATA", "invalid If-Modified-Since")
		return t, &a
	}
	return t, nil
}

// records answers a page of a module, sorted by id. Without a record it is 204, without a change 304.
func (s *zhServer) records(c *call, stream string) reply {
	fields := strings.Split(c.query.Get("fields"), ",")
	switch {
	case fields[0] == "":
		return zhError(http.StatusBadRequest, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing")
	case len(fields) > zhFields:
		return zhError(http.StatusBadRequest, "LIMIT_EXCEEDED", "the number of fields is over 50")
	}
	since, bad := zhSince(c)
	if bad != nil {
		return *bad
	}
	var ids []string
	if text := c.query.Get("ids"); text != "" {
		if ids = strings.Split(text, ","); len(ids) > 100 {
			return zhError(http.StatusBadRequest, "LIMIT_EXCEEDED", "the number of ids is over 100")
		}
	}
	at, bad := s.place(c)
	if bad != nil {
		return *bad
	}
	rows := live(s.list(stream).list(s.world.now))
	rows = slices.DeleteFunc(rows, func(it *item) bool {
		converted := it.doc["Converted__s"] == true && c.query.Get("converted") != "both"
		return converted || (ids != nil && !slices.Contains(ids, it.id)) || (!since.IsZero() && !it.updated.After(since)) || it.id <= at.after
	})
	if len(rows) == 0 {
		if !since.IsZero() {
			return reply{status: http.StatusNotModified}
		}
		return reply{status: http.StatusNoContent}
	}
	return s.page(c, byIDOrder(rows), at, fields)
}

// place is where the request's list goes on.
func (s *zhServer) place(c *call) (zhToken, *reply) {
	q := c.query
	text := q.Get("page_token")
	q.Del("page_token")
	at := zhToken{bound: q.Encode() + c.Header.Get("If-Modified-Since"), page: 1, at: s.world.now}
	if text == "" {
		return at, nil
	}
	known, ok := s.tokens[text]
	switch {
	case !ok || known.bound != at.bound:
		a := zhError(http.StatusBadRequest, "TOKEN_BOUND_DATA_MISMATCH", "The page_token given seems to be invalid or input param is added or altered or deleted")
		return at, &a
	case s.world.now.Sub(known.at) > day:
		a := zhError(http.StatusBadRequest, "EXPIRED_VALUE", "Page token expired")
		return at, &a
	}
	return known, nil
}

func (s *zhServer) page(c *call, rows []*item, at zhToken, fields []string) reply {
	size := min(zhNumber(c.query.Get("per_page"), 200), 200)
	info := doc{"per_page": size, "count": min(size, len(rows)), "page": at.page, "sort_by": "id", "sort_order": "asc", "more_records": len(rows) > size, "next_page_token": nil, "page_token_expiry": nil}
	if len(rows) > size {
		rows = rows[:size]
		next := zhToken{bound: at.bound, after: rows[size-1].id, page: at.page + 1, at: at.at}
		if c.repeat && at.after != "" {
			next = at
		}
		token := canon.Hash([]byte(next.bound + next.after))
		s.tokens[token] = next
		info["next_page_token"], info["page_token_expiry"] = token, zhTime(at.at.Add(day))
	}
	known := zhKnown(c.PathValue("module"), fields)
	data := []doc{}
	for _, it := range rows {
		d := doc{"id": it.id}
		for _, f := range known {
			d[f] = it.doc[f]
		}
		data = append(data, d)
	}
	return reply{status: http.StatusOK, body: doc{"data": data, "info": info}}
}

func zhNumber(text string, otherwise int) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// deleted lists what is in the recycle bin or gone for good.
func (s *zhServer) deleted(c *call, stream string) reply {
	since, bad := zhSince(c)
	if bad != nil {
		return *bad
	}
	page, size := zhNumber(c.query.Get("page"), 1), min(zhNumber(c.query.Get("per_page"), 200), 200)
	if page > zhPages {
		return zhError(http.StatusBadRequest, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "page is beyond the limit")
	}
	var rows []doc
	for _, it := range s.list(stream).list(s.world.now) {
		if !it.gone.IsZero() && it.gone.After(since) && s.world.now.Sub(it.gone) < zhBin {
			who := doc{"name": "Robin Sales", "id": zhOwner(0)["id"]}
			rows = append(rows, doc{"id": it.id, "display_name": "gone", "type": "recycle", "deleted_by": who, "created_by": who, "deleted_time": zhTime(it.gone)})
		}
	}
	if len(rows) <= (page-1)*size {
		return reply{status: http.StatusNoContent}
	}
	cut := rows[(page-1)*size : min(page*size, len(rows))]
	if c.repeat && page > 1 {
		cut = rows[:size]
	}
	return reply{status: http.StatusOK, body: doc{"data": cut, "info": doc{"per_page": size, "count": len(cut), "page": page, "more_records": len(rows) > page*size}}}
}

// zhKnown are the fields that the module has; others are left out of answers, not refused.
func zhKnown(module string, names []string) []string {
	var out []string
	for _, f := range zhMeta(module) {
		if name := as[string](f["api_name"]); slices.Contains(names, name) {
			out = append(out, name)
		}
	}
	return out
}

// zhAmount writes a price as this CRM does, a plain number.
func zhAmount(text string) any {
	if text == "" {
		return nil
	}
	return json.Number(text)
}
