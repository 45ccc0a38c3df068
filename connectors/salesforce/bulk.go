package salesforce

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors/rest"
)

const (
	// jobRows is the size of a part of a job's result. A page should stay well below what an answer may have.
	jobRows = "5000"
	// pollEvery and polls are how a call waits for a job before it gives an empty page back.
	pollEvery, polls = 5 * time.Second, 6
)

// chooseJob reads a first round by a job of Bulk API 2.0 where there are many records.
func (p *pull) chooseJob(ctx context.Context) error {
	if p.conn.bulkAbove < 0 || p.cur.NoJob {
		return nil
	}
	if p.conn.bulkAbove > 0 {
		a, err := p.conn.query(ctx, question{object: p.shape.object, soql: "SELECT COUNT() FROM " + p.shape.object})
		if err != nil {
			return err
		}
		if p.cur.Total = a.TotalSize; p.cur.Total <= p.conn.bulkAbove {
			return nil
		}
	}
	p.cur.Phase = phaseJob
	return nil
}

// jobInfo is what Salesforce tells of a job.
type jobInfo struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Message string `json:"errorMessage"`
}

// job goes on with a job: creates it, waits for it, reads a part of its result. Where a job fails, the round is
// read by queries instead.
func (p *pull) job(ctx context.Context) error {
	p.page.More, p.page.Total = true, p.cur.Total
	var err error
	switch {
	case p.cur.Job == "":
		err = p.create(ctx)
	case !p.cur.Ready:
		err = p.await(ctx)
	default:
		err = p.results(ctx)
	}
	var e *canon.Error
	if errors.As(err, &e) && (e.Code == "not_found" || e.Code == "job.failed" || e.Code == "request.refused" || e.Code == "object.missing" || e.Code == "object.no_bulk") {
		p.conn.log.Warn("the query job has failed; reading page by page", "stream", p.object.stream, "because", e.Message)
		p.page.Records, p.page.Rejects = nil, nil
		p.cur.enter(phaseFull)
		p.cur.NoJob = true
		return nil
	}
	return err
}

func (p *pull) create(ctx context.Context) error {
	body, err := json.Marshal(map[string]string{
		"operation": "query", "query": "SELECT " + strings.Join(p.shape.names(), ",") + " FROM " + p.shape.object,
		"contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
	})
	if err != nil {
		return err
	}
	// A job that was created twice costs nothing but itself.
	info, err := p.askJob(ctx, rest.Call{Method: http.MethodPost, Path: p.conn.base + "/jobs/query", Body: body, Idempotent: true})
	if err != nil {
		return err
	}
	p.cur.Job = info.ID
	return nil
}

func (p *pull) askJob(ctx context.Context, call rest.Call) (jobInfo, error) {
	var info jobInfo
	answer, err := p.conn.Do(ctx, call)
	if err != nil {
		return info, about(p.shape.object, err)
	}
	if err := json.Unmarshal(answer.Body, &info); err != nil || !isID(info.ID) {
		return info, canon.Errorf("page.shape", "Salesforce's answer about a query job cannot be read").WithHint("instance_url may lead elsewhere than to an org.")
	}
	return info, nil
}

// await asks for the job's state for a while. A page without records lets the cursor be saved meanwhile.
func (p *pull) await(ctx context.Context) error {
	for i := range polls {
		if i > 0 {
			select {
			case <-ctx.Done():
				e := canon.Errorf("interrupted", "waiting for a query job was interrupted: %w", ctx.Err())
				e.Retry = true
				return e
			case <-time.After(pollEvery):
			}
		}
		info, err := p.askJob(ctx, rest.Call{Path: p.conn.base + "/jobs/query/" + p.cur.Job})
		if err != nil {
			return err
		}
		switch info.State {
		case "JobComplete":
			p.cur.Ready = true
			return nil
		case "Failed", "Aborted":
			return canon.Errorf("job.failed", "the query job of %s is %s: %.300s", p.shape.object, info.State, p.conn.Redact(info.Message)).
				WithHint("Hub reads page by page instead.")
		}
	}
	return nil
}

func (p *pull) results(ctx context.Context) error {
	q := url.Values{"maxRecords": {jobRows}}
	if p.cur.Locator != "" {
		q.Set("locator", p.cur.Locator)
	}
	answer, err := p.conn.Do(ctx, rest.Call{Path: p.conn.base + "/jobs/query/" + p.cur.Job + "/results", Query: q, Accept: "text/csv", Any: true})
	if err != nil {
		return about(p.shape.object, err)
	}
	rows, err := p.csvRows(answer.Body)
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(answer.Header.Get("Sforce-NumberOfRecords")); err == nil && n != len(rows)+len(p.page.Rejects) {
		e := canon.Errorf("page.cut", "Salesforce sent %d of %d records of %s", len(rows)+len(p.page.Rejects), n, p.shape.object).WithHint("Hub tries again later.")
		e.Retry = true
		return e
	}
	if err := p.tell(ctx, rows); err != nil {
		return err
	}
	switch next := answer.Header.Get("Sforce-Locator"); {
	case next == "" || next == null:
		p.advance()
	case p.cur.Guard.repeats(next):
		return circle(p.object.stream)
	default:
		p.cur.Locator = next
	}
	return nil
}

// csvRows reads a part of a job's result.
func (p *pull) csvRows(body []byte) ([]row, error) {
	in := csv.NewReader(bytes.NewReader(body))
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return nil, canon.Errorf("page.shape", "the result of a query job of %s is no CSV", p.shape.object).WithHint("A proxy between Hub and Salesforce may have answered.")
	}
	names := append([]string(nil), head...)
	var rows []row
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, canon.Errorf("page.shape", "the result of a query job of %s is no CSV: %w", p.shape.object, err).WithHint("Hub tries again in the next round.")
		}
		r := row{}
		for i, cell := range cells {
			r[names[i]] = textValue(p.shape.kinds[names[i]], strings.ToValidUTF8(cell, "\uFFFD"))
		}
		if r.text("Id") == "" {
			p.reject(r.json())
			continue
		}
		rows = append(rows, r)
	}
}
