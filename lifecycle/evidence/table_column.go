package evidence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The kinds of columns.
const (
	kindNumber   = "number"
	kindYesNo    = "yes/no"
	kindCategory = "category"
	kindDate     = "date"
	kindText     = "text"
	kindID       = "id"
	kindConstant = "constant"
	kindEmpty    = "empty"
)

// tableColumn is a column of a table, read.
type tableColumn struct {
	name string
	kind string
	// x are its numbers, or the indexes of its levels; NaN where nothing is known.
	x      []float64
	levels []string
	// known counts the cells that tell something, distinct the different ones.
	known, distinct int
	// odd counts cells that are not of the column's kind, the first of them at line oddLine.
	odd     int
	oddLine int
	why     string
}

// cells are the values of a column as codes of different texts; -1 is blank.
type cells struct {
	codes []int
	texts []string
	count []int
	first []int // the row in which a text is first seen
}

func (g *grid) cells(c int) cells {
	out := cells{codes: make([]int, len(g.rows))}
	seen := map[string]int{}
	for i := range g.rows {
		s := g.rows[i].cell(c)
		k, ok := seen[s]
		if !ok {
			k = -1
			if !blank(s) {
				k = len(out.texts)
				out.texts, out.count, out.first = append(out.texts, s), append(out.count, 0), append(out.first, i)
			}
			seen[s] = k
		}
		out.codes[i] = k
		if k >= 0 {
			out.count[k]++
		}
	}
	return out
}

func (c *cells) known() int {
	n := 0
	for _, k := range c.count {
		n += k
	}
	return n
}

// readColumn finds out what a column holds, and reads it.
func (g *grid) readColumn(c int) *tableColumn {
	v := g.cells(c)
	col := &tableColumn{name: g.header[c], known: v.known(), distinct: len(v.texts)}
	switch {
	case col.known == 0:
		col.kind, col.why = kindEmpty, "holds nothing"
	case col.distinct == 1 && col.known == len(g.rows):
		col.kind, col.why = kindConstant, fmt.Sprintf("always %q", clip(v.texts[0], 40))
	case col.yesNo(v), col.numbers(v, g), col.dates(v):
	default:
		col.words(v)
	}
	return col
}

// spread gives each row what its text stands for.
func (col *tableColumn) spread(v cells, of []float64) {
	col.x = make([]float64, len(v.codes))
	for i, k := range v.codes {
		col.x[i] = math.NaN()
		if k >= 0 {
			col.x[i] = of[k]
		}
	}
}

func (col *tableColumn) yesNo(v cells) bool {
	if col.distinct > 2 {
		return false
	}
	of := make([]float64, len(v.texts))
	for k, s := range v.texts {
		yes, ok := truth(s)
		if !ok {
			return false
		}
		of[k] = outcome(yes)
	}
	if len(of) == 2 && of[0] == of[1] {
		return false
	}
	col.kind = kindYesNo
	col.spread(v, of)
	return true
}

// numbers reads a column of which at least 98 of 100 known cells are numbers, in the notation that reads more of them. A few
// words that stand in the place of many numbers, as Error and Unknown, are not known either.
func (col *tableColumn) numbers(v cells, g *grid) bool {
	of, odd, strange, line := g.asNumbers(v, false)
	if odd > 0 {
		if of2, odd2, strange2, line2 := g.asNumbers(v, true); odd2 < odd {
			of, odd, strange, line = of2, odd2, strange2, line2
		}
	}
	few := strange <= 5 && odd <= col.known*4/10 && col.distinct-strange >= 10
	if odd > col.known/50 && !few {
		return false
	}
	col.odd, col.oddLine = odd, line
	name := words(col.name)
	whole := !slices.ContainsFunc(of, func(x float64) bool { return x != math.Trunc(x) && !math.IsNaN(x) })
	switch {
	case whole && isID(name) && col.distinct > col.known*9/10, whole && sequential(v, of):
		col.kind, col.why = kindID, "numbers the rows"
		return true
	case whole && codeNamed(name) && col.distinct <= 1000:
		return false
	}
	col.kind = kindNumber
	col.spread(v, of)
	return true
}

// asNumbers reads texts as numbers. odd counts the cells that are none, strange the different texts of theirs, line is where
// the first stands.
func (g *grid) asNumbers(v cells, comma bool) (of []float64, odd, strange, line int) {
	of = make([]float64, len(v.texts))
	for k, s := range v.texts {
		x, ok := number(s, comma)
		if !ok {
			if x = math.NaN(); odd == 0 {
				line = g.rows[v.first[k]].line
			}
			odd += v.count[k]
			strange++
		}
		of[k] = x
	}
	return of, odd, strange, line
}

// isID says whether the words of a name are those of an identifier.
func isID(name []string) bool {
	if len(name) == 0 {
		return false
	}
	return slices.Contains([]string{"id", "ids", "uuid", "guid", "key", "no", "nr", "number", "rownumber", "index", "rowid", "msno", "phone", "customerid", "userid", "accountid", "clientnum", "pk"}, name[len(name)-1]) ||
		slices.Contains(name, "id") && len(name) <= 3
}

// codeNamed says whether the words of a name are those of a code: its numbers are names.
func codeNamed(name []string) bool {
	text := strings.Join(name, " ")
	for _, w := range []string{"zip", "zipcode", "postal", "postcode", "area code", "region", "code", "type", "category", "class", "segment", "group", "channel"} {
		if strings.Contains(" "+text+" ", " "+w+" ") {
			return true
		}
	}
	return isID(name)
}

// sequential says whether each row holds the number after that of the row before.
func sequential(v cells, of []float64) bool {
	if len(v.codes) < 50 || len(of) != len(v.codes) {
		return false
	}
	// Rows may be drawn, so numbers rise but not always by one.
	step := (of[len(of)-1] - of[0]) / float64(len(of)-1)
	if step == 0 {
		return false
	}
	for i := 1; i < len(of); i++ {
		if d := of[i] - of[i-1]; d*step <= 0 || math.Abs(d) > 20*math.Abs(step) {
			return false
		}
	}
	return true
}

func (col *tableColumn) dates(v cells) bool {
	sample := v.texts[:min(len(v.texts), 2000)]
	layout := layoutOf(sample)
	if layout == "" {
		return false
	}
	of := make([]float64, len(v.texts))
	for k, s := range v.texts {
		of[k] = math.NaN()
		if t, ok := dateOf(s, layout); ok {
			of[k] = days(t)
		} else {
			col.odd += v.count[k]
		}
	}
	if col.odd > col.known/50 {
		col.odd = 0
		return false
	}
	col.kind = kindDate
	col.spread(v, of)
	return true
}

// days are the days of a moment since 1970.
func days(t time.Time) float64 { return float64(t.Unix()) / 86400 }

func moment(days float64) time.Time { return time.Unix(int64(math.Round(days*86400)), 0).UTC() }

// words reads a category, unless its values are as many as those whom they describe.
func (col *tableColumn) words(v cells) {
	length := 0
	for k, s := range v.texts {
		length += len(s) * v.count[k]
	}
	switch {
	case col.known >= 20 && col.distinct > col.known/2 || col.distinct > 5000:
		col.kind, col.why = kindID, fmt.Sprintf("names rows: %d different values among %d", col.distinct, col.known)
		return
	case length/col.known > 60 && col.distinct > 50:
		col.kind, col.why = kindText, "holds free text"
		return
	}
	col.kind = kindCategory
	order := make([]int, len(v.texts))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(v.count[b], v.count[a]), cmp.Compare(v.texts[a], v.texts[b]))
	})
	of := make([]float64, len(v.texts))
	for n, k := range order {
		of[k] = float64(n)
		col.levels = append(col.levels, clip(v.texts[k], 80))
	}
	col.spread(v, of)
}
