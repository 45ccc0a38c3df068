package airbyte

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func testScope(t testing.TB) *scope {
	t.Helper()
	v, ok := decodeJSON([]byte(`{"config":{"a":"x","n":5,"t":true,"nul":null,"num":"0123","empty":"","list":["p","q"],"nested":{"k":"v"},"start":"2021-01-02T03:04:05Z"},
		"record":{"id":7,"name":"O'Neil","tags":[{"v":1},{"v":2}],"amount":12.50,"big":90071992547409931234},"response":{"meta":{"next":"abc","more":true},"data":[1,2,3]}}`))
	if !ok {
		t.Fatal("the scope is no JSON")
	}
	now := time.Date(2024, 3, 5, 7, 8, 9, 123456000, time.UTC)
	return &scope{now: func() time.Time { return now }, vars: v.(*dict).vals}
}

// TestExpressions: what comes out is what Jinja and ast.literal_eval give.
func TestExpressions(t *testing.T) {
	for src, want := range map[string]string{
		"{{ config.n + 1 }}": "6", "{{ config['n'] * 2.0 }}": "10.0", "{{ config.t }}": "True", "{{ config.nul }}": "None", "{{ config.num }}": "'0123'",
		"{{ config.missing }}": "''", "{{ config.missing.deep }}": "UNDEFINED", "{{ config.nul.deep }}": "''", "{{ config.get('missing', 'd') }}": "'d'",
		"{{ config.list }}": "['p', 'q']", "{{ config.list | join(',') }}": "'p,q'", "{{ config.list[1:] }}": "['q']", "{{ config.list[-1] }}": "'q'",
		"{{ config.empty or 'z' }}": "'z'", "{{ 'yes' if not config.t }}": "''", "{{ 1 < config.n <= 5 }}": "True", "{{ 'z' not in config.list }}": "True",
		"{{ response.meta.more is true and not false }}": "True", "{{ response.data|length < 10 }}": "True",
		"{{ record.tags | map(attribute='v') | sum }}": "3", "{{ record.tags | selectattr('v', '>', 1) | list }}": "[{'v': 2}]",
		"{{ record.amount }}": "12.5", "{{ record.big }}": "90071992547409931234", "{{ record.name }}": `"O'Neil"`, "{{ record.id ~ '-' ~ record.name }}": `"7-O'Neil"`,
		"{{ record.tags | string }}": `'[{"v": 1}, {"v": 2}]'`, "{{ 10 / 4 }}": "2.5", "{{ -7 // 2 }}": "-4", "{{ -7 % 3 }}": "2", "{{ 2 ** 10 }}": "1024", "{{ -1 | abs }}": "1",
		"{{ 1 + 'a' }}": "\"{{ 1 + 'a' }}\"", "{{ 1 < 'b' }}": "\"{{ 1 < 'b' }}\"", "{{ '%05d' % 42 }}": "'00042'", "{{ 1, 2 }}": "(1, 2)", "{{ {'a': [1, none]} }}": "{'a': [1, None]}",
		"{{ 'id=42;' | regex_search('id=(\\d+)') }}": "42", "{{ 'x' | hash('md5', 'salt') }}": "'bd49351dc807a651d72a99386f347aff'", "{{ 'k' | hmac('s') | length }}": "64",
		"{{ now_utc() }}": "'2024-03-05 07:08:09.123456+00:00'", "{{ today_utc() }}": "'2024-03-05'", "{{ now_utc().strftime('%Y-%m-%dT%H:%M:%SZ') }}": "'2024-03-05T07:08:09Z'",
		"{{ now_utc().timestamp() | int }}": "1709622489", "{{ day_delta(-1, '%Y-%m-%d') }}": "'2024-03-04'", "{{ (now_utc() - duration('P1M')).strftime('%F') }}": "'2024-02-05'",
		"{{ today_utc() - duration('P1DT1H') }}": "'2024-03-03'", "{{ timestamp(config.start) }}": "1609556645.0", "{{ format_datetime(config.start, '%s') }}": "1609556645",
		"{{ format_datetime('02/01/2021', '%Y-%m-%d', '%d/%m/%Y') }}": "'2021-01-02'", "{{ format_datetime(1609556645, '%ms') }}": "1609556645000",
		"{{ str_to_datetime('2021-01-02').strftime('%a %b %d') }}": "'Sat Jan 02'", "{{ max('a', 'b') }}": "'b'", "{{ min([3, 1]) }}": "1", "{{ camel_case_to_snake_case('aBcD') }}": "'a_bc_d'", "{{ sanitize_url('a b&') }}": "'a+b%26'",
		"{% if config.t %}A{% else %}C{% endif %}": "'A'", "{% set x = config.n * 2 %}{{ x + 1 }}": "11", "{% for v in config.list %}{{ v }}{{ ',' if not loop.last }}{% endfor %}": "'p,q'",
		"0123": "'0123'", "1_000": "1000", "1e5": "100000.0", "1.10": "1.1", "True": "True", "true": "'true'", "None": "None", "[1, 'a',]": "[1, 'a']", "{'a': 1}": "{'a': 1}", "2021-01-01": "'2021-01-01'",
		"{# note #} {{ config.n }}": "5", "{{ config.n }} ": "5", "{{ nobody }}": "ERROR",
	} {
		tm, err := compile(src, nil)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		v, err := tm.must(testScope(t))
		got := pyRepr(v)
		if err != nil {
			got = "ERROR"
		}
		if errors.As(err, new(errUndefined)) {
			got = "UNDEFINED"
		}
		if got != want {
			t.Errorf("%s gives %s (%v), want %s", src, got, err, want)
		}
	}
}

func TestBadExpressions(t *testing.T) {
	for src, want := range map[string]string{"{{ a": "does not end", "{{ 'a }}": "does not end", "{{ a b }}": "not understood", "{{ a | nofilter }}": "no filter", "{% if a %}x": "endif",
		"{% break %}": "no statement", "{{ " + strings.Repeat("(", 500) + " }}": "does not end", "{{ " + strings.Repeat("not ", 500) + "a }}": "too deep", "{{ }}": "too early"} {
		if _, err := compile(src, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s gives %v, want %q", src, err, want)
		}
	}
}

func TestDates(t *testing.T) {
	for _, x := range []struct{ text, format, want string }{
		{"1609556645", "%s", "2021-01-02T03:04:05Z"}, {"1609556645.25", "%s_as_float", "2021-01-02T03:04:05.25Z"}, {"1609556645123", "%ms", "2021-01-02T03:04:05.123Z"},
		{"2021-01-02T03:04:05.123456+02:00", "%Y-%m-%dT%H:%M:%S.%f%z", "2021-01-02T01:04:05.123456Z"}, {"2021-01-02T03:04:05Z", "%Y-%m-%dT%H:%M:%S%z", "2021-01-02T03:04:05Z"},
		{"2021-01-02T03:04:05.123Z", "%Y-%m-%dT%H:%M:%S.%_msZ", "2021-01-02T03:04:05.123Z"}, {"2021-01-02", "%Y-%m-%d", "2021-01-02T00:00:00Z"}, {"Jan 2, 2021 3:04 PM", "%b %d, %Y %I:%M %p", "2021-01-02T15:04:00Z"},
		{"2021-02-30", "%Y-%m-%d", "no"}, {"2021-01-02x", "%Y-%m-%d", "no"}, {"x", "%s", "no"}, {"99999999999999999", "%s", "no"},
	} {
		at, err := parseDatetime(x.text, x.format)
		got := at.UTC().Format(time.RFC3339Nano)
		if err != nil {
			got = "no"
		}
		if got != x.want {
			t.Errorf("%s by %s gives %s, want %s", x.text, x.format, got, x.want)
		}
	}
	at := time.Date(2021, 1, 2, 3, 4, 5, 123456000, time.UTC)
	for format, want := range map[string]string{"%s": "1609556645", "%ms": "1609556645123", "%s_as_float": "1609556645.123456", "%Y-%m-%dT%H:%M:%S.%_msZ": "2021-01-02T03:04:05.123Z", "%Y-%m-%dT%H:%M:%S.%f%z": "2021-01-02T03:04:05.123456+0000", "%-d %j %%": "2 002 %"} {
		if got := formatDatetime(at, format); got != want {
			t.Errorf("%s gives %s, want %s", format, got, want)
		}
	}
	for text, want := range map[string]string{"P1M": "2021-02-28", "P1W": "2021-02-07", "-P1D": "2021-01-30", "P1Y": "2022-01-31"} {
		d, err := parseSpan(text)
		if got := d.after(time.Date(2021, 1, 31, 0, 0, 0, 0, time.UTC)).Format("2006-01-02"); err != nil || got != want {
			t.Errorf("%s gives %s (%v), want %s", text, got, err, want)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, s := range []string{"{{ config.n + 1 }}", "{% if a %}b{% endif %}", "{{ 'a' * 3 | join(',') }}", "{{ [1,2][::-1] }}", "{'a': [1, (2,)]}", "{{ '%s' % 1 }}", "{{ 'x{}'.format(1) }}", "{{ now_utc() - duration('P1D') }}", "{{ format_datetime('2021-01-02', '%Y') }}", "{%- for a, b in c.items() -%}{{ a }}{% endfor %}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		tm, err := compile(src, nil)
		if err != nil || len(src) > 1000 {
			return
		}
		v, err := tm.must(testScope(t))
		if err == nil {
			pyRepr(v)
			encodeJSON(v)
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("streams:\n- name: a\n  retriever: {requester: {url_base: x}, record_selector: {extractor: {field_path: []}}}\n"))
	f.Add([]byte("a: &a [*a]\nstreams: '#/streams'\n"))
	f.Add([]byte("definitions: {a: {$ref: '#/definitions/b'}, b: {$ref: '#/definitions/a'}}\nstreams: ['#/definitions/a']\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		m, err := Parse("f", src)
		if err == nil {
			Define("f", m, nil)
		}
	})
}
