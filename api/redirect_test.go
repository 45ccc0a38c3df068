package api

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzLocalPath holds the sign-in to pages of our own, whatever it is asked to lead to.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"", "/", "/customers?x=1", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "/%2f/evil.example", "/a//b", "javascript:alert(1)"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://hub.example/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, p string) {
		got := localPath(p)
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.HasPrefix(got, `/\`) {
			t.Fatalf("%q leads to %q", p, got)
		}
		u, err := url.Parse(got)
		if err == nil && base.ResolveReference(u).Host != base.Host {
			t.Fatalf("%q leads to %q, which is at %q", p, got, base.ResolveReference(u).Host)
		}
	})
}
