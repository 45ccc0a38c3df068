package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/config"
)

func TestLoadIdentity(t *testing.T) {
	full, err := config.Load("testdata/full.good.yaml", env)
	if err != nil {
		t.Fatal(err)
	}
	// A whole hub.yaml gives its identity section; nothing is asked for what its other sections name.
	got, err := config.LoadIdentity("testdata/full.good.yaml", full, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full.Identity, got.Identity); diff != "" {
		t.Errorf("of a whole file (-want +got):\n%s", diff)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte("identity:\n  generic_limit: 7\n  survivorship: {city: longest}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err = config.LoadIdentity(file, full, nil); err != nil {
		t.Fatal(err)
	}
	want := config.Identity{Pack: "company", GenericLimit: 7, Survivorship: map[string]config.Survivor{"city": {Policy: "longest"}}}
	if diff := cmp.Diff(want, got.Identity); diff != "" {
		t.Errorf("of rules alone (-want +got):\n%s", diff)
	}
	if len(got.Connections) != len(full.Connections) || full.Identity.GenericLimit == 7 {
		t.Error("the rest of the configuration did not stay")
	}
	var complaints config.Complaints
	if err := got.Complain("identity.generic_limit", "no", "do"); !errors.As(err, &complaints) || complaints[0].File != file || complaints[0].Line != 2 {
		t.Errorf("complaint about the rules: %v", err)
	}
	if _, err := config.LoadIdentity(filepath.Join(t.TempDir(), "none.yaml"), full, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestParseIdentityComplains(t *testing.T) {
	full, err := config.Load("testdata/full.good.yaml", env)
	if err != nil {
		t.Fatal(err)
	}
	for src, want := range map[string]string{
		"":                                      "rules.yaml:1:1: the file is empty (write the rules below a key identity:)",
		"generic_limit: 7":                      `rules.yaml:1:1: "generic_limit" is not a key of hub.yaml (write the rules below a key identity:)`,
		"api: {}":                               "rules.yaml:1:1: the file has no section identity (write the rules below a key identity:)",
		"identiy: {}":                           `rules.yaml:1:1: "identiy" is not a key of hub.yaml (did you mean identity?)`,
		"identity: {pack: x}":                   "rules.yaml:1:18: identity.pack has an unknown value (write one of: company, person)",
		"identity: {auto_: 1}":                  `rules.yaml:1:12: "auto_" is not a key of identity (did you mean auto?)`,
		"- identity":                            "rules.yaml:1:1: hub.yaml needs keys below it (write key: value on lines of their own, indented)",
		"identity: {region: ${":                 "",
		"identity: {single: {nowhere/x: true}}": `rules.yaml:1:32: identity.single[nowhere/x]: there is no connection "nowhere" (name one of the connections of this file)`,
	} {
		_, err := config.ParseIdentity("rules.yaml", []byte(src), full, nil)
		if err == nil || want != "" && err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "rules.yaml:1:") {
			t.Errorf("%q: no place in %v", src, err)
		}
	}
}
