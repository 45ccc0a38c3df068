package rest

import (
	"testing"
	"time"
)

// BenchmarkBudget is what a budget costs a call that need not wait, on all processors at once.
func BenchmarkBudget(b *testing.B) {
	budget := newBucket("default", 1e12, time.Second, 1000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			ticket, err := budget.wait(b.Context())
			if err != nil {
				b.Error(err)
				return
			}
			budget.settle(ticket, nil, verdictGood)
		}
	})
}
