package ingest

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/lifecyclehub/hub/canon"
)

// Salvage takes a batch in record by record, after Ingest has failed on it as a whole again and again: those that
// cannot be taken in become dead letters, so that one of them does not stop the line. It fails where the store
// takes not even that.
func (p *Pipeline) Salvage(ctx context.Context, b canon.Batch) (Result, error) {
	var sum Result
	var letters []canon.DeadLetter
	for _, r := range b.Records {
		one := b
		one.Part, one.Last, one.Rejects, one.Records = true, false, nil, []canon.Record{r}
		res, err := p.Ingest(ctx, one)
		if err != nil {
			p.Log.Error("a record cannot be taken in", "ref", r.Ref.String(), "error", err)
			e := canon.AsError(err)
			letters = append(letters, canon.DeadLetter{Connection: r.Connection, Stream: r.Stream, RecordID: r.ID, Code: "ingest.failed",
				Reason: "The record could not be stored: " + e.Message, Hint: "Report this. Once it is mended, `hub sync --full` reads the record again.",
				Version: r.Version, Raw: r.Raw, OccurredAt: r.VersionTime()})
			continue
		}
		sum = sum.plus(res)
	}
	b.Records, b.Rejects = nil, append(b.Rejects[:len(b.Rejects):len(b.Rejects)], letters...)
	res, err := p.Ingest(ctx, b)
	return sum.plus(res), err
}

// guarded turns a panic of fn into an error. Foreign input must not end the process: the page that holds it would
// be the first to be taken after a restart.
func guarded(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("fault of hub: %v\n%s", r, debug.Stack())
		}
	}()
	return fn()
}
