package lifecycle

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/expr-lang/expr/ast"
)

// word returns the i-th argument of a call, which must stand there as it is.
func word(n *ast.CallNode, i int) (string, error) {
	s, ok := n.Arguments[i].(*ast.StringNode)
	if !ok {
		return "", fmt.Errorf("%s takes a name in quotes", calleeOf(n))
	}
	return s.Value, nil
}

func (c *viewCompiler) callTruth(n *ast.CallNode) (viewTruth, error) {
	if calleeOf(n) == "known" {
		c.limit = 0 // whether an age is known does not change with time alone
		of, err := c.toNumber(n.Arguments[0])
		return func(v *View) tri { _, ok := of(v); return triOf(ok, true) }, err
	}
	name, err := "", error(nil)
	if len(n.Arguments) > 0 {
		if name, err = word(n, 0); err != nil {
			return nil, err
		}
	}
	switch calleeOf(n) {
	case "flag":
		c.use("flag", name)
		return func(v *View) tri { return triOf(v.Flag(name), true) }, nil
	case "in_segment":
		c.use("segment", name)
		return func(v *View) tri { return triOf(v.InSegment(name), true) }, nil
	case "capped":
		return c.capped(n, name)
	}
	return nil, unsupported(n)
}

// capped compiles capped("health") and capped("health", "notice").
func (c *viewCompiler) capped(n *ast.CallNode, score string) (viewTruth, error) {
	c.use("score", score)
	key := ""
	if len(n.Arguments) > 2 {
		return nil, errors.New("capped takes a score and at most one cap")
	}
	if len(n.Arguments) == 2 {
		var err error
		if key, err = word(n, 1); err != nil {
			return nil, err
		}
	}
	return func(v *View) tri {
		s := v.ScoreOf(score)
		if s == nil {
			return no
		}
		for _, cap := range s.Caps {
			if key == "" || cap.Name == key {
				return yes
			}
		}
		return no
	}, nil
}

func (c *viewCompiler) callNumber(n *ast.CallNode) (viewNumber, error) {
	switch calleeOf(n) {
	case "cycle":
		return func(v *View) (float64, bool) { return float64(v.Assessment.Cycle), v.Assessment.Cycle > 0 }, nil
	case "mrr":
		return func(v *View) (float64, bool) {
			if v.Assessment.MRR == nil {
				return 0, false
			}
			return float64(v.Assessment.MRR.Minor), true
		}, nil
	case "days_in_stage":
		return c.age(n, func(v *View) time.Time { return v.Assessment.StageSince })
	}
	if len(n.Arguments) == 0 {
		return nil, unsupported(n)
	}
	name, err := word(n, 0)
	if err != nil {
		return nil, err
	}
	switch calleeOf(n) {
	case "score":
		c.use("score", name)
		return func(v *View) (float64, bool) { return v.Score(name) }, nil
	case "coverage":
		c.use("score", name)
		return func(v *View) (float64, bool) {
			if s := v.ScoreOf(name); s != nil {
				return s.Coverage, true
			}
			return 0, false
		}, nil
	case "days_in_band":
		c.use("score", name)
		return c.age(n, func(v *View) time.Time { return v.BandSince(name) })
	case "metric":
		c.use("metric", name)
		return func(v *View) (float64, bool) { return v.Metric(name) }, nil
	case "number":
		return func(v *View) (float64, bool) { return numberOf(v.Field(name)) }, nil
	}
	return nil, unsupported(n)
}

// numberOf reads a field as a number.
func numberOf(s string) (float64, bool) {
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil && isFinite(x)
}

// age compiles the whole days since a moment. Outside of a sentence it must be compared with a whole number of days,
// so that the moments are known at which the rule may change.
func (c *viewCompiler) age(n *ast.CallNode, from func(*View) time.Time) (viewNumber, error) {
	if c.limit < 0 && !c.prose {
		return nil, fmt.Errorf("%s may only be compared with a whole number of days", calleeOf(n))
	}
	c.rule.ages = append(c.rule.ages, viewAge{from, []int{c.limit, c.limit + 1}})
	return func(v *View) (float64, bool) {
		at := from(v)
		if at.IsZero() {
			return 0, false
		}
		return daysBetween(at, v.Assessment.At), true
	}, nil
}

func (c *viewCompiler) toText(n ast.Node) (viewText, error) {
	if s, ok := n.(*ast.StringNode); ok {
		return func(*View) string { return s.Value }, nil
	}
	call, ok := n.(*ast.CallNode)
	if !ok || !isTextCall(call) {
		return nil, unsupported(n)
	}
	switch calleeOf(call) {
	case "stage":
		return func(v *View) string { return v.Stage() }, nil
	case "verdict":
		c.use("verdict", "")
		return func(v *View) string { return v.Assessment.Verdict }, nil
	}
	name, err := word(call, 0)
	if err != nil {
		return nil, err
	}
	switch calleeOf(call) {
	case "band":
		c.use("score", name)
		return func(v *View) string { return v.Band(name) }, nil
	case "card":
		c.use("score", name)
		return func(v *View) string {
			if s := v.ScoreOf(name); s != nil {
				return s.Card
			}
			return ""
		}, nil
	case "field":
		return func(v *View) string { return v.Field(name) }, nil
	}
	return nil, unsupported(n)
}
