package lifecycle

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// start is the name, in from lists, of where a customer comes from who is in no stage yet.
const start = "start"

// builder turns a spec into a policy and collects every complaint on the way.
type builder struct {
	file       string
	where      places
	compiler   *compiler
	policy     *Policy
	complaints Complaints
	specs      []stageSpec
	// thorough shows every metric.
	thorough bool
}

// fault complains about what stands at the path.
func (b *builder) fault(path, hint, format string, args ...any) {
	line, column := b.where.find(path)
	b.complaints = append(b.complaints, Complaint{File: b.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...), Hint: hint})
}

const keyHint = "use lower-case letters, digits and underscores, as in at_risk"

func (b *builder) key(path, key string) {
	ok := key != "" && key != start
	for _, r := range key {
		ok = ok && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_')
	}
	if !ok {
		b.fault(path, keyHint, "%q is not a key", key)
	}
}

func (b *builder) build(s policySpec) {
	if s.Policy == "" {
		b.fault("policy", "begin the file with policy: <name>", "the policy has no name")
	}
	if !versionForm.MatchString(s.Version) {
		b.fault("version", "count it as MAJOR.MINOR.PATCH, as in 1.0.0", "version %q is not MAJOR.MINOR.PATCH", s.Version)
	}
	b.parameters(s.Parameters)
	b.metrics(s.Metrics)
	b.specs = s.Stages
	b.stages(s.Stages)
	for i, spec := range s.Stages {
		b.enter(i, spec)
	}
	for i, spec := range s.Stages {
		b.exits(i, spec)
	}
	b.reachable()
	b.stuck(s.Stages)
	b.flags(s.Flags)
	b.scorecards(s.Scorecards)
	b.verdicts(s.Verdicts)
	b.segments(s.Segments)
	b.plays(s.Plays, s.PlayRules)
	b.shownMetrics()
	b.policy.patterns = b.compiler.patterns
}

func (b *builder) stages(specs []stageSpec) {
	if len(specs) == 0 {
		b.fault("stages", "list the stages in the order in which customers pass them", "the policy has no stages")
	}
	for i, s := range specs {
		path := fmt.Sprintf("stages[%d].key", i)
		b.key(path, s.Key)
		if b.stageNamed(s.Key) >= 0 {
			b.fault(path, "give each stage its own key", "stage %q stands twice", s.Key)
		}
		if s.Customer && s.Exit {
			b.fault(path, "drop customer or exit", "stage %q is both a customer's stage and an exit", s.Key)
		}
		label := s.Label
		if label == "" {
			label = s.Key
		}
		b.policy.stages = append(b.policy.stages, stage{Stage{
			Key: s.Key, Label: label, Doc: s.Doc, Customer: s.Customer, Exit: s.Exit, Metrics: s.Metrics, Events: s.Events,
			Owners: Owners{s.Owners.Responsible, s.Owners.Accountable, s.Owners.Consulted, s.Owners.Informed},
		}})
		b.lists(fmt.Sprintf("stages[%d]", i), s)
	}
}

func (b *builder) stageNamed(key string) int {
	return slices.IndexFunc(b.policy.stages, func(s stage) bool { return s.Key == key })
}

// stageNames resolves the names of a from or stages list. The list "*" is every stage but the one at except.
func (b *builder) stageNames(path string, list names, except int) []int {
	var out []int
	for i, name := range list {
		at := path
		if len(list) > 1 {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		n := b.stageNamed(name)
		switch {
		case name == "*":
			for k := range b.policy.stages {
				if k != except {
					out = append(out, k)
				}
			}
			continue
		case name == start && except >= 0:
			n = len(b.policy.stages)
		case n < 0:
			b.fault(at, "the stages are "+strings.Join(b.stageKeys(), ", "), "stage %q is unknown", name)
			continue
		case n == except:
			b.fault(at, "drop it from the list", "stage %q cannot be entered from itself", name)
			continue
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (b *builder) stageKeys() []string {
	var out []string
	for _, s := range b.policy.stages {
		out = append(out, s.Key)
	}
	return out
}

// reachable indexes the rules by the stage that they leave and complains about stages without a way in.
func (b *builder) reachable() {
	p := b.policy
	p.leaving = make([][]int, len(p.stages)+1)
	for i, r := range p.rules {
		for _, from := range r.from {
			p.leaving[from] = append(p.leaving[from], i)
		}
	}
	seen := map[int]bool{}
	next := []int{len(p.stages)}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		for _, i := range p.leaving[at] {
			if to := p.rules[i].to; !seen[to] {
				seen[to] = true
				next = append(next, to)
			}
		}
	}
	for i, s := range p.stages {
		if !seen[i] {
			b.fault(fmt.Sprintf("stages[%d].key", i), "add a rule whose from is start or a stage that can be reached", "stage %q is unreachable: no chain of rules leads from start to it", s.Key)
		}
	}
}

func (b *builder) flags(specs []flagSpec) {
	var keys []string
	for i, s := range specs {
		path := fmt.Sprintf("flags[%d]", i)
		b.key(path+".key", s.Key)
		if slices.Contains(keys, s.Key) || s.Key == flagUnconfirmed || slices.ContainsFunc(b.policy.flags, func(f flag) bool { return f.Key == s.Key }) {
			b.fault(path+".key", "give each flag its own key", "flag %q stands twice or is Hub's own", s.Key)
		}
		keys = append(keys, s.Key)
		stages := s.Stages
		if len(stages) == 0 {
			stages = names{"*"}
		}
		label := s.Label
		if label == "" {
			label = s.Key
		}
		b.policy.flags = append(b.policy.flags, flag{Flag{s.Key, label, s.Doc}, b.stageNames(path+".stages", stages, -1), b.rule(path+".when", s.When)})
	}
}

// hintFor says what to do about a faulty expression.
func hintFor(err error) string {
	if !strings.Contains(err.Error(), "unknown name") {
		return "the shipped policy (hub init writes it) has expressions to copy from"
	}
	var list []string
	for _, f := range Functions() {
		list = append(list, f.Name)
	}
	return "the functions are " + strings.Join(list, ", ")
}

func (b *builder) rule(path, source string) *expression {
	x, err := b.compiler.rule(source)
	if err != nil {
		b.fault(path, hintFor(err), "%v", err)
	}
	return x
}

func (b *builder) reason(path, source string, hasValue bool) template {
	t, err := b.compiler.template(source, hasValue)
	if err != nil {
		b.fault(path, "figures stand in braces, as in {count(\"invoice.paid\")}", "%v", err)
	}
	return t
}

func (b *builder) kinds(path string, list []string) []canon.Kind {
	var out []canon.Kind
	for _, name := range list {
		if !slices.Contains(canon.Kinds(), canon.Kind(name)) {
			b.fault(path, fmt.Sprintf("the kinds are %v", canon.Kinds()), "kind %q is unknown", name)
			continue
		}
		out = append(out, canon.Kind(name))
	}
	return out
}

// parseDwell reads "3d", "12h" or "" into microseconds.
func parseDwell(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	unit := map[byte]int64{'d': day, 'h': int64(time.Hour / time.Microsecond)}[s[len(s)-1]]
	n, err := strconv.Atoi(s[:len(s)-1])
	if unit == 0 || err != nil || n < 0 || n > maxDays {
		return 0, fmt.Errorf("%q is not a length of time", s)
	}
	return int64(n) * unit, nil
}
