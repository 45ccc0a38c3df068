package lifecycle

// The is… methods say whether an event still stands for what a state function counts: a paid invoice is no
// evidence for what is overdue.

func (s *state) isEnding(e entry) bool {
	b := s.subscriptions[e.ev.Ref]
	return b != nil && b.runs() && b.notice
}

func (s *state) isPastDue(e entry) bool {
	b := s.subscriptions[e.ev.Ref]
	return b != nil && b.runs() && b.status == "past_due"
}

func (s *state) isTrial(e entry) bool {
	b := s.subscriptions[e.ev.Ref]
	return b != nil && !b.deleted && b.status == "trial"
}

func (s *state) isOverdue(e entry) bool {
	v := s.invoices[e.ev.Ref]
	return v != nil && !v.deleted && v.overdueSince == e.at
}

func (s *state) isOpenTicket(e entry) bool {
	t := s.tickets[e.ev.Ref]
	return t != nil && !t.deleted && t.open
}

func (s *state) isUrgent(e entry) bool {
	t := s.tickets[e.ev.Ref]
	return s.isOpenTicket(e) && t.urgent
}

func (s *state) isOpenDeal(e entry) bool { return s.isDeal(e, "open") }
func (s *state) isWon(e entry) bool      { return s.isDeal(e, "won") }
func (s *state) isLost(e entry) bool     { return s.isDeal(e, "lost") }

func (s *state) isDeal(e entry, status string) bool {
	d := s.deals[e.ev.Ref]
	return d != nil && !d.deleted && d.status == status
}
