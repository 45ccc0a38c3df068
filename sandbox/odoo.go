package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VendorOdoo names the business suite's server.
const VendorOdoo = "odoo"

const (
	// OdooKey is the API key that the Odoo server asks for.
	OdooKey = "odoo_sandbox_not_a_secret"
	// OdooDatabase is the name of its database, which callers may leave out.
	OdooDatabase = "sandbox"
	// odooPerSecond is what the vendor's hosting asks of callers (Odoo Online Acceptable Use, external API).
	odooPerSecond = 10
)

// odooTime is how Odoo writes moments: in UTC, to the second.
const odooTime = time.DateTime

// odooSuite is the server: the lists, the fields that the models have, and those that were made by hand.
type odooSuite struct {
	*books
	models map[string]odooModel
}

// odooModel is one model: the list that holds it and its fields, each with its type.
type odooModel struct {
	stream string
	fields map[string]string
}

// Odoo returns a business suite's server, version 19, with the apps Contacts, CRM, Sales and Invoicing. It wants
// OdooKey as bearer token, and answers the JSON-2 API:
//
//	POST  /json/2/{res.partner,crm.lead,sale.order,account.move}/{fields_get,search_read,search_count,read,write}
//	POST  /json/2/ir.model/search_read, /json/2/ir.model.fields/create
func (w *World) Odoo() http.Handler {
	s := &odooSuite{books: &books{world: w, vendor: VendorOdoo, write: odooWrite, stir: odooStir, stamp: odooStamp}, models: odooModels()}
	var streams []string
	for _, m := range s.models {
		streams = append(streams, m.stream)
	}
	slices.Sort(streams)
	s.open(append(streams, "fields")...)
	g := &gate{world: w, vendor: VendorOdoo, mux: http.NewServeMux(), limit: w.odooLimit,
		allowed: func(r *http.Request) bool { return bearer(r, OdooKey) },
		denied: func(*call) reply {
			return odooError(http.StatusUnauthorized, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
		}}
	s.route(g, "POST /json/2/{model}/{method}", s.call)
	s.route(g, "/", func(*call) reply {
		return odooError(http.StatusNotFound, "werkzeug.exceptions.NotFound", "Did you mean POST /json/2/<model>/<method>?")
	})
	return g
}

func odooModels() map[string]odooModel {
	common := map[string]string{"id": "integer", "display_name": "char", "create_date": "datetime", "write_date": "datetime"}
	model := func(stream string, fields map[string]string) odooModel {
		all := maps.Clone(common)
		maps.Copy(all, fields)
		return odooModel{stream, all}
	}
	return map[string]odooModel{
		"res.partner": model("partners", map[string]string{"name": "char", "active": "boolean", "is_company": "boolean", "partner_share": "boolean",
			"type": "selection", "parent_id": "many2one", "commercial_partner_id": "many2one", "email": "char", "phone": "char", "function": "char",
			"website": "char", "vat": "char", "ref": "char", "city": "char", "country_id": "many2one", "industry_id": "many2one", "user_id": "many2one",
			"customer_rank": "integer", "image_1920": "binary", "x_segment": "selection", "x_vip": "boolean"}),
		"crm.lead": model("leads", map[string]string{"name": "char", "active": "boolean", "type": "selection", "partner_id": "many2one",
			"partner_name": "char", "contact_name": "char", "email_from": "char", "stage_id": "many2one", "team_id": "many2one", "user_id": "many2one",
			"won_status": "selection", "probability": "float", "expected_revenue": "monetary", "company_currency": "many2one", "date_closed": "datetime",
			"date_deadline": "date", "lost_reason_id": "many2one"}),
		"sale.order": model("orders", map[string]string{"name": "char", "state": "selection", "partner_id": "many2one", "amount_total": "monetary",
			"currency_id": "many2one", "date_order": "datetime", "validity_date": "date"}),
		"account.move": model("invoices", map[string]string{"name": "char", "move_type": "selection", "state": "selection", "payment_state": "selection",
			"partner_id": "many2one", "commercial_partner_id": "many2one", "amount_total": "monetary", "amount_residual": "monetary",
			"currency_id": "many2one", "invoice_date": "date", "invoice_date_due": "date"}),
	}
}

func (w *World) odooLimit(*call) (reply, bool) {
	wait, ok := w.limits.take(VendorOdoo, odooPerSecond, time.Second)
	if ok {
		return reply{}, false
	}
	a := odooError(http.StatusTooManyRequests, "werkzeug.exceptions.TooManyRequests", "Too many requests")
	a.header = map[string]string{"Retry-After": strconv.Itoa(int(wait/time.Second) + 1)}
	return a, true
}

func odooError(status int, name, message string) reply {
	return reply{status: status, body: doc{"name": name, "message": message, "arguments": []any{message}, "context": doc{}, "debug": "Traceback"}}
}

func odooMissing(what string) *reply {
	a := odooError(http.StatusNotFound, "werkzeug.exceptions.NotFound", what)
	return &a
}

// odooBad is what a ValueError of the server's own code comes to.
func odooBad(format string, args ...any) *reply {
	a := odooError(http.StatusInternalServerError, "builtins.ValueError", fmt.Sprintf(format, args...))
	return &a
}

// odooParams are the parameters of all methods together.
type odooParams struct {
	IDs        []int64                      `json:"ids"`
	Context    doc                          `json:"context"`
	Domain     []any                        `json:"domain"`
	Fields     []string                     `json:"fields"`
	AllFields  []string                     `json:"allfields"`
	Attributes []string                     `json:"attributes"`
	Order      string                       `json:"order"`
	Offset     int                          `json:"offset"`
	Limit      *int                         `json:"limit"`
	Vals       map[string]json.RawMessage   `json:"vals"`
	ValsList   []map[string]json.RawMessage `json:"vals_list"`
}

func (s *odooSuite) call(c *call) reply {
	if db := c.Header.Get("X-Odoo-Database"); db != "" && db != OdooDatabase {
		return *odooMissing("No database " + db)
	}
	var in odooParams
	dec := json.NewDecoder(strings.NewReader(string(c.raw)))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(&in); err != nil {
		return odooError(http.StatusUnprocessableEntity, "werkzeug.exceptions.UnprocessableEntity", err.Error())
	}
	name, method := c.PathValue("model"), c.PathValue("method")
	switch name + "/" + method {
	case "ir.model/search_read":
		return s.modelIDs(in)
	case "ir.model.fields/create":
		return s.newFields(in)
	}
	m, ok := s.models[name]
	if !ok {
		return *odooMissing(fmt.Sprintf("the model %q does not exist", name))
	}
	methods := map[string]func(string, odooModel, odooParams) (any, *reply){"fields_get": s.fieldsGet, "search_read": s.searchRead,
		"search_count": s.searchCount, "read": s.read, "write": s.writeOne}
	run, ok := methods[method]
	if !ok {
		return *odooMissing(fmt.Sprintf("The method '%s.%s' does not exist", name, method))
	}
	if len(in.IDs) > 0 && method != "read" && method != "write" {
		return odooError(http.StatusUnprocessableEntity, "werkzeug.exceptions.UnprocessableEntity", "cannot call "+name+"."+method+" with ids")
	}
	body, bad := run(name, m, in)
	if bad != nil {
		return *bad
	}
	return reply{status: http.StatusOK, body: body}
}

// typeOf returns a field's type, also where it was made by hand; "" where there is none.
func (s *odooSuite) typeOf(model, name string) string {
	if t := s.models[model].fields[name]; t != "" {
		return t
	}
	if it := s.list("fields").byID[model+"/"+name]; it != nil {
		return as[string](it.doc["ttype"])
	}
	return ""
}

func (s *odooSuite) names(model string) []string {
	names := slices.Collect(maps.Keys(s.models[model].fields))
	for _, it := range s.list("fields").rows {
		if own, ok := strings.CutPrefix(it.id, model+"/"); ok {
			names = append(names, own)
		}
	}
	slices.Sort(names)
	return names
}

func (s *odooSuite) fieldsGet(model string, _ odooModel, in odooParams) (any, *reply) {
	out := doc{}
	for _, name := range s.names(model) {
		if len(in.AllFields) > 0 && !slices.Contains(in.AllFields, name) {
			continue
		}
		all := doc{"name": name, "type": s.typeOf(model, name), "string": name, "store": name != "company_currency" && name != "display_name",
			"manual": strings.HasPrefix(name, "x_"), "readonly": false, "required": false}
		if len(in.Attributes) > 0 {
			maps.DeleteFunc(all, func(k string, _ any) bool { return !slices.Contains(in.Attributes, k) })
		}
		out[name] = all
	}
	return out, nil
}

// found returns the items that a domain holds for, in the order that was asked for.
func (s *odooSuite) found(model string, m odooModel, in odooParams) ([]*item, *reply) {
	holds, bad := s.domain(model, in.Domain)
	if bad != nil {
		return nil, bad
	}
	hidden := in.Context["active_test"] != false && m.fields["active"] != "" && !slices.ContainsFunc(in.Domain, func(leaf any) bool {
		l, ok := leaf.([]any)
		return ok && len(l) == 3 && l[0] == "active"
	})
	var rows []*item
	for _, it := range live(slices.Clone(s.list(m.stream).list(s.world.now))) {
		if (!hidden || it.doc["active"] != false) && holds(it) {
			rows = append(rows, it)
		}
	}
	var keys []string
	for part := range strings.SplitSeq(cmp.Or(in.Order, "id"), ",") {
		name, way, _ := strings.Cut(strings.TrimSpace(part), " ")
		if s.typeOf(model, name) == "" || way != "" && way != "asc" {
			return nil, odooBad("Invalid order %q", in.Order)
		}
		keys = append(keys, name)
	}
	slices.SortFunc(rows, func(a, b *item) int {
		for _, k := range keys {
			if n := odooCompare(odooValue(a, k), odooValue(b, k)); n != 0 {
				return n
			}
		}
		return 0
	})
	rows = rows[min(max(in.Offset, 0), len(rows)):]
	if in.Limit != nil && *in.Limit > 0 {
		rows = rows[:min(*in.Limit, len(rows))]
	}
	return rows, nil
}

func (s *odooSuite) searchRead(model string, m odooModel, in odooParams) (any, *reply) {
	rows, bad := s.found(model, m, in)
	if bad != nil {
		return nil, bad
	}
	return s.show(model, rows, in.Fields)
}

func (s *odooSuite) searchCount(model string, m odooModel, in odooParams) (any, *reply) {
	rows, bad := s.found(model, m, in)
	return len(rows), bad
}

func (s *odooSuite) read(model string, m odooModel, in odooParams) (any, *reply) {
	rows, bad := s.byIDs(m, in.IDs)
	if bad != nil {
		return nil, bad
	}
	return s.show(model, rows, in.Fields)
}

// byIDs finds records. One that is not there is an error, as for Odoo.
func (s *odooSuite) byIDs(m odooModel, ids []int64) ([]*item, *reply) {
	var rows []*item
	for _, id := range ids {
		it := s.list(m.stream).byID[strconv.FormatInt(id, 10)]
		if it == nil || !it.gone.IsZero() {
			a := odooError(http.StatusNotFound, "odoo.exceptions.MissingError", fmt.Sprintf("Record does not exist or has been deleted. (Record: %d)", id))
			return nil, &a
		}
		rows = append(rows, it)
	}
	return rows, nil
}

// show writes records with the fields that were asked for, false where they are empty.
func (s *odooSuite) show(model string, rows []*item, fields []string) (any, *reply) {
	if len(fields) == 0 {
		fields = s.names(model)
	}
	for _, name := range fields {
		if s.typeOf(model, name) == "" {
			return nil, odooBad("Invalid field %q on %q", name, model)
		}
	}
	out := []doc{}
	for _, it := range rows {
		d := doc{"id": odooValue(it, "id")}
		for _, name := range fields {
			if d[name] = odooValue(it, name); d[name] == nil {
				d[name] = false
				if t := s.typeOf(model, name); t == "integer" || t == "float" || t == "monetary" {
					d[name] = json.Number("0")
				}
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// odooValue is a member of a record, ids as numbers.
func odooValue(it *item, name string) any {
	switch name {
	case "id":
		n, err := strconv.ParseInt(it.id, 10, 64)
		if err != nil {
			return nil
		}
		return n
	case "display_name":
		return it.doc["name"]
	}
	return it.doc[name]
}
