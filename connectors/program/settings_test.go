package program_test

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/program"
)

func TestSettingsThatCannotBe(t *testing.T) {
	good := connectors.Settings{"protocol": "singer", "command": "tap", "config": "{}", "timeout": "1s", "grace": "1s", "max_line_mb": "1"}
	for name, values := range map[string][]string{
		"protocol": {"", "meltano"}, "command": {"", `tap "x`, `["a"`, `tap \`}, "config": {"[]", secret}, "timeout": {"", "-1s", "x"},
		"grace": {"0s"}, "max_line_mb": {"0", "x", "100000"}, "memory_mb": {"-1", "much"},
	} {
		for _, v := range values {
			s := connectors.Settings{}
			for k, w := range good {
				s[k] = w
			}
			s[name] = v
			_, err := program.Definition().Open(t.Context(), s, connectors.Env{})
			if e := canon.AsError(err); e == nil || e.Code != "settings.invalid" || e.Hint == "" || !strings.Contains(e.Message, name) || strings.Contains(e.Message, secret) {
				t.Errorf("%s = %q gave %v", name, v, err)
			}
		}
	}
	for _, o := range []map[string]string{{"pages": "1"}, {"page": "0"}, {"guard": "2"}, {"mode": "fast"}, {"kinds": "firm"}, {"id": "a++b"}} {
		_, err := program.Definition().Open(t.Context(), good, connectors.Env{Streams: []connectors.StreamConfig{{Name: "users", Options: o}}})
		if e := canon.AsError(err); e == nil || e.Code != "settings.invalid" || e.Hint == "" {
			t.Errorf("%v gave %v", o, err)
		}
	}
}

func TestProgramsThatCannotRun(t *testing.T) {
	o := tap(t, "files")
	if _, err := o.pages(o.open(t), "users", ""); canon.CodeOf(err) != "program.batch" {
		t.Errorf("a tap that hands over files: %v", err)
	}
	o.command = filepath.Join(t.TempDir(), "none")
	if err := o.open(t).Check(t.Context()); canon.CodeOf(err) != "program.missing" {
		t.Errorf("no such program: %v", err)
	}
	if runtime.GOOS == "linux" {
		o = tap(t, "grows")
		o.settings = connectors.Settings{"memory_mb": "512"}
		if _, err := o.pages(o.open(t), "users", ""); canon.CodeOf(err) != "program.failed" && canon.CodeOf(err) != "program.killed" {
			t.Errorf("a program that grows: %v", err)
		}
	}
}
