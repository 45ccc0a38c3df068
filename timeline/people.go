package timeline

import (
	"reflect"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// created tells of an entity's beginning.
func created(s State, data map[string]any) []fact {
	typ := string(s.Entity.Kind) + ".created"
	return []fact{{typ: typ, key: typ, at: s.Entity.CreatedAt, summary: words(s.Entity) + " was created.", data: data}}
}

func companyChanges(old, b *canon.Company) []fact {
	who := named("Company", "A company", b.Name)
	return append(ownerChange(old.Owner, b.Owner, who), fieldChanges(old, b, "company", who)...)
}

func contactChanges(old, b *canon.Contact) []fact {
	who := words(canon.Entity{Body: b})
	return append(ownerChange(old.Owner, b.Owner, who), fieldChanges(old, b, "contact", who)...)
}

func ownerChange(from, to, who string) []fact {
	if from == to {
		return nil
	}
	data := map[string]any{}
	put(data, "from", from)
	put(data, "to", to)
	return []fact{{
		typ: "owner.changed", data: data,
		summary: who + " passed from owner " + orNone(from) + " to " + orNone(to) + ".",
	}}
}

// fieldChanges names the fields that differ, without their values: they may be personal data. The owner has
// an event of its own.
func fieldChanges(old, b any, kind, who string) []fact {
	ov, nv := reflect.ValueOf(old).Elem(), reflect.ValueOf(b).Elem()
	var names []string
	for i := range nv.NumField() {
		name, _, _ := strings.Cut(nv.Type().Field(i).Tag.Get("json"), ",")
		if name != "owner" && !sameField(ov.Field(i), nv.Field(i)) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return []fact{{
		typ: kind + ".changed", data: map[string]any{"fields": strings.Join(names, ",")},
		summary: who + " changed: " + strings.ReplaceAll(strings.Join(names, ", "), "_", " ") + ".",
	}}
}

// sameField compares two fields; a nil and an empty list are the same.
func sameField(a, b reflect.Value) bool {
	if a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
