package console_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/console"
)

func fetch(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := console.New(console.Options{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestEveryPageIsDrawnAndNeedsNoInlineCode(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:|https?://`)
	for path, status := range map[string]int{
		"/customers": 200, "/customers/cu_1": 200, "/customers/crm%2Fcompanies%2F1": 200, "/connections": 200, "/deliveries": 200, "/review": 200,
		"/pushes": 200, "/deadletters": 200, "/login": 200, "/nowhere": 404, "/": 303,
	} {
		w := fetch(t, path)
		if w.Code != status {
			t.Errorf("%s: %d, want %d", path, w.Code, status)
		}
		if found := inline.FindString(w.Body.String()); found != "" && status != http.StatusSeeOther {
			t.Errorf("%s holds %q, which the content security policy refuses", path, found)
		}
	}
}

func TestTheFormEscapesWhereItLeads(t *testing.T) {
	w := fetch(t, `/login?failed=1&next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E`)
	if body := w.Body.String(); strings.Contains(body, "<script>alert") || !strings.Contains(body, "not the token") {
		t.Error(body)
	}
}

func TestAssetsMayBeKeptAndHaveTheirTypes(t *testing.T) {
	page := fetch(t, "/customers").Body.String()
	base := regexp.MustCompile(`/assets/[0-9a-f]{12}`).FindString(page)
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	n := 0
	err := filepath.WalkDir("assets", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		w := fetch(t, base+strings.TrimPrefix(filepath.ToSlash(p), "assets"))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != types[filepath.Ext(p)] || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", p, w.Code, w.Header())
		}
		return nil
	})
	if err != nil || n < 15 {
		t.Errorf("%d assets, %v", n, err)
	}
	if w := fetch(t, "/assets/000000000000/hub.css"); strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Error("an old address may be kept for ever")
	}
	for _, path := range []string{base + "/nothing.js", base + "/..%2fpages%2flogin.html", base + "/js"} {
		if w := fetch(t, path); w.Code == http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestScriptsNeverMakeMarkupOfText keeps the one promise that everything a vendor wrote relies on.
func TestScriptsNeverMakeMarkupOfText(t *testing.T) {
	risky := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|DOMParser|createContextualFragment|setHTML`)
	names, err := filepath.Glob("assets/js/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := risky.Find(content); found != nil {
			t.Errorf("%s uses %s", name, found)
		}
	}
}
