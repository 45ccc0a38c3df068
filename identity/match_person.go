package identity

import (
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// personView is a person made comparable.
type personView struct {
	name   personName
	born   birth
	mails  []mail
	phone  phone
	nation string
	place  place
}

func (r *Rules) viewPerson(b *canon.Contact) *personView {
	v := &personView{
		name:   parseName(b.FirstName, b.LastName, b.Name),
		born:   parseBirth(b.BirthDate),
		place:  parsePlace(b.Street, b.City, b.Region, b.PostalCode, b.Country),
		nation: idKey(b.NationalID),
	}
	v.phone = parsePhone(b.Phone, r.regionOf(v.place.country))
	for _, address := range b.Emails {
		if m, ok := parseMail(address); ok && m.personal() && len(v.mails) < maxMails {
			v.mails = append(v.mails, m)
		}
	}
	return v
}

// regionOf returns the country in which a number without a country's code is dialled.
func (r *Rules) regionOf(country string) string {
	if len(country) == 2 {
		return country
	}
	return r.Region
}

// idKey folds an official number; one that is too short, or one digit over and over, is none.
func idKey(s string) string {
	if len(s) > 60 || blank(s) {
		return ""
	}
	key := strings.ReplaceAll(fold(s), " ", "")
	if len(key) < 5 || strings.Trim(key, key[:1]) == "" {
		return ""
	}
	return key
}

// What a field says, in bits: the logarithm of how much more often two records of one person agree so than two of
// different persons. The figures began as estimates for data as systems usually hold it, and some were adjusted on
// made-up families: a field is right
// in nine of ten records and slips by a letter or digit in one of twenty; there are some 25,000 days on which one may be
// born, a thousand surnames of weight, a few hundred given names, a few thousand postcodes.
const (
	// priorPerson is against any two records that share a block: they are one person once in some thirty thousand.
	priorPerson = -15.0

	bitsNation       = 17.0
	bitsNationSlip   = 9.0
	bitsNationOther  = -5.0
	bitsMail         = 14.0
	bitsMailSlip     = 10.0
	bitsMailLocal    = 6.5
	bitsMailOther    = -1.3
	bitsPhone        = 12.0
	bitsPhoneSlip    = 5.0
	bitsPhoneOther   = -0.7
	bitsBirth        = 13.0
	bitsBirthSlip    = 6.0
	bitsBirthParts   = 3.5
	bitsBirthYear    = 1.0
	bitsBirthOther   = -5.0
	bitsGeneration   = -8.0
	bitsGiven        = 7.5
	bitsGivenCommon  = 5.5
	bitsGivenSlip    = 4.5
	bitsGivenShort   = 4.5
	bitsGivenInitial = 2.5
	bitsGivenOther   = -6.0
	bitsSurname      = 10.0
	bitsSurCommon    = 7.5
	bitsSurSlip      = 6.0
	bitsSurPart      = 5.0
	bitsSurAlike     = 2.0
	bitsSurOther     = -3.5
	bitsSwapped      = -2.0
	bitsStreet       = 12.0
	bitsStreetSlip   = 9.0
	bitsStreetAlike  = 5.0
	bitsStreetOther  = -1.5
	bitsPostal       = 8.0
	bitsPostalSlip   = 3.0
	bitsPostalOther  = -1.5
	bitsCity         = 4.0
	bitsCitySlip     = 3.0
	bitsCityOther    = -1.5
	bitsRegion       = 1.0
	bitsRegionOther  = -0.7
	bitsCountryOther = -2.0

	// mostAddress is the most that all parts of an address give: who shares the street shares the town.
	mostAddress = 14.0
	// mostFamily is the most that relatives under one roof agree in: surname, address, phone, mailbox. mostNameless is
	// the same where the given name of one of the two is not known, mostCalled where they share a phone too.
	mostFamily   = 9.0
	mostNameless = 12.0
	mostCalled   = 17.5
	// mostUnsure keeps a pair that an operator should see from being linked without one: a father and the son
	// named after him live under one roof, and an initial or a missing name may be anybody's in it.
	mostUnsure = 12.5
)

// personFit is how two persons go together.
type personFit struct {
	given, surname level
	// kinds counts the groups of fields that agree: name, day of birth, reachable at, address, number.
	kinds int
	// unique is set by what belongs to one person alone, sameDay by the day of birth, a slip allowed, reached by a common
	// mailbox or phone.
	unique, sameDay, reached bool
	// stranger is set where given names contradict each other, generation where the days of birth do.
	stranger, generation bool
	shared               float64
}

// comparePersons weighs what is known of two persons.
func comparePersons(a, b *personView, t *tally) bool {
	var f personFit
	t.rank = rankScore
	t.sum = priorPerson
	f.names(a, b, t)
	f.birth(a, b, t)
	f.numbers(a, b, t)
	f.reach(a, b, t)
	f.home(a, b, t)
	switch {
	case f.stranger && !f.unique, f.generation:
		t.cap(f.shared, mostFamily)
	case (f.given == levelNone || f.given == levelVague) && !f.sameDay:
		most := mostNameless
		if f.reached {
			most = mostCalled
		}
		t.cap(f.shared, most)
	}
	if !f.unique && !f.sameDay && (f.given < levelClose || !f.reached) || f.stranger {
		t.cap(t.sum, mostUnsure)
	}
	return f.unique || f.kinds >= 2
}

// names weighs given names and surnames together, as some systems swap them.
func (f *personFit) names(a, b *personView, t *tally) {
	f.given, f.surname = compareGiven(a.name.given, b.name.given), compareSurnames(&a.name, &b.name)
	straight := int(f.given) + int(f.surname)
	if straight < int(levelEqual)+int(levelAlike) && len(a.name.given) > 0 && len(b.name.given) > 0 {
		x, y := compareWords(a.name.given[0], b.name.surname), compareWords(a.name.surname, b.name.given[0])
		if x >= levelClose && y >= levelClose || x == levelEqual && y == levelNone || x == levelNone && y == levelEqual {
			f.swapped(a, b, t)
			return
		}
	}
	f.givenBits(a, b, t)
	f.surnameBits(a, b, t)
	if f.given >= levelAlike || f.surname >= levelClose {
		f.kinds++
	}
	if g, h := a.name.generation, b.name.generation; g != 0 && h != 0 && g != h {
		f.generation = true
		t.note(finding{what: "another generation", bits: bitsGeneration})
	}
}

func (f *personFit) swapped(a, b *personView, t *tally) {
	f.given, f.surname = levelClose, levelClose
	f.kinds++
	bits := bitsGivenCommon + bitsSurCommon + bitsSwapped
	if a.name.surname == "" || b.name.surname == "" {
		bits = bitsGivenCommon + bitsSwapped
	}
	f.shared += bits / 2
	t.note(finding{what: "given name and surname swapped", a: a.name.first() + " " + a.name.surname, b: b.name.first() + " " + b.name.surname, bits: bits})
}

func (n *personName) first() string {
	if len(n.given) == 0 {
		return ""
	}
	return n.given[0]
}

func (f *personFit) givenBits(a, b *personView, t *tally) {
	x, y := a.name.first(), b.name.first()
	short := len(x) == 1 || len(y) == 1
	switch f.given {
	case levelEqual:
		bits := bitsGiven
		if commonGiven[x] || short {
			bits = bitsGivenCommon
		}
		if short {
			bits = bitsGivenInitial
		}
		t.note(finding{"same given name", x, y, bits})
	case levelClose:
		t.note(finding{"given name almost the same", x, y, bitsGivenSlip})
	case levelAlike:
		switch {
		case short:
			t.note(finding{"initial of the given name", x, y, bitsGivenInitial})
		default:
			t.note(finding{"given name alike", x, y, bitsGivenShort})
		}
	case levelDiffers:
		f.stranger = true
		t.note(finding{"other given name", x, y, bitsGivenOther})
	}
}

func (f *personFit) surnameBits(a, b *personView, t *tally) {
	x, y := a.name.surname, b.name.surname
	bits, what := 0.0, ""
	switch f.surname {
	case levelEqual:
		bits, what = bitsSurname, "same surname"
		if commonSurnames[x] {
			bits = bitsSurCommon
		}
	case levelClose:
		bits, what = bitsSurSlip, "surname almost the same"
		if part(&a.name, &b.name) {
			bits, what = bitsSurPart, "part of the surname the same"
		}
	case levelAlike:
		bits, what = bitsSurAlike, "surname alike"
	case levelDiffers:
		bits, what = bitsSurOther, "other surname"
	default:
		return
	}
	f.shared += max(bits, 0)
	t.note(finding{what, x, y, bits})
}

// compareGiven returns the level of two persons' given names: one in common is enough, an initial or a nickname is
// alike.
func compareGiven(a, b []string) level {
	if len(a) == 0 || len(b) == 0 {
		return levelNone
	}
	best := compareOneGiven(a[0], b[0])
	if best >= levelClose || len(a) == 1 && len(b) == 1 {
		return best
	}
	for _, x := range a {
		for _, y := range b {
			if len(x) > 1 && len(y) > 1 && compareOneGiven(x, y) >= levelClose {
				return max(best, levelAlike)
			}
		}
	}
	// Anne Marie is Annemarie.
	if strings.Join(a, "") == strings.Join(b, "") {
		return levelEqual
	}
	return best
}

func compareOneGiven(a, b string) level {
	if len(a) == 1 || len(b) == 1 {
		if a[0] == b[0] {
			if len(a) == len(b) {
				return levelEqual
			}
			return levelAlike
		}
		return levelDiffers
	}
	l := compareWords(umlauts(a), umlauts(b))
	switch {
	case l >= levelClose:
		return l
	case nickname(a, b):
		return levelAlike
	case l == levelAlike, len(a) >= 3 && len(b) >= 3 && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)):
		return levelAlike
	}
	return l
}

// compareSurnames returns the level of two surnames; part of a double one is close.
func compareSurnames(a, b *personName) level {
	l := compareWords(a.surname, b.surname)
	if l == levelNone || l >= levelClose {
		return l
	}
	if part(a, b) {
		return levelClose
	}
	if l < levelAlike && len(a.surname) >= 4 && len(b.surname) >= 4 && soundKey(a.surname) == soundKey(b.surname) {
		return levelAlike
	}
	return l
}

// part reports whether one surname is one of the parts of the other, as after a marriage.
func part(a, b *personName) bool {
	for _, p := range a.surnames {
		if p == b.surname {
			return true
		}
	}
	for _, p := range b.surnames {
		if p == a.surname {
			return true
		}
	}
	return false
}
