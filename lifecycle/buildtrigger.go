package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// trigger compiles what makes a play come to its moment.
func (b *builder) trigger(path string, s triggerSpec) Trigger {
	var out []Trigger
	if s.Enters != nil {
		out = append(out, b.member(path+".enters", TriggerEnters, s.Enters))
	}
	if s.Leaves != nil {
		out = append(out, b.member(path+".leaves", TriggerLeaves, s.Leaves))
	}
	if s.CrossesBelow != nil {
		out = append(out, b.level(path+".crosses_below", TriggerBelow, s.CrossesBelow))
	}
	if s.CrossesAbove != nil {
		out = append(out, b.level(path+".crosses_above", TriggerAbove, s.CrossesAbove))
	}
	if s.Band != nil {
		out = append(out, b.bandMove(path+".band", s.Band))
	}
	if s.DropsBy != nil {
		out = append(out, b.swing(path+".drops_by", TriggerDrops, s.DropsBy))
	}
	if s.RisesBy != nil {
		out = append(out, b.swing(path+".rises_by", TriggerRises, s.RisesBy))
	}
	if s.Event != nil {
		out = append(out, b.moment(path+".event", s.Event))
	}
	if s.Before != nil {
		out = append(out, b.date(path+".before", s.Before))
	}
	if s.Rule != "" {
		out = append(out, Trigger{Kind: TriggerRule, When: b.playRule(path+".rule", s.Rule)})
	}
	if len(out) != 1 {
		b.fault(path, "name one of enters, leaves, crosses_below, crosses_above, band, drops_by, rises_by, event, before, rule", "a play needs one trigger, not %d", len(out))
		return Trigger{}
	}
	return out[0]
}

func (b *builder) member(path, kind string, s *memberSpec) Trigger {
	t := Trigger{Kind: kind, Segment: s.Segment, Stages: s.Stage, From: s.From}
	if (s.Segment == "") == (len(s.Stage) == 0) {
		b.fault(path, "name either a segment or stages", "the trigger is about no segment and no stage, or about both")
	}
	if s.Segment != "" && !b.segmentNamed(s.Segment) {
		b.fault(path+".segment", "define it under segments:", "segment %q is unknown", s.Segment)
	}
	b.stageNames(path+".stage", s.Stage, -1)
	b.stageNames(path+".from", s.From, -1)
	return t
}

// measured checks that a trigger is about one score or metric.
func (b *builder) measured(path, score, metric string) {
	if (score == "") == (metric == "") {
		b.fault(path, "name either a score or a metric", "the trigger is about no number, or about two")
		return
	}
	switch {
	case score != "":
		b.viewNames(path+".score", []viewName{{"score", score}})
	case !b.showMetric(metric):
		b.fault(path+".metric", "define it under metrics:", "metric %q is unknown", metric)
	}
}

func (b *builder) level(path, kind string, s *levelSpec) Trigger {
	b.measured(path, s.Score, s.Metric)
	t := Trigger{Kind: kind, Score: s.Score, Metric: s.Metric, Value: s.Value, Rearm: s.Value}
	if s.Rearm != nil {
		t.Rearm = *s.Rearm
	}
	if !isFinite(t.Value) || !isFinite(t.Rearm) {
		b.fault(path+".value", "write a plain number", "the threshold is no number")
	}
	if kind == TriggerBelow && t.Rearm < t.Value || kind == TriggerAbove && t.Rearm > t.Value {
		b.fault(path+".rearm", "rearm lies on the side that the value comes from: 55 for crosses_below 50", "rearm %v is on the wrong side of %v", t.Rearm, t.Value)
	}
	return t
}

func (b *builder) bandMove(path string, s *moveSpec) Trigger {
	b.viewNames(path+".score", []viewName{{"score", s.Score}})
	if len(s.To) == 0 {
		b.fault(path, "add to: with bands, as in to: red", "the trigger names no band")
	}
	for _, band := range slices.Concat(s.From, s.To) {
		if !slices.Contains([]string{"green", "yellow", "red"}, band) {
			b.fault(path, "the bands are green, yellow and red; nothing is triggered by what is not known", "band %q is unknown", band)
		}
	}
	return Trigger{Kind: TriggerBand, Score: s.Score, From: s.From, To: s.To}
}

func (b *builder) swing(path, kind string, s *swingSpec) Trigger {
	b.measured(path, s.Score, s.Metric)
	t := Trigger{Kind: kind, Score: s.Score, Metric: s.Metric, Value: s.By, Rearm: s.By / 2, Within: b.duration(path+".within", s.Within, 0)}
	if s.Rearm != nil {
		t.Rearm = *s.Rearm
	}
	if !(t.Value > 0) || !isFinite(t.Value) || !isFinite(t.Rearm) || t.Rearm < 0 || t.Rearm > t.Value {
		b.fault(path+".by", "write by: 15, and a rearm between 0 and that", "a swing needs a size above zero")
	}
	if days := t.Within / (24 * time.Hour); t.Within%(24*time.Hour) != 0 || days < 1 || days > 180 {
		b.fault(path+".within", "write 1d to 180d", "a swing looks back on 1 to 180 whole days")
	}
	return t
}

// eventPattern compiles a pattern of events, which may be left out.
func (b *builder) eventPattern(path, text string) Pattern {
	if text == "" {
		return Pattern{}
	}
	p, err := parsePattern(text)
	if err != nil {
		b.fault(path, "patterns look like invoice.paid or touch.*:in", "%v", err)
	}
	return Pattern{p}
}

func (b *builder) moment(path string, s *momentSpec) Trigger {
	t := Trigger{Kind: TriggerEvent, Events: b.eventPattern(path+".of", s.Of), CancelledBy: b.eventPattern(path+".cancelled_by", s.CancelledBy)}
	if t.Events.IsZero() {
		b.fault(path, "add of: with a pattern, as in invoice.paid", "the trigger names no event")
	}
	for _, e := range append(t.Events.of.alts[:len(t.Events.of.alts):len(t.Events.of.alts)], t.CancelledBy.of.alts...) {
		if strings.HasPrefix(e.typ, "stage.") || strings.HasPrefix(e.typ, "score.") {
			b.fault(path+".of", "use enters, leaves, band or crosses_below", "a play follows events of records, not %q", e.typ)
		}
	}
	for i, text := range s.Delay {
		t.Delays = append(t.Delays, b.duration(fmt.Sprintf("%s.delay[%d]", path, i), text, 0))
	}
	if len(t.Delays) == 0 {
		t.Delays = []time.Duration{0}
	}
	return t
}

func (b *builder) date(path string, s *dateSpec) Trigger {
	t := Trigger{Kind: TriggerBefore, Days: slices.Clone(s.Days), Date: DateSource{Field: s.Field, Events: b.eventPattern(path+".event", s.Event), Data: s.Data}}
	if a := s.Anniversary; a != nil {
		t.Date.Anniversary, t.Date.Every = b.eventPattern(path+".anniversary.of", a.Of), b.duration(path+".anniversary.every", a.Every, 365*24*time.Hour)
		if t.Date.Every < 24*time.Hour || t.Date.Anniversary.IsZero() {
			b.fault(path+".anniversary", "write of: subscription.started and every: 365d", "an anniversary needs events, and at least a day between two")
		}
	}
	if s.Field == "" && t.Date.Events.IsZero() && t.Date.Anniversary.IsZero() {
		b.fault(path, "add field:, event: with data:, or anniversary:", "nothing tells the date")
	}
	if !t.Date.Events.IsZero() && s.Data == "" {
		b.fault(path+".event", "add data: with the name in the event's data, as in renews_at", "the event tells a date under no name")
	}
	if len(t.Days) == 0 || len(t.Days) > 20 {
		b.fault(path, "add days: [90, 30]", "the trigger needs 1 to 20 days")
	}
	for _, d := range t.Days {
		if d < 0 || d > 3660 {
			b.fault(path+".days", "write days before the date, as in 90", "%d days before are out of range", d)
		}
	}
	slices.Sort(t.Days)
	slices.Reverse(t.Days)
	return t
}
