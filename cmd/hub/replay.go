package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// remapAtOnce is how many records one transaction maps again.
const remapAtOnce = 200

// The names under which the store keeps by which mapping a connection's records were mapped, and how far mapping
// them again has come.
func mappedBy(connection string) string          { return "mapping:" + connection }
func remapMark(connection, stream string) string { return "remap:" + connection + "/" + stream }

// remapDone stands in a mark for the row where a stream has been mapped to its end.
const remapDone = "done"

func (c *cli) replayCommand() *cobra.Command {
	var o remapOptions
	var remap, changes bool
	var since string
	cmd := &cobra.Command{
		Use:   "replay --remap | --changes",
		Short: "Apply the present mapping to every record that is held, or publish changes on NATS once more",
		Long: `With --remap: every version of every record that Hub ever read is kept. After a mapping was edited, replay maps them all again and
brings entities, customers, timelines and assessments to what they would be had the mapping always been this one. What
no longer follows from the records is taken back, but stays answerable as what was known then. A run that was stopped
goes on where it was.

With --changes: publishes what was told before on NATS once more, as far back as the store holds it, for subscribers that
came later or lost what they had. The changes keep their ids and carry the header Hub-Again. Webhooks are not sent and
fields are not written again.`,
		Example: "  hub replay --remap\n  hub replay --changes --since 2026-01-31\n  hub replay --remap --connection hubspot --stream deals",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case remap == changes:
				return canon.Errorf("usage", "say what to replay").
					WithHint("--remap applies the present mapping to the records held, --changes publishes on NATS once more; `hub deadletters replay` maps the faulty ones again")
			case changes && o.connection+o.stream != "":
				return canon.Errorf("usage", "--connection and --stream do not go with --changes").WithHint("--changes publishes everybody's; --since says from when on")
			case remap && since != "":
				return canon.Errorf("usage", "--since does not go with --remap").WithHint("--remap maps every version held; --connection and --stream say of what")
			case changes:
				return c.tellAgain(cmd.Context(), since)
			}
			return c.remap(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&remap, "remap", false, "apply the present mapping to all versions held")
	cmd.Flags().BoolVar(&changes, "changes", false, "publish changes on NATS once more")
	cmd.Flags().StringVar(&since, "since", "", "with --changes: only those recorded since this `moment`")
	cmd.Flags().StringVar(&o.connection, "connection", "", "only this connection")
	cmd.Flags().StringVar(&o.stream, "stream", "", "only this stream")
	return cmd
}

// remapOptions say what to map again.
type remapOptions struct {
	connection, stream string
	// show hears how far a stream has come.
	show func(connection, stream string, done, total int64)
}

// remapped is what mapping again came to.
type remapped struct {
	Records     int `json:"records"`
	Entities    int `json:"entities_changed"`
	Events      int `json:"events_added"`
	Superseded  int `json:"events_superseded"`
	DeadLetters int `json:"dead_letters"`
	// Streams are those that were mapped.
	Streams []string `json:"streams"`
}

func (c *cli) remap(ctx context.Context, o remapOptions) error {
	var sum remapped
	if !c.json {
		o.show = remapProgress(c.err)
	}
	err := c.withApp(ctx, func(ctx context.Context, _ *errgroup.Group, a *app) error {
		// What an earlier process left on the belt comes first, so that it is mapped but once.
		if err := a.await(ctx, func() (bool, error) {
			n, err := a.bus.RecordsWaiting(ctx)
			return n == 0, err
		}); err != nil {
			return err
		}
		var err error
		if sum, err = a.remap(ctx, o); err != nil {
			return err
		}
		if err := a.assess(ctx); err != nil {
			return err
		}
		return a.settleOut(ctx)
	})
	if err != nil {
		return err
	}
	if c.json {
		return c.print(sum)
	}
	fmt.Fprintf(c.out, "%s of %s mapped again: %s changed, %s added, %s superseded", plural(int64(sum.Records), "record", "records"),
		plural(int64(len(sum.Streams)), "stream", "streams"), plural(int64(sum.Entities), "entity", "entities"), plural(int64(sum.Events), "event", "events"),
		plural(int64(sum.Superseded), "event", "events"))
	if sum.DeadLetters > 0 {
		fmt.Fprintf(c.out, ", %s (`hub deadletters`)", plural(int64(sum.DeadLetters), "dead letter", "dead letters"))
	}
	fmt.Fprintln(c.out)
	return nil
}

// remapProgress tells of a stream at its beginning, every few seconds, and at its end.
func remapProgress(w io.Writer) func(connection, stream string, done, total int64) {
	var last time.Time
	return func(connection, stream string, done, total int64) {
		if now := time.Now(); done >= total || now.Sub(last) > 2*time.Second {
			last = now
			fmt.Fprintf(w, "%s/%s: %d of %d records mapped again\n", connection, stream, min(done, total), total)
		}
	}
}

// remap maps the records of the chosen streams again.
func (a *app) remap(ctx context.Context, o remapOptions) (remapped, error) {
	sum := remapped{Streams: []string{}}
	states, err := a.db.Streams(ctx)
	if err != nil {
		return sum, err
	}
	if o.connection != "" && !a.configured(o.connection) {
		return sum, canon.Errorf("connection.unknown", "connection %q is not configured", o.connection).WithHint("see `connections` in hub.yaml")
	}
	known := o.stream == ""
	for _, v := range a.vendors {
		if o.connection != "" && v.cfg.Name != o.connection {
			continue
		}
		hash := v.mapping.Hash()
		for _, s := range states {
			if s.Connection != v.cfg.Name || o.stream != "" && s.Stream != o.stream {
				continue
			}
			known = true
			if err := a.remapStream(ctx, o, s, hash, &sum); err != nil {
				return sum, err
			}
		}
		if o.stream == "" {
			if err := a.noteMapping(ctx, v.cfg.Name, hash, states); err != nil {
				return sum, err
			}
		}
	}
	if !known {
		return sum, canon.Errorf("stream.unknown", "nothing of a stream %q is held", o.stream).WithHint("`hub connections` lists the streams")
	}
	return sum, nil
}

// remapStream maps one stream again, from where an earlier run by the same mapping stopped.
func (a *app) remapStream(ctx context.Context, o remapOptions, s canon.StreamState, hash string, sum *remapped) error {
	mark := remapMark(s.Connection, s.Stream)
	kept, err := a.db.Meta(ctx, mark)
	if err != nil {
		return err
	}
	var after int64
	if by, row, _ := strings.Cut(kept, " "); by == hash {
		if row == remapDone && o.stream == "" {
			return nil
		}
		// A mark that is no number is that of a run that came to its end: this one begins anew.
		after, _ = strconv.ParseInt(row, 10, 64)
	}
	sum.Streams = append(sum.Streams, s.Connection+"/"+s.Stream)
	note := func(row int64) string { return hash + " " + strconv.FormatInt(row, 10) }
	for done := int64(0); ; {
		last, res, err := a.pipe.RemapStretch(ctx, ingest.Stretch{Connection: s.Connection, Stream: s.Stream, After: after, Limit: remapAtOnce, Mark: mark, Note: note})
		if err != nil {
			return err
		}
		if last == 0 {
			break
		}
		a.wake()
		after, done = last, done+int64(res.Changed)
		sum.add(res)
		if o.show != nil {
			o.show(s.Connection, s.Stream, done, s.Held)
		}
	}
	return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.SetMeta(ctx, mark, hash+" "+remapDone) })
}

func (r *remapped) add(res ingest.Result) {
	r.Records += res.Changed
	r.Entities += res.Entities
	r.Events += res.Events
	r.Superseded += res.Superseded
	r.DeadLetters += res.DeadLetters
}

// noteMapping keeps that everything held of a connection is mapped by the mapping of this hash.
func (a *app) noteMapping(ctx context.Context, connection, hash string, states []canon.StreamState) error {
	return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		for _, s := range states {
			if s.Connection == connection {
				if err := tx.SetMeta(ctx, remapMark(connection, s.Stream), ""); err != nil {
					return err
				}
			}
		}
		return tx.SetMeta(ctx, mappedBy(connection), hash)
	})
}

// noticeMappings tells of the connections whose mapping is another one than their records were mapped by.
func (a *app) noticeMappings(ctx context.Context, w io.Writer) error {
	var states []canon.StreamState
	for _, v := range a.vendors {
		name, hash := v.cfg.Name, v.mapping.Hash()
		before, err := a.db.Meta(ctx, mappedBy(name))
		if err != nil {
			return err
		}
		if before == hash {
			continue
		}
		if states == nil && before != "" {
			if states, err = a.db.Streams(ctx); err != nil {
				return err
			}
		}
		if before != "" && slices.ContainsFunc(states, func(s canon.StreamState) bool { return s.Connection == name && s.Held > 0 }) {
			fmt.Fprintf(w, "the mapping of %s changed; run hub replay --remap --connection %s to apply it to what is already here\n", name, name)
			continue
		}
		if err := a.noteMapping(ctx, name, hash, nil); err != nil {
			return err
		}
	}
	return nil
}

// acceptDeletes takes what the last full lists of streams no longer held as deleted, where that was too much to be
// believed. Streams are named CONNECTION/STREAM.
func (a *app) acceptDeletes(ctx context.Context, w io.Writer, names []string) error {
	for _, name := range names {
		connection, stream, ok := strings.Cut(name, "/")
		if !ok {
			return canon.Errorf("usage", "%q names no stream", name).WithHint("write it as CONNECTION/STREAM")
		}
		res, err := a.pipe.AcceptDeletes(ctx, connection, stream)
		if err != nil {
			return err
		}
		a.wake()
		fmt.Fprintf(w, "%s: %s taken as deleted\n", name, plural(int64(res.Missing), "record", "records"))
	}
	return nil
}
