// Package sandbox is a seeded small world of vendor servers: some hundred firms with two years of history
// in a CRM (HubSpot), a billing system (Stripe) and a help desk (Zendesk), dirt included.
//
// The answers have the shapes of the vendors' published documents. The package does not imitate more of
// the vendors than the endpoints named at HubSpot, Stripe and Zendesk, keeps nothing on disk, and knows
// nothing of Hub beyond the shared words.
package sandbox

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The vendors, as Inject, Field and Servers.URLs name them.
const (
	VendorHubSpot = "hubspot"
	VendorStripe  = "stripe"
	VendorZendesk = "zendesk"
)

// The credentials that the servers ask for. They open nothing but the sandbox.
const (
	HubSpotToken = "pat-sandbox-not-a-secret"
	StripeKey    = "sk_test_sandbox_not_a_secret"
	ZendeskToken = "zd-sandbox-not-a-secret"
	// ZendeskEmail goes with ZendeskToken where basic authentication is used ("<email>/token").
	ZendeskEmail = "agent@sandbox.example"
)

// Options choose a world. Equal options give equal worlds.
type Options struct {
	Seed int64
	// Companies is the number of firms, at least 20; 0 means 300.
	Companies int
	// Now is the moment at which the history ends; zero means the clock's. Readers that leave the newest
	// minutes of a vendor alone see a Step at once where Now and the times of Step lag behind the clock.
	Now time.Time
	// Months is the length of the history; 0 means 24.
	Months int
	// Limits turns the vendors' rate limits on.
	Limits bool
}

// World is the state behind the servers. All methods may be called concurrently.
type World struct {
	mu   sync.Mutex
	opts Options
	// begin is where the history starts, now where the world stands.
	begin, now time.Time
	// branches are second billing customers of some accounts.
	accounts, branches []*account

	crm map[string]*hsTable

	customers, subscriptions, invoices, events *stripeTable
	// stripeSeq counts ids and orders what has the same second.
	stripeSeq int64

	orgs, users, tickets *zdTable
	memberships          []doc
	deskFields           map[string][]doc // own fields, by "organization_fields" and "user_fields"
	jobs                 map[string]doc
	agents               []int64
	// zdSeq counts changes, so that a cursor misses none within a second.
	zdSeq int64

	// shelves are the lists of the other vendors, by "vendor/stream"; stocked says which are filled.
	shelves map[string]*shelf
	stocked map[string]bool

	// hostile names the vendors that do their worst.
	hostile map[string]bool
	// fates holds, by vendor and "stream/id", what became of records that are gone.
	fates map[string]map[string]string

	malformed map[string]bool
	faults    map[string][]*Fault
	limits    *limits
	steps     int

	writeCalls, writeVal int

	// oauth holds the authorization servers by vendor, made when first asked for, also while mu is held.
	oauthMu sync.Mutex
	oauth   map[string]*OAuthServer
}

// NewWorld builds a world with its whole history.
func NewWorld(o Options) *World {
	if o.Companies == 0 {
		o.Companies = 300
	}
	o.Companies = max(o.Companies, 20)
	if o.Months <= 0 {
		o.Months = 24
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	o.Now = o.Now.UTC().Truncate(time.Second)
	w := &World{
		opts: o, now: o.Now, begin: o.Now.AddDate(0, -o.Months, 0),
		crm: newCRM(o.Now.AddDate(0, -o.Months, 0)), customers: newStripeTable(), subscriptions: newStripeTable(),
		invoices: newStripeTable(), events: newStripeTable(),
		orgs: newZDTable(900001), users: newZDTable(400001), tickets: newZDTable(1001),
		malformed: map[string]bool{}, faults: map[string][]*Fault{}, limits: newLimits(), oauth: map[string]*OAuthServer{},
		deskFields: map[string][]doc{}, jobs: map[string]doc{},
		shelves: map[string]*shelf{}, stocked: map[string]bool{}, hostile: map[string]bool{}, fates: map[string]map[string]string{},
	}
	w.hireAgents()
	names := map[string]bool{}
	for n := range o.Companies {
		d := w.dice("account", n)
		w.accounts = append(w.accounts, w.live(n, names, d))
	}
	w.spoil(w.dice("dirt", 0))
	w.settleOrder()
	return w
}

// dice returns the choices of one purpose, independent of all others.
func (w *World) dice(purpose string, n int) dice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(purpose))
	return dice{rand.New(rand.NewPCG(uint64(w.opts.Seed)^h.Sum64(), uint64(n)))}
}

// Now returns the world's own time: Options.Now, or that of the last Step.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Counts returns how many objects there are by "vendor/stream", malformed ones included, and besides
// "vendor/stream/deleted" and "vendor/stream/malformed" where there are such. Deleted objects count only
// there.
func (w *World) Counts() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := map[string]int{}
	count := func(key string, deleted bool) {
		if deleted {
			key += "/deleted"
		}
		c[key]++
	}
	for name, t := range w.crm {
		for _, o := range t.rows {
			count("hubspot/"+name, !o.archived.IsZero())
		}
	}
	c["hubspot/forms"], c["hubspot/form_submissions"], c["hubspot/email_events"] = len(hubspotForms()), len(w.submissions()), len(w.emailEvents())
	for name, t := range map[string]*stripeTable{"customers": w.customers, "subscriptions": w.subscriptions, "invoices": w.invoices} {
		for _, o := range t.rows {
			count("stripe/"+name, o.deleted)
		}
	}
	for name, t := range map[string]*zdTable{"organizations": w.orgs, "users": w.users, "tickets": w.tickets} {
		for _, o := range t.rows {
			count("zendesk/"+name, o.doc["status"] == "deleted" || o.doc["active"] == false)
		}
	}
	for key, s := range w.shelves {
		for _, it := range s.rows {
			count(key, !it.gone.IsZero())
		}
	}
	for key := range w.malformed {
		c[key[:strings.LastIndex(key, "/")]+"/malformed"]++
	}
	return c
}

// Malformed returns the records that are broken on purpose, as "vendor/stream/id". The help-desk ticket
// without an id ends with the slash.
func (w *World) Malformed() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.malformed)
}

// Field returns the current value of one field of one record, as text: a HubSpot property, a key of a
// Stripe customer's metadata or of a Zendesk organisation's or user's own fields. It is false where the
// record or the value does not exist.
func (w *World) Field(vendor, stream, id, field string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch vendor {
	case VendorHubSpot:
		if t := w.crm[stream]; t != nil && t.byID[id] != nil {
			v, ok := t.byID[id].props[field]
			return v, ok
		}
	case VendorStripe:
		if c := w.customers.byID[id]; stream == "customers" && c != nil && !c.deleted {
			v, ok := c.doc["metadata"].(doc)[field].(string)
			return v, ok
		}
	case VendorZendesk:
		t, key := w.orgs, "organization_fields"
		if stream == "users" {
			t, key = w.users, "user_fields"
		}
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || t.byID[n] == nil {
			return "", false
		}
		v, ok := t.byID[n].doc[key].(doc)[field].(string)
		return v, ok
	default:
		if s := w.shelves[vendor+"/"+stream]; s != nil && s.byID[id] != nil {
			v, ok := s.byID[id].doc[field]
			return fmt.Sprint(v), ok
		}
	}
	return "", false
}

// Writes returns the number of accepted write-back calls and of values that they changed.
func (w *World) Writes() (calls, values int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writeCalls, w.writeVal
}

// settleOrder gives the history the order in which the vendors would have seen it.
func (w *World) settleOrder() {
	for _, t := range []*stripeTable{w.customers, w.subscriptions, w.invoices, w.events} {
		t.sort()
	}
	var all []*zdObject
	for _, t := range []*zdTable{w.orgs, w.users, w.tickets} {
		slices.SortStableFunc(t.rows, func(a, b *zdObject) int { return a.updated.Compare(b.updated) })
		all = append(all, t.rows...)
	}
	slices.SortStableFunc(all, func(a, b *zdObject) int { return a.updated.Compare(b.updated) })
	for _, o := range all {
		w.zdSeq++
		o.seq = w.zdSeq
	}
}

// doc is a JSON object.
type doc = map[string]any
