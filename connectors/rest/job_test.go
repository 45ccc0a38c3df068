package rest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

const jobSpec = `    full:
      job:
        create: {method: POST, path: /jobs, body: {query: all}}
        id: id
        poll: {path: "/jobs/${job}"}
        status: state
        done: [JobComplete]
        failed: [Failed, Aborted]
        every: 20s
        timeout: 10m
        download: {path: "/jobs/${job}/results", query: {locator: "${token}"}, accept: text/csv}
        format: csv
        locator: X-Locator
`

// bulk is a vendor that prepares its lists. States of one job follow each other as they stand in states.
type bulk struct {
	states []string
	jobs   int
	polls  map[string]int
	lost   string
}

func (b *bulk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, results := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/jobs/"), "/results")
	switch {
	case r.Method == http.MethodPost:
		b.jobs++
		send(w, map[string]any{"id": fmt.Sprint("j", b.jobs)})
	case results && id == b.lost:
		w.WriteHeader(http.StatusNotFound)
	case results && r.URL.Query().Get("locator") == "":
		w.Header().Set("X-Locator", "more")
		w.Header().Set("Content-Type", "text/csv")
		io.WriteString(w, "id,name\n1,Brightwater\n2,\"Old, Mill\"\n")
	case results:
		w.Header().Set("X-Locator", "null")
		io.WriteString(w, "id,name\n3,New Harbour\n")
	default:
		states := strings.Fields(b.states[min(b.jobs, len(b.states))-1])
		at := b.polls[id]
		b.polls[id]++
		send(w, map[string]any{"state": states[min(at, len(states)-1)]})
	}
}

// TestJob: a list that the vendor prepares is asked for, waited for and read page by page; each step may be the
// last of a process. A job that fails, or whose results are gone, is made anew, not for ever.
func TestJob(t *testing.T) {
	slow := "New" + strings.Repeat(" InProgress", 14) + " JobComplete"
	for _, c := range []struct {
		name   string
		states []string
		lost   string
		want   string
		jobs   int
	}{
		{"slow", []string{slow}, "", "1 2 3", 1},
		{"fails once", []string{"New Failed", "JobComplete"}, "", "1 2 3", 2},
		{"results gone", []string{"JobComplete", "JobComplete"}, "j1", "1 2 3", 2},
		{"fails always", []string{"Failed"}, "", "job.failed", 3},
		{"never done", []string{"InProgress"}, "", "job.failed", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bulk{states: c.states, lost: c.lost, polls: map[string]int{}}
				if got := readJob(t, b); got != c.want || b.jobs != c.jobs {
					t.Errorf("got %q with %d jobs, want %q with %d", got, b.jobs, c.want, c.jobs)
				}
			})
		})
	}
}

// readJob reads a round, with a new connection for every page.
func readJob(t *testing.T, b *bulk) string {
	t.Helper()
	var pages []connectors.Page
	from := canon.Cursor("")
	began := time.Now()
	for range 200 {
		v := open(t, feedSpec(jobSpec), b, nil)
		v.now = start.Add(time.Since(began))
		p, err := v.Pull(t.Context(), "things", from)
		if err != nil {
			return canon.CodeOf(err)
		}
		if p.Next == from {
			t.Fatal("the cursor does not move")
		}
		pages = append(pages, p)
		if from = p.Next; !p.More {
			return idsOf(pages)
		}
	}
	return "endless"
}
