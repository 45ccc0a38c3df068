package push

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// vendor is a system with records, the other side of connectors.Pusher.
type vendor struct {
	records map[string]map[string]string
	// fields that exist; nil means that all do.
	fields map[string]bool
	// store changes a value as the vendor keeps it.
	store func(field, value string) string
	// readFault and pushFault may fail a call. tookFirst makes a failed Push take its writes all the same.
	readFault func(ids []string) error
	pushFault func(ids []string) error
	tookFirst bool
	// refuse may refuse one record.
	refuse func(id string) error
	size   int

	reads, pushes, prepares int
	written                 []connectors.Write
}

func newVendor(ids ...string) *vendor {
	v := &vendor{records: map[string]map[string]string{}, size: 100}
	for _, id := range ids {
		v.records[id] = map[string]string{}
	}
	v.mend()
	return v
}

// mend takes all faults away.
func (v *vendor) mend() {
	v.store = func(_, value string) string { return value }
	v.readFault = func([]string) error { return nil }
	v.pushFault = func([]string) error { return nil }
	v.refuse = func(string) error { return nil }
	v.tookFirst = false
}

func (v *vendor) BatchSize() int { return v.size }

func (v *vendor) Read(_ context.Context, _ string, ids, fields []string) (map[string]map[string]string, error) {
	v.reads++
	if err := v.readFault(ids); err != nil {
		return nil, err
	}
	out := map[string]map[string]string{}
	for _, id := range ids {
		record, ok := v.records[id]
		if !ok {
			continue
		}
		out[id] = map[string]string{}
		for _, f := range fields {
			if v.fields != nil && !v.fields[f] {
				return nil, canon.Errorf("request.invalid", "no field %s", f)
			}
			out[id][f] = record[f]
		}
	}
	return out, nil
}

func (v *vendor) Push(_ context.Context, _ string, writes []connectors.Write) ([]connectors.Outcome, error) {
	v.pushes++
	var ids []string
	for _, w := range writes {
		ids = append(ids, w.Ref.ID)
	}
	err := v.pushFault(ids)
	if err != nil && !v.tookFirst {
		return nil, err
	}
	var outcomes []connectors.Outcome
	for _, w := range writes {
		refused := v.refuse(w.Ref.ID)
		if refused == nil {
			v.written = append(v.written, w)
			for f, value := range w.Fields {
				v.records[w.Ref.ID][f] = v.store(f, value)
			}
		}
		outcomes = append(outcomes, connectors.Outcome{Ref: w.Ref, Err: refused})
	}
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

func (v *vendor) Prepare(_ context.Context, _ string, fields []connectors.FieldSpec) ([]string, error) {
	v.prepares++
	var created []string
	for _, f := range fields {
		if !v.fields[f.Name] {
			v.fields[f.Name] = true
			created = append(created, f.Name)
		}
	}
	return created, nil
}

// memory is a Store in memory. fault may fail a save, after having kept its rows where kept is set.
type memory struct {
	rows  map[canon.Ref]map[string]canon.PushedField
	fault func() error
	saves int
}

func newMemory() *memory {
	return &memory{rows: map[canon.Ref]map[string]canon.PushedField{}, fault: func() error { return nil }}
}

func (m *memory) Pushed(_ context.Context, refs []canon.Ref) (map[canon.Ref]map[string]canon.PushedField, error) {
	out := map[canon.Ref]map[string]canon.PushedField{}
	for _, ref := range refs {
		if rows, ok := m.rows[ref]; ok {
			out[ref] = maps.Clone(rows)
		}
	}
	return out, nil
}

func (m *memory) SavePushed(_ context.Context, rows []canon.PushedField) error {
	m.saves++
	if err := m.fault(); err != nil {
		return err
	}
	for _, row := range rows {
		if m.rows[row.Ref] == nil {
			m.rows[row.Ref] = map[string]canon.PushedField{}
		}
		m.rows[row.Ref][row.Field] = row
	}
	return nil
}

var errDown = errors.New("cut off")

func ref(id string) canon.Ref {
	return canon.Ref{Connection: "crm", Stream: "companies", ID: id}
}

func target(v *vendor) Target {
	return Target{
		Connection: "crm", Stream: "companies", Kind: canon.KindCompany, Pusher: v,
		Fields: []Field{
			{Name: "hub_stage", Value: ValueStage, Type: "text"},
			{Name: "hub_health", Value: ValueHealth, Type: "number"},
		},
	}
}

// wish wants the same stage and health for each id.
func wish(stage, health string, ids ...string) []Desired {
	var want []Desired
	for _, id := range ids {
		want = append(want, Desired{Ref: ref(id), Customer: "cus_" + id, Values: map[string]string{ValueStage: stage, ValueHealth: health}})
	}
	return want
}

// world is a vendor, what Hub remembers of it, and a writer that knows only these.
type world struct {
	*vendor
	*memory
	target Target
	writer *Writer
}

func newWorld(ids ...string) *world {
	w := &world{vendor: newVendor(ids...), memory: newMemory()}
	w.target, w.writer = target(w.vendor), New(w.memory, nil)
	return w
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (w *world) apply(t testing.TB, want []Desired) Report {
	t.Helper()
	r, err := w.writer.Apply(t.Context(), w.target, want, Options{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	return r
}

func (w *world) value(id, field string) string { return w.records[id][field] }

func (w *world) state(id, field string) string { return w.rows[ref(id)][field].State }

// ids names n records.
func ids(n int) []string {
	var out []string
	for i := range n {
		out = append(out, string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	return slices.Clip(out)
}
