//go:build !linux

package program

// limitMemory has nothing to do: the setting is refused where it would have no effect.
func limitMemory(int, uint64) error { return nil }
