package lifecycle

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/lifecyclehub/hub/canon"
)

// scanner is a second implementation of stages and flags, written from the documentation of the functions: it answers every
// question by looking through all events, and looks at every moment of the grid that generated events lie on. It shares with
// the first one the parsed expression and the patterns.
type scanner struct {
	p      *Policy
	facts  Facts
	events []canon.Event // in order
	t      time.Time
	roots  map[string]ast.Node // of expressions, by their source

	stage                      int // -1 for none
	since, cycleSince, tenured time.Time
	customer                   bool
	cycle                      int
	path                       []string
	entered                    []time.Time
	holds                      map[int]time.Time
	spent                      map[int]bool
}

func newScanner(p *Policy, facts Facts) *scanner {
	s := &scanner{p: p, facts: facts, stage: -1, holds: map[int]time.Time{}, spent: map[int]bool{}}
	for _, e := range facts.Events {
		if !strings.HasPrefix(e.Type, "stage.") && !strings.HasPrefix(e.Type, "score.") {
			s.events = append(s.events, e)
		}
	}
	sort.SliceStable(s.events, func(i, j int) bool {
		a, b := s.events[i], s.events[j]
		if !a.OccurredAt.Equal(b.OccurredAt) {
			return a.OccurredAt.Before(b.OccurredAt)
		}
		if ra, rb := rankOf(a.Type), rankOf(b.Type); ra != rb {
			return ra < rb
		}
		return a.ID < b.ID
	})
	return s
}

// walk visits every moment of the grid up to now.
func (s *scanner) walk(now time.Time) {
	for s.t = epoch; !s.t.After(now); s.t = s.t.Add(sixHours) {
		s.moment()
	}
	s.t = now
}

// moment makes the moves of one moment. No stage is entered twice in it.
func (s *scanner) moment() {
	been := []int{s.stage}
	for {
		best := -1
		for i, r := range s.p.rules {
			from := s.stage
			if from < 0 {
				from = len(s.p.stages)
			}
			if !slices.Contains(r.from, from) {
				continue
			}
			if s.truth(r.when.source) != yes {
				delete(s.holds, i)
				delete(s.spent, i)
				continue
			}
			if _, ok := s.holds[i]; !ok {
				s.holds[i] = s.t
			}
			if s.spent[i] || s.t.Before(s.holds[i].Add(time.Duration(r.dwell)*time.Microsecond)) {
				continue
			}
			if slices.Contains(been, r.to) {
				s.spent[i] = true
				continue
			}
			if best < 0 || r.precedence > s.p.rules[best].precedence {
				best = i
			}
		}
		if best < 0 {
			return
		}
		s.move(best)
		been = append(been, s.stage)
	}
}

func (s *scanner) move(i int) {
	r := s.p.rules[i]
	to := s.p.stages[r.to].Stage
	exit := s.stage >= 0 && s.p.stages[s.stage].Exit
	switch {
	case s.stage < 0:
		s.cycle = 1
	case exit && !to.Exit || r.nextCycle:
		s.cycle++
		s.cycleSince = s.t
	}
	if to.Customer && !s.customer {
		s.tenured = s.t
	}
	s.customer, s.stage, s.since = to.Customer, r.to, s.t
	// What led out of the stage before as well goes on holding; all else begins anew.
	for k, other := range s.p.rules {
		if !slices.Contains(other.from, r.to) {
			delete(s.holds, k)
		}
		delete(s.spent, k)
	}
	s.path, s.entered = append(s.path, to.Key), append(s.entered, s.t)
}

// of returns the events of a pattern by now, with a moment after which they lie.
func (s *scanner) of(text string, after time.Time) []canon.Event {
	var out []canon.Event
	for _, e := range s.events {
		if e.OccurredAt.After(s.t) || !after.IsZero() && !e.OccurredAt.After(after) {
			continue
		}
		for part := range strings.SplitSeq(text, "|") {
			typ, direction, has := strings.Cut(strings.TrimSpace(part), ":")
			if family, all := strings.CutSuffix(typ, "*"); typ != e.Type && (!all || !strings.HasPrefix(e.Type, family)) {
				continue
			}
			if !has || e.Data["direction"] == direction {
				out = append(out, e)
				break
			}
		}
	}
	return out
}

func (s *scanner) truth(source string) tri {
	if s.roots[source] == nil {
		root, err := parseExpression(source)
		if err != nil {
			panic(err)
		}
		s.roots[source] = root
	}
	return s.yes(s.roots[source])
}

func (s *scanner) yes(n ast.Node) tri {
	switch n := n.(type) {
	case *ast.BoolNode:
		return triOf(n.Value, true)
	case *ast.UnaryNode:
		return yes - s.yes(n.Node)
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return min(s.yes(n.Left), s.yes(n.Right))
		case "or", "||":
			return max(s.yes(n.Left), s.yes(n.Right))
		}
		if a, ok := s.text(n.Left); ok {
			b, _ := s.text(n.Right)
			return triOf((a == b) == (n.Operator == "=="), true)
		}
		a, b := s.number(n.Left), s.number(n.Right)
		if math.IsNaN(a) || math.IsNaN(b) {
			return unknown
		}
		return triOf(map[string]bool{"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[n.Operator], true)
	case *ast.CallNode:
		switch calleeOf(n) {
		case "known":
			return triOf(!math.IsNaN(s.number(n.Arguments[0])), true)
		case "exists":
			return triOf(len(s.windowed(n)) > 0, true)
		case "is_person":
			return triOf(s.facts.Type == "person", true)
		case "is_company":
			return triOf(s.facts.Type == "company", true)
		case "had_subscription":
			return triOf(s.had(), true)
		}
	}
	panic(fmt.Sprintf("the scanner does not know %s", n.String()))
}

func (s *scanner) text(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.CallNode:
		if calleeOf(n) == "stage" {
			if s.stage < 0 {
				return "", true
			}
			return s.p.stages[s.stage].Key, true
		}
	}
	return "", false
}

// windowed are the events of a call's pattern, in its days where it names some.
func (s *scanner) windowed(n *ast.CallNode) []canon.Event {
	pattern := n.Arguments[0].(*ast.StringNode).Value
	if len(n.Arguments) < 2 {
		return s.of(pattern, time.Time{})
	}
	return s.of(pattern, s.t.AddDate(0, 0, -n.Arguments[1].(*ast.IntegerNode).Value))
}

func days(d time.Duration) float64 { return math.Floor(d.Hours() / 24) }

// number evaluates a number, NaN where it is unknown.
func (s *scanner) number(n ast.Node) float64 {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return float64(n.Value)
	case *ast.FloatNode:
		return n.Value
	case *ast.UnaryNode:
		return -s.number(n.Node)
	case *ast.BinaryNode:
		a := s.number(n.Left)
		if n.Operator == "??" {
			if !math.IsNaN(a) {
				return a
			}
			return s.number(n.Right)
		}
		b := s.number(n.Right)
		switch n.Operator {
		case "+":
			return a + b
		case "-":
			return a - b
		case "*":
			return a * b
		}
		return over(a, b)
	case *ast.CallNode:
		return s.call(n)
	}
	panic(fmt.Sprintf("the scanner does not know %s", n.String()))
}

func over(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

func valueOf(e canon.Event) float64 {
	if e.Value == nil {
		return 1
	}
	return *e.Value
}

func (s *scanner) call(n *ast.CallNode) float64 {
	unless := func(none bool, v float64) float64 {
		if none {
			return math.NaN()
		}
		return v
	}
	world := s.world()
	switch name := calleeOf(n); name {
	case "ratio":
		return over(s.number(n.Arguments[0]), s.number(n.Arguments[1]))
	case "param":
		return s.param(n.Arguments[0].(*ast.StringNode).Value)
	case "count", "sum", "last_value", "avg_value", "active_days":
		return s.aggregate(name, s.windowed(n))
	case "days_since":
		es := s.windowed(n)
		if len(es) == 0 {
			return math.NaN()
		}
		return days(s.t.Sub(es[len(es)-1].OccurredAt))
	case "trend":
		return s.trend(n)
	case "count_in_stage":
		return float64(len(s.of(n.Arguments[0].(*ast.StringNode).Value, s.since)))
	case "count_in_cycle":
		from := time.Time{}
		if !s.cycleSince.IsZero() {
			from = s.cycleSince.Add(-time.Microsecond)
		}
		return float64(len(s.of(n.Arguments[0].(*ast.StringNode).Value, from)))
	case "days_in_stage":
		return unless(s.stage < 0, days(s.t.Sub(s.since)))
	case "tenure_days":
		return unless(!s.customer, days(s.t.Sub(s.tenured)))
	case "cycle":
		return float64(s.cycle)
	case "mrr":
		v, ok := world.mrr()
		return unless(!ok, v)
	case "overdue_days":
		if at := world.oldestOverdue(); !at.IsZero() {
			return days(s.t.Sub(at))
		}
		return unless(len(s.of("invoice.*", time.Time{})) == 0, 0)
	default:
		v, ok := world.counts()[name]
		if !ok {
			panic("the scanner does not know " + name)
		}
		return float64(v)
	}
}

// aggregate works a figure out of events.
func (s *scanner) aggregate(name string, es []canon.Event) float64 {
	sum, seen, sums, best := 0.0, map[string]bool{}, map[string]int64{}, int64(0)
	for _, e := range es {
		sum += valueOf(e)
		seen[e.OccurredAt.Format(time.DateOnly)] = true
		if e.Amount != nil {
			sums[e.Amount.Currency] += e.Amount.Minor
		}
	}
	for _, v := range sums {
		best = max(best, v)
	}
	switch name {
	case "count":
		return float64(len(es))
	case "sum":
		return float64(best)
	case "avg_value":
		return over(sum, float64(len(es)))
	case "active_days":
		return float64(len(seen))
	}
	if len(es) == 0 || es[len(es)-1].Value == nil {
		return math.NaN()
	}
	return *es[len(es)-1].Value
}

func (s *scanner) trend(n *ast.CallNode) float64 {
	pattern := n.Arguments[0].(*ast.StringNode).Value
	recent, before := n.Arguments[1].(*ast.IntegerNode).Value, n.Arguments[2].(*ast.IntegerNode).Value
	all := s.of(pattern, time.Time{})
	mid, first := s.t.AddDate(0, 0, -recent), s.t.AddDate(0, 0, -recent-before)
	if len(all) == 0 || all[0].OccurredAt.After(first) {
		return math.NaN()
	}
	late, early := 0.0, 0.0
	for _, e := range all {
		switch {
		case e.OccurredAt.After(mid):
			late += valueOf(e)
		case e.OccurredAt.After(first):
			early += valueOf(e)
		}
	}
	if early <= 0 {
		return math.NaN()
	}
	return late / float64(recent) / (early / float64(before))
}
