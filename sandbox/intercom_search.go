package sandbox

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// icQuery is the search language, as far as it is about times.
type icQuery struct {
	Field    string          `json:"field"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
}

// search answers a query, sorted by the time of the last change where the request asks for that, and by id
// otherwise. Its cursor names the last object by the order's key.
func (ic *intercom) search(c *call, stream, member string) reply {
	var in struct {
		Query      icQuery
		Pagination struct {
			PerPage       int    `json:"per_page"`
			StartingAfter string `json:"starting_after"`
		}
		Sort struct{ Field, Order string }
	}
	if err := json.Unmarshal(c.raw, &in); err != nil {
		return icError(c, http.StatusBadRequest, "bad_request", "The request body is no valid JSON")
	}
	keep, problem := ic.filter(in.Query, 1)
	if problem != "" {
		return icError(c, http.StatusBadRequest, "parameter_invalid", problem)
	}
	per := in.Pagination.PerPage
	if per == 0 {
		per = 20
	}
	if per < 1 || per > 150 {
		return icError(c, http.StatusBadRequest, "parameter_invalid", "per_page must be between 1 and 150")
	}
	key := func(it *item) string { return it.id }
	if in.Sort.Field == "updated_at" {
		key = func(it *item) string {
			n := strconv.FormatInt(it.updated.Unix(), 10)
			return strings.Repeat("0", 12-len(n)) + n + " " + it.id
		}
	}
	rows := slices.DeleteFunc(live(ic.list(stream).list(ic.world.now)), func(it *item) bool { return !keep(it) })
	slices.SortFunc(rows, func(a, b *item) int { return cmp.Compare(key(a), key(b)) })
	total, asked := len(rows), in.Pagination.StartingAfter
	if asked != "" {
		last, err := icReadCursor(asked)
		if err != nil {
			return icError(c, http.StatusBadRequest, "parameter_invalid", "starting_after is invalid")
		}
		rows = slices.DeleteFunc(rows, func(it *item) bool { return key(it) <= last })
	}
	end := min(per, len(rows))
	return ic.page(c, icPage{stream, member, rows[:end], total, per, end < len(rows), key, asked})
}

// filter builds the test of a query, and says what is wrong with it. A moment stands for the whole day of
// the workspace that it lies in: > finds what is after that day, = what is in it.
func (ic *intercom) filter(q icQuery, depth int) (func(*item) bool, string) {
	if q.Operator == "AND" || q.Operator == "OR" {
		var parts []icQuery
		if err := json.Unmarshal(q.Value, &parts); err != nil || len(parts) > 15 || depth > 2 {
			return nil, "too many or badly nested filters"
		}
		var tests []func(*item) bool
		for _, p := range parts {
			test, problem := ic.filter(p, depth+1)
			if problem != "" {
				return nil, problem
			}
			tests = append(tests, test)
		}
		any := q.Operator == "OR"
		return func(it *item) bool {
			return slices.ContainsFunc(tests, func(test func(*item) bool) bool { return test(it) == any }) == any
		}, ""
	}
	moment, err := strconv.ParseInt(strings.Trim(string(q.Value), `"`), 10, 64)
	if err != nil || q.Field != "updated_at" && q.Field != "created_at" {
		return nil, "query field or value is invalid: " + q.Field
	}
	from := time.Unix(moment, 0).In(ic.zone)
	from = time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, ic.zone)
	next := from.AddDate(0, 0, 1)
	at := func(it *item) time.Time {
		if q.Field == "created_at" {
			return it.created
		}
		return it.updated
	}
	switch q.Operator {
	case ">":
		return func(it *item) bool { return !at(it).Before(next) }, ""
	case "<":
		return func(it *item) bool { return at(it).Before(from) }, ""
	case "=":
		return func(it *item) bool { return !at(it).Before(from) && at(it).Before(next) }, ""
	}
	return nil, "operator " + q.Operator + " is not supported on Date fields"
}

func icCursor(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func icReadCursor(s string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return string(b), err
}
