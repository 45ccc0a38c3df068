package report

import (
	"sort"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// bands are those of scores, the best first.
var bands = []string{"green", "yellow", "red", "unknown"}

// story is what reports read of one customer's history.
type story struct {
	id, name, kind string
	gone           bool
	fields         map[string]string
	events         []canon.Event
	// now is the last assessment made before the end of the period, nil before the first.
	now *canon.Assessment
	to  time.Time

	stays    []stay
	purses   []purse
	active   []turn
	deals    []*deal
	invoices []*invoice
	tickets  []*ticket
	contract contracts
	// moods are the bands of the score named health, in order of time.
	moods []mood
}

// turn is a moment from which something holds or no longer does.
type turn struct {
	at time.Time
	on bool
}

// mood is a moment from which a band holds.
type mood struct {
	at   time.Time
	band string
}

// stay is a time spent in a stage. to is zero while it lasts.
type stay struct {
	stage, next, way string
	from, to         time.Time
}

// newStory reads a history up to a moment, which is excluded.
func newStory(h *canon.History, to time.Time) *story {
	p := h.Profile
	s := &story{id: p.ID, name: p.Name, kind: p.Type, gone: p.Gone, to: to, fields: make(map[string]string, len(p.Fields))}
	if s.name == "" {
		s.name = p.Domain
	}
	for _, f := range p.Fields {
		s.fields[f.Name] = f.Value
	}
	n := sort.Search(len(h.Events), func(i int) bool { return !h.Events[i].OccurredAt.Before(to) })
	s.events = h.Events[:n]
	for i := range h.Assessments {
		if h.Assessments[i].At.Before(to) {
			s.now = &h.Assessments[i]
		}
	}
	if h.Assessment != nil && h.Assessment.At.Before(to) {
		s.now = h.Assessment
	}
	r := reader{story: s, deals: map[string]*deal{}, invoices: map[string]*invoice{}, tickets: map[string]*ticket{}, subs: map[string]*subscription{}}
	for i := range s.events {
		r.read(&s.events[i])
	}
	r.close()
	return s
}

// text returns a text of an event's data, number a number.
func text(e *canon.Event, key string) string {
	v, _ := e.Data[key].(string)
	return v
}

func number(e *canon.Event, key string) float64 {
	v, _ := e.Data[key].(float64)
	return v
}

// key tells entities apart.
func key(e *canon.Event) string { return e.Ref.String() + "#" + e.Part }

// within says whether the customer belongs to the segment, "" being all.
func (s *story) within(segment string) bool {
	if segment == "" {
		return true
	}
	field, want, ok := strings.Cut(segment, "=")
	if !ok {
		field, want = "segment", segment
	}
	for _, g := range s.groups(strings.TrimSpace(field)) {
		if strings.EqualFold(g, strings.TrimSpace(want)) {
			return true
		}
	}
	return false
}

// groups returns the values that the customer has of what tables are split by: one, but for segments.
func (s *story) groups(by string) []string {
	v := ""
	switch by {
	case "segment":
		if s.now != nil && len(s.now.Segments) > 0 {
			return s.now.Segments
		}
	case "stage":
		v = s.stageAt(s.to)
	case "band":
		v = s.band()
	case "type":
		v = s.kind
	default:
		v = clean(s.fields[by])
	}
	if v == "" {
		v = "(none)"
	}
	return []string{v}
}

// clean bounds a foreign text that rows are told apart by.
func clean(v string) string {
	v = strings.Join(strings.Fields(strings.ToValidUTF8(v, "")), " ")
	if r := []rune(v); len(r) > 80 {
		v = string(r[:80])
	}
	return v
}

// band is the health's last known band.
func (s *story) band() string {
	if s.now != nil && s.now.Health.Band != "" {
		return s.now.Health.Band
	}
	return s.bandAt(s.to)
}

// bandAt is the band before a moment, by the changes told.
func (s *story) bandAt(t time.Time) string {
	band := "unknown"
	for _, m := range s.moods {
		if !m.at.Before(t) {
			break
		}
		band = m.band
	}
	return band
}

// stageAt is the stage before a moment, "" before the first.
func (s *story) stageAt(t time.Time) string {
	key := ""
	for _, st := range s.stays {
		if !st.from.Before(t) {
			break
		}
		key = st.stage
	}
	return key
}

// holds says what holds before a moment.
func holds(turns []turn, t time.Time) bool {
	on := false
	for _, x := range turns {
		if !x.at.Before(t) {
			break
		}
		on = x.on
	}
	return on
}

// in counts the customer as active before a moment: with a contract that is paid for, or rests.
func (s *story) activeAt(t time.Time) bool { return holds(s.active, t) }

// flagged says whether the last assessment carries a flag.
func (s *story) flagged(flag string) bool {
	if s.now == nil {
		return false
	}
	for _, f := range s.now.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

// stage and mood events.

func (s *story) moved(e *canon.Event) {
	if n := len(s.stays); n > 0 {
		last := &s.stays[n-1]
		last.to, last.next, last.way = e.OccurredAt, text(e, "to"), text(e, "direction")
	}
	s.stays = append(s.stays, stay{stage: text(e, "to"), from: e.OccurredAt})
}

func (s *story) felt(e *canon.Event) {
	if score := text(e, "score"); score == "" || score == "health" {
		s.moods = append(s.moods, mood{e.OccurredAt, text(e, "to_band")})
	}
}
