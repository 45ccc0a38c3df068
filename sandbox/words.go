package sandbox

import (
	"math/rand/v2"
	"strings"
)

// The word lists are lists of ordinary words, made up for this package; no real firm or person is meant.
// They are functions, so that nothing can change them.

func firstWords() []string {
	return strings.Fields("Amber Anchor Arctic Aspen Aurora Badger Basalt Beacon Birch Bison Bluebell Boulder Bramble " +
		"Bright Bronze Canyon Cedar Cinder Clover Cobalt Copper Coral Crane Cypress Delta Drift Ember Falcon Fern " +
		"Fjord Flint Garnet Glacier Granite Harbor Hazel Heron Indigo Iron Juniper Kestrel Lantern Larch Lumen " +
		"Maple Marlin Meadow Mosaic Nimbus Oak Onyx Orchard Otter Pebble Pine Quartz Raven Ridge Saffron Silver " +
		"Sparrow Summit Tidal Timber Velvet Willow Winter Zephyr")
}

func secondWords() []string {
	return strings.Fields("Analytics Bakery Biotech Bikes Brewing Capital Ceramics Clinics Cloud Components Consulting " +
		"Dental Design Dynamics Energy Engineering Farms Fashion Foods Freight Games Glass Health Homes Hotels " +
		"Instruments Insurance Labs Legal Logistics Media Mobility Motors Networks Optics Outdoor Packaging " +
		"Pharma Printing Robotics Security Ships Software Solar Sports Studios Supply Systems Textiles Tools " +
		"Travel Ventures Works")
}

func firstNames() []string {
	return strings.Fields("Ada Ahmed Aiko Alejandro Amélie Anouk Arjun Astrid Beatriz Björn Carlos Chiara Chloé Daniel " +
		"Dmitri Elif Emma Esra Fatima Felix Frida Gábor Grace Haruto Henrik Ines Ivan Jack Jana João Julia Jürgen " +
		"Kenji Kofi Lars Léa Liam Lucía Łukasz Maja Marco Marta Mehmet Mei Mira Nadia Nils Noor Olivia Omar Óscar " +
		"Paula Pierre Priya Rasmus Renée Rosa Ruth Sakura Samir Sara Sofía Søren Tariq Thomas Tomás Uma Vera Viktor " +
		"Wei Yara Yuki Zoë Željko")
}

func lastNames() []string {
	return strings.Fields("Abe Ahlberg Almeida Andersson Baker Bauer Becker Bianchi Blanc Castillo Chen Çelik Costa " +
		"Dahl Demir Dubois Eriksen Fernández Fischer Fontaine García Gruber Haddad Hansen Hofmann Ito Ivanova Jansen " +
		"Jensen Kaya Keller Kim Kovač Kowalski Kumar Lambert Larsen Lehmann Lindqvist Lopes Mäkinen Marino Martin " +
		"Mbeki Meyer Moreau Müller Nakamura Nguyen Nielsen Novák Okafor Olsen O'Brien Patel Pereira Petrov Popescu " +
		"Reyes Ricci Rossi Sato Schmidt Schneider Silva Singh Smith Suzuki Świątek Tanaka Taylor Visser Wagner " +
		"Weber Wilson Wójcik Yılmaz Zhang Zimmermann")
}

func jobTitles() []string {
	return []string{"CEO", "COO", "CFO", "Head of Operations", "IT Manager", "Office Manager", "Product Manager",
		"Finance Lead", "Customer Success Manager", "Purchasing", "Team Lead", "Software Engineer"}
}

func industries() []string {
	return strings.Fields("COMPUTER_SOFTWARE RETAIL LOGISTICS_AND_SUPPLY_CHAIN HOSPITAL_HEALTH_CARE BIOTECHNOLOGY " +
		"FOOD_PRODUCTION RENEWABLES_ENVIRONMENT LEGAL_SERVICES INSURANCE MACHINERY HOSPITALITY DESIGN")
}

func ticketSubjects() []string {
	return []string{"Export stops half way", "Cannot log in since this morning", "How do I add a colleague?",
		"Invoice shows the wrong VAT number", "Dashboard is slow", "Integration lost its connection",
		"Numbers differ from last month", "Please restore a deleted project", "Feature request: dark mode",
		"Webhook is delivered twice", "Data import fails on umlauts", "Mobile app crashes at start"}
}

type place struct{ city, country, iso, currency string }

func places() []place {
	return []place{
		{"Berlin", "Germany", "DE", "eur"}, {"München", "Germany", "DE", "eur"},
		{"Paris", "France", "FR", "eur"}, {"Lyon", "France", "FR", "eur"},
		{"Madrid", "Spain", "ES", "eur"}, {"Amsterdam", "Netherlands", "NL", "eur"},
		{"Wien", "Austria", "AT", "eur"}, {"Helsinki", "Finland", "FI", "eur"},
		{"Austin", "United States", "US", "usd"},
		{"Boston", "United States", "US", "usd"},
		{"Denver", "United States", "US", "usd"},
		{"Chicago", "United States", "US", "usd"},
		{"東京", "Japan", "JP", "jpy"},
	}
}

// dice is a seeded source of choices.
type dice struct{ *rand.Rand }

func (d dice) chance(p float64) bool { return d.Float64() < p }

// between returns a number from lo to hi, both included.
func (d dice) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

func pick[T any](d dice, of []T) T { return of[d.IntN(len(of))] }

// fold turns a word into ASCII for domains and e-mail addresses.
func fold(s string) string {
	r := strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "é", "e", "í", "i", "ó", "o", "á", "a", "ã", "a", "å", "a",
		"ø", "o", "ł", "l", "ç", "c", "č", "c", "ś", "s", "ą", "a", "ž", "z", "ë", "e", "ı", "i", "ą", "a", "'", "")
	return r.Replace(strings.ToLower(strings.NewReplacer("Ł", "l", "Ó", "o", "Ś", "s", "Ç", "c", "Ž", "z").Replace(s)))
}
