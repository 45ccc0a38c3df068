// Package play works out when plays come to their moment for a customer, and what holds them back: from one assessment
// and the next, what happened in between, and a small state that is kept from one moment to the next.
//
// It is pure. It neither assesses nor keeps nor tells anything: whoever calls it stores the state and the log, and tells
// what is live. What a customer was between two assessments it does not see; the caller takes care that there is one at
// every moment at which the answer changes with time alone.
package play

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// State is what is kept of one customer's plays. The zero State is that of a customer who was never looked at.
type State struct {
	// Set tells the plays that the state was made for, At is up to when, in microseconds since 1970.
	Set   string          `json:"set,omitempty"`
	At    int64           `json:"at,omitempty"`
	Plays map[string]*one `json:"plays,omitempty"`
	// Categories holds per mode and category when one of its plays last came, Days per mode the day of the last exclusive
	// play, Blackouts when each last held.
	Categories map[string]int64 `json:"categories,omitempty"`
	Days       map[string]int64 `json:"days,omitempty"`
	Blackouts  map[string]int64 `json:"blackouts,omitempty"`
	Offers     []offer          `json:"offers,omitempty"`
}

// one is what is kept of one play. A play without an entry is off and has never come.
type one struct {
	// On says that the trigger's state holds, since Since; Last is the last known band.
	On    bool   `json:"on,omitempty"`
	Since int64  `json:"since,omitempty"`
	Last  string `json:"last,omitempty"`
	// Fired are the last times that the play came, oldest first.
	Fired   []fired   `json:"fired,omitempty"`
	Waiting []waiting `json:"waiting,omitempty"`
	// Edges are when the state began of late, Quiet until when it is left alone because it flaps.
	Edges []int64 `json:"edges,omitempty"`
	Quiet int64   `json:"quiet,omitempty"`
	// Readings are the days on which a number was seen to move, oldest first.
	Readings []reading `json:"readings,omitempty"`
	// Date is the date that the play comes before, told by the event DateEvent at DateTold; Base is what anniversaries
	// are counted from.
	Date      int64  `json:"date,omitempty"`
	Told      int64  `json:"told,omitempty"`
	ToldAt    int64  `json:"told_at,omitempty"`
	ToldBy    string `json:"told_by,omitempty"`
	Base      int64  `json:"base,omitempty"`
	BaseEvent string `json:"base_event,omitempty"`
}

type fired struct {
	At    int64  `json:"at"`
	Mode  string `json:"mode"`
	Cycle int    `json:"cycle,omitempty"`
	Key   string `json:"key"`
}

// waiting is a moment that is still to come, or that was held back and is tried again.
type waiting struct {
	Key   string `json:"key"`
	Event string `json:"event,omitempty"`
	Ref   string `json:"ref,omitempty"`
	Since int64  `json:"since"`
	Due   int64  `json:"due"`
	// Until is up to when it is tried again, 0 while it was not held back; Logged says that it was noted.
	Until  int64  `json:"until,omitempty"`
	Logged bool   `json:"logged,omitempty"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// reading is what a number was on a UTC day: its extreme, and the last value.
type reading struct {
	Day  int64   `json:"day"`
	Most float64 `json:"most"`
	Last float64 `json:"last"`
}

type offer struct {
	Kind  string `json:"kind"`
	Mode  string `json:"mode"`
	Until int64  `json:"until"`
}

const (
	day = int64(24 * time.Hour / time.Microsecond)
	// mostFired, mostWaiting and mostOfState bound the state.
	mostFired   = 128
	mostWaiting = 200
	maxState    = 1 << 20
)

func floorDay(t int64) int64 {
	r := t % day
	if r < 0 {
		r += day
	}
	return t - r
}

// Decode reads what Encode wrote; nothing is the zero State.
func Decode(doc []byte) (State, error) {
	var s State
	if len(doc) == 0 {
		return s, nil
	}
	if len(doc) > maxState {
		return s, canon.Errorf("play.state", "the state of the plays is %d bytes long", len(doc))
	}
	if err := json.Unmarshal(doc, &s); err != nil {
		return State{}, canon.Errorf("play.state", "the state of the plays cannot be read: %w", err)
	}
	maps.DeleteFunc(s.Plays, func(_ string, o *one) bool { return o == nil })
	return s, nil
}

// Encode returns the state as JSON.
func (s State) Encode() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		// It holds texts, whole numbers and finite numbers only.
		panic("play: a state does not marshal: " + err.Error())
	}
	return b
}

// Since returns the moment up to which the plays were looked at; zero where they never were.
func (s State) Since() time.Time {
	if s.Set == "" {
		return time.Time{}
	}
	return time.UnixMicro(s.At).UTC()
}

// clone returns a copy that shares nothing.
func (s State) clone() State {
	c := s
	c.Categories, c.Days, c.Blackouts, c.Offers = maps.Clone(s.Categories), maps.Clone(s.Days), maps.Clone(s.Blackouts), slices.Clone(s.Offers)
	c.Plays = make(map[string]*one, len(s.Plays))
	for key, o := range s.Plays {
		x := *o
		x.Fired, x.Waiting, x.Edges, x.Readings = slices.Clone(o.Fired), slices.Clone(o.Waiting), slices.Clone(o.Edges), slices.Clone(o.Readings)
		c.Plays[key] = &x
	}
	return c
}

// prune drops what no longer says anything, so that states stay small and equal where they mean the same.
func (s *State) prune(p *lifecycle.Policy, now int64) {
	rules := p.Deck().Rules
	for key, o := range s.Plays {
		within := int64(rules.Within / time.Microsecond)
		o.Edges = slices.DeleteFunc(o.Edges, func(at int64) bool { return at <= now-within })
		if o.Quiet <= now {
			o.Quiet = 0
		}
		if len(o.Fired) > mostFired {
			o.Fired = slices.Delete(o.Fired, 0, len(o.Fired)-mostFired)
		}
		x := p.Deck().Named(key)
		if x != nil && swings(&x.Trigger) {
			o.forget(&x.Trigger, now)
		}
		if x == nil || o.empty() {
			delete(s.Plays, key)
		}
	}
	s.Offers = slices.DeleteFunc(s.Offers, func(o offer) bool { return o.Until <= now })
	maps.DeleteFunc(s.Categories, func(key string, at int64) bool {
		_, category, _ := strings.Cut(key, " ")
		i := slices.IndexFunc(rules.Categories, func(c lifecycle.Category) bool { return c.Key == category })
		return i < 0 || at+int64(rules.Categories[i].Cooldown/time.Microsecond) <= now
	})
	maps.DeleteFunc(s.Days, func(_ string, at int64) bool { return at < floorDay(now) })
	maps.DeleteFunc(s.Blackouts, func(key string, at int64) bool {
		i := slices.IndexFunc(rules.Blackouts, func(b lifecycle.Blackout) bool { return b.Key == key })
		return i < 0 || at+int64(rules.Blackouts[i].After/time.Microsecond) <= now
	})
}

func (o *one) empty() bool {
	return !o.On && o.Last == "" && o.Quiet == 0 && o.Date == 0 && o.Told == 0 && o.Base == 0 &&
		len(o.Fired)+len(o.Waiting)+len(o.Edges)+len(o.Readings) == 0
}
