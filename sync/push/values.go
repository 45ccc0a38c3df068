package push

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lifecyclehub/hub/canon"
)

// The computed values that can be written back.
const (
	ValueStage          = "stage"
	ValueStageLabel     = "stage_label"
	ValueStageSince     = "stage_since" // RFC 3339, UTC, whole seconds, as is assessed_at
	ValueStageReason    = "stage_reason"
	ValueHealth         = "health"          // a whole number 0 to 100
	ValueHealthBand     = "health_band"     // green, yellow, red or unknown
	ValueHealthReasons  = "health_reasons"  // what costs most points, at most 500 characters
	ValueHealthCoverage = "health_coverage" // 0 to 1, two decimals
	ValuePolicy         = "policy"
	ValueAssessedAt     = "assessed_at"
	ValueMRR            = "mrr" // decimal
	ValueMRRCurrency    = "mrr_currency"
	ValueFlags          = "flags" // sorted, separated by semicolons
	ValueCycle          = "cycle"
	ValueCustomer       = "customer" // the customer's id
)

// textMax is the most characters of a reason, what text fields of the known CRMs hold for sure.
const textMax = 500

// ValueNames lists the computed values.
func ValueNames() []string {
	return []string{
		ValueStage, ValueStageLabel, ValueStageSince, ValueStageReason, ValueHealth, ValueHealthBand,
		ValueHealthReasons, ValueHealthCoverage, ValuePolicy, ValueAssessedAt, ValueMRR, ValueMRRCurrency,
		ValueFlags, ValueCycle, ValueCustomer,
	}
}

// Values returns every computed value of an assessment as it is written; "" for what is not known.
func Values(a canon.Assessment) map[string]string {
	v := map[string]string{
		ValueStage: a.Stage, ValueStageLabel: a.StageLabel, ValueStageSince: moment(a.StageSince),
		ValueStageReason: shorten(oneLine(a.StageReason), textMax),
		ValueHealth:      "", ValueHealthBand: a.Health.Band, ValueHealthReasons: reasons(a.Health),
		ValueHealthCoverage: strconv.FormatFloat(math.Round(a.Health.Coverage*100)/100, 'f', -1, 64),
		ValuePolicy:         a.Policy, ValueAssessedAt: moment(a.At), ValueMRR: "", ValueMRRCurrency: "",
		ValueFlags: strings.Join(slices.Sorted(slices.Values(a.Flags)), ";"), ValueCycle: "", ValueCustomer: a.Customer,
	}
	if a.Health.Value != nil {
		v[ValueHealth] = strconv.FormatFloat(*a.Health.Value, 'f', 0, 64)
	}
	if a.MRR != nil {
		v[ValueMRR], v[ValueMRRCurrency], _ = strings.Cut(a.MRR.String(), " ")
	}
	if a.Cycle > 0 {
		v[ValueCycle] = strconv.Itoa(a.Cycle)
	}
	return v
}

// restless reports whether a value changes although nothing happened: its words count days, or it is the
// time of the assessment itself.
func restless(value string) bool {
	return value == ValueHealthReasons || value == ValueStageReason || value == ValueAssessedAt
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// reasons tells the three measures that cost most points, as one line of plain text.
func reasons(s canon.Score) string {
	lost := slices.DeleteFunc(slices.Clone(s.Contributions), func(c canon.Contribution) bool {
		return c.NA != "" || c.PointsLost <= 0
	})
	slices.SortStableFunc(lost, func(a, b canon.Contribution) int {
		return cmp.Or(cmp.Compare(b.PointsLost, a.PointsLost), cmp.Compare(a.Measure, b.Measure))
	})
	var parts []string
	for _, c := range lost[:min(3, len(lost))] {
		parts = append(parts, strings.TrimRight(oneLine(cmp.Or(c.Reason, c.Title, c.Measure)), "."))
	}
	return shorten(strings.Join(parts, "; "), textMax)
}

// shorten cuts s to at most n characters, the last one then being an ellipsis.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
