package salesforce

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// graveColumns are read of deleted records: when they were deleted and what they were merged into.
func (s shape) graveColumns() string {
	names := []string{"Id", "IsDeleted", "SystemModstamp"}
	if s.merges {
		names = append(names, "MasterRecordId")
	}
	return strings.Join(names, ",")
}

// bin reads the records that were deleted or merged since the last round and lie in the recycle bin.
func (p *pull) bin(ctx context.Context) error {
	a, _, err := p.turn(ctx, func() (question, []string) {
		return question{object: p.shape.object, all: true, soql: "SELECT " + p.shape.graveColumns() + " FROM " + p.shape.object +
			" WHERE IsDeleted = true AND SystemModstamp >= " + moment(max(p.cur.since(), p.cur.Last)) + " ORDER BY SystemModstamp ASC, Id ASC"}, nil
	})
	if err != nil {
		return err
	}
	for _, raw := range a.Records {
		r, ok := p.shape.graves().restRow(raw)
		if !ok || r.text("Id") == "" {
			p.reject(raw)
			continue
		}
		p.cur.Last = max(p.cur.Last, r.micros("SystemModstamp"))
		p.page.Records = append(p.page.Records, p.record(r))
	}
	return p.onward(a)
}

// graves is the shape with the kinds of the columns that are read of deleted records, which an org may not list.
func (s shape) graves() shape {
	return shape{object: s.object, kinds: map[string]string{"Id": "id", "IsDeleted": "boolean", "SystemModstamp": "datetime", "MasterRecordId": "reference"}}
}

// deletions reads the log of deletions, which also names what was deleted for good. What it names is looked up in
// the recycle bin, as only that tells of merges; what is not there is gone for good; what lives was restored.
func (p *pull) deletions(ctx context.Context) error {
	start, end := time.UnixMicro(p.cur.Logged).Add(-overlap).UTC(), time.UnixMicro(p.cur.Start).UTC()
	const format = "2006-01-02T15:04:05+00:00"
	answer, err := p.conn.Do(ctx, rest.Call{
		Path:  p.conn.base + "/sobjects/" + url.PathEscape(p.shape.object) + "/deleted",
		Query: url.Values{"start": {start.Format(format)}, "end": {end.Format(format)}},
	})
	if canon.CodeOf(err) == "changes.horizon" {
		p.conn.log.Warn("Salesforce does not tell all deletions since the last round; reading everything again to find them", "stream", p.object.stream)
		p.cur.full(p.now)
		p.cur.Logged, p.page.More = p.cur.Start, true
		return nil
	}
	if err != nil {
		return about(p.shape.object, err)
	}
	var told struct {
		Records []struct {
			ID string `json:"id"`
			At string `json:"deletedDate"`
		} `json:"deletedRecords"`
		Covered string `json:"latestDateCovered"`
	}
	if err := json.Unmarshal(answer.Body, &told); err != nil || told.Covered == "" {
		return canon.Errorf("page.shape", "Salesforce's log of deletions of %s cannot be read", p.shape.object).WithHint("instance_url may lead elsewhere than to an org.")
	}
	when, ids := map[string]int64{}, []string{}
	for _, d := range told.Records {
		at, ok := parseTime(d.At)
		if id := long(d.ID); ok && isID(id) && when[id] == 0 {
			when[id] = at.UnixMicro()
			ids = append(ids, id)
		}
	}
	if err := p.graves(ctx, ids, when); err != nil {
		return err
	}
	if at, ok := parseTime(told.Covered); ok {
		p.cur.Logged = max(p.cur.Logged, min(at.UnixMicro(), p.cur.Start))
	}
	p.advance()
	return nil
}

// graves tells which of some records are gone, and how. when is the moment for those of which nothing is left.
func (p *pull) graves(ctx context.Context, ids []string, when map[string]int64) error {
	s := p.shape.graves()
	for _, part := range chunks(ids, inOne) {
		left := map[string]bool{}
		for _, id := range part {
			left[id] = true
		}
		if p.shape.bin {
			found, err := p.conn.everything(ctx, question{object: p.shape.object, all: true,
				soql: "SELECT " + p.shape.graveColumns() + " FROM " + p.shape.object + " WHERE Id IN " + list(part) + " ORDER BY Id ASC"})
			if err != nil {
				return err
			}
			for _, raw := range found {
				r, ok := s.restRow(raw)
				if !ok {
					continue
				}
				delete(left, long(r.text("Id")))
				if rec := p.record(r); rec.Deleted {
					p.page.Records = append(p.page.Records, rec)
				}
			}
		}
		for _, id := range part {
			if left[id] {
				p.page.Records = append(p.page.Records, canon.Record{
					Ref:     canon.Ref{Connection: p.conn.connection, Stream: p.object.stream, ID: id},
					Version: when[id], ObservedAt: p.now, Deleted: true, Reason: "deleted",
				})
			}
		}
	}
	return nil
}
