package lifecycle

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Overridable says what is wrong with a human's word against a computed answer, nil where nothing is.
func (p *Policy) Overridable(field, value string) error {
	if field == "stage" {
		if slices.ContainsFunc(p.stages, func(s stage) bool { return s.Key == value }) {
			return nil
		}
		var keys []string
		for _, s := range p.stages {
			keys = append(keys, s.Key)
		}
		return canon.Errorf("request.override_value", "no stage has the key %.80q", value).WithHint("the stages are %s", strings.Join(keys, ", "))
	}
	score, what, _ := strings.Cut(field, ".")
	if !slices.Contains(p.scoreNames(), score) || what != "band" && what != "value" {
		return canon.Errorf("request.override_field", "%.80q cannot be overridden", field).
			WithHint("the fields are stage, and band and value of a score, as in health.band; the scores are %s", strings.Join(p.scoreNames(), ", "))
	}
	if what == "band" {
		if value == "red" || value == "yellow" || value == "green" {
			return nil
		}
		return canon.Errorf("request.override_value", "%.80q is no band", value).WithHint("the bands are red, yellow and green")
	}
	if v, err := strconv.ParseFloat(value, 64); err != nil || !isWorth(v) {
		return canon.Errorf("request.override_value", "%.80q is no score", value).WithHint("a score is a number from 0 to 100")
	}
	return nil
}
