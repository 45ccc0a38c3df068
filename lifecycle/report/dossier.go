package report

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/chart"
)

// Dossier is what is told of one customer who left, or of one who did not.
type Dossier struct {
	Customer string `json:"customer"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	// LeftAt is when the customer left, zero for who is still there; the dossier then looks back from To.
	LeftAt time.Time     `json:"left_at,omitzero"`
	Reason string        `json:"reason,omitempty"`
	Kind   string        `json:"kind,omitempty"`
	Stage  string        `json:"stage_before"`
	Band   string        `json:"band_before"`
	Lost   []canon.Money `json:"lost_mrr"`
	// From and To bound the slice of the timeline.
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	Scores []ScorePoint  `json:"scores"`
	Events []canon.Event `json:"events"`
	// Cut is how many events of use were left out of Events; Months holds them summed up.
	Cut     int      `json:"cut"`
	Months  []Month  `json:"months"`
	Figures []Number `json:"figures"`
}

// ScorePoint is the health at a moment.
type ScorePoint struct {
	At    time.Time `json:"at"`
	Value *float64  `json:"value"`
	Band  string    `json:"band"`
}

// Month is what happened in a month.
type Month struct {
	Month   string  `json:"month"`
	Usage   float64 `json:"usage"`
	Days    int64   `json:"days_with_use"`
	Tickets int64   `json:"tickets"`
	Touches int64   `json:"touches"`
	Overdue int64   `json:"overdue"`
}

// maxEvents bounds the events of a dossier.
const maxEvents = 1000

// NewDossier puts a customer's last days together: those before the customer left, or before a moment.
func NewDossier(h canon.History, to time.Time, days int) Dossier {
	s := newStory(&h, to)
	d := Dossier{Customer: s.id, Name: s.name, Type: s.kind, To: to.UTC(), Lost: []canon.Money{}, Events: []canon.Event{}, Scores: []ScorePoint{}}
	left := s.departure(to)
	if !left.at.IsZero() {
		d.LeftAt, d.Reason, d.To = left.at.UTC(), left.reason, left.at.Add(time.Microsecond).UTC()
		d.Lost = append(d.Lost, left.mrr...)
		if left.reason != "" {
			c := categorise(left.reason)
			d.Kind = c.name
		}
	}
	d.From = d.To.Add(-time.Duration(days) * day)
	moment := d.To
	if !d.LeftAt.IsZero() {
		moment = d.LeftAt
	}
	d.Stage, d.Band = s.stageAt(moment), s.bandAt(moment)
	d.score(&h)
	d.slice(s)
	d.sum(s)
	return d
}

// score collects the path of the health, from kept assessments and from what was told of changes.
func (d *Dossier) score(h *canon.History) {
	in := func(t time.Time) bool { return !t.Before(d.From) && t.Before(d.To) }
	for _, a := range h.Assessments {
		if in(a.At) {
			d.Scores = append(d.Scores, ScorePoint{a.At, a.Health.Value, a.Health.Band})
		}
	}
	if len(d.Scores) > 0 {
		return
	}
	for i := range h.Events {
		if e := &h.Events[i]; e.Type == "score.changed" && in(e.OccurredAt) {
			d.Scores = append(d.Scores, ScorePoint{e.OccurredAt, e.Value, text(e, "to_band")})
		}
	}
}

// slice takes the events and sums use up by month.
func (d *Dossier) slice(s *story) {
	steps := periods(d.From, d.To, "month")
	d.Months = make([]Month, len(steps))
	used := map[int64]bool{}
	for i, p := range steps {
		d.Months[i].Month = p.name
	}
	for i := range s.events {
		e := &s.events[i]
		m := within(steps, e.OccurredAt)
		if m < 0 {
			continue
		}
		month := &d.Months[m]
		switch {
		case e.Type == "usage.recorded":
			if e.Value != nil {
				month.Usage += *e.Value
			}
			if n := e.OccurredAt.Unix() / 86400; !used[n] {
				used[n] = true
				month.Days++
			}
			d.Cut++
			continue
		case e.Type == "ticket.opened":
			month.Tickets++
		case e.Type == "invoice.overdue":
			month.Overdue++
		case strings.HasPrefix(e.Type, "touch."):
			month.Touches++
		}
		d.Events = append(d.Events, *e)
	}
	if over := len(d.Events) - maxEvents; over > 0 {
		d.Events, d.Cut = slices.Clone(d.Events[over:]), d.Cut+over
	}
}

func (d *Dossier) sum(s *story) {
	opened, unsolved, bad := int64(0), int64(0), int64(0)
	for _, t := range s.tickets {
		if !t.opened.Before(d.From) && t.opened.Before(d.To) {
			opened++
			unsolved += one(t.solved.IsZero() || !t.solved.Before(d.To))
		}
	}
	rated := int64(0)
	for i := range s.events {
		if e := &s.events[i]; e.Type == "ticket.rated" && e.Value != nil && !e.OccurredAt.Before(d.From) && e.OccurredAt.Before(d.To) {
			rated++
			bad += one(*e.Value < 1)
		}
	}
	d.Figures = []Number{count("ticket.opened.v1", opened, opened), count("ticket.backlog.v1", unsolved, opened), part("csat.ticket.v1", rated-bad, rated)}
	if first := s.contract.first; !first.IsZero() && first.Before(d.To) {
		d.Figures = append(d.Figures, of("churn.tenure.v1", math.Floor(since(first, d.To)), 1, 1))
	}
	for _, m := range d.Lost {
		d.Figures = append(d.Figures, sum("churn.mrr.v1", m.Currency, m.Minor, 1))
	}
	for i := range d.Figures {
		def := definition(d.Figures[i].Definition)
		d.Figures[i].Title, d.Figures[i].Unit = def.Title, def.Unit
	}
}

// Page is the dossier as a page.
func (d Dossier) Page(generated time.Time) chart.Page {
	p := chart.Page{Title: d.Name, Subtitle: "Churn dossier, " + d.Customer + ", " + period{from: d.From, to: d.To}.words(), Generated: generated}
	head := chart.Section{ID: "end", Title: "How it ended", Text: d.words()}
	var f chart.Figures
	for _, x := range d.Figures {
		f.Items = append(f.Items, chart.Figure{Label: x.Label(), Value: x.Format(), Note: x.Made() + " · " + x.Definition})
	}
	head.Parts = append(head.Parts, f)
	path := chart.Line{Title: "Health", X: chart.Axis{Time: true}, Y: chart.Axis{Unit: chart.Number(0), Min: chart.Value(0), Max: chart.Value(100)}}
	var points []chart.Point
	for _, x := range d.Scores {
		if x.Value != nil {
			points = append(points, chart.Point{X: chart.At(x.At), Y: *x.Value, Label: x.Band})
		}
	}
	if len(points) > 0 {
		path.Series = []chart.Series{{Name: "health", Points: points}}
		head.Parts = append(head.Parts, path)
	} else {
		head.Parts = append(head.Parts, chart.Note{Text: "No health was worked out in this time: assessments began later."})
	}
	months := chart.Table{Title: "Month by month", Columns: []chart.Column{{Title: "month"}, {Title: "use", Numeric: true}, {Title: "days with use", Numeric: true}, {Title: "tickets", Numeric: true}, {Title: "touches", Numeric: true}, {Title: "invoices overdue", Numeric: true}}}
	n := chart.Number(0)
	for _, m := range d.Months {
		months.Rows = append(months.Rows, []string{m.Month, n.Format(m.Usage), n.Format(float64(m.Days)), n.Format(float64(m.Tickets)), n.Format(float64(m.Touches)), n.Format(float64(m.Overdue))})
	}
	head.Parts = append(head.Parts, months)
	// The space between day and time does not break.
	events := chart.Table{Columns: []chart.Column{{Title: "when"}, {Title: "what"}, {Title: "summary"}}}
	for _, e := range slices.Backward(d.Events) {
		events.Rows = append(events.Rows, []string{e.OccurredAt.UTC().Format("2006-01-02\u00a015:04"), e.Type, e.Summary})
	}
	p.Sections = []chart.Section{head, {ID: "timeline", Title: "What happened", Text: "The newest first, without use of the product.", Parts: []chart.Part{events}}}
	return p
}

func (d Dossier) words() string {
	if d.LeftAt.IsZero() {
		return "This customer has not left. Now in stage " + orNone(d.Stage) + ", health " + d.Band + "."
	}
	text := "Left on " + d.LeftAt.Format("2 January 2006") + " from stage " + orNone(d.Stage) + ", health " + d.Band + ". "
	if d.Reason == "" {
		return text + "No reason is told."
	}
	return text + "Reason told: " + d.Reason + " (taken for: " + d.Kind + ")."
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// Value is what an event is worth to a customer.
type Value struct {
	// Type is the event's type, Feature narrows use to one feature, "" for all.
	Type, Feature string
	// Amount is what one of the event's Value is worth, or the event itself where it has none.
	Amount canon.Money
}

// ROI is what a customer got for what was paid.
type ROI struct {
	Customer string    `json:"customer"`
	Name     string    `json:"name"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Lines    []ROILine `json:"lines"`
	// Invoices are the ids of the events behind the cost.
	Invoices []string `json:"invoice_events"`
	Figures  []Number `json:"figures"`
}

// ROILine is what one kind of event came to.
type ROILine struct {
	Type     string      `json:"type"`
	Feature  string      `json:"feature,omitempty"`
	Quantity float64     `json:"quantity"`
	Each     canon.Money `json:"each"`
	Worth    canon.Money `json:"worth"`
	// Events counts them; Evidence are the ids of the newest hundred.
	Events   int64    `json:"events"`
	Evidence []string `json:"evidence"`
}

// NewROI sets what events are worth against what was paid in the period, per currency.
func NewROI(h canon.History, from, to time.Time, values []Value) ROI {
	s := newStory(&h, to)
	r := ROI{Customer: s.id, Name: s.name, From: from.UTC(), To: to.UTC(), Lines: []ROILine{}, Invoices: []string{}}
	gain, cost := purses{}, purses{}
	paid := map[string]int64{}
	for _, v := range values {
		line := ROILine{Type: v.Type, Feature: v.Feature, Each: v.Amount, Evidence: []string{}}
		for i := range s.events {
			e := &s.events[i]
			if e.Type != v.Type || e.OccurredAt.Before(from) || v.Feature != "" && text(e, "feature") != v.Feature {
				continue
			}
			line.Events++
			n := 1.0
			if e.Value != nil {
				n = *e.Value
			}
			line.Quantity += n
			line.Evidence = append(line.Evidence, e.ID)
		}
		line.Evidence = line.Evidence[max(0, len(line.Evidence)-100):]
		worth := math.Round(line.Quantity * float64(v.Amount.Minor))
		line.Worth = canon.Money{Minor: int64(math.Max(-1e15, math.Min(1e15, worth))), Currency: v.Amount.Currency}
		gain.add(&line.Worth)
		r.Lines = append(r.Lines, line)
	}
	s.paid(cost, from, to)
	for i := range s.events {
		e := &s.events[i]
		if (e.Type == "invoice.paid" || e.Type == "credit.issued") && !e.OccurredAt.Before(from) {
			r.Invoices = append(r.Invoices, e.ID)
			if e.Amount != nil {
				paid[e.Amount.Currency]++
			}
		}
	}
	for _, c := range currencies(gain) {
		r.Figures = append(r.Figures, sum("roi.value.v1", c, gain[c], int64(len(values))))
	}
	for _, c := range currencies(cost) {
		r.Figures = append(r.Figures, sum("roi.cost.v1", c, cost[c], paid[c]))
		if _, ok := gain[c]; ok {
			r.Figures = append(r.Figures, share("roi.v1", float64(gain[c]-cost[c]), float64(cost[c]), paid[c]).in(c))
		}
	}
	for i := range r.Figures {
		def := definition(r.Figures[i].Definition)
		r.Figures[i].Title, r.Figures[i].Unit = def.Title, def.Unit
	}
	return r
}

// Page is the summary as a page that may be given to the customer.
func (r ROI) Page(generated time.Time) chart.Page {
	p := chart.Page{Title: "Return on investment: " + r.Name, Subtitle: period{from: r.From, to: r.To}.words(), Generated: generated}
	var f chart.Figures
	for _, x := range r.Figures {
		f.Items = append(f.Items, chart.Figure{Label: x.Label(), Value: x.Format(), Note: x.Made() + " · " + x.Definition})
	}
	t := chart.Table{Title: "What it is made of", Columns: []chart.Column{{Title: "event"}, {Title: "events", Numeric: true}, {Title: "quantity", Numeric: true}, {Title: "each", Numeric: true}, {Title: "worth", Numeric: true}}}
	for _, l := range r.Lines {
		what := l.Type
		if l.Feature != "" {
			what += ", " + l.Feature
		}
		t.Rows = append(t.Rows, []string{what, chart.Number(0).Format(float64(l.Events)), chart.Number(1).Format(l.Quantity), l.Each.String(), l.Worth.String()})
	}
	p.Sections = []chart.Section{{ID: "roi", Title: "Value and cost", Text: "Value is what events were said to be worth; cost is what was paid, less credit notes.", Parts: []chart.Part{f, t}}}
	return p
}
