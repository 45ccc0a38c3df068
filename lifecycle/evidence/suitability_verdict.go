package evidence

import (
	"cmp"
	"fmt"
	"math"

	"github.com/lifecyclehub/hub/lifecycle"
)

// declare takes over what the policy says of a measure. Several cards of a score may have it: what one of them says of it
// then holds, but a direction only where they agree.
func (one *Suiting) declare(measures []lifecycle.MeasureInfo) {
	ways := map[int]bool{}
	for _, m := range measures {
		if one.Group != GroupMeasure || measureKey(m.Score, m.Key) != one.Key {
			continue
		}
		ways[m.Direction] = true
		able := m.Influenceable || one.Influenceable != nil && *one.Influenceable
		one.Influenceable = &able
		one.Leading, one.alarming = one.Leading || m.Leading, one.alarming || !m.Forecast
		one.Play, one.Hypothesis = cmp.Or(one.Play, m.Play), cmp.Or(one.Hypothesis, m.Hypothesis)
		one.Weight = max(one.Weight, m.Weight)
		one.Declared = m.Direction
	}
	one.told = len(ways) == 1
	if !one.told {
		one.Declared = 0
	}
	one.middled = one.told && ways[0]
}

// direction compares the way that the card declares with the way that history goes. What is best in the middle was ranked by
// what its curve makes of it, of which more is always better.
func (one *Suiting) direction(s *Study, j int) {
	if !one.told || math.IsNaN(one.AUC.Value.Value) {
		return
	}
	declared := one.Declared
	if one.middled {
		if len(known(s.column(j+1))) == 0 {
			return
		}
		declared = 1
	}
	agrees := one.Rises == (declared < 0) != s.o.Label.Good()
	one.Agrees = &agrees
}

// judge gives the verdict: keep what tells, as declared, on enough rows, and what somebody can do something about; drop what
// tells nothing or the opposite; try the rest.
func (one *Suiting) judge() {
	one.Verdict, one.Reason = one.byHistory()
	if one.Influenceable == nil || !one.alarming {
		return
	}
	useless := !(float64(one.Gain) > 0)
	switch {
	case one.Verdict == SuitKeep && !*one.Influenceable:
		one.Verdict, one.Reason = SuitTrial, "it tells, but nobody can do anything about it: it belongs into a forecast, not into an alarm"
	case one.Verdict == SuitKeep && *one.Influenceable && one.Play == "":
		one.Reason += "; no play answers it yet"
	case one.Verdict == SuitTrial && !*one.Influenceable && useless && min(one.N1, one.N0) >= FewestPositives:
		one.Verdict, one.Reason = SuitDrop, one.Reason+"; it adds nothing to the card, and nobody can do anything about it"
	}
}

// byHistory is the verdict by what history shows alone.
func (one *Suiting) byHistory() (verdict, reason string) {
	few := min(one.N1, one.N0) < FewestPositives
	tells := one.AUC.Value.Low > 0.5 && float64(one.Q) < 0.05
	wrong := one.Agrees != nil && !*one.Agrees
	switch {
	case one.N1 < fewestEvents || one.N0 < fewestEvents || math.IsNaN(one.AUC.Value.Value):
		return SuitTrial, fmt.Sprintf("known on too few rows to say (%d with the outcome, %d without)", one.N1, one.N0)
	case tells && wrong:
		return SuitDrop, "it tells, but the other way round than its curve says: mend the curve or drop it"
	case tells && few:
		return SuitTrial, fmt.Sprintf("it tells, on fewer than %d outcomes of either kind", FewestPositives)
	case tells && float64(one.Coverage) < 0.5:
		return SuitTrial, fmt.Sprintf("it tells, but is known on only %.0f %% of the rows", 100*float64(one.Coverage))
	case tells && float64(one.Rho) > 0.8 && !(float64(one.Gain) > 0):
		return SuitTrial, "it tells nothing that " + one.With + " does not tell"
	case tells && one.Agrees == nil:
		return SuitKeep, "it tells the outcome"
	case tells:
		return SuitKeep, "it tells the outcome, as declared"
	case few:
		return SuitTrial, "too few outcomes to tell whether it does"
	}
	return SuitDrop, "history does not show that it tells the outcome"
}
