package report

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/chart"
	"github.com/lifecyclehub/hub/lifecycle/evidence"
)

func careKinds() []Kind {
	return []Kind{
		{Name: "support", Title: "Support", Question: "How much help do customers need, and how fast do they get it?", Needs: "It needs tickets: connect a support system.", open: newSupport},
		{Name: "satisfaction", Title: "Satisfaction", Question: "What do customers say, and how many of them say anything?", Needs: "It needs ratings or survey answers: connect a support or a survey system.", open: newVoice},
		{Name: "coverage", Title: "Data coverage and freshness", Question: "Of how many customers is what known, and how old is it?", Needs: "", open: newCoverage},
		{Name: "plays", Title: "Plays", Question: "Which plays fired, and which were held back and why?", Needs: "No play came to its moment in the period; see `hub plays`.", open: newPlays},
	}
}

func careDefinitions() []Definition {
	return []Definition{
		{"ticket.opened.v1", "tickets opened", counted, "tickets opened in the period", ""},
		{"ticket.backlog.v1", "open tickets", counted, "tickets open at the end of the period", ""},
		{"ticket.load.v1", "tickets per customer and month", ratioOf, "tickets opened in the period ÷ customers in stages of customers at its end ÷ months", ""},
		{"ticket.per100seats.v1", "tickets per 100 seats", ratioOf, "100 × tickets opened in the period ÷ seats, of customers whose seats are told", ""},
		{"ticket.frt.median.v1", "first reply, median", inHours, "median time from opening to the first reply, of tickets opened in the period that got one", "Waiting for the customer is not taken out. --hours counts business hours only."},
		{"ticket.frt.p90.v1", "first reply, P90", inHours, "90th percentile of the same", ""},
		{"ticket.ttr.median.v1", "time to resolution, median", inHours, "median time from opening to the first solution, of tickets opened in the period that were solved", "Waiting for the customer is not taken out. --hours counts business hours only."},
		{"ticket.ttr.p90.v1", "time to resolution, P90", inHours, "90th percentile of the same", ""},
		{"ticket.ttr.km_median.v1", "time to resolution with open ones, median", inHours, "time by which half are solved by the Kaplan–Meier estimate; open ones are censored", ""},
		{"ticket.reopen.v1", "reopen rate", percent, "tickets solved and opened again ÷ tickets solved, of those opened in the period", ""},
		{"ticket.escalation.v1", "escalation rate", percent, "tickets escalated ÷ tickets, of those opened in the period", ""},
		{"csat.ticket.v1", "CSAT of tickets", percent, "good ratings ÷ (good + bad ratings) of tickets rated in the period", "Unrated ones are left out."},
		{"csat.response.v1", "response rate", percent, "tickets solved in the period that were rated by its end ÷ tickets solved in it", "Whoever is asked but says nothing is not told apart from whoever was not asked."},
		{"csat.survey.v1", "CSAT of surveys", percent, "answers of 4 and 5 ÷ all answers of 1 to 5 in the period", "The 3 counts in the denominator."},
		{"nps.customer_latest.v1", "NPS, latest per customer", points, "100 × (customers whose latest answer is 9 or 10 − customers whose latest answer is 0 to 6) ÷ customers who answered", "Answers of the 365 days before the end of the period. Standard error: √((p + d − (p − d)²) ÷ n). The timeline does not say which person answered."},
		{"nps.answers.v1", "NPS, all answers", points, "100 × (answers of 9 and 10 − answers of 0 to 6) ÷ answers in the period", ""},
		{"nps.response.v1", "answered", percent, "customers in stages of customers with an NPS answer within 365 days ÷ customers in such stages", ""},
		{"ces.mean.v1", "CES, mean", points, "sum of the answers of 1 to 7 in the period ÷ their number", "Whether 7 is easy or hard depends on the wording of the survey."},
		{"ces.easy.v1", "CES of 5 or more", percent, "answers of 5 to 7 ÷ answers", ""},
		{"coverage.kind.v1", "customers with data", percent, "customers of whom anything of the kind is told ÷ customers", ""},
		{"coverage.age.v1", "age of the newest, median", inDays, "median of the days since the newest event of the kind, over customers that have one", ""},
		{"coverage.field.v1", "filled", percent, "customers whose golden record has the field ÷ customers", ""},
		{"coverage.score.v1", "health known", percent, "customers in stages of customers whose health is known ÷ customers in such stages", ""},
		{"freshness.age.v1", "hours since the last round", inHours, "hours from the last round of the stream that ended well to the end of the period", ""},
		{"freshness.held.v1", "records", counted, "records held of the stream", ""},
		{"freshness.letters.v1", "dead letters", counted, "records of the stream that could not be used", ""},
		{"play.fired.v1", "fired", counted, "moments that no guard held back", ""},
		{"play.told.v1", "told", counted, "moments that were told to the outside: of a live play, not held back, not of the holdout", ""},
		{"play.suppressed.v1", "held back", counted, "moments that a guard held back", ""},
		{"play.holdout.v1", "holdout", counted, "moments of customers who get no plays, to compare with", ""},
	}
}

// support sums tickets up.
type support struct {
	ask                                *Ask
	opened, backlog, escalated, solved int64
	reopened, customers, seated, seats int64
	reply, solve                       spread
	replied                            int64
}

func newSupport(a *Ask) accumulator { return &support{ask: a} }

func (u *support) add(s *story) {
	i := u.ask.order(s.stageAt(u.ask.To))
	u.customers += one(i < len(u.ask.Stages) && u.ask.Stages[i].Customer)
	seats, err := strconv.ParseInt(s.fields["seats"], 10, 64)
	seated := err == nil && seats > 0 && seats < 1e9
	if seated {
		u.seats += seats
	}
	for _, t := range s.tickets {
		if t.deleted || t.opened.IsZero() {
			continue
		}
		u.backlog += one(t.solved.IsZero())
		if !u.ask.in(t.opened) {
			continue
		}
		u.opened++
		u.seated += one(seated)
		u.escalated += one(t.escalated)
		u.solved += one(t.solves > 0)
		u.reopened += one(t.solves > 0 && t.reopens > 0)
		switch {
		case !t.replied.IsZero():
			u.replied++
			u.reply.lasted(u.ask.Hours.between(t.opened, t.replied), true)
		case t.solvedFirst.IsZero():
			u.reply.lasted(u.ask.Hours.between(t.opened, u.ask.To), false)
		}
		if t.solvedFirst.IsZero() {
			u.solve.lasted(u.ask.Hours.between(t.opened, u.ask.To), false)
		} else {
			u.solve.lasted(u.ask.Hours.between(t.opened, t.solvedFirst), true)
		}
	}
}

func (u *support) result(r *Result) {
	if u.opened == 0 && u.backlog == 0 {
		return
	}
	months := since(u.ask.From, u.ask.To) / 30.4375
	r.Figures = append(r.Figures, count("ticket.opened.v1", u.opened, u.opened), count("ticket.backlog.v1", u.backlog, u.backlog),
		share("ticket.load.v1", float64(u.opened), math.Round(float64(u.customers)*months*100)/100, u.customers))
	if u.seats > 0 {
		r.Figures = append(r.Figures, share("ticket.per100seats.v1", 100*float64(u.seated), float64(u.seats), u.seated))
	}
	if u.replied > 0 {
		over, all := u.reply.counts()
		r.Figures = append(r.Figures, of("ticket.frt.median.v1", 24*u.reply.quantile(0.5), over, all), of("ticket.frt.p90.v1", 24*u.reply.quantile(0.9), over, all))
	} else {
		r.Notes = append(r.Notes, "No first reply is told of any ticket: the connected support system does not say when it answered.")
	}
	over, all := u.solve.counts()
	r.Figures = append(r.Figures, of("ticket.ttr.median.v1", 24*u.solve.quantile(0.5), over, all), of("ticket.ttr.p90.v1", 24*u.solve.quantile(0.9), over, all), of("ticket.ttr.km_median.v1", 24*u.solve.lasting(0.5), over, all),
		part("ticket.reopen.v1", u.reopened, u.solved), part("ticket.escalation.v1", u.escalated, u.opened))
	r.Parts = append(r.Parts, chart.Steps{Title: "Share of tickets not solved yet", X: chart.Axis{Label: "days since they were opened"}, Y: chart.Axis{Unit: chart.Percent(), Min: chart.Value(0), Max: chart.Value(1)},
		Series: []chart.Series{{Name: "unsolved", Points: curve(&u.solve)}}})
}

// voice sums answers up.
type voice struct {
	ask                           *Ask
	good, rated, solved, answered int64
	top, csat                     int64
	pro, con, n                   int64 // latest per customer
	allPro, allCon, all           int64
	ces, cesN, easy               int64
	members, said                 int64
	scores                        [11]int64
}

func newVoice(a *Ask) accumulator { return &voice{ask: a} }

// lastAnswer is a customer's latest answer to a survey.
func lastAnswer(s *story, typ string) (v float64, at time.Time) {
	for i := range s.events {
		if e := &s.events[i]; e.Type == typ && e.Value != nil {
			v, at = *e.Value, e.OccurredAt
		}
	}
	return v, at
}

func (v *voice) add(s *story) {
	rated := map[string]bool{}
	for i := range s.events {
		e := &s.events[i]
		if e.Type == "ticket.rated" {
			rated[key(e)] = true
		}
	}
	for i := range s.events {
		e := &s.events[i]
		if !v.ask.in(e.OccurredAt) {
			continue
		}
		if e.Type == "ticket.solved" {
			v.solved++
			v.answered += one(rated[key(e)])
			rated[key(e)] = false
		}
		if e.Value == nil {
			continue
		}
		switch x := *e.Value; e.Type {
		case "ticket.rated":
			v.rated++
			v.good += one(x >= 1)
		case "survey.csat":
			v.csat++
			v.top += one(x >= 4)
		case "survey.ces":
			v.cesN++
			v.ces += int64(math.Round(x * 1000))
			v.easy += one(x >= 5)
		case "survey.nps":
			v.all++
			v.allPro += one(x >= 9)
			v.allCon += one(x < 7)
			if x >= 0 && x <= 10 {
				v.scores[int(x)]++
			}
		}
	}
	i := v.ask.order(s.stageAt(v.ask.To))
	member := i < len(v.ask.Stages) && v.ask.Stages[i].Customer
	v.members += one(member)
	if x, at := lastAnswer(s, "survey.nps"); !at.IsZero() && v.ask.To.Sub(at) <= 365*day {
		v.n++
		v.pro += one(x >= 9)
		v.con += one(x < 7)
		v.said += one(member)
	}
}

// nps is the score with its interval.
func nps(def string, pro, con, n int64) Number {
	x := share(def, float64(pro-con), float64(n), n)
	if n > 0 {
		x.Value = value(100 * x.float())
		p, d := float64(pro)/float64(n), float64(con)/float64(n)
		se := 100 * math.Sqrt((p+d-(p-d)*(p-d))/float64(n))
		x.Low, x.High = value(math.Max(-100, x.float()-evidence.Z95*se)), value(math.Min(100, x.float()+evidence.Z95*se))
		x = x.flagged("SE " + strconv.FormatFloat(se, 'f', 1, 64))
	}
	return x
}

func (v *voice) result(r *Result) {
	if v.rated > 0 {
		r.Figures = append(r.Figures, part("csat.ticket.v1", v.good, v.rated), part("csat.response.v1", v.answered, v.solved))
	}
	if v.csat > 0 {
		r.Figures = append(r.Figures, part("csat.survey.v1", v.top, v.csat))
	}
	if v.n > 0 || v.all > 0 {
		r.Figures = append(r.Figures, nps("nps.customer_latest.v1", v.pro, v.con, v.n), nps("nps.answers.v1", v.allPro, v.allCon, v.all), part("nps.response.v1", v.said, v.members))
		bars := chart.Bars{Title: "NPS answers in the period", Unit: chart.Number(0)}
		for x, n := range slices.Backward(v.scores[:]) {
			tone := chart.Poor
			if x >= 9 {
				tone = chart.Good
			} else if x >= 7 {
				tone = chart.Fair
			}
			bars.Items = append(bars.Items, chart.Bar{Label: strconv.Itoa(x), Value: float64(n), Tone: tone})
		}
		r.Parts = append(r.Parts, bars)
	} else {
		r.Notes = append(r.Notes, "No answer to an NPS survey is told: connect a survey system.")
	}
	if v.cesN > 0 {
		r.Figures = append(r.Figures, share("ces.mean.v1", float64(v.ces)/1000, float64(v.cesN), v.cesN), part("ces.easy.v1", v.easy, v.cesN))
	}
}

// coverage tells what is known of how many.
type coverage struct {
	ask            *Ask
	n              int64
	kinds          map[canon.Kind]int64
	ages           map[canon.Kind]*spread
	fields         capped[int64]
	members, known int64
}

func newCoverage(a *Ask) accumulator {
	return &coverage{ask: a, kinds: map[canon.Kind]int64{}, ages: map[canon.Kind]*spread{}, fields: newCapped(func(into, from *int64) { *into += *from })}
}

func (c *coverage) add(s *story) {
	if s.gone {
		return
	}
	c.n++
	newest := map[canon.Kind]time.Time{}
	for i := range s.events {
		if e := &s.events[i]; e.Kind != "" {
			newest[e.Kind] = e.OccurredAt
		}
	}
	for k, t := range newest {
		c.kinds[k]++
		at(c.ages, k).lasted(c.ask.To.Sub(t), true)
	}
	for f, v := range s.fields {
		if v != "" {
			*c.fields.at(clean(f))++
		}
	}
	i := c.ask.order(s.stageAt(c.ask.To))
	if i < len(c.ask.Stages) && c.ask.Stages[i].Customer {
		c.members++
		c.known += one(s.band() != "unknown")
	}
}

func (c *coverage) result(r *Result) {
	r.Figures = append(r.Figures, part("coverage.score.v1", c.known, c.members))
	table := Table{Key: "kinds", Title: "By kind of data", Labels: []string{"kind"}}
	bars := chart.Bars{Title: "Customers of whom anything of the kind is told", Unit: chart.Percent()}
	for _, k := range canon.Kinds() {
		x := part("coverage.kind.v1", c.kinds[k], c.n)
		age := of("coverage.age.v1", math.NaN(), 0, 0)
		if a := c.ages[k]; a != nil {
			age = of("coverage.age.v1", a.quantile(0.5), c.kinds[k], c.kinds[k])
		}
		table.Rows = append(table.Rows, row([]string{string(k)}, x, age))
		bars.Items = append(bars.Items, chart.Bar{Label: string(k), Value: x.float()})
	}
	fields := Table{Key: "fields", Title: "Fields of golden records", Labels: []string{"field"}}
	for _, k := range c.fields.sorted(func(n *int64) float64 { return float64(*n) }) {
		fields.Rows = append(fields.Rows, row([]string{k}, part("coverage.field.v1", *c.fields.rows[k], c.n)))
	}
	r.Tables = append(r.Tables, table, fields)
	r.Parts = append(r.Parts, bars)
	if len(c.ask.Streams) == 0 {
		return
	}
	streams := Table{Key: "streams", Title: "Streams", Labels: []string{"stream", "status"}}
	for _, s := range c.ask.Streams {
		age := of("freshness.age.v1", math.NaN(), 0, 1)
		age.Flags = nil
		if !s.SucceededAt.IsZero() {
			age = of("freshness.age.v1", math.Max(0, c.ask.To.Sub(s.SucceededAt).Hours()), 1, 1)
		}
		streams.Rows = append(streams.Rows, row([]string{s.Connection + "/" + s.Stream, s.Status}, age, count("freshness.held.v1", s.Held, s.Held), count("freshness.letters.v1", s.DeadLetters, s.Held)))
	}
	slices.SortFunc(streams.Rows, func(a, b Row) int { return strings.Compare(a.Labels[0], b.Labels[0]) })
	r.Tables = append(r.Tables, streams)
}

// plays is the log of what plays did. It is of all customers, whatever tables are split by.
type plays struct {
	ask *Ask
	in  map[string]bool
}

func newPlays(a *Ask) accumulator { return &plays{a, map[string]bool{}} }

// add keeps only customers that did something worth a play.
func (p *plays) add(s *story) {
	if len(p.ask.Firings) > 0 {
		p.in[s.id] = true
	}
}

// tally is what became of one play.
type tally struct {
	fired, told, holdout, held int64
	guards                     map[string]int64
}

func (p *plays) result(r *Result) {
	rows, all := map[string]*tally{}, &tally{}
	for _, f := range p.ask.Firings {
		if !p.ask.in(f.At) || !p.in[f.Customer] {
			continue
		}
		for _, t := range []*tally{at(rows, f.Play), all} {
			t.fired += one(f.Suppressed == "")
			t.told += one(f.Told())
			t.holdout += one(f.Holdout)
			t.held += one(f.Suppressed != "")
			if f.Suppressed != "" {
				if t.guards == nil {
					t.guards = map[string]int64{}
				}
				t.guards[f.Suppressed]++
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	numbers := func(t *tally) []Number {
		n := t.fired + t.held
		return []Number{count("play.fired.v1", t.fired, n), count("play.told.v1", t.told, n), count("play.suppressed.v1", t.held, n), count("play.holdout.v1", t.holdout, n)}
	}
	r.Figures = append(r.Figures, numbers(all)...)
	table := Table{Key: "plays", Title: "Plays", Labels: []string{"play"}}
	guards := Table{Key: "guards", Title: "What held them back", Labels: []string{"play", "guard"}}
	for _, k := range currencies(rows) {
		table.Rows = append(table.Rows, row([]string{k}, numbers(rows[k])...))
		for _, g := range currencies(rows[k].guards) {
			guards.Rows = append(guards.Rows, row([]string{k, g}, count("play.suppressed.v1", rows[k].guards[g], rows[k].fired+rows[k].held)))
		}
	}
	r.Tables = append(r.Tables, table)
	if len(guards.Rows) > 0 {
		r.Tables = append(r.Tables, guards)
	}
}
