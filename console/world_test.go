package console_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
)

// hostile is a name that would run if it ever became markup.
const hostile = `<script>window.hacked=1</script><img src=x onerror="window.hacked=1">`

// world is a small company in memory. It fills the interfaces of the API.
type world struct {
	mu          sync.Mutex
	now         time.Time
	customers   []canon.Customer
	events      map[string][]canon.Event // newest first
	history     map[string][]canon.Assessment
	deliveries  []canon.Delivery
	letters     []canon.DeadLetter
	streams     []canon.StreamState
	pushes      []canon.PushedField
	subscribers map[chan canon.Change]bool
	position    int64
	who         identities
	// window is what Timeline was last asked for the list of all kinds of events, 50 at a time.
	window canon.Window
	// cut ends every open connection to the server of this world.
	cut func()
}

var stages = []api.Stage{
	{Key: "reach", Label: "Reach"}, {Key: "acquisition", Label: "Acquisition"}, {Key: "conversion", Label: "Conversion"},
	{Key: "retention", Label: "Retention"}, {Key: "loyalty", Label: "Loyalty"}, {Key: "churned", Label: "Churned", Exit: true},
}

func number(f float64) *float64 { return &f }

func euros(minor int64) *canon.Money { return &canon.Money{Minor: minor, Currency: "EUR"} }

func newWorld(customers int) *world {
	w := &world{now: time.Now().UTC().Truncate(time.Second), events: map[string][]canon.Event{}, history: map[string][]canon.Assessment{}, subscribers: map[chan canon.Change]bool{}}
	names := []string{"Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ivy", "Juniper", "Kauri", "Larch", "Maple"}
	trades := []string{"Analytics", "Bikes", "Clinics", "Dental", "Energy", "Foods", "Glass", "Hotels", "Insurance", "Joinery", "Kitchens"}
	for i := range customers {
		name := names[i%len(names)] + " " + trades[(i*7)%len(trades)]
		if i >= 143 {
			name += " " + strconv.Itoa(i)
		}
		w.add(i, name)
	}
	w.outside()
	w.sources()
	return w
}

func (w *world) add(i int, name string) {
	id := fmt.Sprintf("cu_%04d", i)
	ref := canon.Ref{Connection: "hubspot-emea", Stream: "companies", ID: strconv.Itoa(9000 + i)}
	domain := strings.ReplaceAll(strings.ToLower(name), " ", "-") + ".example"
	if i == 3 {
		name, domain = hostile, ""
	}
	since := w.now.AddDate(0, 0, -(i*13)%400)
	a := canon.Assessment{
		Customer: id, At: w.now.Add(-3 * time.Minute), RecordedAt: w.now, Policy: "default@1.0.0", Cycle: 1,
		Stage: stages[(i*5+3)%6].Key, StageLabel: stages[(i*5+3)%6].Label, StageSince: since,
		StageReason: "It is past onboarding and a subscription is active.", Health: scorecard(i),
	}
	if a.Stage == "retention" || a.Stage == "loyalty" || i%3 == 0 {
		a.MRR = euros(int64(4900 + i*13700%990000))
	}
	w.customers = append(w.customers, canon.Customer{
		ID: id, Type: "company", Name: name, Domain: domain, FirstSeenAt: w.now.AddDate(-2, 0, -i), Assessment: &a,
		Fields: []canon.Field{
			{Name: "name", Value: name, Source: ref, Rule: "the CRM goes first"},
			{Name: "industry", Value: "Manufacturing", Source: ref, Rule: "the only one known"},
			{Name: "country", Value: "Portugal", Source: canon.Ref{Connection: "stripe", Stream: "customers", ID: "cus_N" + strconv.Itoa(i)}, Rule: "billing goes first"},
			{Name: "seats", Value: "42", Source: canon.Ref{Connection: "stripe", Stream: "subscriptions", ID: "sub_" + strconv.Itoa(i)}, Rule: "newest"},
			{Name: "owner", Value: "Rita Moura", Source: ref, Rule: "the CRM goes first"},
		},
		Members: []canon.Member{
			{Kind: canon.KindCompany, Ref: ref, Name: name, Why: "source"},
			{Kind: canon.KindCompany, Ref: canon.Ref{Connection: "stripe", Stream: "customers", ID: "cus_N" + strconv.Itoa(i)}, Name: name, Why: "domain " + domain},
			{Kind: canon.KindContact, Ref: canon.Ref{Connection: "hubspot-emea", Stream: "contacts", ID: strconv.Itoa(100 + i)}, Name: "Ana Reis", Email: "ana@" + domain, Why: "same_as hubspot-emea/companies/" + ref.ID},
			{Kind: canon.KindContact, Ref: canon.Ref{Connection: "zendesk", Stream: "users", ID: strconv.Itoa(7000 + i)}, Name: "Joao Pinto", Email: "joao@" + domain, Why: "domain " + domain},
		},
	})
	for k := range 24 {
		past := a
		past.At, past.Health.Value = w.now.AddDate(0, 0, -7*k), number(min(98, max(5, *cmp.Or(a.Health.Value, number(50))+float64((k*17+i)%23)-9)))
		if k == 9 {
			past.Health.Value = nil
		}
		w.history[id] = append(w.history[id], past)
	}
	w.events[id] = w.story(id, ref, i)
}

func scorecard(i int) canon.Score {
	s := canon.Score{Name: "health", Band: "unknown", Coverage: 0.86}
	add := func(group, title, unit string, value, curve, weight float64, reason string) {
		s.Contributions = append(s.Contributions, canon.Contribution{
			Measure: strings.ToLower(title), Title: title, Group: group, Value: number(value), Unit: unit, Curve: curve, Weight: weight,
			Points: weight * curve, PointsLost: weight * (100 - curve), Reason: reason, Evidence: []string{fmt.Sprintf("ev_%d_1", i), fmt.Sprintf("ev_%d_4", i)},
		})
	}
	usage := float64((i*29 + 20) % 100)
	add("product", "Active days", "days", usage*0.3, usage, 0.30, "Used on fewer days than in the month before.")
	add("product", "Feature breadth", "%", 60, 60, 0.10, "6 of the 10 features that are paid for are used.")
	add("billing", "Invoices paid on time", "%", 92, 92, 0.25, "One invoice of the last twelve was late.")
	add("support", "Open urgent tickets", "tickets", 1, 45, 0.20, "One urgent ticket has waited for three days.")
	add("relationship", "Days since a meeting", "days", 20, 80, 0.15, "The last meeting was 20 days ago.")
	s.Contributions = append(s.Contributions, canon.Contribution{Measure: "nps", Title: "NPS", Group: "relationship", NA: "Nobody has answered a survey in 365 days.", Reason: "Not known."})
	if i%11 == 10 {
		s.Coverage = 0.4
		return s
	}
	total := 0.0
	for _, c := range s.Contributions {
		total += c.Points
	}
	if i%7 == 2 {
		s.Caps = []canon.Cap{{Name: "overdue", Max: 49, Reason: "An invoice has been overdue for more than 60 days."}}
		total = min(total, 49)
	}
	s.Value = &total
	switch {
	case total < 50:
		s.Band = "red"
	case total < 70:
		s.Band = "yellow"
	default:
		s.Band = "green"
	}
	return s
}

func (w *world) story(id string, ref canon.Ref, i int) []canon.Event {
	var out []canon.Event
	kinds := []struct {
		typ, summary string
		kind         canon.Kind
		amount       *canon.Money
	}{
		{"ticket.opened", "Ticket 'Export stops at row 1,000' was opened with high priority.", canon.KindTicket, nil},
		{"invoice.paid", "Invoice 2041 over 490.00 EUR was paid.", canon.KindInvoice, euros(49000)},
		{"touch.meeting", "Meeting 'Quarterly review' was held.", canon.KindActivity, nil},
		{"usage.recorded", "Usage of reports: 118.", canon.KindUsage, nil},
		{"score.changed", "Health fell from 71 to 64 (yellow).", "", nil},
		{"ticket.solved", "Ticket 'Login fails' was solved after 5 hours.", canon.KindTicket, nil},
		{"touch.email", "E-mail 'Your renewal' went out.", canon.KindActivity, nil},
		{"invoice.overdue", "Invoice 2040 over 490.00 EUR is overdue.", canon.KindInvoice, euros(49000)},
		{"subscription.renewed", "Subscription 'Team' was renewed.", canon.KindSubscription, euros(49000)},
		{"survey.nps", "A survey was answered with 9.", canon.KindSurvey, nil},
		{"deal.won", "Deal '20 more seats' was won.", canon.KindDeal, euros(1250050)},
		{"contact.created", "Contact Ana Reis was added.", canon.KindContact, nil},
	}
	for k := range 130 {
		d := kinds[k%len(kinds)]
		e := canon.Event{
			ID: fmt.Sprintf("ev_%d_%d", i, k), Type: d.typ, Customer: id, Kind: d.kind, Amount: d.amount, Summary: d.summary,
			OccurredAt: w.now.Add(-time.Duration(k*7+1) * time.Hour), RecordedAt: w.now, Ref: ref,
		}
		if d.kind == "" {
			e.Ref = canon.Ref{}
		}
		out = append(out, e)
	}
	for k, s := range []string{"retention", "conversion", "acquisition", "reach"} {
		out = append(out, canon.Event{
			ID: fmt.Sprintf("ev_%d_s%d", i, k), Type: "stage.changed", Customer: id, OccurredAt: w.now.AddDate(0, -3*(k+1), 0), Summary: "Moved to " + s + ".",
			Data: map[string]any{"to": s},
		})
	}
	return out
}

func (w *world) outside() {
	states := []string{canon.DeliveryDelivered, canon.DeliveryDelivered, canon.DeliveryDelivered, canon.DeliveryPending, canon.DeliveryDelivered, canon.DeliveryDead}
	for i := range 72 {
		d := canon.Delivery{
			ID: canon.ID("msg", strconv.Itoa(i)), Endpoint: "billing-alerts", Type: "invoice.overdue", Customer: "cu_0001", State: states[i%6],
			Attempts: 1, LastStatus: 204, CreatedAt: w.now.Add(-time.Duration(i*9) * time.Minute),
		}
		switch d.State {
		case canon.DeliveryDead:
			d.Attempts, d.LastStatus, d.Reason = 9, 500, "The endpoint answered 500 nine times."
		case canon.DeliveryPending:
			d.Attempts, d.LastStatus, d.NextAt, d.Reason = 2, 0, w.now.Add(4*time.Minute), "The endpoint did not answer in 15 s."
		}
		w.deliveries = append(w.deliveries, d)
	}
	for i, state := range []string{canon.PushVerified, canon.PushVerified, canon.PushConflict, canon.PushVerified, canon.PushFailed} {
		w.pushes = append(w.pushes, canon.PushedField{
			Ref:   canon.Ref{Connection: "hubspot-emea", Stream: "companies", ID: strconv.Itoa(9000 + i)},
			Field: "hub_health_score", Wanted: strconv.Itoa(50 + i*7), Acked: strconv.Itoa(50 + i*7), HasAcked: state == canon.PushVerified, State: state,
			Customer: fmt.Sprintf("cu_%04d", i), At: w.now.Add(-time.Duration(i) * time.Hour),
		})
	}
	w.pushes[2].Reason, w.pushes[4].Reason = "Somebody changed the field in HubSpot since.", "HubSpot has no such field."
}

func (w *world) sources() {
	ok := func(connection, connector, stream string, held int64) canon.StreamState {
		return canon.StreamState{
			Connection: connection, Connector: connector, Stream: stream, Status: "ok", Held: held, Records: held * 3, Changed: held + 41,
			SucceededAt: w.now.Add(-95 * time.Second), BackfilledAt: w.now.AddDate(0, 0, -3),
		}
	}
	pulling := ok("zendesk", "zendesk", "tickets", 4210)
	pulling.Status, pulling.Total, pulling.BackfilledAt, pulling.SucceededAt = "pulling", 10300, time.Time{}, time.Time{}
	denied := ok("stripe", "stripe", "invoices", 3120)
	denied.Status, denied.FailedAt, denied.SucceededAt = "failed", w.now.Add(-4*time.Minute), w.now.Add(-26*time.Hour)
	denied.Error = &canon.Error{Code: "auth.forbidden", Message: "Stripe does not let this key read invoices.", Hint: "Give the restricted key read access to Invoices, then wait for the next round."}
	deals := ok("hubspot-emea", "hubspot", "deals", 812)
	deals.DeadLetters = 5
	w.streams = []canon.StreamState{
		ok("hubspot-emea", "hubspot", "companies", 1280), ok("hubspot-emea", "hubspot", "contacts", 9377), deals,
		ok("stripe", "stripe", "customers", 1190), denied, ok("stripe", "stripe", "subscriptions", 1304), pulling,
		{Connection: "zendesk", Connector: "zendesk", Stream: "users", Status: "never"},
	}
	for i := range 5 {
		w.letters = append(w.letters, canon.DeadLetter{
			Connection: "hubspot-emea", Stream: "deals", RecordID: strconv.Itoa(4400 + i), Code: "map.type", Path: "properties.amount",
			Reason: fmt.Sprintf("The amount \"%d,5o\" is not a number.", 10+i), Hint: "Correct the amount in HubSpot; the next version of the deal is taken as it is.",
			Raw: []byte(`{"id":"4400","properties":{"amount":"10,5o","dealname":"</pre><script>window.hacked=1</script>"}}`), OccurredAt: w.now.Add(-time.Duration(i) * time.Hour),
		}.WithID())
	}
}

func (w *world) Customers(_ context.Context, f canon.CustomerFilter) (canon.CustomerPage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rows := []canon.CustomerRow{}
	for _, c := range w.customers {
		a := c.Assessment
		if f.Search != "" && !strings.Contains(strings.ToLower(c.Name+" "+c.Domain+" "+c.ID), strings.ToLower(f.Search)) || f.Stage != "" && a.Stage != f.Stage || f.Band != "" && a.Health.Band != f.Band {
			continue
		}
		rows = append(rows, canon.CustomerRow{
			ID: c.ID, Type: c.Type, Name: c.Name, Domain: c.Domain, Stage: a.Stage, StageSince: a.StageSince, Score: a.Health.Value, Band: a.Health.Band, MRR: a.MRR,
			LastEventAt: w.events[c.ID][0].OccurredAt,
		})
	}
	slices.SortStableFunc(rows, func(a, b canon.CustomerRow) int {
		if f.Sort == "score" {
			return cmp.Compare(*cmp.Or(a.Score, number(101)), *cmp.Or(b.Score, number(101)))
		}
		return cmp.Compare(a.Name, b.Name)
	})
	page := canon.CustomerPage{Total: int64(len(rows))}
	page.Customers, page.Next = slice(rows, f.After, f.Limit)
	return page, nil
}

// slice returns one page of a list whose tokens are offsets.
func slice[T any](all []T, after string, limit int) ([]T, string) {
	start, _ := strconv.Atoi(after)
	all = all[min(start, len(all)):]
	if len(all) <= limit {
		return all, ""
	}
	return all[:limit], strconv.Itoa(start + limit)
}

func (w *world) Customer(_ context.Context, id string) (canon.Customer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.customers {
		if c.ID == id {
			return c, nil
		}
	}
	return canon.Customer{}, canon.Errorf("customer.unknown", "No customer has the id %q.", id).WithHint("Look it up in the list of customers.")
}

func (w *world) Assessments(_ context.Context, customer string, limit int) ([]canon.Assessment, error) {
	return w.history[customer][:min(limit, len(w.history[customer]))], nil
}

// AssessmentAt knows no past: the stand-in world's answers do not change.
func (w *world) AssessmentAt(ctx context.Context, id string, _, _ time.Time) (canon.Assessment, error) {
	c, err := w.Customer(ctx, id)
	if err != nil {
		return canon.Assessment{}, err
	}
	return *c.Assessment, nil
}

func (w *world) Overview(context.Context) (api.Overview, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := api.Overview{Customers: int64(len(w.customers)), DeadLetters: int64(len(w.letters)), ByStage: map[string]int64{}, ByBand: map[string]int64{}, Deliveries: map[string]int64{}, Pushes: map[string]int64{}}
	for _, c := range w.customers {
		o.ByStage[c.Assessment.Stage]++
		o.ByBand[c.Assessment.Health.Band]++
		o.Events += int64(len(w.events[c.ID]))
	}
	for _, d := range w.deliveries {
		o.Deliveries[d.State]++
	}
	for _, p := range w.pushes {
		o.Pushes[p.State]++
	}
	return o, nil
}

func (w *world) Streams(context.Context) ([]canon.StreamState, error) { return w.streams, nil }

// flows lets the first connection wait for its vendor.
func (w *world) flows(context.Context) map[string]api.Flow {
	left := int64(1200)
	return map[string]api.Flow{"hubspot-emea": {TokenEnds: w.now.Add(time.Hour), Budgets: []api.Budget{
		{Name: "default", Rate: 40, Most: 100, PerSeconds: 10, DailyLeft: &left, Waiting: map[string]int{"backfill": 3}, Until: w.now.Add(time.Minute),
			Why: "The vendor asked to wait <b>a minute</b>."}, {Name: "search", Rate: 5, Most: 5, PerSeconds: 1}}}}
}

func (w *world) DeadLetters(_ context.Context, connection, after string, limit int) ([]canon.DeadLetter, string, error) {
	if connection != "" && connection != "hubspot-emea" {
		return nil, "", nil
	}
	page, next := slice(w.letters, after, limit)
	return page, next, nil
}

func (w *world) Deliveries(_ context.Context, f canon.DeliveryFilter) (canon.DeliveryPage, error) {
	page := canon.DeliveryPage{Counts: map[string]int64{}}
	var rows []canon.Delivery
	for _, d := range w.deliveries {
		page.Counts[d.State]++
		if f.State == "" || f.State == d.State {
			rows = append(rows, d)
		}
	}
	page.Deliveries, page.Next = slice(rows, f.After, f.Limit)
	return page, nil
}

func (w *world) Attempts(_ context.Context, delivery string) ([]canon.Attempt, error) {
	return []canon.Attempt{{Delivery: delivery, No: 1, At: w.now, Took: 1200 * time.Millisecond, Status: 500, Response: `<h1 onclick="window.hacked=1">Server error</h1>`}}, nil
}

func (w *world) Pushed(_ context.Context, state string, _ int) ([]canon.PushedField, error) {
	return slices.DeleteFunc(slices.Clone(w.pushes), func(p canon.PushedField) bool { return state != "" && p.State != state }), nil
}

// Subscribe follows what happen tells; the world keeps no past.
func (w *world) Subscribe(ctx context.Context, _ int64) (<-chan canon.Change, error) {
	c := make(chan canon.Change, 16)
	w.mu.Lock()
	w.subscribers[c] = true
	w.mu.Unlock()
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.subscribers, c)
		close(c)
	})
	return c, nil
}

// happen puts an event at the head of a customer's timeline and tells all subscribers.
func (w *world) happen(customer string, e canon.Event) {
	w.quietly(customer, e)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.position++
	for c := range w.subscribers {
		c <- canon.Change{ID: e.ID, Type: e.Type, Customer: customer, Position: w.position, OccurredAt: e.OccurredAt, RecordedAt: e.OccurredAt}
	}
}

// quietly puts an event at the head of a customer's timeline and tells nobody.
func (w *world) quietly(customer string, e canon.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.Customer = customer
	w.events[customer] = append([]canon.Event{e}, w.events[customer]...)
}

// followers counts who follows changes now.
func (w *world) followers() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.subscribers)
}
