package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/lifecyclehub/hub/sync/pull"
)

// reporter shows how streams come along: bars on a terminal, plain lines in a pipe.
type reporter struct {
	w     io.Writer
	start time.Time
	mu    sync.Mutex
	bars  progress.Writer
	track map[string]*progress.Tracker
	last  map[string]time.Time
	// drawn is closed when the bars have been drawn for the last time.
	drawn chan struct{}
}

func newReporter(w io.Writer) *reporter {
	r := &reporter{w: w, start: time.Now(), track: map[string]*progress.Tracker{}, last: map[string]time.Time{}}
	if isTerminal(w) {
		r.bars = progress.NewWriter()
		r.bars.SetOutputWriter(w)
		r.bars.SetAutoStop(false)
		r.bars.SetTrackerLength(24)
		r.bars.SetMessageLength(28)
		r.bars.SetUpdateFrequency(100 * time.Millisecond)
		r.bars.SetStyle(progress.StyleBlocks)
		r.bars.Style().Visibility.ETA = true
		r.bars.Style().Visibility.Speed = true
		r.bars.Style().Visibility.Percentage = true
		r.drawn = make(chan struct{})
		go func() {
			defer close(r.drawn)
			r.bars.Render()
		}()
	}
	return r
}

// show takes one step of a stream.
func (r *reporter) show(p pull.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := p.Connection + "/" + p.Stream
	if r.bars == nil {
		r.line(name, p)
		return
	}
	t := r.track[name]
	if t == nil {
		t = &progress.Tracker{Message: name, Total: p.Total, Units: progress.UnitsDefault}
		r.track[name] = t
		r.bars.AppendTracker(t)
	}
	if p.Total > 0 {
		t.UpdateTotal(p.Total)
	}
	t.SetValue(p.Records)
	switch {
	case p.Err != nil:
		t.UpdateMessage(name + " failed")
		t.MarkAsErrored()
	case p.Done:
		t.UpdateTotal(p.Records)
		t.MarkAsDone()
	}
}

// line prints at most one line a second for each stream, and one at its end.
func (r *reporter) line(name string, p pull.Progress) {
	if !p.Done && time.Since(r.last[name]) < time.Second {
		return
	}
	r.last[name] = time.Now()
	rate := float64(p.Records) / max(time.Since(r.start).Seconds(), 0.001)
	switch {
	case p.Err != nil:
		fmt.Fprintf(r.w, "%s: failed after %d records: %v\n", name, p.Records, p.Err)
	case p.Done:
		fmt.Fprintf(r.w, "%s: %d records, done\n", name, p.Records)
	case p.Total > 0:
		fmt.Fprintf(r.w, "%s: %d of %d records, %.0f a second\n", name, p.Records, p.Total, rate)
	default:
		fmt.Fprintf(r.w, "%s: %d records, %.0f a second\n", name, p.Records, rate)
	}
}

// stop ends the bars.
func (r *reporter) stop() {
	if r.bars == nil {
		return
	}
	r.bars.Stop()
	<-r.drawn
}
