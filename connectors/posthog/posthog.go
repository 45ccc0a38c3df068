// Package posthog connects PostHog: groups as companies, persons as contacts and events as usage, read only.
//
// It does not map records, sends no events and reads no recordings, flags or surveys.
package posthog

import (
	"context"
	_ "embed"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

var (
	//go:embed connector.yaml
	spec []byte
	//go:embed mapping.yaml
	mapping []byte
	//go:embed BEHAVIOR.md
	behavior string
)

// Definition returns the facts of the connector.
func Definition() connectors.Definition {
	def := rest.Define(connectors.Definition{
		Name:     "posthog",
		Title:    "PostHog",
		Category: "usage",
		Doc: "Product usage of one PostHog project: events, the persons behind them, and groups as accounts. Needs a personal " +
			"API key with the scopes query:read and group:read, limited to the project.",
		Settings: []connectors.Setting{
			{Name: "api_key", Title: "Personal API key", Secret: true, Required: true,
				Doc: "In PostHog: your account's settings, Personal API keys, Create: scopes Query and Group, Read; access to this project only. It begins with phx_."},
			{Name: "project_id", Title: "Project id", Required: true,
				Doc: "The number in the address of the project: …/project/12345. Also in the project's settings."},
			{Name: "base_url", Title: "Address", Default: "https://us.posthog.com",
				Doc: "https://us.posthog.com or https://eu.posthog.com, as your browser shows it, or your own server's."},
			{Name: "group_index", Title: "Group type of companies", Default: "0",
				Doc: "0 to 4: which of the project's group types are the companies."},
			{Name: "events", Title: "Events",
				Doc: "Names of the events to read, separated by commas without spaces. Empty for all but PostHog's own noise."},
			{Name: "start_date", Title: "Read from", Default: "2015-01-01",
				Doc: "The day (as in 2025-01-01) from which events are read. A long history of a busy product takes long."},
			{Name: "requests_per_hour", Title: "Queries per hour", Default: "1000",
				Doc: "What Hub may take of the project's limit, which others share."},
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, nil)
	open := def.Open
	def.Open = func(ctx context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		if err := check(s); err != nil {
			return nil, err
		}
		return open(ctx, s, env)
	}
	return def
}

// check looks at the settings that become part of a query, and at what is easily mistaken.
func check(s connectors.Settings) error {
	if v := s["group_index"]; v != "" && (len(v) != 1 || v < "0" || v > "4") {
		return canon.Errorf("settings.group_index", "the group type %q is none of 0 to 4", v).
			WithHint("In PostHog: the project's settings, Group analytics; the first one is 0.")
	}
	if strings.HasPrefix(s["project_id"], "phc_") {
		return canon.Errorf("settings.project_id", "the project id is the project's key").
			WithHint("Take the number in the address of the project, not the project's key.")
	}
	if v := s["start_date"]; v != "" {
		if _, err := time.Parse(time.DateOnly, v); err != nil {
			return canon.Errorf("settings.start_date", "the date %q cannot be read", v).WithHint("Write it as in 2025-01-01.")
		}
	}
	return nil
}
