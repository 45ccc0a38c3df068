package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// maxGroups bounds the values that tables are split by.
const maxGroups = 200

// everybody is the group of all customers.
const everybody = ""

// Set works out several reports in one pass over the histories.
type Set struct {
	ask   Ask
	kinds []Kind
	// groups holds the accumulators of each group, in the order of kinds.
	groups map[string]*group
	defs   map[string]Definition
	// unheard holds the fields of the golden record that are asked for and that nobody has had so far.
	unheard map[string]bool
	// taken counts the customers that came in.
	taken int64
}

type group struct {
	customers int64
	accs      []accumulator
}

// New returns a set of the reports with these names; "all" is every one.
func New(names []string, ask Ask) (*Set, error) {
	ask.defaults()
	if !ask.From.Before(ask.To) {
		return nil, canon.Errorf("request.period", "the period from %s to %s is empty", ask.From.Format(time.RFC3339), ask.To.Format(time.RFC3339)).
			WithHint("--from must lie before --to")
	}
	if !slices.Contains([]string{"week", "month", "quarter"}, ask.Every) {
		return nil, canon.Errorf("request.every", "there are no steps of a %.40q", ask.Every).WithHint("write week, month or quarter")
	}
	if n := len(periods(ask.From, ask.To, ask.Every)); n > maxPeriods {
		return nil, canon.Errorf("request.period", "the period has %d steps of a %s, and at most %d are told", n, ask.Every, maxPeriods).
			WithHint("choose a shorter period, or --every quarter")
	}
	if months := len(periods(ask.From, ask.To, "month")); months > maxPeriods {
		return nil, canon.Errorf("request.period", "the period has %d months, and at most %d are told", months, maxPeriods).WithHint("choose a later --from")
	}
	s := &Set{ask: ask, groups: map[string]*group{}, defs: map[string]Definition{}, unheard: ask.fields()}
	for _, k := range Kinds() {
		if slices.Contains(names, k.Name) || slices.Contains(names, "all") {
			s.kinds = append(s.kinds, k)
		}
	}
	for _, name := range names {
		if name != "all" && !slices.ContainsFunc(s.kinds, func(k Kind) bool { return k.Name == name }) {
			return nil, canon.Errorf("report.unknown", "there is no report %.80q", name).WithHint("`hub report list` names them all")
		}
	}
	for _, d := range Definitions() {
		s.defs[d.ID] = d
	}
	s.open(everybody)
	return s, nil
}

// fields returns the fields of the golden record that customers are split or chosen by.
func (a *Ask) fields() map[string]bool {
	chosen, _, ok := strings.Cut(a.Segment, "=")
	if !ok {
		chosen = ""
	}
	out := map[string]bool{}
	for _, name := range []string{a.By, strings.TrimSpace(chosen)} {
		if name != "" && !slices.Contains([]string{"segment", "stage", "band", "type"}, name) {
			out[name] = true
		}
	}
	return out
}

func (s *Set) open(name string) *group {
	g := &group{}
	for _, k := range s.kinds {
		g.accs = append(g.accs, k.open(&s.ask))
	}
	s.groups[name] = g
	return g
}

// Add takes a batch of customers in. No customer may come twice.
func (s *Set) Add(batch []canon.History) error {
	for i := range batch {
		one := newStory(&batch[i], s.ask.To)
		s.taken++
		for field := range s.unheard {
			if one.fields[field] != "" {
				delete(s.unheard, field)
			}
		}
		if !one.within(s.ask.Segment) {
			continue
		}
		names := []string{everybody}
		if s.ask.By != "" {
			names = append(names, one.groups(s.ask.By)...)
		}
		for _, name := range names {
			g := s.groups[name]
			if g == nil {
				if len(s.groups) > maxGroups {
					return canon.Errorf("request.groups", "%q has more than %d values", s.ask.By, maxGroups).WithHint("split by something with fewer values: stage, band, plan, industry, country")
				}
				g = s.open(name)
			}
			g.customers++
			for _, a := range g.accs {
				a.add(one)
			}
		}
	}
	return nil
}

// Unheard says which fields of the golden record were asked for although none of the customers that came in has them.
// Where nobody came in, none is.
func (s *Set) Unheard() error {
	if len(s.unheard) == 0 || s.taken == 0 {
		return nil
	}
	return canon.Errorf("request.field", "no customer has the field %.80q", slices.Min(slices.Collect(maps.Keys(s.unheard)))).
		WithHint("take stage, band, type, segment, or a field that `hub explain CUSTOMER` shows")
}

// Results returns what the reports tell, in the order in which Kinds lists them.
func (s *Set) Results() ([]Result, error) {
	names := slices.SortedFunc(maps.Keys(s.groups), func(a, b string) int {
		return cmp.Or(s.place(a)-s.place(b), strings.Compare(a, b))
	})
	var out []Result
	for i, k := range s.kinds {
		r := Result{Report: k.Name, Title: k.Title, Question: k.Question, From: s.ask.From, To: s.ask.To, By: s.ask.By,
			Customers: s.groups[everybody].customers, Figures: []Number{}, Tables: []Table{}}
		s.groups[everybody].accs[i].result(&r)
		if s.ask.By != "" {
			s.split(&r, names, i)
		}
		if len(r.Tables) == 0 && len(r.Figures) == 0 && len(r.Notes) == 0 {
			r.Notes = append(r.Notes, "There is nothing to tell. "+k.Needs)
		}
		if err := s.finish(&r); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// place sorts groups that are stages or bands as the policy does, all customers first.
func (s *Set) place(name string) int {
	switch {
	case name == everybody:
		return -1
	case s.ask.By == "stage":
		return s.ask.order(name)
	case s.ask.By == "band":
		return slices.Index(bands, name)
	}
	return 0
}

// split puts the groups' figures and tables beside those of all customers.
func (s *Set) split(r *Result, names []string, kind int) {
	by := Table{Key: "by_" + s.ask.By, Title: "By " + s.ask.By, Labels: []string{s.ask.By}}
	by.Rows = append(by.Rows, row([]string{"all"}, r.Figures...))
	for i := range r.Tables {
		r.Tables[i].Labels = append([]string{s.ask.By}, r.Tables[i].Labels...)
		for j := range r.Tables[i].Rows {
			r.Tables[i].Rows[j].Labels = append([]string{"all"}, r.Tables[i].Rows[j].Labels...)
		}
	}
	for _, name := range names {
		if name == everybody {
			continue
		}
		sub := Result{Report: r.Report}
		s.groups[name].accs[kind].result(&sub)
		label := name
		if s.ask.By == "stage" {
			label = s.ask.label(name)
		}
		by.Rows = append(by.Rows, row([]string{label}, sub.Figures...))
		for _, t := range sub.Tables {
			at := slices.IndexFunc(r.Tables, func(x Table) bool { return x.Key == t.Key })
			if at < 0 {
				r.Tables = append(r.Tables, Table{Key: t.Key, Title: t.Title, Note: t.Note, Single: t.Single, Labels: append([]string{s.ask.By}, t.Labels...)})
				at = len(r.Tables) - 1
			}
			for _, one := range t.Rows {
				r.Tables[at].Rows = append(r.Tables[at].Rows, Row{append([]string{label}, one.Labels...), one.Numbers})
			}
		}
	}
	if len(r.Figures) > 0 {
		r.Tables = append([]Table{by}, r.Tables...)
	}
}

// finish names every number's title and unit, flags those of few cases and withholds those of too few.
func (s *Set) finish(r *Result) error {
	do := func(xs []Number, single bool) error {
		for i := range xs {
			x := &xs[i]
			d, ok := s.defs[x.Definition]
			if !ok {
				return canon.Errorf("internal", "the report %s tells %s, which is not defined", r.Report, x.Definition)
			}
			x.Title, x.Unit = d.Title, d.Unit
			if x.N < few && !single {
				*x = x.flagged("n<20")
			}
			if x.N < s.ask.MinN && x.Value != nil {
				*x = x.flagged("withheld")
				x.Value, x.Low, x.High, x.Numerator, x.Denominator = nil, nil, nil, 0, 0
			}
		}
		return nil
	}
	r.Tables = slices.DeleteFunc(r.Tables, func(t Table) bool { return len(t.Rows) == 0 })
	if err := do(r.Figures, false); err != nil {
		return err
	}
	for t := range r.Tables {
		for i := range r.Tables[t].Rows {
			if err := do(r.Tables[t].Rows[i].Numbers, r.Tables[t].Single); err != nil {
				return err
			}
		}
	}
	if s.ask.MinN > 0 {
		r.Parts = nil
	}
	return nil
}
