package identity

// birth weighs the days of birth.
func (f *personFit) birth(a, b *personView, t *tally) {
	switch compareBirths(a.born, b.born) {
	case birthEqual:
		f.kinds, f.sameDay = f.kinds+1, true
		t.note(finding{what: "same day of birth", bits: bitsBirth})
	case birthSlip:
		f.kinds, f.sameDay = f.kinds+1, true
		t.note(finding{what: "day of birth off by a slip", bits: bitsBirthSlip})
	case birthParts:
		f.kinds++
		t.note(finding{what: "two of day, month and year of birth", bits: bitsBirthParts})
	case birthYear:
		t.note(finding{what: "same year of birth", bits: bitsBirthYear})
	case birthDiffers:
		t.note(finding{what: "other day of birth", bits: bitsBirthOther})
	case birthGeneration:
		f.generation = true
		t.note(finding{what: "born many years apart", bits: bitsBirthOther - 1})
	}
}

// numbers weighs what a state gave the person.
func (f *personFit) numbers(a, b *personView, t *tally) {
	switch compareDigits(a.nation, b.nation) {
	case levelEqual:
		f.kinds, f.unique = f.kinds+1, true
		t.note(finding{"same national id", a.nation, b.nation, bitsNation})
	case levelClose:
		f.kinds++
		t.note(finding{"national id off by a slip", a.nation, b.nation, bitsNationSlip})
	case levelDiffers:
		t.note(finding{"other national id", a.nation, b.nation, bitsNationOther})
	}
}

// reach weighs mailboxes and phones.
func (f *personFit) reach(a, b *personView, t *tally) {
	bits, x, y := compareMails(a.mails, b.mails)
	switch {
	case bits >= bitsMail:
		f.reached = true
		t.rank = rankMailUnverified
		t.note(finding{"same e-mail", x, y, bits})
	case bits > 0:
		f.reached = true
		t.note(finding{"e-mail alike", x, y, bits})
	case bits < 0:
		t.note(finding{"other e-mail", x, y, bits})
	}
	if f.stranger {
		f.shared += max(bits, 0)
	}
	number := 0.0
	switch comparePhones(a.phone, b.phone) {
	case levelEqual:
		number = bitsPhone
		t.note(finding{"same phone", a.phone.tail, b.phone.tail, number})
		if t.rank == rankScore && f.surname >= levelClose {
			t.rank = rankPhone
		}
	case levelClose:
		number = bitsPhoneSlip
		t.note(finding{"phone off by a slip", a.phone.tail, b.phone.tail, number})
	case levelDiffers:
		t.note(finding{"other phone", a.phone.tail, b.phone.tail, bitsPhoneOther})
	}
	f.shared += max(number, 0)
	if f.reached = f.reached || number > 0; f.reached {
		f.kinds++
	}
}

// compareMails returns what the most alike of two persons' addresses say.
func compareMails(a, b []mail) (bits float64, x, y string) {
	if len(a) == 0 || len(b) == 0 {
		return 0, "", ""
	}
	bits, x, y = bitsMailOther, a[0].key, b[0].key
	for i := range a {
		for j := range b {
			if one := compareMail(&a[i], &b[j]); one > bits {
				bits, x, y = one, a[i].key, b[j].key
			}
		}
	}
	return bits, x, y
}

func compareMail(a, b *mail) float64 {
	if a.key == b.key {
		return bitsMail
	}
	if min(len(a.local), len(b.local)) < 4 {
		return bitsMailOther
	}
	if a.local == b.local {
		switch {
		case len(b.domain) >= 8 && edits(a.domain, b.domain, 2) <= 2:
			return bitsMailSlip
		case len(a.local) >= 6:
			return bitsMailLocal
		}
		return bitsMailLocal / 2
	}
	if l := edits(a.local, b.local, 2); len(a.local) >= 6 && l <= 2 && !onlyDigitsDiffer(a.local, b.local) {
		if a.domain == b.domain || edits(a.domain, b.domain, 2) <= 2 {
			return bitsMailSlip - float64(l)
		}
	}
	return bitsMailOther
}

// onlyDigitsDiffer reports whether two names are one but for their numbers: ana1 and ana2 are two mailboxes.
func onlyDigitsDiffer(a, b string) bool {
	return withoutDigits(a) == withoutDigits(b)
}

func withoutDigits(s string) string {
	end := len(s)
	for end > 0 && s[end-1] >= '0' && s[end-1] <= '9' {
		end--
	}
	return s[:end]
}

// home weighs the address: the strongest part counts whole, the others a third, as they hang together.
func (f *personFit) home(a, b *personView, t *tally) {
	bits := placeBits(&a.place, &b.place, t)
	if bits >= bitsCity {
		f.kinds++
	}
	f.shared += max(bits, 0)
}

// placeBits notes what two addresses say and returns what they say for the pair.
func placeBits(a, b *place, t *tally) float64 {
	street, postal, city := streetFinding(a, b), postalFinding(a, b), cityFinding(a, b)
	best := max(street.bits, postal.bits, city.bits)
	total := 0.0
	for _, f := range [3]finding{street, postal, city} {
		switch {
		case f.bits > 0 && f.bits < best:
			f.bits /= 3
		case f.bits < 0 && best >= bitsPostal:
			// Half of what differs is a slip where the rest is the same.
			f.bits /= 2
		}
		total += max(f.bits, 0)
		t.note(f)
	}
	if a.region != "" && b.region != "" && (len(a.region) <= 3) == (len(b.region) <= 3) {
		switch compareWords(a.region, b.region) {
		case levelEqual:
			if best <= 0 {
				t.note(finding{"same region", a.region, b.region, bitsRegion})
			}
		case levelDiffers:
			t.note(finding{"other region", a.region, b.region, bitsRegionOther})
		}
	}
	if a.country != "" && b.country != "" && a.country != b.country {
		t.note(finding{"other country", a.country, b.country, bitsCountryOther})
	}
	t.cap(total, mostAddress)
	return min(total, mostAddress)
}

func streetFinding(a, b *place) finding {
	f := finding{a: a.street, b: b.street}
	switch compareStreets(*a, *b) {
	case levelEqual:
		f.what, f.bits = "same street and number", bitsStreet
		if a.number == "" {
			f.bits = bitsStreetAlike
		}
	case levelClose:
		f.what, f.bits = "street almost the same", bitsStreetSlip
	case levelAlike:
		f.what, f.bits = "street alike", bitsStreetAlike
	case levelDiffers:
		f.what, f.bits = "other street", bitsStreetOther
	}
	return f
}

func postalFinding(a, b *place) finding {
	f := finding{a: a.postal, b: b.postal}
	switch comparePostals(a.postal, b.postal) {
	case levelEqual:
		f.what, f.bits = "same postcode", bitsPostal
	case levelClose:
		f.what, f.bits = "postcode off by a slip", bitsPostalSlip
	case levelAlike:
		f.what, f.bits = "postcode begins the same", bitsPostalSlip
	case levelDiffers:
		f.what, f.bits = "other postcode", bitsPostalOther
	}
	return f
}

func cityFinding(a, b *place) finding {
	f := finding{a: a.city, b: b.city}
	switch comparePlaceNames(a.city, b.city) {
	case levelEqual:
		f.what, f.bits = "same town", bitsCity
	case levelClose, levelAlike:
		f.what, f.bits = "town almost the same", bitsCitySlip
	case levelDiffers:
		f.what, f.bits = "other town", bitsCityOther
	}
	return f
}
