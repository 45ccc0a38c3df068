//go:build race

package main

// slow says that the race detector is on: the same tests run, with less repetition.
const slow = true
