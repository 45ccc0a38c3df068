package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// segments compiles the segments of the spec.
func (b *builder) segments(specs []segmentSpec) {
	for i, s := range specs {
		path := fmt.Sprintf("segments[%d]", i)
		b.key(path+".key", s.Key)
		if b.segmentNamed(s.Key) {
			b.fault(path+".key", "give each segment its own key", "segment %q stands twice", s.Key)
		}
		if s.When == "" {
			b.fault(path, `add when: with a rule, as in band("health") == "red"`, "the segment has no rule")
			continue
		}
		b.policy.segs = append(b.policy.segs, Segment{s.Key, cmp.Or(s.Title, s.Key), s.Doc, b.playRule(path+".when", s.When)})
	}
}

func (b *builder) segmentNamed(key string) bool {
	return slices.ContainsFunc(b.policy.segs, func(s Segment) bool { return s.Key == key })
}

// playRule compiles a rule that may name the segments above it.
func (b *builder) playRule(path, source string) Rule {
	if source == "" {
		return Rule{}
	}
	r := b.viewRule(path, source)
	for _, u := range r.uses {
		if u.kind == "segment" && !b.segmentNamed(u.name) {
			b.fault(path, "define the segment above what names it", "segment %q is unknown here", u.name)
		}
		if u.kind == "metric" && !b.showMetric(u.name) {
			b.fault(path, "define it under metrics:", "metric %q is unknown", u.name)
		}
	}
	return r
}

// duration reads "3d", "12h" or "" with a complaint.
func (b *builder) duration(path, text string, otherwise time.Duration) time.Duration {
	if text == "" {
		return otherwise
	}
	us, err := parseDwell(text)
	if err != nil {
		b.fault(path, "write days or hours, as in 3d or 12h", "%v", err)
	}
	return time.Duration(us) * time.Microsecond
}

// share reads a percentage.
func (b *builder) share(path string, percent *float64, otherwise float64) float64 {
	if percent == nil {
		return otherwise
	}
	if *percent < 0 || *percent > 100 {
		b.fault(path, "write a percentage, as in 5", "%v is not between 0 and 100", *percent)
	}
	return *percent / 100
}

func (b *builder) count(path string, n *int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	if *n < 0 || *n > maxDays {
		b.fault(path, "write a whole number", "%d is out of range", *n)
	}
	return *n
}

// shippedCategories is the order of precedence that holds where a policy names none.
func shippedCategories() []Category {
	var out []Category
	for _, key := range []string{"commercial", "risk", "onboarding", "adoption", "expansion", "advocacy", "admin"} {
		out = append(out, Category{Key: key})
	}
	return out
}

// playedTogether compiles what holds for all plays.
func (b *builder) playedTogether(s playRulesSpec) {
	const path, days = "play_rules", 24 * time.Hour
	r := PlayRules{Seed: cmp.Or(s.Seed, b.policy.name), Holdout: b.share(path+".holdout", s.Holdout, 0), Late: b.duration(path+".late", s.Late, 7*days),
		FleetShare: b.share(path+".fleet.share", s.Fleet.Share, 0.1), FleetLeast: b.count(path+".fleet.least", s.Fleet.Least, 20),
		Offers:    b.count(path+".offers.most", s.Offers.Most, 2),
		Crossings: b.count(path+".flaps.crossings", s.Flaps.Crossings, 4), Within: b.duration(path+".flaps.within", s.Flaps.Within, 14*days)}
	for i, c := range s.Categories {
		at := fmt.Sprintf("%s.categories[%d]", path, i)
		b.key(at+".key", c.Key)
		if slices.ContainsFunc(r.Categories, func(x Category) bool { return x.Key == c.Key }) {
			b.fault(at+".key", "name each category once", "category %q stands twice", c.Key)
		}
		r.Categories = append(r.Categories, Category{c.Key, b.duration(at+".cooldown", c.Cooldown, 0)})
	}
	if len(r.Categories) == 0 {
		r.Categories = shippedCategories()
	}
	for i, s := range s.Blackouts {
		at := fmt.Sprintf("%s.blackouts[%d]", path, i)
		b.key(at+".key", s.Key)
		if s.When == "" {
			b.fault(at, `add when: with a rule, as in metric("open_urgent_tickets") > 0`, "the blackout has no rule")
			continue
		}
		r.Blackouts = append(r.Blackouts, Blackout{s.Key, cmp.Or(s.Title, s.Key), b.playRule(at+".when", s.When), b.duration(at+".after", s.After, 0)})
	}
	b.policy.playRules = r
}

// plays compiles the plays of the spec.
func (b *builder) plays(specs []playSpec, rules playRulesSpec) {
	b.playedTogether(rules)
	for i, s := range specs {
		path := fmt.Sprintf("plays[%d]", i)
		b.key(path+".key", s.Key)
		if _, twice := b.policy.PlayNamed(s.Key); twice {
			b.fault(path+".key", "give each play its own key", "play %q stands twice", s.Key)
		}
		b.policy.playList = append(b.policy.playList, b.play(path, s))
	}
	rank := func(p Play) int {
		return slices.IndexFunc(b.policy.playRules.Categories, func(c Category) bool { return c.Key == p.Category })
	}
	slices.SortStableFunc(b.policy.playList, func(x, y Play) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(y.Priority, x.Priority), cmp.Compare(x.Key, y.Key))
	})
	b.policy.shuffle()
}

func (b *builder) play(path string, s playSpec) Play {
	rules := &b.policy.playRules
	p := Play{Key: s.Key, Title: cmp.Or(s.Title, s.Key), Doc: s.Doc, Owner: s.Owner, Do: s.Do, Category: s.Category, Mode: cmp.Or(s.Mode, canon.PlayShadow), Priority: s.Priority,
		For: b.duration(path+".for", s.For, 0), Consecutive: s.Consecutive, When: b.playRule(path+".when", s.When), EnterNow: s.Backfill == "enter_now"}
	if !slices.ContainsFunc(rules.Categories, func(c Category) bool { return c.Key == s.Category }) {
		var keys []string
		for _, c := range rules.Categories {
			keys = append(keys, c.Key)
		}
		b.fault(path+".category", "the categories are "+strings.Join(keys, ", "), "category %q is unknown", s.Category)
	}
	if modes := []string{canon.PlayProposed, canon.PlayShadow, canon.PlayLive, canon.PlaySuspended, canon.PlayDeprecated}; !slices.Contains(modes, p.Mode) {
		b.fault(path+".mode", "the modes are "+strings.Join(modes, ", "), "mode %q is unknown", p.Mode)
	}
	if s.Consecutive < 0 || s.Consecutive > 366 {
		b.fault(path+".consecutive", "write a small whole number", "%d readings in a row are out of range", s.Consecutive)
	}
	if !slices.Contains([]string{"", "none", "enter_now"}, s.Backfill) {
		b.fault(path+".backfill", "write none or enter_now", "backfill %q is unknown", s.Backfill)
	}
	b.guards(path+".guards", &p, s.Guards)
	if o := s.Offer; o != nil {
		p.Offer, p.OfferKind, p.OfferLive = o.ID, cmp.Or(o.Kind, o.ID), b.duration(path+".offer.live", o.Live, 30*24*time.Hour)
		if o.ID == "" {
			b.fault(path+".offer", "add id: with what your tools know the offer by", "the offer has no id")
		}
	}
	p.Trigger = b.trigger(path+".trigger", s.Trigger)
	if (p.For > 0 || p.Consecutive > 1) && (p.Trigger.Kind == TriggerEvent || p.Trigger.Kind == TriggerBefore) {
		b.fault(path+".trigger", "an event takes delay instead", "a moment lasts for no time: for and consecutive need a trigger that is a state")
	}
	return p
}

func (b *builder) guards(path string, p *Play, s guardsSpec) {
	rules := &b.policy.playRules
	p.Cooldown, p.Reentry = b.duration(path+".cooldown", s.Cooldown, 0), cmp.Or(s.Reentry, "always")
	p.Defer, p.Holdout = b.duration(path+".defer", s.Defer, 0), b.share(path+".holdout", s.Holdout, rules.Holdout)
	p.Exclusive = s.Exclusive == nil || *s.Exclusive
	if !slices.Contains([]string{"always", "never", "cycle"}, p.Reentry) {
		p.Cooldown = max(p.Cooldown, b.duration(path+".reentry", s.Reentry, 0))
		p.Reentry = "always"
	}
	if s.Max != nil {
		p.Most, p.Per = s.Max.Times, b.duration(path+".max.per", s.Max.Per, 0)
		if p.Most < 1 || p.Most > 100 || p.Per <= 0 {
			b.fault(path+".max", "write times: 3 and per: 365d", "a cap needs times from 1 to 100, and per")
		}
	}
	for _, key := range s.Blackouts {
		found := false
		for _, k := range rules.Blackouts {
			if key == "*" || key == k.Key {
				p.Blackouts, found = append(p.Blackouts, k.Key), true
			}
		}
		if !found && key != "*" {
			b.fault(path+".blackouts", "define it under play_rules: blackouts:", "blackout %q is unknown", key)
		}
	}
}
