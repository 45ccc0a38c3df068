package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

func (r relation) shape() shape {
	s := shape{object: r.object, kinds: map[string]string{}, columns: r.columns}
	for _, col := range r.columns {
		s.kinds[col.name] = col.kind
	}
	return s
}

// absent reports errors that say that the org has no such object or shows none of it. What is related is then left
// out, as an org may do without it.
func absent(err error) bool {
	return slices.Contains([]string{"object.missing", "auth.forbidden", "field.unknown"}, canon.CodeOf(err))
}

// relate merges the lists of related records into the rows, and returns the newest modification time among a row's
// related records, deleted ones included, by the row's id.
func (p *pull) relate(ctx context.Context, rows []row) (map[string]int64, error) {
	stamps := map[string]int64{}
	if len(rows) == 0 {
		return stamps, nil
	}
	for _, rel := range p.object.related {
		lists, err := p.lists(ctx, rel, rows, stamps)
		if absent(err) {
			p.conn.log.Warn("what belongs to the records is left out", "stream", p.object.stream, "what", rel.object, "because", canon.AsError(err).Message)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			r[rel.member] = array(lists[long(r.text("Id"))])
		}
	}
	return stamps, nil
}

func array(list []json.RawMessage) json.RawMessage {
	return append(append([]byte{'['}, bytes.Join(plainBytes(list), []byte{','})...), ']')
}

func plainBytes(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// lists reads the related records of some rows, by the rows' ids, in the order of their own ids.
func (p *pull) lists(ctx context.Context, rel relation, rows []row, stamps map[string]int64) (map[string][]json.RawMessage, error) {
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.text("Id"))
	}
	s, out := rel.shape(), map[string][]json.RawMessage{}
	for _, part := range chunks(ids, inOne) {
		soql := "SELECT " + strings.Join(s.names(), ",") + " FROM " + rel.object + " WHERE " + rel.parent + " IN " + list(part) + " ORDER BY " + rel.parent + " ASC, Id ASC"
		found, err := p.conn.everything(ctx, question{object: rel.object, soql: soql, all: true})
		if err != nil {
			return nil, err
		}
		for _, raw := range found {
			r, ok := s.restRow(raw)
			if !ok {
				continue
			}
			parent := r.text(rel.parent)
			stamps[parent] = max(stamps[parent], r.micros("SystemModstamp"))
			if string(r["IsDeleted"]) == "true" {
				continue
			}
			delete(r, rel.parent)
			delete(r, "IsDeleted")
			out[parent] = append(out[parent], r.json())
		}
	}
	return out, nil
}

// touched reads the records whose related records were modified, as that leaves their own modification time alone.
func (p *pull) touched(ctx context.Context) error {
	for _, rel := range p.object.related {
		if !rel.touches {
			continue
		}
		a, _, err := p.turn(ctx, func() (question, []string) {
			from := max(p.cur.since(), p.cur.Last)
			return question{object: rel.object, all: true, soql: "SELECT Id," + rel.parent + ",SystemModstamp FROM " + rel.object +
				" WHERE SystemModstamp >= " + moment(from) + " ORDER BY SystemModstamp ASC, Id ASC"}, nil
		})
		if absent(err) {
			break
		}
		if err != nil {
			return err
		}
		var ids []string
		s := rel.shape()
		for _, raw := range a.Records {
			if r, ok := s.restRow(raw); ok && isID(r.text(rel.parent)) {
				ids = append(ids, r.text(rel.parent))
				p.cur.Last = max(p.cur.Last, r.micros("SystemModstamp"))
			}
		}
		slices.Sort(ids)
		if err := p.living(ctx, slices.Compact(ids)); err != nil {
			return err
		}
		return p.onward(a)
	}
	p.advance()
	return nil
}

// living reads records by id as they are now, and returns nothing about those that are gone.
func (p *pull) living(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := p.conn.retrieve(ctx, p.shape.object, ids, p.shape.names())
	if err != nil {
		return err
	}
	var rows []row
	for _, id := range ids {
		if r, ok := p.shape.restRow(orNull(found[long(id)])); ok {
			rows = append(rows, r)
		}
	}
	return p.tell(ctx, rows)
}
