package identity

import (
	"strings"
	"testing"
)

func TestVATKey(t *testing.T) {
	for _, c := range []struct{ id, country, want string }{
		{"DE123456789", "", "DE123456789"},
		{" de 123.456.789 ", "France", "DE123456789"},
		{"USt-IdNr. DE 123456789", "", "DE123456789"},
		{"123456789", "Deutschland", "DE123456789"},
		{"123456789", "", ""},
		{"12345678", "DE", ""},
		{"ATU12345678", "", "ATU12345678"},
		{"U12345678", "Austria", "ATU12345678"},
		{"BE 0123.456.789", "", "BE0123456789"},
		{"BE 123.456.789", "", "BE0123456789"},
		{"GR123456789", "", "EL123456789"},
		{"123456789", "Greece", "EL123456789"},
		{"GB123456789012", "", "GB123456789"},
		{"ESB12345678", "", "ESB12345678"},
		{"B12345678", "España", "ESB12345678"},
		{"NL123456789B01", "", "NL123456789B01"},
		{"CHE-123.456.789 MWST", "", "CHE123456789"},
		{"CHE-123.456.789", "Switzerland", "CHE123456789"},
		{"NO 123 456 789 MVA", "", "NO123456789"},
		{"12-3456789", "United States", "US123456789"},
		{"AU51824753556", "AU", "AU51824753556"},
		{"27AAPFU0939F1ZV", "India", "IN27AAPFU0939F1ZV"},
		{"000000000", "DE", ""},
		{"DE999999999", "", ""},
		{"n/a", "DE", ""},
		{"applied for", "US", ""},
		{"", "DE", ""},
		{strings.Repeat("9", 1000), "DE", ""},
	} {
		if got := VATKey(c.id, c.country); got != c.want {
			t.Errorf("VATKey(%q, %q) = %q, want %q", c.id, c.country, got, c.want)
		}
	}
}

func TestRegistrationKey(t *testing.T) {
	for _, c := range []struct{ id, country, want string }{
		{"HRB 12345", "Germany", "DE:HRB12345"},
		{"hrb-12345", "DE", "DE:HRB12345"},
		{"00445790", "GB", "GB:445790"},
		{"445790", "United Kingdom", "GB:445790"},
		{"445790", "", ""},
		{"445790", "Atlantis", ""},
		{"none", "GB", ""},
		{"0000", "GB", ""},
		{"1111", "GB", ""},
	} {
		if got := RegistrationKey(c.id, c.country); got != c.want {
			t.Errorf("RegistrationKey(%q, %q) = %q, want %q", c.id, c.country, got, c.want)
		}
	}
}

// FuzzVATKey: a key is a fixed point, however its id was written.
func FuzzVATKey(f *testing.F) {
	for _, s := range []string{"DE123456789", "VAT: GB 123 4567 89", "CHE-123.456.789 TVA", "ＤＥ１２３４５６７８９", "\xff", "U12345678"} {
		f.Add(s, "DE")
		f.Add(s, "Österreich")
	}
	f.Fuzz(func(t *testing.T, id, country string) {
		key := VATKey(id, country)
		if key == "" {
			return
		}
		if len(key) < 4 || len(key) > 32 || strings.ToUpper(key) != key || strings.ContainsAny(key, " .-") {
			t.Errorf("VATKey(%q, %q) = %q", id, country, key)
		}
		if again := VATKey(key, country); again != key {
			t.Errorf("VATKey(%q, %q) = %q, and of that %q", id, country, key, again)
		}
		if again := VATKey(" "+strings.ToLower(id)+" ", country); ascii(id) && again != key {
			t.Errorf("VATKey of %q in small letters is %q, want %q", id, again, key)
		}
	})
}
