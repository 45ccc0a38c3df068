package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VendorQuickBooks names the accounting server of QuickBooks Online.
const VendorQuickBooks = "quickbooks"

// The credentials of the QuickBooks server: an access token, and the company that it opens.
const (
	QuickBooksToken = "qbo-sandbox-not-a-secret"
	QuickBooksRealm = "4620816365000000001"
)

// qbPerMinute is the published limit of one company, qbMost the most objects of one answer, qbRemembers how
// far back changes are told (developer.intuit.com, API call limits and change data capture).
const (
	qbPerMinute = 500
	qbMost      = 1000
	qbRemembers = 30 * day
)

// QuickBooks returns an accounting server. It wants QuickBooksToken, or a token of OAuth(VendorQuickBooks), as
// bearer token, and answers for the company QuickBooksRealm:
//
//	POST  /oauth2/v1/tokens/bearer
//	GET   /v3/company/{realm}/query   (Customer, Invoice, Payment, CreditMemo, Estimate, Preferences)
//	GET   /v3/company/{realm}/cdc
//	GET   /v3/company/{realm}/{customer|invoice|payment|creditmemo|estimate}/{id}
func (w *World) QuickBooks() http.Handler {
	b := (&books{world: w, vendor: VendorQuickBooks, write: qbWrite, stir: qbStir, stamp: qbStamp}).open("customers", "invoices", "payments", "credit_memos", "estimates")
	g := &gate{world: w, vendor: VendorQuickBooks, mux: http.NewServeMux(), limit: w.qbLimit,
		allowed: func(r *http.Request) bool {
			return bearer(r, QuickBooksToken) || w.OAuth(VendorQuickBooks).Allows(r)
		},
		denied: func(*call) reply {
			return reply{status: http.StatusUnauthorized, body: w.qbFault("AUTHENTICATION", "3200", "message=AuthenticationFailed; errorCode=003200; statusCode=401", "Token expired")}
		}}
	g.mux.HandleFunc("POST /oauth2/v1/tokens/bearer", func(rw http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/token"
		w.OAuth(VendorQuickBooks).ServeHTTP(rw, r)
	})
	at := "GET /v3/company/" + QuickBooksRealm + "/"
	b.route(g, at+"query", b.qbQuery)
	b.route(g, at+"cdc", b.qbCDC)
	for word, stream := range qbStreams() {
		b.route(g, at+strings.ToLower(word)+"/{id}", func(c *call) reply {
			it := b.list(stream).byID[c.PathValue("id")]
			if it == nil || !it.gone.IsZero() && stream != "customers" {
				return reply{status: http.StatusBadRequest, body: w.qbFault("ValidationFault", "610", "Object Not Found", "Object Not Found : Something you're trying to use has been made inactive.")}
			}
			return reply{status: http.StatusOK, body: doc{word: it.doc, "time": qbTime(w.now)}}
		})
	}
	b.route(g, "/", func(*call) reply {
		return reply{status: http.StatusForbidden, body: w.qbFault("AuthorizationFault", "3100", "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403", "No such company or resource")}
	})
	return g
}

// qbStreams are the lists by the vendor's word for what is in them.
func qbStreams() map[string]string {
	return map[string]string{"Customer": "customers", "Invoice": "invoices", "CreditMemo": "credit_memos", "Estimate": "estimates", "Payment": "payments"}
}

func (w *World) qbLimit(*call) (reply, bool) {
	if _, ok := w.limits.take(VendorQuickBooks, qbPerMinute, time.Minute); ok {
		return reply{}, false
	}
	return reply{status: http.StatusTooManyRequests, body: w.qbFault("SERVICE", "3001", "message=ThrottleExceeded; errorCode=003001; statusCode=429", "The request limit was reached.")}, true
}

func (w *World) qbFault(kind, code, message, detail string) doc {
	return doc{"Fault": doc{"Error": []doc{{"Message": message, "Detail": detail, "code": code}}, "type": kind}, "time": qbTime(w.now)}
}

func (w *World) qbBad(code, message, detail string) reply {
	return reply{status: http.StatusBadRequest, body: w.qbFault("ValidationFault", code, message, detail)}
}

// qbTime writes a moment as the vendor does, in its own zone.
func qbTime(t time.Time) string {
	return t.In(time.FixedZone("", -8*3600)).Format(time.RFC3339)
}

// qbStamp counts the changes in the token that writes must name.
func qbStamp(_ string, d doc, created, updated time.Time) {
	token := 0
	if s, ok := d["SyncToken"].(string); ok {
		token, _ = strconv.Atoi(s)
		token++
	}
	d["SyncToken"] = strconv.Itoa(token)
	d["MetaData"] = doc{"CreateTime": qbTime(created), "LastUpdatedTime": qbTime(updated)}
}

// qbQuery answers a query. Customers that were put away are told only to those who ask for them.
func (b *books) qbQuery(c *call) reply {
	q, problem := readQuery(c.query.Get("query"))
	stream := qbStreams()[q.entity]
	if q.entity == "Preferences" {
		home := doc{"Id": "1", "CurrencyPrefs": doc{"MultiCurrencyEnabled": true, "HomeCurrency": doc{"value": "EUR"}}}
		return reply{status: http.StatusOK, body: doc{"QueryResponse": doc{"Preferences": []doc{home}, "maxResults": 1}, "time": qbTime(b.world.now)}}
	}
	switch {
	case problem != "":
		return b.world.qbBad("4000", "Error parsing query", "QueryParserError: "+problem)
	case stream == "":
		return b.world.qbBad("4000", "Error parsing query", "QueryValidationError: no such entity "+q.entity)
	}
	rows := b.list(stream).list(b.world.now)
	rows = slices.DeleteFunc(rows, func(it *item) bool {
		if !it.gone.IsZero() && (stream != "customers" || !q.names("Active")) {
			return true
		}
		return !q.holds(it)
	})
	q.sort(rows)
	total := len(rows)
	rows = rows[min(q.start-1, total):]
	rows = rows[:min(q.most, len(rows))]
	answer := doc{}
	if len(rows) > 0 {
		answer = doc{q.entity: qbDocs(rows), "startPosition": q.start, "maxResults": len(rows)}
	}
	return reply{status: http.StatusOK, body: doc{"QueryResponse": answer, "time": qbTime(b.world.now)}}
}

func qbDocs(rows []*item) []doc {
	out := make([]doc, len(rows))
	for i, it := range rows {
		out[i] = it.doc
	}
	return out
}

// qbCDC answers what changed of some entities. What is deleted leaves its id.
func (b *books) qbCDC(c *call) reply {
	since, err := time.Parse(time.RFC3339, c.query.Get("changedSince"))
	if err != nil {
		since, err = time.Parse(time.DateOnly, c.query.Get("changedSince"))
	}
	if err != nil || since.Before(b.world.now.Add(-qbRemembers-time.Hour)) {
		return b.world.qbBad("4002", "Invalid changedSince", "changedSince must lie within the last 30 days")
	}
	left := qbMost
	answers := []doc{}
	for name := range strings.SplitSeq(c.query.Get("entities"), ",") {
		stream := qbStreams()[name]
		if stream == "" {
			return b.world.qbBad("2010", "Request has invalid or unsupported property", "entities: "+name)
		}
		var rows []doc
		for _, it := range b.list(stream).list(b.world.now) {
			if it.updated.Before(since) || len(rows) >= left {
				continue
			}
			d := it.doc
			if !it.gone.IsZero() && stream != "customers" {
				d = doc{"domain": "QBO", "status": "Deleted", "Id": it.id, "MetaData": doc{"LastUpdatedTime": qbTime(it.updated)}}
			}
			rows = append(rows, d)
		}
		left -= len(rows)
		answer := doc{}
		if len(rows) > 0 {
			answer = doc{name: rows, "startPosition": 1, "maxResults": len(rows), "totalCount": len(rows)}
		}
		answers = append(answers, answer)
	}
	return reply{status: http.StatusOK, body: doc{"CDCResponse": []doc{{"QueryResponse": answers}}, "time": qbTime(b.world.now)}}
}

// qbAway puts a customer away: the vendor keeps it, marks its name and tells it only on request.
func (b *books) qbAway(it *item, at time.Time) {
	d := maps.Clone(it.doc)
	d["Active"], d["DisplayName"] = false, fmt.Sprint(d["DisplayName"])+" (deleted)"
	b.list("customers").put(it.id, at, d)
	it.gone = at
}
