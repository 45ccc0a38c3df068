package identity

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

// roles are mailboxes that belong to a function, not to a person; written without dots, dashes and digits.
var roles = words(`abuse account accounting accounts accountspayable accountsreceivable admin administration
administrator ap ar assistance backoffice billing board book booking bookings bookkeeping buchhaltung career
careers ceo cfo compliance compras comptabilite contabilidad contact contactus contacto contabilita cs
customer customercare customerservice customersuccess customersupport data dev devops digital director
donotreply einkauf email engineering enquiries enquiry events everyone faktura facturacion factures facturas
feedback finance finances fornitori ftp general hallo hello help helpdesk hi hostmaster hr human humanresources
info information infos inquiries inquiry invoice invoices invoicing it itsupport jobs kontakt kundenservice
kundeservice legal licensing list logistics mail mailer mailerdaemon management manager marketing media members
membership news newsletter nobody noc noreply notification notifications office operations ops order orders
partner partners payable payables payment payments payroll people personal postmaster post pr press privacy
procurement purchase purchases purchasing rechnung rechnungen rechnungseingang reception recruiting recruitment
registrar relations reply reservations reservierung root sales secretary security service services shipping shop
sistemas soporte staff store subscriptions suporte supplier suppliers support sysadmin team tech technical
techsupport tickets training travel treasury usenet ventas vendas vendor vendors verkauf vertrieb web webmaster
website welcome yourteam`)

// placeholders are mailbox names that stand for no mailbox.
var placeholders = words(`test tests tester testing testuser testaccount none na null nil unknown nomail noemail
notprovided notavailable example sample dummy fake foo bar foobar asdf abc xyz xxx undefined anonymous deleted
default demo staging sandbox user username email@ youremail`)

// testTags are the +tags with which testers mark their own accounts.
var testTags = words(`test tests testing staging stage qa dev demo sandbox e2e`)

// reserved are domains and top levels that hold no mailboxes: RFC 2606, RFC 6761 and what people type instead.
var reserved = words(`example.com example.net example.org example.edu test.com test.test test.de email.test
domain.com yourdomain.com mydomain.com company.com yourcompany.com none.com na.com noemail.com nomail.com
unknown.com invalid.com fake.com dummy.com asdf.com foo.com bar.com abc.xyz`)

var blanks = words(`na n/a none null nil unknown undefined - -- --- . ? x xx xxx test tbd tba 0 00 000 0000 00000
000000 #n/a (none) keine unbekannt inconnu`)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

// blank reports whether a source's value stands for none.
func blank(s string) bool {
	s = strings.ToLower(strings.TrimSpace(s))
	return s == "" || blanks[s]
}

var (
	// joiners part the words of a mailbox's name.
	joiners = strings.NewReplacer(".", "", "-", "", "_", "", "/", "")
	// undecomposed are letters that Unicode does not take apart.
	undecomposed = strings.NewReplacer("ß", "ss", "æ", "ae", "ø", "o", "ł", "l")
)

// mail is an address made comparable.
type mail struct {
	// key is the whole address without its +tag, the dots of a Gmail name removed.
	key, local, domain string
	role, placeholder  bool
}

// personal reports whether the address can stand for one person.
func (m mail) personal() bool { return !m.role && !m.placeholder }

// EmailKey returns the form in which two spellings of one mailbox are equal, or "" for what is no address. It
// is for comparing only; mail goes to the original.
func EmailKey(address string) string {
	m, ok := parseMail(address)
	if !ok {
		return ""
	}
	return m.key
}

// foldCase returns s without the spelling differences of Unicode, case and surrounding blanks.
func foldCase(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return strings.ToLower(strings.TrimSpace(norm.NFKC.String(strings.ToValidUTF8(s, ""))))
		}
	}
	return strings.ToLower(strings.TrimSpace(s))
}

// asciiDomain returns a domain as the DNS knows it.
func asciiDomain(s string) (string, bool) {
	for i := range len(s) {
		dash := s[i] == '-' && i > 0 && i+1 < len(s) && alnum(s[i-1]) && alnum(s[i+1])
		if !alnum(s[i]) && s[i] != '.' && !dash {
			ascii, err := idna.Lookup.ToASCII(s)
			return ascii, err == nil
		}
	}
	return s, true
}

func alnum(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func parseMail(address string) (mail, bool) {
	address = strings.TrimPrefix(foldCase(address), "mailto:")
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return mail{}, false
	}
	domain, ok := asciiDomain(strings.TrimSuffix(address[at+1:], "."))
	if !ok || !strings.Contains(domain, ".") || strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") || strings.Contains(domain, "..") {
		return mail{}, false
	}
	local, tag, _ := strings.Cut(address[:at], "+")
	if domain == "googlemail.com" {
		domain = "gmail.com"
	}
	if domain == "gmail.com" {
		local = strings.ReplaceAll(local, ".", "")
	}
	if local == "" || strings.ContainsAny(local, "@,;<>()\"") {
		return mail{}, false
	}
	m := mail{key: local + "@" + domain, local: local, domain: domain}
	bare := strings.TrimRight(joiners.Replace(local), "0123456789")
	m.role = roles[bare] || regionalRole(local)
	oneDigit := bare == "" && strings.Trim(local, local[:1]) == ""
	m.placeholder = oneDigit || placeholders[bare] || testTags[strings.TrimRight(tag, "0123456789-_.")] || isReserved(domain)
	return m, true
}

// regionalRole reports a role with a short suffix, such as sales-uk or info.emea.
func regionalRole(local string) bool {
	i := strings.IndexAny(local, ".-_")
	return i >= 4 && len(local)-i-1 <= 4 && roles[local[:i]]
}

func isReserved(domain string) bool {
	if reserved[domain] {
		return true
	}
	last := strings.LastIndexByte(domain, '.')
	top := domain[last+1:]
	// The top level "example" is not among them: whole made-up worlds live in it, such as demonstrations, and
	// in them its domains tell companies apart. What people type into a form is example.com.
	if slices.Contains([]string{"test", "invalid", "localhost", "local", "internal", "lan"}, top) {
		return true
	}
	// All reserved domains have two labels.
	return last > 0 && reserved[domain[strings.LastIndexByte(domain[:last], '.')+1:]]
}

// DomainKey returns the registrable domain of a domain, host or web address: "acme.co.uk" for
// "https://www.Acme.co.uk/about". It is "" for what has none: addresses of machines, public suffixes,
// reserved and made-up names.
func DomainKey(s string) string {
	s = foldCase(s)
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	s, _, _ = strings.Cut(s, "/")
	s, _, _ = strings.Cut(s, "?")
	s, _, _ = strings.Cut(s, "#")
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	if strings.ContainsAny(s, ":[%") {
		if u, err := url.Parse("//" + s); err == nil {
			s = u.Hostname()
		}
	}
	host, ok := asciiDomain(strings.Trim(s, "."))
	if !ok || host == "" {
		return ""
	}
	if last := host[len(host)-1]; last >= '0' && last <= '9' || strings.Contains(host, ":") {
		if _, err := netip.ParseAddr(host); err == nil {
			return ""
		}
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	if !icann && !strings.Contains(suffix, ".") && suffix != "example" {
		// No list knows the top level: a machine's name inside somebody's network.
		return ""
	}
	rest, below := strings.CutSuffix(host, "."+suffix)
	domain := host[strings.LastIndexByte(rest, '.')+1:]
	if !below || strings.HasPrefix(host, ".") || strings.Contains(host, "..") || isReserved(domain) {
		return ""
	}
	return domain
}

// longID returns the 18-character form of a Salesforce account's, contact's or lead's 15-character id, which
// people copy from the screen and store elsewhere. Other ids stay as they are. The three characters added tell
// which letters are capitals.
func longID(id string) string {
	const short, alphabet = 15, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	if len(id) != short || !slices.Contains([]string{"001", "003", "00Q"}, id[:3]) {
		return id
	}
	var suffix [3]byte
	letters := false
	for i := range id {
		c := id[i]
		switch {
		case c >= 'A' && c <= 'Z':
			suffix[i/5] |= 1 << (i % 5)
			letters = letters || i >= 3
		case c >= 'a' && c <= 'z':
			letters = true
		case c < '0' || c > '9':
			return id
		}
	}
	if !letters {
		return id
	}
	return id + string([]byte{alphabet[suffix[0]], alphabet[suffix[1]], alphabet[suffix[2]]})
}

// legalForms end company names without telling companies apart.
var legalForms = words(`ab ag aps as asa bhd bv bvba co company cooperative corp corporation cv doo dooel eeig ek
eood esp eurl ev gbr ges gesmbh gmbh group holding holdings inc incorporated ip kft kg kgaa kk kft lda limited
limitada llc llp lp ltd ltda mbh nv ohg oao ood oo ooo oy oyj plc pllc private pt pte pty public pvt sa sab sapi
sarl sas sasu sc scrl sdn se sia sl slu snc sp spa spol spzoo sro srl srls tbk ug uab und zoo zrt`)

// NameKey folds a company's name: case, accents, punctuation and legal forms do not count. Equal keys are a
// hint, never a link.
func NameKey(name string) string {
	folded := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r), r == '.', r == '\'', r == '’':
			return -1
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return ' '
	}, norm.NFKD.String(strings.ToValidUTF8(name, "")))
	all := strings.Fields(undecomposed.Replace(folded))
	for len(all) > 1 && all[0] == "the" {
		all = all[1:]
	}
	for len(all) > 1 && legalForms[all[len(all)-1]] {
		all = all[:len(all)-1]
		if n := len(all); n > 1 && all[n-1] == "z" {
			// What is left of "z o.o.", the second half of a Polish form.
			all = all[:n-1]
		}
	}
	return strings.Join(all, " ")
}
