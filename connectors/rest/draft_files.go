package rest

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// draftFields are the fields of a kind that a draft looks for, with the names that vendors give them, and what
// the kind cannot do without.
var draftFields = map[canon.Kind]struct {
	fields [][]string
	needed string
}{
	canon.KindCompany: {[][]string{{"name", "name", "company_name", "company", "title", "display_name"}, {"email", "email", "billing_email"}, {"phone", "phone", "phone_number"},
		{"domains", "domain", "website", "domains"}, {"industry", "industry"}, {"city", "city", "address.city"}, {"country", "country", "address.country"}}, ""},
	canon.KindContact: {[][]string{{"first_name", "first_name", "firstName", "FirstName", "given_name"}, {"last_name", "last_name", "lastName", "LastName", "family_name"},
		{"name", "name", "full_name"}, {"emails", "email", "Email", "emails", "email_address"}, {"phone", "phone", "phone_number"}, {"title", "title", "job_title"}}, ""},
	canon.KindDeal: {[][]string{{"name", "name", "title"}, {"stage", "stage", "stage_id"}, {"pipeline", "pipeline", "pipeline_id"}},
		"status: {const: open} # say which of the vendor's words mean open, won and lost"},
	canon.KindTicket: {[][]string{{"subject", "subject", "title"}, {"priority", "priority"}},
		"status: {const: open} # say which of the vendor's words mean new, open, pending, hold, solved and closed"},
	canon.KindSubscription: {[][]string{{"plan", "plan", "plan_id", "plan.name"}, {"started_at", "started_at", "start_date"}, {"ended_at", "ended_at", "cancelled_at"}},
		"status: {const: active} # say which of the vendor's words mean active, trialing, past_due and ended"},
}

func (d *draft) connector() string {
	var b strings.Builder
	w := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	w("# Drafted from one answer of %s. Go over it: what was guessed is marked.", d.base)
	w("about:\n  name: %s\n  title: %s\n  category: other # crm, billing, support, marketing, usage, survey or other", plainText(d.name), plainText(d.o.Title))
	w("  doc: %s", plainText("What "+d.o.Title+" is, and what the credential must be allowed to read."))
	w("  settings:\n    - {name: token, title: API token, secret: true, required: true, doc: Where it is made at the vendor.}")
	w("    - {name: base_url, title: API address, default: %s, doc: Leave as it is.}", plainText(d.base))
	w("\nbase_url: ${setting.base_url}\nauth:")
	if d.key != "" {
		w("  - {kind: query, name: %s, token: \"${setting.token}\"}", plainText(d.key))
	} else {
		w("  # Guessed: see AUTH.md for headers, basic authentication and OAuth.\n  - {kind: bearer, token: \"${setting.token}\"}")
	}
	w("\nbudgets:\n  # Guessed: look up how many requests the vendor allows.\n  default: {rate: \"5\", per: 1s, burst: 5}")
	w("\ncheck:\n  path: %s%s", plainText(d.path), d.params(true, "    "))
	w("\nstreams:\n  - name: %s\n    title: %s\n    kinds: [%s]\n    id: %s", plainText(d.o.Stream), plainText(strings.ToUpper(d.o.Stream[:1])+strings.ReplaceAll(d.o.Stream[1:], "_", " ")), d.o.Kind, plainText(d.id))
	if d.updated != "" {
		w("    version: {path: %s}", plainText(d.updated))
	} else {
		w("    # No modification time was found: every state that differs counts as newer.")
	}
	if d.unwrap != "" {
		w("    unwrap: %s", plainText(d.unwrap))
	}
	w("    full:\n      request:\n        path: %s%s", plainText(d.path), d.params(false, "          "))
	d.listing(w, "      ")
	d.changes(w)
	return b.String()
}

// listing writes where the records are and how the next page is found.
func (d *draft) listing(w func(string, ...any), indent string) {
	if d.list != "" {
		w("%srecords: %s", indent, plainText(d.list))
	}
	if d.paging == "" {
		w("%s# Nothing tells of a next page: see paging in SYNTAX.md where the vendor has one.", indent)
		return
	}
	w("%s# Guessed by the names in the answer.\n%spaging: %s", indent, indent, d.paging)
}

// params writes the query: only what the check needs, or with the page's token.
func (d *draft) params(check bool, indent string) string {
	var lines []string
	for _, k := range sortedKeys(d.query) {
		switch {
		case k == d.param, sinceName.MatchString(k):
		case check && limitName.MatchString(k):
			lines = append(lines, fmt.Sprintf("%s%s: \"1\"", indent, plainText(k)))
		default:
			quoted := make([]string, len(d.query[k]))
			for i, v := range d.query[k] {
				quoted[i] = plainText(v)
			}
			lines = append(lines, fmt.Sprintf("%s%s: [%s]", indent, plainText(k), strings.Join(quoted, ", ")))
		}
	}
	if d.param != "" && !check {
		token := "${token}"
		if strings.HasPrefix(d.paging, "{kind: page") {
			token = "${token:-1}"
		}
		lines = append(lines, fmt.Sprintf("%s%s: %q", indent, plainText(d.param), token))
	}
	if len(lines) == 0 {
		return ""
	}
	return "\n" + indent[2:] + "query:\n" + strings.Join(lines, "\n")
}

// changes writes how later rounds learn what is new, where the URL shows a way; a sweep finds what is gone.
func (d *draft) changes(w func(string, ...any)) {
	since := ""
	for k := range d.query {
		if sinceName.MatchString(k) {
			since = k
		}
	}
	if since != "" {
		w("    changes:\n      mode: window\n      # Guessed: how long the vendor may hide a change, and what is read again.\n      settle: 1m\n      overlap: 5m")
		query := d.params(false, "            ")
		if query == "" {
			query = "\n          query:"
		}
		format := ""
		if v := d.query.Get(since); v != "" && strings.Trim(v, "0123456789") == "" {
			format = "|unix"
		}
		w("      feed:\n        request:\n          path: %s%s\n            %s: \"${since%s}\"", plainText(d.path), query, plainText(since), format)
		d.listing(w, "        ")
	} else {
		w("    # Every round reads everything. Where the vendor can list what changed since a time, add changes.")
	}
	w("    # What the full list no longer holds is gone.\n    sweep: {every: 24h, guard: 0.05}")
}

func (d *draft) mapping() string {
	var b strings.Builder
	rule := draftFields[d.o.Kind]
	fmt.Fprintf(&b, "# How the records of %s become entities. Drafted from one answer: go over it with hub map test.\n", d.o.Title)
	fmt.Fprintf(&b, "streams:\n  %s:\n    rules:\n      - kind: %s\n", d.o.Stream, d.o.Kind)
	if d.created != "" {
		fmt.Fprintf(&b, "        created_at: %s\n", plainText(d.created))
	}
	lines := []string{}
	for _, names := range rule.fields {
		for _, path := range names[1:] {
			if v := d.item.Get(path); v.Exists() && v.Type != gjson.Null && !v.IsObject() {
				lines = append(lines, names[0]+": "+plainText(path))
				break
			}
		}
	}
	if rule.needed != "" {
		lines = append(lines, rule.needed)
	}
	if len(lines) == 0 {
		lines = append(lines, "name: "+plainText(d.id)+" # guessed: nothing looks like a name")
	}
	fmt.Fprintf(&b, "        fields:\n          %s\n", strings.Join(lines, "\n          "))
	return b.String()
}

func (d *draft) behavior() string {
	how := "Every round reads the whole list."
	if d.updated != "" {
		how += " A record is as new as its `" + d.updated + "`."
	}
	return fmt.Sprintf("# What may surprise you about %s\n\n- %s\n- What the full list no longer holds is taken as deleted, once a day, unless more than 5 %% is missing at once.\n"+
		"- This connector was drafted from one answer of the vendor: its limits, its paging and how long it may hide a change are still to be looked up.\n", d.o.Title, how)
}
