package timeline

import (
	"math"
	"strconv"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// facts returns what a living state says of its entity. before, where known, only sharpens dates and data;
// the keys do not depend on it, except that it may leave out what before makes implausible.
func facts(before *State, s State) []fact {
	switch b := s.Entity.Body.(type) {
	case *canon.Company:
		return created(s, nil)
	case *canon.Contact:
		return contactFacts(bodyOf[canon.Contact](before), s, b)
	case *canon.Deal:
		return dealFacts(s, b)
	case *canon.Quote:
		return quoteFacts(b)
	case *canon.Invoice:
		return invoiceFacts(bodyOf[canon.Invoice](before), s, b)
	case *canon.Subscription:
		return subscriptionFacts(bodyOf[canon.Subscription](before), s, b)
	case *canon.Ticket:
		return ticketFacts(bodyOf[canon.Ticket](before), s, b)
	case *canon.Usage:
		return usageFacts(s.Entity, b)
	case *canon.Survey:
		return surveyFacts(s.Entity, b)
	case *canon.Activity:
		return activityFacts(s.Entity, b)
	}
	return nil
}

// changes returns what differs between two living states and has no date of its own.
func changes(before, after State) []fact {
	switch b := after.Entity.Body.(type) {
	case *canon.Company:
		return pair(before, b, companyChanges)
	case *canon.Contact:
		return append(pair(before, b, contactChanges), employerChange(before.Entity, after.Entity)...)
	case *canon.Deal:
		return pair(before, b, dealChanges)
	case *canon.Quote:
		return pair(before, b, quoteChanges)
	case *canon.Invoice:
		return pair(before, b, invoiceChanges)
	case *canon.Subscription:
		return pair(before, b, func(old, b *canon.Subscription) []fact { return subscriptionChanges(old, b, after.At) })
	case *canon.Ticket:
		return pair(before, b, func(old, b *canon.Ticket) []fact { return ticketChanges(old, b, after.At) })
	case *canon.Usage:
		return pair(before, b, func(old, b *canon.Usage) []fact { return usageChanges(old, b, after) })
	case *canon.Survey:
		return pair(before, b, func(old, b *canon.Survey) []fact { return surveyChanges(old, b, after) })
	}
	return nil
}

// refuted reports whether the newer living state contradicts what the older one had planned, or tells it in
// better words itself.
func refuted(f fact, after State) bool {
	switch b := after.Entity.Body.(type) {
	case *canon.Invoice:
		return invoiceRefutes(b, f)
	case *canon.Quote:
		return by(b.AcceptedAt, f.at)
	case *canon.Subscription:
		return subscriptionRefutes(b, f)
	}
	return true
}

func bodyOf[B any](s *State) *B {
	if s == nil {
		return nil
	}
	b, _ := s.Entity.Body.(*B)
	return b
}

func pair[B any](before State, b *B, differ func(old, b *B) []fact) []fact {
	old := bodyOf[B](&before)
	if old == nil {
		return nil
	}
	return differ(old, b)
}

// by reports whether the moment is known and not later than the limit.
func by(moment, limit time.Time) bool { return !moment.IsZero() && !moment.After(limit) }

// first returns the first moment that is known.
func first(moments ...time.Time) time.Time {
	for _, m := range moments {
		if !m.IsZero() {
			return m
		}
	}
	return time.Time{}
}

// copied returns a copy of the money, nil for nil.
func copied(m *canon.Money) *canon.Money {
	if m == nil {
		return nil
	}
	c := *m
	return &c
}

// stamp tells facts of one type apart by their date.
func stamp(t time.Time) string { return "@" + strconv.FormatInt(micro(t).UnixMicro(), 10) }

// number returns nil for what no JSON number can say.
func number(n float64) *float64 {
	if !finite(n) {
		return nil
	}
	return &n
}

func finite(n float64) bool { return !math.IsNaN(n) && !math.IsInf(n, 0) }

// put sets a text where there is one.
func put(data map[string]any, key, text string) {
	if text != "" {
		data[key] = text
	}
}
