package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// summary is what a round came to. All but Round are what is held now.
type summary struct {
	Records     int64            `json:"records"`
	Entities    map[string]int64 `json:"entities"`
	Customers   int64            `json:"customers"`
	Events      int64            `json:"events"`
	Assessed    int64            `json:"assessed"`
	Stages      map[string]int64 `json:"stages"`
	Bands       map[string]int64 `json:"bands"`
	Pushes      pushSummary      `json:"pushes"`
	Deliveries  deliverySummary  `json:"deliveries"`
	DeadLetters int64            `json:"dead_letters"`
	// Round is what this round alone did.
	Round   roundSummary `json:"round"`
	Failed  []string     `json:"failed,omitempty"`
	Seconds float64      `json:"seconds"`
}

// pushSummary counts fields in vendors' records that hold what Hub wrote.
type pushSummary struct {
	Written   int64 `json:"written"`
	Verified  int64 `json:"verified"`
	Conflicts int64 `json:"conflicts"`
	Failed    int64 `json:"failed"`
}

type deliverySummary struct {
	Delivered int64 `json:"delivered"`
	Failed    int64 `json:"failed"`
	Pending   int64 `json:"pending"`
	Skipped   int64 `json:"skipped"`
}

type roundSummary struct {
	Records    int64 `json:"records"`
	Changed    int64 `json:"changed"`
	Events     int64 `json:"events"`
	Pushes     int64 `json:"pushes"`
	Deliveries int64 `json:"deliveries"`
}

// before is what was there when a round began.
type before struct {
	at                                           time.Time
	events, delivered, records, changed, written int64
}

func (a *app) begin(ctx context.Context) (before, error) {
	c, err := a.db.Counts(ctx)
	return before{at: time.Now(), events: c.Statements, delivered: total(c.Deliveries),
		records: a.counts.records.Load(), changed: a.counts.changed.Load(), written: a.counts.written.Load()}, err
}

func total(m map[string]int64) int64 {
	n := int64(0)
	for _, v := range m {
		n += v
	}
	return n
}

func (a *app) summary(ctx context.Context, b before) (summary, error) {
	c, err := a.db.Counts(ctx)
	if err != nil {
		return summary{}, err
	}
	s := summary{Records: c.Records, Entities: c.Entities, Customers: c.Customers, Events: c.Events, Assessed: c.Assessed, Stages: c.Stages, Bands: c.Bands, DeadLetters: c.DeadLetters,
		Pushes: pushSummary{Written: c.Pushes["verified"] + c.Pushes["sent"] + c.Pushes["failed"], Verified: c.Pushes["verified"], Conflicts: c.Pushes["conflict"],
			Failed: c.Pushes["failed"] + c.Pushes["sent"] + a.counts.refused.Load()},
		Deliveries: deliverySummary{Delivered: c.Deliveries[canon.DeliveryDelivered], Failed: c.Deliveries[canon.DeliveryDead] + c.Deliveries[canon.DeliveryExpired],
			Pending: c.Deliveries[canon.DeliveryPending], Skipped: c.Deliveries[canon.DeliverySkipped]},
		Round: roundSummary{Records: a.counts.records.Load() - b.records, Changed: a.counts.changed.Load() - b.changed, Events: c.Statements - b.events,
			Pushes: a.counts.written.Load() - b.written, Deliveries: total(c.Deliveries) - b.delivered},
		Seconds: math.Round(time.Since(b.at).Seconds()*1000) / 1000}
	for _, k := range canon.Kinds() {
		if _, there := s.Entities[string(k)]; !there {
			s.Entities[string(k)] = 0
		}
	}
	states, err := a.db.Streams(ctx)
	if err != nil {
		return s, err
	}
	for _, st := range states {
		if st.Status == "failed" && a.configured(st.Connection) {
			s.Failed = append(s.Failed, st.Connection+"/"+st.Stream)
		}
	}
	return s, nil
}

func (a *app) configured(connection string) bool {
	return slices.ContainsFunc(a.vendors, func(v *vendor) bool { return v.cfg.Name == connection })
}

// verdict returns an error where anything was lost or failed.
func (s summary) verdict() error {
	var bad []string
	if len(s.Failed) > 0 {
		bad = append(bad, "streams failed: "+strings.Join(s.Failed, ", "))
	}
	if s.Pushes.Failed > 0 {
		bad = append(bad, plural(s.Pushes.Failed, "field was not written back", "fields were not written back"))
	}
	if s.Deliveries.Failed > 0 {
		bad = append(bad, plural(s.Deliveries.Failed, "webhook was not delivered", "webhooks were not delivered"))
	}
	if s.Deliveries.Pending > 0 {
		bad = append(bad, plural(s.Deliveries.Pending, "webhook waits for a retry", "webhooks wait for a retry"))
	}
	if len(bad) == 0 {
		return nil
	}
	return canon.Errorf("round.failed", "%s", strings.Join(bad, "; ")).
		WithHint("`hub sync` goes on where this stopped; `hub connections`, `hub push` and `hub webhooks deliveries` say why")
}

// write prints the summary for people.
func (s summary) write(w io.Writer) {
	kinds := func(m map[string]int64) string {
		var parts []string
		for _, k := range slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(int(m[b]-m[a]), strings.Compare(a, b)) }) {
			if m[k] > 0 {
				parts = append(parts, fmt.Sprintf("%s %d", cmp.Or(k, "none"), m[k]))
			}
		}
		return strings.Join(parts, ", ")
	}
	fmt.Fprintf(w, "records      %d (%d new or changed in this round)\n", s.Records, s.Round.Changed)
	fmt.Fprintf(w, "entities     %s\n", kinds(s.Entities))
	fmt.Fprintf(w, "customers    %d, of which %d assessed\n", s.Customers, s.Assessed)
	fmt.Fprintf(w, "stages       %s\n", kinds(s.Stages))
	fmt.Fprintf(w, "health       %s\n", kinds(s.Bands))
	fmt.Fprintf(w, "events       %d (%d told in this round)\n", s.Events, s.Round.Events)
	fmt.Fprintf(w, "write-back   %d fields verified, %d conflicts, %d failed\n", s.Pushes.Verified, s.Pushes.Conflicts, s.Pushes.Failed)
	fmt.Fprintf(w, "webhooks     %d delivered, %d failed, %d pending\n", s.Deliveries.Delivered, s.Deliveries.Failed, s.Deliveries.Pending)
	fmt.Fprintf(w, "dead letters %d\n", s.DeadLetters)
	fmt.Fprintf(w, "took         %.1f s\n", s.Seconds)
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", one)
	}
	return fmt.Sprintf("%d %s", n, many)
}
