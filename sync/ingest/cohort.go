package ingest

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

const (
	// cohortMost is how many customers' metrics are looked at, cohortLeast how many must know one for it to be ranked.
	cohortMost, cohortLeast = 20_000, 30
	// cohortDay is the name under which the store keeps on which day ranks were last worked out.
	cohortDay = "cohorts_day"
)

// Rank works out, once a UTC day, how the metrics that the policy ranks are spread over all customers: their values at the
// 0th to 100th percentile. It does nothing where the policy ranks none.
func (p *Pipeline) Rank(ctx context.Context) error {
	keys := p.Policy.Percentiles()
	if len(keys) == 0 || p.Metrics == nil {
		return nil
	}
	today := p.Now().UTC().Format(time.DateOnly)
	if last := p.ranked.Load(); last != nil && *last == today {
		return nil
	}
	done := ""
	err := p.Atomic(ctx, func(tx Tx) (err error) {
		done, err = tx.Meta(ctx, cohortDay)
		return err
	})
	if err != nil {
		return err
	}
	if done != today {
		if err := p.rank(ctx, keys, today); err != nil {
			return err
		}
	}
	p.ranked.Store(&today)
	return nil
}

func (p *Pipeline) rank(ctx context.Context, keys []string, today string) error {
	values := map[string][]float64{}
	err := p.Metrics(ctx, cohortMost, func(metrics map[string]float64) {
		for _, k := range keys {
			if v, ok := metrics[k]; ok {
				values[k] = append(values[k], v)
			}
		}
	})
	if err != nil {
		return err
	}
	cohorts := map[string][]float64{}
	for k, vs := range values {
		if len(vs) >= cohortLeast {
			cohorts[k] = quantiles(vs)
		}
	}
	doc, err := json.Marshal(cohorts)
	if err != nil {
		return err
	}
	return p.Atomic(ctx, func(tx Tx) error {
		if err := tx.SetMeta(ctx, cohortsMeta, string(doc)); err != nil {
			return err
		}
		return tx.SetMeta(ctx, cohortDay, today)
	})
}

// quantiles returns the 0th to 100th percentile of values.
func quantiles(values []float64) []float64 {
	slices.Sort(values)
	out := make([]float64, 101)
	for i := range out {
		// In whole numbers, so that a value which is there is told as it is.
		low, rest := i*(len(values)-1)/100, i*(len(values)-1)%100
		high := min(low+1, len(values)-1)
		out[i] = values[low] + float64(rest)/100*(values[high]-values[low])
	}
	return out
}
