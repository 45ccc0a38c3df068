package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/lifecyclehub/hub/canon"
)

// deskField names the two kinds of own fields: the path, the key of one in an answer, and the key under
// which an organisation or user carries its values.
func deskField(path string) (single, values string, ok bool) {
	switch path {
	case "organization_fields":
		return "organization_field", "organization_fields", true
	case "user_fields":
		return "user_field", "user_fields", true
	}
	return "", "", false
}

func (w *World) zendeskFields(c *call) reply {
	path := c.PathValue("fields")
	if _, _, ok := deskField(path); !ok {
		return zendeskMissing()
	}
	return reply{status: http.StatusOK, body: doc{path: append([]doc{}, w.deskFields[path]...), "count": len(w.deskFields[path]), "next_page": nil, "previous_page": nil}}
}

func (w *World) zendeskAddField(c *call) reply {
	path := c.PathValue("fields")
	single, _, ok := deskField(path)
	if !ok {
		return zendeskMissing()
	}
	var in map[string]struct{ Key, Title, Type, Description string }
	if err := json.Unmarshal(c.raw, &in); err != nil {
		return zendeskInvalid("The body cannot be read")
	}
	f := in[single]
	if f.Key == "" || f.Title == "" || !slices.Contains([]string{"text", "textarea", "integer", "decimal", "date", "checkbox", "dropdown", "regexp"}, f.Type) {
		return zendeskUnprocessable("a field needs a key, a title and a known type")
	}
	if w.hasField(path, f.Key) {
		return zendeskUnprocessable(fmt.Sprintf("Key: %s has already been taken", f.Key))
	}
	id := 360000 + len(w.deskFields[path]) + 1
	field := doc{"id": id, "url": fmt.Sprintf("%s%s/%d.json", zdHost, path, id), "key": f.Key, "title": f.Title, "raw_title": f.Title, "type": f.Type,
		"description": f.Description, "raw_description": f.Description, "active": true, "system": false, "position": len(w.deskFields[path]),
		"regexp_for_validation": nil, "created_at": zdTime(w.now), "updated_at": zdTime(w.now)}
	w.deskFields[path] = append(w.deskFields[path], field)
	return reply{status: http.StatusCreated, body: doc{single: field}}
}

func (w *World) hasField(path, key string) bool {
	return slices.ContainsFunc(w.deskFields[path], func(d doc) bool { return d["key"] == key })
}

func zendeskUnprocessable(what string) reply {
	return reply{status: http.StatusUnprocessableEntity, body: doc{"error": "RecordInvalid", "description": "Record validation errors",
		"details": doc{"base": []doc{{"description": what, "error": "InvalidValue"}}}}}
}

// zendeskUpdate writes own fields of up to 100 records in a job, whose outcome is asked for later. Keys that
// no field has are ignored, as the vendor does.
func (w *World) zendeskUpdate(c *call, t *zdTable, single string) reply {
	var in map[string][]map[string]json.RawMessage
	if err := json.Unmarshal(c.raw, &in); err != nil {
		return zendeskInvalid("The body cannot be read")
	}
	rows := in[single+"s"]
	if len(rows) == 0 || len(rows) > 100 {
		return reply{status: http.StatusBadRequest, body: doc{"error": "TooManyValues", "description": "Want 1 to 100 records"}}
	}
	w.writeCalls++
	results := []doc{}
	for i, row := range rows {
		id, err := strconv.ParseInt(string(row["id"]), 10, 64)
		o := t.byID[id]
		if err != nil || o == nil {
			results = append(results, doc{"index": i, "id": id, "error": single + "NotFound", "details": "No such " + single, "success": false})
			continue
		}
		var values map[string]any
		if err := json.Unmarshal(row[single+"_fields"], &values); err != nil {
			results = append(results, doc{"index": i, "id": id, "error": "InvalidValue", "details": single + "_fields must be an object", "success": false})
			continue
		}
		w.writeDesk(t, o, single+"_fields", values)
		results = append(results, doc{"index": i, "id": id, "action": "update", "status": "Updated", "success": true})
	}
	id := canon.Hash([]byte(fmt.Sprint(w.writeCalls, single)))
	job := doc{"id": id, "job_type": "Bulk Update " + single, "url": zdHost + "job_statuses/" + id + ".json", "total": len(rows), "progress": nil,
		"status": "queued", "message": nil, "results": nil}
	w.jobs[id] = doc{"id": id, "job_type": job["job_type"], "url": job["url"], "total": len(rows), "progress": len(rows), "status": "completed",
		"message": "Completed", "results": results}
	return reply{status: http.StatusOK, body: doc{"job_status": job}}
}

func (w *World) writeDesk(t *zdTable, o *zdObject, key string, values map[string]any) {
	fields, changed := as[doc](o.doc[key]), 0
	for name, v := range values {
		if !w.hasField(key, name) {
			continue
		}
		text := ""
		if v != nil {
			text = fmt.Sprint(v)
		}
		old, had := fields[name]
		switch {
		case text == "" && had:
			delete(fields, name)
		case text != "" && old != text:
			fields[name] = text
		default:
			continue
		}
		changed++
	}
	w.writeVal += changed
	if changed > 0 {
		w.touchZD(t, o, w.now)
	}
}

func (w *World) zendeskJob(c *call) reply {
	job := w.jobs[c.PathValue("id")]
	if job == nil {
		return zendeskMissing()
	}
	return reply{status: http.StatusOK, body: doc{"job_status": job}}
}
