package lifecycle

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// short makes a policy fold its books early.
func short(p *Policy) { p.tails = tails{most: 4, least: 2, stale: 20, days: 30} }

// keeper is somebody who keeps a customer's book as ingest does.
type keeper struct {
	t       *rapid.T
	p       *Policy
	facts   Facts
	doc     []byte
	known   []canon.Event
	rebuilt int
}

// learn takes events in and answers for a moment.
func (k *keeper) learn(events []canon.Event, facts Facts, now time.Time) Result {
	k.known = append(k.known, events...)
	facts.Events = nil
	if k.doc != nil {
		b, err := k.p.Book(k.doc)
		if err != nil {
			k.t.Fatal(err)
		}
		if b.Fits(facts, now) && b.Add(events) {
			return k.answer(b, facts, now)
		}
		k.rebuilt++
	}
	b := k.p.Open(facts)
	if !b.Add(k.known) {
		k.t.Fatal("a new book refuses events")
	}
	return k.answer(b, facts, now)
}

func (k *keeper) answer(b *Book, facts Facts, now time.Time) Result {
	got := b.Assess(facts, now)
	var err error
	if k.doc, err = b.MarshalBinary(); err != nil {
		k.t.Fatal(err)
	}
	return got
}

// TestBookAnswersAsAllEventsDo: whatever the batches in which events come, their order and the moments of looking in between, a
// book answers as the policy does for all events at once.
func TestBookAnswersAsAllEventsDo(t *testing.T) {
	laws(t, func(t *rapid.T, p *Policy) {
		short(p)
		facts := genFacts(t)
		if rapid.Bool().Draw(t, "live") {
			slices.SortFunc(facts.Events, func(a, b canon.Event) int { return a.OccurredAt.Compare(b.OccurredAt) })
		}
		k := &keeper{t: t, p: p, facts: facts}
		left, now := facts.Events, epoch
		for len(left) > 0 {
			n := rapid.IntRange(0, min(8, len(left))).Draw(t, "batch")
			for _, e := range left[:n] {
				if e.OccurredAt.After(now) && rapid.IntRange(0, 5).Draw(t, "ahead") > 0 {
					now = e.OccurredAt
				}
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "later")) * sixHours)
			all := facts
			got := k.learn(left[:n], facts, now)
			left = left[n:]
			all.Events = k.known
			want := p.Assess(all, now)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("the book at %v differs (-all events +book):\n%s", now, diff)
			}
		}
	})
}

// FuzzBook: foreign bytes are an error, never a panic.
func FuzzBook(f *testing.F) {
	p := Default()
	short(p)
	facts := customerOf(40)
	b := p.Open(facts)
	b.Add(facts.Events)
	b.Assess(facts, epoch.AddDate(3, 0, 0))
	doc, err := b.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Fuzz(func(t *testing.T, doc []byte) {
		b, err := p.unsealed(doc)
		if err != nil {
			return
		}
		b.Fits(facts, epoch.AddDate(3, 0, 0))
		b.Add(facts.Events[len(facts.Events)-3:])
	})
}

func BenchmarkBook(b *testing.B) {
	p, now := Default(), epoch.AddDate(0, 0, 930)
	for _, usage := range []int{15, 900, 100_000} {
		facts := customerOf(usage)
		last := facts.Events[len(facts.Events)-1]
		last.ID, last.OccurredAt = "new", now.Add(-time.Hour)
		book := p.Open(facts)
		book.Add(facts.Events)
		book.Assess(facts, now.Add(-26*time.Hour))
		doc, err := book.MarshalBinary()
		if err != nil {
			b.Fatal(err)
		}
		b.Run("one event more", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				k, err := p.Book(doc)
				if err != nil || !k.Add([]canon.Event{last}) {
					b.Fatal("the book does not take the event", err)
				}
				k.Assess(facts, now)
				if _, err := k.MarshalBinary(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(doc)), "bytes")
			b.ReportMetric(float64(len(facts.Events)), "events")
		})
	}
}
