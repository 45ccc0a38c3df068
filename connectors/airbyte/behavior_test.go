package airbyte_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/airbyte"
	"github.com/lifecyclehub/hub/connectors/connectortest"
)

// TestBudget: requests keep to the manifest's rate.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := one("", "partition_router: {type: ListPartitionRouter, cursor_field: a, values: [1, 2, 3, 4, 5]}", "") +
			"\napi_budget: {type: HTTPAPIBudget, policies: [{type: MovingWindowCallRatePolicy, rates: [{limit: 2, interval: PT10S}], matchers: []}]}\n"
		start := time.Now()
		pull(t, airbyte.Define("t", parse(t, src), nil), nil, &script{answers: []string{page2}}, "t", "")
		// Each page is read by a connection of its own, and each of those has a budget of its own.
		c := open(t, airbyte.Define("t", parse(t, src), nil), nil, &script{answers: []string{nothing}})
		if _, err := c.Pull(t.Context(), "t", ""); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("five requests took %v, want 20s", took)
		}
	})
}

// vault keeps values in memory.
type vault struct {
	mu   sync.Mutex
	kept [][]byte
}

func (v *vault) Load(context.Context, string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.kept) == 0 {
		return nil, nil
	}
	return v.kept[len(v.kept)-1], nil
}

func (v *vault) Save(_ context.Context, _ string, b []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.kept = append(v.kept, slices.Clone(b))
	return nil
}

func (v *vault) Previous(context.Context, string) ([]byte, error) { return nil, nil }

func (v *vault) Lease(context.Context, string) (func(), error) { return func() {}, nil }

// TestRotatingTokens: the new refresh token is kept, and a later connection goes on with it.
func TestRotatingTokens(t *testing.T) {
	m := parse(t, one(`
authenticator: {type: OAuthAuthenticator, token_refresh_endpoint: https://id.example.com/token, client_id: c, client_secret: s, refresh_token: "{{ config.r }}", refresh_token_updater: {refresh_token_name: refresh_token}}`, "", ""))
	v := &vault{}
	n := 0
	s := &script{by: func(r *http.Request, body string) string {
		if r.URL.Host == "id.example.com" {
			n++
			return fmt.Sprintf(`{"access_token":"tok%d","expires_in":600,"refresh_token":"next%d"}`, n, n)
		}
		return page2
	}}
	clock := now
	for range 2 {
		c, err := airbyte.Define("t", m, nil).Open(t.Context(), connectors.Settings{"r": "first"}, connectors.Env{Transport: connectortest.Transport(s), Vault: v, Now: func() time.Time { return clock }})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := c.Pull(t.Context(), "t", ""); err != nil {
				t.Fatal(err)
			}
		}
		clock = clock.Add(time.Hour)
	}
	var refreshes []string
	for _, a := range s.asked {
		if _, tok, ok := strings.Cut(a, "refresh_token="); ok && strings.HasPrefix(a, "POST") {
			refreshes = append(refreshes, strings.TrimPrefix(tok, "refresh_token&refresh_token="))
		}
	}
	if len(v.kept) != 2 || len(refreshes) != 2 || !strings.HasSuffix(refreshes[1], "next1") {
		t.Errorf("kept %d, refreshed with %v: %v", len(v.kept), refreshes, s.asked)
	}
}

// TestDelegating: the first round lists all, the next reads what changed, and an old one lists all again.
func TestDelegating(t *testing.T) {
	half := func(name, path, more string) string {
		return fmt.Sprintf("  %s:\n    type: DeclarativeStream\n    name: t\n    primary_key: id\n%s    retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: https://api.example.com, path: %s}, record_selector: {extractor: {field_path: [data]}}}\n", name, more, path)
	}
	src := "streams:\n- type: StateDelegatingStream\n  name: t\n  api_retention_period: P30D\n" + half("full_refresh_stream", "all", "") +
		half("incremental_stream", "events", "    incremental_sync: {type: DatetimeBasedCursor, cursor_field: at, datetime_format: '%s', start_datetime: '0', start_time_option: {inject_into: request_parameter, field_name: since}}\n")
	def := airbyte.Define("t", parse(t, src), nil)
	s := &script{answers: []string{page1, `{"data":[{"id":1,"at":1710072100}]}`}}
	clock := now
	var cur canon.Cursor
	for _, wait := range []time.Duration{time.Hour, 40 * 24 * time.Hour, 0} {
		c, err := def.Open(t.Context(), nil, connectors.Env{Transport: connectortest.Transport(s), Now: func() time.Time { return clock }})
		if err != nil {
			t.Fatal(err)
		}
		page, err := c.Pull(t.Context(), "t", cur)
		if err != nil || page.More {
			t.Fatal(page, err)
		}
		cur, clock = page.Next, clock.Add(wait)
	}
	want := []string{"https://api.example.com/all", fmt.Sprintf("https://api.example.com/events?since=%d", now.Unix()), "https://api.example.com/all"}
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Error(diff)
	}
}

// TestIncrementalParents: children are read of those parents that changed, and the parent's mark is kept with the child's.
func TestIncrementalParents(t *testing.T) {
	src := one(`path: "p/{{ stream_partition.pid }}"`, `
partition_router:
  type: SubstreamPartitionRouter
  parent_stream_configs:
  - parent_key: id
    partition_field: pid
    incremental_dependency: true
    stream:
      name: parents
      primary_key: id
      incremental_sync: {type: DatetimeBasedCursor, cursor_field: at, datetime_format: "%s", start_datetime: "0", start_time_option: {inject_into: request_parameter, field_name: since}}
      retriever: {requester: {url_base: https://api.example.com, path: parents}, record_selector: {extractor: {field_path: [data]}}}`, "")
	def := airbyte.Define("t", parse(t, src), nil)
	s := &script{by: func(r *http.Request, _ string) string {
		switch r.URL.RequestURI() {
		case "/parents?since=0":
			return `{"data":[{"id":"a","at":100},{"id":"b","at":200}]}`
		case "/parents?since=200":
			return `{"data":[{"id":"b","at":200}]}`
		}
		return fmt.Sprintf(`{"data":[{"id":"%s1"}]}`, r.URL.Path[len("/p/"):])
	}}
	got, cur := pull(t, def, nil, s, "t", "")
	if ids(got) != "a1 b1" {
		t.Errorf("got %s", ids(got))
	}
	if got, _ = pull(t, def, nil, s, "t", cur); ids(got) != "b1" {
		t.Errorf("the second round gave %s: %v", ids(got), s.asked)
	}
}

// TestSecretsStaySecret: what a token endpoint and a login gave is in no error.
func TestSecretsStaySecret(t *testing.T) {
	m := parse(t, one(`
authenticator: {type: OAuthAuthenticator, token_refresh_endpoint: https://id.example.com/token, client_id: cid, client_secret: "{{ config.hidden }}", grant_type: client_credentials}
error_handler: {max_retries: 0}`, "", ""))
	s := &script{by: func(r *http.Request, body string) string {
		if r.URL.Host == "id.example.com" {
			return `{"access_token":"fetched-token"}`
		}
		return `{"message":"bad ` + r.Header.Get("Authorization") + ` of hidden-secret"}`
	}, status: []int{200, 400}}
	_, err := open(t, airbyte.Define("t", m, nil), connectors.Settings{"hidden": "hidden-secret"}, s).Pull(t.Context(), "t", "")
	if err == nil || strings.Contains(err.Error(), "fetched-token") || strings.Contains(err.Error(), "hidden-secret") {
		t.Errorf("the error tells a secret: %v", err)
	}
	s = &script{answers: []string{`{"error_description":"hidden-secret is wrong"}`}, status: []int{400}}
	_, err = open(t, airbyte.Define("t", m, nil), connectors.Settings{"hidden": "hidden-secret"}, s).Pull(t.Context(), "t", "")
	if canon.CodeOf(err) != "request.refused" && canon.CodeOf(err) != "auth.denied" || strings.Contains(err.Error(), "hidden-secret") {
		t.Errorf("the error is %v", err)
	}
}
