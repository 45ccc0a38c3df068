package airbyte

import (
	"math"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// action is what an answer leads to.
type action string

const (
	actSuccess action = "SUCCESS"
	actRetry   action = "RETRY"
	actFail    action = "FAIL"
	actIgnore  action = "IGNORE"
	actLimited action = "RATE_LIMITED"
	actReset   action = "RESET_PAGINATION"
	actRefresh action = "REFRESH_TOKEN_THEN_RETRY"
)

// errorHandler judges answers: each of the handlers in turn, as CompositeErrorHandler does.
type errorHandler struct {
	each     []oneHandler
	retries  *tmpl
	backoffs []backoff
}

type oneHandler struct{ filters []responseFilter }

type responseFilter struct {
	action    action
	codes     []int
	contains  string
	predicate *tmpl
	message   *tmpl
}

// verdict is an action with the manifest's own message for it.
type verdict struct {
	action  action
	message string
	// ruled says that a filter of the manifest decided.
	ruled bool
}

// backoff says how long to wait before the next attempt.
type backoff struct {
	kind          string
	factor        *tmpl
	header        *tmpl
	regex         *tmpl
	minWait, most *tmpl
}

func (b *builder) errorHandler(d *dict) (*errorHandler, error) {
	h := &errorHandler{}
	if d == nil {
		h.each = []oneHandler{{}}
		return h, nil
	}
	if err := b.addHandler(h, d, 0); err != nil {
		return nil, err
	}
	if len(h.each) == 0 {
		return nil, b.refuse(d, "a CompositeErrorHandler has no handlers")
	}
	return h, nil
}

func (b *builder) addHandler(h *errorHandler, d *dict, depth int) error {
	switch b.use(d) {
	case "CompositeErrorHandler":
		list, _ := orNil(d, "error_handlers").([]any)
		for _, x := range list {
			c, ok := x.(*dict)
			if !ok || depth > 20 {
				return b.refuse(d, "an error handler is no mapping")
			}
			if err := b.addHandler(h, c, depth+1); err != nil {
				return err
			}
		}
		return nil
	case "DefaultErrorHandler":
	default:
		return b.unknown(d, "the error handler")
	}
	one := oneHandler{}
	filters, _ := orNil(d, "response_filters").([]any)
	for _, x := range filters {
		c, ok := x.(*dict)
		if !ok {
			return b.refuse(d, "a response filter is no mapping")
		}
		f, err := b.responseFilter(c)
		if err != nil {
			return err
		}
		one.filters = append(one.filters, f)
	}
	retries, err := b.tmpl(d, "max_retries")
	if err != nil {
		return err
	}
	if len(h.each) == 0 {
		h.retries = retries
	}
	h.each = append(h.each, one)
	list, _ := orNil(d, "backoff_strategies").([]any)
	for _, x := range list {
		c, ok := x.(*dict)
		if !ok {
			return b.refuse(d, "a backoff strategy is no mapping")
		}
		s, err := b.backoff(c)
		if err != nil {
			return err
		}
		h.backoffs = append(h.backoffs, s)
	}
	return nil
}

func (b *builder) responseFilter(d *dict) (responseFilter, error) {
	if b.use(d) != "HttpResponseFilter" {
		return responseFilter{}, b.unknown(d, "the response filter")
	}
	f := responseFilter{contains: pyStr(orNil(d, "error_message_contains"))}
	if f.contains == "None" {
		f.contains = ""
	}
	if a := orNil(d, "action"); a != nil {
		f.action = action(pyStr(a))
	}
	if !slices.Contains([]action{"", actSuccess, actRetry, actFail, actIgnore, actLimited, actReset, actRefresh}, f.action) {
		return f, b.refuse(d, "the action %s is not supported", f.action)
	}
	codes, _ := orNil(d, "http_codes").([]any)
	for _, c := range codes {
		n, ok := toInt(c)
		if !ok {
			return f, b.refuse(d, "http_codes holds what is no number")
		}
		f.codes = append(f.codes, int(n))
	}
	var err error
	if f.predicate, err = b.tmpl(d, "predicate"); err != nil {
		return f, err
	}
	f.message, err = b.tmpl(d, "error_message")
	return f, err
}

func (b *builder) backoff(d *dict) (backoff, error) {
	s := backoff{kind: b.use(d)}
	keys := map[string]**tmpl{"factor": &s.factor, "header": &s.header, "regex": &s.regex, "min_wait": &s.minWait, "max_waiting_time_in_seconds": &s.most}
	switch s.kind {
	case "ConstantBackoffStrategy":
		keys = map[string]**tmpl{"backoff_time_in_seconds": &s.factor}
	case "ExponentialBackoffStrategy", "WaitTimeFromHeader", "WaitUntilTimeFromHeader":
	default:
		return s, b.unknown(d, "the backoff strategy")
	}
	for key, into := range keys {
		t, err := b.tmpl(d, key)
		if err != nil {
			return s, err
		}
		*into = t
	}
	return s, nil
}

// judge says what to do with an answer.
func (h *errorHandler) judge(resp *response, sc *scope) (verdict, error) {
	var last verdict
	for _, one := range h.each {
		v, err := one.judge(resp, sc)
		if err != nil {
			return v, err
		}
		last = v
		switch v.action {
		case actSuccess, actRetry, actIgnore, actReset:
			return v, nil
		}
	}
	return last, nil
}

func (one oneHandler) judge(resp *response, sc *scope) (verdict, error) {
	for _, f := range one.filters {
		ok, err := f.matches(resp, sc)
		if err != nil {
			return verdict{}, err
		}
		if ok && f.action != "" {
			v := verdict{action: f.action, ruled: true}
			if f.message != nil {
				// A message that cannot be computed must not hide the error it is for.
				if text, err := f.message.text(resp.scope(sc)); err == nil {
					v.message = text
				}
			}
			return v, nil
		}
	}
	return verdict{action: defaultAction(resp.status)}, nil
}

func defaultAction(status int) action {
	switch {
	case status < 400:
		return actSuccess
	case status == http.StatusTooManyRequests:
		return actLimited
	case slices.Contains([]int{400, 401, 403, 404, 405, 410}, status):
		return actFail
	}
	return actRetry
}

func (f responseFilter) matches(resp *response, sc *scope) (bool, error) {
	if slices.Contains(f.codes, resp.status) {
		return true, nil
	}
	if f.predicate != nil && f.predicate.src != "" {
		ok, err := f.predicate.truth(resp.scope(sc))
		if err != nil {
			return false, expression("a predicate of the error handler", err)
		}
		if ok {
			return true, nil
		}
	}
	return f.contains != "" && strings.Contains(errorText(resp.decoded(), 0), f.contains), nil
}

// errorText finds the texts of an answer that tell of an error.
func errorText(v any, depth int) string {
	if depth > 10 {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var parts []string
		for _, x := range v[:min(len(v), 50)] {
			if s := errorText(x, depth+1); s != "" {
				parts = append(parts, s)
			}
		}
		return strings.Join(parts, ", ")
	case *dict:
		for _, k := range []string{"message", "messages", "error", "errors", "failures", "failure", "detail", "details", "err", "error_message", "error_description", "msg", "reason", "status_message", "description", "title"} {
			if x, ok := v.get(k); ok {
				if s := errorText(x, depth+1); s != "" {
					return s
				}
			}
		}
	}
	return ""
}

// wait is how long the manifest says to wait before the next attempt, which is counted from 1.
func (h *errorHandler) wait(resp *response, attempt int, sc *scope) (time.Duration, bool, error) {
	for _, s := range h.backoffs {
		d, ok, err := s.wait(resp, attempt, sc)
		if err != nil || ok {
			return d, ok, err
		}
	}
	return 0, false, nil
}

func seconds(t *tmpl, sc *scope, fallback float64) (float64, error) {
	if t == nil {
		return fallback, nil
	}
	v, err := t.must(sc)
	f, ok := toFloat(v)
	if err != nil || !ok {
		return fallback, expression("a waiting time", err)
	}
	return f, nil
}

func span(s float64) time.Duration {
	return time.Duration(min(max(s, 0), math.MaxInt32) * float64(time.Second))
}

func (s backoff) wait(resp *response, attempt int, sc *scope) (time.Duration, bool, error) {
	switch s.kind {
	case "ConstantBackoffStrategy":
		f, err := seconds(s.factor, sc, 5)
		return span(f), true, err
	case "ExponentialBackoffStrategy":
		f, err := seconds(s.factor, sc, 5)
		wait := span(f * math.Pow(2, float64(min(attempt, 30))))
		// Connections that failed together must not come back together.
		return wait + rand.N(wait/10+1), true, err
	}
	if resp == nil {
		return 0, false, nil
	}
	n, ok, err := s.fromHeader(resp, sc)
	if err != nil {
		return 0, false, err
	}
	most, err := seconds(s.most, sc, 0)
	if err != nil {
		return 0, false, err
	}
	wait := n
	if s.kind == "WaitUntilTimeFromHeader" {
		wait -= float64(sc.now().UnixMicro()) / 1e6
	}
	if ok && most > 0 && wait >= most {
		// Longer than the manifest allows: the call ends, and the scheduler comes back later.
		return waitMax + 1, true, nil
	}
	if s.kind == "WaitTimeFromHeader" {
		return span(wait), ok, nil
	}
	least, err := seconds(s.minWait, sc, 0)
	if err != nil || !ok {
		return span(least), least > 0, err
	}
	if least > 0 {
		return span(max(wait, least)), true, nil
	}
	return span(wait), wait >= 0, nil
}

var plainNumber = regexp.MustCompile(`^\s*[-+]?\d+(\.\d+)?\s*$`)

func (s backoff) fromHeader(resp *response, sc *scope) (float64, bool, error) {
	name, err := s.header.text(sc)
	if err != nil {
		return 0, false, expression("the name of a header", err)
	}
	value := resp.header.Get(name)
	if value == "" {
		return 0, false, nil
	}
	if s.regex != nil {
		text, err := s.regex.text(sc)
		if err != nil {
			return 0, false, expression("a regular expression", err)
		}
		re, rerr := regexp.Compile(`^(?:` + text + `)`)
		if rerr != nil {
			return 0, false, expression("a regular expression", rerr)
		}
		m := re.FindStringSubmatch(value)
		if m == nil {
			return 0, false, nil
		}
		value = m[len(m)-1]
	}
	if !plainNumber.MatchString(value) {
		if t, terr := http.ParseTime(value); terr == nil {
			at := float64(t.Unix())
			if s.kind == "WaitTimeFromHeader" {
				at -= float64(sc.now().Unix())
			}
			return at, true, nil
		}
		return 0, false, nil
	}
	f, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return f, f != 0, nil
}
