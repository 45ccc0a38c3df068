package main

import (
	"bufio"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestCallsBecomeCustomers: what a product's pages tell the hub by the tracking API is in a customer's timeline, without
// the API's token, and without the key nothing is taken.
func TestCallsBecomeCustomers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signal to stop a process gently with")
	}
	dir := t.TempDir()
	yaml := "api: {listen: \"127.0.0.1:0\"}\nsync: {every: 1s}\nconnections:\n  - name: product\n    connector: tracking\n    settings: {write_key: a-key-of-the-product}\n"
	if err := os.WriteFile(filepath.Join(dir, "hub.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, _ := program(t.Context(), t, dir, "run")
	var stderr strings.Builder
	cmd.Stderr, cmd.Stdout = &stderr, nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("stderr: %s", &stderr)
		}
	})
	lines := bufio.NewScanner(out)
	url := after(t, lines, "console and API at ")
	token := after(t, lines, "own): ")
	after(t, lines, "first round: ")

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/stream?backfill=false", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	live, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = live.Body.Close() }()

	call := func(path, key, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/hooks/product"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.SetBasicAuth(key, "")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode
	}
	identify := `{"type":"identify","messageId":"m1","userId":"u-1","traits":{"email":"ada@brightwater.example","name":"Ada Brightwater"},"timestamp":"2026-02-01T10:00:00Z"}`
	if status := call("/v1/identify", "another-key-altogether", identify); status != http.StatusUnauthorized {
		t.Errorf("a wrong key got %d", status)
	}
	if status := call("/v1/identify", "a-key-of-the-product", identify); status != http.StatusOK {
		t.Fatalf("identify got %d", status)
	}
	if status := call("/v1/track", "a-key-of-the-product", `{"type":"track","messageId":"m2","userId":"u-1","event":"Report exported","timestamp":"2026-02-01T10:05:00Z"}`); status != http.StatusOK {
		t.Errorf("track got %d", status)
	}
	changes := bufio.NewScanner(live.Body)
	after(t, changes, "data: ")
	status, body := get(t, url+"/api/v1/customers?search=brightwater", token)
	if status != http.StatusOK || !strings.Contains(string(body), "Brightwater") {
		t.Errorf("customers: %d %s", status, body)
	}
}
