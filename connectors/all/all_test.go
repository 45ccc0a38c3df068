package all_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/all"
	"github.com/lifecyclehub/hub/connectors/connectortest"
)

// TestLaws holds every shipped connector to the laws, against the exchange in its testdata. Those with a law test in
// their own folder are held to them there.
func TestLaws(t *testing.T) {
	for _, def := range all.List() {
		if holdsItself(t, def.Name) {
			continue
		}
		t.Run(def.Name, func(t *testing.T) {
			if def.Category == "file" {
				connectortest.Run(t, def, fileOptions(t))
				return
			}
			x := connectortest.ReadExchange(t, filepath.Join("..", def.Name, "testdata", "exchange.json"))
			opts := x.Options(t)
			if def.Name == "hubspot" {
				opts.Handler = func() http.Handler { return newHubSpot(x.Handler(t)) }
				opts.Push = hubSpotPush()
			}
			connectortest.Run(t, def, opts)
		})
	}
}

// holdsItself says whether a connector's own tests try the laws.
func holdsItself(t *testing.T, name string) bool {
	t.Helper()
	if name == "tracking" || name == "webhook" {
		// Their records come by calls alone, so the laws of pulling do not apply.
		return true
	}
	files, err := filepath.Glob(filepath.Join("..", name, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(f string) bool {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(src, []byte("connectortest.Run("))
	})
}

// recorded are the connectors whose testdata holds an exchange.
func recorded(t *testing.T) []connectors.Definition {
	t.Helper()
	var out []connectors.Definition
	for _, def := range all.List() {
		if _, err := os.Stat(filepath.Join("..", def.Name, "testdata", "exchange.json")); err == nil {
			out = append(out, def)
		}
	}
	return out
}

// TestListIsComplete fails when a folder holds a connector that the list lacks.
func TestListIsComplete(t *testing.T) {
	notConnectors := []string{"airbyte", "all", "connectortest", "rest", "vendordoc"}
	folders, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, def := range all.List() {
		if listed[def.Name] {
			t.Errorf("%s is listed twice", def.Name)
		}
		listed[def.Name] = true
	}
	for _, f := range folders {
		if !f.IsDir() || slices.Contains(notConnectors, f.Name()) {
			continue
		}
		if !listed[f.Name()] {
			t.Errorf("connectors/%s is missing from List", f.Name())
		}
		delete(listed, f.Name())
	}
	for name := range listed {
		t.Errorf("%s is listed without a folder of that name", name)
	}
}

func TestFind(t *testing.T) {
	if d, ok := all.Find("stripe"); !ok || d.Name != "stripe" {
		t.Errorf("Find gave %q, %t", d.Name, ok)
	}
	if d, ok := all.Find("no such vendor"); ok || d.Name != "" {
		t.Errorf("Find gave %q for a vendor that is not there", d.Name)
	}
}

// TestStreamsMatch: what a definition tells is what its connection tells.
func TestStreamsMatch(t *testing.T) {
	for _, def := range recorded(t) {
		x := connectortest.ReadExchange(t, filepath.Join("..", def.Name, "testdata", "exchange.json"))
		settings := connectors.Settings{}
		for _, s := range def.Settings {
			settings[s.Name] = s.Default
		}
		for k, v := range x.Settings {
			settings[k] = v
		}
		conn, err := def.Open(t.Context(), settings, connectors.Env{Connection: "c"})
		if err != nil {
			t.Fatalf("%s: %v", def.Name, err)
		}
		if !slices.EqualFunc(conn.Streams(), def.Streams, func(a, b connectors.Stream) bool { return a.Name == b.Name }) {
			t.Errorf("%s: streams differ", def.Name)
		}
		_, pushes := conn.(connectors.Pusher)
		if want := slices.ContainsFunc(def.Streams, func(s connectors.Stream) bool { return s.PushFields }); pushes != want {
			t.Errorf("%s: is a Pusher: %t, has streams to push: %t", def.Name, pushes, want)
		}
	}
}
