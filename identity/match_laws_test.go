package identity

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// anyPerson draws a person with few values, whole or garbled, so that records are alike.
func anyPerson(t *rapid.T, id int) Node {
	some := func(name string, of ...string) string { return rapid.SampledFrom(append(of, "")).Draw(t, name) }
	b := canon.Contact{
		FirstName: some("given", "Robert", "Bob", "Robrt", "Ana", "R", "Müller", "Anna Maria"), LastName: some("surname", "Müller", "Mueller", "Smith", "Robert", "Smith-Jones", "van der Berg", "Ли"),
		BirthDate: some("born", "1980-03-12", "12/03/1980", "1980", "19800321", "2001-01-30"), PostalCode: some("post", "10115", "10151", "HU1 2AB"), City: some("city", "Berlin", "Berln", "Hull"),
		Street: some("street", "Hauptstr. 5", "5 Haupt Street", "Mill Lane 7"), Phone: some("phone", "+49 30 1234567", "030 1234567", "0777123456"), NationalID: some("nation", "7125552", "7125525"),
		Country: some("country", "DE", "Germany", "GB"),
	}
	if m := some("mail", "rob@web.de", "rob@wbe.de", "ana.m@gmail.com"); m != "" {
		b.Emails = []string{m}
	}
	return person(fmt.Sprintf("%s/people/%d", rapid.SampledFrom([]string{"crm", "shop"}).Draw(t, "system"), id), b)
}

func anyFirm(t *rapid.T, id int) Node {
	some := func(name string, of ...string) string { return rapid.SampledFrom(append(of, "")).Draw(t, name) }
	b := canon.Company{
		Name: some("name", "Acme Logistik GmbH", "ACME Logistics", "Acme", "I.B.M.", "International Business Machines", "Acme France SAS", "Akme Logistik", "株式会社"), City: some("city", "Berlin", "Lyon"),
		Country: some("country", "DE", "France"), Phone: some("phone", "+49 30 1234567", "030 1234567"), VATID: some("vat", "DE123456789", "DE123456798"), PostalCode: some("post", "10115", "69001"),
		Email: some("mail", "info@acme.de", "ap@acme.fr"), RegistrationID: some("reg", "HRB 12345", "HRB12354"), Street: some("street", "Hauptstr. 5", "5 Haupt Street"),
	}
	if d := some("domain", "acme.de", "acme.com"); d != "" {
		b.Domains = []string{d}
	}
	return firm(fmt.Sprintf("%s/firms/%d", rapid.SampledFrom([]string{"crm", "shop"}).Draw(t, "system"), id), b)
}

func anyLike(t *rapid.T, kind string, id int) Node {
	if kind == "person" {
		return anyPerson(t, id)
	}
	return anyFirm(t, id)
}

func TestMatchIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"person", "company"}).Draw(t, "kind")
		r, _ := Pack("person")
		a, b := anyLike(t, kind, 1), anyLike(t, kind, 2)
		x, okX := r.Explain(a, b)
		y, okY := r.Explain(b, a)
		if diff := cmp.Diff(x, y); diff != "" || okX != okY {
			t.Fatalf("a pair and its reverse differ:\n%s", diff)
		}
		if okX && (x.Score < 0 || x.Score > 1) {
			t.Fatalf("score %v", x.Score)
		}
		if contradict(new(r.Prepare(a)), new(r.Prepare(b))) != contradict(new(r.Prepare(b)), new(r.Prepare(a))) {
			t.Fatal("a contradiction has a direction")
		}
	})
}

func TestBlocksDependOnTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"person", "company"}).Draw(t, "kind")
		r, _ := Pack(rapid.SampledFrom([]string{"person", "company"}).Draw(t, "pack"))
		a := anyLike(t, kind, 1)
		same := a
		same.Ref, same.Key = ref("elsewhere/list/9"), "elsewhere/list/9#x"
		keys := r.Blocks(a)
		if diff := cmp.Diff(keys, r.Blocks(same)); diff != "" {
			t.Fatalf("blocks of the same values:\n%s", diff)
		}
		if len(keys) > maxBlocks || !slices.IsSorted(keys) || slices.ContainsFunc(keys, func(k string) bool { return !strings.HasPrefix(k, blkPrefix) }) {
			t.Fatalf("blocks %v", keys)
		}
	})
}

// TestOrderOfLikeRecords shuffles records that are linked by likeness.
func TestOrderOfLikeRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"person", "company"}).Draw(t, "kind")
		r, _ := Pack("person")
		// A threshold that many pairs reach, so that they compete.
		r.Matching.Auto = 0.9
		r.Single = map[string]bool{"crm/people": rapid.Bool().Draw(t, "single")}
		var all []Node
		for i := range rapid.IntRange(2, 9).Draw(t, "records") {
			all = append(all, anyLike(t, kind, i))
		}
		want := r.Cluster(all, Known{})
		shuffled := rapid.Permutation(all).Draw(t, "order")
		if diff := cmp.Diff(want, r.Cluster(shuffled, Known{})); diff != "" {
			t.Fatalf("clusters (-one order +another):\n%s", diff)
		}
		if diff := cmp.Diff(byKey(all, r.Try(all, Known{}).Proposed), byKey(shuffled, r.Try(shuffled, Known{}).Proposed)); diff != "" {
			t.Fatalf("proposals (-one order +another):\n%s", diff)
		}
	})
}

// byKey tells who is with whom, whatever the clusters are called.
func byKey(nodes []Node, outcome []string) map[string]string {
	first := map[string]string{}
	for i, n := range nodes {
		if old, ok := first[outcome[i]]; !ok || n.Key < old {
			first[outcome[i]] = n.Key
		}
	}
	out := map[string]string{}
	for i, n := range nodes {
		out[n.Key] = first[outcome[i]]
	}
	return out
}

// TestEveryPairOnce holds the candidates of many against comparing all with all.
func TestEveryPairOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, _ := Pack("person")
		r.Matching.Propose = 0.3
		var all []Node
		for i := range rapid.IntRange(2, 8).Draw(t, "records") {
			all = append(all, anyPerson(t, i))
		}
		got := map[string]int{}
		r.eachPair(r.prepareAll(all), nil, func(_, _ int32, c canon.Candidate) { got[c.ID]++ })
		want := map[string]int{}
		for i, a := range all {
			for _, b := range all[:i] {
				if c, ok := r.Match(a, b); ok && slices.ContainsFunc(r.Blocks(a), func(k string) bool { return slices.Contains(r.Blocks(b), k) }) {
					want[c.ID] = 1
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("candidates (-all with all +blocks):\n%s", diff)
		}
	})
}

func TestContradictionsStayApart(t *testing.T) {
	r := pack(t, "person")
	// The record without a given name is like both spouses, who are not one.
	all := []Node{
		person("crm/people/1", canon.Contact{FirstName: "Anton", LastName: "Limaverde", Phone: "+49 30 1234567", Emails: []string{"limaverde@web.de"}, City: "Köln"}),
		person("shop/people/2", canon.Contact{FirstName: "Beatrix", LastName: "Limaverde", Phone: "+49 30 1234567", Emails: []string{"limaverde@web.de"}, City: "Köln"}),
		person("pay/people/3", canon.Contact{LastName: "Limaverde", Phone: "+49 30 1234567", Emails: []string{"limaverde@web.de"}, City: "Köln"}),
	}
	trial := r.Try(all, Known{})
	if trial.Proposed[0] == trial.Proposed[1] {
		t.Errorf("spouses became one: %v", trial.Proposed)
	}
	if len(trial.Candidates) != 2 {
		t.Errorf("%d proposals, want each spouse with the record of either", len(trial.Candidates))
	}
}

func BenchmarkMatch(b *testing.B) {
	r, _ := Pack("person")
	x := r.Prepare(person("crm/people/1", canon.Contact{FirstName: "Robert", LastName: "Oakenhurst", BirthDate: "1980-03-12", Emails: []string{"rob@web.de"}, City: "Hull", PostalCode: "HU1 2AB"}))
	y := r.Prepare(person("shop/people/1", canon.Contact{FirstName: "Rupert", LastName: "Oakhurst", BirthDate: "1981-04-12", Emails: []string{"rupert@web.de"}, City: "Leeds", PostalCode: "LS1 2AB"}))
	b.ReportAllocs()
	for b.Loop() {
		r.MatchPrepared(&x, &y)
	}
}
