package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/store"
)

// identityAPI is who is who as the API wants it: what `hub identity` answers and decides, of the hub that runs.
type identityAPI struct {
	db    *store.DB
	rules *identity.Rules
	now   func() time.Time
}

// who takes the decisions in force at hand.
func (i identityAPI) who(ctx context.Context) (*who, error) {
	w := &who{db: i.db, rules: i.rules, now: i.now()}
	var err error
	if w.log, err = i.db.Decisions(ctx); err != nil {
		return nil, err
	}
	w.decisions, _ = identity.InForce(w.log, w.now)
	return w, nil
}

// Candidates implements api.Identity.
func (i identityAPI) Candidates(ctx context.Context, f api.CandidateFilter) (api.CandidatePage, error) {
	want := store.CandidateFilter{Kind: f.Kind, MinScore: f.MinScore, After: f.After, Limit: f.Limit, Now: i.now()}
	if f.Customer != "" {
		var err error
		if want.Customer, err = i.db.Resolve(ctx, f.Customer); err != nil {
			return api.CandidatePage{}, err
		}
	}
	open, next, err := i.db.Candidates(ctx, want)
	if err != nil {
		return api.CandidatePage{}, err
	}
	page := api.CandidatePage{Next: next}
	for _, c := range open {
		page.Candidates = append(page.Candidates, sideBySide(c, i.rules.Region))
	}
	return page, nil
}

// Waiting implements api.Identity.
func (i identityAPI) Waiting(ctx context.Context, most int) (int, error) {
	open, _, err := i.db.Candidates(ctx, store.CandidateFilter{Limit: most, Now: i.now()})
	return len(open), err
}

// sideBySide is a candidate with what its two records say, field by field.
func sideBySide(c store.OpenCandidate, region string) api.Candidate {
	out := api.Candidate{ID: c.ID, Kind: c.Kind, Rank: c.Rank, Score: c.Score, Contested: c.Contested, FoundAt: c.RecordedAt,
		Left: sideAsked(c.A, c.Left), Right: sideAsked(c.B, c.Right)}
	for _, why := range c.Why {
		if text, against := strings.CutPrefix(why, "against: "); against {
			out.Against = append(out.Against, text)
		} else {
			out.For = append(out.For, why)
		}
	}
	left, right := sideOf(c.Left), sideOf(c.Right)
	for n := range min(len(left), len(right)) {
		name, l, r := left[n][0], left[n][1], right[n][1]
		// The customer and the day of creation stand beside the record, not among what is compared.
		if name == "customer" || name == "since" || l == "" && r == "" {
			continue
		}
		out.Fields = append(out.Fields, api.Compared{Name: name, Left: l, Right: r, Equal: saysTheSame(name, l, r, region)})
	}
	return out
}

func sideAsked(key string, s store.CandidateSide) api.Side {
	return api.Side{Key: key, Ref: s.Entity.Ref, Title: title(s.Entity), Customer: s.Customer, CustomerName: s.CustomerName, CreatedAt: s.Entity.CreatedAt}
}

// saysTheSame compares two values as a reader does: in any case and punctuation, a phone number however it is written, and
// lists by whether they share a value.
func saysTheSame(name, x, y, region string) bool {
	if name == "phone" {
		if a, b := identity.PhoneKey(x, region), identity.PhoneKey(y, region); a != "" && a == b {
			return true
		}
	}
	as, bs := []string{x}, []string{y}
	if name == "domains" || name == "emails" {
		as, bs = strings.Split(x, ", "), strings.Split(y, ", ")
	}
	return slices.ContainsFunc(as, func(a string) bool {
		return plain(a) != "" && slices.ContainsFunc(bs, func(b string) bool { return plain(a) == plain(b) })
	})
}

// plain is a value without case, spaces and punctuation; @ and the dots of an address tell it apart.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || r == '@' || r == '.' && strings.Contains(s, "@") {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// Decisions implements api.Identity. A page token is the place of the last decision shown.
func (i identityAPI) Decisions(ctx context.Context, f api.DecisionFilter) (api.DecisionPage, error) {
	var page api.DecisionPage
	before := int64(0)
	if f.After != "" {
		var err error
		if before, err = strconv.ParseInt(f.After, 10, 64); err != nil || before < 1 {
			return page, canon.Errorf("request.invalid", "page token %.40q is not one of ours", f.After).WithHint("use the next token of the page before, or none")
		}
	}
	w, err := i.who(ctx)
	if err != nil {
		return page, err
	}
	states := w.states()
	for _, d := range slices.Backward(w.log) {
		if before > 0 && d.Seq >= before || f.InForce && states[d.ID] != inForce {
			continue
		}
		if len(page.Decisions) == f.Limit {
			page.Next = strconv.FormatInt(page.Decisions[f.Limit-1].Seq, 10)
			break
		}
		page.Decisions = append(page.Decisions, api.LoggedDecision{Decision: d, State: states[d.ID]})
	}
	return page, nil
}

// Who implements api.Identity.
func (i identityAPI) Who(ctx context.Context, id string, limit int) (api.Who, error) {
	w, err := i.who(ctx)
	if err != nil {
		return api.Who{}, err
	}
	x, err := w.explain(ctx, id)
	if err != nil {
		return api.Who{}, err
	}
	states, left := w.states(), map[string]int{}
	out := api.Who{Customer: x.Customer, Type: x.Type, Name: x.Name, Domain: x.Domain, Fields: x.Fields, Person: x.Person, Waiting: len(x.Candidates), LeftOff: left,
		Accepted: firstOf(left, "accepted", x.Accepted, limit), Rejected: firstOf(left, "rejected", x.Rejected, limit), Contested: firstOf(left, "contested", x.Contested, limit),
		Aliases: firstOf(left, "aliases", x.Aliases, limit), Moves: firstOf(left, "moves", x.Moves, limit)}
	for _, m := range firstOf(left, "members", x.Members, limit) {
		out.Members = append(out.Members, api.WhoMember(m))
	}
	for _, d := range firstOf(left, "decisions", x.Decisions, limit) {
		out.Decisions = append(out.Decisions, api.LoggedDecision{Decision: d, State: states[d.ID]})
	}
	for _, k := range firstOf(left, "children", x.Children, limit) {
		out.Children = append(out.Children, api.Child{ID: k.ID, Name: k.Name})
	}
	for n := range out.Contested {
		out.Contested[n].Refs = firstOf(map[string]int{}, "", out.Contested[n].Refs, limit)
	}
	return out, nil
}

// firstOf returns the first of a list, and notes how many it leaves off.
func firstOf[T any](left map[string]int, name string, all []T, most int) []T {
	if len(all) <= most {
		return all
	}
	left[name] = len(all) - most
	return all[:most]
}

// Decide implements api.Identity: what the commands that decide do, in the hub that applies it.
func (i identityAPI) Decide(ctx context.Context, r api.Ruling) (api.Decided, error) {
	w, err := i.who(ctx)
	if err != nil {
		return api.Decided{}, err
	}
	d, already, err := w.rule(ctx, r)
	if err != nil {
		return api.Decided{}, forCallers(err)
	}
	subjects, err := w.subjects(ctx, d)
	if err != nil {
		return api.Decided{}, err
	}
	entities, err := w.owners(ctx, subjects, nil)
	if err != nil {
		return api.Decided{}, err
	}
	out := api.Decided{Already: already, Applied: true}
	if !already {
		if err := w.in(ctx, func(tx *store.Tx) error {
			d, err = tx.AddDecision(ctx, d)
			return err
		}); err != nil {
			return out, err
		}
		// The hub that serves this heeds decisions within a second.
		if out.Applied, err = w.applied(ctx, d.Seq, true); err != nil {
			return out, err
		}
		if entities, err = w.owners(ctx, subjects, entities); err != nil {
			return out, err
		}
		if w, err = i.who(ctx); err != nil {
			return out, err
		}
	}
	out.Decision = api.LoggedDecision{Decision: d, State: w.states()[d.ID]}
	for _, e := range entities {
		out.Entities = append(out.Entities, api.DecidedEntity{Key: e.Key, Before: e.Before, After: e.After})
	}
	return out, nil
}

// forCallers turns what a command would call misuse into what a caller of the API did wrong.
func forCallers(err error) error {
	if e := canon.AsError(err); e.Code == "usage" {
		return canon.Errorf("decision.invalid", "%s", e.Message).WithHint("%s", e.Hint)
	}
	return fmt.Errorf("decide: %w", err)
}
