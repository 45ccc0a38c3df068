package main

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/sync/ingest"
	"github.com/lifecyclehub/hub/sync/push"
)

// counters count what this process did, for the summary and for /metrics.
type counters struct {
	records, changed, events, letters  atomic.Int64
	written, verified, failed, refused atomic.Int64
	conflicts                          atomic.Int64

	registry *prometheus.Registry
	pages    *prometheus.CounterVec
	rows     *prometheus.CounterVec
	fields   *prometheus.CounterVec
}

func newCounters(a *app) *counters {
	c := &counters{registry: prometheus.NewRegistry()}
	c.pages = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hub_pages_total", Help: "Pages committed."}, []string{"connection", "stream"})
	c.rows = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hub_records_total", Help: "Records committed, by whether they said something new."}, []string{"connection", "stream", "changed"})
	c.fields = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hub_pushed_fields_total", Help: "Fields written back, by outcome."}, []string{"connection", "stream", "outcome"})
	c.registry.MustRegister(c.pages, c.rows, c.fields, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &stored{a: a})
	return c
}

func (c *counters) ingested(b canon.Batch, r ingest.Result) {
	c.records.Add(int64(r.Records))
	c.changed.Add(int64(r.Changed))
	c.events.Add(int64(r.Events))
	c.letters.Add(int64(r.DeadLetters))
	c.pages.WithLabelValues(b.Connection, b.Stream).Inc()
	c.rows.WithLabelValues(b.Connection, b.Stream, "true").Add(float64(r.Changed))
	c.rows.WithLabelValues(b.Connection, b.Stream, "false").Add(float64(max(r.Records-r.Changed, 0)))
}

func (c *counters) push(t push.Target, r push.Report, err error) {
	c.written.Add(int64(r.Written))
	c.verified.Add(int64(r.Verified))
	c.failed.Add(int64(r.Failed))
	c.conflicts.Add(int64(r.Conflicts))
	if err != nil {
		c.refused.Add(1)
	}
	for outcome, n := range map[string]int{"written": r.Written, "verified": r.Verified, "failed": r.Failed, "conflict": r.Conflicts} {
		c.fields.WithLabelValues(t.Connection, t.Stream, outcome).Add(float64(n))
	}
}

func (c *counters) handler() http.Handler {
	return promhttp.HandlerFor(c.registry, promhttp.HandlerOpts{Registry: c.registry})
}

// stored tells what the store holds whenever metrics are asked for.
type stored struct{ a *app }

var (
	customersDesc  = prometheus.NewDesc("hub_customers", "Customers by stage.", []string{"stage"}, nil)
	deliveriesDesc = prometheus.NewDesc("hub_deliveries", "Webhook deliveries by state.", []string{"state"}, nil)
	lettersDesc    = prometheus.NewDesc("hub_dead_letters", "Inputs that could not be used.", nil, nil)
	freshDesc      = prometheus.NewDesc("hub_stream_succeeded_timestamp_seconds", "When a stream's last round succeeded.", []string{"connection", "stream"}, nil)
)

// Describe implements prometheus.Collector.
func (s *stored) Describe(ch chan<- *prometheus.Desc) {
	ch <- customersDesc
	ch <- deliveriesDesc
	ch <- lettersDesc
	ch <- freshDesc
}

// Collect implements prometheus.Collector.
func (s *stored) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	counts, err := s.a.db.Counts(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(customersDesc, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for k, n := range counts.Stages {
		gauge(customersDesc, float64(n), k)
	}
	for k, n := range counts.Deliveries {
		gauge(deliveriesDesc, float64(n), k)
	}
	gauge(lettersDesc, float64(counts.DeadLetters))
	states, err := s.a.db.Rounds(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(freshDesc, err)
		return
	}
	for _, st := range states {
		if !st.SucceededAt.IsZero() {
			gauge(freshDesc, float64(st.SucceededAt.UnixMilli())/1000, st.Connection, st.Stream)
		}
	}
}
