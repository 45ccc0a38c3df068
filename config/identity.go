package config

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Identity says how records of several systems become one customer.
type Identity struct {
	Pack         string          `yaml:"pack" json:"pack,omitempty" validate:"oneof=company person" jsonschema:"enum=company,enum=person" jsonschema_description:"The rules to start from: company (default) where businesses are sold to, person where people are."`
	Grain        string          `yaml:"grain" json:"grain,omitempty" validate:"omitempty,oneof=company person group" jsonschema:"enum=company,enum=person,enum=group" jsonschema_description:"What a customer is: a company, a person, or a group with its subsidiaries. Default: that of the pack."`
	SourceOrder  []string        `yaml:"source_order" json:"source_order,omitempty" validate:"unique" jsonschema_description:"Connections, the surest first, for fields that several of them tell."`
	GenericLimit int             `yaml:"generic_limit" json:"generic_limit,omitempty" validate:"gte=2" jsonschema_description:"A value held by more records than this links nobody. Default 50."`
	FreeMail     []string        `yaml:"free_mail" json:"free_mail,omitempty" validate:"dive,fqdn" jsonschema_description:"Further domains whose addresses say nothing of the company."`
	Own          []string        `yaml:"own" json:"own,omitempty" validate:"dive,fqdn" jsonschema_description:"Your own domains: your people at a customer's record are not the customer."`
	Agencies     []string        `yaml:"agencies" json:"agencies,omitempty" validate:"dive,fqdn|email" jsonschema_description:"Domains, or single addresses, of agencies, resellers and consultants, who stand in many customers' records."`
	Single       map[string]bool `yaml:"single" json:"single,omitempty" jsonschema_description:"connection/stream: whether a customer has at most one record of it."`
	// Limits goes by kind of identifier: LimitKinds.
	Limits     map[string]Limit `yaml:"limits" json:"limits,omitempty" validate:"dive" jsonschema_description:"mail, domain, vat or registration: how many different ones one company or person may have."`
	MaxMembers int              `yaml:"max_members" json:"max_members,omitempty" validate:"omitempty,gte=2" jsonschema_description:"The most records that evidence may bring together as one. Default 500."`
	// StaleAfter is nil where the file does not say; 0 for never.
	StaleAfter *time.Duration `yaml:"stale_after" json:"stale_after,omitempty" validate:"omitempty,gte=0" jsonschema_description:"Records whose lifetimes lie further apart than this are not linked by what they share; 0s for never. Default 1095d."`
	Region     string         `yaml:"region" json:"region,omitempty" validate:"omitempty,iso3166_1_alpha2" jsonschema_description:"Country, as two letters, of telephone, VAT and register numbers that do not tell their own."`
	GroupVATs  []string       `yaml:"group_vats" json:"group_vats,omitempty" validate:"unique,dive,required" jsonschema_description:"VAT numbers that several companies of a group share, and that link none."`
	// Propose and Auto are nil where the file does not say: those of the pack.
	Propose      *float64            `yaml:"propose" json:"propose,omitempty" validate:"omitempty,gte=0,lte=1" jsonschema_description:"How alike two records must be, 0 to 1, to be proposed to you. Default: that of the pack."`
	Auto         *float64            `yaml:"auto" json:"auto,omitempty" validate:"omitempty,gte=0,lte=1" jsonschema_description:"How alike two records must be, 0 to 1, to be linked without asking; 0 for never. Default: that of the pack."`
	Survivorship map[string]Survivor `yaml:"survivorship" json:"survivorship,omitempty" validate:"dive" jsonschema_description:"How a field gets its value where several records have one: a policy, or more of it."`
}

// Limit says how many identifiers of a kind one company or person may have.
type Limit struct {
	Max    int           `yaml:"max" json:"max" validate:"gte=0" jsonschema:"required" jsonschema_description:"The most different ones; 0 for no limit."`
	Window time.Duration `yaml:"window" json:"window,omitempty" validate:"gte=0" jsonschema_description:"Within this span of time; 0 for ever."`
}

// Survivor says how one field gets its value. A plain string is a policy.
type Survivor struct {
	Policy  string            `yaml:"policy" json:"policy,omitempty" validate:"omitempty,oneof=source_priority most_recent most_frequent longest" jsonschema:"enum=source_priority,enum=most_recent,enum=most_frequent,enum=longest" jsonschema_description:"source_priority (default), most_recent, most_frequent or longest."`
	Sources []string          `yaml:"sources" json:"sources,omitempty" validate:"unique" jsonschema_description:"Connections, connectors or kinds of system (crm, billing, support…), the surest first."`
	Only    bool              `yaml:"only" json:"only,omitempty" jsonschema_description:"true leaves out all others."`
	Custom  map[string]string `yaml:"custom" json:"custom,omitempty" validate:"dive,required" jsonschema_description:"connection or connector: the vendor's custom field that holds the value. Gives the customer a field of your own, or another source for one of Hub's."`
}

// LimitKinds are the kinds of identifiers that may be limited.
func LimitKinds() []string { return []string{"domain", "mail", "registration", "vat"} }

// Categories are the kinds of systems.
func Categories() []string {
	return []string{"crm", "billing", "support", "marketing", "usage", "survey", "file", "other"}
}

// GoldenFields are the fields of customers whose survivorship may be configured, beside those of one's own.
func GoldenFields() []string {
	return []string{"birth_date", "city", "country", "domain", "email", "email_verified", "employees", "first_name", "industry", "last_name", "legal_name", "lifecycle_stage", "name",
		"national_id", "owner", "parent", "phone", "plan", "postal_code", "region", "registration_id", "seats", "source", "street", "title", "vat_id"}
}

// wishes are the fields that go by no policy: what a person does not want holds whoever has noted it.
var wishes = []string{"consent_at", "do_not_contact", "opted_out"}

// LoadIdentity reads the identity section of the file at path, which may hold nothing else or be a whole hub.yaml,
// and returns cfg with it. Other sections are not looked at, and none of their variables are asked for. The
// connections that it names are those of cfg.
func LoadIdentity(path string, cfg *Config, env func(string) (string, bool)) (*Config, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseIdentity(path, src, cfg, env)
}

// ParseIdentity is LoadIdentity of what was read. It returns Complaints for what is wrong with it.
func ParseIdentity(name string, src []byte, cfg *Config, env func(string) (string, bool)) (*Config, error) {
	out := *cfg
	out.Identity = Default().Identity
	d := &decoder{file: name, dir: cfg.Dir, env: env, at: map[string]place{}}
	if body := d.body(src); body != nil {
		d.section(body, "identity", reflect.ValueOf(&out.Identity).Elem())
	} else if len(d.complaints) == 0 {
		d.complain(place{1, 1}, "identity", "write the rules below a key identity:", "the file is empty")
	}
	if len(d.complaints) == 0 {
		d.validate(&out)
	}
	if len(d.complaints) > 0 {
		slices.SortStableFunc(d.complaints, compareComplaints)
		return nil, d.complaints
	}
	out.places = d.find
	return &out, nil
}

// identity checks what the rules of the identity section name.
func (d *decoder) identity(cfg *Config, names []string) {
	id := &cfg.Identity
	for i, name := range id.SourceOrder {
		d.known(fmt.Sprintf("identity.source_order[%d]", i), "connection", name, names)
	}
	for _, key := range slices.Sorted(maps.Keys(id.Single)) {
		path := "identity.single[" + key + "]"
		connection, stream, ok := strings.Cut(key, "/")
		if !ok || stream == "" {
			d.complain(d.placeFor(path), path, "write it as hubspot/companies: true", "%s does not name a connection and a stream", path)
			continue
		}
		d.known(path, "connection", connection, names)
	}
	for _, kind := range slices.Sorted(maps.Keys(id.Limits)) {
		d.known("identity.limits["+kind+"]", "kind of identifier", kind, LimitKinds())
	}
	if id.Propose != nil && id.Auto != nil && *id.Auto > 0 && *id.Auto < *id.Propose {
		d.complain(d.placeFor("identity.auto"), "identity.auto", "write at least what propose says, or 0 for never", "identity.auto is below identity.propose")
	}
	for _, field := range slices.Sorted(maps.Keys(id.Survivorship)) {
		d.survivor(cfg, "identity.survivorship["+field+"]", field)
	}
}

// survivor checks one field's survivorship.
func (d *decoder) survivor(cfg *Config, path, field string) {
	s := cfg.Identity.Survivorship[field]
	var systems []string
	for _, c := range cfg.Connections {
		systems = append(systems, c.Name, c.Connector)
	}
	switch {
	case slices.Contains(wishes, field):
		d.complain(d.placeFor(path), path, "remove it", "%s: what a person wants goes by no policy, so that no source weakens it", path)
	case len(s.Custom) == 0:
		d.known(path, "field", field, GoldenFields())
	case !slices.Contains(GoldenFields(), field) && !slug.MatchString(field):
		d.complain(d.placeFor(path), path, "use a-z, 0-9, - and _, at most 63, beginning with a letter or digit", "%s: %q is not a short name", path, field)
	}
	if s.Only && len(s.Sources) == 0 {
		d.complain(d.placeFor(path+".only"), path+".only", "name the sources that count", "%s.only leaves nobody, as there are no sources", path)
	}
	for i, name := range s.Sources {
		d.known(fmt.Sprintf("%s.sources[%d]", path, i), "connection, connector or kind of system", name, append(Categories(), systems...))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Custom)) {
		d.known(path+".custom["+name+"]", "connection or connector", name, systems)
	}
}

// known complains about a name that is not one of names.
func (d *decoder) known(path, what, name string, names []string) {
	if slices.Contains(names, name) {
		return
	}
	hint := "name one of: " + strings.Join(names, ", ")
	if what == "connection" || len(names) == 0 {
		hint = "name one of the connections of this file"
	}
	if near := nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	d.complain(d.placeFor(path), path, hint, "%s: there is no %s %q", path, what, name)
}
