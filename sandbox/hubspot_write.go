package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hubspotBatchUpdate writes properties. One invalid value refuses the whole batch; unknown ids fail alone.
func (w *World) hubspotBatchUpdate(c *call, t *hsTable) reply {
	b, bad := readBatch(c)
	if bad != nil {
		return *bad
	}
	seen := map[string]bool{}
	for _, in := range b.Inputs {
		if seen[in.ID] {
			return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "Duplicate IDs found in batch input: ["+in.ID+"]. IDs must be unique")
		}
		seen[in.ID] = true
		for _, name := range slices.Sorted(maps.Keys(in.Properties)) {
			if code, why := t.refuse(name, in.Properties[name]); code != "" {
				return w.invalidValue(c, name, code, why)
			}
		}
	}
	results, missing := []doc{}, []string{}
	w.writeCalls++
	for _, in := range b.Inputs {
		o := t.byID[in.ID]
		if o == nil || !o.archived.IsZero() {
			missing = append(missing, in.ID)
			continue
		}
		names := w.write(t, o, in.Properties)
		results = append(results, t.shape(o, names))
	}
	return w.batchReply(results, notFound(t, missing))
}

// write stores the values and marks the object as changed where one differs.
func (w *World) write(t *hsTable, o *hsObject, values map[string]*string) []string {
	var names []string
	changed := 0
	for name, v := range values {
		names = append(names, name)
		old, had := o.props[name]
		v = t.normal(name, v)
		switch {
		case v == nil || *v == "":
			if had {
				delete(o.props, name)
				changed++
			}
		case *v != old:
			o.props[name] = *v
			changed++
		}
	}
	slices.Sort(names)
	if changed > 0 {
		w.writeVal += changed
		t.touch(o, w.now)
	}
	return names
}

// normal is the form in which the vendor keeps a value: moments are ISO 8601, without an empty fraction.
func (t *hsTable) normal(name string, v *string) *string {
	if v == nil || t.kind(name) != "datetime" {
		return v
	}
	ms, ok := millis(*v)
	if !ok {
		return v
	}
	s := time.UnixMilli(ms).UTC().Format(time.RFC3339Nano)
	return &s
}

// refuse checks a value against its property's definition.
func (t *hsTable) refuse(name string, v *string) (code, why string) {
	f := t.field(name)
	switch {
	case f == nil:
		return "PROPERTY_DOESNT_EXIST", fmt.Sprintf("Property %q does not exist", name)
	case name == "hs_object_id" || name == "createdate" || name == t.stamp:
		return "READ_ONLY_VALUE", fmt.Sprintf("%q is a read only property; its value cannot be set.", name)
	case v == nil || *v == "":
		return "", ""
	}
	switch f.kind {
	case "number":
		if _, err := strconv.ParseFloat(*v, 64); err != nil {
			return "INVALID_DOUBLE", fmt.Sprintf("%s was not a valid number.", *v)
		}
	case "datetime", "date":
		if _, ok := millis(*v); !ok {
			return "INVALID_DATE", fmt.Sprintf("%s was not a valid date.", *v)
		}
	case "enumeration":
		if !slices.Contains(f.options, *v) {
			return "INVALID_OPTION", fmt.Sprintf("%s was not one of the allowed options: %v", *v, f.options)
		}
	}
	return "", ""
}

func (w *World) invalidValue(c *call, name, code, why string) reply {
	detail, err := json.Marshal([]doc{{"isValid": false, "message": why, "error": code, "name": name, "localizedErrorMessage": why}})
	if err != nil {
		detail = []byte(why)
	}
	a := hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "Property values were not valid: "+string(detail))
	as[doc](a.body)["errors"] = []doc{{"message": why, "code": code, "context": doc{"propertyName": []string{name}}}}
	return a
}

// assocTypes are the vendor's numbers of the unlabelled and, towards companies, the primary association.
func assocTypes(from, to string) (plain, primary int) {
	switch from + ">" + to {
	case "contacts>companies":
		return 279, 1
	case "companies>contacts":
		return 280, 0
	case "deals>companies":
		return 341, 5
	case "companies>deals":
		return 342, 0
	case "deals>contacts":
		return 3, 0
	case "contacts>deals":
		return 4, 0
	case "tickets>companies":
		return 339, 26
	case "companies>tickets":
		return 340, 0
	case "tickets>contacts":
		return 16, 0
	case "contacts>tickets":
		return 15, 0
	case "quotes>companies":
		return 71, 0
	case "quotes>contacts":
		return 69, 0
	case "quotes>deals":
		return 64, 0
	}
	return 0, 0
}

// hubspotAssociations answers 207 where some of the inputs have no associate.
func (w *World) hubspotAssociations(c *call) reply {
	from, to := w.hubspotType(c.PathValue("from")), w.hubspotType(c.PathValue("to"))
	if from == nil || to == nil {
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "Unable to infer object type")
	}
	var b batch
	if err := json.Unmarshal(c.raw, &b); err != nil || len(b.Inputs) > 1000 {
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "Want up to 1000 inputs with an id each")
	}
	plain, primary := assocTypes(from.name, to.name)
	results, errors := []doc{}, []doc{}
	for _, in := range b.Inputs {
		o := from.byID[in.ID]
		var ids []string
		if o != nil && o.archived.IsZero() {
			ids = w.linked(o, to)
		}
		if len(ids) == 0 {
			errors = append(errors, doc{
				"status": "error", "category": "OBJECT_NOT_FOUND", "errors": []doc{}, "links": doc{},
				"message": fmt.Sprintf("No %s is associated with %s %s.", to.singular, from.singular, in.ID),
				"context": doc{"fromObjectId": []string{in.ID}, "fromObjectType": []string{from.singular}, "toObjectType": []string{to.singular}},
			})
			continue
		}
		var all []doc
		for i, id := range ids {
			types := []doc{{"category": "HUBSPOT_DEFINED", "typeId": plain}}
			if i == 0 && primary != 0 {
				types = append(types, doc{"category": "HUBSPOT_DEFINED", "typeId": primary, "label": "Primary"})
			}
			all = append(all, doc{"toObjectId": id, "associationTypes": types})
		}
		results = append(results, doc{"from": doc{"id": in.ID}, "to": all})
	}
	return w.batchReply(results, errors)
}

func (f *hsField) shape() doc {
	options := []doc{}
	for i, o := range f.options {
		options = append(options, doc{"label": o, "value": o, "hidden": false, "displayOrder": i})
	}
	return doc{
		"name": f.name, "label": f.label, "type": f.kind, "fieldType": f.input, "groupName": f.group, "description": f.about, "options": options,
		"displayOrder": -1, "calculated": false, "externalOptions": false, "hasUniqueValue": false, "hidden": false, "hubspotDefined": f.own,
		"formField": false, "archived": false, "createdAt": hsTime(f.at), "updatedAt": hsTime(f.at),
		"modificationMetadata": doc{"archivable": !f.own, "readOnlyDefinition": f.own, "readOnlyValue": f.name == "hs_object_id", "readOnlyOptions": false},
	}
}

func (w *World) hubspotProperties(c *call, t *hsTable) reply {
	results := []doc{}
	for _, f := range t.fields {
		results = append(results, f.shape())
	}
	return reply{status: http.StatusOK, body: doc{"results": results}}
}

func (w *World) hubspotProperty(c *call, t *hsTable) reply {
	f := t.field(c.PathValue("name"))
	if f == nil {
		return hubspotError(c, http.StatusNotFound, "OBJECT_NOT_FOUND", fmt.Sprintf("Property %q does not exist.", c.PathValue("name")))
	}
	return reply{status: http.StatusOK, body: f.shape()}
}

func (w *World) hubspotAddProperty(c *call, t *hsTable) reply {
	var in struct {
		Name, Label, Type, FieldType, GroupName, Description string
		Options                                              []struct{ Label, Value string }
	}
	if err := json.Unmarshal(c.raw, &in); err != nil {
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON: "+err.Error())
	}
	inputs := map[string]string{
		"string": "text textarea phonenumber html file", "number": "number", "datetime": "date", "date": "date",
		"enumeration": "select radio checkbox booleancheckbox", "bool": "booleancheckbox",
	}
	switch {
	case !regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`).MatchString(in.Name):
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", fmt.Sprintf("Property name %q must be lowercase letters, digits and underscores", in.Name))
	case in.Label == "" || !slices.Contains(strings.Fields(inputs[in.Type]), in.FieldType):
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", fmt.Sprintf("label, or type %q with fieldType %q, is not valid", in.Type, in.FieldType))
	case !slices.ContainsFunc(t.groups, func(g hsGroup) bool { return g.name == in.GroupName }):
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", fmt.Sprintf("Property group %q does not exist.", in.GroupName))
	case t.field(in.Name) != nil:
		return hubspotError(c, http.StatusConflict, "CONFLICT", fmt.Sprintf("A property named '%s' already exists.", in.Name))
	}
	f := &hsField{name: in.Name, label: in.Label, kind: in.Type, input: in.FieldType, group: in.GroupName, about: in.Description, at: w.now}
	for _, o := range in.Options {
		f.options = append(f.options, o.Value)
	}
	t.fields = append(t.fields, f)
	return reply{status: http.StatusCreated, body: f.shape()}
}

func (w *World) hubspotGroups(c *call, t *hsTable) reply {
	results := []doc{}
	for i, g := range t.groups {
		results = append(results, doc{"name": g.name, "label": g.label, "displayOrder": i, "archived": false})
	}
	return reply{status: http.StatusOK, body: doc{"results": results}}
}

func (w *World) hubspotAddGroup(c *call, t *hsTable) reply {
	var in struct{ Name, Label string }
	if err := json.Unmarshal(c.raw, &in); err != nil || in.Name == "" || in.Label == "" {
		return hubspotError(c, http.StatusBadRequest, "VALIDATION_ERROR", "A property group needs a name and a label")
	}
	if slices.ContainsFunc(t.groups, func(g hsGroup) bool { return g.name == in.Name }) {
		return hubspotError(c, http.StatusConflict, "CONFLICT", fmt.Sprintf("A property group named '%s' already exists.", in.Name))
	}
	t.groups = append(t.groups, hsGroup{in.Name, in.Label})
	return reply{status: http.StatusCreated, body: doc{"name": in.Name, "label": in.Label, "displayOrder": len(t.groups) - 1, "archived": false}}
}
