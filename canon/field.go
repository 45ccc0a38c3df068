package canon

import "time"

// FieldInfo is what a vendor tells of one field of a stream's records.
type FieldInfo struct {
	Name, Label, Doc string
	// Type is the vendor's word.
	Type string
	// Custom fields were added by the account. Computed ones change without moving the record's modification
	// time.
	Custom, Computed bool
}

// FieldState is what is known of one field of a stream's records, from the records and from the vendor.
type FieldState struct {
	// Path is the field's name; one level below the top it is joined with a dot, and [] stands for every element
	// of a list: properties.email, lines[].amount.
	Path string `json:"path"`
	// Types are the JSON types seen, sorted and without null; empty where only null was seen, or nothing.
	Types []string `json:"types"`
	// FirstSeen and LastSeen are when records held the field, to the hour or better; zero where none did.
	FirstSeen time.Time `json:"first_seen,omitzero"`
	LastSeen  time.Time `json:"last_seen,omitzero"`
	// Samples counts records that held it, at the least: not every count is written down at once.
	Samples int64 `json:"samples"`
	// GoneAt is when a full round no longer held it, or the vendor no longer named it.
	GoneAt time.Time `json:"gone_at,omitzero"`
	// Declared says that the vendor names the field; Label, Doc and VendorType are then in its words.
	Declared   bool   `json:"declared,omitempty"`
	Label      string `json:"label,omitempty"`
	Doc        string `json:"doc,omitempty"`
	VendorType string `json:"vendor_type,omitempty"`
	Custom     bool   `json:"custom,omitempty"`
	Computed   bool   `json:"computed,omitempty"`
}

// The kinds of drift.
const (
	DriftNew      = "new"
	DriftVanished = "vanished"
	DriftReturned = "returned"
	DriftType     = "type"
)

// Drift is one change of what a stream's records consist of.
type Drift struct {
	Connection string `json:"connection"`
	Stream     string `json:"stream"`
	Path       string `json:"path"`
	// What is "new", "vanished", "returned" or "type"; Detail says more in a few words.
	What   string    `json:"what"`
	Detail string    `json:"detail,omitempty"`
	At     time.Time `json:"at"`
}
