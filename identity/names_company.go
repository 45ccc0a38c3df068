package identity

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// forms are the legal forms of companies by country, as folding leaves them. They are taken off for comparing only:
// "Acme GmbH" and "Acme AG" are two companies, but systems rarely agree on how to write the form.
// The lands of a form are a bit each.
var forms = formLands(map[string]string{
	"AE": "fze fzco fzllc pjsc", "AR": "srl sas sau sca", "AT": "gesmbh gmbh gesellschaft og eu keg", "AU": "pty ltd nl", "BA": "doo dd",
	"BE": "bv bvba sprl srl nv sa cvba scrl vzw asbl vof", "BG": "ood eood ad ead", "BR": "ltda eireli sa mei epp",
	"CA": "inc ltd ltee corp ulc", "CH": "ag gmbh sa sarl sagl", "CL": "spa ltda eirl", "CN": "coltd ltd", "CO": "sas ltda",
	"CZ": "sro as vos ks spol", "DE": "gmbh ggmbh mbh ag kg kgaa ohg gbr ug se eg ev ek ekfr partg partgmbb haftungsbeschrankt gesellschaft mit beschrankter haftung aktiengesellschaft",
	"DK": "aps as ks is ivs amba", "EE": "ou as tu", "ES": "sl slu sa sau slne sll scoop scp sociedad anonima limitada", "FI": "oy oyj ab ky tmi",
	"FR": "sa sas sasu sarl eurl sci snc sca scop selarl gie ei societe anonyme", "GB": "ltd limited plc llp lp cic ltdco", "GR": "ae epe ike oe",
	"HK": "ltd limited", "HR": "doo jdoo dd", "HU": "kft zrt nyrt bt rt kkt", "ID": "pt tbk cv", "IE": "ltd dac clg uc plc teoranta teo",
	"IL": "ltd", "IN": "pvt private ltd limited llp opc", "IS": "ehf hf", "IT": "srl srls spa sapa snc sas ss scarl coop",
	"JP": "kk gk yk kabushiki kaisha", "KR": "coltd jusik", "LI": "ag anstalt", "LT": "uab ab mb", "LU": "sarl sarls sa secs scs",
	"LV": "sia as", "MT": "ltd plc", "MX": "sa sadecv sab sapi srl rl decv cv de", "MY": "sdn bhd berhad", "NL": "bv nv cv vof cooperatief ua",
	"NO": "as asa ans da ba", "NZ": "ltd limited", "PE": "sac saa eirl srl", "PH": "inc corp opc", "PK": "pvt ltd", "PL": "spzoo sp zoo z oo sa spj spk ska",
	"PT": "lda sa unipessoal sgps", "RO": "srl sa srld pfa", "RS": "doo ad", "RU": "ooo oao zao pao ao ip", "SA": "llc cjsc", "SE": "ab publ hb kb",
	"SG": "pte ltd llp", "SI": "doo dd", "SK": "sro as", "TH": "coltd pcl", "TR": "as ltd sti anonim sirketi limited ticaret sanayi", "TW": "coltd",
	"UA": "tov ooo pat prat", "US": "inc incorporated llc lllp llp lp corp corporation co company pc pllc pa", "VN": "jsc tnhh coltd", "ZA": "pty ltd cc npc rf",
})

// leadingForms stand before the name.
var leadingForms = words(`pt ooo oao zao pao uab sia tov ao firma fa cv ou`)

// filler says next to nothing in a company's name; the words beside it tell companies apart.
var filler = words(`group holding holdings international global worldwide company co corp corporation enterprises enterprise services service
solutions solution systems system technologies technology tech software consulting consultants partners partner associates industries industry
trading management development digital media labs lab studio studios ventures capital investments investment properties gruppe groupe grupo gruppo
the of for der die das le la les el los de du des and und et y e i en`)

// places are words of names that tell the branches of one company apart.
var places = words(`germany deutschland france uk britain england scotland ireland usa us america americas europe emea apac asia italy italia
spain espana portugal netherlands nederland holland belgium belgie belgique austria osterreich switzerland schweiz suisse svizzera sweden sverige
norway norge denmark danmark finland suomi poland polska czech cesko hungary romania bulgaria greece turkey turkiye russia ukraine india china japan
korea australia canada mexico brazil brasil argentina chile colombia africa singapore malaysia indonesia thailand vietnam philippines israel uae dubai
london paris berlin munich munchen hamburg frankfurt vienna wien zurich geneva milan milano rome roma madrid barcelona lisbon amsterdam brussels
dublin york boston chicago texas california toronto sydney melbourne tokyo shanghai beijing mumbai delhi north south east west nord sud northern
southern eastern western central`)

func formLands(byCountry map[string]string) map[string]uint64 {
	lands := map[string]uint64{}
	for i, country := range slices.Sorted(maps.Keys(byCountry)) {
		for form := range strings.FieldsSeq(byCountry[country]) {
			lands[form] |= 1 << i
		}
	}
	return lands
}

// companyName is a company's name made comparable.
type companyName struct {
	// tokens are the words of the name without its legal form, in order; joined are they without spaces, text with.
	tokens       []string
	joined, text string
	// form is the legal form, "" where the name tells none, and lands are the countries that have it.
	form  string
	lands uint64
}

func parseCompany(name string) companyName {
	if blank(name) {
		return companyName{}
	}
	name = strings.ReplaceAll(name, "&", " and ")
	tokens := initials(strings.Fields(fold(withoutAside(name))))
	for len(tokens) > 1 && (tokens[0] == "the" || leadingForms[tokens[0]]) {
		tokens = tokens[1:]
	}
	var n companyName
	end := len(tokens)
	for end > 1 && (forms[tokens[end-1]] != 0 || tokens[end-1] == "and") {
		end--
	}
	n.form = formKey(tokens[end:])
	n.lands = ^uint64(0)
	for _, t := range tokens[end:] {
		// "GmbH & Co. KG" has a word of other countries in it.
		if both := n.lands & forms[t]; both != 0 {
			n.lands = both
		}
	}
	tokens = slices.DeleteFunc(tokens[:end], func(t string) bool { return len(tokens) > 1 && (t == "and" || t == "und" || t == "et") })
	n.tokens = tokens[:min(len(tokens), 8)]
	for i, t := range n.tokens {
		n.tokens[i] = umlauts(t)
	}
	n.joined, n.text = strings.Join(n.tokens, ""), strings.Join(n.tokens, " ")
	return n
}

// withoutAside takes what stands in brackets out of a name: "Acme (formerly Beta)", "Acme (UK) Ltd".
func withoutAside(name string) string {
	open := strings.IndexByte(name, '(')
	if open <= 0 {
		return name
	}
	end := strings.IndexByte(name[open:], ')')
	if end < 0 {
		return name
	}
	aside := fold(name[open+1 : open+end])
	if places[aside] || !strings.ContainsFunc(aside, unicode.IsLetter) {
		// A branch is told apart by it.
		return name[:open] + " " + aside + " " + name[open+end+1:]
	}
	return name[:open] + " " + name[open+end+1:]
}

// initials joins single letters that follow each other: "s r o" is sro, "I B M" is ibm.
func initials(tokens []string) []string {
	out := tokens[:0:0]
	run := ""
	flush := func() {
		if run != "" {
			out = append(out, run)
			run = ""
		}
	}
	for _, t := range tokens {
		if len(t) == 1 && t[0] >= 'a' {
			run += t
			continue
		}
		flush()
		out = append(out, t)
	}
	flush()
	return out
}

// formKey brings the spellings of one legal form together.
func formKey(tokens []string) string {
	var parts []string
	for _, t := range tokens {
		switch t {
		case "limited":
			t = "ltd"
		case "incorporated":
			t = "inc"
		case "corporation":
			t = "corp"
		case "and", "co", "company", "private", "pvt", "pty", "pte", "sp", "spol", "z", "de", "rl":
			continue
		case "gesellschaft", "mit", "beschrankter":
			continue
		case "gesmbh", "mbh", "haftung":
			t = "gmbh"
		case "zoo", "oo":
			t = "spzoo"
		}
		parts = append(parts, t)
	}
	return strings.Join(parts, " ")
}

// weight tells how much a word of a name counts.
func tokenWeight(t string) float64 {
	switch {
	case filler[t]:
		return 0.25
	case len(t) <= 2:
		return 0.5
	}
	return 1
}

// nameFit is how two companies' names go together.
type nameFit uint8

const (
	fitNone     nameFit = iota
	fitConflict         // they say of themselves that they are two: other numbers, other places
	fitDiffers
	fitVague
	fitPart // one is the other with words added, or its initials
	fitAlike
	fitClose
	fitEqual
)

// compareCompanies returns how two names go together.
func compareCompanies(a, b companyName) nameFit {
	if a.joined == "" || b.joined == "" {
		return fitNone
	}
	if a.joined == b.joined {
		return fitEqual
	}
	if a.joined > b.joined {
		// Words are paired one after the other, which must not depend on which name comes first.
		a, b = b, a
	}
	var used [8]bool
	both, restA, restB := alignTokens(a.tokens, b.tokens, &used)
	if toldApart(a.tokens, b.tokens) {
		return fitConflict
	}
	n := min(len(a.joined), len(b.joined))
	switch {
	case restA == 0 && restB == 0:
		return fitClose
	case n >= 5 && edits(a.joined, b.joined, 2) <= min(2, n/5):
		return fitClose
	case both >= 1 && restA+restB <= 0.5:
		return fitAlike
	case isInitials(a, b) || isInitials(b, a):
		return fitPart
	case both >= 1 && (restA == 0 || restB == 0):
		return fitPart
	}
	if share := 2 * both / (2*both + restA + restB); share >= 0.75 {
		return fitAlike
	} else if share >= 0.5 {
		return fitVague
	}
	switch w := winkler(a.joined, b.joined); {
	case w >= 0.92 && n >= 5:
		return fitAlike
	case w >= 0.82:
		return fitVague
	}
	return fitDiffers
}

// alignTokens pairs the words of two names and returns the weight of what both have, and of what either has alone.
func alignTokens(a, b []string, used *[8]bool) (both, restA, restB float64) {
	for _, x := range a {
		best, at := levelNone, -1
		for j, y := range b {
			if l := compareWords(x, y); !used[j] && l > best {
				best, at = l, j
			}
		}
		if best >= levelClose {
			used[at] = true
			both += tokenWeight(x)
			continue
		}
		restA += tokenWeight(x)
	}
	for j, y := range b {
		if !used[j] {
			restB += tokenWeight(y)
		}
	}
	return both, restA, restB
}

// toldApart reports whether either name has a number or both have a place that the other lacks.
func toldApart(a, b []string) bool {
	placed := [2]bool{}
	numbered := [2]bool{}
	for side, pair := range [2][2][]string{{a, b}, {b, a}} {
		for _, t := range pair[0] {
			if slices.Contains(pair[1], t) {
				continue
			}
			placed[side] = placed[side] || places[t]
			numbered[side] = numbered[side] || t[0] >= '0' && t[0] <= '9' || t == "ii" || t == "iii" || t == "iv"
		}
	}
	return placed[0] && placed[1] || numbered[0] && numbered[1]
}

// isInitials reports whether short is made of the first letters of the words of long.
func isInitials(short, long companyName) bool {
	if len(short.tokens) != 1 || len(long.tokens) < 3 || len(short.joined) != len(long.tokens) {
		return false
	}
	for i, t := range long.tokens {
		if t[0] != short.joined[i] {
			return false
		}
	}
	return true
}
