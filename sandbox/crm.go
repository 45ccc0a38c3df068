package sandbox

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hsObject is one CRM object.
type hsObject struct {
	id               string
	num              int64
	created, updated time.Time
	archived         time.Time
	props            map[string]string
	// links holds the ids of associated objects by their type, the primary one first.
	links map[string][]string
	// Until shown, the search index holds what was before, nothing where that is nil.
	shown  time.Time
	before *hsObject
}

// hsTable is one CRM object type.
type hsTable struct {
	name, singular, stamp string
	rows                  []*hsObject
	byID                  map[string]*hsObject
	fields                []*hsField
	groups                []hsGroup
	defaults              []string
	next                  int64
}

// hsField is a property's definition.
type hsField struct {
	name, label, kind, input, group, about string
	options                                []string
	own                                    bool // made by HubSpot, not by the account
	at                                     time.Time
}

type hsGroup struct{ name, label string }

func (t *hsTable) field(name string) *hsField {
	for _, f := range t.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

func (t *hsTable) add(at time.Time, props map[string]string) *hsObject {
	at = at.UTC().Truncate(time.Millisecond)
	o := &hsObject{num: t.next, id: strconv.FormatInt(t.next, 10), created: at, props: map[string]string{}, links: map[string][]string{}}
	t.next += 1 + t.next%3
	for k, v := range props {
		if v != "" {
			o.props[k] = v
		}
	}
	o.props["hs_object_id"] = o.id
	o.props["createdate"] = hsTime(at)
	t.rows = append(t.rows, o)
	t.byID[o.id] = o
	t.touch(o, at)
	return o
}

// touch marks a change at a moment. Time never goes back for an object.
func (t *hsTable) touch(o *hsObject, at time.Time) {
	at = at.UTC().Truncate(time.Millisecond)
	if !at.After(o.updated) && !o.updated.IsZero() {
		at = o.updated.Add(time.Millisecond)
	}
	o.updated = at
	o.props[t.stamp] = hsTime(at)
}

// hide lets the search index hold the object's present state until shown, whatever happens to it meanwhile.
func (o *hsObject) hide(now, shown time.Time, fresh bool) {
	if o.shown.After(now) {
		o.shown = shown
		return
	}
	o.shown, o.before = shown, nil
	if !fresh {
		was := *o
		was.props, was.before = maps.Clone(o.props), nil
		o.before = &was
	}
}

// indexed lists the objects as the search index holds them.
func (t *hsTable) indexed(now time.Time) []*hsObject {
	var out []*hsObject
	for _, o := range t.rows {
		if o.shown.After(now) {
			if o.before == nil {
				continue
			}
			o = o.before
		}
		if o.archived.IsZero() {
			out = append(out, o)
		}
	}
	return out
}

// set changes values at a moment; pairs are name, value, name, value…
func (t *hsTable) set(o *hsObject, at time.Time, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		o.props[pairs[i]] = pairs[i+1]
	}
	t.touch(o, at)
}

func (w *World) link(from, fromID, to, toID string) {
	join := func(o *hsObject, kind, id string) {
		if o != nil && !slices.Contains(o.links[kind], id) {
			o.links[kind] = append(o.links[kind], id)
		}
	}
	join(w.crm[from].byID[fromID], to, toID)
	join(w.crm[to].byID[toID], from, fromID)
}

func hsTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// dealStages are the open stages of the default pipeline, in order.
func dealStages() []string {
	return []string{"appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent"}
}

func newCRM(since time.Time) map[string]*hsTable {
	lifecycle := strings.Fields("subscriber lead marketingqualifiedlead salesqualifiedlead opportunity customer evangelist other")
	shared := "product_last_used_at datetime|nps_score number|nps_answered_at datetime|country string|phone string|hubspot_owner_id string|hs_merged_object_ids string"
	tables := []*hsTable{
		newHSTable(hsTable{name: "companies", singular: "company", stamp: "hs_lastmodifieddate", next: 7100001}, "name domain",
			"name string|domain string|industry string|city string|numberofemployees number|lifecyclestage enumeration|product_active_users number|product_seats number|product_plan string|"+shared),
		newHSTable(hsTable{name: "contacts", singular: "contact", stamp: "lastmodifieddate", next: 150001}, "firstname lastname email",
			"firstname string|lastname string|email string|hs_additional_emails string|jobtitle string|lifecyclestage enumeration|hs_analytics_source string|"+shared),
		newHSTable(hsTable{name: "deals", singular: "deal", stamp: "hs_lastmodifieddate", next: 21000001}, "dealname amount closedate dealstage pipeline",
			"dealname string|amount number|closedate datetime|dealstage enumeration|pipeline enumeration|dealtype enumeration|deal_currency_code string|hs_is_closed bool|"+
				"hs_is_closed_won bool|hs_deal_stage_probability number|closed_lost_reason string|hubspot_owner_id string|hs_merged_object_ids string"),
		newHSTable(hsTable{name: "tickets", singular: "ticket", stamp: "hs_lastmodifieddate", next: 3300001}, "subject content hs_pipeline hs_pipeline_stage hs_ticket_category hs_ticket_priority",
			"subject string|content string|hs_pipeline enumeration|hs_pipeline_stage enumeration|hs_ticket_priority enumeration|hs_ticket_category enumeration|closed_date datetime|hubspot_owner_id string"),
		newQuotes(),
	}
	options := map[string][]string{
		"lifecyclestage": lifecycle, "dealstage": append(dealStages(), "closedwon", "closedlost"), "pipeline": {"default"},
		"dealtype": {"newbusiness", "existingbusiness"}, "hs_pipeline": {"0"}, "hs_pipeline_stage": {"1", "2", "3", "4"},
		"hs_ticket_priority": {"LOW", "MEDIUM", "HIGH"}, "hs_ticket_category": {"PRODUCT_ISSUE", "BILLING_ISSUE", "GENERAL_INQUIRY"},
	}
	m := map[string]*hsTable{}
	for _, t := range tables {
		for _, stage := range options["dealstage"] {
			if t.name == "deals" {
				t.fields = append(t.fields, &hsField{name: "hs_v2_date_entered_" + stage, kind: "datetime"})
			}
		}
		for _, f := range t.fields {
			f.options = options[f.name]
			f.at = since.UTC()
			finishField(t, f)
		}
		m[t.name] = t
	}
	return m
}

// newHSTable completes a table: defaults are the properties shown unasked, fields pairs of name and type.
func newHSTable(t hsTable, defaults, fields string) *hsTable {
	t.byID, t.defaults = map[string]*hsObject{}, strings.Fields(defaults)
	t.groups = []hsGroup{{t.singular + "information", strings.ToUpper(t.singular[:1]) + t.singular[1:] + " information"}, {"product_usage", "Product usage"}}
	for f := range strings.SplitSeq(fields+"|hs_object_id number|createdate datetime|"+t.stamp+" datetime", "|") {
		name, kind, _ := strings.Cut(f, " ")
		t.fields = append(t.fields, &hsField{name: name, kind: kind})
	}
	return &t
}

// finishField fills in what follows from a shipped property's name and type.
func finishField(t *hsTable, f *hsField) {
	f.own, f.group = true, t.singular+"information"
	if strings.HasPrefix(f.name, "product_") || strings.HasPrefix(f.name, "nps_") {
		f.own, f.group = false, "product_usage"
	}
	f.label = strings.ReplaceAll(strings.TrimPrefix(f.name, "hs_"), "_", " ")
	switch f.kind {
	case "enumeration":
		f.input = "select"
	case "datetime":
		f.input = "date"
	case "bool":
		f.input = "booleancheckbox"
	case "number":
		f.input = "number"
	default:
		f.input = "text"
	}
}
