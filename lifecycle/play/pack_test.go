package play_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/lifecycle/play"
)

// TestShippedPlays: every pack has the same plays, none of which reaches out before somebody says so, and each says who does
// what and when.
func TestShippedPlays(t *testing.T) {
	want := []string{"bad_fit_segment", "champion_left", "churn_mitigation", "dormant_win_back", "exit_interview", "expansion_offer", "feedback_after_invoice", "handover_incomplete",
		"new_users_wave", "onboarding_stuck", "overdue_invoice", "poor_health", "reference_ask", "renewal_campaign", "roi_summary", "support_spotted_expansion"}
	for _, name := range lifecycle.Packs() {
		p, err := lifecycle.Pack(name)
		if err != nil {
			t.Fatal(err)
		}
		page := play.Markdown(p, map[string]canon.PlayMode{"overdue_invoice": {Mode: canon.PlayLive}})
		var keys []string
		for _, x := range p.Plays() {
			keys = append(keys, x.Key)
			if x.Mode != canon.PlayShadow || x.EnterNow {
				t.Errorf("%s: %s is %s", name, x.Key, x.Mode)
			}
			if x.Doc == "" || x.Owner == "" || x.Do == "" || x.Title == x.Key || play.Words(x.Trigger) == "" || len(play.Guarded(x, p.PlayRules())) == 0 {
				t.Errorf("%s: %s says too little", name, x.Key)
			}
			if !strings.Contains(page, "| Key | "+x.Key+" |") {
				t.Errorf("%s: %s is not on the page", name, x.Key)
			}
		}
		slices.Sort(keys)
		if !slices.Equal(keys, want) {
			t.Errorf("%s: %v", name, keys)
		}
		if strings.Count(page, "| Mode | live |") != 1 || !strings.Contains(page, "| paying | In a paying relationship |") {
			t.Errorf("%s: the page lacks a mode or the segments", name)
		}
		if c := p.PlayRules().Categories; len(c) != 7 || c[0].Key != "commercial" || c[6].Key != "admin" {
			t.Errorf("%s: precedence %v", name, c)
		}
	}
}
