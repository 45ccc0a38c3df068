package timeline

import (
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// contactFacts tells of a person's beginning and of what they do not want. Events that tell who a person is never hold
// an address, a number or a title.
func contactFacts(before *canon.Contact, s State, b *canon.Contact) []fact {
	fs := created(s, nil)
	who := words(s.Entity)
	if b.OptedOut {
		fs = append(fs, fact{typ: "person.opted_out", key: "person.opted_out", at: saidAt(before, b), summary: who + " does not want to be mailed any more."})
	}
	if b.DoNotContact {
		fs = append(fs, fact{typ: "person.do_not_contact", key: "person.do_not_contact", at: saidAt(before, b), summary: who + " is not to be contacted any more."})
	}
	return fs
}

// saidAt is when the person said what the state tells, zero where its date may be that of something said before.
func saidAt(before, b *canon.Contact) time.Time {
	if before != nil && before.ConsentAt.Equal(b.ConsentAt) {
		return time.Time{}
	}
	return b.ConsentAt
}

func personChanges(old, b *canon.Contact, who string) []fact {
	var fs []fact
	if old.OptedOut && !b.OptedOut {
		fs = append(fs, fact{typ: "person.opted_in", at: saidAt(old, b), versioned: true, summary: who + " may be mailed again."})
	}
	if old.DoNotContact && !b.DoNotContact {
		fs = append(fs, fact{typ: "person.contact_allowed", at: saidAt(old, b), versioned: true, summary: who + " may be contacted again."})
	}
	if f, ok := emailChange(old.Emails, b.Emails, who); ok {
		fs = append(fs, f)
	}
	if strings.TrimSpace(old.Title) != strings.TrimSpace(b.Title) && old.Title != "" {
		fs = append(fs, fact{typ: "person.title_changed", summary: who + " has another title."})
	}
	return fs
}

// emailChange tells that the addresses are others, without them.
func emailChange(old, now []string, who string) (fact, bool) {
	a, b := addresses(old), addresses(now)
	added, removed := lacking(b, a), lacking(a, b)
	primary := len(a) > 0 && len(b) > 0 && a[0] != b[0]
	if added == 0 && removed == 0 && !primary {
		return fact{}, false
	}
	return fact{
		typ: "person.email_changed", summary: "The e-mail addresses of " + lower(who) + " changed.",
		data: map[string]any{"added": float64(added), "removed": float64(removed), "primary": primary},
	}, true
}

func addresses(emails []string) []string {
	var out []string
	for _, e := range emails {
		if e = strings.ToLower(strings.TrimSpace(e)); e != "" && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// lacking counts those of the list that are not among the others.
func lacking(list, others []string) int {
	n := 0
	for _, v := range list {
		if !slices.Contains(others, v) {
			n++
		}
	}
	return n
}

// employerChange tells that a person belongs to another company. Another order of the same companies is none.
func employerChange(before, after canon.Entity) []fact {
	old, now := employers(before), employers(after)
	from, to := firstRef(old), firstRef(now)
	if from == to || slices.Contains(now, from) && slices.Contains(old, to) {
		return nil
	}
	who := words(after)
	summary := who + " moved to another company."
	switch {
	case from.IsZero():
		summary = who + " joined a company."
	case to.IsZero():
		summary = who + " left their company."
	}
	return []fact{{typ: "person.employer_changed", data: fromTo(refText(from), refText(to)), summary: summary}}
}

func employers(e canon.Entity) []canon.Ref {
	var out []canon.Ref
	for _, o := range e.Owners {
		if o.Kind == canon.KindCompany && !o.Ref.IsZero() {
			out = append(out, o.Ref)
		}
	}
	return out
}

func firstRef(refs []canon.Ref) canon.Ref {
	if len(refs) == 0 {
		return canon.Ref{}
	}
	return refs[0]
}

func refText(r canon.Ref) string {
	if r.IsZero() {
		return ""
	}
	return r.String()
}

// fromTo is the data of a change between two texts.
func fromTo(from, to string) map[string]any {
	data := map[string]any{}
	put(data, "from", from)
	put(data, "to", to)
	return data
}

// upDown says which way a number went.
func upDown(delta float64) string {
	switch {
	case delta > 0:
		return "up"
	case delta < 0:
		return "down"
	}
	return "same"
}
