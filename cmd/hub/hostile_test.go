package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/sandbox"
	"github.com/lifecyclehub/hub/store"
)

// hostileVendors are the vendors that do their worst.
func hostileVendors() []string {
	return []string{sandbox.VendorHubSpot, sandbox.VendorStripe, sandbox.VendorZendesk, sandbox.VendorSalesforce}
}

// TestHostileWorld runs real hub syncs against four vendors that do their worst, for each seed, kills every fourth
// run's processes without warning, and wants that in the end the raw store holds the vendors' worlds, record by
// record. HUB_SEEDS says how many seeds.
func TestHostileWorld(t *testing.T) {
	n := 3
	if text := os.Getenv("HUB_SEEDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("HUB_SEEDS is %q", text)
		}
	}
	if slow || testing.Short() {
		n = 1
	}
	for i := range n {
		// With few seeds, the last kinds come first: those that are killed.
		seed := int64(3 - i)
		if i > 3 {
			seed = int64(i)
		}
		t.Run(strconv.FormatInt(seed, 10), func(t *testing.T) {
			t.Parallel()
			playHostile(t, seed)
		})
	}
}

// besieged is a hub in a folder, with hostile vendors.
type besieged struct {
	t       *testing.T
	dir     string
	vendors map[string]*sandbox.Hostile
	dice    *rand.Rand
	kills   int
	syncs   int
	failed  int
	last    time.Duration
}

func playHostile(t *testing.T, seed int64) {
	world := sandbox.NewWorld(sandbox.Options{Seed: seed, Companies: 20, Now: time.Now()})
	b := &besieged{t: t, dir: t.TempDir(), vendors: map[string]*sandbox.Hostile{}, dice: rand.New(rand.NewPCG(uint64(seed), 1)), last: 3 * time.Second}
	yaml := "data_dir: hub-data\nconnections:\n"
	for _, name := range hostileVendors() {
		h := world.Hostile(name, seed)
		h.Brief()
		h.Follow(time.Now)
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		b.vendors[name] = h
		yaml += connection(name, server.URL, h.OAuth())
	}
	if err := os.WriteFile(filepath.Join(b.dir, "hub.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for range 1 + b.dice.IntN(3) {
			for _, name := range hostileVendors() {
				b.vendors[name].Step(time.Now())
			}
		}
		if seed%4 == 3 {
			b.killed()
		}
		b.sync()
	}
	for _, h := range b.vendors {
		h.Settle()
	}
	// What the vendors hide comes to light.
	if !wait(t.Context(), 2500*time.Millisecond) {
		t.Fatal(t.Context().Err())
	}
	for tries := 0; !b.sync(); tries++ {
		if tries == 4 {
			t.Fatal("hub sync does not succeed although the vendors are well")
		}
	}
	records := b.compare()
	t.Logf("seed %d: %d records are as in the world; %d syncs, %d failed, %d killed", seed, records, b.syncs, b.failed, b.kills)
}

// connection is a vendor's part of hub.yaml.
func connection(name, url string, oauth *sandbox.OAuthServer) string {
	address, credential, more := "base_url", "", ""
	switch name {
	case sandbox.VendorHubSpot:
		credential, more = "token: "+sandbox.HubSpotToken, `, requests_per_10s: "20000"`
	case sandbox.VendorStripe:
		credential = "api_key: " + sandbox.StripeKey
	case sandbox.VendorZendesk:
		credential, more = "token: "+sandbox.ZendeskToken, `, exports_per_minute: "6000"`
	case sandbox.VendorSalesforce:
		address, credential = "instance_url", "token: \""+sandbox.SalesforceToken+"\""
		more = `, page_size: "200", requests_per_second: "1000", bulk_above: never`
	}
	if oauth != nil {
		credential = fmt.Sprintf("client_id: %s, client_secret: %s, refresh_token: %s", sandbox.OAuthClientID, sandbox.OAuthClientSecret, oauth.Consent())
		if name == sandbox.VendorSalesforce {
			address = "login_url"
		}
	}
	return fmt.Sprintf("  - {name: %s, connector: %s, settings: {%s: \"%s\", %s%s}}\n", name, name, address, url, credential, more)
}

// sync runs hub sync and reports whether every stream was read. A vendor may well win a round.
func (b *besieged) sync() bool {
	b.t.Helper()
	start := time.Now()
	cmd, out := program(b.t.Context(), b.t, b.dir, "sync", "--json")
	err := cmd.Run()
	b.syncs++
	b.last = time.Since(start)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() < 0 || strings.Contains(out.String(), "panic:")) {
		b.t.Fatalf("hub sync: %v\n%s", err, out)
	}
	if err != nil {
		b.failed++
		b.t.Logf("hub sync: %v: %.600s", err, strings.TrimSpace(out.String()))
	}
	return err == nil
}

// killed runs hub sync and kills it without warning after a while, some times.
func (b *besieged) killed() {
	for range 1 + b.dice.IntN(3) {
		cmd, out := program(b.t.Context(), b.t, b.dir, "sync", "--json")
		if err := cmd.Start(); err != nil {
			b.t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				b.t.Logf("a run that was to be killed failed before: %v: %.300s", err, out)
			}
		case <-time.After(time.Duration(b.dice.Float64() * float64(b.last))):
			if err := cmd.Process.Kill(); err != nil {
				b.t.Fatal(err)
			}
			<-ended
			b.kills++
		}
	}
}

// compare holds the raw store against the worlds.
func (b *besieged) compare() int {
	b.t.Helper()
	db, err := store.Open(b.t.Context(), filepath.Join(b.dir, "hub-data", "hub.db"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			b.t.Error(err)
		}
	}()
	compared := 0
	for name, h := range b.vendors {
		for stream, truth := range h.Final() {
			held := b.rawRecords(db, name, stream)
			for id, want := range truth {
				rec, known := held[id]
				switch {
				case want.JSON == nil && known && !rec.Deleted:
					b.t.Errorf("%s/%s/%s is gone, and held as alive", name, stream, id)
				case want.JSON == nil:
				case !known || rec.Deleted:
					b.t.Errorf("%s/%s/%s is missing (known %t, %s, version %d)", name, stream, id, known, rec.Reason, rec.Version)
				default:
					if w, g := sandbox.Plain(name, want.JSON, false), sandbox.Plain(name, rec.Raw, false); w != g {
						b.t.Errorf("%s/%s/%s is another:\n want %.1500s\n have %.1500s", name, stream, id, w, g)
					}
					compared++
				}
			}
			for id, rec := range held {
				if _, there := truth[id]; !there && !rec.Deleted {
					b.t.Errorf("%s/%s/%s is not in the world, and held as alive", name, stream, id)
				}
			}
		}
	}
	return compared
}

// rawRecords returns the newest version of every record of a stream as it is stored.
func (b *besieged) rawRecords(db *store.DB, connection, stream string) map[string]canon.Record {
	b.t.Helper()
	out := map[string]canon.Record{}
	err := db.InTx(b.t.Context(), time.Now(), func(tx *store.Tx) error {
		for after := int64(0); ; {
			held, err := tx.RecordsFrom(b.t.Context(), connection, stream, after, 500)
			if err != nil || len(held) == 0 {
				return err
			}
			for _, h := range held {
				versions, err := tx.Versions(b.t.Context(), h)
				if err != nil {
					return err
				}
				if len(versions) > 0 {
					out[h.Ref.ID] = versions[len(versions)-1]
				}
				after = h.Row
			}
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}
