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
	fs := append(ownerChange(old.Owner, b.Owner, who), fieldChanges(old, b, "company", who)...)
	if old.Name != b.Name && old.Name != "" && b.Name != "" {
		data := map[string]any{"from": old.Name, "to": b.Name}
		fs = append(fs, fact{typ: "company.renamed", data: data, summary: named("Company", "A company", old.Name) + " is now called " + orNone(b.Name) + "."})
	}
	if old.Plan != b.Plan {
		fs = append(fs, fact{typ: "company.plan_changed", data: fromTo(old.Plan, b.Plan), summary: who + " went from plan " + orNone(old.Plan) + " to " + orNone(b.Plan) + "."})
	}
	if old.Seats != b.Seats && old.Seats > 0 {
		fs = append(fs, fact{
			typ: "company.seats_changed", value: number(float64(b.Seats - old.Seats)),
			data:    map[string]any{"from": float64(old.Seats), "to": float64(b.Seats), "direction": upDown(float64(b.Seats - old.Seats))},
			summary: who + " went from " + decimal(float64(old.Seats)) + " to " + decimal(float64(b.Seats)) + " seats.",
		})
	}
	if old.Parent != b.Parent {
		fs = append(fs, fact{typ: "company.parent_changed", data: fromTo(refText(old.Parent), refText(b.Parent)), summary: who + " has another parent company."})
	}
	return fs
}

func contactChanges(old, b *canon.Contact) []fact {
	who := words(canon.Entity{Body: b})
	fs := append(ownerChange(old.Owner, b.Owner, who), fieldChanges(old, b, "contact", who)...)
	return append(fs, personChanges(old, b, who)...)
}

func ownerChange(from, to, who string) []fact {
	if from == to {
		return nil
	}
	return []fact{{
		typ: "owner.changed", data: fromTo(from, to),
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
