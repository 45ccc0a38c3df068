package rest

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// sampleMax is the largest sample that a draft is made from.
const sampleMax = 8 << 20

// DraftOptions say what a sample does not.
type DraftOptions struct {
	// URL is what answered with the sample. Credentials in it are left out.
	URL string
	// Stream names the list; "" takes the last word of the URL's path. Title is what people read of the vendor.
	Stream, Title string
	// Kind is what a record becomes: company, contact, deal, ticket or subscription; "" guesses by the stream.
	Kind canon.Kind
}

// Draft writes a connector's first files from one answer of the vendor: it looks for the list of records, their
// id and modification time, and for how the next page is found. The files, by name, can be loaded by LoadDir and
// are meant to be gone over: comments say what was guessed. Its errors are draft.name, draft.sample, draft.url and
// draft.kind.
func Draft(name string, sample []byte, o DraftOptions) (map[string][]byte, error) {
	if !regexp.MustCompile(`^[a-z][a-z0-9_-]{0,60}$`).MatchString(name) {
		return nil, canon.Errorf("draft.name", "%q cannot be a connector's name", name).WithHint("Use lower-case letters, digits and dashes.")
	}
	if len(sample) > sampleMax || !gjson.ValidBytes(sample) {
		return nil, canon.Errorf("draft.sample", "the sample is no JSON, or larger than 8 MiB").
			WithHint("Save one answer of the vendor's list, such as with curl, and give that file.")
	}
	d := &draft{name: name, o: o}
	if err := d.address(); err != nil {
		return nil, err
	}
	if err := d.read(gjson.ParseBytes(sample)); err != nil {
		return nil, err
	}
	if d.o.Kind == "" {
		d.o.Kind = guessKind(d.o.Stream)
	}
	if _, ok := draftFields[d.o.Kind]; !ok {
		return nil, canon.Errorf("draft.kind", "a draft cannot make %q of a record", string(d.o.Kind)).
			WithHint("Use company, contact, deal, ticket or subscription, and write the other rules by hand.")
	}
	files := map[string][]byte{"connector.yaml": []byte(d.connector()), "mapping.yaml": []byte(d.mapping()), "BEHAVIOR.md": []byte(d.behavior())}
	if _, err := Parse(name, files["connector.yaml"]); err != nil {
		return nil, canon.Errorf("draft.sample", "no connector could be made of the sample: %w", err).
			WithHint("Begin with a copy of connectors/rest/SYNTAX.md's example instead.")
	}
	return files, nil
}

// draft is what was found out.
type draft struct {
	name string
	o    DraftOptions
	// base and path are the URL's, query its parameters but credentials; key is the parameter that was one.
	base, path, key string
	query           url.Values
	// list is the path of the array, unwrap what each item is wrapped in.
	list, unwrap, id, updated, created string
	item                               gjson.Result
	paging                             string
	// param is the query parameter that carries the token, size the page size.
	param string
	size  int
}

var (
	credentialName = regexp.MustCompile(`(?i)^(api_?key|key|token|access_?token|auth|secret|password|hapikey|api_token)$`)
	sinceName      = regexp.MustCompile(`(?i)^_?(since|updated_since|updated_after|modified_since|modified_after|start_time|changed_since)$`)
	limitName      = regexp.MustCompile(`(?i)^(limit|per_page|perpage|page_size|pagesize|count|max_results|page\[size\])$`)
)

// address takes the URL apart.
func (d *draft) address() error {
	u, err := url.Parse(d.o.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return canon.Errorf("draft.url", "the URL of the sample is no http or https URL").WithHint("Give the address that answered, as in https://api.example.com/v1/customers.")
	}
	d.base, d.path, d.query = u.Scheme+"://"+u.Host, or(u.EscapedPath(), "/"), url.Values{}
	for k, vs := range u.Query() {
		switch {
		case credentialName.MatchString(k):
			d.key = k
		default:
			d.query[k] = vs
		}
		if n, err := strconv.Atoi(vs[0]); err == nil && limitName.MatchString(k) && n > 0 {
			d.size = n
		}
	}
	if d.o.Stream == "" {
		parts := strings.FieldsFunc(strings.TrimSuffix(u.Path, ".json"), func(r rune) bool { return r == '/' })
		word := ""
		if len(parts) > 0 {
			word = parts[len(parts)-1]
		}
		d.o.Stream = strings.Trim(regexp.MustCompile(`[^a-z0-9_]+`).ReplaceAllString(strings.ToLower(word), "_"), "_0123456789")
	}
	if !streamName.MatchString(d.o.Stream) {
		d.o.Stream = "records"
	}
	d.o.Title = or(d.o.Title, d.name)
	return nil
}

// read finds the list and what its items tell.
func (d *draft) read(body gjson.Result) error {
	best := -1
	var items []gjson.Result
	eachList(body, "", 0, func(path string, list []gjson.Result) {
		if len(list) > best {
			best, d.list, items = len(list), path, list
		}
	})
	if len(items) == 0 {
		return canon.Errorf("draft.sample", "the sample holds no list of objects").WithHint("Give the answer to a request for a list, with at least one object in it.")
	}
	d.item = items[0]
	if inner, ok := wrapped(items[0]); ok {
		d.unwrap = inner
		for i := range items {
			items[i] = items[i].Get(inner)
		}
		d.item = items[0]
	}
	if d.id = findID(items, d.o.Stream); d.id == "" {
		return canon.Errorf("draft.sample", "the objects of the sample have no id").WithHint("Every record needs one value that tells it from all others.")
	}
	d.updated = findTime(d.item, regexp.MustCompile(`(?i)(updated|modified|changed|write_date|modstamp)`))
	d.created = findTime(d.item, regexp.MustCompile(`(?i)(created|create_date)`))
	d.findPaging(body, len(items))
	return nil
}

// eachList visits the arrays of objects that a body holds, not those within records.
func eachList(v gjson.Result, path string, depth int, visit func(string, []gjson.Result)) {
	switch {
	case depth > 4:
	case v.IsArray():
		if list := v.Array(); len(list) > 0 && list[0].IsObject() {
			visit(path, list)
		}
	case v.IsObject():
		v.ForEach(func(k, inner gjson.Result) bool {
			eachList(inner, join(path, gjson.Escape(k.String())), depth+1, visit)
			return true
		})
	}
}

// wrapped finds the member that holds the object, where an item holds objects alone and no id.
func wrapped(item gjson.Result) (string, bool) {
	name, others := "", false
	item.ForEach(func(k, v gjson.Result) bool {
		if !v.IsObject() {
			others = true
		} else if name == "" && v.Get("id").Exists() {
			name = gjson.Escape(k.String())
		}
		return true
	})
	return name, name != "" && !others
}

// findID takes the first name that is there, one and only one for each item.
func findID(items []gjson.Result, stream string) string {
	one := strings.TrimSuffix(stream, "s")
	names := []string{"id", "Id", "ID", "_id", "uuid", "gid", "guid", "key", one + "_id", one + "Id", one + "ID"}
	items[0].ForEach(func(k, _ gjson.Result) bool {
		if n := strings.ToLower(k.String()); strings.HasSuffix(n, "id") || strings.HasSuffix(n, "number") {
			names = append(names, k.String())
		}
		return true
	})
	for _, name := range names {
		path := gjson.Escape(name)
		seen := map[string]bool{}
		for _, item := range items {
			if id := text(item.Get(path)); id != "" {
				seen[id] = true
			}
		}
		if len(seen) == len(items) {
			return path
		}
	}
	return ""
}

// findTime finds a member of that name whose value is a time, at most one level down.
func findTime(item gjson.Result, name *regexp.Regexp) string {
	found := ""
	look := func(prefix string, v gjson.Result) {
		v.ForEach(func(k, inner gjson.Result) bool {
			if found == "" && name.MatchString(k.String()) {
				if t, ok := parseTime(text(inner), "auto"); ok && t.Year() > 1990 {
					found = join(prefix, gjson.Escape(k.String()))
				}
			}
			return true
		})
	}
	look("", item)
	item.ForEach(func(k, v gjson.Result) bool {
		if v.IsObject() {
			look(gjson.Escape(k.String()), v)
		}
		return true
	})
	return found
}

// findPaging looks at what stands around the list, and at the URL's parameters.
func (d *draft) findPaging(body gjson.Result, n int) {
	size := or(d.size, n)
	for _, hint := range []struct{ path, kind, param string }{
		{"paging.next.after", "cursor", "after"}, {"next_cursor", "cursor", "cursor"}, {"meta.next_cursor", "cursor", "cursor"},
		{"nextCursor", "cursor", "cursor"}, {"response_metadata.next_cursor", "cursor", "cursor"}, {"additional_data.next_cursor", "cursor", "cursor"},
		{"pagination.next_cursor", "cursor", "cursor"}, {"meta.after_cursor", "cursor", "page[after]"}, {"after_cursor", "cursor", "cursor"},
		{"pages.next.starting_after", "cursor", "starting_after"}, {"next_page_token", "cursor", "page_token"}, {"nextPageToken", "cursor", "pageToken"},
		{"next_offset", "cursor", "offset"}, {"end_cursor", "cursor", "cursor"}, {"cursor", "cursor", "cursor"},
		{"links.next", "next_url", ""}, {"_links.next.href", "next_url", ""}, {"paging.next", "next_url", ""}, {"next_page_url", "next_url", ""},
		{"nextRecordsUrl", "next_url", ""}, {"next", "next_url", ""}, {"next_page", "next_url", ""}, {"meta.next", "next_url", ""}, {"@odata\\.nextLink", "next_url", ""},
	} {
		v := body.Get(hint.path)
		if !v.Exists() || v.IsObject() || v.IsArray() || (hint.kind == "next_url" && v.Type != gjson.Null && !strings.Contains(v.Str, "/")) {
			continue
		}
		d.paging, d.param = fmt.Sprintf("{kind: %s, token: %s}", hint.kind, plainText(hint.path)), hint.param
		return
	}
	for _, flag := range []string{"has_more", "hasMore", "meta.has_more", "more"} {
		if v := body.Get(flag); v.IsBool() {
			d.paging, d.param = fmt.Sprintf("{kind: last_id, more: %s}", flag), "starting_after"
			return
		}
	}
	for param := range d.query {
		switch param {
		case "page", "page[number]", "pageNumber":
			d.paging, d.param = fmt.Sprintf("{kind: page, start: 1, size: %d}", size), param
		case "offset", "skip", "start", "startposition":
			d.paging, d.param = fmt.Sprintf("{kind: offset, size: %d}", size), param
		}
	}
	if d.paging == "" && (body.Get("page").Exists() || body.Get("total_pages").Exists() || body.Get("meta.page").Exists()) {
		d.paging, d.param = fmt.Sprintf("{kind: page, start: 1, size: %d}", size), "page"
	}
}

func guessKind(stream string) canon.Kind {
	for _, g := range []struct {
		kind  canon.Kind
		words []string
	}{
		{canon.KindContact, []string{"contact", "person", "people", "user", "member", "lead"}}, {canon.KindDeal, []string{"deal", "opportunit"}},
		{canon.KindTicket, []string{"ticket", "conversation", "case", "issue"}}, {canon.KindSubscription, []string{"subscription"}},
	} {
		if slices.ContainsFunc(g.words, func(w string) bool { return strings.Contains(stream, w) }) {
			return g.kind
		}
	}
	return canon.KindCompany
}

var bareText = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./-]*$`)

// plainText writes a text into YAML, quoted where need be.
func plainText(s string) string {
	if bareText.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off"}, strings.ToLower(s)) {
		return s
	}
	return strconv.QuoteToASCII(s)
}
