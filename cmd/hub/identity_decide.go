package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// decidedMark is the name under which the store keeps up to which decision customers are resolved.
const decidedMark = "decided"

// ruling are the flags of commands that decide.
type ruling struct {
	author, reason, expires string
}

// flags adds the flags of a decision that may expire.
func (r *ruling) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.author, "author", "", "who decides (default $USER)")
	cmd.Flags().StringVar(&r.reason, "reason", "", "why, in your words; it is kept and shown")
	cmd.Flags().StringVar(&r.expires, "expires", "", "the day or moment from which it no longer holds (2027-01-31); default: it holds until it is revoked")
}

// ask is what the flags say of a decision.
func (r *ruling) ask(c *cli, kind string) (api.Ruling, error) {
	out := api.Ruling{Kind: kind, Author: c.author(r.author), Reason: r.reason}
	var err error
	out.ExpiresAt, err = parseDay(r.expires)
	return out, err
}

// deciding returns what a command that decides runs: what its flags and, by fill, its arguments say.
func (c *cli) deciding(kind string, r *ruling, fill func(ask *api.Ruling, args []string)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ask, err := r.ask(c, kind)
		if err != nil {
			return err
		}
		fill(&ask, args)
		return c.decide(cmd.Context(), ask)
	}
}

// decided is what became of a command that decides.
type decided struct {
	Decision canon.Decision `json:"decision"`
	// Already says that nothing was to be done: it was so before. note says how.
	Already bool `json:"already"`
	note    string
	// Applied says that customers are resolved by it; where a running hub takes longer, it is not yet.
	Applied  bool            `json:"applied"`
	Entities []decidedEntity `json:"entities,omitempty"`
}

// decidedEntity is an entity that a decision names, and whose it was and is.
type decidedEntity struct {
	Key    string `json:"key"`
	Before string `json:"customer_before"`
	After  string `json:"customer"`
	why    string
}

// decide keeps a decision and has it applied: by the hub that runs on the data, or else here.
func (c *cli) decide(ctx context.Context, ask api.Ruling) error {
	var out decided
	err := c.withWho(ctx, func(w *who) (err error) {
		if out.Decision, out.Already, err = w.rule(ctx, ask); err != nil {
			return err
		}
		if out.Already {
			out.note = out.Decision.ID + " is " + w.states()[out.Decision.ID] + " already"
			return nil
		}
		subjects, err := w.subjects(ctx, out.Decision)
		if err != nil {
			return err
		}
		if out.Entities, err = w.owners(ctx, subjects, nil); err != nil {
			return err
		}
		return w.db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
			out.Decision, err = tx.AddDecision(ctx, out.Decision)
			return err
		})
	})
	if err != nil {
		return err
	}
	if !out.Already {
		if err := c.applyDecision(ctx, &out); err != nil {
			return err
		}
	}
	return c.reportDecision(out)
}

// fewHolders is up to how many records a value is held by for a decision about it to list them.
const fewHolders = 50

// subjects are the entities that a decision, or the one that it revokes, is about; of a value that many hold none.
func (w *who) subjects(ctx context.Context, d canon.Decision) ([]string, error) {
	keys := []string{d.A, d.B}
	for _, x := range w.log {
		if d.Revokes != "" && d.Revokes == x.ID {
			more, err := w.subjects(ctx, x)
			if err != nil {
				return nil, err
			}
			keys = append(keys, more...)
		}
	}
	if d.Key != "" {
		if err := w.in(ctx, func(tx *store.Tx) error {
			for _, kind := range []canon.Kind{canon.KindCompany, canon.KindContact} {
				es, _, err := tx.NodesByKeys(ctx, kind, []string{d.Key}, fewHolders)
				if err != nil {
					return err
				}
				for _, e := range es {
					keys = append(keys, e.Entity.Key())
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(keys, func(k string) bool { return k == "" }), nil
}

// owners tells whose entities are now, beside whose they were.
func (w *who) owners(ctx context.Context, keys []string, before []decidedEntity) (out []decidedEntity, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	err = w.in(ctx, func(tx *store.Tx) error {
		es, err := tx.EntitiesByName(ctx, keys)
		for _, e := range es {
			x := decidedEntity{Key: e.Entity.Key(), Before: e.Customer, After: e.Customer, why: e.Why}
			if i := slices.IndexFunc(before, func(b decidedEntity) bool { return b.Key == x.Key }); i >= 0 {
				x.Before = before[i].Before
			}
			out = append(out, x)
		}
		return err
	})
	slices.SortFunc(out, func(a, b decidedEntity) int { return strings.Compare(a.Key, b.Key) })
	return out, err
}

// applyDecision has a decision take effect.
func (c *cli) applyDecision(ctx context.Context, out *decided) error {
	err := c.withApp(ctx, func(ctx context.Context, _ *errgroup.Group, a *app) error {
		if _, err := a.pipe.Decide(ctx); err != nil {
			return err
		}
		if err := a.assess(ctx); err != nil {
			return err
		}
		return a.settleOut(ctx)
	})
	if err != nil && canon.CodeOf(err) != "data.in_use" {
		return fmt.Errorf("decision %s is kept and takes effect with the next `hub sync` or `hub run`, but it could not be applied now: %w", out.Decision.ID, err)
	}
	return c.withWho(ctx, func(w *who) error {
		var aerr error
		if out.Applied, aerr = w.applied(ctx, out.Decision.Seq, err != nil); aerr != nil {
			return aerr
		}
		var keys []string
		for _, e := range out.Entities {
			keys = append(keys, e.Key)
		}
		out.Entities, aerr = w.owners(ctx, keys, out.Entities)
		return aerr
	})
}

// patientFor is how long a command waits for a running hub to apply a decision.
const patientFor = 6 * time.Second

// applied says whether customers are resolved by the decision at a place of the log; where another hub is to do it, it
// gives that some time.
func (w *who) applied(ctx context.Context, seq int64, elsewhere bool) (bool, error) {
	until := time.Now().Add(patientFor)
	for {
		mark, err := w.db.Meta(ctx, decidedMark)
		if err != nil {
			return false, err
		}
		var last int64
		if _, err := fmt.Sscan(mark, &last); err == nil && last >= seq {
			return true, nil
		}
		if !elsewhere || time.Now().After(until) {
			return false, nil
		}
		if !wait(ctx, 100*time.Millisecond) {
			return false, ctx.Err()
		}
	}
}

func (c *cli) reportDecision(out decided) error {
	if c.json {
		return c.print(out)
	}
	if out.Already {
		fmt.Fprintf(c.out, "%s; nothing to do\n", out.note)
		return nil
	}
	fmt.Fprintf(c.out, "%s  %s\n", out.Decision.ID, decisionText(out.Decision))
	for _, e := range out.Entities {
		if e.Before != e.After {
			fmt.Fprintf(c.out, "  %s: %s → %s  %s\n", short(e.Key), cmp.Or(e.Before, "nobody"), cmp.Or(e.After, "nobody"), e.why)
		} else {
			fmt.Fprintf(c.out, "  %s: %s as before  %s\n", short(e.Key), cmp.Or(e.After, "nobody"), e.why)
		}
	}
	if !out.Applied {
		fmt.Fprintln(c.out, "the hub that is running applies it shortly")
	}
	if out.Decision.Kind != canon.DecideRevoke {
		fmt.Fprintf(c.out, "`hub identity revoke %s` takes it back\n", out.Decision.ID)
	}
	return nil
}

// decisionText is what a decision says, in a sentence.
func decisionText(d canon.Decision) string {
	a, b := short(d.A), short(d.B)
	var s string
	switch d.Kind {
	case canon.DecideLink:
		s = a + " and " + b + " are one"
		if strings.Contains(d.A, "#contact") != strings.Contains(d.B, "#contact") {
			s = a + " belongs to " + b
			if strings.Contains(d.B, "#contact") {
				s = b + " belongs to " + a
			}
		}
	case canon.DecideUnlink:
		s = a + " and " + b + " are not one"
	case canon.DecideDetach:
		s = a + " is linked by nothing but decisions"
	case canon.DecideGeneric:
		s = d.Key + " tells nobody apart"
	case canon.DecidePin:
		s = "the " + d.Field + " of " + a + " is " + fmt.Sprintf("%q", d.Value)
	case canon.DecideRevoke:
		s = "revokes " + d.Revokes
	}
	s += " (" + d.Author + ", " + day(d.At)
	if !d.ExpiresAt.IsZero() {
		s += ", until " + minute(d.ExpiresAt)
	}
	s += ")"
	if d.Reason != "" {
		s += ": " + d.Reason
	}
	return s
}
