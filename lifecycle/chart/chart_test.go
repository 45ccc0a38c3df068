package chart_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

var keep = flag.String("keep", "", "write the sample page into this file")

// sample has one of everything.
func sample() chart.Page {
	at := func(m int) float64 { return chart.At(time.Date(2025, time.Month(1+m), 1, 0, 0, 0, 0, time.UTC)) }
	var curve, steps, dots []chart.Point
	for i := range 18 {
		y := 0.9 + 0.1*math.Sin(float64(i)/3)
		curve = append(curve, chart.Point{X: at(i), Y: y, Low: y - 0.05, High: y + 0.04})
		steps = append(steps, chart.Point{X: float64(i * 20), Y: math.Exp(-float64(i) / 9), Low: math.Exp(-float64(i)/9) * 0.85, High: math.Min(1, math.Exp(-float64(i)/9)*1.1)})
		dots = append(dots, chart.Point{X: float64(i) / 20, Y: float64(i)/20 + 0.04*math.Cos(float64(i)), Low: float64(i)/20 - 0.06, High: float64(i)/20 + 0.1})
	}
	eur := chart.Money("EUR", 2)
	return chart.Page{
		Title: "Sample of every part", Subtitle: "As of 1 June 2026, all customers", Generated: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC),
		Sections: []chart.Section{
			{Title: "Words", Text: "Figures, notes and tables.", Parts: []chart.Part{
				chart.Figures{Items: []chart.Figure{
					{Label: "Net revenue retention", Value: "104.2 %", Note: "1,042,000 / 1,000,000 EUR · n 311 · nrr.cohort.v1", Tone: chart.Good},
					{Label: "At-risk MRR", Value: "12,400.00 EUR", Note: "n 14 · fewer than 20", Tone: chart.Poor},
					{Label: "Median time in stage", Value: "31.0 d"},
				}},
				chart.Note{Text: "No survey answers: connect a system that asks customers.", Tone: chart.Fair},
				chart.Table{Title: "Stages", Columns: []chart.Column{{Title: "stage"}, {Title: "customers", Numeric: true}}, Rows: [][]string{{"Reach", "1,204"}, {"<script>alert(1)</script>", "7"}}, Note: "As of now."},
				chart.Table{Title: "More", Folded: true, Columns: []chart.Column{{Title: "a"}}, Rows: [][]string{{"b"}}},
			}},
			{Title: "Lines", Parts: []chart.Part{
				chart.Line{Title: "NRR", X: chart.Axis{Label: "month", Time: true}, Y: chart.Axis{Label: "NRR", Unit: chart.Percent()}, Series: []chart.Series{{Name: "NRR", Points: curve}, {Name: "target", Points: []chart.Point{{X: at(0), Y: 1}, {X: at(17), Y: 1}}}}, Marks: []chart.Mark{{X: at(7), Label: "health@1.1.0"}}},
				chart.Steps{Title: "Still in stage", X: chart.Axis{Label: "days in stage"}, Y: chart.Axis{Unit: chart.Percent(), Min: chart.Value(0), Max: chart.Value(1)}, Series: []chart.Series{{Name: "Conversion", Points: steps}}},
				chart.Scatter{Title: "Calibration", Diagonal: true, X: chart.Axis{Label: "forecast", Unit: chart.Percent()}, Y: chart.Axis{Label: "happened", Unit: chart.Percent()}, Series: []chart.Series{{Name: "tenths", Points: dots}}},
			}},
			{Title: "Bars", Parts: []chart.Part{
				chart.Bars{Title: "Reasons", Unit: eur, Items: []chart.Bar{{Label: "price", Value: 1234500, Note: "n 12"}, {Label: "a reason that somebody wrote at some length", Value: 830000, Low: 500000, High: 1100000, Tone: chart.Poor}, {Label: "gain", Value: -200000}}},
				chart.Stacked{Title: "Health", Unit: chart.Number(0), Share: true, Columns: []string{"Jan 2026", "Feb 2026", "Mar 2026"}, Series: []chart.StackedSeries{{Name: "green", Tone: chart.Good, Values: []float64{3, 4, 5}}, {Name: "yellow", Tone: chart.Fair, Values: []float64{3, 1, 2}}, {Name: "red", Tone: chart.Poor, Values: []float64{1, 1, 2}}}},
				chart.Stacked{Title: "Movements", Unit: eur, Columns: []string{"Jan 2026", "Feb 2026", "Mar 2026"}, Series: []chart.StackedSeries{{Name: "new", Values: []float64{300000, 400000, 500000}}, {Name: "expansion", Values: []float64{100000, 140000, 90000}}, {Name: "churn", Values: []float64{-100000, -300000, -200000}}}},
				chart.Heatmap{Title: "Cohorts", Unit: chart.Percent(), Rows: []string{"2025-Q1", "2025-Q2"}, Columns: []string{"0", "3", "6"}, Values: [][]float64{{1, 0.92, 0.83}, {1, 0.9, math.NaN()}}},
				chart.Waterfall{Title: "NRR", Unit: eur, Steps: []chart.Step{{Label: "start", Value: 1000000, Total: true}, {Label: "expansion", Value: 120000}, {Label: "contraction", Value: -40000}, {Label: "churn", Value: -90000}, {Label: "end", Value: 990000, Total: true}}},
				chart.Funnel{Title: "Funnel", Steps: []chart.FunnelStep{{Label: "Reach", Count: 1000}, {Label: "Acquisition", Count: 420, Note: "median 12 d"}, {Label: "Conversion", Count: 180}, {Label: "Loyalty", Count: 22}}},
			}},
		},
	}
}

func render(t interface{ Fatal(...any) }, p chart.Page) string {
	var b strings.Builder
	n, err := p.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatal(n, err)
	}
	return b.String()
}

func TestThePageNeedsNothingBesideIt(t *testing.T) {
	page := render(t, sample())
	for _, bad := range []string{"<script", "http:", "https:", "url(", "@import", "<link", "<img", "onload", "javascript:", "NaN", "Inf"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if drawings, titles := strings.Count(page, "<svg"), strings.Count(page, "<desc"); drawings != 9 || titles != drawings {
		t.Errorf("%d drawings, %d descriptions", drawings, titles)
	}
	if *keep != "" {
		if err := os.WriteFile(*keep, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnEmptyPartSaysSo(t *testing.T) {
	for _, part := range []chart.Part{chart.Line{Title: "x"}, chart.Steps{}, chart.Scatter{}, chart.Bars{}, chart.Stacked{}, chart.Heatmap{}, chart.Waterfall{}, chart.Funnel{}} {
		if page := render(t, chart.Page{Sections: []chart.Section{{Parts: []chart.Part{part}}}}); !strings.Contains(page, "There is nothing to draw.") {
			t.Errorf("%T says nothing", part)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		unit chart.Unit
		v    float64
		want string
	}{
		{chart.Number(0), 1234567, "1,234,567"},
		{chart.Number(2), -1234.5, "-1,234.50"},
		{chart.Number(0), -0.2, "0"},
		{chart.Percent(), 0.1234, "12.3 %"},
		{chart.Money("EUR", 2), 123456, "1,234.56 EUR"},
		{chart.Money("JPY", 0), 123456, "123,456 JPY"},
		{chart.Days(), 31, "31.0 d"},
		{chart.Number(1), math.NaN(), "–"},
		{chart.Number(1), math.Inf(1), "∞"},
	} {
		if got := c.unit.Format(c.v); got != c.want {
			t.Errorf("%v: got %q, want %q", c.v, got, c.want)
		}
	}
}

// A page is well-formed and holds no number that is none, whatever it is given.
func TestAnyInputGivesAWellFormedPage(t *testing.T) {
	number := rapid.Custom(func(t *rapid.T) float64 {
		return rapid.OneOf(rapid.Float64(), rapid.Float64Range(-1000, 1000), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64})).Draw(t, "v")
	})
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", `"><script>`, "</svg>", "<!--", "]]>", "\x00\x01", "\xff\xfe", "&amp;", strings.Repeat("long ", 2000)}))
	rapid.Check(t, func(t *rapid.T) {
		points := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) chart.Point {
			return chart.Point{X: number.Draw(t, "x"), Y: number.Draw(t, "y"), Low: number.Draw(t, "low"), High: number.Draw(t, "high"), Label: text.Draw(t, "label")}
		}), 0, 12).Draw(t, "points")
		values := rapid.SliceOfN(number, 0, 6).Draw(t, "values")
		name := func() string { return text.Draw(t, "name") }
		series := []chart.Series{{Name: name(), Tone: chart.Tone(name()), Points: points}}
		axis := chart.Axis{Label: name(), Time: rapid.Bool().Draw(t, "time"), Unit: chart.Unit{Scale: number.Draw(t, "scale"), Decimals: rapid.IntRange(-3, 30).Draw(t, "decimals"), Suffix: name()}}
		bars, steps, funnel := []chart.Bar{}, []chart.Step{}, []chart.FunnelStep{}
		for _, v := range values {
			bars = append(bars, chart.Bar{Label: name(), Note: name(), Value: v, Low: -v, High: v})
			steps = append(steps, chart.Step{Label: name(), Value: v, Total: rapid.Bool().Draw(t, "total")})
			funnel = append(funnel, chart.FunnelStep{Label: name(), Count: v})
		}
		page := render(t, chart.Page{Title: name(), Subtitle: name(), Sections: []chart.Section{{ID: name(), Title: name(), Text: name(), Parts: []chart.Part{
			chart.Line{Title: name(), X: axis, Y: chart.Axis{}, Series: series, Marks: []chart.Mark{{X: number.Draw(t, "mark"), Label: name()}}},
			chart.Steps{Y: axis, Series: series}, chart.Scatter{X: axis, Y: axis, Series: series, Diagonal: true},
			chart.Bars{Title: name(), Unit: axis.Unit, Items: bars},
			chart.Stacked{Columns: []string{name(), name()}, Series: []chart.StackedSeries{{Values: values}, {Values: values}}, Share: rapid.Bool().Draw(t, "share")},
			chart.Heatmap{Rows: []string{name()}, Columns: []string{name(), name()}, Values: [][]float64{values}},
			chart.Waterfall{Steps: steps}, chart.Funnel{Steps: funnel},
			chart.Figures{Items: []chart.Figure{{Label: name(), Value: name(), Note: name()}}},
			chart.Table{Title: name(), Columns: []chart.Column{{Title: name()}}, Rows: [][]string{{name()}, nil}, Note: name(), Folded: rapid.Bool().Draw(t, "folded")},
			chart.Note{Text: name()}, nil,
		}}, {}, {}}})
		if strings.Contains(page, "<script") {
			t.Fatal("a script came in")
		}
		d := xml.NewDecoder(strings.NewReader(page))
		d.Entity = xml.HTMLEntity
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatalf("not well-formed: %v", err)
			}
			if e, ok := token.(xml.StartElement); ok {
				check(t, e)
			}
		}
	})
}

// check looks for coordinates that no browser can draw.
func check(t *rapid.T, e xml.StartElement) {
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "d", "fill-opacity":
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") || e.Name.Local == "rect" && strings.HasPrefix(a.Value, "-") && (a.Name.Local == "width" || a.Name.Local == "height") {
				t.Fatalf("%s %s=%q", e.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
}
