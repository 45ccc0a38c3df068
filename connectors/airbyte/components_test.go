package airbyte_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/airbyte"
)

// script answers requests in turn, and remembers what was asked. The last answer is given again and again.
type script struct {
	answers []string
	asked   []string
	by      func(r *http.Request, body string) string
	status  []int
	header  http.Header
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.URL.String()
	if len(b) > 0 {
		line += " " + string(b)
	}
	for _, h := range []string{"Authorization", "X-Key", "X-Session"} {
		if v := r.Header.Get(h); v != "" {
			line += " [" + h + ": " + v + "]"
		}
	}
	n := len(s.asked)
	s.asked = append(s.asked, strings.TrimPrefix(line, "GET "))
	for k, v := range s.header {
		w.Header()[k] = v
	}
	if n < len(s.status) {
		w.WriteHeader(s.status[n])
	}
	if s.by != nil {
		fmt.Fprint(w, s.by(r, string(b)))
		return
	}
	fmt.Fprint(w, s.answers[min(n, len(s.answers)-1)])
}

// one is a manifest of one stream t whose retriever and stream have further parts. Each line of extra is indented
// as a part of its block.
func one(requester, retriever, stream string) string {
	in := func(n int, text string) string {
		var b strings.Builder
		for line := range strings.Lines(strings.TrimLeft(text, "\n")) {
			b.WriteString(strings.Repeat(" ", n) + strings.TrimRight(line, "\n") + "\n")
		}
		return b.String()
	}
	if !strings.Contains("\n"+retriever, "\nrecord_selector") {
		retriever += "\nrecord_selector: {extractor: {field_path: [data]}}"
	}
	if !strings.HasPrefix(requester, "path:") {
		requester += "\npath: t"
	}
	return "type: DeclarativeSource\nversion: 6.0.0\ncheck: {stream_names: [t]}\nstreams:\n- type: DeclarativeStream\n  name: t\n  primary_key: id\n" + in(2, stream) +
		"\n  retriever:\n" + in(4, retriever) + "\n    requester:\n      type: HttpRequester\n      url_base: https://api.example.com\n" + in(6, requester)
}

type example struct {
	name                         string
	requester, retriever, stream string
	settings                     connectors.Settings
	answers                      []string
	status                       []int
	by                           func(r *http.Request, body string) string
	header                       http.Header
	asked                        []string
	ids                          string
	raw                          string
	code                         string
}

func (x example) run(t *testing.T) {
	m, err := airbyte.Parse("t", []byte(one(x.requester, x.retriever, x.stream)))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range m.Unsupported() {
		t.Fatal(r)
	}
	s := &script{answers: x.answers, by: x.by, status: x.status, header: x.header}
	var got []canon.Record
	var from canon.Cursor
	for range 30 {
		var page connectors.Page
		page, err = open(t, airbyte.Define("t", m, nil), x.settings, s).Pull(t.Context(), "t", from)
		if err != nil {
			break
		}
		got, from = append(got, page.Records...), page.Next
		if len(page.Rejects) > 0 {
			t.Errorf("rejects: %+v", page.Rejects)
		}
		if !page.More {
			break
		}
	}
	if canon.CodeOf(err) != x.code {
		t.Errorf("the error is %v, want %q", err, x.code)
	}
	if x.asked != nil {
		if diff := cmp.Diff(x.asked, s.asked); diff != "" {
			t.Errorf("asked:\n%s", diff)
		}
	}
	if x.ids != "" && ids(got) != x.ids {
		t.Errorf("got %q, want %q", ids(got), x.ids)
	}
	if x.raw != "" && (len(got) == 0 || string(got[0].Raw) != x.raw) {
		t.Errorf("got %+v, want %s", got, x.raw)
	}
}

const page1, page2, nothing = `{"data":[{"id":1},{"id":2}]}`, `{"data":[{"id":3}]}`, `{"data":[]}`

func TestRequests(t *testing.T) {
	for _, x := range []example{
		{name: "params keep their text", requester: `
request_parameters: {a: "{{ config.num }}", b: 5, none: "{{ config.missing }}", list: "['x', 'y']", empty: ""}
request_headers: {X-Key: "1.10"}`, settings: connectors.Settings{"num": "007"}, answers: []string{nothing},
			asked: []string{"https://api.example.com/t?a=007&b=5&list=x&list=y [X-Key: 1.1]"}},
		{name: "a JSON body", requester: `
http_method: POST
request_body_json: {n: "{{ 1 + 1 }}", deep: {list: ["{{ config.a }}", 3], gone: "{{ none }}"}, t: "True"}`, settings: connectors.Settings{"a": "x"}, answers: []string{nothing},
			asked: []string{`POST https://api.example.com/t {"n":2,"deep":{"list":["x",3]},"t":true}`}},
		{name: "a form", requester: "http_method: POST\nrequest_body_data: {a: \"1 2\", b: \"{{ config.a }}\"}", settings: connectors.Settings{"a": "x"}, answers: []string{nothing},
			asked: []string{"POST https://api.example.com/t a=1+2&b=x"}},
		{name: "GraphQL", requester: "http_method: POST\nrequest_body: {type: RequestBodyGraphQL, value: {query: 'query { users { id } }'}}", answers: []string{nothing},
			asked: []string{`POST https://api.example.com/t {"query":"query { users { id } }"}`}},
		{name: "API key in a parameter", requester: "authenticator: {type: ApiKeyAuthenticator, api_token: \"{{ config.k }}\", inject_into: {type: RequestOption, inject_into: request_parameter, field_name: key}}",
			settings: connectors.Settings{"k": "0001"}, answers: []string{nothing}, asked: []string{"https://api.example.com/t?key=0001"}},
		{name: "API key in a header", requester: "authenticator: {type: ApiKeyAuthenticator, api_token: \"Token {{ config.k }}\", header: X-Key}",
			settings: connectors.Settings{"k": "abcd"}, answers: []string{nothing}, asked: []string{"https://api.example.com/t [X-Key: Token abcd]"}},
		{name: "basic", requester: "authenticator: {type: BasicHttpAuthenticator, username: \"{{ config.u }}\"}",
			settings: connectors.Settings{"u": "user"}, answers: []string{nothing}, asked: []string{"https://api.example.com/t [Authorization: Basic dXNlcjo=]"}},
		{name: "selective", requester: `
authenticator:
  type: SelectiveAuthenticator
  authenticator_selection_path: [way]
  authenticators:
    key: {type: ApiKeyAuthenticator, header: X-Key, api_token: "{{ config.k }}"}
    none: {type: NoAuth}`, settings: connectors.Settings{"way": "key", "k": "abcd"}, answers: []string{nothing}, asked: []string{"https://api.example.com/t [X-Key: abcd]"}},
		{name: "no credential", requester: "authenticator: {type: BearerAuthenticator, api_token: \"{{ config['k'] }}\"}", code: "settings.auth"},
		{name: "session", requester: `
authenticator:
  type: SessionTokenAuthenticator
  login_requester: {type: HttpRequester, url_base: https://api.example.com, path: login, http_method: POST, request_body_json: {u: "{{ config.u }}"}}
  session_token_path: [session, id]
  expiration_duration: PT1H
  request_authentication: {type: ApiKey, inject_into: {type: RequestOption, inject_into: header, field_name: X-Session}}`,
			settings: connectors.Settings{"u": "user"}, answers: []string{`{"session":{"id":"sess1"}}`, nothing},
			asked: []string{`POST https://api.example.com/login {"u":"user"}`, "https://api.example.com/t [X-Session: sess1]"}},
		{name: "legacy session", requester: `
authenticator: {type: LegacySessionTokenAuthenticator, header: X-Session, login_url: session, session_token_response_key: id, username: "{{ config.u }}", password: "{{ config.p }}", validate_session_url: user}`,
			settings: connectors.Settings{"u": "user", "p": "pass"}, answers: []string{`{"id":"sess1"}`, nothing},
			asked: []string{`POST https://api.example.com/session {"username":"user","password":"pass"}`, "https://api.example.com/t [X-Session: sess1]"}},
		{name: "JWT", requester: `
authenticator: {type: JwtAuthenticator, secret_key: "{{ config.k }}", algorithm: HS256, token_duration: 60, header_prefix: Bearer, jwt_payload: {iss: me}}`,
			settings: connectors.Settings{"k": "secret"}, answers: []string{nothing},
			asked: []string{"https://api.example.com/t [Authorization: Bearer " + jwtOfMe + "]"}},
		{name: "OAuth", requester: `
authenticator: {type: OAuthAuthenticator, token_refresh_endpoint: https://id.example.com/token, client_id: "{{ config.c }}", client_secret: "{{ config.s }}", refresh_token: "{{ config.r }}"}`,
			settings: connectors.Settings{"c": "cid", "s": "csec", "r": "rtok"}, answers: []string{`{"access_token":"tok1","expires_in":3600}`, nothing},
			asked: []string{"POST https://id.example.com/token client_id=cid&client_secret=csec&grant_type=refresh_token&refresh_token=rtok", "https://api.example.com/t [Authorization: Bearer tok1]"}},
		{name: "OAuth by the client's own right", requester: `
authenticator: {type: OAuthAuthenticator, token_refresh_endpoint: https://id.example.com/token, client_id: "{{ config.c }}", client_secret: "{{ config.s }}", grant_type: client_credentials, scopes: [a, b]}`,
			settings: connectors.Settings{"c": "cid", "s": "csec"}, answers: []string{`{"access_token":"tok1"}`, nothing},
			asked: []string{"POST https://id.example.com/token client_id=cid&client_secret=csec&grant_type=client_credentials&scopes=a&scopes=b", "https://api.example.com/t [Authorization: Bearer tok1]"}},
		{name: "OAuth fetches anew where the token is refused", requester: `
authenticator: {type: OAuthAuthenticator, token_refresh_endpoint: https://id.example.com/token, client_id: c, client_secret: s, grant_type: client_credentials}`,
			answers: []string{`{"access_token":"tok1"}`, `{}`, `{"access_token":"tok2"}`, page2}, status: []int{200, 401}, ids: "3"},
	} {
		t.Run(x.name, x.run)
	}
}

const jwtOfMe = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJtZSIsImlhdCI6MTcxMDA3MjAwMCwiZXhwIjoxNzEwMDcyMDYwLCJuYmYiOjE3MTAwNzIwMDB9.6YCe2P7TI5LSy04baZeDjAidlk3xFOmIM9wvDUOghYk"

func TestPaging(t *testing.T) {
	for _, x := range []example{
		{name: "offset", retriever: `
paginator:
  type: DefaultPaginator
  page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: offset}
  page_size_option: {inject_into: request_parameter, field_name: limit}
  pagination_strategy: {type: OffsetIncrement, page_size: 2}`, answers: []string{page1, page2}, ids: "1 2 3",
			asked: []string{"https://api.example.com/t?limit=2", "https://api.example.com/t?limit=2&offset=2"}},
		{name: "page from the first request on, in the body", requester: "http_method: POST", retriever: `
paginator:
  type: DefaultPaginator
  page_token_option: {type: RequestOption, inject_into: body_json, field_path: [paging, page]}
  pagination_strategy: {type: PageIncrement, page_size: 2, start_from_page: 1, inject_on_first_request: true}`, answers: []string{page1, page2}, ids: "1 2 3",
			asked: []string{`POST https://api.example.com/t {"paging":{"page":1}}`, `POST https://api.example.com/t {"paging":{"page":2}}`}},
		{name: "the next page's address", requester: "request_parameters: {a: 1}", retriever: `
paginator:
  type: DefaultPaginator
  page_token_option: {type: RequestPath}
  pagination_strategy: {type: CursorPagination, cursor_value: "{{ response.next }}", stop_condition: "{{ not response.next }}"}`,
			answers: []string{`{"data":[{"id":1}],"next":"https://api.example.com/other?p=2&a=1"}`, page2}, ids: "1 3",
			asked: []string{"https://api.example.com/t?a=1", "https://api.example.com/other?p=2&a=1"}},
		{name: "the next page elsewhere", retriever: `
paginator:
  type: DefaultPaginator
  page_token_option: {type: RequestPath}
  pagination_strategy: {type: CursorPagination, cursor_value: "{{ response.next }}"}`,
			answers: []string{`{"data":[{"id":1}],"next":"https://evil.example.com/"}`}, code: "page.foreign_url"},
		{name: "the link header, and the last record", retriever: `
paginator:
  type: DefaultPaginator
  page_token_option: {type: RequestOption, inject_into: header, field_name: X-Key}
  pagination_strategy: {type: CursorPagination, cursor_value: "{{ last_record['id'] if last_page_size == 2 and headers['Link']['next']['url'] else '' }}"}`,
			header: http.Header{"Link": {`<https://x/?p=1>; rel="prev", <https://x/?p=2>; rel="next"`}}, answers: []string{page1, page2}, ids: "1 2 3",
			asked: []string{"https://api.example.com/t", "https://api.example.com/t [X-Key: 2]"}},
		{name: "a page size that fits no option", retriever: `
paginator: {type: DefaultPaginator, pagination_strategy: {type: PageIncrement, page_size: "{{ config.size }}"}, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: page}}`,
			settings: connectors.Settings{"size": "many"}, answers: []string{page1}, code: "manifest.expression"},
		{name: "paging begins anew", retriever: `
pagination_reset: {type: PaginationReset, action: SPLIT_USING_CURSOR, limits: {number_of_records: 2}}
paginator:
  type: DefaultPaginator
  page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: page}
  pagination_strategy: {type: PageIncrement, page_size: 2, start_from_page: 1}`, stream: `
incremental_sync: {type: DatetimeBasedCursor, cursor_field: at, datetime_format: "%s", start_datetime: "0", start_time_option: {inject_into: request_parameter, field_name: since}}`,
			answers: []string{`{"data":[{"id":1,"at":10},{"id":2,"at":20}]}`, `{"data":[{"id":3,"at":30}]}`}, ids: "1 2 3",
			asked: []string{"https://api.example.com/t?since=0", "https://api.example.com/t?since=20"}},
		{name: "a data feed ends behind the mark", retriever: `
paginator:
  type: DefaultPaginator
  page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: page}
  pagination_strategy: {type: PageIncrement, page_size: 2, start_from_page: 1}`, stream: `
incremental_sync: {type: DatetimeBasedCursor, cursor_field: at, datetime_format: "%ms", start_datetime: "2000", is_data_feed: true, is_client_side_incremental: true}`,
			answers: []string{`{"data":[{"id":1,"at":3000},{"id":2,"at":2000}]}`, `{"data":[{"id":3,"at":1999},{"id":4,"at":2500}]}`, nothing}, ids: "1 2 4"},
	} {
		t.Run(x.name, x.run)
	}
}

func TestPartitionRouters(t *testing.T) {
	for _, x := range []example{
		{name: "list", requester: `path: "{{ stream_partition.region }}/t"`, retriever: `
partition_router: {type: ListPartitionRouter, cursor_field: region, values: "{{ config.regions }}", request_option: {inject_into: request_parameter, field_name: r}}`,
			settings: connectors.Settings{"regions": "['eu', 'us']"}, answers: []string{page1, page2}, ids: "1 2 3",
			asked: []string{"https://api.example.com/eu/t?r=eu", "https://api.example.com/us/t?r=us"}},
		{name: "product", requester: `path: "{{ stream_partition.a }}/{{ stream_slice['b'] }}"`, retriever: `
partition_router:
- {type: ListPartitionRouter, cursor_field: a, values: [x, y]}
- {type: ListPartitionRouter, cursor_field: b, values: [1, 2]}`, answers: []string{nothing},
			asked: []string{"https://api.example.com/x/1", "https://api.example.com/x/2", "https://api.example.com/y/1", "https://api.example.com/y/2"}},
		{name: "groups", requester: `path: "{{ stream_partition.a | join(',') }}"`, retriever: `
partition_router: {type: GroupingPartitionRouter, group_size: 2, underlying_partition_router: {type: ListPartitionRouter, cursor_field: a, values: [x, y, x, z]}}`, answers: []string{nothing},
			asked: []string{"https://api.example.com/x,y", "https://api.example.com/z"}},
	} {
		t.Run(x.name, x.run)
	}
}

func TestRecords(t *testing.T) {
	for _, x := range []example{
		{name: "as it was given", answers: []string{`{"data":[{"id":1, "n":12.50, "big":123456789012345678901.5}]}`}, raw: `{"id":1, "n":12.50, "big":123456789012345678901.5}`},
		{name: "stars", retriever: "record_selector: {extractor: {field_path: [data, '*', item]}}", answers: []string{`{"data":[{"item":{"id":1}},{"item":{"id":2}}]}`}, ids: "1 2"},
		{name: "a list at the top, filtered", retriever: `record_selector: {extractor: {field_path: []}, record_filter: {condition: "{{ record.id > 1 }}"}}`, answers: []string{`[{"id":1},{"id":2}]`}, ids: "2"},
		{name: "composite and nested keys", stream: "", retriever: "record_selector: {extractor: {field_path: [data], record_expander: {expand_records_from_field: [lines], remain_original_record: false}}}",
			answers: []string{`{"data":[{"lines":[{"id":"a"},{"id":"b"}]}]}`}, ids: "a b"},
		{name: "transformations", stream: `
transformations:
- {type: AddFields, fields: [{path: [a, b], value: "{{ record.id + 1 }}"}, {path: [s], value: "7", value_type: string}]}
- {type: RemoveFields, field_pointers: [[gone], [deep, "*", x]]}
- {type: KeysToSnakeCase}
- {type: KeysReplace, old: "_", new: "-"}`, answers: []string{`{"data":[{"id":1,"gone":1,"deep":{"k":{"x":1,"y":2}},"FooBar":3}]}`},
			raw: `{"id":1,"deep":{"k":{"y":2}},"foo-bar":3,"a":{"b":2},"s":"7"}`},
		{name: "flattened", stream: "transformations: [{type: DpathFlattenFields, field_path: [p], delete_origin_value: true, key_transformation: {type: KeyTransformation, prefix: p_}}, {type: KeysToLower}]",
			answers: []string{`{"data":[{"ID":0,"id":1,"p":{"X":1}}]}`}, ids: "0"},
		{name: "CSV", retriever: "decoder: {type: CsvDecoder, delimiter: ';'}\nrecord_selector: {extractor: {field_path: []}}", answers: []string{"id;n\n1;\"a;b\"\n2;c\n"}, raw: `{"id":"1","n":"a;b"}`},
		{name: "JSON lines", retriever: "decoder: {type: JsonlDecoder}\nrecord_selector: {extractor: {field_path: []}}", answers: []string{"{\"id\":1}\n\n{\"id\":2}"}, ids: "1 2"},
		{name: "XML", retriever: "decoder: {type: XmlDecoder}\nrecord_selector: {extractor: {field_path: [rows, row]}}", answers: []string{`<rows><row id="9"><id>1</id></row><row><id>2</id>x</row></rows>`}, raw: `{"@id":"9","id":"1"}`},
		{name: "properties in several requests", requester: `
request_parameters: {fields: {type: QueryProperties, property_list: [a, b, c], property_chunking: {type: PropertyChunking, property_limit_type: property_count, property_limit: 2}}}`,
			answers: []string{`{"data":[{"id":1,"a":1,"b":2}]}`, `{"data":[{"id":1,"c":3}]}`}, raw: `{"id":1,"a":1,"b":2,"c":3}`,
			asked: []string{"https://api.example.com/t?fields=a%2Cb", "https://api.example.com/t?fields=c"}},
	} {
		t.Run(x.name, x.run)
	}
}

func TestErrorHandlers(t *testing.T) {
	for _, x := range []example{
		{name: "ignored", requester: "error_handler: {response_filters: [{http_codes: [404], action: IGNORE}]}", status: []int{404}, answers: []string{page1}, ids: "", asked: []string{"https://api.example.com/t"}},
		{name: "tried again by predicate", requester: `
error_handler: {backoff_strategies: [{type: ConstantBackoffStrategy, backoff_time_in_seconds: 1}], response_filters: [{predicate: "{{ 'error' in response }}", action: RETRY}]}`, answers: []string{`{"error":"busy"}`, page2}, ids: "3"},
		{name: "fails by message", requester: "error_handler: {response_filters: [{error_message_contains: broken, action: FAIL, error_message: 'It is {{ response.error }}'}]}", answers: []string{`{"error":"broken"}`}, code: "vendor.refused"},
		{name: "the second handler", requester: `
error_handler:
  type: CompositeErrorHandler
  error_handlers:
  - response_filters: [{http_codes: [418], action: RETRY}]
  - response_filters: [{http_codes: [403], action: RATE_LIMITED}]
    backoff_strategies: [{type: WaitTimeFromHeader, header: X-Wait, regex: "([0-9]+)s"}]`, header: http.Header{"X-Wait": {"3s"}}, status: []int{403}, answers: []string{"{}", page2}, ids: "3"},
		{name: "no more attempts", requester: "error_handler: {max_retries: 1}", status: []int{500, 500, 200}, answers: []string{page1}, code: "vendor.unavailable", asked: []string{"https://api.example.com/t", "https://api.example.com/t"}},
		{name: "waits until", requester: "error_handler: {backoff_strategies: [{type: WaitUntilTimeFromHeader, header: X-Reset, min_wait: 2}]}", header: http.Header{"X-Reset": {fmt.Sprint(now.Unix() + 30)}}, status: []int{429}, answers: []string{"{}", page2}, ids: "3"},
	} {
		t.Run(x.name, func(t *testing.T) { synctest.Test(t, x.run) })
	}
}
