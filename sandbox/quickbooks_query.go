package sandbox

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// qbSelect is a query as the vendor's language has it: select * from an entity, with conditions that all
// must hold, an order and a part of the result.
type qbSelect struct {
	entity      string
	where       []qbCondition
	order       string
	falling     bool
	start, most int
}

type qbCondition struct {
	field, op string
	values    []string
}

var (
	qbShape = regexp.MustCompile(`(?i)^\s*select\s+\*\s+from\s+(\w+)(?:\s+where\s+(.+?))?(?:\s+order\s*by\s+([\w.]+)(?:\s+(asc|desc))?)?` +
		`(?:\s+startposition\s+(\d+))?(?:\s+maxresults\s+(\d+))?\s*$`)
	qbAnd     = regexp.MustCompile(`(?i)\s+and\s+`)
	qbCompare = regexp.MustCompile(`^([\w.]+)\s*(>=|<=|=|>|<)\s*'?([^']*)'?$`)
	qbIn      = regexp.MustCompile(`(?i)^([\w.]+)\s+in\s*\(([^)]*)\)$`)
)

// readQuery returns the query, or what is wrong with it.
func readQuery(text string) (q qbSelect, problem string) {
	m := qbShape.FindStringSubmatch(text)
	if m == nil {
		return q, "the query could not be read: " + text
	}
	q = qbSelect{entity: m[1], order: m[3], falling: strings.EqualFold(m[4], "desc"), start: 1, most: 100}
	if m[5] != "" {
		q.start, _ = strconv.Atoi(m[5]) // digits, as the expression says; too many are too large a number
		q.start = max(q.start, 1)
	}
	if m[6] != "" {
		q.most, _ = strconv.Atoi(m[6])
		if q.most < 1 || q.most > qbMost {
			return q, "maxresults must be between 1 and 1000"
		}
	}
	if !slices.Contains([]string{"", "Id", "MetaData.LastUpdatedTime", "MetaData.CreateTime"}, q.order) {
		return q, "property " + q.order + " is not sortable"
	}
	if m[2] == "" {
		return q, ""
	}
	for _, part := range qbAnd.Split(strings.TrimSpace(m[2]), -1) {
		var c qbCondition
		if in := qbIn.FindStringSubmatch(part); in != nil {
			c = qbCondition{field: in[1], op: "in"}
			for v := range strings.SplitSeq(in[2], ",") {
				c.values = append(c.values, strings.Trim(strings.TrimSpace(v), "'"))
			}
		} else if one := qbCompare.FindStringSubmatch(part); one != nil {
			c = qbCondition{one[1], one[2], []string{one[3]}}
		} else {
			return q, "the condition could not be read: " + part
		}
		if !slices.Contains([]string{"Id", "Active", "MetaData.LastUpdatedTime", "MetaData.CreateTime"}, c.field) {
			return q, "property " + c.field + " is not queryable"
		}
		q.where = append(q.where, c)
	}
	return q, ""
}

func (q qbSelect) names(field string) bool {
	return slices.ContainsFunc(q.where, func(c qbCondition) bool { return c.field == field })
}

func (q qbSelect) holds(it *item) bool {
	return !slices.ContainsFunc(q.where, func(c qbCondition) bool { return !c.holds(it) })
}

func (c qbCondition) holds(it *item) bool {
	var order int
	switch c.field {
	case "Active":
		return slices.Contains(c.values, fmt.Sprint(it.doc["Active"]))
	case "Id":
		if c.op == "in" {
			return slices.Contains(c.values, it.id)
		}
		order = cmp.Compare(qbNumber(it.id), qbNumber(c.values[0]))
	default:
		t, err := time.Parse(time.RFC3339, c.values[0])
		if err != nil {
			return false
		}
		at := it.updated
		if c.field == "MetaData.CreateTime" {
			at = it.created
		}
		order = at.Compare(t)
	}
	switch c.op {
	case "=":
		return order == 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	}
	return c.op == "<=" && order <= 0
}

func qbNumber(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (q qbSelect) sort(rows []*item) {
	by := func(x, y *item) int { return cmp.Compare(qbNumber(x.id), qbNumber(y.id)) }
	switch q.order {
	case "MetaData.LastUpdatedTime":
		by = func(x, y *item) int { return cmp.Or(x.updated.Compare(y.updated), cmp.Compare(x.seq, y.seq)) }
	case "MetaData.CreateTime":
		by = func(x, y *item) int { return cmp.Or(x.created.Compare(y.created), cmp.Compare(x.seq, y.seq)) }
	}
	slices.SortStableFunc(rows, by)
	if q.falling {
		slices.Reverse(rows)
	}
}
