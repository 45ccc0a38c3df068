package canon

import "time"

// Held is what the store holds of a record: its newest version.
type Held struct {
	// Row is the store's key of the record.
	Row        int64
	Ref        Ref
	Version    int64
	ObservedAt time.Time
	Hash       string
	// Deleted says that it is a tombstone, Missing that it is one because a full list no longer held it.
	Deleted, Missing bool
}

// SweepRound is one round over a full list, by which missing records are found.
type SweepRound struct {
	// ID is the store's key of the round.
	ID        int64
	StartedAt time.Time
	// Open says that the round has not come to its end, Fresh that it has just begun.
	Open, Fresh bool
}

// StoredEntity is an entity with what the store knows beside it.
type StoredEntity struct {
	// Row is the store's key of the entity, Record that of its record.
	Row, Record int64
	Entity      Entity
	// Hash is that of the entity's JSON.
	Hash string
	// Version and At are those of the record version that it was mapped from.
	Version int64
	At      time.Time
	// Node is the id derived from a company's or contact's ref, Cluster the id of the group of records
	// that are the same company or person; both "" for other kinds.
	Node, Cluster string
	// Customer is whose it is, "" while unknown, and Why the evidence for it.
	Customer, Why string
	// DueAt is when time alone will next tell an event of it, zero for never. Clocked says that time
	// alone has told one.
	DueAt   time.Time
	Clocked bool
	// Evidence are the keys that link it to its like, Anchors those of them by which others are assigned to
	// it, OwnerKeys those by which it finds its customer itself, Blocks those by which entities like it are found.
	Evidence, Anchors, OwnerKeys, Blocks []string
}

// StoredEvent is an event with what the store knows beside it.
type StoredEvent struct {
	Event
	// Row is the store's key of the event, Entity that of its entity (0 for events of a customer).
	Row, Entity int64
	// Revision counts the statements made under the event's id, from 1.
	Revision int
	// Clock says that time alone told the event, so a later state of the entity may take it back.
	Clock bool
}

// KeyHolder is an entity that holds a key.
type KeyHolder struct {
	Key string
	// Row is the store's key of the entity.
	Row  int64
	Kind Kind
	// Self says that the key is the entity's own reference.
	Self     bool
	Customer string
	// Cluster is told only of those that are found by a block.
	Cluster string
}

// CustomerState is what ingest keeps of a customer from one assessment to the next.
type CustomerState struct {
	ID   string
	Type string
	// Assessment is the last one, nil before the first; Assessed counts those kept.
	Assessment  *Assessment
	Assessed    int64
	FirstSeenAt time.Time
	LastEventAt time.Time
	// Profile is the golden record as it stands.
	Profile Profile
	// Touched says that records, events or decisions of the customer may have changed since the last assessment, so that
	// the golden record is to be made anew. Where it is false, only time or sources have.
	Touched bool
	// Doc is the stored form of Assessment, nil where that is yet to be made.
	Doc []byte
}

// Profile is the golden record of a customer as ingest last made it.
type Profile struct {
	ID           string
	Type         string
	Name, Domain string
	Fields       []Field
	// Gone says that no live record is left of the customer.
	Gone bool
}
