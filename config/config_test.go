package config_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lifecyclehub/hub/config"
)

var update = flag.Bool("update", false, "rewrite the expected files")

func env(name string) (string, bool) {
	v, ok := map[string]string{"DB_PASSWORD": "hunter2", "HOOK_SECRET": "hunter2", "HUBSPOT_TOKEN": "hunter2: [\"}"}[name]
	return v, ok
}

// golden compares got with the file, or rewrites the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestGoodFiles(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.good.yaml")
	if len(files) < 3 {
		t.Fatalf("found only %v", files)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cfg, err := config.Load(file, env)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Dir != "testdata" {
				t.Errorf("Dir = %q", cfg.Dir)
			}
			got, err := json.MarshalIndent(cfg, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, "yaml")+"json", filepath.ToSlash(string(got))+"\n")
		})
	}
}

func TestBadFiles(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.bad.yaml")
	if len(files) < 5 {
		t.Fatalf("found only %v", files)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cfg, err := config.Load(file, env)
			var complaints config.Complaints
			if cfg != nil || !errors.As(err, &complaints) {
				t.Fatalf("got %v, %v", cfg, err)
			}
			for _, c := range complaints {
				if c.Line < 1 || c.Column < 1 || c.Message == "" || c.Hint == "" {
					t.Errorf("incomplete complaint: %+v", c)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is in %q", err)
			}
			got := err.Error()
			if runtime.GOOS == "windows" {
				got = filepath.ToSlash(got)
			}
			golden(t, strings.TrimSuffix(file, "yaml")+"txt", got+"\n")
		})
	}
}

func TestValues(t *testing.T) {
	cfg, err := config.Load("testdata/full.good.yaml", env)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Store.URL.Reveal(); got != "postgres://hub:hunter2@db.example/hub" {
		t.Errorf("store.url = %q", got)
	}
	settings := map[string]string{}
	for k, v := range cfg.Connections[0].Settings {
		settings[k] = v.Reveal()
	}
	want := map[string]string{"token": "from-a-file", "portal": "0012345", "price": "$5"}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if cfg.Sync.Every != 36*time.Hour || cfg.Connections[0].Every != 90*time.Second {
		t.Errorf("every = %v, %v", cfg.Sync.Every, cfg.Connections[0].Every)
	}
	if !cfg.AsOf.Equal(time.Date(2024, 12, 31, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("as_of = %v", cfg.AsOf)
	}
	if s := cfg.Connections[0].Streams; !s[0].On() || s[2].On() {
		t.Errorf("streams = %+v", s)
	}
}

func TestVariableCannotChangeTheStructure(t *testing.T) {
	cfg, err := config.Load("testdata/small.good.yaml", env)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Connections[0].Settings["token"].Reveal(); got != "hunter2: [\"}" {
		t.Errorf("token = %q", got)
	}
}

func TestNoFile(t *testing.T) {
	if _, err := config.Load(filepath.Join(t.TempDir(), "hub.yaml"), env); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("err = %v", err)
	}
}

func TestStarterAndSchema(t *testing.T) {
	cfg, err := config.Parse("hub.yaml", config.Starter(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Dir = "."
	if diff := cmp.Diff(&want, cfg, cmpopts.IgnoreUnexported(config.Config{})); diff != "" {
		t.Errorf("the starter does not hold the defaults (-want +got):\n%s", diff)
	}
	var schema map[string]any
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/schema.json", string(config.Schema()))
}

// TestStarterExamples takes the comment signs off the starter's examples: what it shows must be right.
func TestStarterExamples(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"usage.mapping.yaml", "ops.secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, src, _ := strings.Cut(string(config.Starter()), "\n\n")
	src = strings.ReplaceAll("\n"+src, "\n# ", "\n")
	cfg, err := config.Parse(filepath.Join(dir, "hub.yaml"), []byte(src), func(string) (string, bool) { return "x", true })
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Connections) != 3 || len(cfg.Webhooks) != 1 {
		t.Errorf("got %+v", cfg)
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"5m": 5 * time.Minute, "30d": 720 * time.Hour, "1d30m": 24*time.Hour + 30*time.Minute, "0s": 0} {
		if got, err := config.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "5", "-1d", "-5m", "1d-1h", "99999999d", "5 m", "1d1d", "2562048h"} {
		if got, err := config.ParseDuration(text); err == nil {
			t.Errorf("%q = %v, want an error", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		cfg, err := config.Parse("testdata/hub.yaml", src, env)
		if (cfg == nil) == (err == nil) {
			t.Fatalf("got %v, %v", cfg, err)
		}
	})
}
