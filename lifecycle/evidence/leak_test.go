package evidence

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// market writes a table of customers: usage goes with the outcome as honestly as an AUC of 0.85 can, plan a little.
func market(n int, seed uint64, more func(i int, churned bool) string) string {
	rng := rand.New(rand.NewPCG(seed, 2))
	var b strings.Builder
	for i := range n {
		churned := rng.Float64() < 0.2
		usage := 50 - 14.66*outcome(churned) + 10*rng.NormFloat64()
		plan := []string{"free", "pro", "team"}[rng.IntN(3)]
		fmt.Fprintf(&b, "C-%05d,%.2f,%s,%d,%s,%v\n", i, usage, plan, rng.IntN(60), more(i, churned), churned)
	}
	return b.String()
}

const marketHead = "customer_id,usage,plan,tenure,extra,churned\n"

func TestAPlantedLeakIsRejected(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for name, c := range map[string]struct {
		more func(i int, churned bool) string
		code string
	}{
		"a copy":                  {func(_ int, c bool) string { return fmt.Sprint(c) }, "leak.auc"},
		"turned round":            {func(_ int, c bool) string { return fmt.Sprint(!c) }, "leak.auc"},
		"as words":                {func(_ int, c bool) string { return map[bool]string{true: "gone", false: "here"}[c] }, "leak.auc"},
		"with a little noise":     {func(_ int, c bool) string { return fmt.Sprint(10*outcome(c) + rng.NormFloat64()) }, "leak.auc"},
		"written only of leavers": {func(i int, c bool) string { return map[bool]string{true: fmt.Sprint(i % 28), false: ""}[c] }, "leak.auc"},
		"of a third of leavers": {func(i int, c bool) string {
			return map[bool]string{true: "refund asked", false: "none asked"}[c && i%3 == 0]
		}, "leak.pure"},
		"known of a third of leavers": {func(i int, c bool) string {
			return map[bool]string{true: fmt.Sprint(float64(i) * 1.7), false: ""}[c && i%3 == 0]
		}, "leak.pure"},
	} {
		t.Run(name, func(t *testing.T) {
			table := read(t, marketHead+market(1500, 1, c.more), TableOptions{Label: "churned"})
			if got := table.excluded("extra"); got != c.code {
				t.Errorf("the leak is excluded as %q; used: %+v", got, table.Report.Columns)
			}
			if table.column("usage") == nil || table.column("plan") == nil {
				t.Error("an honest column is not used")
			}
			kept := read(t, marketHead+market(1500, 1, c.more), TableOptions{Label: "churned", Keep: []string{"extra"}})
			if kept.column("extra") == nil {
				t.Error("--keep does not keep")
			}
		})
	}
}

func TestAnHonestColumnIsKept(t *testing.T) {
	table := read(t, marketHead+market(3000, 3, func(i int, _ bool) string { return fmt.Sprint(i % 7) }), TableOptions{Label: "churned", Fit: true})
	for _, c := range table.Report.Columns {
		if c.Name == "usage" {
			near(t, "the AUC of usage alone", float64(c.AUC), 0.85, 0.02)
		}
	}
	r, err := table.Backtest()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the AUC", r.Fit.Held.AUC().Value, 0.85, 0.02)
	if len(r.Suspected) > 0 || r.Weights[0].Key != "usage" || r.Weights[0].Effect.High >= 0 {
		t.Errorf("suspected %v, heaviest %+v", r.Suspected, r.Weights[0])
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
	if !slices.ContainsFunc(r.Warnings, func(s string) bool { return strings.Contains(s, "intervention effect") }) {
		t.Error("the intervention effect is not told")
	}
}

func TestSuspectedColumnsAreTold(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	table := read(t, marketHead+market(2000, 5, func(_ int, c bool) string { return fmt.Sprint(2.3*outcome(c) + rng.NormFloat64()) }), TableOptions{Label: "churned", Fit: true})
	r, err := table.Backtest()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Suspected, []string{"extra"}) || r.WithoutSuspected == nil {
		t.Fatalf("suspected: %v", r.Suspected)
	}
	near(t, "the AUC without it", r.WithoutSuspected.AUC().Value, 0.85, 0.03)
}

func TestNamesThatTellOfTheOutcome(t *testing.T) {
	for _, leak := range []string{"Churn Reason", "churn_date", "ChurnScore", "Churn Category", "CLTV", "cancellation_reason", "attritionFlag", "Reason for leaving", "ended_at", "Exit Interview", "predicted_churn",
		"Naive_Bayes_Classifier_Attrition_Flag_1", "Churn Value", "cancelled_at", "Cancellation tickets"} {
		if leakByName(leak, []string{"churn"}) == "" {
			t.Errorf("%q is taken for honest", leak)
		}
	}
	for _, honest := range []string{"Satisfaction Score", "tenure", "Contract", "contract_end_date", "last_login", "Customer Value", "weekend_calls", "credit_score", "PaymentMethod", "Status", "avg_closing_balance", "complaints", "MonthlyCharges",
		"orders_cancelled_last_year", "trial_end_date", "NumOfProducts", "Total day minutes", "DaySinceLastOrder", "send_date_month"} {
		if why := leakByName(honest, []string{"churn"}); why != "" {
			t.Errorf("%q is taken for a leak: %s", honest, why)
		}
	}
}

// Rows with a moment are foreseen from earlier ones, and what is dated after its row was not known then.
func TestTablesWithTimes(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	var b strings.Builder
	b.WriteString("account_id,snapshot_date,logins,since,last_invoice,mrr,churned\n")
	for i := range 2400 {
		churned := rng.Float64() < 0.2
		month := i/200 + 1
		fmt.Fprintf(&b, "A%d,2024-%02d-01,%.3f,2023-%02d-15,2024-%02d-20,%d,%v\n", i%200, month, rng.NormFloat64()-1.2*outcome(churned), i%12+1, month, 10+i%90, churned)
	}
	table := read(t, b.String(), TableOptions{Label: "churned", Money: "mrr", Fit: true})
	if got := table.excluded("last_invoice"); got != "leak.after" {
		t.Errorf("what is dated afterwards is excluded as %q", got)
	}
	r, err := table.Backtest()
	if err != nil {
		t.Fatal(err)
	}
	if r.Time != "snapshot_date" || !strings.Contains(r.Fit.Split, "2024-09-01") || r.Fit.HeldOut != nil || r.Fit.Held.N != 800 {
		t.Errorf("observed %q, %s, %d rows tried", r.Time, r.Fit.Split, r.Fit.Held.N)
	}
	near(t, "the AUC forward in time", r.Fit.Held.AUC().Value, plantedAUC(1.2), 0.05)
	if table.column("since") == nil || r.Customers != 200 {
		t.Errorf("%+v", r.Excluded)
	}
}
