//go:build unix

package rt_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rtServer is where Debian's packages request-tracker5 and rt5-standalone put the web server.
const rtServer = "/usr/share/request-tracker5/libexec/rt-server"

// server is a real Request Tracker.
type server struct {
	url, user, password, token string
	// perl runs lines with Request Tracker's own library as its system user, as an administrator on the machine
	// could; nil where the server is somebody else's.
	perl func(t *testing.T, lines string) string
}

// realServer returns the server that HUB_TEST_RT names as URL,user,password, or starts one of an own, empty
// database where Request Tracker is installed.
func realServer(t *testing.T) server {
	t.Helper()
	if v := os.Getenv("HUB_TEST_RT"); v != "" {
		parts := strings.SplitN(v, ",", 3)
		if len(parts) != 3 {
			t.Fatal("HUB_TEST_RT must be URL,user,password")
		}
		return server{url: strings.TrimRight(parts[0], "/"), user: parts[1], password: parts[2]}
	}
	setup, err := exec.LookPath("rt-setup-database-5")
	if _, missing := os.Stat(rtServer); err != nil || missing != nil {
		t.Skip("SKIPPED: no Request Tracker: set HUB_TEST_RT=URL,user,password, or install request-tracker5 rt5-standalone rt5-db-sqlite")
	}
	dir := t.TempDir()
	port := freePort(t)
	config := filepath.Join(dir, "RT_SiteConfig.pm")
	// West of UTC, where a time that is taken for a local one is later than meant.
	lines := fmt.Sprintf(`Set($rtname, 'example.com'); Set($Organization, 'example.com'); Set($DatabaseType, 'SQLite');
Set($DatabaseName, '%s/rt.db'); Set($WebDomain, '127.0.0.1'); Set($WebPort, %d); Set($WebPath, '');
Set($Timezone, 'America/Los_Angeles'); Set($LogToSyslog, undef); Set($BcryptCost, 10); Set($LogToSTDERR, 'error'); Set($MailCommand, 'testfile'); 1;`, dir, port)
	if err := os.WriteFile(config, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "RT_SITE_CONFIG="+config, "RT_SITE_CONFIG_DIR="+dir, "TMPDIR="+dir)
	run := func(t *testing.T, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	run(t, setup, "--action", "init", "--dba", "x", "--dba-password", "x", "--skip-create")
	startServer(t, env, port)
	return server{url: fmt.Sprintf("http://127.0.0.1:%d", port), user: "root", password: "password", perl: func(t *testing.T, lines string) string {
		return run(t, "perl", "-I/usr/share/request-tracker5/lib", "-e", "use RT -init; "+lines)
	}}
}

// startServer starts the web server with its children, and waits until it answers.
func startServer(t *testing.T, env []string, port int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, rtServer, "--host", "127.0.0.1", "--port", fmt.Sprint(port))
	cmd.Env = env
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed, as it should be
		if t.Failed() {
			t.Logf("the server said:\n%s", log.String())
		}
	})
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 300 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/REST/2.0/rt", port), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			return
		}
		<-tick.C
	}
	t.Fatal("Request Tracker does not answer")
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
