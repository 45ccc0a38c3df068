// Package push writes what Hub computed back into fields of the vendors' records: it plans what differs
// from the last acknowledged value, reads before it writes so that nobody's edit is lost, and reads back
// what it wrote.
//
// It knows no vendor and no mapping file: a Target carries both. It decides neither which customers are
// pushed nor when, and it cannot lock a vendor's record: an edit made in the moment between reading and
// writing is lost.
package push
