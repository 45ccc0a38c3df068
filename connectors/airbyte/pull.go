package airbyte

import (
	"context"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// entry is one record with the part of the stream that it came from.
type entry struct {
	rec   any
	slice *slice
}

// got is what one read gives.
type got struct {
	items   []entry
	rejects []canon.DeadLetter
	next    *cursor
	more    bool
}

// reading is how a stream is read.
type reading struct {
	// start is when a round that begins now begins; owner names the reader for what is kept between pages.
	start int64
	owner string
	// probe stops after the first request.
	probe bool
}

// emptyMost is how many requests without a record one read makes.
const emptyMost = 20

// read reads one page of a stream. cur becomes the cursor behind it.
func (c *Conn) read(ctx context.Context, s *stream, cur *cursor, rd reading) (*got, error) {
	if cur.Round == nil {
		cur.begin(s, rd.start)
	}
	if cur.Round.Later {
		if s.later == nil {
			return nil, canon.Errorf("cursor.invalid", "the stream's cursor is one of another manifest").
				WithHint("Reset the stream to read it from the beginning.")
		}
		s = s.later
	}
	out := &got{next: cur}
	for tries := 1; ; tries++ {
		w := &walk{conn: c, start: cur.Round.Start, owner: rd.owner, kept: cur.Parents, scope: c.scope()}
		if cur.Round.Slice == nil {
			sl, rt, err := s.router.next(ctx, w, cur.Round.Route)
			if err != nil {
				return nil, err
			}
			cur.Round.Route = rt
			if sl == nil {
				cur.end(s, c.now().UnixMicro())
				return out, nil
			}
			if err := c.enter(s, cur, sl); err != nil {
				return nil, err
			}
		}
		if err := c.page(ctx, s, cur, out); err != nil {
			return nil, err
		}
		if cur.Round.Slice == nil && s.router.ended(w, cur.Round.Route) {
			cur.end(s, c.now().UnixMicro())
			return out, nil
		}
		if len(out.items)+len(out.rejects) > 0 || tries >= emptyMost || rd.probe {
			out.more = true
			return out, nil
		}
	}
}

// enter begins a partition.
func (c *Conn) enter(s *stream, cur *cursor, sl *slice) error {
	r := cur.Round
	r.Slice = sl
	r.Token = tokenJSON(s.pager.initial())
	if s.cursor == nil {
		return nil
	}
	mark, more := cur.markOf(s, sl.key())
	from, to, err := s.cursor.bounds(c.roundScope(r, sl), time.UnixMicro(r.Start).UTC(), mark, more)
	if err != nil {
		return err
	}
	r.From, r.To, r.At = from.UnixMicro(), to.UnixMicro(), from.UnixMicro()
	return nil
}

// roundScope is the scope of one partition. Its clock stands at the round's start, so that a round that is resumed asks
// for what it asked for before.
func (c *Conn) roundScope(r *round, sl *slice) *scope {
	start := time.UnixMicro(r.Start).UTC()
	return &scope{now: func() time.Time { return start }, vars: map[string]any{"config": c.config, "stream_slice": sl}}
}

// span of the running window.
type running struct {
	slice    *slice
	from, to int64
	next     time.Time
	empty    bool
}

func (c *Conn) window(s *stream, r *round) (running, error) {
	if s.cursor == nil {
		return running{slice: r.Slice}, nil
	}
	from, to := time.UnixMicro(r.At).UTC(), time.UnixMicro(r.To).UTC()
	if from.After(to) || (s.cursor.strict && !from.Before(to)) {
		return running{slice: r.Slice, empty: true}, nil
	}
	sc := c.roundScope(r, r.Slice)
	end, next, err := s.cursor.windowFrom(sc, from, to)
	if err != nil {
		return running{}, err
	}
	d, err := s.cursor.window(sc, from, end)
	return running{slice: r.Slice.in(d), from: r.At, to: end.UnixMicro(), next: next}, err
}

// page makes one request and moves the cursor behind its answer.
func (c *Conn) page(ctx context.Context, s *stream, cur *cursor, out *got) error {
	r := cur.Round
	win, err := c.window(s, r)
	if err != nil {
		return err
	}
	if win.empty {
		cur.closePartition(s)
		return nil
	}
	token := tokenValue(r.Token)
	sc := c.roundScope(r, win.slice)
	sc.vars["next_page_token"] = nil
	if token != nil {
		sc.vars["next_page_token"] = newDict("next_page_token", token)
	}
	a, err := c.ask(ctx, s, sc, win, token)
	if err != nil {
		return err
	}
	if a.reset {
		return s.restart(r, win)
	}
	if err := c.keep(s, r, win, a, out); err != nil {
		return err
	}
	if s.reset != nil && s.reset.records > 0 && r.Count >= s.reset.records {
		return s.restart(r, win)
	}
	next, err := c.nextToken(s, r, win, sc, a, token)
	if err != nil {
		return err
	}
	if next != nil {
		r.Token, r.Paged = tokenJSON(next), true
		return nil
	}
	if win.next.IsZero() {
		cur.closePartition(s)
		return nil
	}
	r.At, r.Token, r.Paged, r.Count, r.Reset = win.next.UnixMicro(), tokenJSON(s.pager.initial()), false, 0, 0
	r.Guard, r.Pages = guard{}, guard{}
	return nil
}

// restart begins paging anew: behind what was seen where the rule says so, else from the window's start.
func (s *stream) restart(r *round, win running) error {
	at := r.At
	if s.reset != nil && s.reset.split && r.Seen > at {
		at = r.Seen
	}
	if r.Reset++; at == r.At && (r.Reset > 1 || (s.reset != nil && s.reset.split)) {
		return canon.Errorf("page.loop", "the stream %s asks to begin its paging anew, and would read the same again", s.name).
			WithHint("More records share one date than the vendor gives at once; a smaller step may help.")
	}
	if at != r.At {
		r.Reset = 0
	}
	r.At, r.Token, r.Paged, r.Count = at, tokenJSON(s.pager.initial()), false, 0
	r.Guard, r.Pages = guard{}, guard{}
	return nil
}

// keep adds the page's records to what was read, and watches their dates.
func (c *Conn) keep(s *stream, r *round, win running, a *answer, out *got) error {
	field := ""
	if s.cursor != nil {
		var err error
		if field, err = s.cursor.field.text(c.roundScope(r, win.slice)); err != nil {
			return expression("the cursor's field", err)
		}
	}
	for _, rec := range a.records {
		out.items = append(out.items, entry{rec, r.Slice})
		if s.cursor == nil {
			continue
		}
		// A date outside the window must not move the mark past what was read.
		if at, ok := s.cursor.observed(rec, field); ok && at >= win.from && at <= max(win.to, r.To) && at <= r.To {
			r.Seen = max(r.Seen, at)
		}
	}
	out.rejects = append(out.rejects, a.rejects...)
	r.Count += len(a.records)
	return nil
}

// nextToken is where the window goes on, nil for its end.
func (c *Conn) nextToken(s *stream, r *round, win running, sc *scope, a *answer, token any) (any, error) {
	if a.ended {
		return nil, nil
	}
	if s.cursor != nil && s.cursor.feed && a.last != nil {
		field, err := s.cursor.field.text(sc)
		if err != nil {
			return nil, expression("the cursor's field", err)
		}
		if at, ok := s.cursor.observed(a.last, field); ok && (at < r.From || at > r.To) {
			return nil, nil
		}
	}
	next, err := s.pager.next(sc, a.told, token)
	if err != nil || next == nil {
		return nil, err
	}
	if r.Guard.repeats(encodeJSON(next)) || (a.raw > 0 && r.Pages.repeats(a.resp.body)) {
		return nil, canon.Errorf("page.loop", "the stream %s leads to a page that was read already", s.name).
			WithHint("The vendor's paging does not move, or the manifest's does not fit it.")
	}
	return next, nil
}
