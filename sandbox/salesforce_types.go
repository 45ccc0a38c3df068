package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// sfField is one field of an object type as describe tells it.
type sfField struct {
	name, kind   string
	length       int
	custom, calc bool
}

// sfType is one object type. Stream is the name of its shelf.
type sfType struct {
	name, stream, prefix string
	fields               []sfField
	// deletes says that its records can be deleted, merges that they can be merged.
	deletes, merges bool
}

func (t *sfType) field(name string) *sfField {
	for i := range t.fields {
		if strings.EqualFold(t.fields[i].name, name) {
			return &t.fields[i]
		}
	}
	return nil
}

// sfTypes returns the object types that the org has. Fields are "Name kind length", with a ! before the name
// of formulas; the fields that every type has come first.
func sfTypes() []*sfType {
	address := func(p string) string {
		return p + "Street textarea 255|" + p + "City string 40|" + p + "PostalCode string 20|" + p + "Country string 80|" + p + "Address address 0|"
	}
	person := "Salutation picklist 40|FirstName string 40|LastName string 80|Name string 121|Title string 128|Phone phone 40|MobilePhone phone 40|Email email 80|" +
		"HasOptedOutOfEmail boolean 0|LeadSource picklist 255|Description textarea 32000|OwnerId reference 18|MasterRecordId reference 18|"
	return []*sfType{
		newSFType("User", "users", "005", false, "Username string 80|FirstName string 40|LastName string 80|Name string 121|Email email 128|IsActive boolean 0|UserType picklist 40|Title string 80"),
		newSFType("Account", "accounts", "001", true, "Name string 255|Type picklist 255|Website url 255|Phone phone 40|Industry picklist 255|NumberOfEmployees int 0|AnnualRevenue currency 0|"+
			address("Billing")+"Description textarea 32000|OwnerId reference 18|ParentId reference 18|AccountSource picklist 255|CurrencyIsoCode picklist 3|MasterRecordId reference 18|"+
			"Plan__c picklist 255|Seats__c double 0|Renewal__c date 0|Is_Strategic__c boolean 0|Notes__c textarea 32768|!Age_Days__c double 0|Hub_Health__c double 0|Hub_Stage__c string 255"),
		newSFType("Contact", "contacts", "003", true, person+"AccountId reference 18|"+address("Mailing")+"Persona__c multipicklist 4099|Hub_Stage__c string 255"),
		newSFType("Lead", "leads", "00Q", true, person+"Company string 255|Website url 255|Country string 80|Status picklist 255|IsConverted boolean 0|ConvertedDate date 0|"+
			"ConvertedAccountId reference 18|ConvertedContactId reference 18|ConvertedOpportunityId reference 18|Score__c double 0"),
		newSFType("Opportunity", "opportunities", "006", true, "AccountId reference 18|Name string 120|StageName picklist 255|Amount currency 0|Probability percent 0|CloseDate date 0|Type picklist 255|"+
			"IsClosed boolean 0|IsWon boolean 0|ForecastCategoryName picklist 40|CurrencyIsoCode picklist 3|OwnerId reference 18|ContactId reference 18|LastStageChangeDate datetime 0|"+
			"Loss_Reason__c picklist 255|Hub_Health__c double 0"),
		newSFType("OpportunityContactRole", "roles", "00K", true, "OpportunityId reference 18|ContactId reference 18|Role picklist 40|IsPrimary boolean 0"),
		newSFType("OpportunityHistory", "histories", "008", true, "OpportunityId reference 18|StageName picklist 255|Amount currency 0|CloseDate date 0|Probability percent 0"),
		newSFType("Quote", "quotes", "0Q0", true, "QuoteNumber string 30|Name string 255|Status picklist 255|OpportunityId reference 18|AccountId reference 18|ContactId reference 18|"+
			"GrandTotal currency 0|TotalPrice currency 0|ExpirationDate date 0|CurrencyIsoCode picklist 3|OwnerId reference 18"),
		newSFType("Case", "cases", "500", true, "CaseNumber string 30|Subject string 255|Description textarea 32000|Status picklist 255|Priority picklist 255|Origin picklist 255|IsClosed boolean 0|"+
			"IsEscalated boolean 0|ClosedDate datetime 0|AccountId reference 18|ContactId reference 18|OwnerId reference 18|MasterRecordId reference 18|Product_Area__c picklist 255"),
		newSFType("Task", "tasks", "00T", true, "Subject combobox 255|Status picklist 255|TaskSubtype picklist 40|ActivityDate date 0|CompletedDateTime datetime 0|IsClosed boolean 0|"+
			"CallType picklist 40|WhoId reference 18|WhatId reference 18|AccountId reference 18|OwnerId reference 18"),
		newSFType("Event", "events", "00U", true, "Subject combobox 255|StartDateTime datetime 0|EndDateTime datetime 0|IsAllDayEvent boolean 0|WhoId reference 18|WhatId reference 18|"+
			"AccountId reference 18|OwnerId reference 18"),
	}
}

func newSFType(name, stream, prefix string, deletes bool, fields string) *sfType {
	t := &sfType{name: name, stream: stream, prefix: prefix, deletes: deletes, merges: strings.Contains(fields, "MasterRecordId")}
	shared := "Id id 18|CreatedDate datetime 0|CreatedById reference 18|LastModifiedDate datetime 0|LastModifiedById reference 18|SystemModstamp datetime 0|"
	if deletes {
		shared += "IsDeleted boolean 0|"
	}
	for f := range strings.SplitSeq(shared+fields, "|") {
		parts := strings.Fields(f)
		n, _ := strconv.Atoi(parts[2]) // the lists above are well-formed
		name, calc := strings.CutPrefix(parts[0], "!")
		t.fields = append(t.fields, sfField{name: name, kind: parts[1], length: n, custom: strings.HasSuffix(name, "__c"), calc: calc})
	}
	return t
}

// sfID is the vendor's 18-character id: the prefix of the type, a number in base 62, and three characters that
// tell which of the first 15 are capitals.
func sfID(prefix string, n int) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	num := []byte("00000000")
	for i := len(num) - 1; i >= 0 && n > 0; i-- {
		num[i] = digits[n%62]
		n /= 62
	}
	return sfLong(prefix + "5e00" + string(num))
}

// sfLong makes the 18-character form of a 15-character id.
func sfLong(id string) string {
	if len(id) != 15 {
		return id
	}
	out := []byte(id)
	for block := range 3 {
		sum := 0
		for i := range 5 {
			if c := id[block*5+i]; c >= 'A' && c <= 'Z' {
				sum |= 1 << i
			}
		}
		out = append(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[sum])
	}
	return string(out)
}

// sfTime is the form in which REST tells times; Bulk says Z.
func sfTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000+0000") }

// value returns a field's value of a record, as JSON has it.
func (t *sfType) value(f *sfField, it *item) any {
	switch f.name {
	case "Id":
		return it.id
	case "IsDeleted":
		return !it.gone.IsZero()
	case "MasterRecordId":
		if it.into != "" {
			return it.into
		}
		return nil
	case "Age_Days__c":
		return float64(it.updated.Sub(it.created) / day)
	}
	v := it.doc[f.name]
	switch {
	case f.kind == "boolean" && v == nil:
		return false
	case f.kind == "address":
		return doc{"street": it.doc["BillingStreet"], "city": it.doc["BillingCity"], "country": it.doc["BillingCountry"], "latitude": nil, "longitude": nil}
	case v == "":
		return nil
	}
	return v
}

// shape renders a record with some fields.
func (t *sfType) shape(version string, it *item, fields []*sfField) doc {
	d := doc{"attributes": doc{"type": t.name, "url": "/services/data/" + version + "/sobjects/" + t.name + "/" + it.id}}
	for _, f := range fields {
		d[f.name] = t.value(f, it)
	}
	return d
}

func (f *sfField) describe() doc {
	soap := map[string]string{"boolean": "xsd:boolean", "int": "xsd:int", "double": "xsd:double", "currency": "xsd:double", "percent": "xsd:double",
		"date": "xsd:date", "datetime": "xsd:dateTime", "id": "tns:ID", "reference": "tns:ID", "address": "urn:address"}[f.kind]
	if soap == "" {
		soap = "xsd:string"
	}
	own := slices.Contains([]string{"Id", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "MasterRecordId"}, f.name)
	d := doc{
		"name": f.name, "label": strings.ReplaceAll(strings.TrimSuffix(f.name, "__c"), "_", " "), "type": f.kind, "length": f.length, "byteLength": f.length * 3,
		"custom": f.custom, "calculated": f.calc, "nillable": f.kind != "boolean" && !own, "updateable": !own && !f.calc, "createable": !own && !f.calc,
		"filterable": f.kind != "address" && f.length <= 4000, "sortable": f.kind != "address", "soapType": soap, "unique": false, "idLookup": f.name == "Id",
		"inlineHelpText": nil, "precision": 0, "scale": 0, "picklistValues": []doc{}, "referenceTo": []string{}, "relationshipName": nil, "deprecatedAndHidden": false,
		"compoundFieldName": nil, "extraTypeInfo": nil, "nameField": f.name == "Name", "externalId": false, "defaultValue": nil,
	}
	if f.kind == "textarea" {
		d["extraTypeInfo"] = "plaintextarea"
	}
	return d
}
