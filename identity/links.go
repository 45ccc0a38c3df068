package identity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// linkRef links whoever points to a record with the record, and with each other where it is not known.
func (c *clustering) linkRef(key string, holders []holder) {
	var pointing, owned []holder
	for _, h := range holders {
		switch {
		case c.detached(h.node) != "":
			c.explainDetached(h, holders, key)
		case h.hold == holdParent:
			owned = append(owned, h)
		default:
			pointing = append(pointing, h)
		}
	}
	if len(pointing) == 0 {
		return
	}
	hub := slices.MinFunc(pointing, func(a, b holder) int { return cmp.Or(cmp.Compare(a.hold, b.hold), cmp.Compare(a.node, b.node)) })
	for _, h := range pointing {
		if h.node == hub.node {
			continue
		}
		rank := uint8(rankSame)
		if h.hold <= holdInto && hub.hold <= holdInto {
			rank = rankMerged
		}
		c.link(rank, hub.node, h.node, key)
	}
	for _, h := range owned {
		if h.node != hub.node && c.counts(h.node) {
			c.parents = append(c.parents, parentage{child: h.node, parent: hub.node, key: parPrefix + key[len(refPrefix):]})
		}
	}
}

// explainDetached says what would have linked a detached node.
func (c *clustering) explainDetached(h holder, holders []holder, key string) {
	reason := fmt.Sprintf("Decision %s detaches %s.", c.detached(h.node), c.at(h.node).Ref)
	for _, o := range holders {
		both := c.detached(o.node) != "" && o.node < h.node
		if o.node != h.node && !both && !c.shadow[o.node] && o.hold != holdParent && h.hold != holdParent {
			c.refuse(rankOf(key), h.node, o.node, key, reason)
			if isRefKey(key) {
				return
			}
		}
	}
}

// rankOf returns the place on the ladder of what a key links.
func rankOf(key string) uint8 {
	switch prefix, _, _ := strings.Cut(key, ":"); prefix + ":" {
	case vatPrefix, regPrefix:
		return rankRegistered
	case mailPrefix:
		return rankMail
	case domPrefix:
		return rankDomain
	}
	return rankSame
}

// linkKey collects the links that a key gives which several may hold, or says why it gives none.
func (c *clustering) linkKey(key string, all []holder) {
	holders := c.telling(key, all)
	living := make([]holder, 0, len(holders))
	for _, h := range holders {
		switch {
		case c.shadow[h.node]:
		case c.detached(h.node) != "":
			c.explainDetached(h, holders, key)
		default:
			living = append(living, h)
		}
	}
	if len(c.unlinks) > 0 {
		living = slices.DeleteFunc(slices.Clone(living), func(h holder) bool { return c.withdrawn(h, living) })
	}
	if len(living) < 2 {
		return
	}
	if strings.HasPrefix(key, mailPrefix) {
		c.linkMail(key, living)
		return
	}
	strong := slices.DeleteFunc(slices.Clone(living), func(h holder) bool { return h.hold != holdStrong })
	if c.rivals(rankOf(key), key, strong, living) {
		return
	}
	for _, a := range strong {
		for _, b := range living {
			if a.node != b.node && (b.hold != holdStrong || a.node < b.node) {
				c.link(rankOf(key), a.node, b.node, key)
			}
		}
	}
}

// telling leaves out the holders for whom a key is generic, and says so. A key and its twin are counted apart, as
// Closure counts them.
func (c *clustering) telling(key string, all []holder) []holder {
	var parts [2][]holder
	for _, h := range all {
		if h.weak {
			parts[1] = append(parts[1], h)
		} else {
			parts[0] = append(parts[0], h)
		}
	}
	var left []holder
	for i, part := range parts {
		held := key
		if i == 1 {
			held = c.rules.twin(key)
		}
		reason := ""
		if id := cmp.Or(c.decisions.genericBy(held), c.decisions.genericBy(key)); id != "" {
			reason = fmt.Sprintf("Decision %s says that it tells none from another.", id)
		} else if c.generic[held] || len(part) > c.rules.limit() {
			reason = fmt.Sprintf("More than %d records hold it, so it tells none from another.", c.rules.limit())
		}
		switch {
		case reason == "":
			left = append(left, part...)
		case len(part) > 0:
			c.contested = append(c.contested, contest{nodes: numbersOf(part), key: held, own: true, reason: reason})
		}
	}
	if len(parts[0]) > 0 && len(parts[1]) > 0 {
		slices.SortFunc(left, func(a, b holder) int { return cmp.Compare(a.node, b.node) })
	}
	return left
}

// withdrawn reports whether decisions keep a holder apart from all others of other sources, so that its claim to the
// key is settled.
func (c *clustering) withdrawn(h holder, living []holder) bool {
	if len(c.unlinks[h.node]) == 0 {
		return false
	}
	settled := false
	for _, o := range living {
		if o.node == h.node || c.at(o.node).source() == c.at(h.node).source() && c.rules.single(c.at(h.node).source()) {
			continue
		}
		if c.apart(h.node, o.node) == "" {
			return false
		}
		settled = true
	}
	return settled
}

// rivals reports whether several holders of one single source claim a key, and says so: the key then links none, and
// whoever comes with it stays a customer of its own.
func (c *clustering) rivals(rank uint8, key string, strong, living []holder) bool {
	source := c.rival(strong)
	if source == "" {
		return false
	}
	reason := fmt.Sprintf("Several records of %s claim it, so it links none.", source)
	c.contested = append(c.contested, contest{nodes: numbersOf(living), key: key, reason: reason})
	c.refusePairs(rank, key, reason, strong, living)
	return true
}

// mostPairs is the most holders of which every pair is named where none of them is linked; of more, each is named with
// the first few.
const mostPairs = 8

// refusePairs names the pairs of a contested key: those of one single source would not be one by any key.
func (c *clustering) refusePairs(rank uint8, key, reason string, strong, living []holder) {
	for i, a := range strong[:min(len(strong), mostPairs)] {
		for _, b := range living {
			seen := slices.ContainsFunc(strong[:i], func(h holder) bool { return h.node == b.node })
			if a.node == b.node || seen || c.sameSingle(a.node, b.node) {
				continue
			}
			c.refuse(rank, a.node, b.node, key, reason)
		}
	}
}

func (c *clustering) sameSingle(a, b int32) bool {
	return c.at(a).source() == c.at(b).source() && c.rules.single(c.at(a).source())
}

// rival returns a single source that several of the holders come from, the first by name, or "".
func (c *clustering) rival(holders []holder) string {
	found := ""
	for i, a := range holders {
		for _, b := range holders[:i] {
			if c.sameSingle(a.node, b.node) && (found == "" || c.at(a.node).source() < found) {
				found = c.at(a.node).source()
			}
		}
	}
	return found
}

// linkMail links persons by an address: without more ado where both sources vouch for it, otherwise where something
// else says the same.
func (c *clustering) linkMail(key string, living []holder) {
	strong := slices.DeleteFunc(slices.Clone(living), func(h holder) bool { return h.hold != holdStrong })
	if !c.rivals(rankMail, key, strong, strong) {
		for i, a := range strong {
			for _, b := range strong[i+1:] {
				c.link(rankMail, a.node, b.node, key)
			}
		}
	}
	if len(strong) == len(living) {
		return
	}
	weak := addrPrefix + key[len(mailPrefix):]
	agree := c.corroborated(living, weak)
	for i, a := range living {
		for j, b := range living {
			switch {
			case i >= j || a.hold == holdStrong && b.hold == holdStrong || c.sameSingle(a.node, b.node):
			case agree[i][j] == "":
				if i < mostPairs {
					c.refuse(rankMailUnverified, a.node, b.node, weak, "Not both sources vouch for the address, and neither the name nor the company says the same.")
				}
			case c.several(agree, living, i, j):
				reason := fmt.Sprintf("Several records of %s or %s come with it, so it links none.", c.at(a.node).source(), c.at(b.node).source())
				c.contested = append(c.contested, contest{nodes: []int32{a.node, b.node}, key: weak, reason: reason})
				c.refuse(rankMailUnverified, a.node, b.node, weak, reason)
			default:
				c.link(rankMailUnverified, a.node, b.node, weak)
			}
		}
	}
}

// several reports whether a has a second partner of b's single source that something speaks for, or b of a's.
func (c *clustering) several(agree [][]string, living []holder, i, j int) bool {
	for k := range living {
		if k == i || k == j {
			continue
		}
		if agree[i][k] != "" && c.sameSingle(living[k].node, living[j].node) || agree[k][j] != "" && c.sameSingle(living[k].node, living[i].node) {
			return true
		}
	}
	return false
}

// corroborated says for each pair of holders of an address what else says that they are one person, "" for nothing.
func (c *clustering) corroborated(living []holder, key string) [][]string {
	_, domain, _ := strings.Cut(key, "@")
	corporate := c.rules.corporate(domain) != ""
	names, companies := make([]string, len(living)), make([][]string, len(living))
	for i, h := range living {
		n := c.at(h.node)
		if b, ok := n.Entity.Body.(*canon.Contact); ok {
			names[i] = personKey(b)
		}
		for _, o := range n.Entity.Owners {
			if corporate && o.Kind == canon.KindCompany && !o.Ref.IsZero() {
				companies[i] = append(companies[i], RefKey(o.Kind, o.Ref))
			}
		}
	}
	agree := make([][]string, len(living))
	for i := range living {
		agree[i] = make([]string, len(living))
		for j := range living {
			common := func(ref string) bool { return slices.Contains(companies[j], ref) }
			switch {
			case i == j:
			case names[i] != "" && names[i] == names[j]:
				agree[i][j] = "name"
			case slices.ContainsFunc(companies[i], common):
				agree[i][j] = "company"
			}
		}
	}
	return agree
}

// personKey folds a person's name, whatever the order of its words; "" for none.
func personKey(b *canon.Contact) string {
	var all []string
	for _, part := range []string{b.Name, b.FirstName, b.LastName} {
		if blank(part) || part != b.Name && !blank(b.Name) {
			continue
		}
		all = append(all, strings.Fields(NameKey(part))...)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func numbersOf(holders []holder) []int32 {
	out := make([]int32, len(holders))
	for i, h := range holders {
		out[i] = h.node
	}
	return out
}
