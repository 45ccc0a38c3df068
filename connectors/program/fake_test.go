package program_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or, started again by the connector, plays the program.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "play" {
		play(os.Args[2], os.Args[3:])
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// fake is the command of this binary as a program that behaves as the part says.
func fake(t *testing.T, part string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal([]string{exe, "play", part})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// secret is in every fake's configuration, and must be nowhere else.
const secret = "a-very-secret-token"

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func record(id int) { say(`{"type":"RECORD","stream":"users","record":{"id":%d}}`, id) }

func state(n int) { say(`{"type":"STATE","value":{"n":%d}}`, n) }

// argument returns what follows name.
func argument(args []string, name string) string {
	if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

// play is the program's side.
func play(part string, args []string) {
	if slices.Contains(args, "--discover") {
		say(`{"streams":[{"tap_stream_id":"users","stream":"users","key_properties":["id"],"schema":{},"metadata":[]},{"tap_stream_id":"notes","stream":"notes","schema":{}}]}`)
		return
	}
	for _, parts := range []map[string]func(args []string){faultyTaps(), taps()} {
		if act, ok := parts[part]; ok {
			act(args)
			return
		}
	}
	playSource(part, args)
}

// faultyTaps are the parts of Singer taps that go wrong.
func faultyTaps() map[string]func(args []string) {
	return map[string]func(args []string){
		"huge": func([]string) {
			record(1)
			say(`{"type":"RECORD","stream":"users","record":{"id":2,"x":"%s"}}`, strings.Repeat("x", 2<<20))
			record(3)
			state(1)
		},
		"garbage": func([]string) {
			say("Downloading things with " + secret)
			say(`{"type":"RECORD","stream":"users",`)
			say(`{"type":"DANCE"}`)
			say(`{"type":"RECORD","stream":"users","record":[1]}`)
			say(`{"type":"RECORD","stream":"users","record":{"id":null}}`)
			say(`{"type":"RECORD","stream":"others","record":{"id":9}}`)
			say("{\"type\":\"RECORD\",\"stream\":\"users\",\"record\":{\"id\":\"\xff\"}}")
			record(1)
			record(1)
			fmt.Print(`{"type":"STATE","value":{"n":1}}`)
		},
		"dies": func(args []string) {
			record(1)
			record(2)
			state(2)
			record(3)
			fmt.Print(`{"type":"RECORD","stream":"users","rec`)
			fmt.Fprintln(os.Stderr, "cannot go on with token="+secret)
			os.Exit(3)
		},
		"stubborn": func([]string) {
			signal.Ignore(syscall.SIGTERM)
			record(1)
			state(1)
			for n := 2; ; n++ {
				record(n)
				state(n)
			}
		},
		"hangs": func([]string) { record(1); <-time.After(time.Hour) },
	}
}

// taps are the parts of Singer taps that do something unusual.
func taps() map[string]func(args []string) {
	return map[string]func(args []string){
		"rotates": func(args []string) {
			path := argument(args, "--config")
			b, err := os.ReadFile(path)
			if err != nil {
				os.Exit(1)
			}
			record(1)
			say(`{"type":"RECORD","stream":"users","record":{"id":2,"had":%q}}`, strings.Trim(string(b), "{}\n"))
			if os.WriteFile(path, []byte(`{"token":"the-second-token"}`), 0o600) != nil {
				os.Exit(1)
			}
		},
		"tells": tell,
		"leaves": func([]string) {
			child := exec.Command(os.Args[0], "play", "hangs")
			child.Stdout, child.Stderr = os.Stdout, os.Stderr
			if child.Start() != nil {
				os.Exit(1)
			}
			record(2)
		},
		"lists": func(args []string) {
			version := 7
			if argument(args, "--state") != "" {
				version = 8
			}
			for id := range 3 {
				say(`{"type":"RECORD","stream":"users","version":%d,"record":{"id":%d}}`, version, id)
			}
			say(`{"type":"ACTIVATE_VERSION","stream":"users","version":%d}`, version)
			state(version)
		},
		"keyless": func([]string) {
			say(`{"type":"SCHEMA","stream":"notes","schema":{},"key_properties":[]}`)
			say(`{"type":"RECORD","stream":"notes","record":{"id":1,"a":2}}`)
			say(`{"type":"RECORD","stream":"notes","record":{"a":3,"id":1}}`)
			say(`{"type":"RECORD","stream":"notes","record":{"a": 2,"id":1}}`)
		},
		"silent about state": func([]string) {
			for id := range 30 {
				record(id)
			}
		},
		"files": func([]string) { say(`{"type":"BATCH","stream":"users","manifest":[]}`) },
		"grows": func([]string) {
			var all [][]byte
			for {
				all = append(all, make([]byte, 1<<20))
				for i := range all[len(all)-1] {
					all[len(all)-1][i] = byte(len(all))
				}
				if len(all) > 4096 {
					return
				}
			}
		},
	}
}

// tell prints what a program can see of Hub.
func tell(args []string) {
	info, err := os.Stat(argument(args, "--config"))
	if err != nil {
		os.Exit(1)
	}
	b, err := json.Marshal(map[string]any{"id": 1, "args": args, "env": os.Environ(), "mode": info.Mode().String()})
	if err != nil {
		os.Exit(1)
	}
	say(`{"type":"RECORD","stream":"users","record":%s}`, b)
}

// playSource is an Airbyte source's side.
func playSource(part string, args []string) {
	airbyteRecord := func(id int) {
		say(`{"type":"RECORD","record":{"stream":"users","data":{"id":%d,"at":"2026-01-01T00:%02d:00Z"},"emitted_at":1767322800000}}`, id, id)
	}
	airbyteState := func(n, records int) {
		say(`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"n":%d}},"sourceStats":{"recordCount":%d.0}}}`, n, records)
	}
	switch args[0] {
	case "spec":
		say(`{"type":"SPEC","spec":{"connectionSpecification":{"required":["token"]}}}`)
	case "check":
		status := "SUCCEEDED"
		if part == "refuses" {
			status = "FAILED"
		}
		say(`{"type":"CONNECTION_STATUS","connectionStatus":{"status":%q,"message":"about %s"}}`, status, secret)
	case "discover":
		say(`{"type":"LOG","log":{"level":"INFO","message":"looking with %s"}}`, secret)
		say(`{"type":"CATALOG","catalog":{"streams":[{"name":"users","json_schema":{},"supported_sync_modes":["full_refresh","incremental"],` +
			`"source_defined_primary_key":[["id"]],"default_cursor_field":["at"]},{"name":"plans","json_schema":{},"supported_sync_modes":["full_refresh"]}]}}`)
	case "read":
		playRead(part, args, airbyteRecord, airbyteState)
	}
}

func playRead(part string, args []string, record func(int), state func(n, records int)) {
	switch part {
	case "rows":
		var was []struct {
			Stream struct {
				State struct {
					N int `json:"n"`
				} `json:"stream_state"`
			} `json:"stream"`
		}
		n := 0
		if b, err := os.ReadFile(argument(args, "--state")); err == nil && json.Unmarshal(b, &was) == nil && len(was) == 1 {
			n = was[0].Stream.State.N
		}
		for n++; n <= 5; n++ {
			record(n)
			state(n, 1)
		}
		say(`{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"users"},"status":"COMPLETE"}}}`)
	case "miscounts":
		record(1)
		state(1, 1)
		record(2)
		state(2, 2)
	case "counts unread":
		record(1)
		say(`{"type":"RECORD",`)
		state(2, 2)
	case "config", "transient":
		record(1)
		say(`{"type":"TRACE","trace":{"type":"ERROR","error":{"message":"no use of %s","failure_type":"%s_error"}}}`, secret, part)
		os.Exit(1)
	case "limited":
		record(1)
		say(`{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"users"},"status":"RUNNING","reasons":[{"type":"RATE_LIMITED","rate_limited":{"quota_reset":1767326400000}}]}}}`)
		os.Exit(1)
	case "incomplete":
		record(1)
		say(`{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"users"},"status":"INCOMPLETE"}}}`)
	case "rotates source":
		record(1)
		say(`{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":1,"connectorConfig":{"config":{"token":"the-second-token"}}}}`)
		os.Exit(9)
	case "whole":
		b, err := os.ReadFile(argument(args, "--catalog"))
		if err != nil || strings.Count(string(b), `"sync_mode":"full_refresh"`) != 1 || argument(args, "--state") != "" {
			os.Exit(1)
		}
		say(`{"type":"RECORD","record":{"stream":"plans","data":{"code":"a"},"emitted_at":1767322800000}}`)
		say(`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"plans"},"stream_state":{"x":1}}}}`)
	}
}
