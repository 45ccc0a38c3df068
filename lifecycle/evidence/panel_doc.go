// Package evidence tells whether a score is true: it replays history as it was known, compares what a scorecard said with
// what happened afterwards, and proposes weights that history supports. It reads no store and no clock, activates
// nothing, and never decides on a score by itself.
package evidence
