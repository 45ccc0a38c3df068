package rt_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rt"
)

// TestLaws runs the laws over what a Request Tracker 5.0.3 answered; what it does with writes is played by desk.
func TestLaws(t *testing.T) {
	x := connectortest.ReadExchange(t, filepath.Join("testdata", "exchange.json"))
	o := x.Options(t)
	read := o.Handler
	o.Handler = func() http.Handler { return newDesk(t, read()) }
	write := func(id, stage string) connectors.Write {
		return connectors.Write{Ref: canon.Ref{Connection: "laws", Stream: "tickets", ID: id}, Fields: map[string]string{"hub_stage": stage}}
	}
	o.Push = &connectortest.PushOptions{Stream: "tickets", Good: []connectors.Write{write("1", "active"), write("4", "at risk")},
		Bad: write("2", "refused"), Fields: []connectors.FieldSpec{{Name: "hub_stage", Label: "Stage", Type: "text"}}}
	connectortest.Run(t, rt.Definition(), o)
}

// desk keeps custom fields of tickets as Request Tracker does: it answers 200 to everything, says in words what
// it did not do, and leaves out fields that there are not. The value "refused" fits no pattern of its.
type desk struct {
	t      *testing.T
	read   http.Handler
	mux    *http.ServeMux
	fields []string
	values map[string]map[string]string
}

func newDesk(t *testing.T, read http.Handler) *desk {
	d := &desk{t: t, read: read, mux: http.NewServeMux(), values: map[string]map[string]string{"1": {}, "2": {}, "4": {}}}
	d.mux.HandleFunc("GET /REST/2.0/customfields", func(w http.ResponseWriter, _ *http.Request) {
		items := []map[string]any{}
		for i, name := range d.fields {
			items = append(items, map[string]any{"id": fmt.Sprint(i + 1), "Name": name, "type": "customfield"})
		}
		d.send(w, map[string]any{"items": items, "count": len(items)})
	})
	d.mux.HandleFunc("POST /REST/2.0/customfield", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Name, Type string }
		d.take(r, &in)
		d.fields = append(d.fields, in.Name)
		d.send(w, map[string]any{"id": fmt.Sprint(len(d.fields)), "type": "customfield"})
	})
	d.mux.HandleFunc("PUT /REST/2.0/tickets/bulk", d.bulk)
	d.mux.HandleFunc("GET /REST/2.0/tickets", func(w http.ResponseWriter, r *http.Request) {
		ids, alone := strings.CutPrefix(r.URL.Query().Get("query"), "id = ")
		if !alone {
			d.read.ServeHTTP(w, r)
			return
		}
		items := []map[string]any{}
		for id := range strings.SplitSeq(ids, " OR id = ") {
			values, ok := d.values[id]
			if !ok {
				continue
			}
			fields := []map[string]any{}
			for _, name := range d.fields {
				have := []string{}
				if values[name] != "" {
					have = append(have, values[name])
				}
				fields = append(fields, map[string]any{"name": name, "type": "customfield", "values": have})
			}
			items = append(items, map[string]any{"id": id, "type": "ticket", "CustomFields": fields})
		}
		d.send(w, map[string]any{"items": items, "count": len(items)})
	})
	d.mux.Handle("/", read)
	return d
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

func (d *desk) bulk(w http.ResponseWriter, r *http.Request) {
	var in []struct {
		ID           string
		CustomFields map[string]*string
	}
	d.take(r, &in)
	said := [][]string{}
	for _, u := range in {
		words := []string{u.ID}
		for name, v := range u.CustomFields {
			switch {
			case d.values[u.ID] == nil:
				words = append(words, "Resource does not exist")
			case !slices.Contains(d.fields, name):
			case v == nil:
				delete(d.values[u.ID], name)
				words = append(words, name+" deleted")
			case *v == "refused":
				words = append(words, "Invalid value for custom field")
			case d.values[u.ID][name] != *v:
				d.values[u.ID][name] = *v
				words = append(words, name+" "+*v+" added")
			}
		}
		said = append(said, words)
	}
	d.send(w, said)
}

func (d *desk) take(r *http.Request, into any) {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		d.t.Errorf("%s: %v", r.URL, err)
	}
}

func (d *desk) send(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		d.t.Error(err)
	}
}
