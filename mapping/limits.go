package mapping

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/lifecyclehub/hub/canon"
)

// limits tell at a glance that the body of a kind breaks no rule of the canonical model. They know less than the
// validator: what does not hold here may still be well.
type limits struct {
	list []limit
	// unsure says that a rule of the kind is none that is known here.
	unsure bool
}

// limit is the rule of one field.
type limit struct {
	offset  uintptr
	typ     valueType
	pointer bool
	// most is the greatest length of a text, of a list and of its elements, each; -1 for any.
	most, elements int
	// low and high bound a number.
	low, high float64
	oneof     []string
	// needed says that the zero value breaks the rule, bare that it does not although the rest would.
	needed, bare bool
}

// limitsOf compiles the rules of a kind.
func limitsOf(k canon.Kind) limits {
	var out limits
	body, err := canon.NewBody(k)
	if err != nil || k == canon.KindSurvey { // The range of a survey's score depends on its type.
		return limits{unsure: true}
	}
	t := reflect.TypeOf(body).Elem()
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("validate")
		typ, pointer, ok := typeOf(f.Type)
		if tag == "" && typ != typeMoney && ok {
			continue
		}
		l, known := limitOf(tag)
		l.offset, l.typ, l.pointer = f.Offset, typ, pointer
		if !ok || !known || pointer && typ != typeMoney {
			return limits{unsure: true}
		}
		out.list = append(out.list, l)
	}
	return out
}

// limitOf reads the tag of a field.
func limitOf(tag string) (l limit, known bool) {
	const least, greatest = -1 << 62, 1 << 62
	l = limit{most: -1, elements: -1, low: least, high: greatest}
	dive := false
	for rule := range strings.SplitSeq(tag, ",") {
		name, value, _ := strings.Cut(rule, "=")
		n, err := strconv.Atoi(value)
		switch {
		case name == "" && tag == "":
		case name == "omitempty":
			l.bare = true
		case name == "required":
			l.needed = true
		case name == "dive":
			dive = true
		case name == "oneof":
			l.oneof = strings.Fields(value)
		case name == "max" && err == nil && dive:
			l.elements = n
		case name == "max" && err == nil:
			l.most = n
		case name == "gte" && err == nil:
			l.low = float64(n)
		case name == "lte" && err == nil:
			l.high = float64(n)
		default:
			return l, false
		}
	}
	return l, true
}

// hold reports whether the body at the address is well for sure.
func (l *limits) hold(at unsafe.Pointer) bool {
	if l.unsure {
		return false
	}
	for i := range l.list {
		if !l.list[i].holds(unsafe.Add(at, l.list[i].offset)) {
			return false
		}
	}
	return true
}

func (l *limit) holds(at unsafe.Pointer) bool {
	switch l.typ {
	case typeString:
		s := *(*string)(at)
		if s == "" && (l.bare || !l.needed && l.oneof == nil) {
			return true
		}
		// The rule counts characters, of which there are no more than bytes.
		return s != "" && (l.most < 0 || len(s) <= l.most) && (l.oneof == nil || slices.Contains(l.oneof, s))
	case typeList:
		return l.listHolds(*(*[]string)(at))
	case typeInt:
		n := float64(*(*int64)(at))
		return !l.needed && n >= l.low && n <= l.high
	case typeFloat:
		n := *(*float64)(at)
		return !l.needed && n >= l.low && n <= l.high
	case typeTime:
		return !l.needed || !(*time.Time)(at).IsZero()
	case typeMoney:
		if !l.pointer {
			return isCurrency((*canon.Money)(at).Currency)
		}
		m := *(**canon.Money)(at)
		return m == nil || isCurrency(m.Currency)
	}
	return false
}

func (l *limit) listHolds(list []string) bool {
	if l.needed || l.oneof != nil || l.most >= 0 && len(list) > l.most {
		return false
	}
	for _, s := range list {
		if l.elements >= 0 && len(s) > l.elements {
			return false
		}
	}
	return true
}

// isCurrency reports whether s are three capital letters.
func isCurrency(s string) bool {
	return len(s) == 3 && currencyOf(s) == s
}
