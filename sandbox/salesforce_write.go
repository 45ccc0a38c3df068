package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
)

// update writes up to 200 records of any types. Each has an outcome of its own, in the order of the request;
// with allOrNone one failure undoes all.
func (s *sfServer) update(c *call) reply {
	var in struct {
		AllOrNone bool  `json:"allOrNone"`
		Records   []doc `json:"records"`
	}
	if err := json.Unmarshal(c.raw, &in); err != nil {
		return sfError(http.StatusBadRequest, "JSON_PARSER_ERROR", err.Error())
	}
	if len(in.Records) > 200 {
		return sfError(http.StatusBadRequest, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records in this request")
	}
	s.world.writeCalls++
	outcomes, failed := []doc{}, false
	var writes []func()
	for _, rec := range in.Records {
		write, fault := s.plan(rec)
		if fault != nil {
			failed = true
			outcomes = append(outcomes, doc{"success": false, "errors": []doc{fault}})
			continue
		}
		writes = append(writes, write)
		outcomes = append(outcomes, doc{"id": sfLong(as[string](rec["id"])), "success": true, "errors": []doc{}})
	}
	if failed && in.AllOrNone {
		for i, o := range outcomes {
			if o["success"] == true {
				outcomes[i] = doc{"success": false, "errors": []doc{sfWriteFault("ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back because not all records were valid and the request was using AllOrNone header")}}
			}
		}
		writes = nil
	}
	for _, w := range writes {
		w()
	}
	return reply{status: http.StatusOK, body: outcomes}
}

func sfWriteFault(code, message string, fields ...string) doc {
	if fields == nil {
		fields = []string{}
	}
	return doc{"statusCode": code, "message": message, "fields": fields}
}

// plan checks one record of an update and returns what would write it.
func (s *sfServer) plan(rec doc) (func(), doc) {
	t := s.types[as[string](as[doc](rec["attributes"])["type"])]
	id := sfLong(as[string](rec["id"]))
	if t == nil {
		return nil, sfWriteFault("INVALID_TYPE", "the record names no type of this org")
	}
	shelf := s.world.shelf(VendorSalesforce, t.stream)
	it := shelf.byID[id]
	if it == nil {
		return nil, sfWriteFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
	}
	if !it.gone.IsZero() {
		return nil, sfWriteFault("ENTITY_IS_DELETED", "entity is deleted")
	}
	members := doc{}
	for _, name := range slices.Sorted(maps.Keys(rec)) {
		if name == "id" || name == "attributes" {
			continue
		}
		f := t.field(name)
		if f == nil || f.calc || f.describe()["updateable"] == false {
			return nil, sfWriteFault("INVALID_FIELD_FOR_INSERT_UPDATE", fmt.Sprintf("Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", name), name)
		}
		text, isText := rec[name].(string)
		switch {
		case f.kind == "double" && isText && text != "":
			return nil, sfWriteFault("INVALID_TYPE_ON_FIELD_IN_RECORD", name+": value not of required type: "+text, name)
		case isText && f.length > 0 && len([]rune(text)) > f.length:
			return nil, sfWriteFault("STRING_TOO_LONG", fmt.Sprintf("%s: data value too large: %.20s (max length=%d)", name, text, f.length), name)
		}
		members[f.name] = rec[name]
	}
	return func() {
		for name, v := range members {
			if !reflect.DeepEqual(it.doc[name], v) {
				s.world.writeVal++
			}
		}
		shelf.change(it, s.world.now, members)
	}, nil
}
