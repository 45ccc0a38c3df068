package timeline

import (
	"cmp"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// The classes of personal data that an event may hold beside ids.
const (
	// PIINone: nothing that tells of a person.
	PIINone = "none"
	// PIIName: the summary may hold the name of a person.
	PIIName = "name"
	// PIIText: the summary or data hold words that somebody wrote, in which anything may stand: a subject, a reason.
	PIIText = "text"
)

// Type is a kind of entry in timelines.
type Type struct {
	// Type is the event's type, Kind that of the entity that it tells of; "" for several.
	Type string     `json:"type"`
	Kind canon.Kind `json:"kind,omitempty"`
	// Sentence says when the event is told.
	Sentence string `json:"sentence"`
	// Amount and Value say what these hold, "" where the type has none.
	Amount string `json:"amount,omitempty"`
	Value  string `json:"value,omitempty"`
	// Data are the names that Event.Data may hold.
	Data []string `json:"data,omitempty"`
	// PII is the class of personal data.
	PII string `json:"pii"`
}

// Types lists every type of event that this package tells, sorted by type. The list is complete: other rooms tell
// stage.changed, score.changed and nothing else.
func Types() []Type {
	ts := slices.Concat(companyTypes(), personTypes(), saleTypes(), moneyTypes(), contractTypes(), careTypes(), signalTypes(), milestoneTypes(), commonTypes())
	slices.SortFunc(ts, func(a, b Type) int { return cmp.Compare(a.Type, b.Type) })
	return ts
}

// commonTypes are told of entities of every kind.
func commonTypes() []Type {
	ts := []Type{{
		Type: "owner.changed", Sentence: "Somebody else of the business looks after a company, contact or deal.", Data: []string{"from", "to"}, PII: PIIName,
	}}
	for _, k := range canon.Kinds() {
		pii := PIINone
		switch k {
		case canon.KindContact:
			pii = PIIName
		case canon.KindDeal, canon.KindTicket, canon.KindActivity:
			pii = PIIText
		}
		ts = append(
			ts,
			Type{Type: string(k) + ".deleted", Kind: k, Sentence: "The record is gone at its source.", Data: []string{"into", "reason"}, PII: pii},
			Type{Type: string(k) + ".restored", Kind: k, Sentence: "The record came back after it was gone.", PII: pii},
		)
	}
	return ts
}

func companyTypes() []Type {
	of := func(typ, sentence string, data ...string) Type {
		return Type{Type: "company." + typ, Kind: canon.KindCompany, Sentence: sentence, Data: data, PII: PIINone}
	}
	seats := of("seats_changed", "The number of seats changed.", "direction", "from", "to")
	seats.Value = "the difference"
	return []Type{
		of("created", "The company came into being at its source."),
		of("changed", "Fields of the company changed; data names them.", "fields"),
		of("renamed", "The company has another name.", "from", "to"),
		of("plan_changed", "The company is on another plan.", "from", "to"),
		of("parent_changed", "The company belongs to another company.", "from", "to"),
		of("archived", "The source archived the company. company.deleted is told beside it."),
		of("merged", "The source merged the company into another record. company.deleted is told beside it.", "into", "reason"),
		seats,
	}
}

func personTypes() []Type {
	of := func(typ, sentence string, data ...string) Type {
		return Type{Type: typ, Kind: canon.KindContact, Sentence: sentence, Data: data, PII: PIIName}
	}
	return []Type{
		of("contact.created", "The contact came into being at its source."),
		of("contact.changed", "Fields of the contact changed; data names them, without their values.", "fields"),
		of("person.archived", "The source archived the contact. contact.deleted is told beside it."),
		of("person.merged", "The source merged the contact into another record. contact.deleted is told beside it.", "into", "reason"),
		of("person.opted_out", "The person does not want to be mailed."),
		of("person.opted_in", "The person may be mailed again."),
		of("person.do_not_contact", "Nobody may reach out to the person."),
		of("person.contact_allowed", "The person may be contacted again."),
		of("person.email_changed", "Addresses were added or removed, or another one is the primary one. The addresses are not told.", "added", "primary", "removed"),
		of("person.title_changed", "The person has another job title. The title is not told."),
		of("person.employer_changed", "The person belongs to another company, or to none.", "from", "to"),
	}
}

func saleTypes() []Type {
	of := func(typ, sentence, amount string, data ...string) Type {
		return Type{Type: "deal." + typ, Kind: canon.KindDeal, Sentence: sentence, Amount: amount, Data: data, PII: PIIText}
	}
	quote := func(typ, sentence string, data ...string) Type {
		return Type{Type: "quote." + typ, Kind: canon.KindQuote, Sentence: sentence, Amount: "the quote's", Data: data, PII: PIINone}
	}
	closing := of("close_date_changed", "An open deal is expected to close on another day. Where it is later, the deal slipped.", "", "direction", "from", "to")
	closing.Value = "the days between the two"
	return []Type{
		of("created", "The deal came into being.", "the deal's", "pipeline", "stage"),
		of("stage_changed", "The deal moved to another stage or pipeline.", "", "from", "pipeline", "pipeline_from", "to"),
		of("amount_changed", "The deal is worth something else. From and to are in minor units.", "the new one", "from", "to"),
		closing,
		of("won", "The deal was won.", "the deal's"),
		of("lost", "The deal was lost.", "the deal's", "reason"),
		of("reopened", "A deal that was won or lost is open again.", "the deal's"),
		quote("sent", "The quote was sent."),
		quote("approved", "The quote was approved."),
		quote("accepted", "The customer accepted the quote."),
		quote("rejected", "The quote was turned down."),
		quote("expired", "The quote ran out, by its date or by its status."),
		quote("amount_changed", "A quote that had been sent has another amount. From and to are in minor units.", "from", "to"),
	}
}

func moneyTypes() []Type {
	of := func(typ, sentence, amount string, data ...string) Type {
		return Type{Type: typ, Kind: canon.KindInvoice, Sentence: sentence, Amount: amount, Data: data, PII: PIINone}
	}
	return []Type{
		of("invoice.issued", "The invoice was issued.", "the total"),
		of("invoice.partially_paid", "A part of the invoice was paid or credited.", "that part", "due"),
		of("invoice.paid", "The invoice was paid.", "the total"),
		of("invoice.overdue", "The due date passed without payment.", "what was owed"),
		of("invoice.uncollectible", "The invoice was written off.", "what was owed"),
		of("invoice.voided", "The invoice was voided.", "the total"),
		of("invoice.reopened", "A paid, voided or written-off invoice is open again.", "what is owed"),
		of("invoice.amount_changed", "The invoice has another total. From and to are in minor units.", "the new one", "from", "to"),
		of("invoice.due_date_changed", "An open invoice is due on another day.", "what is owed", "direction", "from", "to"),
		of("credit.issued", "A credit note was issued.", "the total, negative"),
		of("credit.voided", "A credit note was voided.", "the total, negative"),
	}
}

func contractTypes() []Type {
	of := func(typ, sentence string, data ...string) Type {
		return Type{Type: "subscription." + typ, Kind: canon.KindSubscription, Sentence: sentence, Amount: "the recurring amount a month", Data: data, PII: PIINone}
	}
	quiet := func(t Type) Type { t.Amount = ""; return t }
	ended := of("ended", "The contract is over. The amount is what was lost.", "reason")
	ended.PII = PIIText
	return []Type{
		quiet(of("trial_started", "A trial began.")),
		quiet(of("trial_ended", "The trial was over.")),
		of("started", "The paid contract began, or began again.", "reactivated", "trial"),
		of("changed", "Plan, quantity, interval or price changed. Movement is expansion or contraction where the recurring amount moved, by mrr_delta in minor units.",
			"direction", "movement", "mrr_before", "mrr_delta", "plan", "plan_before", "quantity", "quantity_before"),
		of("price_changed", "The same plan in the same quantity costs something else. subscription.changed is told beside it.", "direction", "from", "mrr_delta", "to"),
		of("past_due", "A payment is late."),
		of("paused", "The contract rests."),
		of("resumed", "The contract goes on after a pause or a late payment."),
		of("cancel_scheduled", "Notice was given; the end is set where data names it.", "ends_at"),
		of("cancel_revoked", "The notice was taken back."),
		of("renewed", "A period ended and the next one began.", "renews_at"),
		ended,
	}
}

func careTypes() []Type {
	of := func(typ, sentence, value string, data ...string) Type {
		return Type{Type: "ticket." + typ, Kind: canon.KindTicket, Sentence: sentence, Value: value, Data: data, PII: PIIText}
	}
	return []Type{
		of("opened", "The customer asked for help.", "", "priority"),
		of("replied", "The business answered.", "the number of answers", "first"),
		of("escalated", "The ticket was escalated.", ""),
		of("deescalated", "An open ticket is no longer escalated.", ""),
		of("priority_changed", "The ticket has another priority.", "", "direction", "from", "to"),
		of("reassigned", "Somebody else works on the ticket.", "", "from", "to"),
		of("solved", "The ticket was solved.", ""),
		of("reopened", "A solved ticket is open again.", ""),
		of("rated", "The requester rated the help.", "1 for good, 0 for bad", "rating"),
	}
}

func signalTypes() []Type {
	ts := []Type{{
		Type: "usage.recorded", Kind: canon.KindUsage, Sentence: "The product was used, or an earlier reading was corrected by the difference.",
		Value: "the quantity", Data: []string{"corrected", "feature", "from", "person", "to"}, PII: PIINone,
	}}
	for _, s := range []struct{ typ, scale string }{{"nps", "0 to 10"}, {"csat", "1 to 5"}, {"ces", "1 to 7"}} {
		ts = append(ts, Type{Type: "survey." + s.typ, Kind: canon.KindSurvey, Sentence: "A survey was answered.", Value: "the score, " + s.scale, Data: []string{"person"}, PII: PIINone})
	}
	for _, s := range []struct{ typ, sentence string }{
		{"email", "A mail was written."},
		{"call", "There was a call."},
		{"meeting", "There was a meeting."},
		{"note", "A note was taken."},
		{"task", "A task was done."},
		{"form", "A form was filled in."},
		{"webinar", "A webinar was attended."},
		{"visit", "There was a visit."},
		{"other", "There was another touch."},
	} {
		ts = append(ts, Type{Type: "touch." + s.typ, Kind: canon.KindActivity, Sentence: s.sentence, Data: []string{"by", "direction", "person"}, PII: PIIText})
	}
	return ts
}
