package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/store"
)

// rule makes the decision that a command or a caller of the API asks for, or returns the one that says so already. What
// was asked wrongly has the code usage.
func (w *who) rule(ctx context.Context, ask api.Ruling) (d canon.Decision, already bool, err error) {
	// A pair that awaits a decision is named by one id.
	if (ask.Kind == canon.DecideLink || ask.Kind == canon.DecideUnlink) && ask.B == "" && strings.HasPrefix(ask.A, "can_") {
		k, err := w.candidate(ctx, ask.A)
		if err != nil {
			return d, false, err
		}
		ask.A, ask.B = k.A, k.B
	}
	if d, err = w.asked(ask); err != nil {
		return d, false, err
	}
	switch ask.Kind {
	case canon.DecideRevoke:
		return w.revoke(ask.Revokes, d)
	case canon.DecideLink, canon.DecideUnlink:
		err = w.tie(ctx, ask, &d)
	case canon.DecideGeneric:
		d.Key, err = evidenceKey(ask.Key, w.rules.Region)
	default:
		err = w.single(ctx, ask, &d)
	}
	switch {
	case err != nil:
	case ask.Kind == canon.DecidePin:
		d, already = w.pinned(d)
	default:
		d, already = w.alike(d)
	}
	return d, already, err
}

// hint is what to do, in the words of commands or in those of callers.
func (w *who) hint(command, call string) string {
	if w.c != nil {
		return command
	}
	return call
}

// asked makes a decision of what is said of any: who decides, why and until when.
func (w *who) asked(ask api.Ruling) (canon.Decision, error) {
	d := canon.Decision{Kind: ask.Kind, Author: strings.TrimSpace(ask.Author), Reason: strings.TrimSpace(ask.Reason), ExpiresAt: ask.ExpiresAt.UTC()}
	if d.Author == "" {
		return d, canon.Errorf("usage", "say who decides").WithHint("%s", w.hint("--author NAME", "author is a name"))
	}
	if d.Reason == "" && slices.Contains([]string{canon.DecideLink, canon.DecideUnlink, canon.DecidePin}, d.Kind) {
		return d, canon.Errorf("usage", "say why").WithHint("%s; whoever meets the decision later will want to know",
			w.hint("--reason 'same VAT id on the contract'", "reason is kept and shown"))
	}
	for _, s := range []string{d.Author, d.Reason, ask.Value} {
		if len(s) > 2000 {
			return d, canon.Errorf("usage", "a decision's texts have at most 2000 characters").WithHint("shorten it, and keep the rest where the reason can point to")
		}
	}
	if !d.ExpiresAt.IsZero() && !d.ExpiresAt.After(time.Now()) {
		return d, canon.Errorf("usage", "%s has passed", strings.TrimSuffix(minute(d.ExpiresAt), " 00:00")).
			WithHint("%s names a moment to come; without it the decision holds until it is revoked", w.hint("--expires", "expires_at"))
	}
	return d, w.unasked(ask)
}

// unasked refuses what the kind of decision needs and does not find, and what it would not heed.
func (w *who) unasked(ask api.Ruling) error {
	wants := map[string][]string{canon.DecideLink: {"a", "b"}, canon.DecideUnlink: {"a", "b"}, canon.DecideDetach: {"a"}, canon.DecideGeneric: {"key"},
		canon.DecidePin: {"a", "field", "value"}, canon.DecideRevoke: {"revokes"}}[ask.Kind]
	given := map[string]string{"a": ask.A, "b": ask.B, "key": ask.Key, "field": ask.Field, "value": ask.Value, "revokes": ask.Revokes}
	for _, name := range []string{"a", "b", "key", "field", "value", "revokes"} {
		wanted, there := slices.Contains(wants, name), strings.TrimSpace(given[name]) != ""
		if wanted && !there {
			return canon.Errorf("usage", "%s is missing", w.hint(strings.ToUpper(name), name)).WithHint("a decision of the kind %s says: %s", ask.Kind, strings.Join(wants, ", "))
		}
		if there && !wanted {
			return canon.Errorf("usage", "a decision of the kind %s says nothing of %s", ask.Kind, name).WithHint("leave %s out", name)
		}
	}
	if ask.Kind == canon.DecideRevoke && !ask.ExpiresAt.IsZero() {
		return canon.Errorf("usage", "a revocation does not expire").WithHint("leave expires_at out; a revocation can itself be revoked")
	}
	return nil
}

// tie says of two entities that they are one, or are not.
func (w *who) tie(ctx context.Context, ask api.Ruling, d *canon.Decision) error {
	x, y, err := w.pair(ctx, ask.A, ask.B)
	if err != nil {
		return err
	}
	d.A, d.B = x.Entity.Key(), y.Entity.Key()
	if d.A == d.B {
		return canon.Errorf("usage", "%s and %s are the same record", ask.A, ask.B).WithHint("name two records; `hub identity explain %s` lists those of the customer", ask.A)
	}
	if x.Entity.Kind != y.Entity.Kind && w.rules.Grain == identity.GrainPerson {
		return canon.Errorf("decision.grain", "under `grain: person` a person belongs to no company, so nothing can be decided about that").
			WithHint("name two persons or two companies, or choose another grain under identity: in hub.yaml")
	}
	if bar, there := w.between(canon.DecideUnlink, d.A, d.B); there && ask.Kind == canon.DecideLink {
		return canon.Errorf("decision.barred", "%s says that they are not one, which beats every link", bar.ID).WithHint("%s", w.hint("`hub identity revoke "+bar.ID+"` first", "take "+bar.ID+" back first"))
	}
	return nil
}

// single says something of one entity.
func (w *who) single(ctx context.Context, ask api.Ruling, d *canon.Decision) error {
	es, err := w.named(ctx, ask.A)
	if err != nil {
		return err
	}
	d.A = es[0].Entity.Key()
	if ask.Kind == canon.DecidePin {
		d.Field, d.Value = ask.Field, strings.TrimSpace(ask.Value)
		return w.rules.Pinnable(es[0].Entity.Kind, d.Field, d.Value)
	}
	return nil
}

// revoke takes a decision back, by its id or the beginning of it.
func (w *who) revoke(id string, d canon.Decision) (canon.Decision, bool, error) {
	var found []canon.Decision
	for _, x := range w.log {
		if x.ID == id || len(id) >= len("dec_")+4 && strings.HasPrefix(x.ID, id) {
			found = append(found, x)
		}
	}
	if len(found) != 1 {
		return d, false, canon.Errorf("decision.unknown", "there is no decision %.80q", id).WithHint("`hub identity decisions` lists them")
	}
	d.Revokes = found[0].ID
	if !identity.Standings(w.log, w.now)[d.Revokes].InForce {
		return found[0], true, nil
	}
	return d, false, nil
}

// candidate returns the open candidate of an id.
func (w *who) candidate(ctx context.Context, id string) (store.OpenCandidate, error) {
	for f := (store.CandidateFilter{Limit: 1000, Now: w.now}); ; {
		ks, next, err := w.db.Candidates(ctx, f)
		if err != nil {
			return store.OpenCandidate{}, err
		}
		if i := slices.IndexFunc(ks, func(k store.OpenCandidate) bool { return k.ID == id }); i >= 0 {
			return ks[i], nil
		}
		if f.After = next; next == "" {
			return store.OpenCandidate{}, canon.Errorf("candidate.unknown", "no pair that awaits a decision has the id %.80q", id).
				WithHint("name two records, or a pair that `hub identity review` lists")
		}
	}
}

// pinned returns the pin that counts for a field, where it says what d says.
func (w *who) pinned(d canon.Decision) (canon.Decision, bool) {
	for _, x := range slices.Backward(w.decisions.Pins([]string{d.A})) {
		if x.Field == d.Field {
			if x.Value == d.Value && x.ExpiresAt.Equal(d.ExpiresAt) {
				return x, true
			}
			break
		}
	}
	return d, false
}

// alike returns the decision in force that says what d says.
func (w *who) alike(d canon.Decision) (canon.Decision, bool) {
	d = d.WithID()
	for _, x := range w.decisions.About([]string{d.A, d.Key}) {
		if x.Kind == d.Kind && x.A == d.A && x.B == d.B && x.Key == d.Key && x.Field == d.Field && x.Value == d.Value && x.ExpiresAt.Equal(d.ExpiresAt) {
			return x, true
		}
	}
	return d, false
}

// between returns the decision of a kind in force between two entities.
func (w *who) between(kind, a, b string) (canon.Decision, bool) {
	for _, x := range w.decisions.About([]string{a}) {
		if x.Kind == kind && (x.A == a && x.B == b || x.A == b && x.B == a) {
			return x, true
		}
	}
	return canon.Decision{}, false
}

// evidenceKey returns the key of evidence that a person names: as `hub identity explain` words it, as it is kept, or an
// address or a domain as it is.
func evidenceKey(text, region string) (string, error) {
	text = strings.TrimSpace(text)
	kind, rest, worded := strings.Cut(text, " ")
	if prefix, r, ok := strings.Cut(text, ":"); ok && !worded && slices.Contains([]string{"dom", "mail", "vat", "reg"}, prefix) {
		kind, rest, worded = map[string]string{"dom": "domain", "mail": "email", "vat": "vat", "reg": "reg"}[prefix], r, true
	}
	if id, ok := strings.CutPrefix(rest, "id "); ok && strings.EqualFold(kind, "vat") {
		rest = id
	}
	if !worded {
		kind, rest = "domain", text
		if strings.Contains(text, "@") {
			kind = "email"
		}
	}
	key := ""
	switch strings.ToLower(kind) {
	case "domain":
		key = prefixed("dom:", identity.DomainKey(rest))
	case "email":
		key = prefixed("mail:", identity.EmailKey(strings.TrimSuffix(rest, " (not verified)")))
	case "vat":
		key = prefixed("vat:", identity.VATKey(rest, region))
	case "reg":
		key = prefixed("reg:", rest)
	}
	if key == "" {
		return "", canon.Errorf("usage", "%.80q is no evidence that links records", text).WithHint("name a domain (acme.com), an address (info@acme.com) or a VAT id (vat DE123456789)")
	}
	return key, nil
}

func prefixed(prefix, key string) string {
	if key == "" {
		return ""
	}
	return prefix + key
}
