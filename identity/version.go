package identity

import (
	"encoding/json"
	"strconv"

	"golang.org/x/net/publicsuffix"

	"github.com/lifecyclehub/hub/canon"
)

// revision counts the changes of this package's code that change an outcome. A test holds it against the outcome of a
// fixed set of records.
const revision = 1

// Version identifies everything that an outcome depends on beside records and decisions: the rules, the code and the
// lists. Where it differs from the version that stored customers were made by, they must be resolved anew.
func (r *Rules) Version() string {
	// Rules hold nothing that JSON lacks, and JSON sorts the keys of maps.
	rules, _ := json.Marshal(r)
	lists := canon.Hash([]byte(freeMailList + moreFreeMailList + disposableList + moreDisposableList + hostedList + nicknameList + commonNameList))
	return canon.ID("rules", strconv.Itoa(revision), MatchVersion, string(rules), lists, publicsuffix.List.String())
}
