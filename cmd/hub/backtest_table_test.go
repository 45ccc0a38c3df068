package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
)

// shop writes a table in which visits foretell who leaves, and refund is written only because they left.
func shop(n int) string {
	rng := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	b.WriteString("customer_id;visits;plan;refund;score;left\n")
	for i := range n {
		left, refund := "no", ""
		visits := 20 + 4*rng.NormFloat64()
		if rng.Float64() < 0.25 {
			left, refund = "yes", "3,50 €"
			visits -= 4
		}
		fmt.Fprintf(&b, "C%d;%s;%s;%s;%d;%s\n", i, strings.ReplaceAll(fmt.Sprintf("%.2f", visits), ".", ","), []string{"a", "b"}[rng.IntN(2)], refund, int(visits), left)
	}
	return b.String()
}

func tableOf(t *testing.T, in string, f tableFlags) (out string, err error) {
	t.Helper()
	var text bytes.Buffer
	c := &cli{streams: streams{strings.NewReader(in), &text, &bytes.Buffer{}}}
	if strings.HasPrefix(f.html, "json") {
		c.json, f.html = true, ""
	}
	err = c.runTable(t.Context(), f)
	return text.String(), err
}

func TestBacktestOfATable(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	out, err := tableOf(t, shop(1500), tableFlags{file: "-", label: "left", fit: true, score: "score", html: page})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out, "Base rate") {
		t.Errorf("the base rate does not come first:\n%.200s", out)
	}
	for _, want := range []string{"refund", "leak.auc", "The table's score", "auc.rank.v1", "best single measure", "constant", "random", "Proposed weights", "Nothing is changed", "intervention effect", "evidence: the AUC"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing is said of %q:\n%s", want, out)
		}
	}
	html, err := os.ReadFile(page)
	if err != nil || !bytes.Contains(html, []byte("Proposed weights")) || !bytes.Contains(html, []byte("leak.auc")) {
		t.Errorf("the page: %v", err)
	}
	out, err = tableOf(t, shop(1500), tableFlags{file: "-", label: "left=yes", fit: true, html: "json"})
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Base struct {
			N int `json:"n"`
		} `json:"base_rate"`
		Excluded []struct{ Column, Code string } `json:"excluded"`
		Fit      struct {
			Fitted struct {
				Verdict string
				Figures []struct{ Definition string }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Base.N != 1500 || report.Fit.Fitted.Verdict != "evidence" || report.Fit.Fitted.Figures[0].Definition != "auc.rank.v1" {
		t.Errorf("%v %+v", err, report)
	}
}

func TestBacktestOfATableRefuses(t *testing.T) {
	for code, f := range map[string]tableFlags{
		"usage":         {file: "-"},
		"table.unknown": {file: filepath.Join(t.TempDir(), "none.csv"), label: "left"},
		"table.label":   {file: "-", label: "customer_id", drop: []string{"left"}},
	} {
		in := shop(50)
		if code == "table.label" {
			in = "customer_id,left\nA,yes\n"
		}
		if _, err := tableOf(t, in, f); canon.CodeOf(err) != code || canon.AsError(err).Hint == "" {
			t.Errorf("want %s, got %v", code, err)
		}
	}
	out, err := tableOf(t, shop(300), tableFlags{file: "-", label: "left"})
	if err != nil || !strings.Contains(out, "Nothing was judged") {
		t.Errorf("%v\n%s", err, out)
	}
}
