package receive_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// killDir tells a test binary that it is the hub that will be killed, and where its files are.
const killDir = "HUB_TEST_RECEIVE_DIR"

// TestTheHubThatIsKilled is the body of that hub: it takes calls and tells which it has answered, while nobody takes
// what goes to the belt. Without killDir it does nothing.
func TestTheHubThatIsKilled(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		return
	}
	h := openHub(t, dir, source("crm", newVendor()))
	defer h.run(false)()
	for i := 0; ; i++ {
		if got := post(h.desk, "/hooks/crm", fmt.Sprintf(`{"records":["r%d"],"at":%d}`, i, i+1), "X-Id", fmt.Sprint(i)); got.Code != 200 {
			t.Fatalf("answered %d %s", got.Code, got.Body)
		}
		fmt.Printf("answered r%d.\n", i)
	}
}

// TestAKillLosesNoCall kills a hub, without a word, while it takes calls: whatever was answered is committed by the
// next one.
func TestAKillLosesNoCall(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestTheHubThatIsKilled$")
	child.Env = append(os.Environ(), killDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var answered []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		// A line that the kill has cut off has no end.
		if id, ok := strings.CutPrefix(lines.Text(), "answered "); ok && strings.HasSuffix(id, ".") {
			answered = append(answered, strings.TrimSuffix(id, "."))
		}
		if len(answered) == 300 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(answered) < 300 {
		t.Fatalf("the hub ended by itself after %d calls", len(answered))
	}
	h := openHub(t, dir, source("crm", newVendor()))
	defer h.close()
	defer h.run(true)()
	h.settled()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range answered {
		if _, ok := h.records[id]; !ok {
			t.Errorf("the call of %s was answered and is lost", id)
		}
	}
}
