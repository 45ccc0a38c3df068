package console_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/console"
)

const token = "console-test-token-01"

// patience is how long a page may take on a busy machine.
const patience = 20 * time.Second

// serve puts a world behind the real API and console.
func serve(t *testing.T, w *world) *httptest.Server {
	t.Helper()
	pages, err := console.New(console.Options{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	h, err := api.New(api.Options{
		Reader: w, Identity: w, Live: w, Console: pages, Token: token, Version: "1.2.3", Stages: stages, Flows: w.flows, Log: slog.New(slog.DiscardHandler),
		Connectors: []connectors.Definition{{Name: "hubspot", Title: "HubSpot", Category: "crm"}, {Name: "stripe", Title: "Stripe", Category: "billing"}, {Name: "zendesk", Title: "Zendesk", Category: "support"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	w.cut = server.CloseClientConnections
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

// browser starts a headless Chromium that ends with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := os.Getenv("HUB_TEST_CHROMIUM")
	if path == "" {
		var err error
		if path, err = exec.LookPath("chromium"); err != nil {
			t.Skip("THE CONSOLE IS NOT TESTED: there is no chromium; install one or set HUB_TEST_CHROMIUM")
		}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	return ctx
}

// tab is one page of the browser that watches what goes wrong in it.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
	mu   sync.Mutex
	// wrong is what the page complained of: exceptions, refused scripts, failed requests.
	wrong []string
}

func open(t *testing.T, ctx context.Context, base, path string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx, base: base}
	// The first call opens the tab, which then lives as long as the context of that call.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.EmulateViewport(1280, 900))
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.wrong = append(p.wrong, m.String())
			p.mu.Unlock()
		}
	}()
	p.visit(path + "?token=" + token)
	return p
}

func (p *tab) visit(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.base + path))
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// until waits for an expression to be true.
func (p *tab) until(what string) {
	p.t.Helper()
	script := fmt.Sprintf(`new Promise((done) => {
		const end = Date.now() + %d;
		const look = () => { let ok = false; try { ok = Boolean(%s) } catch {} ; ok || Date.now() > end ? done(ok) : setTimeout(look, 15) };
		look();
	})`, patience.Milliseconds(), what)
	ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
	if err != nil && strings.Contains(err.Error(), "navigated") {
		// The page that was asked went away for the next one; that one is meant.
		ok, err = chromedp.Run(p.ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
	}
	if err != nil || !ok {
		p.t.Fatalf("never true: %s (%v)\n%s\ncomplaints: %v", what, err, short(p.text("main")), p.complaints())
	}
}

func short(s string) string { return s[:min(len(s), 600)] }

func eval[T any](p *tab, script string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
	return v
}

func (p *tab) text(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

func (p *tab) complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.wrong...)
}

// fine fails where the page complained of anything but what is expected, or where anything that a vendor wrote
// has run.
func (p *tab) fine(expected ...string) {
	p.t.Helper()
	for _, c := range p.complaints() {
		if !slices.ContainsFunc(expected, func(e string) bool { return strings.Contains(c, e) }) {
			p.t.Errorf("the page complains: %s", c)
		}
	}
	if eval[bool](p, "window.hacked === 1") {
		p.t.Error("markup of a record has run")
	}
}

// shoot saves a picture where HUB_SCREENSHOTS names a folder.
func (p *tab) shoot(name string) {
	p.t.Helper()
	dir := os.Getenv("HUB_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644)
	}
	if err != nil {
		p.t.Error(err)
	}
}

// dark makes the page believe in a dark desktop, or not.
func (p *tab) dark(on bool) {
	p.t.Helper()
	scheme := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: "light"}
	if on {
		scheme.Value = "dark"
	}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{scheme}}); err != nil {
		p.t.Fatal(err)
	}
}
