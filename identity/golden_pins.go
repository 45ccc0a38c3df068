package identity

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// pin sorts out which pins are in force: those on records of the speaking kind, so that what was pinned to a person
// does not become their employer's. Of several for one field the last one counts; where that expires, the one before
// it holds again.
func (m *minting) pin(kind canon.Kind, pins []canon.Decision, now time.Time) {
	for _, p := range pins {
		expires := !p.ExpiresAt.IsZero()
		if p.Kind != canon.DecidePin || kindIn(p.A) != kind || blank(p.Value) || expires && !now.Before(p.ExpiresAt) {
			continue
		}
		if expires && (m.gold.NextAt.IsZero() || p.ExpiresAt.Before(m.gold.NextAt)) {
			m.gold.NextAt = p.ExpiresAt
		}
		was, there := m.pins[p.Field]
		if there && (was.At.After(p.At) || was.At.Equal(p.At) && was.ID > p.ID) {
			continue
		}
		if m.pins == nil {
			m.pins = map[string]canon.Decision{}
		}
		m.pins[p.Field] = p
	}
}

// pinned is the field that a pin makes.
func pinned(p canon.Decision) canon.Field {
	return canon.Field{Name: p.Field, Value: strings.TrimSpace(p.Value), Source: refOf(p.A), Rule: "pinned by " + p.Author, Policy: PolicyPinned,
		ObservedAt: p.At, ModifiedAt: p.At, Author: p.Author, Reason: p.Reason, ExpiresAt: p.ExpiresAt}
}

// refOf returns the record in an entity key.
func refOf(key string) canon.Ref {
	if i := strings.LastIndexByte(key, '#'); i >= 0 {
		key = key[:i]
	}
	ref, err := canon.ParseRef(key)
	if err != nil {
		return canon.Ref{}
	}
	return ref
}

func wholeNumber(s string) bool {
	_, err := strconv.ParseUint(strings.TrimSpace(s), 10, 63)
	return err == nil
}

// Pinnable says why a field of a company's or person's golden record may not be pinned to a value, nil where it may.
func (r *Rules) Pinnable(kind canon.Kind, field, value string) error {
	known := GoldenFields(kind)
	for name, s := range r.Survivorship.Fields {
		if s.Custom != nil && !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	slices.Sort(known)
	switch {
	case !slices.Contains(known, field):
		return canon.Errorf("pin.field", "the golden record of a %s has no field %q", kind, field).WithHint("fields: %s", strings.Join(known, ", "))
	case field == "parent":
		return canon.Errorf("pin.field", "the parent of a company cannot be pinned").WithHint("it is a record of its own; `hub identity link` brings records together")
	case field == fieldConsentAt:
		return canon.Errorf("pin.field", "when consent was given cannot be pinned").WithHint("it is what the source with the consent tells")
	case (field == "employees" || field == "seats") && !wholeNumber(value):
		return canon.Errorf("pin.value", "the %s cannot be pinned to %.80q", field, value).WithHint("write a whole number")
	case field == "domain" && DomainKey(value) == "":
		return canon.Errorf("pin.value", "%.80q is no domain", value).WithHint("write one as acme.com")
	case blank(value):
		return canon.Errorf("pin.value", "%q is no value that a field can be pinned to", value).WithHint("`hub identity revoke` takes a pin back")
	case (field == fieldOptedOut || field == fieldDoNotContact) && value != "true":
		return canon.Errorf("pin.value", "%s can only be pinned to true", field).WithHint("what a person does not want is taken back where they said it, at its source")
	}
	return nil
}
