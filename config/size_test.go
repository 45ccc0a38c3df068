package config_test

import (
	"testing"

	"github.com/lifecyclehub/hub/config"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]config.Size{"0": 0, "67108864": 67108864, "512MB": 512e6, "4GiB": 4 << 30, "1 kib": 1024, "2t": 2e12, "7b": 7, "3k": 3000} {
		if got, err := config.ParseSize(text); err != nil || got != want {
			t.Errorf("%q gives %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1.5GB", "4 elephants", "4ib", "99999999999TB", "9223372036854775808"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q gives %d", text, got)
		}
	}
}
