package evidence

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/lifecyclehub/hub/canon"
)

func read(t *testing.T, text string, o TableOptions) *Table {
	t.Helper()
	table, err := ReadTable(strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// column returns the values of a feature, in the order of the rows.
func (t *Table) column(name string) []float64 {
	for j, f := range t.Panel.Features {
		if f.Key == name {
			var out []float64
			for _, r := range t.Panel.Rows {
				out = append(out, r.X[j])
			}
			return out
		}
	}
	return nil
}

func (t *Table) excluded(name string) string {
	for _, e := range t.Report.Excluded {
		if e.Column == name {
			return e.Code
		}
	}
	return ""
}

const small = `Kunde;Umsatz;Rabatt;Seit;Plan;Offen;Weg
A;1.234,50 €;5 %;2024-01-31;pro;(3);ja
B;99,00 €;;2024-02-29;free;0;nein
C;-7,25 €;12 %;n/a;pro;1;nein
D;1.000.000,00 €;0,5 %;2023-12-31;frei, "alt";2;ja
`

func TestTableReadsWhatPeopleWrite(t *testing.T) {
	text := strings.ReplaceAll(small, `frei, "alt"`, `"frei; ""alt"""`)
	for name, in := range map[string][]byte{
		"utf-8":      []byte(text),
		"utf-8 mark": append([]byte("\xef\xbb\xbf"), text...),
		"latin":      encoded(t, charmap.Windows1252.NewEncoder().Bytes, text),
		"utf-16":     encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes, text),
		"crlf":       []byte(strings.ReplaceAll(text, "\n", "\r\n")),
		"gzip":       zipped(t, text),
		"tabs":       []byte(strings.ReplaceAll(strings.ReplaceAll(text, "frei; ", "frei "), ";", "\t")),
		"trailing":   []byte(strings.ReplaceAll(text, "\n", ";;\n")),
	} {
		t.Run(name, func(t *testing.T) {
			table, err := ReadTable(bytes.NewReader(in), TableOptions{Label: "weg", ID: "KUNDE", Keep: []string{"Seit", "Offen", "Umsatz", "Plan"}})
			if err != nil {
				t.Fatal(err)
			}
			if got := table.column("Umsatz"); !slices.Equal(got, []float64{1234.5, 99, -7.25, 1e6}) {
				t.Errorf("Umsatz is %v", got)
			}
			if got := table.column("Offen"); !slices.Equal(got, []float64{-3, 0, 1, 2}) {
				t.Errorf("Offen is %v", got)
			}
			if got := table.column("Seit"); got[0] != 29 || got[1] != 0 || !math.IsNaN(got[2]) || got[3] != 60 {
				t.Errorf("Seit is %v", got)
			}
			if table.Report.Positives != 2 || table.Report.Customers != 4 || table.Report.Value != "ja" {
				t.Errorf("%+v", table.Report)
			}
		})
	}
}

func encoded(t *testing.T, f func([]byte) ([]byte, error), text string) []byte {
	t.Helper()
	b, err := f([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNumbersAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]float64{"12": 12, "-1.5": -1.5, "1,234": 1234, "1,234,567.8": 1234567.8, "$1,000": 1000, "-$3.50": -3.5, "(12.5)": -12.5, "45%": 45, "45 %": 45, "USD 12": 12, "12 EUR": 12,
		"1e3": 1000, ".5": 0.5, "1 234": 1234, "1'234.5": 1234.5, "+7": 7, "£0.99": 0.99, "−4": -4} {
		if got, ok := number(text, false); !ok || got != want {
			t.Errorf("%q is read as %v, %v", text, got, ok)
		}
	}
	for text, want := range map[string]float64{"1,5": 1.5, "1.234,5": 1234.5, "1 234,50 €": 1234.5, ",25": 0.25, "1.000": 1000} {
		if got, ok := number(text, true); !ok || got != want {
			t.Errorf("%q is read as %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "-", "abc", "1-2", "0x10", "inf", "12 months", "1,23", "1,2345", "1..2", "e5", "1e", "()", "%", "--1", "382-4657", "1_000"} {
		if got, ok := number(text, false); ok {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func TestDatesAsPeopleWriteThem(t *testing.T) {
	for layout, values := range map[string][]string{
		"2006-01-02": {"2024-01-31", "2023-12-01"}, "1/2/2006": {"1/31/2024", "2/1/2024"}, "2/1/2006": {"31/1/2024", "1/2/2024"}, "2.1.2006": {"31.01.2024"},
		"2006-01-02T15:04:05Z07:00": {"2024-01-31T10:00:00Z"}, "Jan 2, 2006": {"Mar 3, 2024"}, "20060102": {"20240131"}, "2006-01": {"2024-01", "2024-02"},
		"": {"12", "abc", "2024-13-45"},
	} {
		if got := layoutOf(values); got != layout {
			t.Errorf("%v are read by %q, want %q", values, got, layout)
		}
	}
}

func TestLabels(t *testing.T) {
	for values, want := range map[string]string{"Yes,No": "Yes", "1,0": "1", "True.,False.": "True.", "Attrited Customer,Existing Customer": "Attrited Customer", "Churned,Stayed,Joined": "Churned",
		"-1,1": "1", "not churned,churned": "churned", "inactive,active": "inactive"} {
		tally := map[string]int{"": 3}
		for _, v := range strings.Split(values, ",") {
			tally[v] = 5
		}
		got, _, err := labelOf("label", tally, "")
		if err != nil || got != want {
			t.Errorf("of %s the outcome is %q, %v", values, got, err)
		}
	}
	for _, bad := range []map[string]int{{"a": 1}, {"a": 1, "b": 1}, {}, {"1": 2, "2": 3}} {
		if _, _, err := labelOf("label", bad, ""); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	got, of, err := labelOf("label", map[string]int{"1.0": 1, "2": 4}, "1")
	if err != nil || got != "1" || !of("1.0") || of("2") {
		t.Errorf("--label label=1: %q %v", got, err)
	}
}

func TestWordsAmongNumbers(t *testing.T) {
	var b strings.Builder
	b.WriteString("logins,size,churn\n")
	for i := range 300 {
		logins := fmt.Sprint(i % 40)
		if i%5 == 0 {
			logins = "Error"
		}
		fmt.Fprintf(&b, "%s,%s,%d\n", logins, []string{"1", "2", "3+"}[i%3], i%7/6)
	}
	table := read(t, b.String(), TableOptions{Label: "churn"})
	if c := table.Report.Columns; c[0].Kind != kindNumber || c[1].Kind != kindCategory {
		t.Errorf("%+v", c)
	}
	if n := table.Report.Notes[len(table.Report.Notes)-1]; !strings.Contains(n, "logins: 60 cells are no number") || !strings.Contains(n, "line 2") {
		t.Errorf("%q", n)
	}
}

func TestBadTablesAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ text, code, says string }{
		"empty":          {"", "table.empty", "empty"},
		"header alone":   {"a,churn\n", "table.empty", "no rows"},
		"short row":      {"a,b,churn\n1,2,yes\n1,no\n", "table.ragged", `line 3 has 2 cells, the header has 3: column "churn"`},
		"long row":       {"a,churn\n1,yes\n1,no,what\n", "table.ragged", "line 3"},
		"open quote":     {"a,churn\n1,yes\n\"1,no\n", "table.read", "line 3"},
		"quote inside":   {"a,churn\n1,yes\n1\"2,no\n", "table.read", "line 3, column 2"},
		"no such label":  {"a,b\n1,2\n", "usage", `no column "churn"`},
		"one outcome":    {"a,churn\n1,yes\n2,yes\n", "table.label", "1 different"},
		"workbook":       {"PK\x03\x04....", "table.kind", "workbook"},
		"broken gzip":    {"\x1f\x8bnothing", "table.read", "cannot be read"},
		"unclear labels": {"a,churn\n1,x\n2,y\n", "usage", "not plain"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadTable(strings.NewReader(c.text), TableOptions{Label: "churn"})
			if canon.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("%v", err)
			}
			if err != nil && canon.AsError(err).Hint == "" {
				t.Error("nothing is said of what to do")
			}
		})
	}
}

func TestRowsOfOneCustomerStayTogether(t *testing.T) {
	var b strings.Builder
	b.WriteString("account id,v,churn\n")
	for i := range 400 {
		fmt.Fprintf(&b, "A%d,%d,%d\n", i%100, i*7%13, i%100/70)
	}
	table := read(t, b.String(), TableOptions{Label: "churn"})
	if table.Report.Customers != 100 || table.Report.ID != "account id" || table.excluded("account id") != "id" {
		t.Errorf("%+v", table.Report)
	}
}

func TestLargeTablesAreDrawn(t *testing.T) {
	text := marketHead + market(5000, 6, func(int, bool) string { return "1" })
	small := read(t, text, TableOptions{Label: "churned", MaxRows: 1000})
	if n := len(small.Panel.Rows); n > 1000 || n < 300 || small.Report.Rows != 5000 || small.Report.Base.N != 5000 {
		t.Errorf("%d rows were kept, of %d; base of %d", n, small.Report.Rows, small.Report.Base.N)
	}
	lines := strings.SplitAfter(text, "\n")
	slices.Reverse(lines[1 : len(lines)-1])
	again := read(t, strings.Join(lines, ""), TableOptions{Label: "churned", MaxRows: 1000})
	if len(again.Panel.Rows) != len(small.Panel.Rows) || again.Report.Positives != small.Report.Positives {
		t.Error("another order of the file draws other customers")
	}
}

func TestOddTables(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	wide := strings.Builder{}
	for r := range 201 {
		for c := range 120 {
			if r == 0 {
				fmt.Fprintf(&wide, "v%d,", c)
			} else {
				fmt.Fprintf(&wide, "%.3f,", rng.NormFloat64())
			}
		}
		if r == 0 {
			wide.WriteString("churn\n")
		} else {
			fmt.Fprintf(&wide, "%d\n", rng.IntN(2))
		}
	}
	rare := strings.Builder{}
	rare.WriteString("x,nothing,always,note,churn\n")
	for i := range 3000 {
		y := outcome(i%100 == 0)
		fmt.Fprintf(&rare, "%.3f,,same,\"a note, number %d\",%v\n", rng.NormFloat64()+1.2*y, i, y)
	}
	for name, text := range map[string]string{"wide": wide.String(), "rare": rare.String()} {
		t.Run(name, func(t *testing.T) {
			table := read(t, text, TableOptions{Label: "churn", Fit: true})
			r, err := table.Backtest()
			if err != nil {
				t.Fatal(err)
			}
			switch name {
			case "wide":
				if r.Fit.Held.Verdict != NoEvidence {
					t.Errorf("in noise: %s", r.Fit.Held.Sentence)
				}
			case "rare":
				if r.Fit.Held.Verdict != Directional || table.excluded("nothing") != kindEmpty || table.excluded("always") != kindConstant || table.excluded("note") != kindID {
					t.Errorf("%s; %+v", r.Fit.Held.Sentence, r.Excluded)
				}
			}
		})
	}
}

func TestScoresOfTheTable(t *testing.T) {
	text := marketHead + market(2000, 12, func(i int, _ bool) string { return fmt.Sprint(i % 3) })
	table := read(t, text, TableOptions{Label: "churned", Score: "usage", Money: "tenure"})
	r, err := table.Backtest()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the score's AUC", r.Card.AUC().Value, 0.85, 0.03)
	if math.IsNaN(r.Card.Find("capture.mrr.top10.v1").Value) || math.IsNaN(float64(r.BaseMRR)) {
		t.Error("the value of rows is not used")
	}
	turned := read(t, text, TableOptions{Label: "churned", Score: "usage", ScoreIsRisk: true})
	if r, err = turned.Backtest(); err != nil || r.Card.Verdict != NoEvidence {
		t.Errorf("the wrong way round: %v %v", r.Card.Sentence, err)
	}
}

func TestTelco(t *testing.T) {
	f, err := os.Open("../../../shared/data/tables/telco/WA_Fn-UseC_-Telco-Customer-Churn.csv")
	if err != nil {
		t.Skipf("the telco table is not here: %v", err)
	}
	defer f.Close()
	table, err := ReadTable(f, TableOptions{Label: "Churn", Fit: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := table.Backtest()
	if err != nil {
		t.Fatal(err)
	}
	if r.Fit.HeldOut.AUC().Value < 0.80 || r.Fit.Held.AUC().Low < 0.80 || r.Rows != 7043 || len(r.Excluded) != 1 {
		t.Errorf("held out %v, over folds %v, %d rows, excluded %v", r.Fit.HeldOut.AUC(), r.Fit.Held.AUC(), r.Rows, r.Excluded)
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("a,churn\n1,yes\n2,no\n"))
	f.Add([]byte("\xff\xfea\x00,\x00"))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Add([]byte("churn;\"a\"\"b\"\n1;2\n0;\n\n;;;\n"))
	f.Add([]byte("churn,churn,churn (2)\n1,0,1e308\n0,1,-1e308\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		head := bytes.FieldsFunc(in[:min(len(in), 200)], func(r rune) bool { return strings.ContainsRune(",;\t|\n\r", r) })
		label := "churn"
		if len(head) > 0 {
			label = string(head[len(head)-1])
		}
		for _, l := range []string{"churn", label} {
			table, err := ReadTable(bytes.NewReader(in), TableOptions{Label: l, MaxRows: 100})
			if err != nil {
				continue
			}
			if len(table.Panel.Rows) != table.Report.Used {
				t.Fatalf("%d rows, %d used", len(table.Panel.Rows), table.Report.Used)
			}
			if _, err := json.Marshal(table.Report); err != nil {
				t.Fatal(err)
			}
		}
	})
}
