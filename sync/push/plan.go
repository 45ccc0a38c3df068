package push

import (
	"maps"
	"slices"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Plan returns what must be written, or at least looked at, so that the target's records say what is
// wanted: fields whose wanted value differs from the last acknowledged one, and fields whose last outcome
// is not yet settled. It is pure. The order is that of want; a record that stands twice is planned once,
// with what is said last. Records of other streams are left out.
func Plan(t Target, want []Desired, known map[canon.Ref]map[string]canon.PushedField) []connectors.Write {
	at := make(map[canon.Ref]int, len(want))
	var writes []connectors.Write
	for _, d := range want {
		if d.Ref.Connection != t.Connection || d.Ref.Stream != t.Stream || d.Ref.ID == "" {
			continue
		}
		i, again := at[d.Ref]
		if !again {
			i = len(writes)
			at[d.Ref] = i
			writes = append(writes, connectors.Write{Ref: d.Ref})
		}
		writes[i].Fields = due(t, d, known[d.Ref])
	}
	return slices.DeleteFunc(writes, func(w connectors.Write) bool { return len(w.Fields) == 0 })
}

// due returns the fields of one record that need work.
func due(t Target, d Desired, known map[string]canon.PushedField) map[string]string {
	fields := map[string]string{}
	for _, f := range t.Fields {
		wanted, computed := d.Values[f.Value]
		if computed && !settled(f, wanted, known[f.Name]) {
			fields[f.Name] = wanted
		}
	}
	return fields
}

// settled reports whether nothing is to be done. "" is settled where Hub never filled the field: what is
// not known must not erase what somebody else knows.
func settled(f Field, wanted string, k canon.PushedField) bool {
	switch {
	case k.State == StateSent:
		return false
	case !k.HasAcked:
		return plain(wanted) == ""
	case k.State == canon.PushVerified || k.State == "":
		return same(f.Type, wanted, k.Acked)
	}
	return false
}

// guardFrom is how many records must change before the fleet guard looks at the share.
const guardFrom = 50

// guard refuses a plan that would change one field in too large a share of the fleet: a broken policy or
// mapping should be noticed before it is everywhere.
func guard(t Target, writes []connectors.Write, known map[canon.Ref]map[string]canon.PushedField, o Options) error {
	if o.MaxShare <= 0 {
		return nil
	}
	held, changing := map[string]int{}, map[string]int{}
	for ref, fields := range known {
		if ref.Connection != t.Connection || ref.Stream != t.Stream {
			continue
		}
		for name, k := range fields {
			if k.HasAcked {
				held[name]++
			}
		}
	}
	for _, w := range writes {
		for name, wanted := range w.Fields {
			f, k := t.field(name), known[w.Ref][name]
			if k.HasAcked && !restless(f.Value) && !same(f.Type, wanted, k.Acked) {
				changing[name]++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(changing)) {
		n, fleet := changing[name], max(held[name], o.Fleet)
		if n > guardFrom && float64(n) > o.MaxShare*float64(fleet) {
			return canon.Errorf("push.fleet_guard", "push to %s: %d of %d records would change their %s, more than the allowed share of %.0f %%",
				t.key(), n, fleet, name, 100*o.MaxShare).
				WithHint("look at the plan; where the change is meant, raise the allowed share for one push")
		}
	}
	return nil
}
