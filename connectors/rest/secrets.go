package rest

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// redactor knows the texts that no error and no log may show. Tokens join them while the connection runs.
type redactor struct {
	mu    sync.Mutex
	known []string
	forms atomic.Pointer[[]string]
}

// maxSecrets bounds what a connection that renews its token for years remembers; the oldest tokens, which
// nobody takes any more, go first, and the settings never.
const maxSecrets = 64

func (s *redactor) add(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.known)
	for _, t := range texts {
		// Shorter ones would redact ordinary words; no credential is that short.
		if len(t) >= 4 && !slices.Contains(s.known, t) {
			s.known = append(s.known, t)
		}
	}
	if len(s.known) == before {
		return
	}
	if over := len(s.known) - maxSecrets; over > 0 {
		s.known = slices.Delete(s.known, maxSecrets/2, maxSecrets/2+over)
	}
	forms := secretForms(s.known)
	s.forms.Store(&forms)
}

// redact takes every secret out of a text, also in the forms in which it travels.
func (s *redactor) redact(text string) string {
	if s == nil {
		return text
	}
	forms := s.forms.Load()
	if forms == nil {
		return text
	}
	for _, f := range *forms {
		text = strings.ReplaceAll(text, f, "[redacted]")
	}
	return text
}

// secretForms lists the secrets' spellings, the longest first so that none is cut by a shorter one.
func secretForms(secrets []string) []string {
	var out []string
	for _, s := range secrets {
		out = append(out, s, url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)))
	}
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(out)
}
