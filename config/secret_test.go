package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/lifecyclehub/hub/config"
)

func TestSecretIsNeverShown(t *testing.T) {
	s := config.Secret("hunter2")
	holder := struct {
		S config.Secret
		M map[string]config.Secret
	}{s, map[string]config.Secret{"k": s}}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", holder)
		fmt.Fprintf(&out, verb+"\n", &holder)
	}
	if err := json.NewEncoder(&out).Encode(holder); err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(y)
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "secret", s, "holder", holder)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "secret", s, "holder", holder)
	for _, form := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2")} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q is in:\n%s", form, out.String())
		}
	}
	if s.Reveal() != "hunter2" {
		t.Errorf("Reveal = %q", s.Reveal())
	}
	if got := config.Secret("").String(); got != "" {
		t.Errorf("an empty secret shows %q", got)
	}
}
