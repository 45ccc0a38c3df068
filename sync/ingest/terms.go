package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// terms are what assessments of a transaction rest on besides customers' own facts.
type terms struct {
	since   time.Time
	trusted map[canon.Kind]time.Time
	cohorts map[string][]float64
}

// The names under which the store keeps what assessments rest on.
const (
	sinceMeta   = "readings_since"
	trustedMeta = "trusted"
	cohortsMeta = "cohorts"
)

// Kept names what the store keeps of what assessments rest on, which no record tells.
func Kept() []string { return []string{sinceMeta, trustedMeta, cohortsMeta, cohortDay} }

// counts tell how many books were used as they were kept, and how many were made anew.
type counts struct{ kept, anew atomic.Int64 }

// Books tells how many assessments rested on a kept book, and for how many the book was made anew.
func (p *Pipeline) Books() (kept, anew int64) { return p.counts.kept.Load(), p.counts.anew.Load() }

// terms reads what assessments rest on, once per transaction.
func (w *work) terms(ctx context.Context) (terms, error) {
	if w.known != nil {
		return *w.known, nil
	}
	t := terms{}
	var err error
	if t.since, err = w.since(ctx); err != nil {
		return t, err
	}
	for name, to := range map[string]any{trustedMeta: &t.trusted, cohortsMeta: &t.cohorts} {
		doc, err := w.tx.Meta(ctx, name)
		if err != nil {
			return t, err
		}
		if doc == "" {
			continue
		}
		if err := json.Unmarshal([]byte(doc), to); err != nil {
			return t, fmt.Errorf("stored %s: %w", name, err)
		}
	}
	w.known = &t
	return t, nil
}

// since is the day on which the policy's scorecards were first applied in this store, from which on readings make bands.
func (w *work) since(ctx context.Context) (time.Time, error) {
	cards := w.p.Policy.Scorecards()
	doc, err := w.tx.Meta(ctx, sinceMeta)
	if err != nil {
		return time.Time{}, err
	}
	var kept struct {
		Cards string `json:"cards"`
		Day   string `json:"day"`
	}
	if doc != "" {
		if err := json.Unmarshal([]byte(doc), &kept); err != nil {
			return time.Time{}, fmt.Errorf("stored %s: %w", sinceMeta, err)
		}
	}
	if kept.Cards == cards {
		return time.Parse(time.DateOnly, kept.Day)
	}
	day := w.now.UTC().Truncate(24 * time.Hour)
	text := fmt.Sprintf(`{"cards":%s,"day":%s}`, strconv.Quote(cards), strconv.Quote(day.Format(time.DateOnly)))
	return day, w.tx.SetMeta(ctx, sinceMeta, text)
}

// overrides returns what people said against computed answers of customers, by customer.
func (w *work) overrides(ctx context.Context, ids []string) (map[string][]canon.Override, error) {
	if w.spoken == nil {
		any, err := w.tx.HasOverrides(ctx)
		if err != nil {
			return nil, err
		}
		w.spoken = &any
	}
	out := map[string][]canon.Override{}
	if !*w.spoken {
		return out, nil
	}
	all, err := w.tx.Overrides(ctx, ids)
	for _, o := range all {
		out[o.Customer] = append(out[o.Customer], o)
	}
	return out, err
}

// seen widens the time over which a customer is known.
func seen(s *canon.CustomerState, at time.Time) {
	if at.After(s.LastEventAt) {
		s.LastEventAt = at
	}
	if s.FirstSeenAt.IsZero() || at.Before(s.FirstSeenAt) {
		s.FirstSeenAt = at
	}
}
