package identity

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// world makes up companies and the records that systems hold of them.
type world struct {
	*rand.Rand
	nodes []Node
	truth []string
}

func (w *world) of(list string) string {
	all := strings.Split(list, ",")
	return all[w.IntN(len(all))]
}

func (w *world) one(n int) bool { return w.IntN(n) == 0 }

// slip spoils a letter.
func (w *world) slip(s string) string {
	if len(s) < 5 {
		return s
	}
	i := 1 + w.IntN(len(s)-2)
	switch w.IntN(3) {
	case 0:
		return s[:i] + s[i+1:]
	case 1:
		return s[:i] + s[i+1:i+2] + s[i:i+1] + s[i+2:]
	}
	return s[:i] + w.of("a,e,i,o,n,r,s,t") + s[i+1:]
}

var lands = []struct{ code, name, forms, towns, top, phone string }{
	{"DE", "Germany", "GmbH,AG,GmbH & Co. KG,", "Berlin,München,Hamburg,Köln", "de", "+49 30 "},
	{"GB", "United Kingdom", "Ltd,Limited,plc,", "London,Leeds,Bristol", "co.uk", "+44 20 "},
	{"US", "USA", "Inc.,LLC,Corp,", "Boston,Chicago,Austin", "com", "+1 617 "},
	{"FR", "France", "SAS,S.A.S.,SARL,", "Paris,Lyon,Nantes", "fr", "+33 1 "},
	{"PL", "Polska", "Sp. z o.o.,", "Warszawa,Kraków", "pl", "+48 22 "},
	{"FI", "Finland", "Oy,", "Helsinki,Espoo", "fi", "+358 9 "},
}

// business is a company as it is in truth.
type business struct {
	canon.Company
	land int
}

func (w *world) business() business {
	land := w.IntN(len(lands))
	l := lands[land]
	name := w.of("Kar,Mol,Ven,Bri,Tos,Lum,Pel,Gar,Fen,Dro,Hal,Wex,Zor,Quil,Nor") + w.of("dex,tron,vik,mann,sson,lex,mark,berg,wood,tek,dale,ford") + " " +
		w.of("Logistik,Foods,Medical,Energy,Software,Textil,Motors,Pharma,Optics,Print,Media,Steel,Bakery,Robotics,Travel,Dental,Tools")
	label := strings.ToLower(strings.ReplaceAll(name, " ", ""))
	return business{canon.Company{Name: name, City: w.of(l.towns), Country: l.code, Street: fmt.Sprintf("%s Street %d", w.of("Oak,Park,Mill,Station,Garden,King,Queen,Church"), 1+w.IntN(180)),
		PostalCode: fmt.Sprint(10000 + w.IntN(90000)), Phone: l.phone + fmt.Sprint(1000000+w.IntN(9000000)), VATID: l.code + fmt.Sprint(100000000+w.IntN(900000000)), Domains: []string{label + "." + l.top}}, land}
}

// fiveSystems are what each knows of a company.
var fiveSystems = []struct {
	name  string
	knows string
}{
	{"crm", "city country phone domain"}, {"billing", "street post city country vat"}, {"support", "domain country"}, {"erp", "street post city vat phone"}, {"list", "city country"},
}

// record adds what a system has of a company, with slips and blanks.
func (w *world) record(system int, id string, b business) {
	s := fiveSystems[system]
	l := lands[b.land]
	r := canon.Company{Name: b.Name}
	if w.one(12) {
		r.Name = w.slip(r.Name)
	}
	r.Name = strings.TrimSpace(r.Name + " " + w.of(l.forms))
	if w.one(8) {
		r.Name = strings.ToUpper(r.Name)
	}
	has := func(field string) bool { return strings.Contains(s.knows, field) && !w.one(9) }
	if has("city") {
		r.City = b.City
	}
	if has("country") {
		r.Country = w.of(l.code + "," + l.name)
	}
	if has("phone") {
		r.Phone = b.Phone
	}
	if has("domain") {
		r.Domains = []string{"https://www." + b.Domains[0] + "/"}
	}
	if has("street") {
		r.Street, r.PostalCode = b.Street, b.PostalCode
	}
	if has("vat") {
		r.VATID = b.VATID
	}
	ref := canon.Ref{Connection: s.name, Stream: "companies", ID: fmt.Sprint(len(w.nodes))}
	w.nodes = append(w.nodes, NewNode(canon.Entity{Kind: canon.KindCompany, Ref: ref, Body: &r}, time.Time{}))
	w.truth = append(w.truth, id)
}

// TestCompaniesAcrossSystems resolves made-up companies of five systems: with sisters abroad of the same name, and
// strangers in the same house.
func TestCompaniesAcrossSystems(t *testing.T) {
	for seed := range uint64(3) {
		w := &world{Rand: rand.New(rand.NewPCG(seed, 7))}
		taken := map[string]bool{}
		for i := range 400 {
			b := w.business()
			if taken[b.Name] {
				continue
			}
			taken[b.Name] = true
			all := []business{b}
			if w.one(8) {
				sister := w.business()
				sister.Name, sister.Domains = b.Name, []string{strings.SplitN(b.Domains[0], ".", 2)[0] + "." + lands[sister.land].top}
				if sister.land != b.land {
					all = append(all, sister)
				}
			}
			if w.one(8) {
				stranger := w.business()
				stranger.land, stranger.City, stranger.Street, stranger.PostalCode = b.land, b.City, b.Street, b.PostalCode
				stranger.Country, stranger.VATID, stranger.Phone = b.Country, b.Country+stranger.VATID[2:], b.Phone[:len(b.Phone)-7]+stranger.Phone[len(stranger.Phone)-7:]
				stranger.Domains[0] = strings.SplitN(stranger.Domains[0], ".", 2)[0] + "." + lands[b.land].top
				if !taken[stranger.Name] {
					taken[stranger.Name] = true
					all = append(all, stranger)
				}
			}
			for j, one := range all {
				for system := range fiveSystems {
					if !w.one(3) {
						w.record(system, fmt.Sprint(i, ".", j), one)
					}
				}
			}
		}
		r := pack(t, "company")
		trial := r.Try(w.nodes, Known{})
		auto, all := Measure(trial.Auto, w.truth), Measure(trial.Proposed, w.truth)
		t.Logf("%d records: auto precision %.4f recall %.4f; with proposals precision %.4f recall %.4f", len(w.nodes), auto.Precision, auto.Recall, all.Precision, all.Recall)
		if auto.Precision < 0.995 || all.Precision < 0.95 || all.Recall < 0.9 {
			t.Errorf("seed %d: auto %+v\nwith proposals %+v", seed, auto, all)
		}
	}
}

// household makes the persons of one home, and what systems know of them.
func (w *world) household(home int) {
	surname := w.of("Oak,Birk,Ashen,Thorn,Lind,Elm,Row,Haw") + w.of("hurst,wick,combe,field,worth,bury,shaw,more") + w.of("by,er,man,son,ton,leigh")
	street, post := fmt.Sprintf("%d %s Lane", 1+w.IntN(150), w.of("Mill,Rose,Church,Station,Meadow,Abbey")+w.of("gate,side,view,croft")), fmt.Sprintf("HU%d %dAB", 1+w.IntN(20), 1+w.IntN(9))
	phone := fmt.Sprint("+44 1482 ", 100000+w.IntN(900000))
	given := strings.Split("Robert,Marion,Peter,Susan,Oscar,Judith,Leo,Agnes", ",")
	w.Shuffle(len(given), func(i, j int) { given[i], given[j] = given[j], given[i] })
	for k := range 1 + w.IntN(4) {
		b := canon.Contact{FirstName: given[k], LastName: surname, BirthDate: fmt.Sprintf("%d-%02d-%02d", 1950+10*k+w.IntN(10), 1+w.IntN(12), 1+w.IntN(28)), Street: street, City: "Hull", PostalCode: post,
			Phone: phone, Emails: []string{strings.ToLower(fmt.Sprintf("%s.%s%d@web.de", given[k], surname, w.IntN(90)))}}
		for system, knows := range []string{"mail phone", "street post mail", "born post", "mail", "phone street", "born mail", "phone", "born phone", "post mail born"} {
			if w.one(3) {
				continue
			}
			r := canon.Contact{FirstName: b.FirstName, LastName: b.LastName}
			if w.one(15) {
				r.LastName = w.slip(r.LastName)
			}
			if strings.Contains(knows, "mail") && !w.one(8) {
				r.Emails = b.Emails
			}
			if strings.Contains(knows, "phone") {
				r.Phone = b.Phone
			}
			if strings.Contains(knows, "street") {
				r.Street, r.City = b.Street, b.City
			}
			if strings.Contains(knows, "post") {
				r.PostalCode = b.PostalCode
			}
			if strings.Contains(knows, "born") && !w.one(10) {
				r.BirthDate = b.BirthDate
			}
			w.nodes = append(w.nodes, person(fmt.Sprintf("s%d/people/%d", system, len(w.nodes)), r))
			w.truth = append(w.truth, fmt.Sprint(home, ".", k))
		}
	}
}

// TestHouseholdsAcrossSystems resolves made-up families of nine systems, who share a surname, a home and a phone.
func TestHouseholdsAcrossSystems(t *testing.T) {
	for seed := range uint64(3) {
		w := &world{Rand: rand.New(rand.NewPCG(seed, 11))}
		for home := range 300 {
			w.household(home)
		}
		r := pack(t, "person")
		trial := r.Try(w.nodes, Known{})
		auto, all := Measure(trial.Auto, w.truth), Measure(trial.Proposed, w.truth)
		t.Logf("%d records: auto precision %.4f recall %.4f; with proposals precision %.4f recall %.4f", len(w.nodes), auto.Precision, auto.Recall, all.Precision, all.Recall)
		if auto.Precision < 0.995 || all.Precision < 0.97 || all.Recall < 0.85 {
			t.Errorf("seed %d: auto %+v\nwith proposals %+v", seed, auto, all)
		}
	}
}
