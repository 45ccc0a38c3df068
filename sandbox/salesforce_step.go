package sandbox

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// sfEdit changes a record at the world's time. Late hides the change for so long, as a transaction does that
// was stamped before it is committed.
func (w *World) sfEdit(stream, id string, members doc, late time.Duration) {
	shelf := w.shelf(VendorSalesforce, stream)
	it := shelf.byID[id]
	if it == nil || !it.gone.IsZero() {
		return
	}
	if !it.shown.After(w.now) {
		it.shown, it.before = time.Time{}, nil
	}
	shelf.change(it, w.now, members)
	if late > 0 {
		it.shown = w.now.Add(late)
	}
}

// someSalesforce picks a living record, nil where there is none.
func (w *World) someSalesforce(d dice, stream string) *item {
	rows := live(w.shelf(VendorSalesforce, stream).list(w.now))
	if len(rows) == 0 {
		return nil
	}
	return pick(d, rows)
}

// SalesforceStep moves the world on to a moment and lets a few things happen in the second CRM: edits, late
// commits, contact roles that leave the opportunity untouched, deletions, restored and purged records, merges
// and bulk updates. It returns one sentence for each. Choices depend on the seed and the moment.
func (w *World) SalesforceStep(now time.Time) []string {
	w.stock(VendorSalesforce, w.stockSalesforce)
	w.mu.Lock()
	defer w.mu.Unlock()
	if now = now.UTC().Truncate(time.Second); now.After(w.now) {
		w.now = now
	}
	d := w.dice("salesforce step", int(w.now.Unix()))
	acts := []func(dice) string{w.sfRename, w.sfMoveDeal, w.sfAddRole, w.sfDelete, w.sfMerge, w.sfRestore, w.sfPurge, w.sfBulkUpdate, w.sfOpenCase, w.sfConvert}
	var told []string
	for range 3 {
		if s := pick(d, acts)(d); s != "" {
			told = append(told, s)
		}
	}
	return told
}

func (w *World) sfRename(d dice) string {
	it := w.someSalesforce(d, "accounts")
	if it == nil {
		return ""
	}
	late := time.Duration(0)
	if d.chance(0.5) {
		late = 4 * time.Minute
	}
	w.sfEdit("accounts", it.id, doc{"Phone": fmt.Sprintf("+1 555 %07d", d.IntN(1e7)), "Seats__c": float64(d.between(1, 400))}, late)
	return fmt.Sprintf("%s was edited.", it.doc["Name"])
}

func (w *World) sfMoveDeal(d dice) string {
	it := w.someSalesforce(d, "opportunities")
	if it == nil || it.doc["IsClosed"] == true {
		return ""
	}
	stage := pick(d, []string{"Qualification", "Negotiation/Review", "Closed Won", "Closed Lost"})
	closed := strings.HasPrefix(stage, "Closed")
	w.sfEdit("opportunities", it.id, doc{"StageName": stage, "IsClosed": closed, "IsWon": stage == "Closed Won", "CloseDate": w.now.Format(time.DateOnly), "LastStageChangeDate": sfTime(w.now)}, 0)
	n := len(w.shelf(VendorSalesforce, "histories").rows)
	w.sfPut(sfTypeOf("histories"), sfID("008", 900000+n), w.now, w.now, doc{"OpportunityId": it.id, "StageName": stage, "Amount": it.doc["Amount"], "CloseDate": w.now.Format(time.DateOnly)})
	return fmt.Sprintf("The opportunity %q moved to %s.", it.doc["Name"], stage)
}

// sfAddRole names one more contact on an opportunity, which itself stays as it is.
func (w *World) sfAddRole(d dice) string {
	opp, person := w.someSalesforce(d, "opportunities"), w.someSalesforce(d, "contacts")
	if opp == nil || person == nil {
		return ""
	}
	n := len(w.shelf(VendorSalesforce, "roles").rows)
	w.sfPut(sfTypeOf("roles"), sfID("00K", 900000+n), w.now, w.now, doc{"OpportunityId": opp.id, "ContactId": person.id, "Role": "Evaluator", "IsPrimary": false})
	return fmt.Sprintf("A contact was named on %q.", opp.doc["Name"])
}

func (w *World) sfDelete(d dice) string {
	stream := pick(d, []string{"contacts", "leads", "tasks", "cases"})
	it := w.someSalesforce(d, stream)
	if it == nil {
		return ""
	}
	w.shelf(VendorSalesforce, stream).remove(w.shelf(VendorSalesforce, stream).byID[it.id], w.now)
	return fmt.Sprintf("A record of %s was deleted.", stream)
}

func (w *World) sfMerge(d dice) string {
	s := w.shelf(VendorSalesforce, "contacts")
	a, b := w.someSalesforce(d, "contacts"), w.someSalesforce(d, "contacts")
	if a == nil || a.id == b.id {
		return ""
	}
	s.merge(s.byID[a.id], s.byID[b.id], w.now)
	return fmt.Sprintf("%s was merged into %s.", a.doc["Name"], b.doc["Name"])
}

// sfBinned finds a record in the recycle bin.
func (w *World) sfBinned(stream string) *item {
	for _, it := range w.shelf(VendorSalesforce, stream).rows {
		if !it.gone.IsZero() && it.doc["_purged"] != true && it.into == "" && w.now.Sub(it.gone) < sfBin {
			return it
		}
	}
	return nil
}

func (w *World) sfRestore(dice) string {
	it := w.sfBinned("contacts")
	if it == nil {
		return ""
	}
	it.gone, it.before, it.shown = time.Time{}, nil, time.Time{}
	w.shelf(VendorSalesforce, "contacts").put(it.id, w.now, maps.Clone(it.doc))
	return fmt.Sprintf("%s was taken out of the recycle bin.", it.doc["Name"])
}

// sfPurge deletes for good: the record is in no list but that of deletions.
func (w *World) sfPurge(d dice) string {
	it := w.someSalesforce(d, "tasks")
	if it == nil {
		return ""
	}
	s := w.shelf(VendorSalesforce, "tasks")
	s.remove(s.byID[it.id], w.now)
	s.byID[it.id].doc["_purged"] = true
	return "A task was deleted for good."
}

func (w *World) sfBulkUpdate(d dice) string {
	rows := live(w.shelf(VendorSalesforce, "contacts").list(w.now))
	for _, it := range rows {
		w.sfEdit("contacts", it.id, doc{"Persona__c": pick(d, []string{"Champion", "User", "Buyer;User"})}, 0)
	}
	return fmt.Sprintf("%d contacts were updated at once.", len(rows))
}

func (w *World) sfOpenCase(d dice) string {
	acc := w.someSalesforce(d, "accounts")
	if acc == nil {
		return ""
	}
	n := len(w.shelf(VendorSalesforce, "cases").rows)
	id := w.sfPut(sfTypeOf("cases"), sfID("500", 900000+n), w.now, w.now, doc{"CaseNumber": fmt.Sprintf("%08d", 90000+n), "Subject": pick(d, ticketSubjects()), "Status": "New",
		"Priority": "High", "Origin": "Web", "AccountId": acc.id, "OwnerId": sfID("005", 4)})
	w.shelf(VendorSalesforce, "cases").byID[id].shown = w.now.Add(3 * time.Minute)
	return fmt.Sprintf("%s opened a case, which is seen minutes later.", acc.doc["Name"])
}

func (w *World) sfConvert(d dice) string {
	lead, person := w.someSalesforce(d, "leads"), w.someSalesforce(d, "contacts")
	if lead == nil || person == nil || lead.doc["IsConverted"] == true {
		return ""
	}
	w.sfEdit("leads", lead.id, doc{"IsConverted": true, "Status": "Closed - Converted", "ConvertedContactId": person.id, "ConvertedAccountId": person.doc["AccountId"],
		"ConvertedDate": w.now.Format(time.DateOnly)}, 0)
	return fmt.Sprintf("The lead %s was converted.", lead.doc["Name"])
}

// SalesforceField adds a field of the account's own to a type, filled in some records without a trace in their
// modification times, as happens where a field is shown to a user who did not see it before.
func (w *World) SalesforceField(stream, name, kind string, value any) {
	w.stock(VendorSalesforce, w.stockSalesforce)
	w.mu.Lock()
	defer w.mu.Unlock()
	t := sfTypeOf(stream)
	if t == nil {
		return
	}
	w.deskFields["salesforce/"+t.name] = append(w.deskFields["salesforce/"+t.name], doc{"name": name, "kind": kind})
	for i, it := range w.shelf(VendorSalesforce, stream).rows {
		if i%2 == 0 {
			it.doc[name] = value
		}
	}
}

// SalesforceSwitchOff takes a type out of the org, as quotes are in orgs that do not use them.
func (w *World) SalesforceSwitchOff(stream string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := sfTypeOf(stream); t != nil {
		w.deskFields["salesforce/off/"+t.name] = []doc{{}}
	}
}
