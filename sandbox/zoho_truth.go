package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

func zhModules() []string {
	return []string{"leads", "accounts", "contacts", "deals", "quotes", "invoices"}
}

// zhID is a record's number, which differs between modules.
func zhID(kind int, n int64) string { return fmt.Sprintf("57257670%02d%09d", kind, n%1000000000) }

func zhOwner(n int) doc {
	names := []string{"Robin Sales", "Kim Closer", "Sam Growth", "Alex Success"}
	return doc{"id": zhID(9, int64(n%4+1)), "name": names[n%4], "email": strings.ToLower(strings.Fields(names[n%4])[0]) + "@sandbox.example"}
}

// zhWrite enters the firms, people and deals of the first CRM, leads, and quotes and invoices of this one.
func zhWrite(b *books) {
	for _, a := range b.world.accounts {
		account := doc{"id": zhID(2, pdID(a.company)), "name": a.name}
		b.enter(b.zhAccount(a, as[string](account["id"])))
		for _, h := range a.people {
			if h.archived.IsZero() {
				b.enter(b.zhContact(a, h, account))
			}
		}
		for i, h := range a.deals {
			if h.archived.IsZero() && !b.world.malformed["hubspot/deals/"+h.id] {
				b.enter(b.zhDeal(a, h, account))
				if i == 0 && a.n%2 == 0 {
					b.enter(b.zhQuote(a, h, account))
				}
			}
		}
		if a.n%4 == 1 || (a.n%5 == 0 && len(a.people) > 0) {
			b.enter(b.zhLead(a, account))
		}
	}
	for _, a := range b.world.payers() {
		if a.company == nil { // a second department, which only billing knows
			continue
		}
		for _, d := range b.world.demands(a) {
			b.enter(b.zhInvoice(a, d))
		}
	}
	if b.filling {
		contacts := b.list("contacts")
		gone := contacts.put(zhID(3, 999999), b.world.now.Add(-9*day), doc{"Last_Name": "Gone", "Full_Name": "Gone", "Owner": zhOwner(0)})
		contacts.remove(gone, b.world.now.Add(-4*day))
	}
}

func (b *books) zhAccount(a *account, id string) entry {
	p := a.company.props
	facts := doc{"Account_Name": a.name, "Industry": a.industry, "Employees": a.seats * 4, "Billing_City": a.place.city, "Billing_Country": a.place.country,
		"Account_Type": "Customer", "Owner": zhOwner(a.n), "Phone": p["phone"]}
	if p["domain"] != "" {
		facts["Website"] = "https://www." + p["domain"]
	}
	first := doc{"Seats": a.seats, "Tier": []string{"gold", "silver", "bronze"}[a.n%3], "Products": []string{"Core", "Reports"}, "Partner": doc{"id": zhID(2, 1), "name": "Partner Ltd"}}
	for i := range 60 {
		if (a.n+i)%7 == 0 {
			first[fmt.Sprintf("Extra_%d", i+1)] = fmt.Sprintf("value %d", i)
		}
	}
	return entry{stream: "accounts", id: id, created: a.born, updated: clampTime(a.company.updated, b.world.now), facts: facts, first: first}
}

func (b *books) zhContact(a *account, h *hsObject, account doc) entry {
	p := h.props
	facts := doc{"First_Name": p["firstname"], "Last_Name": p["lastname"], "Full_Name": strings.TrimSpace(p["firstname"] + " " + p["lastname"]), "Account_Name": account,
		"Title": p["jobtitle"], "Mailing_Country": p["country"], "Owner": zhOwner(a.n), "Email_Opt_Out": false, "Lead_Source": "Web"}
	if p["email"] != "" {
		facts["Email"] = p["email"]
	}
	return entry{stream: "contacts", id: zhID(3, pdID(h)), created: h.created, updated: clampTime(h.updated, b.world.now), facts: facts, first: doc{"Persona": "Champion"}}
}

// zhStages pairs the stages of the two CRMs.
func zhStages() map[string]string {
	return map[string]string{"appointmentscheduled": "Qualification", "qualifiedtobuy": "Needs Analysis", "presentationscheduled": "Value Proposition",
		"decisionmakerboughtin": "Proposal/Price Quote", "contractsent": "Negotiation/Review", "closedwon": "Signed", "closedlost": "Closed-Lost to Competition"}
}

func (b *books) zhDeal(a *account, h *hsObject, account doc) entry {
	p := h.props
	facts := doc{"Deal_Name": p["dealname"], "Amount": zhAmount(p["amount"]), "Currency": strings.ToUpper(a.place.currency), "Stage": zhStages()[p["dealstage"]],
		"Pipeline": "Standard", "Closing_Date": p["closedate"][:10], "Account_Name": account, "Owner": zhOwner(a.n)}
	if len(a.people) > 0 {
		person := a.people[0]
		facts["Contact_Name"] = doc{"id": zhID(3, pdID(person)), "name": strings.TrimSpace(person.props["firstname"] + " " + person.props["lastname"])}
	}
	if p["closed_lost_reason"] != "" {
		facts["Reason_For_Loss__s"] = p["closed_lost_reason"]
	}
	return entry{stream: "deals", id: zhID(4, pdID(h)), created: h.created, updated: clampTime(h.updated, b.world.now), facts: facts, first: doc{"Competitor": "none"}}
}

func (b *books) zhQuote(a *account, h *hsObject, account doc) entry {
	stage := "Delivered"
	switch h.props["dealstage"] {
	case "closedwon":
		stage = "Confirmed"
	case "closedlost":
		stage = "Closed Lost"
	}
	return entry{stream: "quotes", id: zhID(5, pdID(h)), created: h.created, updated: clampTime(h.updated, b.world.now), facts: doc{
		"Quote_Number": zhID(5, pdID(h)), "Subject": a.name + " quote", "Quote_Stage": stage, "Grand_Total": zhAmount(h.props["amount"]), "Currency": strings.ToUpper(a.place.currency),
		"Valid_Till": h.created.Add(60 * day).Format(time.DateOnly), "Account_Name": account, "Deal_Name": doc{"id": zhID(4, pdID(h)), "name": h.props["dealname"]}, "Owner": zhOwner(a.n)}}
}

// zhLead is somebody before he is a contact. The lead of every fifth firm was converted into its first one.
func (b *books) zhLead(a *account, account doc) entry {
	e := entry{stream: "leads", id: zhID(1, int64(a.n)), created: a.born, updated: clampTime(a.born.Add(day), b.world.now)}
	if a.n%5 == 0 && len(a.people) > 0 {
		p := a.people[0].props
		e.first = doc{"First_Name": p["firstname"], "Last_Name": p["lastname"], "Full_Name": p["firstname"] + " " + p["lastname"], "Company": a.name, "Lead_Status": "Contacted",
			"Converted__s": true, "Converted_Date_Time": zhTime(e.updated), "Converted_Account": account, "Owner": zhOwner(a.n),
			"Converted_Contact": doc{"id": zhID(3, pdID(a.people[0])), "name": p["firstname"] + " " + p["lastname"]}}
		if p["email"] != "" {
			e.first["Email"] = p["email"]
		}
		return e
	}
	first, last, _ := strings.Cut(somebody(b.world.dice("zoho lead", a.n)), " ")
	e.first = doc{"First_Name": first, "Last_Name": last, "Full_Name": first + " " + last, "Company": a.name, "Lead_Status": "Not Contacted", "Lead_Source": "Trade Show",
		"Email": fmt.Sprintf("lead%d@%s", a.n, a.domain), "Converted__s": false, "Owner": zhOwner(a.n), "Country": a.place.country}
	return e
}

func (b *books) zhInvoice(a *account, d demand) entry {
	status := map[string]string{"open": "Approved", "paid": "Paid", "void": "Cancelled", "uncollectible": "Approved"}[d.status]
	due := d.due
	if due.IsZero() {
		due = d.issued
	}
	n, _ := strconv.ParseInt(b.bookID(d.id)[:7], 16, 64)
	return entry{stream: "invoices", id: zhID(6, n), created: d.issued, updated: d.updated, facts: doc{
		"Invoice_Number": d.number, "Subject": a.plan.name, "Status": status, "Invoice_Date": d.issued.Format(time.DateOnly), "Due_Date": due.Format(time.DateOnly),
		"Grand_Total": major(d.total, d.currency), "Currency": d.currency, "Account_Name": doc{"id": zhID(2, pdID(a.company)), "name": a.name}, "Owner": zhOwner(a.n)}}
}

// zhStir is what the organisation's people do between two readings.
func zhStir(b *books, n int, d dice) {
	switch n % 6 {
	case 0:
		b.change(b.list("accounts"), pick(d, b.living("accounts")), doc{"Tier": pick(d, []string{"gold", "silver", "bronze"}), "Extra_7": fmt.Sprint("changed ", n)})
	case 1:
		if people := b.living("contacts"); len(people) > 30 {
			b.list("contacts").remove(pick(d, people), b.world.now)
		}
	case 2: // two contacts become one, and the other is deleted
		people := b.living("contacts")
		if x, y := pick(d, people), pick(d, people); x != y {
			b.list("contacts").merge(x, y, b.world.now)
		}
	case 3: // a lead is converted into a contact
		lead, person := pick(d, b.living("leads")), pick(d, b.living("contacts"))
		b.change(b.list("leads"), lead, doc{"Converted__s": true, "Converted_Date_Time": zhTime(b.world.now), "Converted_Contact": doc{"id": person.id, "name": person.doc["Full_Name"]}})
	case 4:
		b.change(b.list("quotes"), pick(d, b.living("quotes")), doc{"Quote_Stage": pick(d, []string{"Negotiation", "On Hold", "Confirmed"})})
	case 5:
		b.list("deals").remove(pick(d, b.living("deals")), b.world.now)
	}
}

// zhMeta lists a module's fields.
func zhMeta(module string) []doc {
	standard := map[string]string{
		"Leads": "First_Name Last_Name Full_Name Company Email Secondary_Email Phone Mobile Designation Lead_Status Lead_Source Country Email_Opt_Out Owner " +
			"Converted__s Converted_Date_Time Converted_Account Converted_Contact Converted_Deal Rating Website",
		"Accounts": "Account_Name Website Phone Industry Employees Account_Type Billing_City Billing_Country Owner Rating Fax Annual_Revenue",
		"Contacts": "First_Name Last_Name Full_Name Email Secondary_Email Phone Mobile Title Account_Name Lead_Source Mailing_Country Email_Opt_Out Owner Department",
		"Deals":    "Deal_Name Amount Currency Stage Pipeline Probability Closing_Date Type Account_Name Contact_Name Lead_Source Reason_For_Loss__s Owner Next_Step",
		"Quotes":   "Quote_Number Subject Quote_Stage Grand_Total Currency Valid_Till Deal_Name Account_Name Contact_Name Owner Carrier",
		"Invoices": "Invoice_Number Subject Status Invoice_Date Due_Date Grand_Total Currency Account_Name Contact_Name Owner Sales_Commission",
	}
	own := map[string]string{"Accounts": "Seats Tier Products Partner", "Contacts": "Persona", "Deals": "Competitor"}
	out := []doc{}
	add := func(name string, custom bool) {
		f := doc{"api_name": name, "field_label": strings.ReplaceAll(name, "_", " "), "data_type": "text", "custom_field": custom, "id": zhID(8, int64(len(out)))}
		if module == "Deals" && name == "Stage" {
			f["data_type"], f["pick_list_values"] = "picklist", zhPickList()
		}
		out = append(out, f)
	}
	for _, name := range strings.Fields(standard[module] + " Created_Time Modified_Time") {
		add(name, false)
	}
	for _, name := range strings.Fields(own[module]) {
		add(name, true)
	}
	if module == "Accounts" {
		for i := range 60 {
			add(fmt.Sprintf("Extra_%d", i+1), true)
		}
	}
	return out
}

func zhPickList() []doc {
	var out []doc
	for _, stage := range append(dealStages(), "closedwon", "closedlost") {
		name := zhStages()[stage]
		v := doc{"display_value": name, "actual_value": name, "forecast_type": map[string]string{"closedwon": "Closed Won", "closedlost": "Closed Lost"}[stage]}
		if v["forecast_type"] == "" {
			v["forecast_type"] = "Open"
		}
		out = append(out, v)
	}
	return out
}
