package salesforce

import "github.com/lifecyclehub/hub/connectors"

var _ connectors.Readable = (*conn)(nil)

// Reading tells how a stream is read, which is the same for all of them but for merges, of which Salesforce knows those
// of accounts, contacts and leads.
func (c *conn) Reading(stream string) connectors.Reading {
	for _, o := range objects() {
		if o.stream == stream {
			return connectors.Reading{Incremental: true, Deletes: []string{"the recycle bin", "a list of deleted records", "what a full list no longer holds"},
				Merges: stream == "accounts" || stream == "contacts" || stream == "leads", Fetch: true, Fields: true}
		}
	}
	return connectors.Reading{}
}
