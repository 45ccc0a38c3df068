package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/store"
)

// decideAll keeps decisions and has them applied.
func (a *app) decideAll(t *testing.T, ds []canon.Decision) []canon.Decision {
	t.Helper()
	out := slices.Clone(ds)
	if err := a.db.InTx(t.Context(), time.Now(), func(tx *store.Tx) (err error) {
		for i := range out {
			if out[i], err = tx.AddDecision(t.Context(), out[i]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n, err := a.pipe.Decide(t.Context()); err != nil || n != len(ds) {
		t.Fatalf("%d of %d decisions were applied: %v", n, len(ds), err)
	}
	if err := a.assess(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out
}

// dryRunOf is what rules would change of what an app holds.
func dryRunOf(t *testing.T, a *app, r *identity.Rules) identity.Changes {
	t.Helper()
	w := who{db: a.db, rules: r, now: a.cfg.AsOf}
	log, err := a.db.Decisions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.decisions, _ = identity.InForce(log, w.now)
	companies, contacts, now, err := w.everybody(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(companies) == 0 || len(contacts) == 0 {
		t.Fatal("the world is empty")
	}
	return identity.Compare(now, resolveAll(r, w.decisions, companies, contacts).customer)
}

// drawDecisions draws decisions about the companies and contacts that are held.
func drawDecisions(t *testing.T, a *app, rnd *rand.Rand, n int) []canon.Decision {
	t.Helper()
	var keys []string
	for _, kind := range []canon.Kind{canon.KindCompany, canon.KindContact} {
		es, err := a.db.Nodes(t.Context(), kind, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			keys = append(keys, e.Entity.Key())
		}
	}
	some := func() string { return keys[rnd.IntN(len(keys))] }
	var out []canon.Decision
	for i := range n {
		d := canon.Decision{Author: "mia", Reason: "a test", At: asOf.Add(time.Duration(rnd.Int64N(1e15)))}
		switch rnd.IntN(6) {
		case 0, 1, 2:
			d.Kind, d.A, d.B = canon.DecideLink, some(), some()
		case 3:
			d.Kind, d.A, d.B = canon.DecideUnlink, some(), some()
		case 4:
			d.Kind, d.A = canon.DecideDetach, some()
		case 5:
			d.Kind, d.A, d.Field, d.Value = canon.DecidePin, some(), "name", fmt.Sprint("Pinned ", i)
		}
		if d.A != d.B {
			out = append(out, d.WithID())
		}
	}
	return out
}

// TestDryRunAgrees: trying the rules that hold says that nothing would change, whatever a customer is and whatever was
// decided; and taking all decisions back, in any order, leaves what there was.
func TestDryRunAgrees(t *testing.T) {
	companies := 25
	if slow {
		companies = 10
	}
	_, dir := play(t, companies)
	cfg, vs := connected(t, dir)
	pages := readAll(t, vs)
	for _, grain := range []string{identity.GrainCompany, identity.GrainPerson, identity.GrainGroup} {
		t.Run(grain, func(t *testing.T) {
			own := *cfg
			own.Identity.Grain = grain
			a := heldApp(t, &own, vs, filepath.Join(t.TempDir(), "held.db"))
			a.takeAll(t, pages)
			dryRunAgrees(t, a, rules(&own, vs))
		})
	}
}

func dryRunAgrees(t *testing.T, a *app, r *identity.Rules) {
	if c := dryRunOf(t, a, r); !c.Empty() {
		t.Errorf("of records alone: %+v", c)
	}
	before := customersOf(t, a.db)
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 1))
	var made []canon.Decision
	for range 3 {
		made = append(made, a.decideAll(t, drawDecisions(t, a, rnd, 12))...)
		if c := dryRunOf(t, a, r); !c.Empty() {
			t.Errorf("seed %d, after %d decisions: %+v", seed, len(made), c)
		}
	}
	if customersOf(t, a.db) == before {
		t.Errorf("seed %d: the decisions change nothing", seed)
	}
	rnd.Shuffle(len(made), func(i, j int) { made[i], made[j] = made[j], made[i] })
	var back []canon.Decision
	for i, d := range made {
		back = append(back, canon.Decision{Kind: canon.DecideRevoke, Revokes: d.ID, Author: "mia", At: asOf.Add(time.Duration(i) * time.Minute)}.WithID())
	}
	a.decideAll(t, back)
	differ(t, fmt.Sprintf("seed %d: all is taken back", seed), before, customersOf(t, a.db))

	other := *r
	other.GenericLimit, other.MaxMembers = 2, 2
	if c := dryRunOf(t, a, &other); c.Empty() {
		t.Error("other rules would change nothing")
	}
	differ(t, "a dry run changed something", before, customersOf(t, a.db))
}

// customersOf is everything about who is who.
func customersOf(t *testing.T, db *store.DB) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(stateOf(t, db)) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if v["members"] == nil {
			continue
		}
		delete(v, "assessment")
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(b, '\n'))
	}
	return out.String()
}

// TestDecideBesideRun decides while a hub runs on the data: it is that hub that applies it, within seconds.
func TestDecideBesideRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signal to stop a process gently with")
	}
	_, dir := play(t, 10)
	thaw(t, dir)
	cmd, _ := program(t.Context(), t, dir, "run")
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			_ = cmd.Process.Kill()
		}
	})
	lines := bufio.NewScanner(out)
	after(t, lines, "first round: ")
	db, err := store.Open(t.Context(), filepath.Join(dir, "hub-data", "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	page, err := db.Customers(t.Context(), canon.CustomerFilter{})
	if err != nil || len(page.Customers) < 2 {
		t.Fatalf("%d customers, %v", len(page.Customers), err)
	}
	a, b := page.Customers[0].ID, page.Customers[1].ID
	var linked, back decided
	decideAs(t, dir, &linked, "identity", "link", a, b, "--reason", "one firm", "--json")
	// One of the two is called by the other's id; on a busy machine the hub may take its time.
	for !means(t, db, a, b) && !means(t, db, b, a) {
		wait(t.Context(), 50*time.Millisecond)
	}
	decideAs(t, dir, &back, "identity", "revoke", linked.Decision.ID, "--json")
	for !means(t, db, a, a) || !means(t, db, b, b) {
		wait(t.Context(), 50*time.Millisecond)
	}
	decideAs(t, dir, &back, "identity", "revoke", linked.Decision.ID, "--json")
	if !back.Already {
		t.Errorf("revoked twice: %+v", back)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("run ended with %v", err)
	}
}

// means says whether an id means the customer of another id.
func means(t *testing.T, db *store.DB, id, customer string) bool {
	t.Helper()
	got, err := db.Resolve(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got == customer
}

// decideAs runs a command and reads its JSON.
func decideAs(t *testing.T, dir string, out *decided, args ...string) {
	t.Helper()
	cmd, _ := program(t.Context(), t, dir, args...)
	var stdout strings.Builder
	cmd.Stdout = &stdout
	if err := cmd.Run(); err != nil {
		t.Fatalf("hub %s: %v\n%s", strings.Join(args, " "), err, cmd.Stderr)
	}
	*out = decided{}
	if err := json.Unmarshal([]byte(stdout.String()), out); err != nil {
		t.Fatalf("%v in %s", err, &stdout)
	}
}

// TestConfigurationKnowsIdentity: what hub.yaml may name is what there is.
func TestConfigurationKnowsIdentity(t *testing.T) {
	wishes := []string{"opted_out", "do_not_contact", "consent_at"}
	want := append(identity.GoldenFields(canon.KindCompany), identity.GoldenFields(canon.KindContact)...)
	want = slices.DeleteFunc(want, func(name string) bool { return slices.Contains(wishes, name) })
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), config.GoldenFields()); diff != "" {
		t.Errorf("golden fields (-identity +config):\n%s", diff)
	}
	limits := []string{identity.LimitMail, identity.LimitDomain, identity.LimitVAT, identity.LimitRegistration}
	slices.Sort(limits)
	if diff := cmp.Diff(limits, config.LimitKinds()); diff != "" {
		t.Errorf("kinds of limits (-identity +config):\n%s", diff)
	}
	for _, d := range shipped().definitions() {
		if !slices.Contains(config.Categories(), d.Category) {
			t.Errorf("the category %q of %s is not known", d.Category, d.Name)
		}
	}
}

// rulesOf returns the rules of a configuration with a CRM, a billing system and the section identity.
func rulesOf(t *testing.T, section string) *identity.Rules {
	t.Helper()
	src := "connections:\n  - {name: crm, connector: hubspot, settings: {token: t}}\n  - {name: pay, connector: stripe, settings: {api_key: k}}\n" + section
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "hub.yaml"), []byte(src), nil)
	if err != nil {
		t.Fatal(err)
	}
	vs, err := openVendors(t.Context(), surroundings{cfg: cfg, log: newLog(os.Stderr, cfg.Log), known: shipped()})
	if err != nil {
		t.Fatal(err)
	}
	return rules(cfg, vs)
}

func TestRulesOfConfiguration(t *testing.T) {
	plain := rulesOf(t, "")
	if diff := cmp.Diff([]string{"crm", "pay"}, plain.SourceOrder); diff != "" {
		t.Errorf("source order (-want +got):\n%s", diff)
	}
	if single, told := plain.Single["pay/customers"]; single || !told {
		t.Error("a customer may not have two accounts at a billing system")
	}
	if diff := cmp.Diff(map[string]identity.System{"crm": {Connector: "hubspot", Category: "crm"}, "pay": {Connector: "stripe", Category: "billing"}}, plain.Survivorship.Systems); diff != "" {
		t.Errorf("systems (-want +got):\n%s", diff)
	}
	got := rulesOf(t, `identity:
  pack: person
  grain: group
  source_order: [pay]
  generic_limit: 9
  free_mail: [Mail.Example]
  own: [www.hub.example]
  agencies: [agency.example]
  single: {pay/customers: true}
  limits: {mail: {max: 3, window: 30d}}
  max_members: 40
  stale_after: 0s
  region: DE
  group_vats: [DE123456789]
  propose: 0.5
  auto: 0.9
  survivorship: {name: longest, tier: {sources: [crm], only: true, custom: {hubspot: tier}}}
`)
	person, _ := identity.Pack("person")
	want := person
	want.SourceOrder, want.GenericLimit, want.Grain = []string{"pay"}, 9, identity.GrainGroup
	want.FreeMail, want.Own, want.Agencies = []string{"mail.example"}, []string{"hub.example"}, append(slices.Clone(person.Agencies), "agency.example")
	want.Limits, want.MaxMembers, want.StaleAfter = map[string]identity.Limit{"mail": {Max: 3, Window: 720 * time.Hour}}, 40, -1
	want.Region, want.GroupVATs = "DE", []string{"DE123456789"}
	want.Matching.Propose, want.Matching.Auto = 0.5, 0.9
	want.Single, want.Survivorship = got.Single, got.Survivorship
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if !got.Single["pay/customers"] {
		t.Error("what hub.yaml says of a stream does not count")
	}
	fields := map[string]identity.Survival{"name": {Policy: identity.PolicyLongest}, "tier": {Sources: []string{"crm"}, Only: true, Custom: map[string]string{"hubspot": "tier"}}}
	if diff := cmp.Diff(fields, got.Survivorship.Fields); diff != "" {
		t.Errorf("survivorship (-want +got):\n%s", diff)
	}
	if plain.Version() == got.Version() {
		t.Error("other rules have the same version")
	}
}

func TestEvidenceKey(t *testing.T) {
	for text, want := range map[string]string{
		"acme.com": "dom:acme.com", "dom:www.Acme.com": "dom:acme.com", "domain acme.com": "dom:acme.com", "Info@Acme.com": "mail:info@acme.com", "email info@acme.com (not verified)": "mail:info@acme.com",
		"mail:info@acme.com": "mail:info@acme.com", "VAT id DE123456789": "vat:DE123456789", "vat DE 123 456 789": "vat:DE123456789", "vat:DE123456789": "vat:DE123456789",
		"": "", "nonsense": "", "company crm/companies/1": "", "vat x": "", "@": "",
	} {
		if got, err := evidenceKey(text, ""); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

// TestIdentityPagesAreRight: the rules that the pages show are read, and the commands are there.
func TestIdentityPagesAreRight(t *testing.T) {
	src := "connections:\n  - {name: hubspot, connector: hubspot}\n  - {name: xero, connector: xero}\n  - {name: zendesk, connector: zendesk}\n  - {name: stripe, connector: stripe}\n"
	cfg, err := config.Parse("hub.yaml", []byte(src), nil)
	if err != nil {
		t.Fatal(err)
	}
	root := (&cli{}).root()
	for _, name := range []string{"decide-who-is-who.md", "resolve-customers.md"} {
		page, err := os.ReadFile("../../docs/how-to/" + name)
		if err != nil {
			t.Fatal(err)
		}
		shown := regexp.MustCompile("(?s)```yaml\n(identity:.*?)```").FindAllSubmatch(page, -1)
		if len(shown) == 0 {
			t.Errorf("%s shows no rules", name)
		}
		for _, m := range shown {
			if _, err := config.ParseIdentity(name, m[1], cfg, nil); err != nil {
				t.Error(err)
			}
		}
		for _, m := range regexp.MustCompile(`hub identity ([a-z-]+)`).FindAllStringSubmatch(string(page), -1) {
			if c, _, err := root.Find([]string{"identity", m[1]}); err != nil || c.Name() != m[1] || c.Example == "" {
				t.Errorf("%s: hub identity %s: %v", name, m[1], err)
			}
		}
	}
}
