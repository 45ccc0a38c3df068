package timeline

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/lifecyclehub/hub/canon"
)

// words names the entity at the beginning of a sentence.
func words(e canon.Entity) string {
	switch b := e.Body.(type) {
	case *canon.Company:
		return named("Company", "A company", b.Name)
	case *canon.Contact:
		name := b.Name
		if name == "" {
			name = strings.TrimSpace(b.FirstName + " " + b.LastName)
		}
		return named("Contact", "A contact", name)
	case *canon.Deal:
		return quoted("Deal", "A deal", b.Name)
	case *canon.Quote:
		return named("Quote", "A quote", b.Number) + over(b.Amount)
	case *canon.Invoice:
		if b.Credit {
			return named("Credit note", "A credit note", b.Number) + over(&b.Total)
		}
		return named("Invoice", "An invoice", b.Number) + over(&b.Total)
	case *canon.Subscription:
		return quoted("Subscription", "A subscription", b.Plan)
	case *canon.Ticket:
		return quoted("Ticket", "A ticket", b.Subject)
	case *canon.Activity:
		return quoted(activityTitle(b.Type), "A "+activityNoun(b.Type), b.Subject)
	case *canon.Usage:
		return "A usage reading"
	case *canon.Survey:
		return "A survey answer"
	}
	if e.Kind == canon.KindInvoice || e.Kind == canon.KindActivity {
		return "An " + string(e.Kind)
	}
	return "A " + string(e.Kind)
}

func named(noun, nameless, name string) string {
	if name = plain(name); name == "" {
		return nameless
	}
	return noun + " " + name
}

func quoted(noun, nameless, name string) string {
	if name = plain(name); name == "" {
		return nameless
	}
	return noun + " '" + name + "'"
}

func over(m *canon.Money) string {
	if m == nil || m.Currency == "" {
		return ""
	}
	return " over " + money(*m)
}

// money writes an amount with its thousands apart, as in "1,200.00 EUR".
func money(m canon.Money) string {
	s := m.String()
	end := strings.IndexAny(s, ". ")
	start := 0
	if strings.HasPrefix(s, "-") {
		start = 1
	}
	var out strings.Builder
	for i := range s {
		if i > start && i < end && (end-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

var address = regexp.MustCompile(`<?[^\s<>()"',;:]+@[^\s<>()"',;:]+>?`)

// maxName bounds what a foreign name may take of a sentence, in characters.
const maxName = 100

// plain makes a foreign text fit for a sentence: one line, bounded, without e-mail addresses.
func plain(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if strings.Contains(s, "@") {
		s = address.ReplaceAllString(s, "")
	}
	s = strings.Trim(strings.Join(strings.Fields(s), " "), "<>()'\" ")
	if runes := []rune(s); len(runes) > maxName {
		s = strings.TrimSpace(string(runes[:maxName])) + "…"
	}
	return s
}

// orNone names a stage, plan or owner inside a sentence.
func orNone(s string) string {
	if s = plain(s); s == "" {
		return "none"
	}
	return s
}

// because appends a reason to a sentence and ends it.
func because(sentence, reason string) string {
	if reason = strings.TrimRight(plain(reason), "."); reason != "" {
		sentence += " (" + reason + ")"
	}
	return sentence + "."
}
