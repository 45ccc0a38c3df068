package rest

import (
	"context"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// partsMax is how many values of a parent's page a cursor carries; a longer page is read again for the rest.
const partsMax = 250

// part is the partition that a cursor stands in.
type part struct {
	// Value is the partition's, Open says that the next one has yet to be found.
	Value string `json:"value,omitempty"`
	Open  bool   `json:"open,omitempty"`
	// Index is the place in a list of values.
	Index int `json:"index,omitempty"`
	// Rest are values of the parent's page still to come. Next is the parent's cursor to read then, After the
	// value behind which to go on there, End says that the parent has no more.
	Rest  []string     `json:"rest,omitempty"`
	Next  canon.Cursor `json:"next,omitempty"`
	After string       `json:"after,omitempty"`
	End   bool         `json:"end,omitempty"`
}

// enterPartition finds the partition to read for, and reports false where there is none left.
func (p *pull) enterPartition(ctx context.Context) (bool, error) {
	rule := p.st.Partitions
	if p.cur.Part == nil {
		p.cur.Part = &part{Open: true, Index: -1}
		if rule.Changed && p.cur.Phase == phaseChanges {
			p.cur.Part.Next = p.cur.Parent
		}
	}
	pt := *p.cur.Part // the cursor that came in must stay as it was
	p.cur.Part = &pt
	if !pt.Open {
		return true, nil
	}
	if rule.Parent == "" {
		return p.enterListed(ctx, &pt)
	}
	for len(pt.Rest) == 0 && !pt.End {
		if err := p.parentPage(ctx, &pt); err != nil {
			return false, err
		}
	}
	if len(pt.Rest) == 0 {
		p.parentEnds(&pt)
		return false, nil
	}
	pt.Value, pt.Rest, pt.Open = pt.Rest[0], slices.Clone(pt.Rest[1:]), false
	return true, nil
}

func (p *pull) enterListed(ctx context.Context, pt *part) (bool, error) {
	values, err := p.partitionValues(ctx)
	if err != nil {
		return false, err
	}
	// A list that changed meanwhile goes on behind the value that was read last.
	at := pt.Index + 1
	if i := slices.Index(values, pt.Value); i >= 0 && pt.Index >= 0 {
		at = i + 1
	}
	if at >= len(values) {
		return false, nil
	}
	pt.Value, pt.Index, pt.Open = values[at], at, false
	return true, nil
}

// partitionValues lists the values that stand in the spec, or that the vendor or the settings tell.
func (p *pull) partitionValues(ctx context.Context) ([]string, error) {
	var out []string
	sc := p.conn.scope(p.st.Name, cursor{})
	for _, v := range p.st.Partitions.List {
		name, isList := strings.CutPrefix(strings.TrimSuffix(v, "}"), "${list.")
		if isList {
			names, err := p.conn.list(ctx, name)
			if err != nil {
				return nil, err
			}
			out = append(out, names...)
			continue
		}
		for one := range strings.SplitSeq(sc.expand(v, nil), ",") {
			if one = strings.TrimSpace(one); one != "" {
				out = append(out, one)
			}
		}
	}
	return out, nil
}

// parentPage reads a page of the parent stream and takes its values in. Deleted records have none.
func (p *pull) parentPage(ctx context.Context, pt *part) error {
	page, err := p.conn.pull(ctx, p.st.Partitions.Parent, pt.Next)
	if err != nil {
		return err
	}
	var values []string
	for _, rec := range page.Records {
		if rec.Deleted {
			continue
		}
		value := rec.ID
		if path := p.st.Partitions.Value; path != "" {
			value = text(gjson.GetBytes(rec.Raw, path))
		}
		if value != "" && !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	// The value may be gone from the page meanwhile: then all of it is read again.
	if i := slices.Index(values, pt.After); i >= 0 {
		values = values[i+1:]
	}
	if len(values) > partsMax {
		pt.Rest, pt.After = values[:partsMax:partsMax], values[partsMax-1]
		return nil
	}
	pt.Rest, pt.After, pt.Next, pt.End = values, "", page.Next, !page.More
	return nil
}

// nextPartition moves on to the next partition of the phase, if there may be one.
func (p *pull) nextPartition() bool {
	if p.st.Partitions == nil || p.cur.Part == nil {
		return false
	}
	pt := *p.cur.Part
	if p.st.Partitions.Parent != "" && len(pt.Rest) == 0 && pt.End {
		p.parentEnds(&pt)
		return false
	}
	pt.Open = true
	p.cur.restart()
	p.cur.Seen, p.cur.SeenAt, p.cur.Edge, p.cur.EdgeNext = nil, 0, nil, nil
	p.cur.Part, p.cur.Since = &pt, p.cur.Begin
	p.cur.Until = p.cur.pieceEnd(p.st, p.loc)
	return true
}

// parentEnds keeps where the parent's changes go on in the next round.
func (p *pull) parentEnds(pt *part) {
	if p.cur.Phase == phaseFull || p.cur.Phase == phaseChanges {
		p.cur.Parent = pt.Next
	}
}
