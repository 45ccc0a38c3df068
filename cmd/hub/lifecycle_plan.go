package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
)

// policyPlan is what another policy would change.
type policyPlan struct {
	// From is the policy in force, To the one on trial, At the moment that both answers hold for.
	From string    `json:"from"`
	To   string    `json:"to"`
	At   time.Time `json:"at"`
	// InForce says that To is the policy in force already, word by word.
	InForce        bool                   `json:"in_force"`
	Differences    []lifecycle.Difference `json:"differences"`
	Part           string                 `json:"part"`
	VersionCounted bool                   `json:"version_counted"`
	LeastVersion   string                 `json:"least_version"`
	// Customers are those who were looked at, Changed those of whom something would be told that is not now.
	Customers int           `json:"customers"`
	Changed   int           `json:"changed"`
	Stages    []planMove    `json:"stages"`
	Verdicts  []planMove    `json:"verdicts"`
	Scores    []planScore   `json:"scores"`
	Segments  []planSegment `json:"segments"`
	Plays     []planPlay    `json:"plays"`
	// List are the first of those who change, with reasons.
	List []planCustomer `json:"list"`
}

// planMove counts who goes from one answer to another, or keeps it.
type planMove struct {
	From      string `json:"from"`
	To        string `json:"to"`
	Customers int    `json:"customers"`
	// Share is of all who are at From now.
	Share float64 `json:"share"`
}

// planScore is what becomes of the bands of a score.
type planScore struct {
	Score string `json:"score"`
	// Changed counts those in another band, Moved those whose rounded value is another in whatever band.
	Changed int        `json:"changed"`
	Moved   int        `json:"moved"`
	Bands   []planMove `json:"bands"`
}

type planSegment struct {
	Segment string `json:"segment"`
	Before  int    `json:"before"`
	After   int    `json:"after"`
	Joins   int    `json:"joins"`
	Leaves  int    `json:"leaves"`
}

// planPlay is what a play would do at once that it would not do without the change.
type planPlay struct {
	Play string `json:"play"`
	Mode string `json:"mode"`
	// Fires counts what comes, Told those of them that are told to the outside, Holdout those of the share that gets no
	// play; HeldBack what a guard holds back.
	Fires    int `json:"fires"`
	Told     int `json:"told"`
	Holdout  int `json:"holdout"`
	HeldBack int `json:"held_back"`
}

// planCustomer is what would change for a customer.
type planCustomer struct {
	ID       string       `json:"id"`
	Name     string       `json:"name,omitempty"`
	Stage    *planChange  `json:"stage,omitempty"`
	Bands    []planChange `json:"bands,omitempty"`
	Verdict  *planChange  `json:"verdict,omitempty"`
	Joins    []string     `json:"joins,omitempty"`
	Leaves   []string     `json:"leaves,omitempty"`
	Plays    []string     `json:"plays,omitempty"`
	Assessed *planAnswer  `json:"then,omitempty"`
}

// planAnswer is where the customer would stand.
type planAnswer struct {
	Stage    string            `json:"stage"`
	Verdict  string            `json:"verdict,omitempty"`
	Bands    map[string]string `json:"bands"`
	Segments []string          `json:"segments,omitempty"`
}

// planChange is one answer in the place of another, and why.
type planChange struct {
	Score  string `json:"score,omitempty"`
	From   string `json:"from"`
	To     string `json:"to"`
	Before string `json:"value_before,omitempty"`
	After  string `json:"value_after,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// exitChanges is what plan ends with where it was asked to tell by its exit code that something would change.
const exitChanges = exitStatus(2)

// exitStatus ends the program with a code that is an answer, so that nothing more is said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func (c *cli) planPolicy() *cobra.Command {
	var code bool
	list := 20
	cmd := &cobra.Command{Use: "plan [POLICY]", Short: "Say who would change stage, band, verdict, segment or play under another policy, and change nothing", Args: cobra.MaximumNArgs(1),
		Long: `plan compares the policy in force with another: what differs in meaning, and what that comes to. Every customer is assessed
under both at the same moment, by what is known now. POLICY is a file or the name of a pack; without it, it is the policy
that hub.yaml names. Nothing is written. A hub may run meanwhile.`,
		Example: "  hub lifecycle plan lifecycle.yaml\n  hub lifecycle plan lifecycle.yaml --customers 200 --json\n  hub lifecycle plan --exit-code   # 0: nothing would change, 2: something would",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := c.plan(cmd.Context(), args, list)
			if err != nil {
				return err
			}
			if c.json {
				err = c.print(p)
			} else {
				p.write(c.out)
			}
			if err == nil && code && (len(p.Differences) > 0 || p.Changed > 0) {
				return exitChanges
			}
			return err
		}}
	cmd.Flags().BoolVar(&code, "exit-code", false, "end with 2 where something would change")
	cmd.Flags().IntVar(&list, "customers", list, "the most customers to list by name")
	return cmd
}

// plan works out what the policy that the arguments name would change, listing at most so many customers.
func (c *cli) plan(ctx context.Context, args []string, list int) (*policyPlan, error) {
	w, err := c.planner(args)
	if err != nil {
		return nil, err
	}
	w.most = max(list, 0)
	err = c.withStore(ctx, func(db *store.DB) error {
		w.db = db
		return w.run(ctx)
	})
	return w.out, err
}

// planner reads the policy on trial.
func (c *cli) planner(args []string) (*planner, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	w := &planner{cfg: cfg, now: clock(cfg)(), say: func(int64, int64) {}}
	if len(args) == 0 {
		w.to, err = configuredPolicy(cfg)
	} else {
		w.to, err = policyTextNamed(args[0])
	}
	if err != nil {
		return nil, c.wrong(c.err, err)
	}
	if !c.json {
		w.say = c.planProgress()
	}
	return w, nil
}

// policyTextNamed reads a policy from a file, or a pack by its name.
func policyTextNamed(name string) (policyText, error) {
	if _, err := os.Stat(name); err != nil && slices.Contains(lifecycle.Packs(), name) {
		return packText(name)
	}
	return readPolicy(name)
}

// planProgress tells how far a plan has come: on a terminal in place, in a pipe a line now and then.
func (c *cli) planProgress() func(done, of int64) {
	start, told, live := time.Now(), time.Now(), isTerminal(c.err)
	every := 5 * time.Second
	if live {
		every = 200 * time.Millisecond
	}
	shown := false
	return func(done, of int64) {
		end := of < 0
		if end && live && shown {
			fmt.Fprint(c.err, "\r\x1b[K")
		}
		if end || time.Since(told) < every {
			return
		}
		told, shown = time.Now(), true
		rate := float64(done) / max(time.Since(start).Seconds(), 0.001)
		line := fmt.Sprintf("%d of %d customers assessed under both policies, %.0f a second", done, of, rate)
		if left := of - done; left > 0 && rate > 0 {
			line += fmt.Sprintf(", %s left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
		}
		if live {
			fmt.Fprintf(c.err, "\r\x1b[K%s", line)
		} else {
			fmt.Fprintln(c.err, line)
		}
	}
}

// refused complains where the version of the policy on trial does not tell what it says otherwise.
func (p *policyPlan) refused() error {
	if p.VersionCounted {
		return nil
	}
	return canon.Errorf("lifecycle.version", "%s must be counted up to %s at least (%s)", p.To, p.LeastVersion, p.Part).
		WithHint("the version is told with every answer; write version: %s into the file", p.LeastVersion)
}
