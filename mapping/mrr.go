package mapping

import (
	"math/big"
	"strings"

	"github.com/tidwall/gjson"
)

// maxItems bounds how many elements of a record's list are read.
const maxItems = 1000

// mrr is how monthly recurring revenue is computed from a subscription's items.
type mrr struct {
	items    path
	amount   []path
	quantity []path
	interval []path
	count    []path
	// divide and divideRound are for prices per package: the quantity is divided and rounded first.
	divide, divideRound []path
	currency            currency
	unit                unit
	skip                *condition
	discounts           []discount
}

// discount lowers the sum for as long as the subscription lives.
type discount struct {
	items           path
	percent, amount []path
	when            *condition
}

// perMonth is how often an interval fits into a month: a year has 12 months, 52 weeks, 365 days.
var perMonth = map[string]*big.Rat{
	"day":     big.NewRat(365, 12),
	"week":    big.NewRat(52, 12),
	"month":   big.NewRat(1, 1),
	"quarter": big.NewRat(1, 3),
	"year":    big.NewRat(1, 12),
}

var intervalNames = map[string]string{
	"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter",
	"yearly": "year", "annual": "year", "annually": "year",
}

// recurring is the sum over the items while it grows.
type recurring struct {
	sum      *big.Rat
	currency string
	// period is how often the first counted item is billed a month; fixed discounts follow it.
	period *big.Rat
}

func (m *mrr) eval(s *source) outcome {
	list := s.get(m.items)
	if !present(list) {
		return outcome{}
	}
	out := outcome{from: m.items.name, raw: list.Raw}
	items := []gjson.Result{list}
	if list.IsArray() {
		items = list.Array()
	}
	if len(items) > maxItems {
		out.fault = newFault(codeInvalid, m.items.name, "leave mrr out for such records").
			because("The record has %d items; up to %d are added up.", len(items), maxItems)
		return out
	}
	total := recurring{sum: new(big.Rat)}
	for _, item := range items {
		if !item.IsObject() {
			continue
		}
		if out.fault = m.add(&total, s.within(item)); out.fault != nil {
			return out
		}
	}
	if total.currency == "" {
		return outcome{from: out.from, raw: out.raw}
	}
	if out.fault = m.deduct(&total, s); out.fault != nil {
		return out
	}
	out.value, out.fault = minor(total.sum.Mul(total.sum, m.unit.factor(total.currency)), total.currency, m.items.name)
	return out
}

// add adds one item. Skipped items still tell the currency: a subscription that is metered through and
// through has a recurring revenue of zero, not an unknown one.
func (m *mrr) add(total *recurring, s *source) *fault {
	code, from, f := m.currency.of(s)
	if f != nil {
		return f
	}
	if total.currency != "" && total.currency != code {
		return newFault(codeMoney, from, "leave mrr out for such records").
			because("The items have different currencies, %s and %s.", total.currency, code)
	}
	total.currency = code
	interval, p := s.scalar(m.interval)
	if m.skip != nil && m.skip.holds(s) || !present(interval) {
		return nil
	}
	period, ok := perMonth[intervalOf(text(interval))]
	if !ok {
		return newFault(codeInvalid, p.name, "the interval must be day, week, month, quarter or year").
			because("The interval %s is unknown.", shorten(text(interval)))
	}
	count, f := m.number(s, m.count, 1)
	if f != nil {
		return f
	}
	if count.Sign() <= 0 {
		return newFault(codeInvalid, pathNames(m.count), "it must be 1 or more").because("The interval count is %s.", count.RatString())
	}
	amount, f := m.number(s, m.amount, 0)
	if f != nil {
		return f
	}
	quantity, f := m.packs(s)
	if f != nil {
		return f
	}
	period = new(big.Rat).Quo(period, count)
	if total.period == nil {
		total.period = period
	}
	monthly := new(big.Rat).Mul(amount, quantity)
	total.sum.Add(total.sum, monthly.Mul(monthly, period))
	return nil
}

func intervalOf(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if name, ok := intervalNames[s]; ok {
		return name
	}
	return strings.TrimSuffix(s, "s")
}

// number reads a number; an absent one is fallback, or a fault where fallback is 0.
func (m *mrr) number(s *source, paths []path, fallback int64) (*big.Rat, *fault) {
	v, p := s.scalar(paths)
	if !present(v) {
		if fallback != 0 {
			return big.NewRat(fallback, 1), nil
		}
		return nil, newFault(codeMissing, pathNames(paths), "skip such items with skip_when if they do not count").
			because("An item has no fixed amount, so its recurring revenue is unknown.")
	}
	n, ok := decimal(text(v))
	if !ok {
		return nil, newFault(codeMoney, p.name, "a plain decimal number is wanted").because("The value %s is not a number.", shorten(text(v)))
	}
	return n, nil
}

func (m *mrr) packs(s *source) (*big.Rat, *fault) {
	quantity, f := m.number(s, m.quantity, 1)
	if f != nil {
		return nil, f
	}
	size, p := s.scalar(m.divide)
	if !present(size) {
		return quantity, nil
	}
	n, ok := decimal(text(size))
	if !ok || n.Sign() <= 0 {
		return nil, newFault(codeInvalid, p.name, "it must be above zero").because("The package size %s is not usable.", shorten(text(size)))
	}
	quantity = new(big.Rat).Quo(quantity, n)
	mode, _ := s.scalar(m.divideRound)
	switch text(mode) {
	case "up":
		return new(big.Rat).SetInt(ceiling(quantity)), nil
	case "down":
		return new(big.Rat).SetInt(floor(quantity)), nil
	}
	return quantity, nil
}

// deduct takes off the discounts, which may bring the sum to zero but not below.
func (m *mrr) deduct(total *recurring, s *source) *fault {
	for i := range m.discounts {
		d := &m.discounts[i]
		list := s.get(d.items)
		entries := []gjson.Result{list}
		if list.IsArray() {
			entries = list.Array()
		}
		for _, entry := range entries[:min(len(entries), maxItems)] {
			// A discount that the vendor names by id only cannot be judged.
			if !entry.IsObject() {
				continue
			}
			if f := m.deductOne(total, d, s.within(entry)); f != nil {
				return f
			}
		}
	}
	if total.sum.Sign() < 0 {
		total.sum.SetInt64(0)
	}
	return nil
}

func (m *mrr) deductOne(total *recurring, d *discount, s *source) *fault {
	if d.when != nil && !d.when.holds(s) {
		return nil
	}
	if v, _ := s.scalar(d.percent); present(v) {
		percent, f := m.number(s, d.percent, 0)
		if f != nil {
			return f
		}
		rest := new(big.Rat).Sub(big.NewRat(1, 1), percent.Quo(percent, big.NewRat(100, 1)))
		total.sum.Mul(total.sum, rest)
		return nil
	}
	if v, _ := s.scalar(d.amount); present(v) && total.period != nil {
		amount, f := m.number(s, d.amount, 0)
		if f != nil {
			return f
		}
		total.sum.Sub(total.sum, amount.Mul(amount, total.period))
	}
	return nil
}
