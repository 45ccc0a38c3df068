//go:build race

package ingest_test

// slow says that the race detector is on: the same tests run, with less repetition.
const slow = true
