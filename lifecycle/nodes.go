package lifecycle

import "slices"

// tri is a truth value of Kleene's logic.
type tri int8

const (
	no tri = iota
	unknown
	yes
)

func triOf(v, known bool) tri {
	switch {
	case !known:
		return unknown
	case v:
		return yes
	}
	return no
}

// number is an expression whose value is a number or unknown.
type number interface {
	number(*frame) (float64, bool)
	// cite names the events behind the value.
	cite(*frame, *citation)
}

// truth is an expression that is true, false or unknown.
type truth interface {
	truth(*frame) tri
	cite(*frame, *citation)
}

type (
	numberLiteral float64
	truthLiteral  bool

	// invocation calls a function of the vocabulary.
	invocation struct {
		call
		name string
		fn   *function
		// whole says that the figure takes every event of its window into account, one by one.
		whole bool
	}
	negation   struct{ of number }
	arithmetic struct {
		op          byte
		left, right number
	}
	// fallback is left ?? right.
	fallback struct{ left, right number }
	ratio    struct{ over, under number }

	comparison struct {
		op          string
		left, right number
	}
	// wording compares texts: the stage's key and fields.
	wording struct {
		left, right text
		equal       bool
	}
	knownNumber struct{ of number }
	inverse     struct{ of truth }
	conjunction struct{ left, right truth }
	disjunction struct{ left, right truth }
)

// text is a literal, a call or a field of the golden record.
type text struct {
	literal string
	call    *invocation
	field   string
}

// text is false where the text is not known.
func (t text) text(f *frame) (string, bool) {
	switch {
	case t.call != nil:
		return t.call.fn.text(f, t.call.call), true
	case t.field != "":
		return f.fieldText(t.field)
	}
	return t.literal, true
}

// membership is a text's being one of a list.
type membership struct {
	of   text
	list []string
}

func (n membership) cite(*frame, *citation) {}
func (n membership) truth(f *frame) tri {
	s, known := n.of.text(f)
	return triOf(slices.Contains(n.list, s), known)
}

func (n numberLiteral) number(*frame) (float64, bool) { return float64(n), true }
func (n numberLiteral) cite(*frame, *citation)        {}

func (n truthLiteral) truth(*frame) tri       { return triOf(bool(n), true) }
func (n truthLiteral) cite(*frame, *citation) {}

func (n *invocation) number(f *frame) (float64, bool) { return n.fn.number(f, n.call) }
func (n *invocation) truth(f *frame) tri              { return triOf(n.fn.truth(f, n.call)) }
func (n *invocation) cite(f *frame, c *citation) {
	if n.pattern < 0 {
		return
	}
	held := f.ledger.held(n.cited, f.t)
	from := 0
	switch {
	case n.fn.proves != nil:
		c.add(n.proofs(f, held))
		return
	case n.fn.since != nil:
		from = f.ledger.behind(held, n.fn.since(f)-1)
	case n.fn.age == fromEvents:
		from = max(0, len(held)-1)
	}
	if days := n.reach(); days > 0 {
		// Of an empty window the newest event before it is the evidence: that it was so long ago.
		from = min(f.ledger.behind(held, f.clock-int64(days)*day), max(0, len(held)-1))
	}
	c.add(held[from:])
}

// proofs returns the newest events that still count, oldest first.
func (n *invocation) proofs(f *frame, of []int32) []int32 {
	var out []int32
	for i := len(of) - 1; i >= 0 && len(out) < mostEvidence; i-- {
		if n.fn.proves(f.state, f.ledger.entries[of[i]]) {
			out = append(out, of[i])
		}
	}
	slices.Reverse(out)
	return out
}

// reach is how many days back the call looks, 0 for all the way.
func (n *invocation) reach() int {
	total := 0
	for _, d := range n.days {
		total += d
	}
	return total
}

func (n negation) number(f *frame) (float64, bool) { v, ok := n.of.number(f); return -v, ok }
func (n negation) cite(f *frame, c *citation)      { n.of.cite(f, c) }

func (n arithmetic) number(f *frame) (float64, bool) {
	a, ok := n.left.number(f)
	b, ok2 := n.right.number(f)
	if !ok || !ok2 || n.op == '/' && b == 0 {
		return 0, false
	}
	switch n.op {
	case '+':
		return a + b, true
	case '-':
		return a - b, true
	case '*':
		return a * b, true
	}
	return a / b, true
}
func (n arithmetic) cite(f *frame, c *citation) { n.left.cite(f, c); n.right.cite(f, c) }

func (n fallback) number(f *frame) (float64, bool) {
	if v, ok := n.left.number(f); ok {
		return v, true
	}
	return n.right.number(f)
}
func (n fallback) cite(f *frame, c *citation) { n.left.cite(f, c); n.right.cite(f, c) }

func (n ratio) number(f *frame) (float64, bool) {
	return arithmetic{'/', n.over, n.under}.number(f)
}
func (n ratio) cite(f *frame, c *citation) { n.over.cite(f, c); n.under.cite(f, c) }

func (n comparison) truth(f *frame) tri {
	a, ok := n.left.number(f)
	b, ok2 := n.right.number(f)
	if !ok || !ok2 {
		return unknown
	}
	return triOf(compared(n.op, a, b), true)
}
func (n comparison) cite(f *frame, c *citation) { n.left.cite(f, c); n.right.cite(f, c) }

func (n wording) truth(f *frame) tri {
	left, ok := n.left.text(f)
	right, ok2 := n.right.text(f)
	return triOf((left == right) == n.equal, ok && ok2)
}
func (n wording) cite(*frame, *citation)         {}
func (n knownNumber) truth(f *frame) tri         { _, ok := n.of.number(f); return triOf(ok, true) }
func (n knownNumber) cite(f *frame, c *citation) { n.of.cite(f, c) }

func (n inverse) truth(f *frame) tri         { return yes - n.of.truth(f) }
func (n inverse) cite(f *frame, c *citation) { n.of.cite(f, c) }

func (n conjunction) truth(f *frame) tri {
	v := n.left.truth(f)
	if v == no {
		return no
	}
	return min(v, n.right.truth(f))
}
func (n conjunction) cite(f *frame, c *citation) { n.left.cite(f, c); n.right.cite(f, c) }

func (n disjunction) truth(f *frame) tri {
	v := n.left.truth(f)
	if v == yes {
		return yes
	}
	return max(v, n.right.truth(f))
}

// cite names what stands behind the sides that hold; where none does, behind both.
func (n disjunction) cite(f *frame, c *citation) {
	left, right := n.left.truth(f) == yes, n.right.truth(f) == yes
	if left || !right {
		n.left.cite(f, c)
	}
	if right || !left {
		n.right.cite(f, c)
	}
}

// mostEvidence is how many events a reason names at most.
const mostEvidence = 5

// citation collects positions in the ledger.
type citation struct{ of []int32 }

// add takes the newest of the positions, which come oldest first.
func (c *citation) add(of []int32) {
	if len(of) > mostEvidence {
		of = of[len(of)-mostEvidence:]
	}
	c.of = append(c.of, of...)
}

// ids returns the events' ids, newest first.
func (c *citation) ids(l *ledger) []string {
	slices.Sort(c.of)
	c.of = slices.Compact(c.of)
	var out []string
	for i := len(c.of) - 1; i >= 0 && len(out) < mostEvidence; i-- {
		out = append(out, l.entries[c.of[i]].ev.ID)
	}
	return out
}
