package sandbox

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// sfJob is a query job of Bulk API 2.0.
type sfJob struct {
	id, query, operation, state string
	q                           *soql
	rows                        []*item
	polls                       int
}

// sfCSV gives the results of jobs their media type, which the gate does not know.
type sfCSV struct{ next http.Handler }

type sfCSVWriter struct{ http.ResponseWriter }

func (w sfCSVWriter) WriteHeader(status int) {
	if status == http.StatusOK && strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		w.Header().Set("Content-Type", "text/csv")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (h sfCSV) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/results") {
		w = sfCSVWriter{w}
	}
	h.next.ServeHTTP(w, r)
}

func (s *sfServer) jobRoutes(route func(string, func(*call) reply)) {
	known := func(fn func(*call, *sfJob) reply) func(*call) reply {
		return func(c *call) reply {
			if j := s.jobs[c.PathValue("id")]; j != nil {
				return fn(c, j)
			}
			return sfError(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
		}
	}
	route("POST /jobs/query", s.createJob)
	route("GET /jobs/query", func(c *call) reply {
		list := []doc{}
		for _, j := range s.jobs {
			list = append(list, j.shape(c))
		}
		slices.SortFunc(list, func(a, b doc) int { return strings.Compare(as[string](a["id"]), as[string](b["id"])) })
		return reply{status: http.StatusOK, body: doc{"done": true, "records": list}}
	})
	route("GET /jobs/query/{id}", known(func(c *call, j *sfJob) reply {
		// A job waits and works for a while.
		if j.polls++; j.state == "UploadComplete" {
			j.state = "InProgress"
		} else if j.state == "InProgress" && j.polls > 1 {
			j.state = "JobComplete"
		}
		return reply{status: http.StatusOK, body: j.shape(c)}
	}))
	route("PATCH /jobs/query/{id}", known(func(c *call, j *sfJob) reply {
		j.state = "Aborted"
		return reply{status: http.StatusOK, body: j.shape(c)}
	}))
	route("DELETE /jobs/query/{id}", known(func(_ *call, j *sfJob) reply {
		delete(s.jobs, j.id)
		return reply{status: http.StatusNoContent}
	}))
	route("GET /jobs/query/{id}/results", known(s.results))
}

func (s *sfServer) createJob(c *call) reply {
	var in struct{ Operation, Query, ContentType, ColumnDelimiter, LineEnding string }
	if err := json.Unmarshal(c.raw, &in); err != nil {
		return sfError(http.StatusBadRequest, "JSON_PARSER_ERROR", err.Error())
	}
	if in.Operation != "query" && in.Operation != "queryAll" {
		return sfError(http.StatusBadRequest, "INVALID_INPUT", "operation must be query or queryAll")
	}
	q, err := parseSOQL(in.Query, s.types)
	if err != nil {
		return sfRefusal(err)
	}
	for _, f := range q.fields {
		if f.kind == "address" {
			return sfError(http.StatusBadRequest, "API_ERROR", "Selecting compound data not supported in Bulk Query")
		}
	}
	id := "750" + sfLong("5e0000" + canon.Hash([]byte(in.Query + s.world.now.String()))[:9])[:15]
	j := &sfJob{id: id, query: in.Query, operation: in.Operation, state: "UploadComplete", q: q, rows: q.run(s.rows(q.typ, in.Operation == "queryAll"))}
	s.jobs[id] = j
	return reply{status: http.StatusOK, body: j.shape(c)}
}

func (j *sfJob) shape(c *call) doc {
	version, _ := strconv.ParseFloat(strings.TrimPrefix(c.PathValue("v"), "v"), 64)
	d := doc{
		"id": j.id, "operation": j.operation, "object": j.q.typ.name, "state": j.state, "createdById": sfID("005", 1), "createdDate": "2026-01-01T00:00:00.000+0000",
		"systemModstamp": "2026-01-01T00:00:00.000+0000", "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": version, "jobType": "V2Query",
		"lineEnding": "LF", "columnDelimiter": "COMMA",
	}
	if j.state == "JobComplete" {
		d["numberRecordsProcessed"], d["retries"], d["totalProcessingTime"] = len(j.rows), 0, 12
	}
	return d
}

// results answers with a part of a job's rows as CSV. Sforce-Locator says where the next part is, "null" on the
// last.
func (s *sfServer) results(c *call, j *sfJob) reply {
	if j.state != "JobComplete" {
		return sfError(http.StatusBadRequest, "INVALIDJOBSTATE", "Job is not complete")
	}
	from, most := 0, 50000
	if n, err := strconv.Atoi(c.query.Get("maxRecords")); err == nil && n > 0 {
		most = n
	}
	if l := c.query.Get("locator"); l != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(l, "MT"))
		if err != nil || n < 0 || n > len(j.rows) {
			return sfError(http.StatusBadRequest, "INVALID_LOCATOR", "invalid locator")
		}
		from = n
	}
	end := min(from+most, len(j.rows))
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	head := make([]string, len(j.q.fields))
	for i, f := range j.q.fields {
		head[i] = f.name
	}
	_ = w.Write(head) // a buffer takes everything
	for _, it := range j.rows[from:end] {
		row := make([]string, len(head))
		for i, f := range j.q.fields {
			row[i] = sfCell(j.q.typ.value(f, it), f.kind)
		}
		_ = w.Write(row)
	}
	w.Flush()
	locator := "null"
	if end < len(j.rows) {
		locator = "MT" + strconv.Itoa(end)
	}
	if c.repeat && from > 0 {
		locator = c.query.Get("locator")
	}
	return reply{status: http.StatusOK, text: b.String(), header: map[string]string{
		"Sforce-Locator": locator, "Sforce-NumberOfRecords": strconv.Itoa(end - from),
	}}
}

// sfCell is a value as Bulk writes it: everything is text, nothing is the empty text, times end in Z, and
// numbers keep a decimal place.
func sfCell(v any, kind string) string {
	switch x := v.(type) {
	case nil:
		return ""
	case float64:
		if kind != "int" && x == float64(int64(x)) {
			return strconv.FormatFloat(x, 'f', 1, 64)
		}
		return strconv.FormatFloat(x, 'g', -1, 64)
	case string:
		if kind == "datetime" {
			return strings.TrimSuffix(x, "+0000") + "Z"
		}
		return x
	}
	return fmt.Sprint(v)
}
