package lifecycle

import (
	"math"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// weighings are the numbers that an event has of its own, by the name that policies give them.
func weighings() map[string]eventNumber {
	return map[string]eventNumber{
		"value": func(e *canon.Event) (float64, bool) {
			if e.Value == nil {
				return 0, false
			}
			return *e.Value, true
		},
		"amount": func(e *canon.Event) (float64, bool) {
			if e.Amount == nil {
				return 0, false
			}
			return float64(e.Amount.Minor), true
		},
	}
}

// keyings are the texts that an event has of its own, by the name that policies give them.
func keyings() map[string]eventText {
	return map[string]eventText{
		"person":    personOf,
		"feature":   textInData("feature"),
		"direction": textInData("direction"),
		"type":      func(e *canon.Event) (string, bool) { return e.Type, true },
		"ref":       func(e *canon.Event) (string, bool) { return e.Ref.String(), e.Ref != canon.Ref{} },
		"currency": func(e *canon.Event) (string, bool) {
			if e.Amount == nil {
				return "", false
			}
			return e.Amount.Currency, true
		},
		"day": func(e *canon.Event) (string, bool) {
			return strconv.FormatInt(floorDay(e.OccurredAt.UnixMicro())/day, 10), true
		},
	}
}

// personOf names the person that an event tells of or comes from.
func personOf(e *canon.Event) (string, bool) {
	if s, ok := e.Data["person"].(string); ok && s != "" {
		return s, true
	}
	if e.Kind == canon.KindContact {
		return canon.ID("p", e.Ref.String()), true
	}
	return "", false
}

// textInData reads a text of an event's data; numbers and truths are spelt out.
func textInData(name string) eventText {
	return func(e *canon.Event) (string, bool) {
		switch v := e.Data[name].(type) {
		case string:
			return v, true
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64), true
		case bool:
			return strconv.FormatBool(v), true
		}
		return "", false
	}
}

// numberInData reads a number of an event's data.
func numberInData(name string) eventNumber {
	return func(e *canon.Event) (float64, bool) {
		switch v := e.Data[name].(type) {
		case float64:
			return v, true
		case string:
			return parseFigure(v)
		}
		return 0, false
	}
}

// parseFigure reads a finite number.
func parseFigure(s string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// cell is what a series holds of one key at one moment: one event, or several of one key and day put together. Every
// aggregate of a metric is a fold over cells that does not mind which of the two it gets, as long as no window ends
// within a cell.
type cell struct {
	key string
	// at is the newest event's moment, n the number of events.
	at int64
	n  int
	// sum, min, max and last are of the events' numbers; valued tells how many have one.
	sum, min, max, last float64
	valued              int
}

// cellOf returns an event's cell. It is not known where the event lacks the key that is asked for.
func cellOf(e *canon.Event, at int64, by eventText, over eventNumber) (cell, bool) {
	c := cell{at: at, n: 1}
	if by != nil {
		key, ok := by(e)
		if !ok || key == "" {
			return c, false
		}
		c.key = key
	}
	if over == nil {
		return c, true
	}
	if v, ok := over(e); ok {
		c.sum, c.min, c.max, c.last, c.valued = v, v, v, v, 1
	}
	return c, true
}

// join adds what a later cell of the same key holds.
func (c *cell) join(d cell) {
	c.n += d.n
	if d.valued > 0 {
		if c.valued == 0 {
			c.min, c.max = d.min, d.max
		}
		c.min, c.max, c.last = min(c.min, d.min), max(c.max, d.max), d.last
	}
	c.sum, c.valued, c.at = c.sum+d.sum, c.valued+d.valued, max(c.at, d.at)
}

// aggregate is a figure of a cell; false where it has none.
func (c cell) aggregate(of string) (float64, bool) {
	switch of {
	case "count":
		return float64(c.n), true
	case "sum":
		return c.sum, true
	}
	if c.valued == 0 {
		return 0, false
	}
	switch of {
	case "avg":
		return c.sum / float64(c.valued), true
	case "min":
		return c.min, true
	case "max":
		return c.max, true
	}
	return c.last, true
}
