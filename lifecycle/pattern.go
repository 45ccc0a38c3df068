package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// family is what a policy may say of event types that share a first segment.
type family struct {
	kind canon.Kind
	// types are the last segments.
	types []string
}

// families lists the event types that a timeline holds. stage.* and score.* are results, not facts.
func families() map[string]family {
	with := func(kind canon.Kind, types string) family {
		return family{kind, append(strings.Fields(types), "deleted", "restored")}
	}
	return map[string]family{
		"company":      with(canon.KindCompany, "created changed renamed plan_changed seats_changed parent_changed merged archived"),
		"contact":      with(canon.KindContact, "created changed"),
		"person":       {canon.KindContact, strings.Fields("opted_out opted_in do_not_contact contact_allowed email_changed title_changed employer_changed merged archived")},
		"owner":        {canon.KindCompany, []string{"changed"}},
		"deal":         with(canon.KindDeal, "created stage_changed amount_changed close_date_changed won lost reopened"),
		"quote":        with(canon.KindQuote, "sent approved accepted rejected expired amount_changed"),
		"invoice":      with(canon.KindInvoice, "issued overdue partially_paid paid voided uncollectible reopened amount_changed due_date_changed"),
		"credit":       {canon.KindInvoice, strings.Fields("issued voided")},
		"subscription": with(canon.KindSubscription, "trial_started trial_ended started changed price_changed past_due paused resumed cancel_scheduled cancel_revoked renewed ended"),
		"ticket":       with(canon.KindTicket, "opened replied escalated deescalated priority_changed reassigned solved reopened rated"),
		"usage":        with(canon.KindUsage, "recorded"),
		"milestone":    {canon.KindUsage, strings.Fields("first_use first_feature_use")},
		"survey":       with(canon.KindSurvey, "nps csat ces"),
		"touch":        {canon.KindActivity, strings.Fields("email call meeting note task form webinar visit other")},
		"activity":     with(canon.KindActivity, ""),
	}
}

// directions are the suffixes that a pattern may carry.
const directions = "in out up down same"

// alternative is one of a pattern's event types, prefixes or everything.
type alternative struct {
	typ       string // "" with prefix "" for everything
	prefix    string // "usage." for usage.*
	direction string
}

// pattern selects events. Patterns of a policy are numbered, so that each event is sorted into them once.
type pattern struct {
	text  string
	alts  []alternative
	kinds []canon.Kind
	need  need
	// where keeps only some of the events; nil keeps all.
	where filter
}

// parsePattern reads a pattern and refuses event types that no timeline holds.
func parsePattern(text string) (pattern, error) {
	p := pattern{text: text}
	known := families()
	for part := range strings.SplitSeq(text, "|") {
		typ, direction, has := strings.Cut(strings.TrimSpace(part), ":")
		if has && !slices.Contains(strings.Fields(directions), direction) {
			return p, fmt.Errorf("direction %q in the event pattern %q is not one of %s", direction, text, directions)
		}
		if typ == "*" {
			p.alts = append(p.alts, alternative{direction: direction})
			continue
		}
		first, rest, dotted := strings.Cut(typ, ".")
		fam, ok := known[first]
		if !ok || !dotted || rest == "" {
			return p, fmt.Errorf("event type %q is unknown: types begin with %s", typ, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if rest == "*" {
			p.alts = append(p.alts, alternative{prefix: first + ".", direction: direction})
		} else {
			if !slices.Contains(fam.types, rest) {
				return p, fmt.Errorf("event type %q is unknown: after %q comes one of %s", typ, first+".", strings.Join(fam.types, ", "))
			}
			p.alts = append(p.alts, alternative{typ: typ, direction: direction})
		}
		if !slices.Contains(p.kinds, fam.kind) {
			p.kinds = append(p.kinds, fam.kind)
		}
	}
	return p, nil
}

// match is how a pattern takes an event type: by which directions, or any.
type match struct {
	series     int
	directions []string // nil for any
	where      filter   // nil for any
}

// matches lists the patterns that take events of the type.
func matches(patterns []pattern, typ string) []match {
	var out []match
	for i, p := range patterns {
		m, any := match{series: i, where: p.where}, false
		for _, a := range p.alts {
			if a.typ != typ && (a.typ != "" || !strings.HasPrefix(typ, a.prefix)) {
				continue
			}
			if a.direction == "" {
				any = true
				continue
			}
			m.directions = append(m.directions, a.direction)
		}
		if any {
			m.directions = nil
		}
		if any || m.directions != nil {
			out = append(out, m)
		}
	}
	return out
}
