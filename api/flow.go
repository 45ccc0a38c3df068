package api

import (
	"time"

	"github.com/lifecyclehub/hub/connectors"
)

// Flow is what a connection's calls may use and wait for now.
type Flow struct {
	// Budgets are those of the account. TokenEnds is when the token that is in use ends, zero where it does not or
	// nobody knows.
	Budgets   []Budget
	TokenEnds time.Time
}

// Budget is one allowance of a vendor, as people and programs read it.
type Budget struct {
	Name string `json:"name" doc:"The budget's name in the connector"`
	// Rate is what Hub allows itself now, Most what it does where the vendor refuses nothing; 0 for no limit.
	Rate       float64        `json:"rate" doc:"Requests that Hub allows itself now per per_seconds; 0 for no limit"`
	Most       float64        `json:"most" doc:"Requests per per_seconds where the vendor refuses none"`
	PerSeconds float64        `json:"per_seconds"`
	DailyLeft  *int64         `json:"daily_left,omitempty" doc:"What is left of the vendor's daily quota; absent where it tells none"`
	Reserve    int64          `json:"reserve,omitempty" doc:"What of the daily quota only webhooks and write-back may use"`
	Sent       int64          `json:"sent" doc:"Requests since the hub started"`
	Refused    int64          `json:"refused" doc:"Requests that the vendor refused for their rate"`
	Waiting    map[string]int `json:"waiting,omitempty" doc:"Calls that wait now, by priority: webhook, push, incremental, backfill"`
	Until      time.Time      `json:"until,omitzero" doc:"When the next call may go"`
	Why        string         `json:"why,omitempty" doc:"What the calls wait for, in a sentence"`
}

// Budgets turns meters into what the API tells of them.
func Budgets(ms []connectors.Meter) []Budget {
	out := make([]Budget, 0, len(ms))
	for _, m := range ms {
		b := Budget{Name: m.Name, Rate: m.Rate, Most: m.Most, PerSeconds: m.Per.Seconds(), Reserve: m.Reserve, Sent: m.Sent, Refused: m.Refused,
			Waiting: m.Waiting, Until: m.Until, Why: m.Why}
		if m.DailyLeft >= 0 {
			b.DailyLeft = &m.DailyLeft
		}
		out = append(out, b)
	}
	return out
}
