package identity

import (
	"cmp"
	"slices"
)

// Metrics are how well an outcome agrees with the truth.
type Metrics struct {
	// Records are those that the truth tells of, Clusters and TrueClusters how many companies or persons they are by the
	// outcome and by the truth.
	Records      int `json:"records"`
	Clusters     int `json:"clusters"`
	TrueClusters int `json:"true_clusters"`
	// Pairs are two records each: Linked by the outcome, True by the truth, Right by both.
	Linked int64 `json:"linked_pairs"`
	True   int64 `json:"true_pairs"`
	Right  int64 `json:"right_pairs"`
	Wrong  int64 `json:"wrong_pairs"`
	Missed int64 `json:"missed_pairs"`
	// Precision is Right of Linked, Recall Right of True. With nothing linked no link is wrong: precision is 1.
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	// B-cubed looks at each record: which share of its cluster belongs there, which share of those who belong to it is
	// there.
	BCubedPrecision float64 `json:"bcubed_precision"`
	BCubedRecall    float64 `json:"bcubed_recall"`
	BCubedF1        float64 `json:"bcubed_f1"`
}

// Measure compares clusters with the truth: both name, by record, what it belongs to. Records without truth, "", do
// not count.
func Measure(outcome, truth []string) Metrics {
	type both struct{ outcome, truth string }
	byOutcome, byTruth, byBoth := map[string]int64{}, map[string]int64{}, map[both]int64{}
	var m Metrics
	for i, t := range truth {
		if t == "" {
			continue
		}
		m.Records++
		byOutcome[outcome[i]]++
		byTruth[t]++
		byBoth[both{outcome[i], t}]++
	}
	m.Clusters, m.TrueClusters = len(byOutcome), len(byTruth)
	for _, n := range byOutcome {
		m.Linked += n * (n - 1) / 2
	}
	for _, n := range byTruth {
		m.True += n * (n - 1) / 2
	}
	// Summed as whole numbers per denominator, so that the order of a map leaves no trace.
	shareOutcome, shareTruth := map[int64]int64{}, map[int64]int64{}
	for k, n := range byBoth {
		m.Right += n * (n - 1) / 2
		shareOutcome[byOutcome[k.outcome]] += n * n
		shareTruth[byTruth[k.truth]] += n * n
	}
	m.Wrong, m.Missed = m.Linked-m.Right, m.True-m.Right
	m.rates()
	m.BCubedPrecision, m.BCubedRecall = mean(shareOutcome, m.Records), mean(shareTruth, m.Records)
	m.BCubedF1 = harmonic(m.BCubedPrecision, m.BCubedRecall)
	return m
}

func (m *Metrics) rates() {
	m.Precision, m.Recall = 1, 1
	if m.Linked > 0 {
		m.Precision = float64(m.Right) / float64(m.Linked)
	}
	if m.True > 0 {
		m.Recall = float64(m.Right) / float64(m.True)
	}
	m.F1 = harmonic(m.Precision, m.Recall)
}

func mean(shares map[int64]int64, records int) float64 {
	if records == 0 {
		return 1
	}
	sizes := make([]int64, 0, len(shares))
	for n := range shares {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	sum := 0.0
	for _, n := range sizes {
		sum += float64(shares[n]) / float64(n)
	}
	return sum / float64(records)
}

func harmonic(a, b float64) float64 {
	if a+b == 0 {
		return 0
	}
	return 2 * a * b / (a + b)
}

// MeasureJudged compares clusters with the pairs that the truth tells of, and with those alone. names are what
// each record goes by, the fullest first.
func (t *Truth) MeasureJudged(outcome []string, names [][]string) Metrics {
	truth := make([]string, len(outcome))
	at := map[string]int{}
	for i, of := range names {
		name := t.Name(of)
		if name == "" {
			continue
		}
		at[name] = i
		truth[i], _ = t.Cluster(name)
	}
	m := Measure(outcome, truth)
	m.Linked, m.True, m.Right = 0, 0, 0
	for pair, match := range t.judged {
		a, okA := at[pair[0]]
		b, okB := at[pair[1]]
		if !okA || !okB {
			continue
		}
		linked := outcome[a] == outcome[b]
		tick(&m.Linked, linked)
		tick(&m.True, match)
		tick(&m.Right, linked && match)
	}
	m.Wrong, m.Missed = m.Linked-m.Right, m.True-m.Right
	m.rates()
	return m
}

func tick(n *int64, yes bool) {
	if yes {
		*n++
	}
}

// Mistake is two records that are wrongly one, or wrongly two, by their place among the records.
type Mistake struct{ A, B int }

// Mistakes returns at most limit examples of records that the outcome wrongly joins, the largest wrong clusters first,
// and of records that it misses, the truth's largest first.
func Mistakes(outcome, truth []string, limit int) (wrong, missed []Mistake) {
	return unlike(outcome, truth, limit), unlike(truth, outcome, limit)
}

// unlike returns pairs that the one has together and the other apart, one of each group.
func unlike(together, apart []string, limit int) []Mistake {
	groups := map[string][]int{}
	for i, g := range together {
		if g != "" && apart[i] != "" {
			groups[g] = append(groups[g], i)
		}
	}
	var found [][]int
	for _, members := range groups {
		var differ []int
		seen := map[string]bool{}
		for _, i := range members {
			if !seen[apart[i]] {
				seen[apart[i]] = true
				differ = append(differ, i)
			}
		}
		if len(differ) > 1 {
			found = append(found, differ)
		}
	}
	slices.SortFunc(found, func(a, b []int) int { return cmp.Or(len(b)-len(a), a[0]-b[0]) })
	var out []Mistake
	for _, members := range found {
		if len(out) == limit {
			break
		}
		out = append(out, Mistake{members[0], members[1]})
	}
	return out
}
