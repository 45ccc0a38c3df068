package rest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// quota is what an account may use per day, over all its budgets. It counts what it lets go, and takes the
// vendor's word where it tells what is left.
type quota struct {
	mu sync.Mutex
	// limit is the number per day, 0 where nobody told; left is -1 where it is unknown.
	limit, left int64
	// configured says that limit comes from the settings, told that left comes from the vendor.
	configured, told bool
	// Of the reserve, one of share (of limit) and count is set.
	share float64
	count int64
	// resets is when what is known here ends. It is the vendor's word where exact.
	resets time.Time
	exact  bool
}

// askAgain is how long the vendor's word is believed where it does not say when the allowance resets: many
// roll it over the last 24 hours.
const askAgain = time.Hour

func newQuota() *quota { return &quota{left: -1} }

// agree takes over what the settings say. The first connection of an account that says something counts.
func (q *quota) agree(budget, daily, reserve string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if reserve != "" && q.share == 0 && q.count == 0 {
		percent, isShare := strings.CutSuffix(strings.TrimSpace(reserve), "%")
		n, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		if err != nil || n < 0 || (isShare && n >= 100) || n > 1e15 {
			return canon.Errorf("settings.rate", "the reserve of budget %s is %q, which is neither a number nor a share below 100%%", budget, reserve).
				WithHint("Set it to a number of requests such as 500, or to a share such as 10%%.")
		}
		if q.count = int64(n); isShare {
			q.count, q.share = 0, n/100
		}
	}
	if daily == "" || q.configured {
		return nil
	}
	n, err := number(budget, "daily number", daily)
	if err != nil {
		return err
	}
	q.limit, q.configured = int64(n), true
	return nil
}

// refresh forgets what is no longer so.
func (q *quota) refresh(now time.Time) {
	if now.Before(q.resets) {
		return
	}
	q.left, q.told, q.exact = -1, false, false
	if q.configured {
		q.left, q.resets = q.limit, midnight(now)
	}
}

func midnight(now time.Time) time.Time {
	return now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
}

func (q *quota) reserve() int64 {
	if q.share > 0 {
		return int64(q.share * float64(q.limit))
	}
	return q.count
}

// take uses n requests up, or tells when there are some again.
func (q *quota) take(now time.Time, p connectors.Priority, n int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refresh(now)
	if q.left < 0 {
		return nil
	}
	kept := int64(0)
	if p > connectors.PriorityPush {
		kept = q.reserve()
	}
	if q.left-n >= kept {
		q.left -= n
		return nil
	}
	e := canon.Errorf("rate.daily", "%s", q.sentence(kept))
	e.Retry = true
	return e.WithHint("Hub goes on by itself then. To use less, sync less often, or have the vendor raise the allowance.")
}

// sentence says what is used up, and when there is some again.
func (q *quota) sentence(kept int64) string {
	what := "the account's daily allowance is used up"
	if kept > 0 && q.left > 0 {
		what = fmt.Sprintf("of the account's daily allowance the last %d requests are kept for webhooks and write-back", min(q.left, kept))
	}
	if q.exact || (q.configured && !q.told) {
		return what + "; it resets at " + q.resets.UTC().Format(time.RFC3339)
	}
	return what + "; the vendor does not say when it resets, so Hub asks again at " + q.resets.UTC().Format(time.RFC3339)
}

func (q *quota) giveBack(n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.left >= 0 {
		q.left += n
	}
}

// learn takes over what the vendor says.
func (q *quota) learn(t told, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.dailyLimit > 0 && (!q.configured || t.dailyLimit < q.limit) {
		q.limit = t.dailyLimit
	}
	if t.dailyRemaining < 0 {
		return
	}
	if t.dailyLimit <= 0 && !q.configured {
		q.limit = max(q.limit, t.dailyRemaining)
	}
	left := t.dailyRemaining
	if q.configured && t.dailyLimit > q.limit {
		// The settings allow only a part of what the vendor does.
		left -= t.dailyLimit - q.limit
	}
	q.left, q.told, q.exact = max(left, 0), true, t.dailyReset.After(now)
	if q.resets = t.dailyReset; !q.exact {
		q.resets = now.Add(askAgain)
	}
}

// meter returns what is left, what of it is kept, and why calls are refused, where they are.
func (q *quota) meter(now time.Time) (left, kept int64, why string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refresh(now)
	kept = q.reserve()
	if q.left >= 0 && q.left <= kept {
		why = q.sentence(kept)
		why = strings.ToUpper(why[:1]) + why[1:] + "."
	}
	return q.left, kept, why
}
