package identity

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// MatchVersion is the version of all that Blocks and Match do to values. It changes with any outcome of theirs.
const MatchVersion = "1"

//go:embed lists/nicknames.txt
var nicknameList string

//go:embed lists/commonnames.txt
var commonNameList string

var (
	// nicknames holds, by name, the numbers of the lines of the list that it stands in; longForms begin those lines.
	nicknames, longForms = nicknameLines(nicknameList)
	// commonSurnames and commonGiven are names that many people share.
	commonSurnames, commonGiven = commonNames(commonNameList)
)

func nicknameLines(list string) (byName map[string][]uint16, long []string) {
	byName = map[string][]uint16{}
	for line := range strings.Lines(list) {
		names := strings.Fields(line)
		if len(names) < 2 || names[0] == "#" {
			continue
		}
		for _, name := range names {
			byName[name] = append(byName[name], uint16(len(long)))
		}
		long = append(long, names[0])
	}
	return byName, long
}

func commonNames(list string) (surnames, given map[string]bool) {
	surnames, given = map[string]bool{}, map[string]bool{}
	into := surnames
	for line := range strings.Lines(list) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "#"):
		case line == "surnames:":
			into = surnames
		case line == "given:":
			into = given
		default:
			for name := range strings.FieldsSeq(line) {
				into[name] = true
			}
		}
	}
	return surnames, given
}

// nickname reports whether two given names are forms of one, as Bob and Robert.
func nickname(a, b string) bool {
	x, y := nicknames[a], nicknames[b]
	for _, n := range x {
		if slices.Contains(y, n) {
			return true
		}
	}
	return false
}

// titles and suffixes are parts of a name that do not tell persons apart.
var (
	titles = words(`mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend fr father hon judge capt captain col
colonel major lt sgt herr frau fraulein hr fru monsieur madame mademoiselle mme mlle sr sra srta senor senora dott dottore
dottssa ing dipling mag don dona doutor doutora pan pani dhr mevr mw drs ir`)
	degrees = words(`phd md mba msc bsc ba ma dds dvm esq cpa cfa jd llm llb obe mbe cbe kbe pe rn frcs mp qc kc dipl`)
	// generations tell a father from his son.
	generations = map[string]byte{"jr": 2, "junior": 2, "jnr": 2, "ii": 2, "iii": 3, "iv": 4, "sr": 1, "senior": 1, "snr": 1}
	// particles belong to the surname behind them.
	particles = words(`van von der den de del della di da do dos das du la le los las ter ten zu zum zur af av al el bin ibn
abu ben mc mac o st san santa vander vande`)
)

// fold brings a value to lower case, without accents and punctuation, words parted by one space. Letters of Cyrillic
// and Greek become Latin ones.
func fold(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(s, "")) {
		switch {
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’', r == '`', r == '´', r == '.':
			// O'Brien is OBrien, and Ph.D. is PhD.
		case unicode.IsLetter(r), unicode.IsDigit(r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			writeLatin(&b, unicode.ToLower(r))
		default:
			gap = true
		}
	}
	return b.String()
}

// plain reports whether folding would change nothing.
func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == ' ' && i > 0 && i < len(s)-1 && s[i-1] != ' ' {
			continue
		}
		return false
	}
	return true
}

// latin spells letters that Unicode does not take apart.
var latin = spelled(`ß ss æ ae œ oe ø o ł l đ d ð d þ th ı i ħ h
а a б b в v г g д d е e ё e ж zh з z и i й y к k л l м m н n о o п p р r с s т t у u ф f х kh ц ts ч ch ш sh щ shch ъ _ ы y
ь _ э e ю yu я ya і i ї yi є ye ґ g ј j љ lj њ nj ћ c ђ dj џ dz
α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p ρ r σ s ς s τ t υ y φ f χ ch ψ ps ω o`)

func spelled(list string) map[rune]string {
	out := map[rune]string{}
	fields := strings.Fields(list)
	for i := 0; i+1 < len(fields); i += 2 {
		for _, r := range fields[i] {
			out[r] = strings.Trim(fields[i+1], "_")
			break
		}
	}
	return out
}

func writeLatin(b *strings.Builder, r rune) {
	if r < 0x80 {
		b.WriteByte(byte(r))
		return
	}
	if s, ok := latin[r]; ok {
		b.WriteString(s)
		return
	}
	b.WriteRune(r)
}

// personName is a name made comparable.
type personName struct {
	// given are the given names in order, surname the surname without spaces; surnames are its parts, where it has
	// several of weight.
	given    []string
	surname  string
	surnames []string
	// generation is 2 for a junior, 1 for a senior, 0 for what is not said.
	generation byte
}

// parseName takes a person's name apart. full is used where the source does not split it: "Given Surname" or
// "Surname, Given".
func parseName(first, last, full string) personName {
	if blank(first) {
		first = ""
	}
	if blank(last) {
		last = ""
	}
	if first == "" && last == "" {
		if blank(full) {
			return personName{}
		}
		first, last = splitName(full)
	} else if last == "" && strings.Contains(strings.TrimSpace(first), " ") && !blank(full) {
		first, last = splitName(full)
	}
	var n personName
	n.given = n.strip(strings.Fields(fold(first)))
	parts := n.strip(strings.Fields(fold(last)))
	n.surname = umlauts(strings.Join(parts, ""))
	parts = slices.DeleteFunc(parts, func(p string) bool { return particles[p] || len(p) < 3 })
	if len(parts) > 1 {
		for i := range parts {
			parts[i] = umlauts(parts[i])
		}
		n.surnames = parts
	}
	return n
}

// strip takes titles, degrees and the generation out of a name's words.
func (n *personName) strip(parts []string) []string {
	for len(parts) > 1 && titles[parts[0]] {
		parts = parts[1:]
	}
	for len(parts) > 1 {
		last := parts[len(parts)-1]
		if g := generations[last]; g != 0 {
			n.generation = g
		} else if !degrees[last] {
			break
		}
		parts = parts[:len(parts)-1]
	}
	return parts
}

// splitName parts a full name into the given names and the surname.
func splitName(full string) (first, last string) {
	if before, after, ok := strings.Cut(full, ","); ok {
		bare := strings.Join(strings.Fields(fold(after)), "")
		if !degrees[bare] && generations[bare] == 0 && bare != "" {
			return after, before
		}
		full = before + " " + after
	}
	parts := strings.Fields(fold(full))
	tail := len(parts)
	for tail > 1 && (degrees[parts[tail-1]] || generations[parts[tail-1]] != 0) {
		tail--
	}
	for len(parts) > 1 && titles[parts[0]] && tail > 1 {
		parts, tail = parts[1:], tail-1
	}
	if tail <= 1 {
		return strings.Join(parts, " "), ""
	}
	at := tail - 1
	for at > 1 && particles[parts[at-1]] {
		at--
	}
	return strings.Join(parts[:at], " "), strings.Join(parts[at:], " ")
}

// umlauts spells what Germans write as ae, oe and ue with one letter, as folding an accent does.
func umlauts(s string) string {
	if !strings.Contains(s, "ae") && !strings.Contains(s, "oe") && !strings.Contains(s, "ue") {
		return s
	}
	return umlautSpelling.Replace(s)
}

var umlautSpelling = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u")

// soundKey returns a key that slips of spelling mostly leave alone: consonants by how they sound, vowels left out.
func soundKey(word string) string {
	if !ascii(word) {
		// Letters that nothing here knows the sound of.
		runes := []rune(word)
		return string(runes[:min(len(runes), 4)])
	}
	var out [5]byte
	n := 0
	last := byte(0)
	for i := 0; i < len(word) && n < len(out); i++ {
		c := soundOf(word, i)
		switch {
		case c == 0:
			// A vowel lets a sound stand twice; a silent letter does not.
			if word[i] != 'h' && word[i] != 'w' && word[i] != 'y' {
				last = 0
			}
			if i == 0 {
				out[n] = 'a'
				n++
			}
		case c != last:
			out[n], last = c, c
			n++
		}
	}
	return string(out[:n])
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// soundOf returns the class of the sound of the letter at i, 0 for none.
func soundOf(word string, i int) byte {
	switch word[i] {
	case 'a', 'e', 'i', 'o', 'u', 'h', 'w', 'y':
		return 0
	case 'c', 'k', 'q', 'g', 'x':
		return 'k'
	case 's', 'z', 'j':
		return 's'
	case 'd', 't':
		return 't'
	case 'b':
		return 'b'
	case 'p':
		if i+1 < len(word) && word[i+1] == 'h' {
			return 'f'
		}
		return 'b'
	case 'f', 'v':
		return 'f'
	case 'm', 'n':
		return 'n'
	}
	return word[i]
}
