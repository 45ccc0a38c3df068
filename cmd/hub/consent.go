package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// consenting is one round trip of a person's browser to the vendor and back.
type consenting struct {
	facts           connectors.OAuth
	state, verifier string
	redirect        *url.URL
}

// exchanger trades the code that a consent brings for a token.
type exchanger interface {
	Exchange(ctx context.Context, code rest.Code) error
}

// consent lets a person consent at the vendor, where the connection needs that and has no token that serves.
func (p *connecting) consent(ctx context.Context, conf config.Connection) error {
	conn, err := p.open(ctx, conf, p.standIns(conf))
	if err != nil {
		return err
	}
	err = p.consentBy(ctx, conn)
	return errors.Join(err, conn.Close())
}

// standIns take the place of settings that only the consent tells, such as a company's id.
func (p *connecting) standIns(conf config.Connection) connectors.Settings {
	out := connectors.Settings{}
	for _, s := range p.def.Settings {
		if s.Required && !s.Secret && strings.HasSuffix(s.Name, "_id") && conf.Settings[s.Name].Reveal() == "" {
			out[s.Name] = "0"
		}
	}
	return out
}

func (p *connecting) consentBy(ctx context.Context, conn connectors.Conn) error {
	o, ok := conn.(connectors.Connectable)
	if !ok {
		return nil
	}
	facts, ok := o.OAuth()
	if !ok {
		return nil
	}
	trade, ok := conn.(exchanger)
	if !ok {
		return canon.Errorf("connect.oauth", "%s cannot be connected by consent", p.def.Title).WithHint("put a token into the connection's settings")
	}
	if _, there, err := rest.GrantOf(ctx, p.vault); err == nil && there && !p.again && conn.Check(ctx) == nil {
		fmt.Fprintln(p.err, "there is a token that serves; --again asks for consent anew")
		return nil
	}
	c := consenting{facts: facts, state: rand.Text()}
	if facts.PKCE {
		c.verifier = rand.Text() + rand.Text()
	}
	back, err := p.wayBack(ctx, &c)
	if err != nil {
		return err
	}
	code, err := c.code(back)
	if err != nil {
		return err
	}
	p.told(back)
	if err := trade.Exchange(ctx, rest.Code{Code: code, RedirectURI: c.redirect.String(), Verifier: c.verifier}); err != nil {
		return err
	}
	// A code serves once: what was typed must not have to be typed again where the check fails.
	return p.keep(ctx)
}

// told takes from the redirect the settings that it tells, such as the company's id.
func (p *connecting) told(back url.Values) {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for _, name := range slices.Sorted(maps.Keys(back)) {
		for _, s := range p.def.Settings {
			if !s.Secret && strings.HasSuffix(s.Name, "_id") && s.Name != "client_id" && plain(s.Name) == plain(name) && p.kept[s.Name]+p.given[s.Name] == "" {
				p.given[s.Name] = bounded(back.Get(name))
				fmt.Fprintf(p.err, "the vendor says %s: %s\n", s.Title, p.given[s.Name])
			}
		}
	}
}

// address is where the person consents.
func (c *consenting) address() (string, error) {
	u, err := url.Parse(c.facts.AuthorizeURL)
	if err != nil || u.Host == "" {
		return "", canon.Errorf("connect.oauth", "the connector names no address to consent at").WithHint("check authorize_url in the connector, and the setting it is made of")
	}
	q := u.Query()
	q.Set("response_type", "code")
	q.Set("client_id", c.facts.ClientID)
	q.Set("redirect_uri", c.redirect.String())
	q.Set("state", c.state)
	if len(c.facts.Scopes) > 0 {
		q.Set("scope", strings.Join(c.facts.Scopes, " "))
	}
	if c.verifier != "" {
		sum := sha256.Sum256([]byte(c.verifier))
		q.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
		q.Set("code_challenge_method", "S256")
	}
	for k, v := range c.facts.Params {
		q.Set(k, v)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// mine says whether what came back belongs to this consent.
func (c *consenting) mine(back url.Values) bool {
	return subtle.ConstantTimeCompare([]byte(back.Get("state")), []byte(c.state)) == 1
}

// code reads what the vendor sent the browser back with.
func (c *consenting) code(back url.Values) (string, error) {
	switch {
	case !c.mine(back):
		return "", canon.Errorf("connect.state", "the address is not the answer to this consent").WithHint("take the address from the browser that opened the link just printed, whole")
	case back.Get("error") != "":
		return "", canon.Errorf("connect.refused", "the vendor sent the browser back without consent: %s", bounded(strings.TrimSpace(back.Get("error")+" "+back.Get("error_description")))).
			WithHint("access_denied means that the person said no; anything else points to the app's settings at the vendor")
	case back.Get("code") == "":
		return "", canon.Errorf("connect.code", "the vendor sent the browser back without a code").WithHint("check that the app allows the authorization code grant")
	}
	return back.Get("code"), nil
}

// bounded shortens what others wrote, and leaves out what a terminal would obey.
func bounded(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

// wayBack prints where to consent, and returns what the vendor sent the browser back with.
func (p *connecting) wayBack(ctx context.Context, c *consenting) (url.Values, error) {
	c.redirect = &url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)), Path: "/callback"}
	if p.redirect != "" {
		u, err := url.Parse(p.redirect)
		if err != nil || u.Host == "" || u.Fragment != "" {
			return nil, canon.Errorf("usage", "--redirect is no address").WithHint("write it as it is registered at the vendor, as in http://127.0.0.1:8765/callback")
		}
		c.redirect = u
	}
	if p.noListen {
		return p.pasted(c)
	}
	host := c.redirect.Hostname()
	if ip := net.ParseIP(host); c.redirect.Scheme != "http" || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, canon.Errorf("usage", "Hub cannot wait at %s: it listens on this machine alone", c.redirect.Host).WithHint("add --no-listen, and paste the address that the browser ends at")
	}
	if p.redirect != "" && c.redirect.Port() == "" {
		c.redirect.Host = net.JoinHostPort(host, "80")
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.redirect.Host)
	if err != nil {
		return nil, canon.Errorf("connect.listen", "Hub cannot wait for the browser at %s: %w", c.redirect.Host, err).WithHint("choose another port by --port, or use --no-listen")
	}
	if p.redirect == "" {
		c.redirect.Host = l.Addr().String()
	}
	return p.awaited(ctx, c, l)
}

// show prints the address to consent at.
func (p *connecting) show(c *consenting) error {
	address, err := c.address()
	if err != nil {
		return err
	}
	w := p.out
	if p.json {
		w = p.err
	}
	fmt.Fprintf(w, "open this address in a browser and consent:\n%s\n", address)
	return nil
}

func (p *connecting) pasted(c *consenting) (url.Values, error) {
	if err := p.show(c); err != nil {
		return nil, err
	}
	fmt.Fprint(p.err, "then paste the address that the browser ended at: ")
	line, err := p.line()
	if line == "" {
		return nil, canon.Errorf("connect.code", "no address was pasted (%v)", err).WithHint("the browser's address bar shows it, also where the page cannot be reached")
	}
	u, err := url.Parse(line)
	if err != nil {
		return nil, canon.Errorf("connect.code", "what was pasted is no address").WithHint("paste all of it, beginning with http")
	}
	return u.Query(), nil
}

// awaited serves the redirect address until the browser came back.
func (p *connecting) awaited(ctx context.Context, c *consenting, l net.Listener) (url.Values, error) {
	came := make(chan url.Values, 1)
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != cmp.Or(c.redirect.Path, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Referrer-Policy", "no-referrer")
		back := r.URL.Query()
		if !c.mine(back) {
			// Whoever asks without the state is not the browser that was sent: it must not end the waiting.
			http.Error(w, "This is not the answer that Hub waits for.", http.StatusBadRequest)
			return
		}
		select {
		case came <- back:
		default:
		}
		fmt.Fprintln(w, "Hub has the vendor's answer. You can close this window.")
	})
	srv := &http.Server{Handler: page, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	err := p.show(c)
	var back url.Values
	if err == nil {
		late := time.NewTimer(p.patience)
		defer late.Stop()
		select {
		case back = <-came:
		case err = <-ended:
			ended <- http.ErrServerClosed
		case <-ctx.Done():
			err = ctx.Err()
		case <-late.C:
			err = canon.Errorf("connect.late", "the browser did not come back within %s", p.patience).WithHint("begin again; --no-listen helps where the browser is on another machine")
		}
	}
	// The page that says so is to reach the browser.
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer stop()
	if serr := srv.Shutdown(end); serr != nil {
		err = errors.Join(err, srv.Close())
	}
	if serr := <-ended; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return back, err
}
