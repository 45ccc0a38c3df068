package lifecycle

import (
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// vocabulary is what expressions are type-checked against: one field per function. It is never called;
// the functions table below says what each one means.
type vocabulary struct {
	Count         func(string, ...int) float64   `expr:"count"`
	Sum           func(string, ...int) float64   `expr:"sum"`
	Exists        func(string, ...int) bool      `expr:"exists"`
	LastValue     func(string, ...int) float64   `expr:"last_value"`
	AvgValue      func(string, ...int) float64   `expr:"avg_value"`
	ActiveDays    func(string, int) float64      `expr:"active_days"`
	Trend         func(string, int, int) float64 `expr:"trend"`
	DaysSince     func(string) float64           `expr:"days_since"`
	CountInStage  func(string) float64           `expr:"count_in_stage"`
	CountInCycle  func(string) float64           `expr:"count_in_cycle"`
	Running       func() float64                 `expr:"active_subscriptions"`
	Ending        func() float64                 `expr:"subscriptions_ending"`
	PastDue       func() float64                 `expr:"past_due_subscriptions"`
	Trials        func() float64                 `expr:"trials"`
	Had           func() bool                    `expr:"had_subscription"`
	MRR           func() float64                 `expr:"mrr"`
	OpenTickets   func() float64                 `expr:"open_tickets"`
	UrgentTickets func() float64                 `expr:"open_urgent_tickets"`
	Overdue       func() float64                 `expr:"overdue_invoices"`
	OverdueDays   func() float64                 `expr:"overdue_days"`
	OpenDeals     func() float64                 `expr:"open_deals"`
	Won           func() float64                 `expr:"deals_won"`
	Lost          func() float64                 `expr:"deals_lost"`
	Tenure        func() float64                 `expr:"tenure_days"`
	InStage       func() float64                 `expr:"days_in_stage"`
	Cycle         func() float64                 `expr:"cycle"`
	Stage         func() string                  `expr:"stage"`
	IsPerson      func() bool                    `expr:"is_person"`
	IsCompany     func() bool                    `expr:"is_company"`
	Known         func(float64) bool             `expr:"known"`
	Ratio         func(float64, float64) float64 `expr:"ratio"`
	Field         func(string) string            `expr:"field"`
	Number        func(string) float64           `expr:"number"`
	Param         func(string) float64           `expr:"param"`
	Metric        func(string) float64           `expr:"metric"`
	LastSummary   func(string) string            `expr:"last_summary"`
	LastDate      func(string) string            `expr:"last_date"`
}

// anchor is what a function's answer ages from.
type anchor int

const (
	ageless anchor = iota
	fromEvents
	fromStage
	fromTenure
)

// function is what a policy may call, other than known and ratio, which work on numbers alone.
type function struct {
	doc string
	// reads is the pattern that stands behind a function without a pattern argument.
	reads string
	// cites is the pattern of the events that are evidence, where they are fewer than those read; proves
	// says whether one of them still counts.
	cites  string
	proves func(*state, entry) bool
	// since is the moment from which a pattern's events count.
	since func(*frame) int64
	// age marks a number of days that grows with time alone.
	age anchor
	// resting says that the age does not grow at the moment.
	resting func(*frame) bool
	// amount is set where the number is money in minor units; it then knows the currency.
	amount func(*frame, call) *canon.Money
	// One of these is set. They return false in the second place for unknown.
	number func(*frame, call) (float64, bool)
	truth  func(*frame, call) (bool, bool)
	text   func(*frame, call) string
}

// minor turns an amount into the number of its minor units.
func minor(amount func(*frame, call) *canon.Money) func(*frame, call) (float64, bool) {
	return func(f *frame, c call) (float64, bool) {
		m := amount(f, c)
		if m == nil {
			return 0, false
		}
		return float64(m.Minor), true
	}
}

// call is a function's arguments: the number of its pattern and its days.
type call struct {
	// pattern is −1 for functions without one; cited is the pattern of the evidence.
	pattern, cited int
	days           []int
}

// Function documents one function of policy expressions.
type Function struct {
	Name, Doc string
}

// Functions lists what policy expressions may call, by name.
func Functions() []Function {
	out := []Function{
		{"known", "whether the number is known"},
		{"ratio", "the first number over the second; unknown where either is, or the second is zero"},
		{"field", "a field of the golden record, by name, as a text; unknown where the customer has none"},
		{"number", "a field of the golden record, by name, as a number; unknown where it is none"},
		{"param", "a parameter of the policy, by name"},
		{"metric", "a metric of the policy, by key"},
	}
	for name, f := range functions() {
		out = append(out, Function{name, f.doc})
	}
	slices.SortFunc(out, func(a, b Function) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

func functions() map[string]function {
	all := stateFunctions()
	for name, f := range eventFunctions() {
		all[name] = f
	}
	for name, f := range all {
		if f.amount != nil {
			f.number = minor(f.amount)
			all[name] = f
		}
	}
	return all
}

// eventFunctions ask the series of a pattern.
func eventFunctions() map[string]function {
	return map[string]function{
		"count":  {doc: "events of a pattern, ever or in the last days", number: func(f *frame, c call) (float64, bool) { return f.count(c), true }},
		"exists": {doc: "whether there is an event of a pattern, ever or in the last days", truth: func(f *frame, c call) (bool, bool) { from, to := f.window(c); return to > from, true }},
		"sum": {doc: "sum of the amounts of a pattern's events in minor units (of several currencies the largest sum)", amount: func(f *frame, c call) *canon.Money {
			from, to := f.window(c)
			m := f.ledger.amount(c.pattern, from, to)
			return &m
		}},
		"last_value": {doc: "value of a pattern's newest event, ever or in the last days; unknown where there is none", number: func(f *frame, c call) (float64, bool) {
			from, to := f.window(c)
			if to == from {
				return 0, false
			}
			e := f.newest(c.pattern)
			if e == nil || e.Value == nil {
				return 0, false
			}
			return *e.Value, true
		}},
		"avg_value": {doc: "mean value of a pattern's events, ever or in the last days; unknown where there is none", number: func(f *frame, c call) (float64, bool) {
			from, to := f.window(c)
			if to == from {
				return 0, false
			}
			return f.ledger.value(c.pattern, from, to) / float64(f.ledger.count(c.pattern, from, to)), true
		}},
		"active_days":    {doc: "UTC calendar days of the last days that have an event of a pattern", number: (*frame).activeDays},
		"trend":          {doc: "mean value per day in the last days over the mean of the days before them; unknown until the series is that old", number: (*frame).trend},
		"days_since":     {doc: "whole days since a pattern's newest event; unknown where there is none", age: fromEvents, number: (*frame).daysSince},
		"count_in_stage": counted("events of a pattern after the customer entered the stage", func(f *frame) int64 { return f.since + 1 }),
		"count_in_cycle": counted("events of a pattern since the customer's present cycle began", func(f *frame) int64 { return f.cycleSince }),
		"last_summary": {doc: "what a pattern's newest event says (in reasons only)", text: func(f *frame, c call) string {
			if e := f.newest(c.pattern); e != nil {
				return e.Summary
			}
			return "nothing"
		}},
		"last_date": {doc: "the date of a pattern's newest event (in reasons only)", text: func(f *frame, c call) string {
			if e := f.newest(c.pattern); e != nil {
				return e.OccurredAt.UTC().Format("2006-01-02")
			}
			return "never"
		}},
	}
}

// counted counts a pattern's events from a moment on.
func counted(doc string, since func(*frame) int64) function {
	return function{doc: doc, since: since, number: func(f *frame, c call) (float64, bool) {
		s := &f.ledger.series[c.pattern]
		to := s.upto(f.t)
		return float64(f.ledger.count(c.pattern, after(s.at[:to], since(f)-1), to)), true
	}}
}

// stateFunctions ask what the events so far add up to.
func stateFunctions() map[string]function {
	count := func(get func(*state) int) func(*frame, call) (float64, bool) {
		return func(f *frame, _ call) (float64, bool) { return float64(get(f.state)), true }
	}
	const contracts, tickets, deals = "subscription.*", "ticket.*", "deal.*"
	return map[string]function{
		"active_subscriptions":   {doc: "paid contracts that have not ended (paused ones included)", reads: contracts, number: count(func(s *state) int { return s.running })},
		"subscriptions_ending":   {doc: "running contracts whose end is scheduled", cites: "subscription.cancel_scheduled", proves: (*state).isEnding, reads: contracts, number: count(func(s *state) int { return s.ending })},
		"past_due_subscriptions": {doc: "running contracts whose payment failed", cites: "subscription.past_due", proves: (*state).isPastDue, reads: contracts, number: count(func(s *state) int { return s.pastDue })},
		"trials":                 {doc: "running trials", cites: "subscription.trial_started", proves: (*state).isTrial, reads: contracts, number: count(func(s *state) int { return s.trials })},
		"had_subscription":       {doc: "whether a paid contract ran at some time in this cycle", reads: contracts, truth: func(f *frame, _ call) (bool, bool) { return f.state.hadSubscription, true }},
		"mrr":                    {doc: "recurring revenue in minor units per month; unknown where no contract ever told one", reads: contracts, amount: func(f *frame, _ call) *canon.Money { return f.state.recurring() }},
		"open_tickets":           {doc: "tickets that are not solved", cites: "ticket.opened|ticket.reopened", proves: (*state).isOpenTicket, reads: tickets, number: count(func(s *state) int { return s.openTickets })},
		"open_urgent_tickets":    {doc: "tickets that are not solved and urgent or escalated", cites: "ticket.opened|ticket.reopened|ticket.escalated", proves: (*state).isUrgent, reads: tickets, number: count(func(s *state) int { return s.urgent })},
		"overdue_invoices":       {doc: "unpaid invoices past their due date", cites: "invoice.overdue", proves: (*state).isOverdue, reads: "invoice.*", number: count(func(s *state) int { return len(s.overdue) })},
		"overdue_days": {doc: "whole days since the oldest unpaid invoice fell due, 0 where none is late; unknown where there never was an invoice", cites: "invoice.overdue", proves: (*state).isOverdue, reads: "invoice.*", age: fromEvents, resting: func(f *frame) bool { return len(f.state.overdue) == 0 }, number: func(f *frame, c call) (float64, bool) {
			if len(f.state.overdue) > 0 {
				return f.age(f.state.overdue[0]), true
			}
			return 0, f.ledger.series[c.pattern].upto(f.t) > 0
		}},
		"open_deals":    {doc: "deals that are neither won nor lost", cites: "deal.created|deal.reopened|deal.stage_changed", proves: (*state).isOpenDeal, reads: deals, number: count(func(s *state) int { return s.openDeals })},
		"deals_won":     {doc: "deals that are won", cites: "deal.won", proves: (*state).isWon, reads: deals, number: count(func(s *state) int { return s.won })},
		"deals_lost":    {doc: "deals that are lost", cites: "deal.lost", proves: (*state).isLost, reads: deals, number: count(func(s *state) int { return s.lost })},
		"days_in_stage": {doc: "whole days in the present stage; unknown before the first", age: fromStage, number: func(f *frame, _ call) (float64, bool) { return f.age(f.since), f.stage != "" }},
		"tenure_days":   {doc: "whole days since the customer became one in this cycle; unknown in stages that are not a customer's", age: fromTenure, number: func(f *frame, _ call) (float64, bool) { return f.age(f.tenureSince), f.isCustomer }},
		"cycle":         {doc: "turns through the lifecycle, from 1", number: func(f *frame, _ call) (float64, bool) { return float64(f.cycle), true }},
		"stage":         {doc: "the present stage's key, \"\" before the first", text: func(f *frame, _ call) string { return f.stage }},
		"is_person":     {doc: "whether the customer is a person", truth: func(f *frame, _ call) (bool, bool) { return f.customerType == "person", true }},
		"is_company":    {doc: "whether the customer is a company", truth: func(f *frame, _ call) (bool, bool) { return f.customerType == "company", true }},
	}
}

// frame is the moment that expressions are evaluated at.
type frame struct {
	ledger *ledger
	state  *state
	// t is the moment up to which events count, clock the one that ages and windows are measured from:
	// the same in rules, the last microsecond of t's UTC day in scorecards.
	t, clock     int64
	customerType string
	// fields are those of the golden record, cohorts the quantiles of metrics among all customers.
	fields  map[string]string
	cohorts map[string][]float64

	stage                          string
	since, cycleSince, tenureSince int64
	isCustomer                     bool
	cycle                          int
}

// age returns the whole days from a moment to the clock.
func (f *frame) age(from int64) float64 { return float64((f.clock - from) / day) }

// window returns the positions [from, to) of a series' points in the call's days, or of all.
func (f *frame) window(c call) (from, to int) {
	s := &f.ledger.series[c.pattern]
	to = s.upto(f.t)
	if len(c.days) > 0 {
		from = after(s.at[:to], f.clock-int64(c.days[0])*day)
	}
	return from, to
}

// count returns how many events of a series lie in the call's days, or in all.
func (f *frame) count(c call) float64 {
	from, to := f.window(c)
	return float64(f.ledger.count(c.pattern, from, to))
}

func (f *frame) newest(pattern int) *canon.Event {
	if held := f.ledger.held(pattern, f.t); len(held) > 0 {
		return f.ledger.entries[held[len(held)-1]].ev
	}
	return nil
}

func (f *frame) daysSince(c call) (float64, bool) {
	s := &f.ledger.series[c.pattern]
	n := s.upto(f.t)
	if n == 0 {
		return 0, false
	}
	return f.age(s.at[n-1]), true
}

func (f *frame) activeDays(c call) (float64, bool) {
	from, to := f.window(c)
	days, last := 0, int64(-1<<63)
	for _, at := range f.ledger.series[c.pattern].at[from:to] {
		if d := floorDay(at); d != last {
			days, last = days+1, d
		}
	}
	return float64(days), true
}

// trend compares the recent window with the one before. It stays unknown until the series covers both,
// because a base that the customer was not there for would make any use look like growth.
func (f *frame) trend(c call) (float64, bool) {
	s := &f.ledger.series[c.pattern]
	to := s.upto(f.t)
	recent, before := int64(c.days[0])*day, int64(c.days[1])*day
	if to == 0 || s.first > f.clock-recent-before {
		return 0, false
	}
	mid := after(s.at[:to], f.clock-recent)
	from := after(s.at[:mid], f.clock-recent-before)
	base := f.ledger.value(c.pattern, from, mid) / float64(c.days[1])
	if base <= 0 {
		return 0, false
	}
	return f.ledger.value(c.pattern, mid, to) / float64(c.days[0]) / base, true
}
