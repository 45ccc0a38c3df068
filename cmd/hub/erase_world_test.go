package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// peopleYAML maps the little CRM of the tests of erasures.
const peopleYAML = `streams:
  accounts:
    rules:
      - kind: company
        created_at: created
        fields: {name: name, domains: domain, email: billing_email, phone: phone}
  people:
    rules:
      - kind: contact
        created_at: created
        owners: {kind: company, stream: accounts, id: account}
        fields: {first_name: first, last_name: last, emails: email, email_verified: verified, phone: phone}
  deals:
    rules:
      - kind: deal
        created_at: created
        owners: {kind: company, stream: accounts, id: account}
        fields: {name: name, status: status, amount: {money: {amount: amount, currency: EUR, unit: major}}}
  tickets:
    rules:
      - kind: ticket
        created_at: created
        owners:
          - {kind: company, stream: accounts, id: account}
          - {kind: contact, stream: people, id: person}
        fields: {subject: subject, status: status}
`

// What the person of these tests is known by, as it stands in the vendors' records.
const (
	theMail  = "philippa.fairweather@umbrella.example"
	theName  = "Philippa Fairweather"
	thePhone = "+49 (30) 5559 81-73"
)

// theTraces are found by a search that knows no formats.
var theTraces = []string{"philippa.fairweather", "philippa fairweather", "fairweather, philippa", "5559 81-73", "0305559817", "3055598173", "030 55 59 81 73"}

// row is a line of a file.
type row map[string]any

// peopleWorld returns the files of the world. Without is what it would be had the person never been, and others'
// records said of her what an erasure leaves.
func peopleWorld(without bool) map[string][]row {
	said := func(s string) string {
		if without {
			return "[erased]"
		}
		return s
	}
	w := map[string][]row{}
	for i := range 12 {
		id := fmt.Sprintf("a%d", i)
		w["accounts"] = append(w["accounts"], row{"id": id, "name": fmt.Sprintf("Company Number%d", i), "domain": fmt.Sprintf("number%d.example", i),
			"phone": fmt.Sprintf("+49 89 700%04d", i), "created": "2025-01-02T00:00:00Z"})
		w["people"] = append(w["people"], row{"id": "p" + id, "first": "Otto", "last": fmt.Sprintf("Number%d", i), "email": fmt.Sprintf("otto@number%d.example", i),
			"verified": true, "account": id, "created": "2025-01-03T00:00:00Z"})
		w["deals"] = append(w["deals"], row{"id": "d" + id, "account": id, "name": fmt.Sprintf("Deal %d", i), "status": "won", "amount": 100 * i, "created": "2025-02-01T00:00:00Z"})
		w["tickets"] = append(w["tickets"], row{"id": "t" + id, "account": id, "person": "p" + id, "subject": fmt.Sprintf("Ticket %d", i), "status": "open", "created": "2025-03-01T00:00:00Z"})
	}
	w["accounts"][3]["billing_email"] = said(theMail)
	w["accounts"][3]["domain"] = "umbrella.example"
	w["deals"] = append(w["deals"], row{"id": "d99", "account": "a4", "name": said("Introduced by " + theName), "status": "open", "created": "2025-02-03T00:00:00Z", "amount": 5},
		row{"id": "d98", "account": "a5", "name": "A deal", "status": said("call 030 55 59 81 73"), "created": "2025-02-03T00:00:00Z", "amount": 5})
	w["tickets"] = append(w["tickets"], row{"id": "t99", "account": "a4", "person": "pa4", "subject": said("fairweather, philippa asks"), "status": "open", "created": "2025-03-04T00:00:00Z"})
	if !without {
		w["people"] = append(w["people"], row{"id": "p90", "first": "Philippa", "last": "Fairweather", "email": theMail, "verified": true, "phone": thePhone, "account": "a3", "created": "2025-01-05T00:00:00Z"},
			row{"id": "p91", "first": "Pippa", "last": "Fairweather", "email": "Philippa.Fairweather+news@Umbrella.example", "created": "2025-01-06T00:00:00Z"})
		w["tickets"] = append(w["tickets"], row{"id": "t90", "account": "a3", "person": "p90", "subject": "My own ticket, 3055598173", "status": "open", "created": "2025-03-05T00:00:00Z"})
	}
	return w
}

// settle writes the files of a world and a hub.yaml that reads them, and returns the folder.
func settle(t *testing.T, world map[string][]row, hook string) string {
	t.Helper()
	dir := t.TempDir()
	var streams strings.Builder
	for _, name := range []string{"accounts", "people", "deals", "tickets"} {
		var b bytes.Buffer
		for _, r := range world[name] {
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(append(line, '\n'))
		}
		writeFile(t, filepath.Join(dir, "world", name+".jsonl"), b.String())
		fmt.Fprintf(&streams, "      - {name: %s, options: {path: %s.jsonl, id: id, version: created}}\n", name, name)
	}
	writeFile(t, filepath.Join(dir, "mapping.yaml"), peopleYAML)
	yaml := "data_dir: hub-data\nas_of: 2025-06-01T00:00:00Z\nconnections:\n  - name: crm\n    connector: file\n    mapping: mapping.yaml\n    settings: {folder: world}\n    streams:\n" + streams.String()
	if hook != "" {
		yaml += "webhooks:\n  - {name: all, url: \"" + hook + "\", secrets: [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"], types: [\"*\"], backfill: all, concurrency: 8}\nwebhooks_allow: [127.0.0.0/8]\n"
	}
	writeFile(t, filepath.Join(dir, "hub.yaml"), yaml)
	return dir
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// echo answers every call with what it got, so that attempts keep it too.
func echo(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// hubDo runs hub in dir and wants it to succeed.
func hubDo(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd, out := program(t.Context(), t, dir, args...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("hub %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out.String()
}

// tracesIn searches a data folder for what the person was known by: the bytes of every file, and what the store holds
// compressed.
func tracesIn(t *testing.T, dir string) []string {
	t.Helper()
	return tracesOfIn(t, dir, theTraces)
}

func tracesOfIn(t *testing.T, dir string, traces []string) []string {
	t.Helper()
	var out []string
	look := func(where string, b []byte) {
		low := bytes.ToLower(b)
		for _, text := range traces {
			if i := bytes.Index(low, []byte(text)); i >= 0 {
				out = append(out, fmt.Sprintf("%s holds %q: …%.120q", where, text, low[max(0, i-40):min(len(low), i+80)]))
			}
		}
	}
	data := filepath.Join(dir, "hub-data")
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		look(path, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), storeOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.EachText(t.Context(), func(r canon.TextRow) error {
		look(r.Table, []byte(strings.Join(r.Values, "\n")))
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	return out
}

// storeOf returns where the store of a folder is: a PostgreSQL that a file in it names, or the file of SQLite.
func storeOf(dir string) string {
	if b, err := os.ReadFile(filepath.Join(dir, "store.url")); err == nil {
		return string(b)
	}
	return filepath.Join(dir, "hub-data", "hub.db")
}

func noTraces(t *testing.T, when, dir string) {
	t.Helper()
	for _, trace := range tracesIn(t, dir) {
		t.Errorf("%s: %s", when, trace)
	}
}
