package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/timeline"
)

// assessed is a customer with the assessment just made, as JSON.
type assessed struct {
	profile canon.Profile
	doc     json.RawMessage
}

// data is what a change tells: the event, whose it is, and for stage and score the assessment behind it.
type data struct {
	Event      *canon.Event      `json:"event,omitempty"`
	Customer   dataCustomer      `json:"customer"`
	Assessment *canon.Assessment `json:"assessment,omitempty"`
	// Survivor has the members of the customers in Absorbed; From lost members to those in Into. Evidence says in words
	// what brought them together, or held them together until now.
	Survivor string   `json:"survivor,omitempty"`
	Absorbed []string `json:"absorbed,omitempty"`
	From     string   `json:"from,omitempty"`
	Into     []string `json:"into,omitempty"`
	Evidence []string `json:"evidence,omitempty"`
}

type dataCustomer struct {
	ID     string `json:"id"`
	Type   string `json:"type,omitempty"`
	Name   string `json:"name,omitempty"`
	Domain string `json:"domain,omitempty"`
	// OptedOut and DoNotContact are what a customer who is a person asked for: who acts on the change must heed it.
	OptedOut     bool `json:"opted_out,omitempty"`
	DoNotContact bool `json:"do_not_contact,omitempty"`
}

// dataOf tells of a customer by its golden record.
func dataOf(p canon.Profile) dataCustomer {
	d := dataCustomer{ID: p.ID, Type: p.Type, Name: p.Name, Domain: p.Domain}
	if p.Type == "person" {
		for _, f := range p.Fields {
			d.OptedOut = d.OptedOut || f.Name == "opted_out" && f.Value == "true"
			d.DoNotContact = d.DoNotContact || f.Name == "do_not_contact" && f.Value == "true"
		}
	}
	return d
}

// change makes the change that tells of an event that was added.
func (w *work) change(e canon.StoredEvent, d *data) canon.Change {
	ev := e.Event
	ev.RecordedAt = w.tx.Now()
	c := canon.Change{ID: canon.ChangeID(e.ID, e.Revision), Type: e.Type, Customer: e.Customer,
		OccurredAt: e.OccurredAt, RecordedAt: w.tx.Now(), Backfill: w.backfill}
	if derived(e.Type) {
		// A stage that was passed long ago is history, even where it was learnt just now.
		c.Current = strings.HasPrefix(e.Type, "score.") || w.current[e.ID]
		c.Backfill = w.backfill || !c.Current
	}
	if d == nil {
		d = &data{}
	}
	d.Event, d.Customer.ID = &ev, e.Customer
	c.Data = encode(d)
	return c
}

// assessment makes the change that tells of an assessment.
func (w *work) assessment(p canon.Profile, s canon.CustomerState) canon.Change {
	return canon.Change{ID: canon.ID("chg", p.ID, AssessedType, strconv.FormatInt(s.Assessed, 10)), Type: AssessedType, Customer: p.ID,
		OccurredAt: s.Assessment.At, RecordedAt: w.tx.Now(), Backfill: w.backfill, Current: true,
		Data: told(encode(&data{Customer: dataOf(p)}), s.Doc)}
}

// told puts an assessment, as it is stored, into the data of a change that has none.
func told(data, assessment json.RawMessage) json.RawMessage {
	const name = `,"assessment":`
	out := make(json.RawMessage, 0, len(data)+len(name)+len(assessment))
	out = append(out, data[:len(data)-1]...)
	out = append(out, name...)
	return append(append(out, assessment...), '}')
}

func encode(d *data) json.RawMessage {
	b, err := json.Marshal(d)
	if err != nil {
		// Everything in it came out of JSON or holds finite numbers and strings only.
		panic(fmt.Sprintf("ingest: a change does not marshal: %v", err))
	}
	return b
}

// tell puts the changes of the transaction into the outbox, numbered per customer.
func (w *work) tell(ctx context.Context) error {
	if len(w.changes) == 0 {
		return nil
	}
	w.enrich()
	n := map[string]int64{}
	for _, c := range w.changes {
		n[c.Customer]++
	}
	first, err := w.tx.NextSequences(ctx, n)
	if err != nil {
		return err
	}
	for i := range w.changes {
		c := &w.changes[i]
		c.Sequence = first[c.Customer]
		first[c.Customer]++
		if c.ID == "" {
			c.ID = canon.ID("chg", c.Customer, c.Type, strconv.FormatInt(c.Sequence, 10))
		}
	}
	return w.tx.AddChanges(ctx, w.changes)
}

// enrich adds the assessment and the customer's name to the stage and score changes of this transaction.
func (w *work) enrich() {
	by := map[string]assessed{}
	for _, t := range w.scored {
		by[t.profile.ID] = t
	}
	for i := range w.changes {
		c := &w.changes[i]
		t, ok := by[c.Customer]
		if !ok || !derived(c.Type) || !c.Current {
			continue
		}
		var d data
		if json.Unmarshal(c.Data, &d) != nil {
			continue
		}
		d.Customer, d.Assessment = dataOf(t.profile), nil
		c.Data = told(encode(&d), t.doc)
	}
}

// adopt tells of the events of entities that had no customer until now.
func (w *work) adopt(ctx context.Context, es []*canon.StoredEntity) error {
	if len(es) == 0 {
		return nil
	}
	rows := make([]int64, 0, len(es))
	for _, e := range es {
		rows = append(rows, e.Row)
	}
	slices.Sort(rows)
	events, err := w.tx.EventsOf(ctx, rows)
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.Customer != "" {
			w.changes = append(w.changes, w.change(e, nil))
		}
	}
	return nil
}

func stateOf(e canon.StoredEntity) timeline.State {
	return timeline.State{Entity: e.Entity, Version: e.Version, At: e.At}
}
