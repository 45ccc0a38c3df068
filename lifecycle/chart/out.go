package chart

import (
	"html"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// out collects the page.
type out struct {
	b strings.Builder
	// drawings counts them, for ids that each occur once.
	drawings int
}

func (o *out) put(parts ...string) {
	for _, p := range parts {
		o.b.WriteString(p)
	}
}

// label escapes a short text, text a longer one.
func (o *out) label(s string) string { return html.EscapeString(clip(s, maxLabel)) }
func (o *out) text(s string) string  { return html.EscapeString(clip(s, maxText)) }

// clip makes a foreign text one line of at most n characters.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	count := 0
	for i := range s {
		if count++; count > n {
			return strings.TrimSpace(s[:i]) + "…"
		}
	}
	return s
}

// tone returns a class name that a caller chose, "" where it is none of those that the style knows.
func tone(t Tone) string {
	switch t {
	case Good, Fair, Poor, Unknown, Accent, Muted:
		return string(t)
	}
	return ""
}

// colour returns the class of the i-th series, or that of its tone.
func colour(t Tone, i int) string {
	if c := tone(t); c != "" {
		return c
	}
	return "s" + strconv.Itoa(i%8+1)
}

// Tone is what a colour stands for.
type Tone string

// The tones. "" takes the next colour of the palette.
const (
	Good    Tone = "good"
	Fair    Tone = "fair"
	Poor    Tone = "poor"
	Unknown Tone = "unknown"
	Accent  Tone = "accent"
	Muted   Tone = "muted"
)

// num writes a coordinate.
func num(v float64) string {
	if !finite(v) {
		return "0"
	}
	s := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0")
}

// finite is also false for what is too large to be worked with.
func finite(v float64) bool { return !math.IsNaN(v) && math.Abs(v) < 1e300 }
