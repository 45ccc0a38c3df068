package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type searchQuery struct {
	FilterGroups []struct {
		Filters []searchFilter `json:"filters"`
	} `json:"filterGroups"`
	Sorts      []searchSort `json:"sorts"`
	Properties []string     `json:"properties"`
	Limit      int          `json:"limit"`
	After      json.Token   `json:"after"`
	Query      string       `json:"query"`
}

type searchFilter struct {
	Property  string   `json:"propertyName"`
	Operator  string   `json:"operator"`
	Value     string   `json:"value"`
	HighValue string   `json:"highValue"`
	Values    []string `json:"values"`
}

// searchSort is "name", "-name" or {"propertyName", "direction"}: the server takes all three.
type searchSort struct {
	property string
	down     bool
}

func (s *searchSort) UnmarshalJSON(b []byte) error {
	var long struct {
		Property  string `json:"propertyName"`
		Direction string `json:"direction"`
	}
	if b[0] == '{' {
		if err := json.Unmarshal(b, &long); err != nil {
			return err
		}
		s.property, s.down = long.Property, long.Direction == "DESCENDING"
		return nil
	}
	if err := json.Unmarshal(b, &s.property); err != nil {
		return err
	}
	s.property, s.down = strings.CutPrefix(s.property, "-")
	return nil
}

// searchCap is how far a search can be paged ("limited to 10,000 total results for any given query.
// Attempting to page beyond 10,000 will result in a 400 error", developers.hubspot.com, CRM search).
const searchCap = 10_000

func (w *World) hubspotSearch(c *call, t *hsTable) reply {
	var q searchQuery
	if err := json.Unmarshal(c.raw, &q); err != nil {
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON: "+err.Error())
	}
	after, problem := q.check(t)
	if problem != "" {
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", problem)
	}
	hits := q.find(t, w.now)
	results, end := []doc{}, min(after+q.Limit, len(hits))
	for _, o := range hits[min(after, len(hits)):end] {
		results = append(results, t.shape(o, q.Properties))
	}
	body := doc{"total": len(hits), "results": results}
	switch {
	case c.repeat && after > 0:
		body["paging"] = doc{"next": doc{"after": strconv.Itoa(after)}}
	case end < len(hits):
		body["paging"] = doc{"next": doc{"after": strconv.Itoa(end)}}
	}
	return reply{status: http.StatusOK, body: body}
}

// find lists what fits, sorted. Sort keys are taken once, as there may be very many objects.
func (q *searchQuery) find(t *hsTable, now time.Time) []*hsObject {
	type hit struct {
		o    *hsObject
		keys []searchKey
	}
	var hits []hit
	for _, o := range t.indexed(now) {
		if !q.matches(t, o) {
			continue
		}
		h := hit{o: o}
		for _, s := range q.Sorts {
			h.keys = append(h.keys, keyOf(t.kind(s.property), o.props[s.property]))
		}
		hits = append(hits, h)
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		for i, s := range q.Sorts {
			n := a.keys[i].compare(b.keys[i])
			if s.down {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return cmp.Compare(a.o.num, b.o.num)
	})
	out := make([]*hsObject, len(hits))
	for i := range hits {
		out[i] = hits[i].o
	}
	return out
}

// searchKey is a value as it is sorted: by number where it is one.
type searchKey struct {
	number float64
	isNum  bool
	text   string
}

func keyOf(kind, v string) searchKey {
	switch kind {
	case "datetime", "date":
		if ms, ok := millis(v); ok {
			return searchKey{number: float64(ms), isNum: true}
		}
	case "number":
		if n, err := strconv.ParseFloat(v, 64); err == nil {
			return searchKey{number: n, isNum: true}
		}
	}
	return searchKey{text: strings.ToLower(v)}
}

func (k searchKey) compare(o searchKey) int {
	if k.isNum && o.isNum {
		return cmp.Compare(k.number, o.number)
	}
	return strings.Compare(k.text, o.text)
}

// check fills in defaults and says in one sentence what is wrong. The bounds are those of the vendor's
// documentation: 200 per page, 5 groups of up to 10 filters, 25 filters in all.
func (q *searchQuery) check(t *hsTable) (after int, problem string) {
	switch v := q.After.(type) {
	case nil:
	case string:
		if v == "" {
			break
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return 0, "The after parameter must be a number, was " + v
		}
		after = n
	case float64:
		after = int(v)
	}
	if q.Limit == 0 {
		q.Limit = 10
	}
	if q.Limit < 1 || q.Limit > 200 || after < 0 {
		return 0, fmt.Sprintf("limit must be between 1 and 200, was %d", q.Limit)
	}
	if after > searchCap || after+q.Limit > searchCap {
		return 0, fmt.Sprintf("Paging beyond %d results is not possible: after %d, limit %d", searchCap, after, q.Limit)
	}
	if len(q.FilterGroups) > 5 || q.Query != "" {
		return 0, "A search takes up to 5 filter groups; the sandbox has no full-text query"
	}
	all := 0
	for _, g := range q.FilterGroups {
		all += len(g.Filters)
		if len(g.Filters) > 10 || all > 25 {
			return 0, "A search takes up to 10 filters per group and 25 in all"
		}
		for _, f := range g.Filters {
			if t.field(f.Property) == nil {
				return 0, fmt.Sprintf("There was a problem with the request: property %q does not exist", f.Property)
			}
			if _, ok := f.holds("number", "1"); !ok {
				return 0, fmt.Sprintf("operator %q is not known", f.Operator)
			}
		}
	}
	for _, s := range q.Sorts {
		if t.field(s.property) == nil {
			return 0, fmt.Sprintf("cannot sort by unknown property %q", s.property)
		}
	}
	return after, ""
}

// matches is true where any group has all its filters met; no group means everything.
func (q *searchQuery) matches(t *hsTable, o *hsObject) bool {
	if len(q.FilterGroups) == 0 {
		return true
	}
	for _, g := range q.FilterGroups {
		met := true
		for _, f := range g.Filters {
			ok, _ := f.holds(t.kind(f.Property), o.props[f.Property])
			met = met && ok
		}
		if met {
			return true
		}
	}
	return false
}

// holds applies the filter to a value; known is false for operators that do not exist.
func (f searchFilter) holds(kind, v string) (met, known bool) {
	n := compareValues(kind, v, f.Value)
	has := v != ""
	among := func() bool {
		return slices.ContainsFunc(f.Values, func(x string) bool { return compareValues(kind, v, x) == 0 })
	}
	switch f.Operator {
	case "EQ":
		return has && n == 0, true
	case "NEQ":
		return has && n != 0, true
	case "LT":
		return has && n < 0, true
	case "LTE":
		return has && n <= 0, true
	case "GT":
		return has && n > 0, true
	case "GTE":
		return has && n >= 0, true
	case "BETWEEN":
		return has && n >= 0 && compareValues(kind, v, f.HighValue) <= 0, true
	case "IN":
		return has && among(), true
	case "NOT_IN":
		return has && !among(), true
	case "HAS_PROPERTY":
		return has, true
	case "NOT_HAS_PROPERTY":
		return !has, true
	case "CONTAINS_TOKEN":
		return has && strings.Contains(strings.ToLower(v), strings.ToLower(strings.Trim(f.Value, "*"))), true
	}
	return false, false
}

func (t *hsTable) kind(property string) string {
	if f := t.field(property); f != nil {
		return f.kind
	}
	return "string"
}

// compareValues compares as the property's type demands; moments may be written in milliseconds since 1970
// or as text.
func compareValues(kind, a, b string) int {
	switch kind {
	case "datetime", "date":
		x, okX := millis(a)
		y, okY := millis(b)
		if okX && okY {
			return cmp.Compare(x, y)
		}
	case "number":
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

func millis(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}
