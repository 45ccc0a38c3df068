package rest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/lifecyclehub/hub/canon"
)

// pollsPerCall is how often one call of Pull asks about a job before it hands the cursor back.
const pollsPerCall = 12

// jobState is a job as the cursor carries it.
type jobState struct {
	ID string `json:"id,omitempty"`
	// At is when the job was created, Tries how many were for this list, Polls how often the last was asked
	// about. Done says that it can be downloaded.
	At    int64 `json:"at,omitempty"`
	Tries int   `json:"tries,omitempty"`
	Polls int   `json:"polls,omitempty"`
	Done  bool  `json:"done,omitempty"`
}

// fetchJob reads one page of what a job prepares. ready is false where there is none yet: the cursor then says
// how far the job is.
func (p *pull) fetchJob(ctx context.Context, feed Feed) (f fetched, ready bool, err error) {
	job := jobState{}
	if p.cur.Job != nil {
		job = *p.cur.Job
	}
	p.cur.Job = &job
	switch {
	case job.ID == "":
		return fetched{}, false, p.createJob(ctx, feed.Job, &job)
	case !job.Done:
		return fetched{}, false, p.pollJob(ctx, feed.Job, &job)
	}
	answer, err := p.conn.send(ctx, feed.Job.Download, p.scope(), or(feed.Job.Format, "csv") != "json")
	if canon.CodeOf(err) == "not_found" {
		// Results are kept for a while only. The list begins anew: records come twice rather than never.
		return fetched{}, false, p.againJob(feed.Job, &job, "its results are gone")
	}
	if err != nil {
		return fetched{}, false, err
	}
	f = fetched{header: answer.Header, base: p.conn.client.base, skipped: answer.Status >= 400}
	if f.body.Result, err = parseBody(or(feed.Job.Format, "csv"), answer.Body); err != nil {
		return fetched{}, false, err
	}
	return f, true, p.items(&f, feed, feed.Job.Download.Path)
}

func (p *pull) createJob(ctx context.Context, rule *Job, job *jobState) error {
	answer, err := p.conn.send(ctx, rule.Create, p.scope(), false)
	if err != nil {
		return err
	}
	id := text(gjson.GetBytes(answer.Body, rule.ID))
	if id == "" {
		return canon.Errorf("job.no_id", "the vendor made a job for %s and did not name it at %q", p.st.Name, rule.ID).
			WithHint("The vendor's API may have changed.")
	}
	*job = jobState{ID: id, At: p.now.UnixMicro(), Tries: job.Tries + 1}
	return nil
}

// pollJob asks a few times, and leaves it to the next call where the job is not done by then.
func (p *pull) pollJob(ctx context.Context, rule *Job, job *jobState) error {
	for range pollsPerCall {
		answer, err := p.conn.send(ctx, rule.Poll, p.scope(), false)
		switch {
		case canon.CodeOf(err) == "not_found":
			return p.againJob(rule, job, "it is gone")
		case err != nil:
			return err
		}
		job.Polls++
		status := text(gjson.GetBytes(answer.Body, rule.Status))
		switch {
		case slices.Contains(rule.Done, status):
			job.Done = true
			return nil
		case slices.Contains(rule.Failed, status):
			return p.againJob(rule, job, "it ended as "+p.conn.client.redact(head([]byte(status), 60)))
		case p.conn.now().Sub(micros(job.At)) > time.Duration(or(rule.Timeout, Duration(30*time.Minute))):
			return p.againJob(rule, job, "it took too long")
		}
		timer := time.NewTimer(time.Duration(or(rule.Every, Duration(5*time.Second))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return p.conn.client.interrupted(ctx.Err())
		}
	}
	return nil
}

// againJob lets the list begin anew with another job, unless enough were tried.
func (p *pull) againJob(rule *Job, job *jobState, why string) error {
	// An hour later the vendor may have recovered: then the count begins anew.
	if p.now.Sub(micros(job.At)) > time.Hour {
		job.Tries = 0
	}
	if job.Tries >= or(rule.Attempts, 3) {
		err := canon.Errorf("job.failed", "the vendor's job for %s did not succeed in %d attempts: %s", p.st.Name, job.Tries, why).
			WithHint("Look at the vendor's list of jobs; the round goes on with a new job when it is tried again.")
		err.Retry = true
		return err
	}
	tries := job.Tries
	p.cur.restart()
	p.cur.Job = &jobState{Tries: tries}
	return nil
}

// jobNext is the token of a download's next page.
func jobNext(rule *Job, f fetched) string {
	token := strings.TrimSpace(f.header.Get(rule.Locator))
	if token == "null" {
		return ""
	}
	return token
}
