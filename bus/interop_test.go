package bus_test

import (
	"os"
	"os/exec"
	"testing"
)

// TestPublicTools runs the tests of testdata/interop, a module of its own: the nats command line and the library behind
// it read what Hub publishes, by the commands of docs/how-to/follow-on-nats.md.
func TestPublicTools(t *testing.T) {
	if os.Getenv("HUB_TEST_INTEROP") == "" {
		t.Skip("set HUB_TEST_INTEROP=1 to build the nats command line and to run the documentation's commands with it")
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "./...")
	cmd.Dir = "testdata/interop"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
