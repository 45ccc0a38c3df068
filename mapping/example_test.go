package mapping_test

import (
	"fmt"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/mapping"
)

func ExampleMap_Apply() {
	m, err := mapping.Parse("bills.yaml", []byte(`
streams:
  bills:
    rules:
      - kind: invoice
        owners:
          - {kind: company, stream: accounts, id: account}
        fields:
          status: {path: state, enum: {settled: paid, "*": open}}
          total: {money: {amount: sum, currency: EUR, unit: major}}
          due_at: due
`), mapping.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	entities, letters := m.Apply(canon.Record{
		Ref: canon.Ref{Connection: "books", Stream: "bills", ID: "17"},
		Raw: []byte(`{"state": "settled", "sum": "1234.50", "account": 4, "due": "31/01/2026"}`),
	})
	for _, e := range entities {
		fmt.Println(e.Key(), e.Owners[0].Ref, e.Body.(*canon.Invoice).Status, e.Body.(*canon.Invoice).Total)
	}
	for _, l := range letters {
		fmt.Println(l.Code, l.Path, l.Reason)
	}
	// Output:
	// books/bills/17#invoice books/accounts/4 paid 1234.50 EUR
	// map.time.field due The invoice's due_at: the value "31/01/2026" is not a time that Hub can read.
}
