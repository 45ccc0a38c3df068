package webhooks

import "time"

// How the circuit breaker of a lane behaves.
const (
	breakAfter  = 5                // failures in a row that show the endpoint to be down
	coolAtFirst = 10 * time.Second // how long the lane then rests, doubling
	coolAtMost  = 5 * time.Minute
)

// gate holds a lane back: while the endpoint asked for a pause, and while it is down. An endpoint that is
// down gets one probe at a time until an attempt gets through.
type gate struct {
	shutUntil time.Time
	failures  int
	cool      time.Duration
	probing   bool
}

// throttle shuts the gate for a while.
func (g *gate) throttle(now time.Time, pause time.Duration) {
	if until := now.Add(pause); until.After(g.shutUntil) {
		g.shutUntil = until
	}
}

// observe learns from one attempt whether the endpoint is down, and reports whether the gate just shut.
func (g *gate) observe(now time.Time, down bool) bool {
	if !down {
		g.failures, g.cool, g.probing = 0, 0, false
		return false
	}
	g.failures++
	// Attempts that were under way when the gate shut tell nothing new.
	if now.Before(g.shutUntil) || !g.probing && g.failures < breakAfter {
		return false
	}
	g.cool = min(max(2*g.cool, coolAtFirst), coolAtMost)
	g.probing = true
	g.throttle(now, g.cool)
	return true
}

// limit is how many attempts may be under way at once.
func (g *gate) limit(concurrency int) int {
	if g.probing {
		return 1
	}
	return concurrency
}
