package connectortest

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// RunDir holds a connector that is a folder of its own to the laws, against the exchange in its
// testdata/exchange.json, and writes a line for each law to out. It is for a program that is no test: while it
// runs it uses the process's flags and standard output, so it is the one thing that the process does then.
// ok says that every law holds. Its error is a canon.Error with code connector.exchange.
func RunDir(def connectors.Definition, dir string, out io.Writer) (ok bool, err error) {
	x, err := readExchange(filepath.Join(dir, "testdata", "exchange.json"))
	if err != nil {
		return false, canon.Errorf("connector.exchange", "%w", err).
			WithHint("Record what the vendor answers into testdata/exchange.json: two pages of each stream, and what its second round asks for.")
	}
	first := &report{name: "definition is complete"}
	definitionIsComplete(first, def)
	reports := []*report{first}
	var tests []testing.InternalTest
	s := &suite{def, x.Options(first)}
	for i, l := range s.laws() {
		r := &report{name: l.name}
		reports = append(reports, r)
		tests = append(tests, testing.InternalTest{Name: fmt.Sprint("Law", i), F: func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r.TB = t
				defer r.panicked()
				l.hold(r, &suite{def, x.Options(r)})
			})
		}})
	}
	if err := runQuietly(tests); err != nil {
		return false, err
	}
	ok = true
	for _, r := range reports {
		word := "ok"
		if len(r.said) > 0 {
			word, ok = "FAILS", false
		}
		if _, err := fmt.Fprintf(out, "%-6s %s\n", word, r.name); err != nil {
			return false, err
		}
		for _, text := range r.said {
			if _, err := fmt.Fprintf(out, "       %s\n", strings.ReplaceAll(text, "\n", "\n       ")); err != nil {
				return false, err
			}
		}
	}
	return ok, nil
}

// runQuietly runs tests outside of go test. The testing package writes its own verdict to standard output, which
// says nothing here, as the reports hold what failed.
func runQuietly(tests []testing.InternalTest) (err error) {
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	stdout := os.Stdout
	os.Stdout = nowhere
	defer func() {
		os.Stdout = stdout
		err = errors.Join(err, nowhere.Close())
	}()
	m := testing.MainStart(alone{}, tests, nil, nil, nil)
	if !flag.Parsed() {
		// The arguments are not those of a test.
		if err := flag.CommandLine.Parse(nil); err != nil {
			return err
		}
	}
	if code := m.Run(); code != 0 {
		return canon.Errorf("connector.laws", "the laws could not be tried to their end").
			WithHint("A law that waits for something that never comes ends like this: look at the connector's paging.")
	}
	return nil
}

// report takes the place of a test for one law: it keeps what is said and lets the run go on.
type report struct {
	testing.TB
	name string
	mu   sync.Mutex
	said []string
}

func (r *report) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, text)
}

func (r *report) panicked() {
	if v := recover(); v != nil {
		r.note(fmt.Sprint("panic: ", v))
	}
}

// Helper, Error and the others are those of testing.TB.
func (r *report) Helper()                           {}
func (r *report) Error(args ...any)                 { r.note(strings.TrimSuffix(fmt.Sprintln(args...), "\n")) }
func (r *report) Errorf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *report) Fail()                             { r.note("failed") }

func (r *report) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.said) > 0
}

// FailNow ends the law; for the testing package it is skipped, as the report knows better.
func (r *report) FailNow() { r.TB.SkipNow() }

func (r *report) Fatal(args ...any) {
	r.Error(args...)
	r.FailNow()
}

func (r *report) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.FailNow()
}

// alone is what the testing package asks of its surroundings: nothing is profiled, covered or fuzzed.
type alone struct{}

// entry is the testing package's corpus entry, which has no name outside of it.
type entry = struct {
	Parent     string
	Path       string
	Data       []byte
	Values     []any
	Generation int
	IsSeed     bool
}

var errNoFuzzing = errors.New("there is no fuzzing here")

func (alone) ImportPath() string                                 { return "" }
func (alone) ModulePath() string                                 { return "" }
func (alone) MatchString(string, string) (bool, error)           { return true, nil }
func (alone) SetPanicOnExit0(bool)                               {}
func (alone) StartCPUProfile(io.Writer) error                    { return nil }
func (alone) StopCPUProfile()                                    {}
func (alone) StartTestLog(io.Writer)                             {}
func (alone) StopTestLog() error                                 { return nil }
func (alone) WriteProfileTo(string, io.Writer, int) error        { return nil }
func (alone) RunFuzzWorker(func(entry) error) error              { return errNoFuzzing }
func (alone) ReadCorpus(string, []reflect.Type) ([]entry, error) { return nil, errNoFuzzing }
func (alone) CheckCorpus([]any, []reflect.Type) error            { return errNoFuzzing }
func (alone) ResetCoverage()                                     {}
func (alone) SnapshotCoverage()                                  {}
func (alone) InitRuntimeCoverage() (string, func(string, string) (string, error), func() float64) {
	return "", func(string, string) (string, error) { return "", nil }, func() float64 { return 0 }
}

func (alone) CoordinateFuzzing(time.Duration, int64, time.Duration, int64, int, []entry, []reflect.Type, string, string) error {
	return errNoFuzzing
}
