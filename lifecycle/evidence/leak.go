package evidence

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Excluded is a column that no figure is made of.
type Excluded struct {
	Column string `json:"column"`
	// Code is leak.name, leak.auc, leak.pure, leak.after, id, text, constant, empty, option, label or time.
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

const (
	// leakAUC is the AUC from which a column alone gives the outcome away.
	leakAUC = 0.98
	// A value gives the outcome away where it has enough rows, nearly all of the rarer outcome, and a good part of it.
	purity      = 0.99
	pureRows    = 50
	pureShare   = 0.10
	pureLargest = 0.6
)

// leakByName says why a name is that of something known only once the outcome is, "" for none. stem are the words of the
// label's own name.
func leakByName(name string, stem []string) string {
	w := words(name)
	text := " " + strings.Join(w, " ") + " "
	has := func(any ...string) bool {
		return slices.ContainsFunc(any, func(s string) bool { return strings.Contains(text, " "+s+" ") })
	}
	outcomes := []string{"churn", "churned", "attrition", "attrited", "cancellation", "cancelled", "canceled", "cancel", "exited", "termination", "terminated", "unsubscribed", "unsubscribe", "deactivated", "deactivation", "quit"}
	if len(stem) == 1 && len(stem[0]) >= 5 && !slices.Contains([]string{"label", "target", "class", "status", "value", "active", "response"}, stem[0]) {
		outcomes = append(outcomes, stem[0])
	}
	facts := []string{"reason", "reasons", "date", "time", "day", "at", "month", "year", "label", "value", "flag", "category", "score", "type", "status", "cause", "comment", "feedback", "survey", "probability", "prob", "risk", "prediction", "predicted", "ts", "timestamp", "class", "classifier", "period", "week", "mrr", "arr", "amount", "notice", "ticket", "tickets", "refund", "next"}
	switch {
	case beside(w, outcomes, facts):
		return "by its name it tells of the outcome itself"
	case has("reason", "cause") && has("leaving", "leave", "exit", "loss", "lost", "end", "closure", "closed", "departure"), has("exit") && has("interview", "survey", "date", "reason"):
		return "by its name it is known only of those who left"
	case has("predicted", "prediction", "propensity", "classifier") || has("naive bayes"):
		return "by its name it is a forecast by another model, which may have seen the outcome"
	case has("cltv", "clv", "ltv", "lifetime value") && !has("to date"):
		return "lifetime value is mostly a forecast by another model, which may have seen the outcome"
	case has("ended", "end", "closed", "termination", "deactivation", "closure", "offboarding", "last day") && has("at", "date", "on", "reason") && !has("contract", "trial", "term", "promo", "offer", "campaign"):
		return "by its name it is written when the outcome comes about"
	}
	return ""
}

// beside says whether a name is one of the outcomes alone, or has one next to one of the facts.
func beside(name, outcomes, facts []string) bool {
	var w []string
	for _, s := range name {
		if !slices.Contains([]string{"of", "the", "for", "to", "in", "is", "has"}, s) {
			w = append(w, s)
		}
	}
	for i, s := range w {
		if slices.Contains(outcomes, s) && (len(name) == 1 || i > 0 && slices.Contains(facts, w[i-1]) || i+1 < len(w) && slices.Contains(facts, w[i+1])) {
			return true
		}
	}
	return false
}

// guard looks at what a column alone knows of the outcome. auc is how well it ranks by itself; reason is "" where it may
// be used.
func guard(col *tableColumn, label []bool, customer []string) (auc float64, reason, code string) {
	auc = alone(col, label, customer)
	if auc > leakAUC {
		return auc, fmt.Sprintf("alone it tells the outcome: AUC %.3f", auc), "leak.auc"
	}
	if why := pure(col, label); why != "" {
		return auc, why, "leak.pure"
	}
	return auc, "", ""
}

// alone is the best AUC of a column by itself: by its order in either direction, by whether it is known, or by the rate of
// its values, learned from the other half of the customers.
func alone(col *tableColumn, label []bool, customer []string) float64 {
	best := 0.5
	better := func(auc float64) {
		if !math.IsNaN(auc) {
			best = max(best, auc, 1-auc)
		}
	}
	gaps := make([]float64, len(col.x))
	for i, x := range col.x {
		gaps[i] = outcome(math.IsNaN(x))
	}
	better(AUC(gaps, label))
	if col.kind != kindCategory && 2*col.known > len(col.x) {
		better(AUC(col.x, label))
	}
	code, n := binned(col)
	const prior = 5
	risk := make([]float64, len(code))
	half := make([]int, len(code))
	for i, c := range customer {
		half[i] = int(2 * hashOf(c, 11))
	}
	for h := range 2 {
		hits, rows := make([]float64, n), make([]float64, n)
		all, total := 0.0, 0.0
		for i, c := range code {
			if half[i] != h {
				hits[c] += outcome(label[i])
				rows[c]++
				all += outcome(label[i])
				total++
			}
		}
		for i, c := range code {
			if half[i] == h {
				// Ranked by the other half's rates; the small addend keeps what was never seen at the base rate.
				risk[i] = (hits[c] + prior*all/max(1, total)) / (rows[c] + prior)
			}
		}
	}
	if auc := AUC(risk, label); auc > best {
		best = auc
	}
	return best
}

// binned parts a column into levels, or 20 bins of like size; what is not known is the last.
func binned(col *tableColumn) (code []int, n int) {
	code = make([]int, len(col.x))
	if col.kind == kindCategory {
		n = len(col.levels) + 1
		for i, x := range col.x {
			if k, ok := levelOf(x, len(col.levels)); ok {
				code[i] = k
			} else {
				code[i] = n - 1
			}
		}
		return code, n
	}
	sorted := sortedKnown(col.x)
	var edges []float64
	for b := 1; b < 20 && len(sorted) > 0; b++ {
		if c := quantileSorted(sorted, float64(b)/20); len(edges) == 0 || c > edges[len(edges)-1] {
			edges = append(edges, c)
		}
	}
	n = len(edges) + 2
	for i, x := range col.x {
		code[i] = n - 1
		if !math.IsNaN(x) {
			code[i], _ = slices.BinarySearch(edges, x)
		}
	}
	return code, n
}

// pure finds a value that nearly only rows of the rarer outcome have, as one that is written because of it.
func pure(col *tableColumn, label []bool) string {
	positives := 0
	for _, l := range label {
		positives += int(outcome(l))
	}
	rare, minority := true, positives
	if 2*positives > len(label) {
		rare, minority = false, len(label)-positives
	}
	if float64(minority) > pureLargest*float64(len(label)) || minority == 0 {
		return ""
	}
	t := tallyValues(col, label, rare)
	is := func(h, n int) bool {
		return n >= pureRows && float64(h) >= purity*float64(n) && float64(h) >= pureShare*float64(minority)
	}
	switch {
	case is(t.gapHits, t.gap):
		return fmt.Sprintf("nothing is known in %d rows, and %d of those have the rarer outcome", t.gap, t.gapHits)
	case t.gap > 0 && is(t.knownHits, t.known):
		return fmt.Sprintf("it is known of %d rows, and %d of them have the rarer outcome", t.known, t.knownHits)
	case t.many:
		return ""
	}
	for _, x := range slices.Sorted(maps.Keys(t.rows)) {
		if is(t.hits[x], t.rows[x]) {
			return fmt.Sprintf("%s has %d rows, and %d of them have the rarer outcome", col.said(x), t.rows[x], t.hits[x])
		}
	}
	return ""
}

// tallied counts rows, and those of the rarer outcome among them, by value.
type tallied struct {
	gap, gapHits, known, knownHits int
	rows, hits                     map[float64]int
	// many says that a number has more values than could each be a word for something.
	many bool
}

func tallyValues(col *tableColumn, label []bool, rare bool) tallied {
	t := tallied{rows: map[float64]int{}, hits: map[float64]int{}}
	for i, x := range col.x {
		hit := int(outcome(label[i] == rare))
		if math.IsNaN(x) {
			t.gap++
			t.gapHits += hit
			continue
		}
		t.known++
		t.knownHits += hit
		if t.many {
			continue
		}
		t.rows[x]++
		t.hits[x] += hit
		t.many = len(t.rows) > 50 && col.kind != kindCategory
	}
	return t
}

// said is a value of a column in words.
func (col *tableColumn) said(x float64) string {
	if k, ok := levelOf(x, len(col.levels)); ok && col.kind == kindCategory {
		return fmt.Sprintf("the value %q", col.levels[k])
	}
	if col.kind == kindYesNo {
		if x == 1 {
			return "yes"
		}
		return "no"
	}
	return fmt.Sprintf("the value %g", x)
}
