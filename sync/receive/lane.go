package receive

import (
	"context"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// How much a lane holds before it stops reading calls, and how records are gathered into batches.
const (
	maxWaiting  = 10_000
	maxFetched  = 1000
	maxPile     = 8 << 20
	pileRecords = 500
	pileBytes   = 1 << 20
	pileWait    = 50 * time.Millisecond
	// heartbeat is how often the queue hears of calls that are still at work.
	heartbeat = 30 * time.Second
)

// key tells hints apart. What is said of a deletion is part of it, because that is not read again.
type key struct {
	stream, id string
	deleted    bool
	into       string
	at         int64
}

// call is a kept call of which so many parts are still at work.
type call struct {
	held Held
	open int
}

// item is an object to read again, or to bury.
type item struct {
	key
	// at is when the vendor says that it happened; zero where it does not.
	at time.Time
	// calls are those that are done when the item is. Later calls that say the same are done at once: the
	// first one, which is still kept, stands for them.
	calls []*call
	tries int
	due   time.Time
}

// pile is what calls told whole, of one stream.
type pile struct {
	records []canon.Record
	rejects []canon.DeadLetter
}

// load is everything that goes to the belt together.
type load struct {
	piles map[string]*pile
	calls []*call
	count int
	bytes int
	tries int
	due   time.Time
}

// lane works on the calls of one connection. All but feed runs on one goroutine, which starts at most one other
// for records and one for fetches.
type lane struct {
	*Desk
	src   *Source
	calls chan Held

	// held are the calls at work, by id.
	held    map[uint64]*call
	waiting map[key]*item
	pile    *load
	// fetched and carried tell the end of the jobs under way; nil while there is none.
	fetched chan []*item
	carried chan *load
}

func newLane(d *Desk, s *Source) *lane {
	return &lane{Desk: d, src: s, calls: make(chan Held), held: map[uint64]*call{}, waiting: map[key]*item{}, pile: &load{}}
}

// feed reads calls from the queue until ctx ends.
func (l *lane) feed(ctx context.Context) error {
	for pause := time.Second; ; pause = min(pause*2, time.Minute) {
		err := l.Queue.Take(ctx, l.src.Connection, func(h Held) error {
			select {
			case l.calls <- h:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if ctx.Err() != nil {
			return nil
		}
		l.Log.Error("kept webhook calls cannot be read; it is tried again", "connection", l.src.Connection, "error", err)
		if !sleep(ctx, pause) {
			return nil
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// run works until ctx ends, and waits for what it started.
func (l *lane) run(ctx context.Context) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	defer l.end()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(l.start(ctx))
		calls := l.calls
		if len(l.waiting) >= maxWaiting || l.pile.bytes >= maxPile {
			calls = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case h := <-calls:
			l.take(ctx, h)
		case items := <-l.fetched:
			l.fetched = nil
			l.settle(ctx, items)
		case done := <-l.carried:
			l.carried = nil
			l.unload(ctx, done)
		case <-beat.C:
			for _, c := range l.held {
				if err := c.held.Working(); err != nil {
					l.Log.Warn("a kept webhook call may come again", "connection", l.src.Connection, "error", err)
				}
			}
		case <-timer.C:
		}
	}
}

// end waits for the jobs under way; their context has ended.
func (l *lane) end() {
	if l.fetched != nil {
		<-l.fetched
	}
	if l.carried != nil {
		<-l.carried
	}
}

// start begins what is due and returns how long until something else may be.
func (l *lane) start(ctx context.Context) time.Duration {
	next, now := time.Hour, time.Now()
	if l.pile.count > 0 && l.carried == nil {
		switch wait := l.pile.due.Sub(now); {
		case wait <= 0 || l.pile.tries == 0 && (l.pile.count >= pileRecords || l.pile.bytes >= pileBytes):
			l.carry(ctx)
		default:
			next = wait
		}
	}
	if l.fetched != nil {
		return next
	}
	due := false
	for _, it := range l.waiting {
		wait := it.due.Sub(now)
		if due = wait <= 0; due {
			break
		}
		next = min(next, wait)
	}
	if due {
		l.fetch(ctx, now)
	}
	return next
}

// carry sends the pile to the belt.
func (l *lane) carry(ctx context.Context) {
	full := l.pile
	l.pile = &load{}
	done := make(chan *load, 1)
	l.carried = done
	go func() {
		err := l.deliver(ctx, full)
		if err == nil {
			full.piles = nil
		} else if ctx.Err() == nil {
			l.Log.Warn("what webhook calls told could not be committed; it is tried again", "connection", l.src.Connection, "error", err)
		}
		done <- full
	}()
}

// fetch reads what is due: everything that was not tried yet, so that few large requests are made, and what has
// waited long enough after a fault.
func (l *lane) fetch(ctx context.Context, now time.Time) {
	var items []*item
	for k, it := range l.waiting {
		if len(items) == maxFetched {
			break
		}
		if it.tries == 0 || !it.due.After(now) {
			items = append(items, it)
			delete(l.waiting, k)
		}
	}
	done := make(chan []*item, 1)
	l.fetched = done
	go func() { done <- l.refetch(ctx, items) }()
}

// take finds out what a call tells and puts it where it is due.
func (l *lane) take(ctx context.Context, h Held) {
	if c := l.held[h.ID()]; c != nil {
		// It came again while it is at work. It must not be taken for another call that says the same.
		c.held = h
		return
	}
	c := &call{held: h}
	told, err := decode(h.Data())
	var got connectors.Received
	if err == nil {
		got, err = l.receive(told)
	}
	now := time.Now()
	if err != nil {
		l.put(now, lettersStream, func(p *pile) { p.rejects = append(p.rejects, letter(told, err)) }, 4<<10+len(told.Body))
		l.pile.calls, c.open = append(l.pile.calls, c), 1
	} else {
		l.gather(now, c, told, got)
	}
	if c.open == 0 {
		l.done(ctx, c)
		return
	}
	l.held[h.ID()] = c
}

func (l *lane) receive(c connectors.Call) (connectors.Received, error) {
	r, ok := l.src.Conn.(connectors.Receiver)
	if !ok {
		return connectors.Received{}, canon.Errorf("hook.none", "the connection takes no webhooks")
	}
	return read(r, c)
}

// put adds to the pile of a stream.
func (l *lane) put(now time.Time, stream string, add func(*pile), bytes int) {
	if l.pile.piles == nil {
		l.pile.piles = map[string]*pile{}
	}
	p := l.pile.piles[stream]
	if p == nil {
		p = &pile{}
		l.pile.piles[stream] = p
	}
	add(p)
	if l.pile.count == 0 {
		l.pile.due = now.Add(pileWait)
	}
	l.pile.count++
	l.pile.bytes += bytes
}

// done takes a call off the queue. One that cannot be taken off comes again, which does no harm.
func (l *lane) done(ctx context.Context, c *call) {
	delete(l.held, c.held.ID())
	if err := c.held.Done(ctx); err != nil {
		l.Log.Warn("a webhook call that was committed comes again", "connection", l.src.Connection, "error", err)
	}
}

// release counts down the calls of something that is committed.
func (l *lane) release(ctx context.Context, calls []*call) {
	for _, c := range calls {
		if c.open--; c.open == 0 {
			l.done(ctx, c)
		}
	}
}

// settle takes in what became of items: those without calls are done.
func (l *lane) settle(ctx context.Context, items []*item) {
	for _, it := range items {
		if it.tries == 0 {
			l.release(ctx, it.calls)
			continue
		}
		it.due = time.Now().Add(backoff(it.tries))
		if other := l.waiting[it.key]; other != nil {
			// Somebody spoke of it again in the meantime.
			other.calls = append(other.calls, it.calls...)
			if it.at.After(other.at) {
				other.at = it.at
			}
			continue
		}
		l.waiting[it.key] = it
	}
}

// unload takes in what became of a load.
func (l *lane) unload(ctx context.Context, done *load) {
	if done.piles == nil {
		l.release(ctx, done.calls)
		return
	}
	// What came in the meantime goes along.
	done.tries++
	done.due = time.Now().Add(backoff(done.tries))
	for stream, p := range l.pile.piles {
		if q := done.piles[stream]; q != nil {
			q.records, q.rejects = append(q.records, p.records...), append(q.rejects, p.rejects...)
			continue
		}
		done.piles[stream] = p
	}
	done.calls = append(done.calls, l.pile.calls...)
	done.count, done.bytes = done.count+l.pile.count, done.bytes+l.pile.bytes
	l.pile = done
}

func backoff(tries int) time.Duration {
	return min(time.Second<<min(tries-1, 16), 5*time.Minute)
}
