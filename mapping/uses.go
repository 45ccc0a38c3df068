package mapping

// uses calls use with every path of the record that the rule reads, as seen from the record.
func (r *rule) uses(use func(string)) {
	base := ""
	if r.each != nil {
		base = r.each.text + ".#"
	}
	u := user{use: use, base: base}
	u.paths(r.partPaths)
	u.condition(r.when)
	u.condition(r.deleted)
	for _, f := range []*field{r.created, r.absorbed} {
		if f != nil {
			u.field(f)
		}
	}
	for _, list := range [][]pointer{r.owners, r.sameAs} {
		for i := range list {
			u.paths(list[i].id)
			u.paths(list[i].email)
		}
	}
	for i := range r.fields {
		u.field(&r.fields[i])
	}
}

// user turns paths that are relative to the elements at base into paths of the record.
type user struct {
	use  func(string)
	base string
}

func (u user) paths(list []path) {
	for _, p := range list {
		switch {
		case u.base == "" || p.root:
			u.use(p.text)
		case p.text == "@this":
			u.use(u.base)
		default:
			u.use(u.base + "." + p.text)
		}
	}
}

func (u user) condition(c *condition) {
	if c == nil {
		return
	}
	for _, list := range [][]condition{c.all, c.any} {
		for i := range list {
			u.condition(&list[i])
		}
	}
	u.condition(c.not)
	if c.path.text != "" {
		u.paths([]path{c.path})
	}
}

func (u user) field(f *field) {
	u.paths(f.paths)
	u.condition(f.when)
	for i := range f.first {
		u.field(&f.first[i])
	}
	if f.money != nil {
		u.paths(f.money.amount)
		u.paths(f.money.currency.paths)
	}
	if f.ref != nil {
		u.paths(f.ref.id)
	}
	if f.mrr != nil {
		u.recurring(f.mrr)
	}
}

func (u user) recurring(m *mrr) {
	in := u.within(m.items)
	for _, list := range [][]path{m.amount, m.quantity, m.interval, m.count, m.divide, m.divideRound, m.currency.paths} {
		in.paths(list)
	}
	in.condition(m.skip)
	for i := range m.discounts {
		d := &m.discounts[i]
		in := u.within(d.items)
		in.paths(d.percent)
		in.paths(d.amount)
		in.condition(d.when)
	}
}

// within returns the user of paths that are relative to the elements at items. A single object may stand
// for a list of one, so both forms count.
func (u user) within(items path) user {
	base := items.text
	if u.base != "" && !items.root {
		base = u.base + "." + base
	}
	return user{base: base, use: func(p string) {
		u.use(p)
		if len(p) > len(base) && p[:len(base)] == base {
			u.use(base + ".#" + p[len(base):])
		}
	}}
}
