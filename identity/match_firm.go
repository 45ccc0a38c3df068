package identity

import (
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// firmView is a company made comparable.
type firmView struct {
	name    companyName
	domains []string
	// label is the first part of the first domain: "acme" of acme.co.uk.
	label string
	mail  mail
	phone phone
	// vat and register are official numbers.
	vat, register string
	place         place
	// land is the country by all that tells it.
	land string
}

func (r *Rules) viewFirm(b *canon.Company) *firmView {
	v := &firmView{
		name:     parseCompany(b.Name),
		place:    parsePlace(b.Street, b.City, b.Region, b.PostalCode, b.Country),
		vat:      idKey(b.VATID),
		register: strings.TrimLeft(idKey(b.RegistrationID), "0"),
	}
	v.phone = parsePhone(b.Phone, r.regionOf(v.place.country))
	for _, d := range b.Domains {
		if domain := r.corporate(d); domain != "" && len(v.domains) < maxMails {
			v.domains = append(v.domains, domain)
		}
	}
	if m, ok := parseMail(b.Email); ok && !m.placeholder {
		v.mail = m
		if domain := r.corporate(m.domain); domain != "" && len(v.domains) == 0 {
			v.domains = append(v.domains, domain)
		}
	}
	if len(v.domains) > 0 {
		v.label, _, _ = strings.Cut(v.domains[0], ".")
	}
	v.land = v.country()
	return v
}

// country returns where a company is: as its address says, or its VAT id, its phone or its domain.
func (f *firmView) country() string {
	if f.place.country != "" {
		return f.place.country
	}
	if n := min(2, len(f.vat)); n == 2 && f.vat[0] >= 'a' && f.vat[1] >= 'a' {
		return CountryKey(f.vat[:2])
	}
	if land := f.phone.land; land != "" {
		return land
	}
	if len(f.domains) > 0 {
		top := f.domains[0][strings.LastIndexByte(f.domains[0], '.')+1:]
		if len(top) == 2 && !worldwide[top] {
			return CountryKey(top)
		}
	}
	return ""
}

// worldwide are top levels of countries that companies anywhere use.
var worldwide = words("io co ai me tv cc ws eu to fm gg ly sh ac so vc")

// What a company's field says, in bits, by the reasoning that holds for persons. There are fewer companies, and a name
// tells more; on the other hand branches and sisters share nearly all of it.
const (
	// priorFirm is against any two records that share a block.
	priorFirm = -11.0

	bitsVAT          = 18.0
	bitsVATSlip      = 7.0
	bitsVATOther     = -7.0
	bitsRegister     = 16.0
	bitsRegisterElse = -5.0
	bitsName         = 13.0
	bitsNameOneWord  = 12.0
	bitsNameFiller   = 7.0
	bitsNameSlip     = -2.0
	bitsNameAlike    = 6.0
	bitsNamePart     = 4.5
	bitsNameVague    = -1.0
	bitsNameOther    = -6.0
	bitsNameConflict = -10.0
	bitsForm         = -0.5
	bitsFormAbroad   = -4.0
	bitsDomain       = 11.0
	bitsLabel        = 7.0
	bitsLabelSlip    = 5.0
	bitsDomainOther  = -1.5
	bitsFirmMail     = 10.0
	bitsFirmCountry  = 1.0
	bitsFirmAbroad   = -5.5
	bitsFirmPhone    = 11.0
	bitsFirmElse     = -0.5

	// mostRoof is the most that companies under one roof agree in whose names differ: address, phone, mailbox.
	mostRoof = 9.0
)

// compareFirms weighs what is known of two companies.
func compareFirms(a, b *firmView, t *tally) bool {
	t.rank = rankScore
	t.sum = priorFirm
	fit := firmNames(a, b, t)
	unique := firmNumbers(a, b, t)
	online := firmOnline(a, b, t)
	x, y := a.place, b.place
	// The country is weighed below, from all that tells it.
	x.country, y.country = "", ""
	home := placeBits(&x, &y, t)
	calls := firmPhone(a, b, t)
	if x, y := a.land, b.land; x != "" && x == y {
		t.note(finding{"same country", x, y, bitsFirmCountry})
	} else if x != "" && y != "" {
		t.note(finding{"companies of two countries", x, y, bitsFirmAbroad})
	}
	if fit <= fitVague && !unique {
		t.cap(online+home+calls, mostRoof)
	}
	if fit == fitEqual && t.rank == rankScore && (a.land == b.land || a.land == "" || b.land == "") {
		t.rank = rankName
	}
	return unique || fit >= fitPart || online > 0 && (home >= bitsCity || calls > 0)
}

func firmNames(a, b *firmView, t *tally) nameFit {
	fit := compareCompanies(a.name, b.name)
	x, y := a.name.text, b.name.text
	switch fit {
	case fitEqual:
		t.note(finding{"same name", x, x, nameBits(a.name)})
	case fitClose:
		t.note(finding{"name almost the same", x, y, min(nameBits(a.name), nameBits(b.name)) + bitsNameSlip})
	case fitAlike:
		t.note(finding{"name alike", x, y, bitsNameAlike})
	case fitPart:
		t.note(finding{"name in part the same", x, y, bitsNamePart})
	case fitVague:
		t.note(finding{"name hardly alike", x, y, bitsNameVague})
	case fitDiffers:
		t.note(finding{"other name", x, y, bitsNameOther})
	case fitConflict:
		t.note(finding{"names that tell two apart", x, y, bitsNameConflict})
	}
	switch f, g := a.name.form, b.name.form; {
	case fit < fitPart || f == "" || g == "" || f == g:
	case a.name.lands&b.name.lands == 0:
		t.note(finding{"legal forms of two countries", f, g, bitsFormAbroad})
	default:
		t.note(finding{"other legal form", f, g, bitsForm})
	}
	return fit
}

// nameBits is what an equal name says: the more of it is not filler, the more.
func nameBits(n companyName) float64 {
	weight := 0.0
	for _, token := range n.tokens {
		weight += tokenWeight(token)
	}
	switch {
	case weight < 1:
		return bitsNameFiller
	case weight < 1.5 && len(n.joined) < 9:
		return bitsNameOneWord
	}
	return bitsName
}

// firmNumbers weighs official numbers. Where one agrees, the companies are told by it alone.
func firmNumbers(a, b *firmView, t *tally) bool {
	unique := false
	switch compareDigits(vatDigits(a), vatDigits(b)) {
	case levelEqual:
		unique = true
		t.note(finding{"same VAT id", a.vat, b.vat, bitsVAT})
	case levelClose:
		t.note(finding{"VAT id off by a slip", a.vat, b.vat, bitsVATSlip})
	case levelVague, levelDiffers:
		t.note(finding{"other VAT id", a.vat, b.vat, bitsVATOther})
	}
	sameLand := a.land == b.land || a.land == "" || b.land == ""
	switch compareDigits(a.register, b.register) {
	case levelEqual:
		if sameLand {
			unique = true
			t.note(finding{"same registration number", a.register, b.register, bitsRegister})
		}
	case levelVague, levelDiffers:
		if sameLand {
			t.note(finding{"other registration number", a.register, b.register, bitsRegisterElse})
		}
	}
	return unique
}

// vatDigits returns a VAT id without the letters of its country, which some sources leave out.
func vatDigits(f *firmView) string {
	if len(f.vat) > 4 && f.vat[0] >= 'a' && f.vat[1] >= 'a' {
		return f.vat[2:]
	}
	return f.vat
}

// firmOnline weighs domains and mailboxes and returns what they say for the pair.
func firmOnline(a, b *firmView, t *tally) float64 {
	if a.mail.key != "" && a.mail.key == b.mail.key {
		t.rank = rankMailUnverified
		t.note(finding{"same e-mail", a.mail.key, b.mail.key, bitsFirmMail})
		return bitsFirmMail
	}
	if len(a.domains) == 0 || len(b.domains) == 0 {
		return 0
	}
	f := finding{"other domain", a.domains[0], b.domains[0], bitsDomainOther}
	for _, x := range a.domains {
		for _, y := range b.domains {
			if x == y {
				f = finding{"same domain", x, y, bitsDomain}
			}
		}
	}
	switch {
	case f.bits > 0 || len(a.label) < 4 || len(b.label) < 4:
	case a.label == b.label:
		f.what, f.bits = "same domain under another top level", bitsLabel
	case edits(a.label, b.label, 1) == 1 && len(a.label) >= 6:
		f.what, f.bits = "domain off by a slip", bitsLabelSlip
	}
	t.note(f)
	return max(f.bits, 0)
}

func firmPhone(a, b *firmView, t *tally) float64 {
	f := finding{a: a.phone.tail, b: b.phone.tail}
	switch comparePhones(a.phone, b.phone) {
	case levelEqual:
		f.what, f.bits = "same phone", bitsFirmPhone
	case levelClose:
		f.what, f.bits = "phone off by a slip", bitsPhoneSlip
	case levelDiffers:
		f.what, f.bits = "other phone", bitsFirmElse
	}
	t.note(f)
	return max(f.bits, 0)
}
