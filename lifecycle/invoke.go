package lifecycle

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// invoke compiles a call of the vocabulary and notes what it depends on.
func (c *compiler) invoke(n *ast.CallNode) (*invocation, error) {
	name := calleeOf(n)
	fn, ok := c.functions[name]
	if !ok {
		return nil, unsupported(n)
	}
	inv := &invocation{call: call{pattern: -1, cited: -1}, name: name, fn: &fn}
	pattern := fn.reads
	for i, arg := range n.Arguments {
		if i == 0 {
			s, ok := arg.(*ast.StringNode)
			if !ok {
				return nil, fmt.Errorf("%s takes an event pattern in quotes", name)
			}
			pattern = s.Value
			continue
		}
		v, ok := arg.(*ast.IntegerNode)
		if !ok || v.Value < 1 || v.Value > maxDays {
			return nil, fmt.Errorf("%s takes its days as a whole number from 1 to %d", name, maxDays)
		}
		inv.days = append(inv.days, v.Value)
	}
	if len(inv.days) > 1 && name != "trend" {
		return nil, fmt.Errorf("%s takes one number of days at most", name)
	}
	if pattern == "" && len(n.Arguments) == 0 {
		c.out.moves = c.out.moves || name == "stage" || name == "cycle"
		c.age(inv)
		return inv, nil
	}
	return inv, c.depend(inv, pattern)
}

// age notes at which ages the call's answer may change.
func (c *compiler) age(inv *invocation) {
	switch inv.fn.age {
	case fromStage:
		c.out.stageDays = union(c.out.stageDays, c.limits)
	case fromTenure:
		c.out.tenureDays = union(c.out.tenureDays, c.limits)
	}
	if inv.fn.age != ageless && c.limits == nil {
		c.out.ages = true
	}
}

// depend notes which events the call reads and after how many days its answer may change.
func (c *compiler) depend(inv *invocation, text string) error {
	number, err := c.pattern(text)
	if err != nil {
		return err
	}
	inv.pattern, inv.cited = number, number
	if inv.fn.cites != "" {
		if inv.cited, err = c.pattern(inv.fn.cites); err != nil {
			return err
		}
	}
	c.dependOn(inv, number)
	return nil
}

// dependOn notes that the call reads a series of which the number is known.
func (c *compiler) dependOn(inv *invocation, number int) {
	c.age(inv)
	days := []int{0}
	if inv.fn.age == fromEvents {
		days = union(days, c.limits)
	}
	total := 0
	for _, d := range inv.days {
		total += d
		days = union(days, []int{total})
	}
	c.note(inv)
	var newest []int
	if inv.asksNewest() {
		days, newest = days[:1], days[1:]
	}
	c.out.kinds = union(c.out.kinds, c.patterns[number].kinds)
	i := slices.IndexFunc(c.out.reads, func(r read) bool { return r.pattern == number })
	if i < 0 {
		c.out.reads = append(c.out.reads, read{number, days, newest})
		return
	}
	r := &c.out.reads[i]
	r.days, r.newest = union(r.days, days), union(r.newest, newest)
}

// pattern returns the number of a pattern.
func (c *compiler) pattern(text string) (int, error) {
	if i := slices.IndexFunc(c.patterns, func(p pattern) bool { return p.text == text }); i >= 0 {
		return i, nil
	}
	p, err := parsePattern(text)
	if err != nil {
		return 0, err
	}
	c.patterns = append(c.patterns, p)
	return len(c.patterns) - 1, nil
}

// union appends what a lacks of b.
func union[T comparable](a, b []T) []T {
	for _, v := range b {
		if !slices.Contains(a, v) {
			a = append(a, v)
		}
	}
	return a
}
