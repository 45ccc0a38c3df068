package identity

import "unicode/utf8"

// maxCompared is the most characters of a value that are compared letter by letter: the work grows with the square.
const maxCompared = 64

// letters is a value taken apart into characters, on the stack.
type letters struct {
	runes [maxCompared]rune
	n     int
}

func (l *letters) set(s string) {
	l.n = 0
	for _, r := range s {
		if l.n == maxCompared {
			return
		}
		l.runes[l.n] = r
		l.n++
	}
}

// edits returns how many insertions, deletions, replacements and swaps of neighbours turn a into b (optimal string
// alignment), or most+1 where it is more than most.
func edits(a, b string, most int) int {
	if a == b {
		return 0
	}
	var x, y letters
	x.set(a)
	y.set(b)
	if x.n > y.n {
		x, y = y, x
	}
	if y.n-x.n > most {
		return most + 1
	}
	var rows [3][maxCompared + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for i := range x.n + 1 {
		last[i] = i
	}
	for j := 1; j <= y.n; j++ {
		row[0] = j
		least := j
		for i := 1; i <= x.n; i++ {
			cost := 1
			if x.runes[i-1] == y.runes[j-1] {
				cost = 0
			}
			d := min(row[i-1]+1, last[i]+1, last[i-1]+cost)
			if i > 1 && j > 1 && x.runes[i-1] == y.runes[j-2] && x.runes[i-2] == y.runes[j-1] {
				d = min(d, before[i-2]+1)
			}
			row[i] = d
			least = min(least, d)
		}
		if least > most {
			return most + 1
		}
		before, last, row = last, row, before
	}
	return min(last[x.n], most+1)
}

// winkler returns the Jaro-Winkler similarity of two values, 0 to 1. The metrics of strutil allocate at every
// comparison, and theirs of this name depends on which of the two comes first and looks farther for a letter than Jaro
// did.
func winkler(a, b string) float64 {
	switch {
	case a == b:
		return 1
	case a == "" || b == "":
		return 0
	case a > b:
		a, b = b, a
	}
	var x, y letters
	x.set(a)
	y.set(b)
	same, swapped := matching(&x, &y)
	if same == 0 {
		return 0
	}
	m := float64(same)
	jaro := (m/float64(x.n) + m/float64(y.n) + (m-float64(swapped))/m) / 3
	prefix := 0
	for prefix < min(4, x.n, y.n) && x.runes[prefix] == y.runes[prefix] {
		prefix++
	}
	return jaro + 0.1*float64(prefix)*(1-jaro)
}

// matching counts the characters that two values share near the same place, and half of those out of order.
func matching(x, y *letters) (same, swapped int) {
	reach := max(0, max(x.n, y.n)/2-1)
	var inX, inY [maxCompared]bool
	for i := range x.n {
		for j := max(0, i-reach); j < min(y.n, i+reach+1); j++ {
			if !inY[j] && x.runes[i] == y.runes[j] {
				inX[i], inY[j] = true, true
				same++
				break
			}
		}
	}
	j, out := 0, 0
	for i := range x.n {
		if !inX[i] {
			continue
		}
		for !inY[j] {
			j++
		}
		if x.runes[i] != y.runes[j] {
			out++
		}
		j++
	}
	return same, out / 2
}

// level is how much two values are alike.
type level uint8

const (
	levelNone level = iota // one of the two is not known: says nothing
	levelDiffers
	levelVague // somewhat alike: says nothing either
	levelAlike
	levelClose // a slip of the keyboard
	levelEqual
)

// compareWords returns the level of two folded words.
func compareWords(a, b string) level {
	if a == "" || b == "" {
		return levelNone
	}
	if a == b {
		return levelEqual
	}
	n := min(utf8.RuneCountInString(a), utf8.RuneCountInString(b))
	most := 1
	if n >= 8 {
		most = 2
	}
	if n >= 4 && edits(a, b, most) <= most {
		return levelClose
	}
	switch w := winkler(a, b); {
	case w >= 0.92 && n >= 4:
		return levelClose
	case w >= 0.86:
		return levelAlike
	case w >= 0.75:
		return levelVague
	}
	return levelDiffers
}

// compareDigits returns the level of two numbers written alike: one digit off or two swapped is close.
func compareDigits(a, b string) level {
	switch {
	case a == "" || b == "":
		return levelNone
	case a == b:
		return levelEqual
	case len(a) >= 4 && len(b) >= 4 && edits(a, b, 1) == 1:
		return levelClose
	case len(a) >= 6 && len(b) >= 6 && edits(a, b, 2) == 2:
		return levelVague
	}
	return levelDiffers
}
