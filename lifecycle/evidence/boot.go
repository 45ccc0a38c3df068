package evidence

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is an estimate and the range in which it lies with 95 % confidence. What is not known is NaN, and null in JSON.
type Interval struct {
	Value, Low, High float64
}

// MarshalJSON writes what is not known as null.
func (i Interval) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Value Number `json:"value"`
		Low   Number `json:"low"`
		High  Number `json:"high"`
	}{Number(i.Value), Number(i.Low), Number(i.High)})
}

// Number is a float64 that JSON tells as null where it is not known.
type Number float64

// MarshalJSON writes NaN and infinities as null.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// Includes says whether v lies in the range; an unknown range includes everything.
func (i Interval) Includes(v float64) bool {
	return !(i.Low > v) && !(i.High < v)
}

// widened is the interval with both arms longer by a factor; below 1 it stays as it is.
func (i Interval) widened(by float64) Interval {
	if by <= 1 {
		return i
	}
	return Interval{Value: i.Value, Low: i.Value - by*(i.Value-i.Low), High: i.Value + by*(i.High-i.Value)}
}

// Boot says how a bootstrap draws.
type Boot struct {
	// Replicates is how often it draws; 0 means 400.
	Replicates int
	// Seed makes the same draws come again.
	Seed uint64
}

// ClusterBootstrap returns the 95 % percentile interval of a statistic when whole clusters are drawn with replacement:
// the rows of one customer are not independent of each other, so they come and stay away together. cluster names each
// row's; stat is told how often each row was drawn, and with nil gives the estimate. Draws in which the statistic is not
// defined are left out. The interval always holds the estimate.
func ClusterBootstrap(cluster []string, stat func(weight []float64) float64, o Boot) Interval {
	return clusterBootstraps(cluster, 1, func(w []float64, out []float64) { out[0] = stat(w) }, o)[0]
}

// clusterBootstraps is ClusterBootstrap of n statistics on the same draws.
func clusterBootstraps(cluster []string, n int, stats func(weight []float64, out []float64), o Boot) []Interval {
	if o.Replicates == 0 {
		o.Replicates = 400
	}
	of, clusters := clusterNumbers(cluster)
	estimate := make([]float64, n)
	stats(nil, estimate)
	draws := make([][]float64, n)
	rng := rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15))
	counts := make([]float64, clusters)
	weight := make([]float64, len(cluster))
	out := make([]float64, n)
	for range o.Replicates {
		clear(counts)
		for range clusters {
			counts[rng.IntN(clusters)]++
		}
		for i, c := range of {
			weight[i] = counts[c]
		}
		stats(weight, out)
		for j, v := range out {
			if !math.IsNaN(v) {
				draws[j] = append(draws[j], v)
			}
		}
	}
	intervals := make([]Interval, n)
	for j := range intervals {
		intervals[j] = percentiles(estimate[j], draws[j])
	}
	return intervals
}

// percentiles is the interval of an estimate from its draws.
func percentiles(estimate float64, draws []float64) Interval {
	if len(draws) == 0 || math.IsNaN(estimate) {
		return Interval{Value: estimate, Low: math.NaN(), High: math.NaN()}
	}
	slices.Sort(draws)
	return Interval{Value: estimate, Low: min(estimate, quantileSorted(draws, 0.025)), High: max(estimate, quantileSorted(draws, 0.975))}
}

// clusterNumbers numbers the clusters in the order in which they first appear. Rows without a name are clusters of their own.
func clusterNumbers(cluster []string) (of []int, n int) {
	of = make([]int, len(cluster))
	seen := make(map[string]int, len(cluster))
	for i, c := range cluster {
		k, ok := seen[c]
		if !ok || c == "" {
			k = n
			n++
			seen[c] = k
		}
		of[i] = k
	}
	return of, n
}

// Quantile returns the p-quantile of the known values by linear interpolation between order statistics; NaN without values.
func Quantile(values []float64, p float64) float64 {
	return quantileSorted(sortedKnown(values), p)
}

// Median is the 0.5 quantile.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// sortedKnown returns the values that are not NaN in ascending order, as a copy.
func sortedKnown(values []float64) []float64 {
	out := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

func quantileSorted(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := p * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	if sorted[i] == sorted[i+1] {
		return sorted[i]
	}
	f := at - float64(i)
	return sorted[i]*(1-f) + sorted[i+1]*f
}
