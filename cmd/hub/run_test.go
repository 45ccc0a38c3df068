package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestRun keeps a real hub run going: it serves the API, keeps others from its data, hears of what happens at the
// vendors, and stops in good order.
func TestRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signal to stop a process gently with")
	}
	st, dir := play(t, 20)
	thaw(t, dir)
	cmd, _ := program(t.Context(), t, dir, "run")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	t.Cleanup(func() {
		if t.Failed() {
			_ = cmd.Process.Kill()
			t.Logf("stderr: %s", &stderr)
		}
	})
	url := after(t, lines, "console and API at ")
	token := after(t, lines, "own): ")
	after(t, lines, "first round: ")

	other, text := program(t.Context(), t, dir, "sync")
	if err := other.Run(); err == nil || !strings.Contains(text.String(), "another hub is running") {
		t.Errorf("a second hub on the same data: %v\n%s", err, text)
	}
	reading, text := program(t.Context(), t, dir, "customers", "--limit", "1")
	if err := reading.Run(); err != nil {
		t.Errorf("reading beside: %v\n%s", err, text)
	}

	if status, _ := get(t, url+"/api/v1/overview", "wrong-token-wrong-token"); status != http.StatusUnauthorized {
		t.Errorf("a wrong token got %d", status)
	}
	status, body := get(t, url+"/api/v1/overview", token)
	var overview struct{ Customers int64 }
	if err := json.Unmarshal(body, &overview); err != nil || status != http.StatusOK || overview.Customers == 0 {
		t.Errorf("overview: %d %s (%v)", status, body, err)
	}
	if status, body := get(t, url+"/metrics", token); status != http.StatusOK || !strings.Contains(string(body), "hub_records_total") {
		t.Errorf("metrics: %d %.200s", status, body)
	}

	var connections struct {
		Connections []struct {
			Name    string
			Budgets []struct {
				Name string
				Sent int64
			}
		}
	}
	status, body = get(t, url+"/api/v1/connections", token)
	if err := json.Unmarshal(body, &connections); err != nil || status != http.StatusOK || len(connections.Connections) != 3 {
		t.Errorf("connections: %d %s (%v)", status, body, err)
	}
	for _, c := range connections.Connections {
		sent := int64(0)
		for _, b := range c.Budgets {
			sent += b.Sent
		}
		if sent == 0 {
			t.Errorf("%s tells nothing of its budgets: %+v", c.Name, c)
		}
	}

	// Something happens at a vendor, and the stream of changes tells of it.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/stream?backfill=false", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	for range 5 {
		st.world.Step(time.Now().Add(-worldLag))
	}
	after(t, bufio.NewScanner(res.Body), "data: ")

	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("run ended with %v\n%s", err, &stderr)
	}
	if strings.Contains(stderr.String(), "@") {
		t.Errorf("personal data in the log: %s", &stderr)
	}
}

// thaw lets the hub of a folder go by the real clock, on a free port.
func thaw(t *testing.T, dir string) {
	t.Helper()
	name := dir + "/hub.yaml"
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\n")
	rest = strings.Replace(rest, "sync: {every: 3s}", "sync: {every: 1s}\napi: {listen: \"127.0.0.1:0\"}", 1)
	if err := os.WriteFile(name, []byte(rest), 0o600); err != nil {
		t.Fatal(err)
	}
}

// after reads lines until one holds mark, and returns what follows it there.
func after(t *testing.T, lines *bufio.Scanner, mark string) string {
	t.Helper()
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), mark); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("nothing said %q (%v)", mark, lines.Err())
	return ""
}

func get(t *testing.T, url, token string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b
}
