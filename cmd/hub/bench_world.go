package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/hubspot"
	"github.com/lifecyclehub/hub/connectors/intercom"
	"github.com/lifecyclehub/hub/connectors/pipedrive"
	"github.com/lifecyclehub/hub/connectors/stripe"
	"github.com/lifecyclehub/hub/connectors/zendesk"
)

// benchWorld is a made-up world of companies and their records in five systems. The same size is the same world.
type benchWorld struct {
	companies int
	vendors   []*vendor
	streams   []*benchStream
	start     time.Time
}

// benchStream is a stream that hands out its records page by page. Which company comes when looks drawn.
type benchStream struct {
	connection, connector, name string
	// stride and first lead from company to company; size is how many records there are, done how many were handed out.
	stride, first, size, done int
	page                      int64
	raw                       func(i int) (id, raw string)
}

// newBenchWorld makes the world of so many records, ten for three companies.
func newBenchWorld(records int) *benchWorld {
	w := &benchWorld{companies: max(records*3/10, 10), start: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)}
	for _, v := range []struct {
		name    string
		def     connectors.Definition
		streams []string
	}{
		{"crm", hubspot.Definition(), []string{"companies", "contacts"}},
		{"sales", pipedrive.Definition(), []string{"organizations"}},
		{"billing", stripe.Definition(), []string{"customers"}},
		{"support", zendesk.Definition(), []string{"organizations", "users"}},
		{"chat", intercom.Definition(), []string{"contacts"}},
	} {
		w.vendors = append(w.vendors, &vendor{cfg: config.Connection{Name: v.name}, def: v.def, streams: v.streams, every: time.Hour})
	}
	// Shares are in hundredths of the companies; together 333. The chat has what is left.
	left := records
	for _, s := range []struct {
		vendor, stream int
		share          int
		raw            func(i int) (id, raw string)
	}{
		{0, 1, 100, crmContact}, {0, 0, 80, crmCompany}, {2, 0, 50, billingCustomer}, {3, 0, 40, supportOrganization},
		{3, 1, 40, supportUser}, {1, 0, 15, salesOrganization}, {4, 0, 0, chatContact},
	} {
		v, size := w.vendors[s.vendor], min(left, w.companies*s.share/100)
		if s.share == 0 {
			size = left
		}
		left -= size
		// A prime that does not divide their number leads to every company once. The streams of a system tell of the same
		// companies.
		stride := []int{15485863, 32452843, 49979687, 67867967, 86028121}[s.vendor]
		if w.companies%stride == 0 {
			stride++
		}
		w.streams = append(w.streams, &benchStream{connection: v.cfg.Name, connector: v.def.Name, name: v.streams[s.stream],
			stride: stride, first: s.vendor * 104729, size: size, raw: s.raw})
	}
	return w
}

// page is the next page of the stream that is furthest behind, so that all come to their end together.
func (w *benchWorld) page() canon.Batch {
	s := w.streams[0]
	for _, other := range w.streams[1:] {
		if other.done < other.size && (s.done == s.size || other.done*s.size < s.done*other.size) {
			s = other
		}
	}
	s.page++
	b := canon.Batch{Connection: s.connection, Connector: s.connector, Stream: s.name, Run: "bench", Seq: s.page, ReadAt: w.start,
		From: canon.Cursor(strconv.FormatInt(s.page-1, 10)), Next: canon.Cursor(strconv.FormatInt(s.page, 10))}
	if s.page == 1 {
		b.From = ""
	}
	for n := 0; n < pageSize && s.done < s.size; n++ {
		id, raw := s.raw((s.first + s.done*s.stride) % w.companies)
		b.Records = append(b.Records, canon.Record{Ref: canon.Ref{Connection: s.connection, Stream: s.name, ID: id},
			Version: w.start.UnixMicro(), ObservedAt: w.start, Raw: []byte(raw), Sound: true})
		s.done++
	}
	b.Last = s.done == s.size
	return b
}

// drawn is a number below n that follows from i and what it is for.
func drawn(i int, what uint64, n int) int {
	x := (uint64(i)+1)*0x9e3779b97f4a7c15 + what*0xbf58476d1ce4e5b9
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int((x ^ x>>31) % uint64(n))
}

// chance holds in so many of 100 cases.
func chance(i int, what uint64, percent int) bool { return drawn(i, what, 100) < percent }

func oneOf(i int, what uint64, words []string) string { return words[drawn(i, what, len(words))] }

// What names and places are made of; the place and its country stand at the same place of their lists.
var (
	syllables = strings.Fields(`ba bel bri cal cor dan del dor el en fal fen gar gel hal har in jor kal kel kor lan len lin lor mar mel mir nar nel nor or pal per quin
		ran ren ros sal sen sil sol tal ten tor ul val ven vor wal wen wil yor zan zel`)
	trades    = strings.Fields(`Foods Systems Logistics Textiles Energy Media Software Labs Partners Consulting Motors Health Marine Paper Optics Studios Tools Works Capital Networks`)
	forms     = strings.Fields(`GmbH AG Ltd Inc LLC BV SA SRL Oy AB`)
	cities    = strings.Fields(`Berlin Hamburg Vienna Zurich London Leeds Paris Lyon Madrid Porto Milan Turin Oslo Malmo Gdansk Brno Boston Austin Denver Toronto`)
	countries = strings.Fields(`Germany Germany Austria Switzerland UK UK France France Spain Portugal Italy Italy Norway Sweden Poland Czechia USA USA USA Canada`)
	givens    = strings.Fields(`Ada Ben Clara David Elena Felix Greta Hugo Ines Jonas Klara Liam Mara Nils Olga Paul Rosa Simon Tessa Uwe Vera Willem Yara Zoe Anna Max Lena Tom Eva Jan`)
	freeMail  = strings.Fields(`gmail.com yahoo.com outlook.com gmx.de web.de hotmail.com icloud.com`)
	tiers     = strings.Fields(`gold silver bronze`)
	segments  = strings.Fields(`small middle large`)
	endings   = strings.Fields(`com com com de co.uk io net eu`)
)

// companyName is the name of a company: a made-up word, what it does, its legal form.
func companyName(i int) string {
	return word(i, 1, 3) + " " + oneOf(i, 4, trades) + " " + oneOf(i, 5, forms)
}

func word(i int, what uint64, n int) string {
	var b strings.Builder
	for k := range n {
		b.WriteString(oneOf(i, what+uint64(k)*101, syllables))
	}
	s := b.String()
	return strings.ToUpper(s[:1]) + s[1:]
}

// typed is a company's name as somebody typed it elsewhere, now and then without the legal form.
func typed(i int, what uint64, name string) string {
	if chance(i, what, 15) {
		name = name[:strings.LastIndexByte(name, ' ')]
	}
	return slipped(i, what+1, name)
}

// slipped is a name in which now and then two letters are turned round.
func slipped(i int, what uint64, name string) string {
	if !chance(i, what, 4) {
		return name
	}
	at := 1 + drawn(i, what+1, len(name)-2)
	return name[:at] + name[at+1:at+2] + name[at:at+1] + name[at+2:]
}

// domain is a company's own, as no other has it.
func domain(i int) string {
	return strings.ToLower(word(i, 1, 3)) + strconv.FormatInt(int64(i), 36) + "." + oneOf(i, 6, endings)
}

// person is the k-th of a company; one in eight writes from a free mailbox.
func person(i, k int) (given, family, email string) {
	at := uint64(k * 1000)
	given, family = oneOf(i, at+11, givens), word(i, at+12, 2)
	email = strings.ToLower(given+"."+family) + "@" + domain(i)
	if chance(i, at+14, 12) {
		email = strings.ToLower(given+family) + strconv.Itoa(i) + "@" + oneOf(i, at+15, freeMail)
	}
	return given, family, email
}

func phone(i, k int) string { return fmt.Sprintf("+49 30 %07d%d", i, k) }

func place(i int) (city, country string) {
	at := drawn(i, 7, len(cities))
	return cities[at], countries[at]
}

func crmID(i int) string { return strconv.Itoa(20_000_000_000 + i) }

func crmCompany(i int) (id, raw string) {
	site := domain(i)
	if chance(i, 21, 15) {
		site = ""
	}
	city, country := place(i)
	return crmID(i), fmt.Sprintf(`{"id":"%s","createdAt":"2024-05-02T08:11:09.120Z","updatedAt":"2026-01-05T08:00:00Z","archived":false,"properties":{`+
		`"hs_object_id":"%[1]s","createdate":"2024-05-02T08:11:09.120Z","name":"%s","domain":"%s","phone":"%s","city":"%s","country":"%s","industry":"%s",`+
		`"numberofemployees":"%d","hubspot_owner_id":"%d","lifecyclestage":"customer","hs_analytics_source":"REFERRALS","account_tier":"%s","notes_last_contacted":null}}`,
		crmID(i), companyName(i), site, phone(i, 0), city, country, oneOf(i, 4, trades), 5+drawn(i, 22, 900), 5000+drawn(i, 23, 40), oneOf(i, 24, tiers))
}

func crmContact(i int) (id, raw string) {
	given, family, email := person(i, 0)
	_, country := place(i)
	return crmID(i), fmt.Sprintf(`{"id":"%s","createdAt":"2024-06-02T08:11:09.120Z","updatedAt":"2026-01-05T08:00:00Z","archived":false,"properties":{`+
		`"hs_object_id":"%[1]s","createdate":"2024-06-02T08:11:09.120Z","email":"%s","firstname":"%s","lastname":"%s","phone":"%s","jobtitle":"Head of Operations","country":"%s",`+
		`"hubspot_owner_id":"%d","lifecyclestage":"customer","hs_analytics_source":"REFERRALS","hs_email_optout":"false"},"associations":{"companies":[{"id":"%[1]s","types":[]}]}}`,
		crmID(i), email, given, family, phone(i, 1), country, 5000+drawn(i, 23, 40))
}

func salesOrganization(i int) (id, raw string) {
	city, country := place(i)
	return strconv.Itoa(i), fmt.Sprintf(`{"id":%d,"name":"%s","website":"https://www.%s/","add_time":"2025-02-02T10:00:00Z","update_time":"2026-01-05T08:00:00Z","is_deleted":false,`+
		`"address":{"locality":"%s","country":"%s"},"employee_count":%d,"owner_id":%d}`,
		i, typed(i, 31, companyName(i)), domain(i), city, country, 5+drawn(i, 22, 900), drawn(i, 32, 30))
}

func billingCustomer(i int) (id, raw string) {
	id = "cus_" + strconv.FormatInt(int64(1_000_000_000+i), 36)
	mail := "billing@" + domain(i)
	switch drawn(i, 41, 10) {
	case 0:
		_, _, mail = person(i, 0)
	case 1, 2:
		mail = strings.ToLower(word(i, 1, 3)) + strconv.Itoa(i) + "@" + oneOf(i, 42, freeMail)
	}
	metadata := ""
	if chance(i, 43, 20) {
		metadata = fmt.Sprintf(`"hubspot_company_id":"%s"`, crmID(i))
	}
	city, country := place(i)
	return id, fmt.Sprintf(`{"id":"%s","object":"customer","created":1717000000,"name":"%s","email":"%s","phone":null,"currency":"eur","delinquent":false,"livemode":true,`+
		`"address":{"city":"%s","country":"%s","line1":null,"postal_code":null},"metadata":{%s}}`, id, typed(i, 44, companyName(i)), mail, city, country, metadata)
}

func supportOrganization(i int) (id, raw string) {
	names, external := `"`+domain(i)+`"`, "null"
	if chance(i, 51, 30) {
		names = ""
	}
	if chance(i, 52, 15) {
		external = `"` + crmID(i) + `"`
	}
	return strconv.Itoa(900_000 + i), fmt.Sprintf(`{"id":%d,"name":"%s","domain_names":[%s],"external_id":%s,"created_at":"2025-03-01T09:00:00Z","updated_at":"2026-01-05T08:00:00Z",`+
		`"organization_fields":{"segment":"%s"},"shared_tickets":false,"tags":[]}`, 900_000+i, typed(i, 53, companyName(i)), names, external, oneOf(i, 54, segments))
}

func supportUser(i int) (id, raw string) {
	given, family, email := person(i, drawn(i, 61, 3)/2)
	return strconv.Itoa(i), fmt.Sprintf(`{"id":%d,"name":"%s %s","email":"%s","role":"end-user","active":true,"verified":true,"phone":null,"organization_id":%d,`+
		`"created_at":"2025-03-01T09:00:00Z","updated_at":"2026-01-05T08:00:00Z","user_fields":{"language":"de"},"tags":[]}`, i, given, slipped(i, 62, family), email, 900_000+i)
}

func chatContact(i int) (id, raw string) {
	given, family, email := person(i, drawn(i, 71, 2))
	id = fmt.Sprintf("%024x", i)
	return id, fmt.Sprintf(`{"id":"%s","type":"contact","role":"user","name":"%s %s","email":"%s","phone":null,"created_at":1735689600,"updated_at":1767600000,`+
		`"companies":{"data":[]},"custom_attributes":{"plan":"team"},"unsubscribed_from_emails":false}`, id, given, family, email)
}
