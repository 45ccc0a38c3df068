package rest

import (
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// due says whether enough of the list was read to restart it.
func (r *Reset) due(paging Paging, cur cursor) bool {
	return (r.Records > 0 && cur.Count >= r.Records) || (paging.MaxPages > 0 && cur.Pages >= paging.MaxPages)
}

// turn moves the cursor behind a page of a list that restarts by time. Three states follow each other: reading
// the list page by page; restarting it at the last modification time seen, inclusively, minus what was
// seen at that very time; and, where a whole stretch shares one time so that a restart would not move,
// draining that time by id.
func (p *pull) turn(f fetched, feed Feed, r *Reset) error {
	newest := p.newest(f.items, r)
	p.cur.Count += f.count
	p.cur.Pages++
	p.dropSeen(f.items, r, newest)
	if p.cur.Tie > 0 {
		return p.turnTie(f, feed, r)
	}
	token, more := feed.Paging.next(f, p.cur.Token, p.now)
	if !more {
		p.page.More = p.advance()
		return nil
	}
	p.page.More = true
	if !r.due(feed.Paging, p.cur) || newest == 0 {
		if p.cur.Guard.repeats(feed.Paging.signature(f, token)) {
			return loopError(p.st.Name)
		}
		p.cur.Token = token
		return nil
	}
	step := r.step()
	if newest < p.cur.Since/step*step {
		// The vendor answers with older records than asked for: restarting would never end.
		return loopError(p.st.Name)
	}
	tie := int64(0)
	stuck := newest/step == p.cur.Since/step
	if stuck || (r.Ties != nil && p.oneMoment(f.items, r, newest)) {
		tie = newest
	}
	if stuck && r.Ties == nil {
		return canon.Errorf("page.cap", "more records of %s share the moment %s than the vendor lists at once", p.st.Name, micros(newest).Format(time.RFC3339)).
			WithHint("The connector needs reset.ties: how to read one moment's records by id.")
	}
	p.cur.restart()
	p.cur.Tie, p.cur.Since = tie, newest
	return nil
}

func (r *Reset) step() int64 {
	return max(time.Duration(or(r.Step, Duration(time.Second))).Microseconds(), 1)
}

// turnTie goes on with draining one moment, or leaves it for the window behind it.
func (p *pull) turnTie(f fetched, feed Feed, r *Reset) error {
	p.page.More = true
	token, more := feed.Paging.next(f, p.cur.Token, p.now)
	if !more {
		since := p.cur.Tie + r.step()
		p.cur.restart()
		p.cur.Since = since
		return nil
	}
	if token == "" || p.cur.Guard.repeats(token) {
		return loopError(p.st.Name)
	}
	p.cur.Token = token
	return nil
}

// restartByID begins the list anew behind the last record's key.
func (p *pull) restartByID(f fetched) error {
	if f.lastKey == "" || f.lastKey == p.cur.Key {
		return loopError(p.st.Name)
	}
	p.cur.restart()
	p.cur.Key = f.lastKey
	return nil
}

func (p *pull) newest(items []gjson.Result, r *Reset) int64 {
	var most int64
	for _, item := range items {
		most = max(most, modified(item, r))
	}
	return most
}

// oneMoment reports whether a whole page shares its modification time: then there are likely many more.
func (p *pull) oneMoment(items []gjson.Result, r *Reset, newest int64) bool {
	return len(items) > 1 && modified(items[0], r) == newest
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

// leaveTold leaves out records that the round has told: at the edge of two windows, and in the delayed pass.
func (p *pull) leaveTold() {
	stepped := p.cur.Phase != phaseFull && (p.cur.Until < p.cur.End || len(p.cur.Edge) > 0)
	delays := p.st.Delayed != nil && (p.cur.Phase == phaseChanges || p.cur.Phase == phaseDelayed)
	if !stepped && !delays {
		return
	}
	var edge, told []string
	p.page.Records = slices.DeleteFunc(p.page.Records, func(rec canon.Record) bool {
		m := mark(rec)
		if slices.Contains(p.cur.Edge, m) || (p.cur.Phase == phaseDelayed && slices.Contains(p.cur.Told, m)) {
			return true
		}
		if stepped && rec.Version >= p.cur.Until-time.Second.Microseconds() {
			edge = append(edge, m)
		}
		if delays && p.cur.Phase == phaseChanges && !slices.Contains(p.cur.Told, m) {
			told = append(told, m)
		}
		return false
	})
	p.cur.EdgeNext = remember(p.cur.EdgeNext, edge)
	p.cur.Told = remember(p.cur.Told, told)
}
