package identity

import (
	"maps"
	"slices"
	"strings"
)

// Changes are how one outcome differs from another. All lists are sorted.
type Changes struct {
	// Merges are customers that came together, Splits those that came apart. Where members of several customers are
	// dealt out anew, the same entities are in both.
	Merges []Merge `json:"merges,omitempty"`
	Splits []Split `json:"splits,omitempty"`
	// Renamed are customers that have the same entities under another id.
	Renamed []Rename `json:"renamed,omitempty"`
	// Added and Gone are entities that only the one outcome knows; Moved counts those whose customer has another id.
	Added []string `json:"added,omitempty"`
	Gone  []string `json:"gone,omitempty"`
	Moved int      `json:"moved"`
}

// Merge is a customer after, and those before whose entities it has.
type Merge struct {
	Into string   `json:"into"`
	From []string `json:"from"`
	// Entities are keys of those that it has from others than the one of its own id.
	Entities []string `json:"entities"`
}

// Split is a customer before, and those after that have its entities.
type Split struct {
	From string   `json:"from"`
	Into []string `json:"into"`
	// Entities are keys of those that are now with others than the one of its own id.
	Entities []string `json:"entities"`
}

// Rename is a customer's change of id.
type Rename struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Empty reports whether the outcomes are equal.
func (c Changes) Empty() bool {
	return c.Moved == 0 && len(c.Added) == 0 && len(c.Gone) == 0
}

// Compare tells two outcomes apart. Each gives the customer id of every entity key; an id of "" is none.
func Compare(before, after map[string]string) Changes {
	var c Changes
	// from and to hold the ids that a customer's entities come from and go to; taken and left the entities of those
	// whose ids differ.
	from, to := map[string]map[string]bool{}, map[string]map[string]bool{}
	taken, left := map[string][]string{}, map[string][]string{}
	for entity, was := range before {
		is := after[entity]
		switch {
		case was == "":
			continue
		case is == "":
			c.Gone = append(c.Gone, entity)
			continue
		case was != is:
			c.Moved++
			taken[is] = append(taken[is], entity)
			left[was] = append(left[was], entity)
		}
		note(from, is, was)
		note(to, was, is)
	}
	for entity, is := range after {
		if is != "" && before[entity] == "" {
			c.Added = append(c.Added, entity)
		}
	}
	for id, ids := range from {
		if len(ids) > 1 {
			c.Merges = append(c.Merges, Merge{Into: id, From: slices.Sorted(maps.Keys(ids)), Entities: distinct(taken[id])})
		}
	}
	for id, ids := range to {
		several := slices.Sorted(maps.Keys(ids))
		if len(several) > 1 {
			c.Splits = append(c.Splits, Split{From: id, Into: several, Entities: distinct(left[id])})
		} else if several[0] != id && len(from[several[0]]) == 1 {
			c.Renamed = append(c.Renamed, Rename{From: id, To: several[0]})
		}
	}
	slices.Sort(c.Added)
	slices.Sort(c.Gone)
	slices.SortFunc(c.Merges, func(a, b Merge) int { return strings.Compare(a.Into, b.Into) })
	slices.SortFunc(c.Splits, func(a, b Split) int { return strings.Compare(a.From, b.From) })
	slices.SortFunc(c.Renamed, func(a, b Rename) int { return strings.Compare(a.From, b.From) })
	return c
}

func note(of map[string]map[string]bool, id, other string) {
	if of[id] == nil {
		of[id] = map[string]bool{}
	}
	of[id][other] = true
}
