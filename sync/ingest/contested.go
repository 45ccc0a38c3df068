package ingest

import (
	"maps"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

const (
	// fewClaims is up to how many records that hold contested evidence each pair of them is a candidate; of more, only
	// the pairs with the first.
	fewClaims = 8
	// contestedWords begins what is said of contested evidence, and nothing else.
	contestedWords = "contested: "
)

// claim is contested evidence that two entities share.
type claim struct {
	words []string
	rank  int
}

// claims returns what is contested among the clusters, by the pairs that it concerns.
func (l *likes) claims() map[[2]int64]claim {
	out := map[[2]int64]claim{}
	var byRef map[string][]*canon.StoredEntity
	for _, c := range l.clusters {
		if len(c.Contested) > 0 && byRef == nil {
			byRef = l.refs()
		}
		for _, con := range c.Contested {
			kind := l.resolution.members[c.Members[0].Key].Entity.Kind
			var held []*canon.StoredEntity
			for _, ref := range con.Refs {
				held = append(held, byRef[string(kind)+ref.String()]...)
			}
			l.claim(out, held, con)
		}
	}
	return out
}

// refs returns the members of the clusters by kind and record.
func (l *likes) refs() map[string][]*canon.StoredEntity {
	out := map[string][]*canon.StoredEntity{}
	for _, key := range slices.Sorted(maps.Keys(l.resolution.members)) {
		e := l.resolution.members[key]
		at := string(e.Entity.Kind) + e.Entity.Ref.String()
		out[at] = append(out[at], e)
	}
	return out
}

func (l *likes) claim(out map[[2]int64]claim, held []*canon.StoredEntity, con canon.Contested) {
	slices.SortFunc(held, func(a, b *canon.StoredEntity) int { return strings.Compare(a.Entity.Key(), b.Entity.Key()) })
	held = slices.Compact(held)
	words := contestedWords + con.Key + ". " + con.Reason
	for i, a := range held {
		if i > 0 && len(held) > fewClaims {
			break
		}
		for _, b := range held[i+1:] {
			if a.Cluster == b.Cluster || a.Entity.Deleted || b.Entity.Deleted {
				continue
			}
			c, there := out[pair(a, b)]
			if rank := rankOf(con.Key); !there || rank < c.rank {
				c.rank = rank
			}
			if !slices.Contains(c.words, words) {
				c.words = append(c.words, words)
			}
			slices.Sort(c.words)
			out[pair(a, b)] = c
			l.compared[a.Row], l.compared[b.Row] = a, b
		}
	}
}

// rankOf returns the place on the ladder of evidence that is told in words.
func rankOf(words string) int {
	switch kind, _, _ := strings.Cut(words, " "); kind {
	case "email":
		return 4
	case "domain":
		return 6
	default:
		return 3
	}
}

// contest adds what is contested: as it was found now, or as it is stored of pairs that were not clustered both.
func (l *likes) contest(claims map[[2]int64]claim) {
	for at, c := range l.kept {
		if !c.Contested || l.clustered(at) || l.byRow[at[0]] == nil || l.byRow[at[1]] == nil {
			continue
		}
		was := claim{rank: c.Rank}
		for _, w := range c.Why {
			if strings.HasPrefix(w, contestedWords) {
				was.words = append(was.words, w)
			}
		}
		claims[at] = was
	}
	for at, c := range claims {
		w, there := l.wanted[at]
		score := 1 - float64(c.rank)/20
		if !there {
			w = l.candidate(at, canon.Candidate{Rank: c.rank})
		}
		w.Contested, w.Rank, w.Score = true, min(w.Rank, c.rank), max(w.Score, score)
		w.Why = append(slices.Clone(c.words), w.Why...)
		l.wanted[at] = w
	}
}
