package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrongUsage: whatever is wrong with a command line is told with a code, a sentence and a hint, exits 2 and shows
// nothing of the machine room.
func TestWrongUsage(t *testing.T) {
	for _, line := range []string{
		"identity link", "identity link a b c", "identity detach", "identity pin a name", "identity why-not a", "identity bogus", "identity stats extra",
		"identity review --min-score abc", "identity review --min-score 5", "identity review --limit -1", "identity review --kind deal",
		"identity dry-run --limit -3", "identity score --examples -1",
		"timeline", "timeline a b", "timeline a --limit x", "timeline a --limit -1", "timeline a --kind foo", "timeline --all --person a", "timeline a --at foo",
		"export", "erase", "erase a b", "erase list x", "erase a --yes --dry-run", "audit --before x", "audit --limit -5",
		"rebuild x", "rebuild --force", "rebuild --examples -1", "replay", "replay --changes --connection crm", "replay --remap --since 2026-01-31",
		"customers --band blue", "customers --limit -1", "sync x", "nope", "--nope", "connect", "connectors show", "timeline a --limit",
	} {
		var out, complaint bytes.Buffer
		args := append([]string{"-c", filepath.Join(t.TempDir(), "hub.yaml")}, strings.Fields(line)...)
		code := run(t.Context(), args, streams{strings.NewReader(""), &out, &complaint}, func(string) (string, bool) { return "", false })
		said := complaint.String()
		if code != exitUsage || !strings.Contains(said, "[usage]\n") || !strings.Contains(said, "hint:  ") || out.Len() > 0 {
			t.Errorf("hub %s: exit %d, %s%s", line, code, out.String(), said)
		}
		for _, word := range []string{"strconv", "arg(s)", "invalid syntax", "[company", "0x"} {
			if strings.Contains(said, word) {
				t.Errorf("hub %s speaks of %q: %s", line, word, said)
			}
		}
	}
}

// TestAFolderIsNoConfiguration: a folder in place of hub.yaml is a wrong configuration.
func TestAFolderIsNoConfiguration(t *testing.T) {
	var complaint bytes.Buffer
	code := run(t.Context(), []string{"-c", t.TempDir(), "customers"}, streams{strings.NewReader(""), &bytes.Buffer{}, &complaint}, func(string) (string, bool) { return "", false })
	if code != exitConfig || !strings.Contains(complaint.String(), "[config.read]") {
		t.Errorf("exit %d: %s", code, complaint.String())
	}
}

// TestARecordTwice: records that cannot be told apart are not measured, because the figures would be wrong.
func TestARecordTwice(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "eu", "crm.csv"), filepath.Join(dir, "us", "crm.csv")
	for _, file := range []string{one, two} {
		writeFile(t, file, "id,first_name,last_name,cluster\n1,Ana,Lund,a\n2,Bo,Berg,b\n")
	}
	var complaint bytes.Buffer
	code := run(t.Context(), []string{"identity", "score", "--records", one + "," + two, "--truth-column", "cluster"},
		streams{strings.NewReader(""), &bytes.Buffer{}, &complaint}, func(string) (string, bool) { return "", false })
	if code != exitFailed || !strings.Contains(complaint.String(), "[records.twice]") {
		t.Errorf("exit %d: %s", code, complaint.String())
	}
}
