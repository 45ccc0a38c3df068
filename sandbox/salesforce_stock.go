package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// sfStock enters the world's firms into the second CRM.
type sfStock struct {
	w     *World
	count map[string]int
}

// add puts a record that was last changed at updated, and returns its id.
func (s *sfStock) add(t *sfType, created, updated time.Time, d doc) string {
	s.count[t.name]++
	return s.w.sfPut(t, sfID(t.prefix, 1000+7*s.count[t.name]), created, clampTime(updated, s.w.now), d)
}

func (w *World) sfPut(t *sfType, id string, created, updated time.Time, d doc) string {
	shelf := w.shelf(VendorSalesforce, t.stream)
	if shelf.stamp == nil {
		shelf.stamp = func(d doc, created, updated time.Time) {
			d["CreatedDate"], d["LastModifiedDate"], d["SystemModstamp"] = sfTime(created), sfTime(updated), sfTime(updated)
			d["CreatedById"], d["LastModifiedById"] = sfID("005", 1), sfID("005", 1)
		}
	}
	created, updated = created.Truncate(time.Second), updated.Truncate(time.Second)
	it := shelf.put(id, created, d)
	if updated.After(created) {
		shelf.put(id, updated, it.doc)
		it.before = nil
	}
	return id
}

// sfTypeOf finds a type by its stream.
func sfTypeOf(stream string) *sfType {
	for _, t := range sfTypes() {
		if t.stream == stream {
			return t
		}
	}
	return nil
}

// stockSalesforce fills the org: the firms, people and deals of the first CRM, tickets of the help desk as
// cases, and what only this system has: leads, quotes, tasks and events.
func (w *World) stockSalesforce() {
	s := &sfStock{w: w, count: map[string]int{}}
	users := sfTypeOf("users")
	for i, name := range []string{"Robin Sales", "Kim Closer", "Sam Growth", "Alex Success"} {
		first, last, _ := strings.Cut(name, " ")
		w.sfPut(users, sfID("005", 1+i), w.begin, w.begin, doc{
			"Username": strings.ToLower(first) + "@sandbox.example", "FirstName": first, "LastName": last, "Name": name,
			"Email": strings.ToLower(first) + "@sandbox.example", "IsActive": i != 3, "UserType": "Standard", "Title": "Account Executive",
		})
	}
	for _, a := range w.accounts {
		s.account(a)
	}
	s.spoil()
}

func (s *sfStock) account(a *account) {
	owner := sfID("005", 1+a.n%4)
	p := a.company.props
	employees, _ := strconv.Atoi(p["numberofemployees"])
	kind := "Prospect"
	if a.customer != nil {
		kind = "Customer - Direct"
	}
	d := doc{
		"Name": a.name, "Type": kind, "Industry": a.industry, "NumberOfEmployees": employees, "Phone": p["phone"], "OwnerId": owner,
		"BillingStreet": fmt.Sprintf("Main Street %d\r\nFloor %d", 1+a.n, 1+a.n%5), "BillingCity": a.place.city, "BillingCountry": a.place.country,
		"AnnualRevenue": float64(employees) * 125000.5, "CurrencyIsoCode": strings.ToUpper(a.place.currency), "AccountSource": "Web",
		"Seats__c": float64(a.seats), "Plan__c": a.plan.name, "Is_Strategic__c": a.n%9 == 0, "Notes__c": strings.Repeat("Long notes. ", 20),
	}
	if p["domain"] != "" {
		d["Website"] = "https://www." + p["domain"] + "/"
	}
	id := s.add(sfTypeOf("accounts"), a.born, a.company.updated, d)
	var people []string
	for _, h := range a.people {
		people = append(people, s.person(a, h, id, owner))
	}
	for i, h := range a.deals {
		s.deal(a, h, id, people, i)
	}
	s.leads(a, id, people, owner)
	for i, t := range a.tickets {
		s.ticket(t, id, people, i)
	}
	s.touches(a, id, people, owner)
}

func (s *sfStock) person(a *account, h *hsObject, account, owner string) string {
	p := h.props
	return s.add(sfTypeOf("contacts"), h.created, h.updated, doc{
		"FirstName": p["firstname"], "LastName": p["lastname"], "Name": strings.TrimSpace(p["firstname"] + " " + p["lastname"]), "Email": p["email"],
		"Title": p["jobtitle"], "AccountId": account, "OwnerId": owner, "MailingCountry": p["country"], "Persona__c": "Champion;User", "LeadSource": "Web",
		"HasOptedOutOfEmail": a.n%13 == 0,
	})
}

// sfStages pairs the stages of the two CRMs.
func sfStages() map[string]string {
	return map[string]string{
		"appointmentscheduled": "Prospecting", "qualifiedtobuy": "Qualification", "presentationscheduled": "Needs Analysis",
		"decisionmakerboughtin": "Proposal/Price Quote", "contractsent": "Negotiation/Review", "closedwon": "Closed Won", "closedlost": "Closed Lost",
	}
}

func (s *sfStock) deal(a *account, h *hsObject, account string, people []string, i int) {
	if s.w.malformed["hubspot/deals/"+h.id] {
		return
	}
	p := h.props
	amount, _ := strconv.ParseFloat(p["amount"], 64)
	odds, _ := strconv.ParseFloat(p["hs_deal_stage_probability"], 64)
	stage, currency := sfStages()[p["dealstage"]], strings.ToUpper(a.place.currency)
	d := doc{
		"AccountId": account, "Name": p["dealname"], "StageName": stage, "Amount": amount, "Probability": odds * 100, "CloseDate": p["closedate"][:10],
		"IsClosed": p["hs_is_closed"] == "true", "IsWon": p["hs_is_closed_won"] == "true", "CurrencyIsoCode": currency, "OwnerId": sfID("005", 1+a.n%4),
		"Type":           map[string]string{"newbusiness": "New Customer", "existingbusiness": "Existing Customer - Upgrade"}[p["dealtype"]],
		"Loss_Reason__c": p["closed_lost_reason"], "LastStageChangeDate": sfTime(h.updated),
	}
	if len(people) > 0 {
		d["ContactId"] = people[0]
	}
	id := s.add(sfTypeOf("opportunities"), h.created, h.updated, d)
	for j, person := range people[:min(2, len(people))] {
		s.add(sfTypeOf("roles"), h.created, h.created, doc{
			"OpportunityId": id, "ContactId": person, "Role": []string{"Decision Maker", "Business User"}[j], "IsPrimary": j == 0,
		})
	}
	for _, st := range append(dealStages(), "closedwon", "closedlost") {
		if at, ok := sfMoment(p["hs_v2_date_entered_"+st]); ok {
			s.add(sfTypeOf("histories"), at, at, doc{"OpportunityId": id, "StageName": sfStages()[st], "Amount": amount, "CloseDate": d["CloseDate"], "Probability": odds * 100})
		}
	}
	if p["hs_v2_date_entered_contractsent"] == "" {
		return
	}
	status := "Presented"
	switch {
	case d["IsWon"] == true:
		status = "Accepted"
	case d["IsClosed"] == true:
		status = "Denied"
	}
	s.add(sfTypeOf("quotes"), h.created, h.updated, doc{
		"QuoteNumber": fmt.Sprintf("%08d", 100+10*a.n+i), "Name": a.name + " quote", "Status": status, "OpportunityId": id, "AccountId": account,
		"GrandTotal": amount, "TotalPrice": amount, "ExpirationDate": h.created.Add(60 * day).Format(time.DateOnly), "CurrencyIsoCode": currency, "OwnerId": d["OwnerId"],
	})
}

// leads are people before they are contacts. The lead of every fifth firm was converted into its first contact.
func (s *sfStock) leads(a *account, account string, people []string, owner string) {
	leads := sfTypeOf("leads")
	if a.n%5 == 0 && len(people) > 0 {
		p := a.people[0].props
		s.add(leads, a.born, a.born.Add(day), doc{
			"FirstName": p["firstname"], "LastName": p["lastname"], "Name": p["firstname"] + " " + p["lastname"], "Email": p["email"], "Company": a.name,
			"Status": "Closed - Converted", "IsConverted": true, "ConvertedDate": a.born.Add(day).Format(time.DateOnly), "ConvertedAccountId": account,
			"ConvertedContactId": people[0], "OwnerId": owner, "LeadSource": "Web", "Score__c": 80.0,
		})
		return
	}
	if len(a.deals) == 0 || a.n%4 == 1 {
		d := s.w.dice("salesforce lead", a.n)
		first, last, _ := strings.Cut(somebody(d), " ")
		s.add(leads, a.born.Add(day), a.born.Add(3*day), doc{
			"FirstName": first, "LastName": last, "Name": first + " " + last, "Email": fmt.Sprintf("lead%d@%s", a.n, a.domain), "Company": a.name,
			"Status": pick(d, []string{"Open - Not Contacted", "Working - Contacted", "Closed - Not Converted"}), "OwnerId": owner, "LeadSource": "Partner Referral",
			"Score__c": float64(d.between(0, 1000)) / 10, "Country": a.place.country,
		})
	}
}

func (s *sfStock) ticket(t *zdObject, account string, people []string, i int) {
	status := map[string]string{"new": "New", "open": "Working", "pending": "Waiting for Customer", "hold": "Escalated"}[as[string](t.doc["status"])]
	d := doc{
		"CaseNumber": fmt.Sprintf("%08d", t.id), "Subject": t.doc["subject"], "Status": status, "Origin": "Email", "AccountId": account, "OwnerId": sfID("005", 4),
		"Priority": map[string]string{"low": "Low", "normal": "Medium", "high": "High", "urgent": "Critical"}[as[string](t.doc["priority"])], "IsEscalated": status == "Escalated",
	}
	if status == "" {
		d["Status"], d["IsClosed"], d["ClosedDate"] = "Closed", true, sfTime(t.updated)
	}
	if len(people) > 0 {
		d["ContactId"] = people[i%len(people)]
	}
	s.add(sfTypeOf("cases"), t.openedAt(), t.updated, d)
}

// touches are what sales people log: a call, an e-mail, a meeting.
func (s *sfStock) touches(a *account, account string, people []string, owner string) {
	if len(people) == 0 {
		return
	}
	for i, subtype := range []string{"Call", "Email", "Task"} {
		at := clampTime(a.born.Add(time.Duration(2+9*i+a.n%7)*day), s.w.now)
		d := doc{"Subject": []string{"Call: first talk", "Email: documents", "Prepare offer"}[i], "TaskSubtype": subtype, "Status": "Completed", "IsClosed": true,
			"ActivityDate": at.Format(time.DateOnly), "CompletedDateTime": sfTime(at), "WhoId": people[0], "AccountId": account, "OwnerId": owner}
		if subtype == "Call" {
			d["CallType"] = "Outbound"
		}
		s.add(sfTypeOf("tasks"), at, at, d)
	}
	at := clampTime(a.born.Add(20*day), s.w.now)
	s.add(sfTypeOf("events"), at, at, doc{"Subject": "Demo", "StartDateTime": sfTime(at.Add(day)), "EndDateTime": sfTime(at.Add(day + time.Hour)),
		"WhoId": people[0], "AccountId": account, "OwnerId": owner})
}

// spoil adds what real orgs are full of: an account entered twice and merged, a deleted contact, and a person
// merged into another.
func (s *sfStock) spoil() {
	accounts, contacts := s.w.shelf(VendorSalesforce, "accounts"), s.w.shelf(VendorSalesforce, "contacts")
	at := s.w.now.Add(-3 * day)
	first := accounts.rows[0]
	twin := s.add(sfTypeOf("accounts"), first.created, first.updated, doc{"Name": strings.ToUpper(as[string](first.doc["Name"])), "OwnerId": first.doc["OwnerId"]})
	accounts.merge(accounts.byID[twin], first, at)
	gone := s.add(sfTypeOf("contacts"), first.created, first.updated, doc{"LastName": "Gone", "Name": "Gone", "Email": "gone@sandbox.example", "AccountId": first.id})
	contacts.remove(contacts.byID[gone], at.Add(time.Hour))
	double := s.add(sfTypeOf("contacts"), first.created, first.updated, doc{"LastName": "Double", "Name": "Double", "Email": "double@sandbox.example", "AccountId": first.id})
	contacts.merge(contacts.byID[double], contacts.rows[0], at.Add(2*time.Hour))
}
