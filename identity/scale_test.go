package identity

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// companiesOfFiveSystems returns the nodes of n records: companies of a CRM and what four other systems know of some
// of them, by domain, mailbox, reference or VAT id, or by nothing.
func companiesOfFiveSystems(n int) []Node {
	out := make([]Node, 0, n)
	for i := 0; len(out) < n; i++ {
		domain := fmt.Sprintf("firm-%d.com", i)
		if i%10 == 0 {
			domain = "gmail.com"
		}
		vat := fmt.Sprintf("DE%09d", 100_000_000+i)
		crm := fmt.Sprint(i)
		add := func(connection, stream string, b canon.Company, same ...canon.Ref) {
			if len(out) == n {
				return
			}
			e := canon.Entity{Kind: canon.KindCompany, Ref: canon.Ref{Connection: connection, Stream: stream, ID: crm}, CreatedAt: day(1 + i%20), SameAs: same, Body: &b}
			out = append(out, NewNode(e, day(28)))
		}
		add("crm", "companies", canon.Company{Name: "Firm " + crm, Domains: []string{domain}, VATID: vat})
		add("desk", "orgs", canon.Company{Name: "Firm " + crm, Domains: []string{domain}})
		if i%3 == 0 {
			add("stripe", "customers", canon.Company{Email: "billing@" + domain})
		}
		if i%3 == 1 {
			add("books", "customers", canon.Company{VATID: vat})
		}
		if i%4 == 0 {
			add("product", "accounts", canon.Company{Name: crm}, canon.Ref{Connection: "crm", Stream: "companies", ID: crm})
		}
	}
	return out
}

// peak returns fn's time, and the most memory that was in use during it beyond what was before. The collector runs
// often, so that what is counted is used and not left over.
func peak(fn func()) (time.Duration, uint64) {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	start := time.Now()
	fn()
	took := time.Since(start)
	close(stop)
	<-done
	runtime.ReadMemStats(&m)
	return took, max(most, m.HeapAlloc) - before
}

// TestScale clusters many records at once. HUB_TEST_SCALE raises their number to a million, as a dry run of other
// rules over everything may have.
func TestScale(t *testing.T) {
	n, budget := 50_000, uint64(60<<20)
	if os.Getenv("HUB_TEST_SCALE") != "" {
		n, budget = 1_000_000, 600<<20
	}
	nodes := companiesOfFiveSystems(n)
	var clusters []Cluster
	took, memory := peak(func() { clusters = new(Rules).Cluster(nodes, Known{}) })
	members, linked := 0, 0
	for _, c := range clusters {
		members += len(c.Members)
		if len(c.Members) > 1 {
			linked += len(c.Members)
		}
	}
	t.Logf("%d records, %d customers, %d linked: %s, %s a record, %d MB", n, len(clusters), linked, took.Round(time.Millisecond), took/time.Duration(n), memory>>20)
	if members != n || linked < n/2 {
		t.Errorf("%d members of %d records, %d linked", members, n, linked)
	}
	if memory > budget {
		t.Errorf("%d MB, want at most %d", memory>>20, budget>>20)
	}
}

// BenchmarkCluster clusters from one record, as of most changes, to many.
func BenchmarkCluster(b *testing.B) {
	for _, n := range []int{1, 5, 100, 10_000} {
		nodes := companiesOfFiveSystems(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				new(Rules).Cluster(nodes, Known{})
			}
		})
	}
}
