package lifecycle

import (
	"fmt"
	"slices"
	"strings"
)

// flagStuck marks customers who are in a stage for longer than its stuck_after.
const flagStuck = "stuck"

// enter compiles the rules that lead into a stage.
func (b *builder) enter(to int, s stageSpec) {
	path := fmt.Sprintf("stages[%d]", to)
	if len(s.Enter) == 0 && !b.isExitTarget(to) {
		b.fault(path+".key", "add enter: with a from and a when that names events", "stage %q has no objective criteria: nothing says when a customer enters it", s.Key)
	}
	objective := false
	for i, e := range s.Enter {
		at := fmt.Sprintf("%s.enter[%d]", path, i)
		if len(e.From) == 0 {
			b.fault(at, "add from: with stages, start or \"*\"", "the rule has no from")
		}
		r := b.ruleOf(at, e)
		r.to, r.from = to, b.stageNames(at+".from", e.From, to)
		objective = objective || r.when == nil || len(r.when.reads) > 0 || len(r.when.fields) > 0
		b.backward(at, &r, e)
		b.policy.rules, b.policy.rulePaths = append(b.policy.rules, r), append(b.policy.rulePaths, at)
	}
	if len(s.Enter) > 0 && !objective {
		b.fault(path+".enter[0].when", "name what must have happened, as in exists(\"deal.won\")", "stage %q has no objective criteria: none of its rules looks at an event", s.Key)
	}
}

// ruleOf compiles what a rule says besides where it leads.
func (b *builder) ruleOf(at string, e enterSpec) rule {
	r := rule{name: e.Rule, precedence: e.Precedence, needs: b.kinds(at+".needs", e.Needs), code: e.ReasonCode, nextCycle: e.Cycle == "next"}
	if e.Cycle != "" && e.Cycle != "next" {
		b.fault(at+".cycle", "leave it out, or write next where another turn begins", "cycle must be next, not %q", e.Cycle)
	}
	if e.ReasonCode != "" {
		b.key(at+".reason_code", e.ReasonCode)
	}
	r.when = b.rule(at+".when", e.When)
	if e.Unless != "" {
		if unless := b.rule(at+".unless", e.Unless); unless != nil && r.when != nil {
			r.when = r.when.unless(unless)
		}
	}
	var err error
	if r.dwell, err = parseDwell(e.For); err != nil {
		b.fault(at+".for", "write days or hours, as in 3d or 12h", "%v", err)
	}
	if e.Reason == "" {
		b.fault(at, "add reason: with one sentence", "the rule has no reason")
	}
	r.reason = b.reason(at+".reason", e.Reason, false)
	return r
}

// unless returns the expression that holds where x does and y does not.
func (x *expression) unless(y *expression) *expression {
	out := *x
	out.source = "(" + x.source + ") and not (" + y.source + ")"
	out.truth = conjunction{x.truth, inverse{y.truth}}
	out.reads = slices.Clone(x.reads)
	for _, r := range y.reads {
		i := slices.IndexFunc(out.reads, func(o read) bool { return o.pattern == r.pattern })
		if i < 0 {
			out.reads = append(out.reads, r)
			continue
		}
		o := &out.reads[i]
		o.days, o.newest = union(slices.Clone(o.days), r.days), union(slices.Clone(o.newest), r.newest)
	}
	out.stageDays = union(slices.Clone(x.stageDays), y.stageDays)
	out.tenureDays = union(slices.Clone(x.tenureDays), y.tenureDays)
	out.kinds = union(slices.Clone(x.kinds), y.kinds)
	out.fields = union(slices.Clone(x.fields), y.fields)
	out.moves = x.moves || y.moves
	return &out
}

// backward wants rules that lead back to say so: a customer who goes back is a statement, not an accident.
func (b *builder) backward(at string, r *rule, e enterSpec) {
	stages := b.policy.stages
	if e.AllowBackward || r.nextCycle || stages[r.to].Exit {
		return
	}
	for _, from := range r.from {
		if from < len(stages) && from > r.to && !stages[from].Exit {
			b.fault(at, "add allow_backward: true, or cycle: next where another turn begins, or take the stage out of from", "rule %q leads back from %q to %q", r.name, stages[from].Key, stages[r.to].Key)
			return
		}
	}
}

// isExitTarget says whether exits of other stages may lead into the stage.
func (b *builder) isExitTarget(to int) bool {
	for _, s := range b.specs {
		for _, e := range s.Exits {
			if e.To == b.policy.stages[to].Key || e.To == "" && b.firstExit() == to {
				return true
			}
		}
	}
	return false
}

// firstExit is the position of the first exit stage, −1 where there is none.
func (b *builder) firstExit() int {
	return slices.IndexFunc(b.policy.stages, func(s stage) bool { return s.Exit })
}

// exits compiles the rules that a stage has for being left for good.
func (b *builder) exits(from int, s stageSpec) {
	for i, e := range s.Exits {
		at := fmt.Sprintf("stages[%d].exits[%d]", from, i)
		to := b.firstExit()
		if e.To != "" {
			to = b.stageNamed(e.To)
		}
		if to < 0 || !b.policy.stages[to].Exit {
			b.fault(at, "name under to: a stage that has exit: true", "the exit leads to no exit stage")
			continue
		}
		if to == from {
			b.fault(at, "drop it", "stage %q cannot be entered from itself", s.Key)
			continue
		}
		if e.ReasonCode == "" {
			b.fault(at, "add reason_code: with the reason in one word, for reports", "the exit has no reason_code")
		}
		r := b.ruleOf(at, enterSpec{
			Rule: e.Rule, When: e.When, Unless: e.Unless, For: e.For, Reason: e.Reason, ReasonCode: e.ReasonCode, Precedence: e.Precedence, Needs: e.Needs,
		})
		r.to, r.from = to, []int{from}
		b.policy.rules, b.policy.rulePaths = append(b.policy.rules, r), append(b.policy.rulePaths, at)
	}
}

// lists checks what a stage names besides its rules.
func (b *builder) lists(path string, s stageSpec) {
	for i, key := range s.Metrics {
		if _, ok := b.compiler.metrics[key]; !ok {
			b.fault(fmt.Sprintf("%s.metrics[%d]", path, i), "metrics: lists the keys", "metric %q is unknown", key)
		}
	}
	for i, text := range s.Events {
		if _, err := parsePattern(text); err != nil {
			b.fault(fmt.Sprintf("%s.events[%d]", path, i), "event patterns stand there, as in deal.*", "%v", err)
		}
	}
}

// stuck makes the flag of customers who are in a stage for too long.
func (b *builder) stuck(specs []stageSpec) {
	for i, s := range specs {
		if s.StuckAfter == "" {
			if len(s.StuckAfterBy) > 0 {
				b.fault(fmt.Sprintf("stages[%d].stuck_after_by", i), "add stuck_after: for all others", "stage %q has stuck_after_by but no stuck_after", s.Key)
			}
			continue
		}
		p := b.stuckAfter(fmt.Sprintf("stages[%d]", i), s)
		if p == nil {
			continue
		}
		name := p.Key
		b.compiler.parameters[name] = p
		when := b.rule(fmt.Sprintf("stages[%d].stuck_after", i), fmt.Sprintf("days_in_stage() >= param(%q)", name))
		if strings.Contains(name, ":") {
			delete(b.compiler.parameters, name)
		}
		b.policy.stages[i].Stuck = &p.Parameter
		b.policy.flags = append(b.policy.flags, flag{Flag{flagStuck, "Stuck", "In the stage for longer than it should take."}, []int{i}, when})
	}
}

// stuckAfter is the parameter that says after how many days a customer is stuck: a named one, or one of the stage's own.
func (b *builder) stuckAfter(path string, s stageSpec) *parameter {
	if p, ok := b.compiler.parameters[s.StuckAfter]; ok && len(s.StuckAfterBy) == 0 {
		return p
	}
	days, err := parseDays(s.StuckAfter)
	if err != nil {
		b.fault(path+".stuck_after", "write days, as in 90d, or the name of a parameter", "%q is neither a number of days nor a parameter", s.StuckAfter)
		return nil
	}
	var cases []parameterCase
	for i, one := range s.StuckAfterBy {
		after, err := parseDays(one.After)
		if err != nil {
			b.fault(fmt.Sprintf("%s.stuck_after_by[%d].after", path, i), "write days, as in 90d", "%q is not a number of days", one.After)
			return nil
		}
		cases = append(cases, parameterCase{one.When, float64(after)})
	}
	return b.parameter(path+".stuck_after", Parameter{Key: "stuck:" + s.Key, Value: float64(days), Unit: "days"}, cases)
}
