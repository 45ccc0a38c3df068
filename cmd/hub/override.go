package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
)

// maxOverride and maxReason bound how many days an override may hold, and the characters of why.
const maxOverride, maxReason = 3660, 2000

// overrides takes in what people say against computed answers, for the API and `hub override`.
type overrides struct {
	db     *store.DB
	policy *lifecycle.Policy
	now    func() time.Time
}

// Overrides returns what was ever said against the answers of a customer; of all where it is "".
func (o overrides) Overrides(ctx context.Context, customer string) ([]canon.Override, error) {
	if customer != "" {
		c, err := o.db.Customer(ctx, customer)
		if err != nil {
			return nil, err
		}
		customer = c.ID
	}
	return o.db.OverridesOf(ctx, customer)
}

// Override puts a human's word in the place of a computed answer.
func (o overrides) Override(ctx context.Context, v canon.Override) (canon.Override, error) {
	c, err := o.db.Customer(ctx, v.Customer)
	if err != nil {
		return v, err
	}
	v.Customer = c.ID
	if err := o.policy.Overridable(v.Field, v.Value); err != nil {
		return v, err
	}
	if v.Reason = strings.TrimSpace(v.Reason); v.Reason == "" {
		return v, canon.Errorf("request.override_reason", "an override wants a reason").WithHint("say why in a few words, with --reason")
	}
	if n := utf8.RuneCountInString(v.Reason); n > maxReason {
		return v, canon.Errorf("request.override_reason", "a reason of %d characters is too long", n).WithHint("say why in at most %d characters", maxReason)
	}
	if v.From.IsZero() {
		v.From = o.now().UTC()
	}
	if v.From.Before(o.now().AddDate(0, 0, -maxOverride)) || v.Until.After(o.now().AddDate(0, 0, maxOverride)) {
		return v, canon.Errorf("request.override_until", "an override begins and ends within ten years of now").WithHint("say until when, as in --until 30d or --until 2026-12-31; it can be set again when it ends")
	}
	if !v.Until.After(v.From) || !v.Until.After(o.now()) {
		return v, canon.Errorf("request.override_until", "an override must end after it begins, and in the future").WithHint("say until when, as in --until 30d or --until 2026-12-31")
	}
	err = o.db.InTx(ctx, time.Now(), func(tx *store.Tx) (err error) {
		if v, err = tx.AddOverride(ctx, v); err != nil {
			return err
		}
		return tx.AddAudit(ctx, canon.AuditEntry{Actor: v.Author, Action: "override " + v.Field, Object: v.Customer, Subject: v.ID})
	})
	return v, err
}

// Revoke takes an override of a customer back; of whomever it is where customer is "".
func (o overrides) Revoke(ctx context.Context, customer, id, author, reason string) (canon.Override, error) {
	var v canon.Override
	err := o.db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		is, known, err := tx.RevokeOverride(ctx, id, author, reason)
		if err != nil {
			return err
		}
		if !known || customer != "" && is.Customer != customer {
			return canon.Errorf("override.unknown", "no override has the id %.80q", id).WithHint("`hub override list` lists them")
		}
		v = is
		return tx.AddAudit(ctx, canon.AuditEntry{Actor: author, Action: "override revoked", Object: v.Customer, Subject: v.ID})
	})
	return v, err
}

func (c *cli) override() *cobra.Command {
	cmd := &cobra.Command{
		Use: "override", Short: "Put a human's word in the place of a computed stage or score, for a time",
		Long: `An override says what holds instead of a computed answer, by whom, why and until when. What was computed stays beside it
and goes on being computed; when the override ends, that holds again.`,
		Example: "  hub override set cus_0123456789abcdef0123 health.band red --reason 'their champion left' --until 30d\n  hub override list\n  hub override revoke ovr_0123456789abcdef0123",
	}
	cmd.AddCommand(c.overrideSet(), c.overrideList(), c.overrideRevoke())
	return cmd
}

func (c *cli) withOverrides(ctx context.Context, fn func(overrides) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return c.withStore(ctx, func(db *store.DB) error {
		policy, err := policyInForce(ctx, db, cfg)
		if err != nil {
			return err
		}
		return fn(overrides{db, policy, clock(cfg)})
	})
}

func (c *cli) overrideSet() *cobra.Command {
	var v canon.Override
	until := ""
	cmd := &cobra.Command{
		Use: "set CUSTOMER FIELD VALUE", Short: "Say what holds instead of what is computed", Args: cobra.ExactArgs(3),
		Example: "  hub override set cus_0123456789abcdef0123 health.band red --reason 'their champion left' --until 30d\n" +
			"  hub override set cus_0123456789abcdef0123 stage retention --reason 'moved by hand' --until 2026-12-31",
		RunE: func(cmd *cobra.Command, args []string) error {
			v.Customer, v.Field, v.Value = args[0], args[1], args[2]
			v.Author = c.author(v.Author)
			return c.withOverrides(cmd.Context(), func(o overrides) (err error) {
				if v.Until, err = endOf(until, o.now()); err != nil {
					return err
				}
				set, err := o.Override(cmd.Context(), v)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(set)
				}
				fmt.Fprintf(c.out, "%s of %s is %s until %s (%s)\n", set.Field, set.Customer, set.Value, set.Until.UTC().Format("2006-01-02 15:04"), set.ID)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&v.Reason, "reason", "", "why, in your words")
	cmd.Flags().StringVar(&v.Author, "author", "", "who says so (default $USER)")
	cmd.Flags().StringVar(&until, "until", "30d", "when it ends: days from now, as in 30d, or a date")
	return cmd
}

// author is who says so: whom the flag names, or else whoever runs the command.
func (c *cli) author(named string) string {
	if named = strings.TrimSpace(named); named == "" {
		named, _ = c.env("USER")
	}
	return cmp.Or(named, operator())
}

// endOf reads "30d" or a date, which is meant with its end.
func endOf(text string, now time.Time) (time.Time, error) {
	var days int
	if _, err := fmt.Sscanf(text, "%dd", &days); err == nil && fmt.Sprintf("%dd", days) == text && days > 0 && days <= maxOverride {
		return now.UTC().AddDate(0, 0, days), nil
	}
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at.AddDate(0, 0, 1), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	return time.Time{}, canon.Errorf("request.override_until", "%.40q is no end", text).WithHint("write days from now, as in 30d, or a date, as in 2026-12-31")
}

func (c *cli) overrideList() *cobra.Command {
	customer := ""
	cmd := &cobra.Command{
		Use: "list", Short: "List overrides, the newest first", Args: cobra.NoArgs,
		Example: "  hub override list\n  hub override list --customer cus_0123456789abcdef0123 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withOverrides(cmd.Context(), func(o overrides) error {
				all, err := o.Overrides(cmd.Context(), customer)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]any{"overrides": orEmpty(all)})
				}
				t := newTable(c.out, "override", "customer", "field", "value", "until", "state", "author", "reason")
				holds := map[[2]string]bool{}
				for _, v := range all {
					state, what := standing(v, o.now()), [2]string{v.Customer, v.Field}
					if state == "in force" && holds[what] {
						state = "behind a newer one"
					}
					holds[what] = holds[what] || state == "in force"
					t.AppendRow([]any{v.ID, v.Customer, v.Field, v.Value, v.Until.UTC().Format("2006-01-02 15:04"), state, v.Author, v.Reason})
				}
				t.Render()
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&customer, "customer", "", "only of this customer, by its id or that of any member")
	return cmd
}

// standing says in a word whether an override holds.
func standing(v canon.Override, now time.Time) string {
	switch {
	case !v.RevokedAt.IsZero():
		return "revoked"
	case !v.Until.After(now):
		return "ended"
	case v.From.After(now):
		return "to come"
	}
	return "in force"
}

func (c *cli) overrideRevoke() *cobra.Command {
	author, reason := "", ""
	cmd := &cobra.Command{
		Use: "revoke OVERRIDE", Short: "Take an override back: what is computed holds again", Args: cobra.ExactArgs(1),
		Example: "  hub override revoke ovr_0123456789abcdef0123 --reason 'they stay'",
		RunE: func(cmd *cobra.Command, args []string) error {
			author = c.author(author)
			return c.withOverrides(cmd.Context(), func(o overrides) error {
				v, err := o.Revoke(cmd.Context(), "", args[0], author, reason)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(v)
				}
				fmt.Fprintf(c.out, "%s of %s is computed again\n", v.Field, v.Customer)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&author, "author", "", "who says so (default $USER)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, in your words")
	return cmd
}
