package identity

import (
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Truth is what is known of records for certain: which of them are one. Records go by their names: "system/id",
// "connection/stream/id", or the id alone.
type Truth struct {
	// cluster is the truth's name of a record's company or person.
	cluster map[string]string
	// judged are pairs that the truth tells of, by the names of both, the smaller first; nil where it tells of every
	// pair.
	judged map[[2]string]bool
	// pattern takes the cluster from the id itself.
	pattern *regexp.Regexp
}

// TruthByIDs returns the truth that ids carry: records are one whose ids agree in the pattern's first group, as
// `rec-(\d+)-` says of rec-7-org and rec-7-dup-0.
func TruthByIDs(pattern string) (*Truth, error) {
	p, err := regexp.Compile(pattern)
	if err != nil {
		return nil, canon.Errorf("usage", "the pattern of the truth's ids: %w", err).WithHint("write a regular expression with one group, such as 'rec-(\\d+)-'")
	}
	if p.NumSubexp() < 1 {
		return nil, canon.Errorf("usage", "the pattern %s of the truth's ids has no group", pattern).WithHint("put round brackets about what the ids of one person share, as in 'rec-(\\d+)-'")
	}
	return &Truth{pattern: p}, nil
}

// Names returns what a record goes by in a truth, the fullest first.
func (n *Node) Names() []string {
	return []string{n.Ref.String(), n.Ref.Connection + "/" + n.Ref.ID, n.Ref.ID}
}

// ByCluster reports whether every pair is told of, not only some.
func (t *Truth) ByCluster() bool { return t.judged == nil }

// Cluster returns what the truth calls a record's company or person; names are those the record goes by, the
// fullest first.
func (t *Truth) Cluster(names ...string) (string, bool) {
	for _, name := range names {
		if t.pattern != nil {
			if m := t.pattern.FindStringSubmatch(name); m != nil {
				return m[1], true
			}
			continue
		}
		if c, ok := t.cluster[name]; ok {
			return c, true
		}
	}
	return "", false
}

// Name returns the name by which the truth knows a record, "" for none.
func (t *Truth) Name(names []string) string {
	for _, name := range names {
		if _, ok := t.cluster[name]; ok {
			return name
		}
	}
	return ""
}

var (
	truthIDs      = columnNames("id recid recordid uniqueid rid key record ref sourceid contactid accountid")
	truthSystems  = columnNames("source system connection sourcedataset dataset sourcesystem table")
	truthClusters = columnNames("cluster clusterid entityid entity truth trueid truthid trueclusterid group groupid goldenid masterid personid")
	truthScores   = columnNames("clericalmatchscore match ismatch score label matchscore")
)

// ReadTruth reads a CSV file of truth: rows of a record's id and its cluster, in any order of columns, or pairs of
// ids as Splink writes its labels (unique_id_l, unique_id_r and clerical_match_score, which is a match from 0.5 on).
func ReadTruth(in io.Reader) (*Truth, error) {
	rows, head, err := openCSV(in)
	if err != nil {
		return nil, err
	}
	left, right := findColumn(head, truthIDs, "l", "1", "a"), findColumn(head, truthIDs, "r", "2", "b")
	if left >= 0 && right >= 0 && left != right {
		return readPairs(rows, head, left, right)
	}
	id, system, cluster := findColumn(head, truthIDs), findColumn(head, truthSystems), findColumn(head, truthClusters)
	if id < 0 || cluster < 0 {
		return nil, canon.Errorf("truth.columns", "the truth has the columns %s: none for the record's id and its cluster, and no pair of ids", strings.Join(head, ", ")).
			WithHint("name the columns id and cluster, or unique_id_l, unique_id_r and clerical_match_score")
	}
	t := &Truth{cluster: map[string]string{}}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, canon.Errorf("truth.read", "the truth cannot be read: %w", err)
		}
		if c := cell(row, cluster); c != "" {
			t.cluster[recordName(cell(row, system), cell(row, id))] = c
		}
	}
}

func recordName(system, id string) string {
	if system == "" {
		return id
	}
	return system + "/" + id
}

// readPairs reads labelled pairs. A list that names matches alone is taken for whole; one that names others too
// says nothing of pairs that are not in it.
func readPairs(rows *csv.Reader, head []string, left, right int) (*Truth, error) {
	systemL, systemR := findColumn(head, truthSystems, "l", "1", "a"), findColumn(head, truthSystems, "r", "2", "b")
	score := findColumn(head, truthScores)
	t := &Truth{cluster: map[string]string{}, judged: map[[2]string]bool{}}
	g := joined{parent: map[string]string{}}
	others := false
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, canon.Errorf("truth.read", "the truth cannot be read: %w", err)
		}
		a, b := recordName(cell(row, systemL), cell(row, left)), recordName(cell(row, systemR), cell(row, right))
		match, err := isMatch(cell(row, score))
		if err != nil {
			return nil, err
		}
		t.judged[[2]string{min(a, b), max(a, b)}] = match
		g.root(a)
		g.root(b)
		if match {
			g.join(a, b)
		} else {
			others = true
		}
	}
	for name := range g.parent {
		t.cluster[name] = g.root(name)
	}
	if !others {
		t.judged = nil
	}
	return t, nil
}

func isMatch(score string) (bool, error) {
	switch strings.ToLower(score) {
	case "", "true", "match", "yes", "y", "m":
		return true, nil
	case "false", "nonmatch", "non-match", "no", "n", "u", "distinct":
		return false, nil
	}
	v, err := strconv.ParseFloat(score, 64)
	if err != nil {
		return false, canon.Errorf("truth.score", "%q is no score of a pair", score).WithHint("write a number from 0 to 1; from 0.5 on the pair is a match")
	}
	return v >= 0.5, nil
}

// joined are groups of names that are joined pair by pair.
type joined struct{ parent map[string]string }

func (g joined) root(name string) string {
	p, ok := g.parent[name]
	if !ok {
		g.parent[name] = name
		return name
	}
	for p != name {
		name, p = p, g.parent[p]
	}
	return name
}

func (g joined) join(a, b string) {
	a, b = g.root(a), g.root(b)
	if a != b {
		g.parent[max(a, b)] = min(a, b)
	}
}
