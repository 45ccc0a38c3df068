package identity

import (
	"bufio"
	"encoding/csv"
	"io"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// columnKey is the name of a column without case, spaces and dashes.
func columnKey(name string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "", ".", "", "/", "").Replace(strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))))
}

func columnNames(list string) []string { return strings.Fields(list) }

// findColumn returns the place of the first of the names among the columns, -1 for none. With endings a column must
// bear one of them.
func findColumn(head, names []string, endings ...string) int {
	if len(endings) == 0 {
		endings = []string{""}
	}
	for _, name := range names {
		for _, ending := range endings {
			if i := slices.Index(head, name+ending); i >= 0 {
				return i
			}
		}
	}
	return -1
}

// cell returns a row's value, "" where the row has none.
func cell(row []string, i int) string {
	if i < 0 || i >= len(row) {
		return ""
	}
	return strings.TrimSpace(row[i])
}

// openCSV reads the head of a CSV file, whose values may be parted by commas, semicolons or tabs, with spaces about
// them.
func openCSV(in io.Reader) (*csv.Reader, []string, error) {
	buffered := bufio.NewReaderSize(in, 1<<16)
	line, err := buffered.Peek(1 << 14)
	if err != nil && len(line) == 0 {
		return nil, nil, canon.Errorf("records.empty", "the file is empty").WithHint("its first line must name the columns")
	}
	first, _, _ := strings.Cut(string(line), "\n")
	rows := csv.NewReader(buffered)
	rows.TrimLeadingSpace = true
	rows.FieldsPerRecord = -1
	rows.LazyQuotes = true
	for _, comma := range []rune{';', '\t', '|'} {
		if strings.Count(first, string(comma)) > strings.Count(first, string(rows.Comma)) {
			rows.Comma = comma
		}
	}
	head, err := rows.Read()
	if err != nil {
		return nil, nil, canon.Errorf("records.head", "the first line cannot be read: %w", err).WithHint("it must name the columns")
	}
	for i := range head {
		head[i] = columnKey(head[i])
	}
	return rows, head, nil
}

// field is a value that records have, and the columns that hold it.
type field struct {
	name  string
	names []string
	// set puts the value into a contact or company; nil where the kind has none.
	contact func(*canon.Contact, string)
	company func(*canon.Company, string)
}

// recordFields are the fields by the names that columns usually have.
func recordFields() []field {
	return slices.Concat(nameFields(), placeFields(), []field{
		{"email", columnNames("email emailaddress mail email1 primaryemail workemail emails emailprimary contactemail billingemail"),
			func(c *canon.Contact, v string) { c.Emails = append(c.Emails, several(v)...) },
			func(c *canon.Company, v string) { c.Email = v }},
		{"email2", columnNames("email2 secondaryemail otheremail personalemail emailsecondary homeemail"),
			func(c *canon.Contact, v string) { c.Emails = append(c.Emails, several(v)...) }, nil},
		{"phone", columnNames("phone phonenumber telephone tel telephonenumber mobile mobilephone cell cellphone phone1 primaryphone workphone homephone contactphone"),
			func(c *canon.Contact, v string) { c.Phone = v }, func(c *canon.Company, v string) { c.Phone = v }},
		{"dob", columnNames("dob dateofbirth birthdate birthday born dayofbirth geburtsdatum datenaissance birthyear yearofbirth yob"),
			func(c *canon.Contact, v string) { c.BirthDate = v }, nil},
		{"national_id", columnNames("nationalid socsecid ssn socialsecuritynumber nino nationalinsurancenumber nhsnumber personalnumber personnummer identitynumber idnumber cpf dni taxid"),
			func(c *canon.Contact, v string) { c.NationalID = v }, nil},
		{"domain", columnNames("domain website url web homepage domains websiteurl companydomain emaildomain"), nil,
			func(c *canon.Company, v string) { c.Domains = append(c.Domains, several(v)...) }},
		{"vat", columnNames("vat vatid vatnumber vatno taxid taxnumber taxidentifier ein abn gstin siren"), nil,
			func(c *canon.Company, v string) { c.VATID = v }},
		{"registration", columnNames("registrationid registrationnumber registrationno regno companynumber companyno registernumber crn orgnumber orgnr handelsregister lei duns"), nil,
			func(c *canon.Company, v string) { c.RegistrationID = v }},
	})
}

func nameFields() []field {
	return []field{
		{"first_name", columnNames("firstname givenname forename first fname given vorname prenom nombre givennames forenames"),
			func(c *canon.Contact, v string) { c.FirstName = v }, nil},
		{"middle_name", columnNames("middlename middle secondname middleinitial mname"),
			func(c *canon.Contact, v string) { c.FirstName = strings.TrimSpace(c.FirstName + " " + v) }, nil},
		{"last_name", columnNames("lastname surname familyname last lname sname nachname nom apellido family"),
			func(c *canon.Contact, v string) { c.LastName = v }, nil},
		{"suffix", columnNames("suffix namesuffix generation"),
			func(c *canon.Contact, v string) { c.LastName = strings.TrimSpace(c.LastName + " " + v) }, nil},
		{"name", columnNames("name fullname displayname contactname personname customername"),
			func(c *canon.Contact, v string) { c.Name = v }, nil},
		{"company", columnNames("company companyname organization organisation organizationname organisationname accountname businessname legalname firm name vendorname customername account title"),
			nil, func(c *canon.Company, v string) { c.Name = v }},
	}
}

func placeFields() []field {
	return []field{
		{"street_number", columnNames("streetnumber housenumber houseno streetno number"),
			func(c *canon.Contact, v string) { c.Street = strings.TrimSpace(v + " " + c.Street) },
			func(c *canon.Company, v string) { c.Street = strings.TrimSpace(v + " " + c.Street) }},
		{"street", columnNames("street address address1 streetaddress addressline1 line1 street1 addr addr1 streetname strasse billingstreet postaladdress"),
			func(c *canon.Contact, v string) { c.Street = strings.TrimSpace(c.Street + " " + v) },
			func(c *canon.Company, v string) { c.Street = strings.TrimSpace(c.Street + " " + v) }},
		{"city", columnNames("city suburb town locality place billingcity municipality ort ville ciudad addresscity"),
			func(c *canon.Contact, v string) { c.City = v }, func(c *canon.Company, v string) { c.City = v }},
		{"region", columnNames("region state province county statecode stateprovince bundesland billingstate"),
			func(c *canon.Contact, v string) { c.Region = v }, func(c *canon.Company, v string) { c.Region = v }},
		{"postcode", columnNames("postcode zip zipcode postalcode postal plz postalcodezip billingpostalcode cp"),
			func(c *canon.Contact, v string) { c.PostalCode = v }, func(c *canon.Company, v string) { c.PostalCode = v }},
		{"country", columnNames("country countrycode nation land countryname billingcountry"),
			func(c *canon.Contact, v string) { c.Country = v }, func(c *canon.Company, v string) { c.Country = v }},
	}
}

// several parts the values of a cell that holds more than one.
func several(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(",;| ", r) })
}
