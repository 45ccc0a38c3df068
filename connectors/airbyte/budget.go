package airbyte

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// budget is what the manifest says of the vendor's allowance.
type budget struct {
	policies         []policy
	reset, remaining string
	codes            []int
}

// policy allows so many requests of some kind per span, for each of its rates.
type policy struct {
	rates    []rate
	matchers []matcher
	fixed    bool
}

type rate struct {
	limit int
	per   time.Duration
}

type matcher struct {
	method, base    string
	path            *regexp.Regexp
	params, headers map[string]string
}

func (b *builder) apiBudget(d *dict) (*budget, error) {
	out := &budget{reset: "ratelimit-reset", remaining: "ratelimit-remaining", codes: []int{http.StatusTooManyRequests}}
	b.use(d)
	if s, ok := orNil(d, "ratelimit_reset_header").(string); ok {
		out.reset = s
	}
	if s, ok := orNil(d, "ratelimit_remaining_header").(string); ok {
		out.remaining = s
	}
	if list, ok := orNil(d, "status_codes_for_ratelimit_hit").([]any); ok {
		out.codes = nil
		for _, x := range list {
			n, _ := toInt(x)
			out.codes = append(out.codes, int(n))
		}
	}
	list, _ := orNil(d, "policies").([]any)
	for _, x := range list {
		c, ok := x.(*dict)
		if !ok {
			return nil, b.refuse(d, "a policy is no mapping")
		}
		p, err := b.policy(c)
		if err != nil {
			return nil, err
		}
		out.policies = append(out.policies, p)
	}
	return out, nil
}

func (b *builder) policy(d *dict) (policy, error) {
	p := policy{}
	switch t := b.use(d); t {
	case "FixedWindowCallRatePolicy", "MovingWindowCallRatePolicy", "UnlimitedCallRatePolicy":
		p.fixed = t == "FixedWindowCallRatePolicy"
	default:
		return p, b.unknown(d, "the policy")
	}
	if p.fixed {
		r, err := b.rate(d, orNil(d, "call_limit"), orNil(d, "period"))
		if err != nil {
			return p, err
		}
		p.rates = []rate{r}
	}
	rates, _ := orNil(d, "rates").([]any)
	for _, x := range rates {
		c, _ := x.(*dict)
		r, err := b.rate(d, orNil(c, "limit"), orNil(c, "interval"))
		if err != nil {
			return p, err
		}
		p.rates = append(p.rates, r)
	}
	list, _ := orNil(d, "matchers").([]any)
	for _, x := range list {
		c, _ := x.(*dict)
		m := matcher{method: textOr(c, "method"), base: strings.TrimRight(textOr(c, "url_base"), "/"), params: textsOf(c, "params"), headers: textsOf(c, "headers")}
		if s := textOr(c, "url_path_pattern"); s != "" {
			re, err := regexp.Compile(s)
			if err != nil {
				return p, b.refuse(c, "url_path_pattern is not understood: %v", err)
			}
			m.path = re
		}
		p.matchers = append(p.matchers, m)
	}
	return p, nil
}

func (b *builder) rate(d *dict, limit, per any) (rate, error) {
	t, err := b.compile(d, limit)
	if err != nil {
		return rate{}, err
	}
	n, ok := toInt(t.value)
	every, err := parseSpan(pyStr(per))
	// An expression can be evaluated only with settings; a rate that depends on them is left out.
	if !t.plain || err == nil && ok && n > 0 && every.span > 0 {
		return rate{int(n), every.span}, nil
	}
	return rate{}, b.refuse(d, "a rate needs a positive number and a duration such as PT1M")
}

func textOr(d *dict, key string) string {
	s, _ := orNil(d, key).(string)
	return s
}

func textsOf(d *dict, key string) map[string]string {
	c, _ := orNil(d, key).(*dict)
	if c == nil {
		return nil
	}
	out := map[string]string{}
	for _, k := range c.keys {
		out[k] = pyStr(c.vals[k])
	}
	return out
}

func (m matcher) matches(req *http.Request) bool {
	if m.method != "" && !strings.EqualFold(m.method, req.Method) {
		return false
	}
	if m.base != "" && m.base != req.URL.Scheme+"://"+req.URL.Host {
		return false
	}
	if m.path != nil && !m.path.MatchString(req.URL.Path) {
		return false
	}
	for k, v := range m.params {
		if req.URL.Query().Get(k) != v {
			return false
		}
	}
	for k, v := range m.headers {
		if req.Header.Get(k) != v {
			return false
		}
	}
	return true
}

// meter keeps to a budget. It is shared by the connections of one account.
type meter struct {
	budget *budget

	mu sync.Mutex
	// sent holds when requests were sent, by policy and rate; no more than a rate's limit of them.
	sent  [][][]time.Time
	until []time.Time
}

func newMeter(b *budget) *meter {
	m := &meter{budget: b}
	if b != nil {
		m.sent, m.until = make([][][]time.Time, len(b.policies)), make([]time.Time, len(b.policies))
		for i, p := range b.policies {
			m.sent[i] = make([][]time.Time, len(p.rates))
		}
	}
	return m
}

// policyFor returns the first policy that a request falls under, -1 for none.
func (m *meter) policyFor(req *http.Request) int {
	if m.budget == nil {
		return -1
	}
	return slices.IndexFunc(m.budget.policies, func(p policy) bool {
		return len(p.matchers) == 0 || slices.ContainsFunc(p.matchers, func(x matcher) bool { return x.matches(req) })
	})
}

// take waits until the request may be sent.
func (m *meter) take(ctx context.Context, req *http.Request) error {
	i := m.policyFor(req)
	if i < 0 {
		return ctx.Err()
	}
	for {
		wait := m.try(i)
		if wait <= 0 {
			return ctx.Err()
		}
		if err := rest(ctx, wait); err != nil {
			return err
		}
	}
}

// try books a request, or returns how long to wait.
func (m *meter) try(i int) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	wait := m.until[i].Sub(now)
	p := m.budget.policies[i]
	for j, r := range p.rates {
		if r.limit <= 0 {
			continue
		}
		sent := m.sent[i][j]
		if p.fixed {
			// A window opens with its first request.
			if len(sent) > 0 && now.Sub(sent[0]) >= r.per {
				sent = nil
			}
		} else {
			sent = slices.DeleteFunc(sent, func(t time.Time) bool { return now.Sub(t) >= r.per })
		}
		m.sent[i][j] = sent
		if len(sent) >= r.limit {
			wait = max(wait, sent[0].Add(r.per).Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for j := range p.rates {
		m.sent[i][j] = append(m.sent[i][j], now)
	}
	return 0
}

// learn reads what the vendor says of its allowance.
func (m *meter) learn(req *http.Request, resp *response) {
	i := m.policyFor(req)
	if i < 0 || !m.budget.policies[i].fixed {
		return
	}
	left, err := strconv.ParseInt(resp.header.Get(m.budget.remaining), 10, 64)
	hit := slices.Contains(m.budget.codes, resp.status) || (err == nil && left == 0)
	reset, rerr := strconv.ParseFloat(resp.header.Get(m.budget.reset), 64)
	if !hit || rerr != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	until := time.UnixMicro(int64(reset * 1e6))
	if now := time.Now(); until.After(now) && until.Sub(now) < 15*time.Minute {
		m.until[i] = until
	}
}
