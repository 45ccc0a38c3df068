package store

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/lifecyclehub/hub/canon"
)

// pageToken says where a page ends: numbers first, and last an id, which alone may hold spaces.
func pageToken(parts ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(parts, " ")))
}

// pageParts takes a token of n parts apart, and hands them to read.
func pageParts(token string, n int, read func(parts []string) error) error {
	b, err := base64.RawURLEncoding.DecodeString(token)
	parts := strings.SplitN(string(b), " ", n)
	if err != nil || len(parts) != n || !utf8.Valid(b) || read(parts) != nil {
		return canon.Errorf("request.invalid", "page token %.40q is not one of ours", token).WithHint("use the next or prev token of another page, or none")
	}
	return nil
}
