package connectors

import "context"

// Reading says how a stream is read, for those who choose a connector or wonder what it sees.
type Reading struct {
	// Incremental says that later rounds ask for what changed, not for everything.
	Incremental bool `json:"incremental"`
	// Deletes are the ways in which deleted records are found, as phrases: none where they are not.
	Deletes []string `json:"deletes,omitempty"`
	// Merges says that records which became part of another are told.
	Merges bool `json:"merges"`
	// Fetch says that single records can be read, for webhooks; Fields that the vendor lists the records' fields.
	Fetch  bool `json:"fetch"`
	Fields bool `json:"fields"`
}

// Readable tells how its streams are read.
type Readable interface {
	Reading(stream string) Reading
}

// Named tells whose account a connection reads, as people at the vendor call it.
type Named interface {
	// Account returns "" where the vendor does not tell.
	Account(ctx context.Context) (string, error)
}
