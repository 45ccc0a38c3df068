package mapping_test

import (
	"encoding/json"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/mapping"
)

type price struct {
	Amount   int64  `json:"unit_amount"`
	Currency string `json:"currency"`
	Every    struct {
		Interval string `json:"interval"`
		Count    int64  `json:"interval_count"`
		Usage    string `json:"usage_type"`
	} `json:"recurring"`
}

type item struct {
	Quantity int64 `json:"quantity"`
	Price    price `json:"price"`
}

// mrrOf maps a subscription with the items and returns its recurring revenue.
func mrrOf(t *rapid.T, m *mapping.Map, items []item) canon.Money {
	raw, err := json.Marshal(map[string]any{"status": "active", "items": map[string]any{"data": items}})
	if err != nil {
		t.Fatal(err)
	}
	entities, letters := m.Apply(canon.Record{Ref: canon.Ref{Connection: "c", Stream: "subscriptions", ID: "1"}, Raw: raw})
	if len(entities) != 1 || len(letters) != 0 {
		t.Fatalf("%d entities, dead letters %+v", len(entities), letters)
	}
	sub, ok := entities[0].Body.(*canon.Subscription)
	if !ok || sub.MRR == nil {
		t.Fatalf("no recurring revenue in %+v", entities[0].Body)
	}
	return *sub.MRR
}

// TestMRRIsTheRoundedSum holds recurring revenue against the yearly sum of whole numbers: 12 months, 52 weeks
// and 365 days a year, metered items left out, one rounding at the end, whatever the order of the items.
func TestMRRIsTheRoundedSum(t *testing.T) {
	m := vendorMap(t, "stripe")
	perYear := map[string]int64{"day": 365, "week": 52, "month": 12, "year": 1}
	one := rapid.Custom(func(t *rapid.T) item {
		var i item
		i.Quantity = rapid.Int64Range(0, 10_000).Draw(t, "quantity")
		i.Price.Amount = rapid.Int64Range(0, 1_000_000_000).Draw(t, "amount")
		i.Price.Currency = "eur"
		i.Price.Every.Interval = rapid.SampledFrom([]string{"day", "week", "month", "year"}).Draw(t, "interval")
		i.Price.Every.Count = rapid.Int64Range(1, 36).Draw(t, "count")
		i.Price.Every.Usage = rapid.SampledFrom([]string{"licensed", "licensed", "metered"}).Draw(t, "usage")
		return i
	})
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(one, 1, 5).Draw(t, "items")
		year := new(big.Rat)
		for _, i := range items {
			if i.Price.Every.Usage == "licensed" {
				year.Add(year, big.NewRat(i.Price.Amount*i.Quantity*perYear[i.Price.Every.Interval], i.Price.Every.Count))
			}
		}
		month := year.Quo(year, big.NewRat(12, 1))
		got := mrrOf(t, m, items)
		// Half away from zero: the distance is at most a half, and at a half the result is the larger.
		off := new(big.Rat).Sub(big.NewRat(got.Minor, 1), month)
		half := big.NewRat(1, 2)
		if got.Currency != "EUR" || off.Cmp(half) > 0 || off.Cmp(new(big.Rat).Neg(half)) <= 0 {
			t.Fatalf("MRR %v, want %s rounded", got, month.FloatString(4))
		}
		slices.Reverse(items)
		if again := mrrOf(t, m, items); again != got {
			t.Fatalf("in reverse order %v, before %v", again, got)
		}
	})
}
