package mapping

import "slices"

// section is a part of the mapping language: a mapping with its keys. The parser refuses other keys and
// Schema documents these.
type section struct {
	name, doc string
	required  []string
	keys      []key
}

// key is one key of a section. Form names what may stand there: a form of schemaForms, or a section.
type key struct {
	name, form, doc string
}

// language returns all sections.
func language() []section {
	return slices.Concat(ruleLanguage(), pushLanguage(), fieldLanguage())
}

func ruleLanguage() []section {
	return []section{
		{"file", "A mapping file.", []string{"streams"}, []key{
			{"streams", "streams", "The vendor's streams by name."},
		}},
		{"stream", "What the records of one stream become.", []string{"rules"}, []key{
			{"rules", "rules", "Each rule makes an entity of a record. With an empty list the records are passed over."},
			{"push", "push", "What Hub writes into the stream's records."},
		}},
		{"rule", "Makes an entity of a record, or of each element of a list in it.", []string{"kind"}, []key{
			{"kind", "kind", "The kind of entity."},
			{"part", "part", "Tells entities of one kind and record apart. With each, the element's index where it is left out."},
			{"each", "path", "A list in the record; the rule makes an entity of each element. Other paths are then relative to the element, and start at the record where they begin with \"$.\"."},
			{"when", "condition", "The rule applies where the condition holds."},
			{"deleted", "condition", "The entity is deleted where the condition holds, besides where the record is."},
			{"created_at", "field", "When the object came into being."},
			{"owners", "owners", "Whom the entity belongs to, the surest first."},
			{"same_as", "same_as_list", "Objects of other systems that are the same thing."},
			{"absorbed", "field", "Ids of the same stream that the vendor merged into this record."},
			{"custom", "custom_list", "The vendor's own fields that are kept under their names: an object's path, or what to take of it. Texts, numbers and booleans are kept, 200 at most."},
			{"fields", "fields", "The fields of the kind, by name."},
		}},
		{"part", "A part that the record tells.", []string{"path"}, []key{
			{"path", "paths", "Where the part is read from."},
		}},
		{"owner", "A company or contact, by self, id or email.", []string{"kind"}, []key{
			{"kind", "owner_kind", "company or contact."},
			{"self", "bool", "The company or contact that this record is."},
			{"stream", "text", "The stream that the id is from."},
			{"id", "paths", "One id or a list of ids; objects are passed over."},
			{"email", "paths", "The person's address."},
			{"connection", "text", "The connection that the id is from; the record's own where left out."},
			{"connector", "text", "Instead of connection: the connector that the id is from. Skipped where it is not connected."},
		}},
		{"reference", "An object that a field points to.", []string{"id"}, []key{
			{"id", "paths", "The object's id."},
			{"stream", "text", "The stream that the id is from; the record's own where left out."},
			{"connection", "text", "The connection that the id is from; the record's own where left out."},
			{"connector", "text", "Instead of connection: the connector that the id is from. The field is left out where it is not connected."},
		}},
		{"same_as", "An object of another system.", []string{"stream", "id"}, []key{
			{"connector", "text", "The connector that the object lives at. Skipped where it is not connected."},
			{"connection", "text", "Instead of connector: the connection's name."},
			{"stream", "text", "The stream that the id is from."},
			{"id", "paths", "The object's id."},
		}},
		{"custom", "What to keep of an object.", []string{"from"}, []key{
			{"from", "paths", "An object, or a list of elements with a key and a value."},
			{"key", "paths", "Where an element's name is."},
			{"value", "paths", "Where an element's value is."},
			{"prefix", "text", "Keep names that begin with it."},
			{"only", "texts", "Keep these names; a * at the beginning or the end stands for any rest."},
			{"except", "texts", "Leave out these names; a * at the beginning or the end stands for any rest."},
		}},
	}
}

func pushLanguage() []section {
	return []section{
		{"push", "What Hub writes into a stream's records.", []string{"kind", "fields"}, []key{
			{"kind", "push_kind", "What the records are to a customer: company, contact or deal."},
			{"fields", "push_fields", "The vendor's fields by name."},
		}},
		{"push_field", "One field that Hub writes.", []string{"value"}, []key{
			{"value", "push_value", "Which part of the customer's assessment is written."},
			{"type", "push_type", "The field's type at the vendor; the value's own where left out."},
			{"label", "text", "What people read."},
			{"doc", "text", "A sentence for people."},
			{"options", "texts", "The values of an enum."},
		}},
	}
}

func fieldLanguage() []section {
	return []section{
		{"condition", "A path with exists, equals or in; or all, any or not. A list of conditions means all of them. On a list the condition holds where it holds for any element.", nil, []key{
			{"path", "path", "What the condition is about."},
			{"exists", "bool", "Whether there is a value: null, blank texts and empty lists are none."},
			{"equals", "scalar", "The value, compared as text."},
			{"in", "texts", "Any of the values, compared as text."},
			{"all", "conditions", "All of these hold."},
			{"any", "conditions", "Any of these holds."},
			{"not", "condition", "This does not hold."},
		}},
		{"field", "How a field is filled: by one of path, paths, const, first, money and mrr.", nil, []key{
			{"path", "paths", "A gjson path."},
			{"paths", "paths", "Several paths: the first with a value wins; a list takes from all of them."},
			{"const", "scalar", "A constant."},
			{"first", "first", "Several ways: the first that yields a value wins. A fault ends the search."},
			{"money", "money", "An amount with its currency."},
			{"mrr", "mrr", "Monthly recurring revenue, computed from a subscription's items."},
			{"when", "condition", "The field is filled where the condition holds."},
			{"enum", "enum", "Our value for each of the vendor's; null leaves the field out, \"*\" is for all others. Without it, other values are a fault."},
			{"default", "scalar", "What stands where the vendor has nothing."},
			{"time", "time", "The form of a time: auto knows ISO 8601, dates, unix seconds and milliseconds, /Date(ms)/."},
			{"split", "text", "What separates the elements of a list that is told as a text."},
			{"trim", "bool", "Whether spaces around texts are removed; true where left out."},
			{"lower", "bool", "Whether texts become lower case."},
			{"domain", "bool", "Whether only the host of a web address is kept."},
			{"scale", "scalar", "What a number is multiplied with."},
		}},
		{"money", "An amount with its currency, parsed exactly.", []string{"amount", "currency", "unit"}, []key{
			{"amount", "paths", "A decimal number or text."},
			{"currency", "paths", "Where the ISO 4217 code is, in any case. Three capital letters are a constant."},
			{"unit", "unit", "major for 12.34, minor for 1234."},
			{"negate", "bool", "Turns the sign, for credits that are told as positive amounts."},
			{"decimals", "decimals", "Decimal places of minor units where the vendor differs from ISO 4217."},
		}},
		{"mrr", "Monthly recurring revenue: amount times quantity per item, a year being 12 months, 52 weeks or 365 days. Items without an interval are one-off and do not count.", []string{"items", "amount", "interval", "currency"}, []key{
			{"items", "path", "The list of items; other paths are relative to an item."},
			{"amount", "paths", "The price of one."},
			{"quantity", "paths", "How many; 1 where it is missing."},
			{"interval", "paths", "day, week, month, quarter or year."},
			{"interval_count", "paths", "How many intervals make a period; 1 where it is missing."},
			{"divide", "paths", "The size of a package, where the price is per package."},
			{"divide_round", "paths", "up or down: how a broken package counts."},
			{"currency", "paths", "Where the ISO 4217 code is. Three capital letters are a constant."},
			{"unit", "unit", "minor where left out."},
			{"decimals", "decimals", "Decimal places of minor units where the vendor differs from ISO 4217."},
			{"skip_when", "condition", "Items that do not count, such as metered ones."},
			{"discounts", "discounts", "Discounts for as long as the subscription lives."},
		}},
		{"discount", "Discounts of a subscription. A percentage comes off the sum so far, an amount once a period of the first item.", []string{"items"}, []key{
			{"items", "path", "A list of discounts or a single one; other paths are relative to it."},
			{"percent", "paths", "The percentage."},
			{"amount", "paths", "The amount, in the unit of the items."},
			{"when", "condition", "Discounts that count, such as those without an end."},
		}},
	}
}

func sectionKeys(name string) []string {
	for _, s := range language() {
		if s.name == name {
			names := make([]string, len(s.keys))
			for i := range s.keys {
				names[i] = s.keys[i].name
			}
			return names
		}
	}
	return nil
}
