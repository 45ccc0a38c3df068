package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answered is what a call of hub printed.
type answered struct {
	code     int
	out, err string
}

// tried is a folder with the pulled excerpt of an example.
type tried struct {
	config, data string
}

func pulledExample(t *testing.T, name string) tried {
	t.Helper()
	e := tried{config: filepath.Join("..", "..", "examples", name, "hub.yaml"), data: t.TempDir()}
	if a := e.hub(t, "sync", "--json"); a.code != exitOK {
		t.Fatalf("sync: %s", a.err)
	}
	return e
}

func (e tried) hub(t *testing.T, args ...string) answered {
	t.Helper()
	var out, errs bytes.Buffer
	env := func(k string) (string, bool) {
		if k == "HUB_DATA" {
			return e.data, true
		}
		return "", false
	}
	code := run(t.Context(), append(args, "-c", e.config), streams{in: strings.NewReader(""), out: &out, err: &errs}, env)
	return answered{code, out.String(), errs.String()}
}

func TestBacktestOfAStore(t *testing.T) {
	e := pulledExample(t, "ravenstack")
	page := filepath.Join(t.TempDir(), "page.html")
	a := e.hub(t, "backtest", "--fit", "--json", "--html", page, "--what-if", "classic")
	if a.code != exitOK {
		t.Fatalf("backtest: %s", a.err)
	}
	var r struct {
		Label    string         `json:"label"`
		Verdict  string         `json:"verdict"`
		Counts   map[string]any `json:"counts"`
		Warnings []string       `json:"warnings"`
		Figures  []struct {
			Definition string `json:"definition"`
		} `json:"figures"`
		WhatIf *struct {
			From string `json:"from"`
			To   string `json:"to"`
		} `json:"what_if"`
	}
	if err := json.Unmarshal([]byte(a.out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Verdict != "no evidence" {
		t.Errorf("random data are called %q", r.Verdict)
	}
	if len(r.Figures) == 0 || len(r.Warnings) == 0 || r.WhatIf == nil || !strings.HasPrefix(r.WhatIf.To, "classic@") {
		t.Errorf("the answer is not whole: %s", a.out)
	}
	for _, f := range r.Figures {
		if !strings.Contains(f.Definition, ".v") {
			t.Errorf("a figure names no definition: %+v", f)
		}
	}
	html, err := os.ReadFile(page)
	if err != nil || !bytes.Contains(html, []byte("</html>")) || bytes.Contains(html, []byte("<script")) {
		t.Errorf("the page is not whole: %d bytes, %v", len(html), err)
	}
	once, twice := e.hub(t, "backtest", "--json", "--from", "2024-01-01"), e.hub(t, "backtest", "--json", "--from", "2024-01-01")
	if once.out != twice.out || once.code != exitOK {
		t.Error("the same question has two answers")
	}
	text := e.hub(t, "backtest", "--label", "event:subscription.ended")
	if text.code != exitOK || !strings.Contains(text.out, "base rate") || !strings.Contains(text.out, "imported as history") {
		t.Errorf("the text: %s %s", text.out, text.err)
	}
	for _, args := range [][]string{{"backtest", "suitability"}, {"backtest", "drivers", "--json"}} {
		if a := e.hub(t, args...); a.code != exitOK || a.out == "" {
			t.Errorf("%v: code %d, %s", args, a.code, a.err)
		}
	}
	if a := e.hub(t, "backtest", "--before", "180,30"); a.code != exitOK || !strings.Contains(a.out, "before the deadline (told for") {
		t.Errorf("before the deadline: code %d, %s %s", a.code, a.out, a.err)
	}
	if a := e.hub(t, "backtest", "drift"); a.code != exitOK && !strings.Contains(a.err, "drift") {
		t.Errorf("drift: code %d, %s", a.code, a.err)
	}
}

func TestBacktestUsage(t *testing.T) {
	e := pulledExample(t, "online-retail")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, "cannot be read", []string{"--label", "silence:nothing"}},
		{exitUsage, "no number of days", []string{"--horizon", "soon"}},
		{exitUsage, "above 0", []string{"--before", "90,0"}},
		{exitUsage, "imported or strict", []string{"--as-known", "maybe"}},
		{exitUsage, "no day", []string{"--from", "yesterday"}},
		{exitConfig, "cannot be read", []string{"--policy", "no-such-file.yaml"}},
		{exitFailed, "cannot be written", []string{"--html", filepath.Join("no", "such", "folder", "x.html"), "--label", "silence:invoice.paid:90"}},
	} {
		a := e.hub(t, append([]string{"backtest"}, c.args...)...)
		if a.code != c.code || !strings.Contains(a.err, c.says) || !strings.Contains(a.err, "hint:") {
			t.Errorf("%v: code %d, %s", c.args, a.code, a.err)
		}
	}
}
