package identity

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestPrecision links a thousand synthetic persons with typos and blanks by their exact address and counts the
// pairs against the truth.
func TestPrecision(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "shared", "data", "identity", "splink", "fake_1000.csv"))
	if err != nil {
		t.Skipf("precision was not measured: it needs the shared folder beside the repository (%v)", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	truth := map[string]string{}
	var people []Node
	for _, row := range rows[1:] {
		e := contact("list/people/"+row[column["unique_id"]], true, row[column["email"]])
		people = append(people, NewNode(e, time.Time{}))
		truth[e.Key()] = row[column["cluster"]]
	}
	rules := Rules{Single: map[string]bool{"list/people": false}}
	var right, linked, pairs int
	for _, c := range rules.Cluster(people, Known{}) {
		for i, a := range c.Members {
			for _, b := range c.Members[:i] {
				linked++
				if truth[a.Key] == truth[b.Key] {
					right++
				}
			}
		}
	}
	sizes := map[string]int{}
	for _, cluster := range truth {
		pairs += sizes[cluster]
		sizes[cluster]++
	}
	precision, recall := float64(right)/float64(linked), float64(right)/float64(pairs)
	t.Logf("%d of %d pairs linked, %d of them rightly: precision %.3f, recall %.3f", linked, pairs, right, precision, recall)
	if precision < 0.99 || recall < 0.3 {
		t.Errorf("precision %.3f and recall %.3f, want at least 0.99 and 0.30", precision, recall)
	}
}
