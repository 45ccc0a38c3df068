// Package canon holds the words that every part of Hub shares: records, entities, customers, events,
// assessments, changes and deliveries, with the ids that are derived from them.
//
// It imports nothing of ours, does no I/O and starts no goroutine. A type lives here when two rooms name
// it or when it crosses a store interface; every other type stays in its room.
package canon
