// Package delighted connects Delighted: people and their answers to surveys, read only.
//
// It does not map records, sends no surveys and reads no metrics.
package delighted

import (
	_ "embed"

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
	return rest.Define(connectors.Definition{
		Name:     "delighted",
		Title:    "Delighted",
		Category: "survey",
		Doc:      "People and their NPS, CSAT and CES answers of one Delighted project. Needs the project's API key, which can do all.",
		Settings: []connectors.Setting{
			{Name: "api_key", Title: "API key", Secret: true, Required: true,
				Doc: "In Delighted: Integrations, API. One per project."},
			{Name: "base_url", Title: "API address", Default: "https://api.delighted.com",
				Doc: "Leave as it is, unless requests go through a gateway."},
			{Name: "requests_per_second", Title: "Requests per second", Default: "4",
				Doc: "Less where other programs use the same key."},
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, nil)
}
