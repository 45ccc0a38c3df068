package identity

import (
	"strings"
	"testing"

	"golang.org/x/net/idna"
)

func TestEmailKey(t *testing.T) {
	for address, want := range map[string]string{
		" Ana@Acme.COM ":           "ana@acme.com",
		"ana+x+y@acme.com":         "ana@acme.com",
		"a.n.a@gmail.com":          "ana@gmail.com",
		"a.n.a@googlemail.com":     "ana@gmail.com",
		"a.n.a@acme.com":           "a.n.a@acme.com",
		"mailto:ana@acme.com":      "ana@acme.com",
		"ana@BÜCHER.de":            "ana@xn--bcher-kva.de",
		"josé@acme.com":            "josé@acme.com",
		"jose\u0301@acme.com":      "josé@acme.com",
		"ana@acme.com.":            "ana@acme.com",
		"":                         "",
		"none":                     "",
		"@acme.com":                "",
		"+x@acme.com":              "",
		"ana@":                     "",
		"ana@acme":                 "",
		"ana@.com":                 "",
		"a b@acme.com":             "",
		"ana@acme.com,bo@acme.com": "",
		"Ana <ana@acme.com>":       "",
		"ana@acme..com":            "",
		"\xff@acme.com":            "",
	} {
		if got := EmailKey(address); got != want {
			t.Errorf("EmailKey(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestKindsOfAddress(t *testing.T) {
	for _, c := range []struct {
		address           string
		role, placeholder bool
	}{
		{"ana@acme.com", false, false},
		{"12345678@qq.com", false, false},
		{"info@acme.com", true, false},
		{"accounts.payable@acme.com", true, false},
		{"no-reply@acme.com", true, false},
		{"sales2@acme.com", true, false},
		{"support-emea@acme.com", true, false},
		{"sales.lindqvist@acme.com", false, false},
		{"test@acme.com", false, true},
		{"test123@acme.com", false, true},
		{"000@acme.com", false, true},
		{"unknown@acme.com", false, true},
		{"ana+test1@acme.com", false, true},
		{"ana+staging@acme.com", false, true},
		{"ana+newsletter@acme.com", false, false},
		{"ana@example.com", false, true},
		{"ana@mail.example.org", false, true},
		{"ana@shop.test", false, true},
	} {
		m, ok := parseMail(c.address)
		if !ok || m.role != c.role || m.placeholder != c.placeholder {
			t.Errorf("%s: ok %v, role %v, placeholder %v", c.address, ok, m.role, m.placeholder)
		}
	}
}

func TestDomainKey(t *testing.T) {
	for s, want := range map[string]string{
		"acme.com":                              "acme.com",
		"https://www.Acme.co.uk:8443/about?x=1": "acme.co.uk",
		"WWW.ACME.COM.":                         "acme.com",
		"ana@mail.acme.com":                     "acme.com",
		"http://ana:pw@acme.com/x":              "acme.com",
		"acme.myshopify.com":                    "acme.myshopify.com",
		"münchen.de":                            "xn--mnchen-3ya.de",
		"acme.com#about":                        "acme.com",
		"myshopify.com":                         "",
		"co.uk":                                 "",
		"com":                                   "",
		"192.168.0.1":                           "",
		"[::1]:80":                              "",
		"acme.local":                            "",
		"printer.corp":                          "",
		"www.example.com":                       "",
		"n/a":                                   "",
		"not a domain":                          "",
		"":                                      "",
	} {
		if got := DomainKey(s); got != want {
			t.Errorf("DomainKey(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestCorporateDomains(t *testing.T) {
	rules := Rules{FreeMail: []string{"localmail.pt"}, Own: []string{"we.io"}}
	for s, want := range map[string]string{
		"acme.com":         "acme.com",
		"gmail.com":        "",
		"yahoo.co.uk":      "",
		"mailinator.com":   "",
		"linkedin.com/in/": "",
		"localmail.pt":     "",
		"app.we.io":        "",
		"mail.qq.com":      "",
	} {
		if got := rules.corporate(s); got != want {
			t.Errorf("corporate(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestNameKey(t *testing.T) {
	for name, want := range map[string]string{
		"Acme GmbH & Co. KG":     "acme",
		"ACME, Inc.":             "acme",
		"The Acme Company":       "acme",
		"Société Générale S.A.":  "societe generale",
		"Straße AG":              "strasse",
		"Łódź Sp. z o.o.":        "lodz",
		"Inc":                    "inc",
		"O’Neill's Ltd":          "oneills",
		"Toyota Motor Pte. Ltd.": "toyota motor",
		"":                       "",
	} {
		if got := NameKey(name); got != want {
			t.Errorf("NameKey(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestListsAreDomains(t *testing.T) {
	for domain := range shared {
		if domain != strings.ToLower(domain) || strings.ContainsAny(domain, " /@") || !strings.Contains(domain, ".") {
			t.Errorf("%q is no domain", domain)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"ana@acme.com", "A.B+c@Gmail.com", "http://acme.com:80/x", "ａｎａ@ｂｕ.de", "@", "xn--a@xn--.com", "[::1]", "%zz", "a@b@c.de", "ß", "\x00", "//", "Acme S.à r.l.", "00@00.."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if key := EmailKey(s); key != "" && EmailKey(key) != key {
			t.Errorf("EmailKey(%q) = %q, and of that %q", s, key, EmailKey(key))
		}
		if key := DomainKey(s); key != "" && DomainKey(key) != key {
			t.Errorf("DomainKey(%q) = %q, and of that %q", s, key, DomainKey(key))
		}
		if key := NameKey(s); NameKey(key) != key {
			t.Errorf("NameKey(%q) = %q, and of that %q", s, key, NameKey(key))
		}
	})
}

// FuzzASCIIDomain holds the short way for plain domains to the long one.
func FuzzASCIIDomain(f *testing.F) {
	for _, s := range []string{"acme.com", "a-b.de", "a--b.de", "-a.de", "xn--bcher-kva.de", "a..b", strings.Repeat("a", 70) + ".com", "", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		long, err := idna.Lookup.ToASCII(s)
		if got, ok := asciiDomain(s); ok != (err == nil) || ok && got != long {
			t.Errorf("asciiDomain(%q) = %q, %v, want %q, %v", s, got, ok, long, err)
		}
	})
}
