package console_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
)

// identities is who is who in a world: what awaits a decision, and what was decided.
type identities struct {
	open  []api.Candidate
	log   []canon.Decision
	asked []api.Ruling
}

// similar fills the queue with pairs: of firms and of people, contested and hostile ones.
func (w *world) similar(n int) {
	towns := []string{"Porto", "Lisboa", "Braga", "Faro"}
	for i := range n {
		id := strconv.Itoa(i)
		c := api.Candidate{ID: fmt.Sprintf("can_%04d", i), Kind: canon.KindCompany, Rank: 5 + i%3, Score: 0.96 - float64(i)*0.012, Contested: i%5 == 1, FoundAt: w.now.Add(-time.Hour),
			For: []string{"same town " + strings.ToLower(towns[i%4]), "alike name (alder foods, alder foods lda)"}, Against: []string{"other phone"},
			Left: api.Side{Key: "hubspot-emea/companies/" + id + "#company", Ref: canon.Ref{Connection: "hubspot-emea", Stream: "companies", ID: id}, Title: "Alder Foods " + id,
				Customer: fmt.Sprintf("cu_%04d", i), CustomerName: "Alder Foods " + id, CreatedAt: w.now.AddDate(-3, 0, 0)},
			Right: api.Side{Key: "stripe/customers/cus_" + id + "#company", Ref: canon.Ref{Connection: "stripe", Stream: "customers", ID: "cus_" + id}, Title: "ALDER FOODS " + id + " Lda.",
				Customer: fmt.Sprintf("cu_1%03d", i), CustomerName: "ALDER FOODS " + id + " Lda.", CreatedAt: w.now.AddDate(-1, 0, 0)},
			Fields: []api.Compared{
				{Name: "name", Left: "Alder Foods " + id, Right: "ALDER FOODS " + id + " Lda."}, {Name: "domains", Left: "alder-foods.example"},
				{Name: "email", Left: "hello@alder-foods.example", Right: "accounts@alder-foods.example"}, {Name: "phone", Left: "+351 22 123 45 67", Right: "+351 21 765 43 21"},
				{Name: "address", Left: "Rua das Flores 12 4050-262 " + towns[i%4], Right: "rua das flores, 12, 4050-262 " + towns[i%4], Equal: true}, {Name: "VAT id", Right: "PT501964843"},
			}}
		if i%4 == 2 {
			c.Kind = canon.KindContact
			c.Left.Title, c.Right.Title, c.Left.Key, c.Right.Key = "Ana Reis", "A. Reis", "hubspot-emea/contacts/"+id+"#contact", "zendesk/users/"+id+"#contact"
			c.Left.Ref, c.Right.Ref = canon.Ref{Connection: "hubspot-emea", Stream: "contacts", ID: id}, canon.Ref{Connection: "zendesk", Stream: "users", ID: id}
			c.Fields = []api.Compared{{Name: "name", Left: "Ana Reis", Right: "A. Reis"}, {Name: "emails", Left: "ana@alder.example, ana.reis@mail.example", Right: "ana.reis@mail.example", Equal: true}, {Name: "title", Left: "Head of buying"}}
		}
		if i == 3 {
			c.Left.Title, c.Fields[0].Left, c.For[0], c.Left.CustomerName = hostile, hostile, hostile, hostile
		}
		w.who.open = append(w.who.open, c)
	}
}

func (w *world) Candidates(_ context.Context, f api.CandidateFilter) (api.CandidatePage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var page api.CandidatePage
	page.Candidates, page.Next = slice(w.undecided(f), f.After, f.Limit)
	return page, nil
}

// undecided are the open pairs that a filter keeps.
func (w *world) undecided(f api.CandidateFilter) (out []api.Candidate) {
	for _, c := range w.who.open {
		about := func(d canon.Decision) bool {
			return (d.Kind == canon.DecideLink || d.Kind == canon.DecideUnlink) && d.A == min(c.Left.Key, c.Right.Key) && d.B == max(c.Left.Key, c.Right.Key)
		}
		if (f.Kind == "" || f.Kind == c.Kind) && (f.Customer == "" || f.Customer == c.Left.Customer || f.Customer == c.Right.Customer) && !slices.ContainsFunc(w.inForce(), about) {
			out = append(out, c)
		}
	}
	return out
}

// inForce are the decisions that are not taken back.
func (w *world) inForce() []canon.Decision {
	return slices.DeleteFunc(slices.Clone(w.who.log), func(d canon.Decision) bool {
		return d.Kind == canon.DecideRevoke || slices.ContainsFunc(w.who.log, func(x canon.Decision) bool { return x.Revokes == d.ID })
	})
}

func (w *world) Waiting(_ context.Context, most int) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return min(most, len(w.undecided(api.CandidateFilter{}))), nil
}

func (w *world) Decisions(context.Context, api.DecisionFilter) (api.DecisionPage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return api.DecisionPage{Decisions: logged(w.inForce())}, nil
}

func logged(ds []canon.Decision) (out []api.LoggedDecision) {
	for _, d := range ds {
		out = append(out, api.LoggedDecision{Decision: d, State: "in force"})
	}
	return out
}

func (w *world) Who(ctx context.Context, id string, _ int) (api.Who, error) {
	c, err := w.Customer(ctx, id)
	if err != nil {
		return api.Who{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	out := api.Who{Customer: c.ID, Type: c.Type, Name: c.Name, Domain: c.Domain, Fields: c.Fields, Waiting: len(w.undecided(api.CandidateFilter{Customer: id})), LeftOff: map[string]int{"moves": 3}}
	for i, m := range c.Members {
		key := m.Ref.String() + "#" + string(m.Kind)
		out.Members = append(out.Members, api.WhoMember{Key: key, Kind: m.Kind, Ref: m.Ref, Name: m.Name, Why: m.Why, Rank: i, Alias: fmt.Sprintf("cus_alias%d_%s", i, id)})
		out.Aliases = append(out.Aliases, fmt.Sprintf("cus_alias%d_%s", i, id))
	}
	a, b := out.Members[0].Key, out.Members[1].Key
	out.Accepted = []canon.Edge{{A: a, B: b, Rank: 3, Key: "domain " + c.Domain}}
	out.Rejected = []canon.Edge{{A: a, B: "hubspot-emea/companies/777#company", Rank: 5, Key: "email info@alder.example", Rejected: "12 records hold it, so that it tells nobody apart <b>" + hostile},
		{A: b, B: "stripe/customers/cus_777#company", Rank: 2, Key: "VAT id PT501964843", Rejected: "a decision says that they are not one"}}
	out.Contested = []canon.Contested{{Key: "domain alder.example", Reason: "It is declared by two companies of one source."}}
	out.Children = []api.Child{{ID: "cu_0007", Name: "Alder Logistics"}}
	for i := range 9 {
		out.Moves = append(out.Moves, canon.Move{Seq: int64(9 - i), Entity: b, From: "cu_0011", To: c.ID, Why: "domain " + c.Domain, At: w.now.AddDate(0, 0, -i)})
	}
	for _, d := range w.inForce() {
		if slices.ContainsFunc(out.Members, func(m api.WhoMember) bool { return m.Key == d.A || m.Key == d.B }) {
			out.Decisions = append(out.Decisions, logged([]canon.Decision{d})...)
		}
	}
	return out, nil
}

func (w *world) Decide(_ context.Context, r api.Ruling) (api.Decided, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.who.asked = append(w.who.asked, r)
	if strings.Contains(r.Reason, "barred") {
		return api.Decided{}, canon.Errorf("decision.barred", "dec_1 says that they are not one, which beats every link").WithHint("Take dec_1 back first.")
	}
	d := canon.Decision{Seq: int64(len(w.who.log) + 1), Kind: r.Kind, A: r.A, B: r.B, Revokes: r.Revokes, Author: r.Author, Reason: r.Reason, At: w.now.Add(time.Duration(len(w.who.log)) * time.Second)}.WithID()
	w.who.log = append(w.who.log, d)
	return api.Decided{Decision: api.LoggedDecision{Decision: d, State: "in force"}, Applied: true}, nil
}

// rulings is what the world was last asked to decide.
func (w *world) rulings() []api.Ruling {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.who.asked)
}

func (w *world) Timeline(_ context.Context, customer string, win canon.Window) (canon.EventPage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(win.Types) == 0 && win.Limit == 50 {
		w.window = win
	}
	var rows []canon.Event
	for _, e := range w.events[customer] {
		if by := func(t time.Time) bool { return !t.IsZero() && e.OccurredAt.After(t) }; by(win.At) || by(win.KnownAt) {
			continue // here everything is known as it happens
		}
		if len(win.Types) == 0 || slices.ContainsFunc(win.Types, func(t string) bool { return t == e.Type || strings.HasSuffix(t, ".") && strings.HasPrefix(e.Type, t) }) {
			rows = append(rows, e)
		}
	}
	page := canon.EventPage{}
	start, _ := strconv.Atoi(cmp.Or(win.After, win.Before))
	if win.Before != "" {
		rows, start = rows[:start], max(0, start-win.Limit)
	}
	page.Events, page.Next = slice(rows, strconv.Itoa(start), win.Limit)
	if win.Before != "" {
		page.Next = win.Before
	}
	if start > 0 {
		page.Prev = strconv.Itoa(start)
	}
	return page, nil
}

// windowOf is what Timeline was last asked for the list of all kinds of events.
func (w *world) windowOf() canon.Window {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.window
}
