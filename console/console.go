// Package console holds Hub's web console: the pages, the one style sheet and the small scripts that fill
// the pages from the REST API, all embedded.
//
// It knows no data and no secrets. Who may see a page, the API behind it and the security headers are its
// caller's business.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
)

//go:embed assets pages
var files embed.FS

// Options is what the pages show that the API does not tell.
type Options struct {
	// Version is Hub's own version, shown in the corner.
	Version string
}

// page is what a template may say. Everything else comes from the API.
type page struct {
	Title, Active, Script, Base, Version, Next string
	Failed                                     bool
	Nav                                        []link
	Preload                                    []string
	// Rows is as many as the placeholders that stand where rows will be.
	Rows []struct{}
}

type link struct{ Path, Title, Icon, Count string }

type console struct {
	templates *template.Template
	base      string
	version   string
	preload   []string
}

// New returns the handler of the pages, of /assets/ and of the form at /login, which posts to /login.
func New(o Options) (http.Handler, error) {
	templates, err := template.ParseFS(files, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("console: parse pages: %w", err)
	}
	sum, err := fingerprint()
	if err != nil {
		return nil, fmt.Errorf("console: read assets: %w", err)
	}
	c := &console{templates: templates, base: "/assets/" + sum, version: o.Version}
	for _, name := range []string{"dom", "format", "http", "icons", "live", "parts", "shell"} {
		c.preload = append(c.preload, c.base+"/js/"+name+".js")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/customers", http.StatusSeeOther)
	})
	for _, p := range []struct{ pattern, name, active, title string }{
		{"GET /customers", "customers", "/customers", "Customers"},
		{"GET /customers/{id}", "customer", "/customers", "Customer"},
		{"GET /review", "review", "/review", "Review"},
		{"GET /connections", "connections", "/connections", "Connections"},
		{"GET /deliveries", "deliveries", "/deliveries", "Deliveries"},
		{"GET /pushes", "pushes", "/pushes", "Write-back"},
		{"GET /deadletters", "deadletters", "/deadletters", "Dead letters"},
	} {
		mux.HandleFunc(p.pattern, func(w http.ResponseWriter, _ *http.Request) {
			c.render(w, http.StatusOK, p.name, page{Title: p.title, Active: p.active, Script: p.name})
		})
	}
	mux.HandleFunc("GET /login", c.login)
	mux.HandleFunc("GET /assets/{sum}/{file...}", c.asset)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		c.render(w, http.StatusNotFound, "missing", page{Title: "No such page", Script: "shell"})
	})
	return mux, nil
}

func (c *console) login(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c.render(w, http.StatusOK, "login", page{Title: "Sign in", Failed: q.Has("failed"), Next: q.Get("next")})
}

func (c *console) render(w http.ResponseWriter, status int, name string, p page) {
	p.Base, p.Version, p.Preload, p.Rows = c.base, c.version, c.preload, make([]struct{}, 12)
	p.Nav = []link{
		{"/customers", "Customers", "people", ""},
		{"/review", "Review", "pair", "review"},
		{"/connections", "Connections", "plug", "failed"},
		{"/deliveries", "Deliveries", "send", "dead"},
		{"/pushes", "Write-back", "pencil", "conflict"},
		{"/deadletters", "Dead letters", "inbox", "letters"},
	}
	var out bytes.Buffer
	if err := c.templates.ExecuteTemplate(&out, name+".html", p); err != nil {
		http.Error(w, "This page could not be drawn.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w)
}

// asset serves a file under an address that changes with its content, so that a browser may keep it.
func (c *console) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	content, err := files.ReadFile(path.Join("assets", path.Clean("/"+name)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mediaType(name))
	w.Header().Set("Cache-Control", "no-cache")
	if "/assets/"+r.PathValue("sum") == c.base {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(content)
}

// mediaType does not trust the machine's own table for scripts: some call them text/plain, and a browser
// then refuses them.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// fingerprint is derived from the names and content of all assets.
func fingerprint() (string, error) {
	var names []string
	err := fs.WalkDir(files, "assets", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, p)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	slices.Sort(names)
	h := sha256.New()
	for _, n := range names {
		content, err := files.ReadFile(n)
		if err != nil {
			return "", err
		}
		h.Write([]byte(strings.Join([]string{n, string(content), ""}, "\x00")))
	}
	return hex.EncodeToString(h.Sum(nil)[:6]), nil
}
