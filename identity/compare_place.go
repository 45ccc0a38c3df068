package identity

import (
	"slices"
	"strings"
)

// place is an address made comparable.
type place struct {
	// street is without its number and without what kind of street it is; joined, as "maltbycircuit".
	street, number       string
	city, region, postal string
	// country is two letters where it is known by its name or code.
	country string
}

// streetKinds are written in many ways, or left out.
var streetKinds = words(`street st str strasse road rd avenue ave av drive dr lane ln court ct place pl boulevard blvd circuit cct cir circle
crescent cres cr close cl terrace tce ter way highway hwy parkway pkwy square sq trail trl loop cove parade pde grove gr rue via viale calle
calles plaza platz allee weg gasse avenida rua travessa straat laan plein gatan vagen vej gate ulica ul the of de la le du des di del north
south east west n s e w`)

// unitWords stand before the number of a flat, which many sources leave out.
var unitWords = words(`apt apartment flat unit suite ste room rm floor fl level lvl building bldg block bldng`)

func parsePlace(street, city, region, postal, country string) place {
	p := place{city: placeName(city), region: placeName(region), postal: postalKey(postal), country: CountryKey(country)}
	if blank(street) {
		return p
	}
	p.street, p.number = parseStreet(street)
	return p
}

// parseStreet parts a street from its number, which stands before or behind it.
func parseStreet(s string) (street, number string) {
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	tokens := strings.Fields(fold(s))
	var kept []string
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case unitWords[t]:
			if i+1 < len(tokens) && numbered(tokens[i+1]) {
				i++
			}
		case numbered(t):
			if number == "" {
				number = t
			}
		default:
			kept = append(kept, strings.TrimSuffix(t, "strasse"))
		}
	}
	named := slices.DeleteFunc(slices.Clone(kept), func(t string) bool { return streetKinds[t] || t == "" })
	if len(named) == 0 {
		named = kept
	}
	street = strings.Join(named, "")
	if trimmed := strings.TrimSuffix(street, "str"); len(trimmed) >= 4 {
		street = trimmed
	}
	return street, number
}

func numbered(t string) bool { return t != "" && t[0] >= '0' && t[0] <= '9' }

func placeName(s string) string {
	if blank(s) || len(s) > 200 {
		return ""
	}
	f := fold(s)
	f = strings.TrimPrefix(f, "city of ")
	if rest, ok := strings.CutPrefix(f, "saint "); ok {
		f = "st " + rest
	}
	return umlauts(strings.ReplaceAll(f, " ", ""))
}

// postalKey folds a postcode; a US one loses its last four digits.
func postalKey(s string) string {
	if blank(s) || len(s) > 40 {
		return ""
	}
	p := strings.ReplaceAll(fold(s), " ", "")
	if len(p) == 9 && onlyDigits(p) == p && strings.Contains(s, "-") {
		return p[:5]
	}
	return strings.TrimLeft(p, "0")
}

// comparePlaceNames returns the level of two towns or regions.
func comparePlaceNames(a, b string) level {
	l := compareWords(a, b)
	if l == levelDiffers && len(a) >= 4 && len(b) >= 4 && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) {
		return levelAlike
	}
	return l
}

// compareStreets returns the level of street and number together: equal with the number, alike without.
func compareStreets(a, b place) level {
	l := compareWords(a.street, b.street)
	if l < levelAlike {
		return l
	}
	same := a.number == b.number
	switch {
	case a.number == "" || b.number == "":
		return levelAlike
	case same && l == levelEqual:
		return levelEqual
	case same:
		return levelClose
	case l == levelEqual && edits(a.number, b.number, 1) == 1 && len(a.number) > 1 && len(b.number) > 1:
		return levelAlike
	}
	return levelVague
}

// comparePostals returns the level of two postcodes.
func comparePostals(a, b string) level {
	switch {
	case a == "" || b == "":
		return levelNone
	case a == b:
		return levelEqual
	case len(a) >= 4 && len(b) >= 4 && edits(a, b, 1) == 1:
		return levelClose
	case len(a) >= 5 && len(b) >= 5 && a[:3] == b[:3]:
		return levelAlike
	}
	return levelDiffers
}

// countries are the codes of countries by the names that sources write.
var countries = countryNames(`US usa,unitedstates,unitedstatesofamerica,america;GB uk,unitedkingdom,greatbritain,gbr,england,scotland,wales,northernireland;
DE deu,germany,deutschland,allemagne,alemania;FR fra,france,frankreich;IT ita,italy,italia;ES esp,spain,espana;PT prt,portugal;
NL nld,netherlands,thenetherlands,nederland,holland;BE bel,belgium,belgie,belgique;LU lux,luxembourg,luxemburg;AT aut,austria,osterreich;
CH che,switzerland,schweiz,suisse,svizzera;LI lie,liechtenstein;IE irl,ireland,eire;DK dnk,denmark,danmark;SE swe,sweden,sverige;NO nor,norway,norge;
FI fin,finland,suomi;IS isl,iceland;PL pol,poland,polska;CZ cze,czechia,czechrepublic,cesko;SK svk,slovakia;HU hun,hungary,magyarorszag;
RO rou,romania;BG bgr,bulgaria;GR grc,greece,hellas;HR hrv,croatia,hrvatska;SI svn,slovenia;RS srb,serbia;UA ukr,ukraine;RU rus,russia,russianfederation;
EE est,estonia,eesti;LV lva,latvia;LT ltu,lithuania;TR tur,turkey,turkiye;IL isr,israel;AE are,unitedarabemirates,uae;SA sau,saudiarabia;EG egy,egypt;
ZA zaf,southafrica;NG nga,nigeria;KE ken,kenya;MA mar,morocco;IN ind,india,bharat;PK pak,pakistan;BD bgd,bangladesh;LK lka,srilanka;CN chn,china,prc;
HK hkg,hongkong;TW twn,taiwan;JP jpn,japan,nippon;KR kor,southkorea,korea,republicofkorea;SG sgp,singapore;MY mys,malaysia;ID idn,indonesia;
TH tha,thailand;VN vnm,vietnam;PH phl,philippines;AU aus,australia;NZ nzl,newzealand,aotearoa;CA can,canada;MX mex,mexico;BR bra,brazil,brasil;
AR arg,argentina;CL chl,chile;CO col,colombia;PE per,peru;UY ury,uruguay;EC ecu,ecuador;CR cri,costarica;MT mlt,malta;CY cyp,cyprus`)

func countryNames(list string) map[string]string {
	out := map[string]string{}
	for entry := range strings.SplitSeq(list, ";") {
		code, names, _ := strings.Cut(strings.TrimSpace(entry), " ")
		for name := range strings.SplitSeq(names, ",") {
			out[strings.TrimSpace(name)] = code
		}
	}
	return out
}

// CountryKey returns the code of a country, as "DE", from its name or one of its codes; what is not known stays as
// it is, folded.
func CountryKey(s string) string {
	if blank(s) || len(s) > 100 {
		return ""
	}
	f := strings.ReplaceAll(fold(s), " ", "")
	if code, ok := countries[f]; ok {
		return code
	}
	if len(f) == 2 {
		return strings.ToUpper(f)
	}
	return f
}
