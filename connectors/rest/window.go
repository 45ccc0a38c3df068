package rest

import (
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// reset returns the rule for restarting the window that the cursor stands in, nil where none applies.
func (p *pull) reset() *Reset {
	if p.cur.Phase != phaseChanges || p.st.Changes == nil {
		return nil
	}
	return p.st.Changes.Reset
}

// turn moves the cursor behind a page of a window that restarts. Three states follow each other: reading
// the window page by page; restarting it at the last modification time seen, inclusively, minus what was
// seen at that very time; and, where a whole stretch shares one time so that a restart would not move,
// draining that time by id.
func (p *pull) turn(f fetched, feed Feed, r *Reset) error {
	newest := p.newest(f.items, r)
	p.cur.Count += len(f.items)
	p.dropSeen(f.items, r, newest)
	if p.cur.Tie > 0 {
		return p.turnTie(f, feed, r)
	}
	token, more := feed.Paging.next(f, p.cur.Token, p.now)
	if !more {
		p.page.More = p.cur.advance(p.st)
		return nil
	}
	p.page.More = true
	if p.cur.Count < r.Records || newest == 0 {
		if p.cur.Guard.repeats(feed.Paging.signature(f, token)) {
			return loopError(p.st.Name)
		}
		p.cur.Token = token
		return nil
	}
	step := time.Duration(r.Step).Microseconds()
	if newest < p.cur.Since/step*step {
		// The vendor answers with older records than asked for: restarting would never end.
		return loopError(p.st.Name)
	}
	if newest/step == p.cur.Since/step {
		p.cur.Tie = newest
	}
	p.cur.Since, p.cur.Token, p.cur.Count, p.cur.Guard = newest, "", 0, guard{}
	return nil
}

// turnTie goes on with draining one moment, or leaves it for the window behind it.
func (p *pull) turnTie(f fetched, feed Feed, r *Reset) error {
	p.page.More = true
	token, more := feed.Paging.next(f, p.cur.Token, p.now)
	if !more {
		p.cur.Since = p.cur.Tie + time.Duration(r.Step).Microseconds()
		p.cur.Tie, p.cur.Token, p.cur.Count, p.cur.Guard = 0, "", 0, guard{}
		return nil
	}
	if token == "" || p.cur.Guard.repeats(token) {
		return loopError(p.st.Name)
	}
	p.cur.Token = token
	return nil
}

func (p *pull) newest(items []gjson.Result, r *Reset) int64 {
	var most int64
	for _, item := range items {
		most = max(most, modified(item, r))
	}
	return most
}

func modified(item gjson.Result, r *Reset) int64 {
	t, ok := parseTime(text(item.Get(r.Path)), "auto")
	if !ok {
		return 0
	}
	return t.UnixMicro()
}

// dropSeen removes the records that were told at the window's last moment, and remembers those of this
// page's.
func (p *pull) dropSeen(items []gjson.Result, r *Reset, newest int64) {
	at := map[string]int64{}
	for _, item := range items {
		at[text(item.Get(p.st.ID))] = modified(item, r)
	}
	var boundary []string
	p.page.Records = slices.DeleteFunc(p.page.Records, func(rec canon.Record) bool {
		m := mark(rec)
		known := slices.Contains(p.cur.Seen, m)
		if at[rec.ID] == newest && !known {
			boundary = append(boundary, m)
		}
		return known
	})
	if newest != p.cur.SeenAt && len(items) > 0 {
		p.cur.Seen, p.cur.SeenAt = nil, newest
	}
	p.cur.Seen = remember(p.cur.Seen, boundary)
}
