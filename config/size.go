package config

import (
	"errors"
	"strconv"
	"strings"
)

// Size is a number of bytes, written with a unit: 512MB, 4GiB.
type Size int64

// ParseSize reads a number of bytes, with or without a unit: kB, MB, GB, TB are thousands, KiB, MiB, GiB, TiB are 1024
// each.
func ParseSize(text string) (Size, error) {
	digits := strings.TrimLeft(text, "0123456789")
	n, err := strconv.ParseInt(text[:len(text)-len(digits)], 10, 64)
	if err != nil {
		return 0, err
	}
	factor, ok := int64(1), false
	for i, unit := range []string{"", "k", "m", "g", "t"} {
		switch strings.ToLower(strings.TrimSpace(digits)) {
		case unit, unit + "b":
			factor, ok = power(1000, i), true
		case unit + "ib":
			factor, ok = power(1024, i), unit != ""
		}
		if ok {
			break
		}
	}
	if !ok || n > (1<<62)/factor {
		return 0, errors.New("not a number of bytes")
	}
	return Size(n * factor), nil
}

func power(base int64, n int) int64 {
	out := int64(1)
	for range n {
		out *= base
	}
	return out
}
