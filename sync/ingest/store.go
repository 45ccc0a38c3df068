package ingest

import (
	"context"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Records is what ingest needs of the store to take records in.
type Records interface {
	Held(ctx context.Context, connection, stream string, ids []string) (map[string]canon.Held, error)
	AddRecords(ctx context.Context, recs []canon.Record) (map[string]int64, error)
	AddVersions(ctx context.Context, rows []int64, recs []canon.Record) error
	PutHeld(ctx context.Context, held []canon.Held) error
	Versions(ctx context.Context, h canon.Held) ([]canon.Record, error)
	RecordsFrom(ctx context.Context, connection, stream string, after int64, limit int) ([]canon.Held, error)
}

// Sweeps is what ingest needs of the store to find what a full list no longer holds.
type Sweeps interface {
	OpenSweep(ctx context.Context, b canon.Batch) (s canon.SweepRound, ok bool, err error)
	CurrentSweep(ctx context.Context, connection, stream string, refused bool) (canon.SweepRound, error)
	MarkSeen(ctx context.Context, s canon.SweepRound, connection, stream string, ids []string) error
	CountMissing(ctx context.Context, s canon.SweepRound, connection, stream string) (gone, held int64, err error)
	Missing(ctx context.Context, s canon.SweepRound, connection, stream string, limit int) ([]canon.Held, error)
	EndSweep(ctx context.Context, s canon.SweepRound, connection, stream string, notice *canon.Error) error
	ClearMarks(ctx context.Context, connection, stream string) error
	At(ctx context.Context, connection, stream string) (canon.Cursor, error)
}

// Fields is what ingest needs of the store to keep what records consist of.
type Fields interface {
	FieldsOf(ctx context.Context, connection, stream string) ([]canon.FieldState, error)
	PutFields(ctx context.Context, connection, stream string, fields []canon.FieldState) error
	AddDrift(ctx context.Context, ds []canon.Drift) error
	Backfilled(ctx context.Context, connection, stream string) (bool, error)
}

// Rounds is what ingest needs of the store to account for a batch.
type Rounds interface {
	Advance(ctx context.Context, b canon.Batch, changed int) error
	PutDeadLetters(ctx context.Context, letters []canon.DeadLetter) error
	Lettered(ctx context.Context, connection, stream string, ids []string) (map[string]bool, error)
	DropDeadLetters(ctx context.Context, connection, stream string, ids []string) error
	SetMeta(ctx context.Context, name, value string) error
}

// Entities is what ingest needs of the store to keep entities and whose they are.
type Entities interface {
	EntitiesOf(ctx context.Context, records []int64) ([]canon.StoredEntity, error)
	EntitiesByRow(ctx context.Context, rows []int64) ([]canon.StoredEntity, error)
	DueEntities(ctx context.Context, at int64, limit int) ([]canon.StoredEntity, error)
	Members(ctx context.Context, customers []string) ([]canon.StoredEntity, error)
	PutEntities(ctx context.Context, es []*canon.StoredEntity) error
	SetOwners(ctx context.Context, es []*canon.StoredEntity) error
	MoveEvents(ctx context.Context, es []*canon.StoredEntity) error
	Forget(ctx context.Context, rows []int64) error
}

// Keys is what ingest needs of the store to find entities by what links them.
type Keys interface {
	KeysOf(ctx context.Context, rows []int64) (map[int64]canon.StoredEntity, error)
	PutKeys(ctx context.Context, es []*canon.StoredEntity, fresh map[int64]bool) error
	Holders(ctx context.Context, keys []string) ([]canon.KeyHolder, error)
	Dependents(ctx context.Context, keys []string) ([]canon.KeyHolder, error)
	RowsByKeys(ctx context.Context, kind canon.Kind, keys []string, limit int) ([]int64, map[string]int, error)
	ByCluster(ctx context.Context, clusters []string) ([]canon.StoredEntity, error)
	EntitiesByName(ctx context.Context, names []string) ([]canon.StoredEntity, error)
	EntitiesFrom(ctx context.Context, kind canon.Kind, after int64, limit int) ([]canon.StoredEntity, error)
}

// Decided is what ingest needs of the store to go by what operators have decided.
type Decided interface {
	Decisions(ctx context.Context) ([]canon.Decision, error)
	LastDecision(ctx context.Context) (int64, error)
	Meta(ctx context.Context, name string) (string, error)
}

// Candidates is what ingest needs of the store to keep the pairs that may be the same.
type Candidates interface {
	BlockHolders(ctx context.Context, keys []string, limit, beyond int) ([]canon.KeyHolder, map[string]int, error)
	CandidatesOf(ctx context.Context, rows []int64) (map[[2]int64]canon.Candidate, error)
	PutCandidates(ctx context.Context, rows [][2]int64, cs []canon.Candidate) error
	DropPairs(ctx context.Context, rows [][2]int64) error
}

// Journal is what ingest needs of the store to tell who was whose.
type Journal interface {
	AddMoves(ctx context.Context, rows []int64, moves []canon.Move) error
	Known(ctx context.Context, customers []string) (map[string]bool, error)
	Manned(ctx context.Context, customers []string) (map[string]int, error)
}

// Events is what ingest needs of the store to keep the timeline and tell of it.
type Events interface {
	EventsOf(ctx context.Context, entities []int64) ([]canon.StoredEvent, error)
	CustomerEvents(ctx context.Context, customers []string) ([]canon.StoredEvent, error)
	Revisions(ctx context.Context, ids []string) (map[string]int, error)
	AddEvents(ctx context.Context, es []canon.StoredEvent) error
	Supersede(ctx context.Context, rows []int64) error
	SetClock(ctx context.Context, rows []int64, clock bool) error
	AddChanges(ctx context.Context, cs []canon.Change) error
}

// Customers is what ingest needs of the store to keep customers.
type Customers interface {
	EnsureCustomers(ctx context.Context, ps []canon.Profile) error
	MarkDirty(ctx context.Context, ids []string) error
	MarkAllDirty(ctx context.Context) error
	MarkStale(ctx context.Context, stages []string) error
	Unmark(ctx context.Context, ids []string) error
	Dirty(ctx context.Context, limit int) ([]string, error)
	DueCustomers(ctx context.Context, at int64, limit int) ([]string, error)
	CustomerStates(ctx context.Context, ids []string) (map[string]canon.CustomerState, error)
	PutProfiles(ctx context.Context, ps []canon.Profile) error
	PutCustomerStates(ctx context.Context, ss []canon.CustomerState) error
	NextSequences(ctx context.Context, n map[string]int64) (map[string]int64, error)
	AddAssessments(ctx context.Context, ss []canon.CustomerState) error
}

// Books is what ingest needs of the store to keep what assessing customers takes.
type Books interface {
	Books(ctx context.Context, customers []string) (map[string][]byte, error)
	PutBooks(ctx context.Context, books map[string][]byte) error
	KeepBooks(customers []string)
	HasOverrides(ctx context.Context) (bool, error)
	Overrides(ctx context.Context, customers []string) ([]canon.Override, error)
}

// Tx is one transaction of the store.
type Tx interface {
	Records
	Sweeps
	Fields
	Rounds
	Entities
	Keys
	Decided
	Candidates
	Journal
	Events
	Customers
	Books
	Plays
	Erasures
	// Now is the transaction's recorded_at.
	Now() time.Time
}

// Atomic runs fn in one transaction that is committed where fn returns nil and leaves no trace otherwise.
type Atomic func(ctx context.Context, fn func(Tx) error) error
