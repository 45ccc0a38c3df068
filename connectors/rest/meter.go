package rest

import (
	"fmt"
	"math"
	"net/http"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/connectors"
)

// Headers names the headers by which a vendor tells what is left of an allowance.
type Headers struct {
	// Limit and Remaining are of the present window; Reset says when it ends, as seconds from now, as unix
	// time or as a date; Interval how long such a window is, in seconds, or in milliseconds where the
	// header's name says so.
	Limit     string `yaml:"limit"`
	Remaining string `yaml:"remaining"`
	Reset     string `yaml:"reset"`
	Interval  string `yaml:"interval"`
	// The same of the day.
	DailyLimit     string `yaml:"daily_limit"`
	DailyRemaining string `yaml:"daily_remaining"`
	DailyReset     string `yaml:"daily_reset"`
	// Pattern takes a header apart that tells several of these.
	Pattern *HeaderPattern `yaml:"pattern"`
}

// HeaderPattern is a header with the regular expression whose groups are called limit, remaining, used, reset,
// daily_limit, daily_remaining, daily_used or daily_reset.
type HeaderPattern struct {
	Header string `yaml:"header"`
	Match  string `yaml:"match"`
}

// The facts that headers tell.
const (
	tellsLimit = iota
	tellsRemaining
	tellsUsed
	tellsReset
	tellsInterval
	tellsDailyLimit
	tellsDailyRemaining
	tellsDailyUsed
	tellsDailyReset
	tells
)

var factNames = [tells]string{"limit", "remaining", "used", "reset", "interval", "daily_limit", "daily_remaining", "daily_used", "daily_reset"}

// headers are Headers made ready for every answer; nil tells nothing.
type headers struct {
	names  [tells]string
	millis bool
	from   string
	match  *regexp.Regexp
	groups [tells]int
}

func (h Headers) compile() (*headers, error) {
	out := &headers{names: [tells]string{
		tellsLimit: h.Limit, tellsRemaining: h.Remaining, tellsReset: h.Reset, tellsInterval: h.Interval,
		tellsDailyLimit: h.DailyLimit, tellsDailyRemaining: h.DailyRemaining, tellsDailyReset: h.DailyReset,
	}}
	any := false
	for i, n := range out.names {
		out.names[i] = textproto.CanonicalMIMEHeaderKey(n)
		any = any || n != ""
	}
	out.millis = strings.Contains(strings.ToLower(h.Interval), "millisecond")
	if h.Pattern != nil {
		m, err := regexp.Compile(h.Pattern.Match)
		if err != nil || h.Pattern.Header == "" {
			return nil, fmt.Errorf("pattern needs header, and match: a regular expression")
		}
		found := false
		for i, name := range factNames {
			out.groups[i] = m.SubexpIndex(name)
			found = found || out.groups[i] > 0
		}
		if !found {
			return nil, fmt.Errorf("match needs a group such as (?P<remaining>\\d+); the groups are called %s", strings.Join(factNames[:], ", "))
		}
		out.from, out.match, any = textproto.CanonicalMIMEHeaderKey(h.Pattern.Header), m, true
	}
	if !any {
		return nil, nil
	}
	return out, nil
}

// told is what one answer says, -1 for what it does not.
type told struct {
	limit, remaining, dailyLimit, dailyRemaining int64
	reset, dailyReset                            time.Time
}

func (h *headers) read(in http.Header, now time.Time) told {
	var facts [tells]string
	for i, name := range h.names {
		if name != "" {
			facts[i] = in.Get(name)
		}
	}
	if h.match != nil {
		if m := h.match.FindStringSubmatch(in.Get(h.from)); m != nil {
			for i, g := range h.groups {
				if g > 0 && m[g] != "" {
					facts[i] = m[g]
				}
			}
		}
	}
	t := told{
		limit: count(facts[tellsLimit]), remaining: count(facts[tellsRemaining]),
		dailyLimit: count(facts[tellsDailyLimit]), dailyRemaining: count(facts[tellsDailyRemaining]),
		reset: moment(facts[tellsReset], now), dailyReset: moment(facts[tellsDailyReset], now),
	}
	if used := count(facts[tellsUsed]); used >= 0 && t.limit >= 0 && t.remaining < 0 {
		t.remaining = max(t.limit-used, 0)
	}
	if used := count(facts[tellsDailyUsed]); used >= 0 && t.dailyLimit >= 0 && t.dailyRemaining < 0 {
		t.dailyRemaining = max(t.dailyLimit-used, 0)
	}
	if n := count(facts[tellsInterval]); n > 0 && t.reset.IsZero() && n < 1e9 {
		unit := time.Second
		if h.millis {
			unit = time.Millisecond
		}
		t.reset = now.Add(min(time.Duration(n)*unit, maxHold))
	}
	return t
}

// count reads a number of requests; fractions are cut, and what is no such number is -1.
func count(text string) int64 {
	text = strings.TrimSpace(text)
	if text == "" {
		return -1
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.Abs(f) > 1e15 {
			return -1
		}
		n = int64(f)
	}
	return min(max(n, -1), 1e15)
}

// moment reads when a window ends: a number of seconds from now, unix time in seconds or milliseconds, or a
// date. A moment further off than a day is not believed.
func moment(text string, now time.Time) time.Time {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}
	}
	var at time.Time
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		switch {
		case f < 0 || f > 1e14 || math.IsNaN(f):
			return time.Time{}
		case f >= 1e11:
			at = time.UnixMilli(int64(f))
		case f >= 1e8:
			at = time.Unix(int64(f), 0)
		default:
			at = now.Add(time.Duration(f * float64(time.Second)))
		}
	} else if at, err = time.Parse(time.RFC3339, text); err != nil {
		if at, err = http.ParseTime(text); err != nil {
			return time.Time{}
		}
	}
	if at.Sub(now) > maxHold {
		return now.Add(maxHold)
	}
	return at
}

// verdict is what an answer means for the rate.
type verdict int

const (
	// verdictNone: no answer, or one that says nothing of the rate.
	verdictNone verdict = iota
	verdictGood
	verdictRefused
)

// settle ends what wait began, with its ticket. h is the answer's header, nil where none came.
func (b *bucket) settle(ticket int64, h http.Header, v verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	now := time.Now()
	switch {
	case v == verdictRefused:
		b.refusals++
		if !math.IsInf(b.most, 1) && now.Sub(b.halved) >= halveEvery {
			b.halved = now
			b.pace(max(b.rate/2, b.most/leastShare))
		}
	case v == verdictGood && b.rate < b.most:
		b.pace(min(b.rate+b.most/growSteps, b.most))
	}
	told := false
	if h != nil && b.headers != nil {
		told = b.learn(ticket, b.headers.read(h, now), now)
	}
	if b.probing && (told || b.inFlight == 0) {
		b.probing = false
		b.arm(now)
	}
}

// learn takes over what the vendor says, and reports whether it told what is left of the window. What is under
// way was not counted yet when it said so; and as answers overtake each other, of those that were under way
// together the one that tells the least counts.
func (b *bucket) learn(ticket int64, t told, now time.Time) bool {
	if t.limit > 0 {
		if most := min(float64(t.limit)/b.per.Seconds(), b.ceiling); most != b.most {
			b.allow(most)
		}
	}
	if t.dailyLimit > 0 || t.dailyRemaining >= 0 {
		b.day.learn(t, now)
	}
	if t.remaining < 0 {
		return false
	}
	left, resets := max(t.remaining-b.inFlight, 0), t.reset
	if resets.IsZero() {
		resets = now.Add(b.per)
	}
	if ticket <= b.learned && b.left >= 0 && now.Before(b.resets) {
		left = min(left, b.left)
		if b.resets.After(resets) {
			resets = b.resets
		}
	}
	b.left, b.resets, b.learned = left, resets, b.issued
	b.arm(now)
	return true
}

// pause makes everybody wait for at least d.
func (b *bucket) pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if t := now.Add(min(d, maxHold)); t.After(b.until) {
		b.until = t
		b.arm(now)
	}
}

// Meters tells what the connection's calls wait for, one entry per budget.
func (c *Conn) Meters() []connectors.Meter {
	out := make([]connectors.Meter, 0, len(c.client.buckets))
	for _, name := range sortedKeys(c.client.buckets) {
		out = append(out, c.client.buckets[name].meter())
	}
	return out
}

// meter reads the budget. A rate without a limit is told as 0.
func (b *bucket) meter() connectors.Meter {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	m := connectors.Meter{Name: b.name, Per: b.per, Sent: b.sent, Refused: b.refusals, Rate: finite(b.rate * b.per.Seconds()), Most: finite(b.most * b.per.Seconds())}
	var day string
	m.DailyLeft, m.Reserve, day = b.day.meter(now)
	if b.waiting > 0 {
		m.Waiting = map[string]int{}
		for lane := range b.queue {
			if n := len(b.queue[lane]); n > 0 {
				m.Waiting[connectors.Priority(lane).String()] = n
			}
		}
	}
	at, clock := b.ready(), func(t time.Time) string { return t.UTC().Format("15:04:05") + " UTC" }
	if at.After(now) {
		m.Until = at.UTC()
	}
	switch {
	case day != "":
		m.Why = day
	case b.until.After(now):
		m.Why = "The vendor asked to wait until " + clock(b.until) + "."
	case b.left == 0 && b.resets.After(now):
		m.Why = "The vendor says that nothing is left of its allowance until " + clock(b.resets) + "."
	case b.waiting > 0 && b.rate < b.most:
		m.Why = fmt.Sprintf("The vendor refused requests, so Hub sends %s per %s in place of %s for now.", amount(m.Rate), b.per, amount(m.Most))
	case b.waiting > 0:
		m.Why = fmt.Sprintf("The budget allows %s requests per %s.", amount(m.Rate), b.per)
	}
	return m
}

func finite(f float64) float64 {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return 0
	}
	return math.Round(f*1000) / 1000
}

func amount(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }
