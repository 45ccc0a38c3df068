package lifecycle

import (
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// ScoreReasons is what can be said of a score beyond how it adds up.
type ScoreReasons struct {
	Score string `json:"score"`
	// Title and Intent are the scorecard's, Outcome what it is held against.
	Title   string `json:"title,omitempty"`
	Intent  string `json:"intent,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	// WouldChange are the smallest changes that would move the band.
	WouldChange []Counter `json:"would_change"`
	// Since is when the earlier assessment was made, and Moved what changed since then.
	Since time.Time   `json:"since,omitzero"`
	Moved []ScoreMove `json:"moved"`
}

// Reasons says of each score of an assessment what it is for, what would change its band, and what moved it since an
// earlier assessment (nil for none). Health comes first. Of scores that another version of the policy worked out it says
// only what moved.
func (p *Policy) Reasons(a, earlier *canon.Assessment) []ScoreReasons {
	var out []ScoreReasons
	add := func(s canon.Score) {
		r := ScoreReasons{Score: s.Name, WouldChange: []Counter{}, Moved: []ScoreMove{}}
		if card := p.cardOf(s); card != nil {
			r.Title, r.Intent, r.Outcome = card.title, card.intent, card.outcome
			r.WouldChange = append(r.WouldChange, p.Counters(s, nil)...)
		}
		if was := scoreOf(earlier, s.Name); was != nil {
			r.Since = earlier.At
			r.Moved = append(r.Moved, Delta(*was, s)...)
		}
		out = append(out, r)
	}
	add(a.Health)
	for _, s := range a.Scores {
		add(s)
	}
	return out
}
