package program

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

const (
	configFile = "config.json"
	// vaultName is what the program's configuration is kept under when it changed it.
	vaultName = "config"
	maxConfig = 1 << 20
	maxSaid   = 64 << 10
)

// kept is a configuration as the program changed it. It holds only for the setting that it was made from:
// who changes the setting means the new one.
type kept struct {
	Setting string          `json:"setting"`
	Config  json.RawMessage `json:"config"`
}

// load returns the configuration to start with. Another process may have kept a newer one meanwhile.
func (c *conn) load(ctx context.Context) ([]byte, error) {
	if c.vault != nil {
		b, err := c.vault.Load(ctx, vaultName)
		if err != nil {
			return nil, err
		}
		var k kept
		if b != nil && json.Unmarshal(b, &k) == nil && k.Setting == canon.Hash(c.set.config) && isObject(k.Config) {
			c.use(k.Config)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.config, nil
}

// save keeps a configuration that the program changed, and returns when it is durable.
func (c *conn) save(config []byte) error {
	if len(config) > maxConfig || !isObject(config) {
		return canon.Errorf("program.config", "the program changed its configuration to something that is no JSON object of less than %d bytes", maxConfig).
			WithHint("the configuration before is used on; if the program changed a token, it may have to be given a new one")
	}
	c.use(config)
	if c.vault == nil {
		return nil
	}
	b, err := json.Marshal(kept{Setting: canon.Hash(c.set.config), Config: config})
	if err != nil {
		return err
	}
	// What is rotated is lost if it is not kept, so nothing interrupts this.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return c.vault.Save(ctx, vaultName, b)
}

// readBack keeps what the program made of its configuration file.
func (p *process) readBack() error {
	if p.conn.set.airbyte {
		return nil // it tells by a message
	}
	name := filepath.Join(p.dir, configFile)
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil // removed by the program, so it has nothing to keep
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil || string(b) == string(p.config) {
		return err
	}
	return p.conn.save(b)
}

// use sets the configuration and learns its secrets, to keep them out of texts.
func (c *conn) use(config []byte) {
	var v any
	if json.Unmarshal(config, &v) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.config = slices.Clone(config)
	collect(v, func(s string) {
		quoted := strconv.Quote(s)
		for _, form := range []string{s, quoted[1 : len(quoted)-1], url.QueryEscape(s), base64.StdEncoding.EncodeToString([]byte(s))} {
			if !slices.Contains(c.secrets, form) {
				c.secrets = append(c.secrets, form)
			}
		}
	})
	// The longest first, as one may hold another.
	slices.SortStableFunc(c.secrets, func(a, b string) int { return len(b) - len(a) })
}

// shortSecret is the length below which redacting would hit ordinary words.
const shortSecret = 6

func collect(v any, add func(string)) {
	switch v := v.(type) {
	case string:
		// A key of several lines is told line by line.
		for _, part := range append(strings.Split(v, "\n"), v) {
			if len(part) >= shortSecret {
				add(part)
			}
		}
	case []any:
		for _, e := range v {
			collect(e, add)
		}
	case map[string]any:
		for _, e := range v {
			collect(e, add)
		}
	}
}

// redact takes every text of the configuration out of what the program says.
func (c *conn) redact(text string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.secrets {
		text = strings.ReplaceAll(text, s, "[redacted]")
	}
	return text
}

// tail keeps the last lines of standard error.
type tail struct {
	redact func(string) string
	mu     sync.Mutex
	lines  []string
}

const (
	tailLines = 12
	tailWidth = 400
)

// add keeps a line and returns it as it may be shown.
func (t *tail) add(text string) string {
	text = clip(t.redact(strings.ToValidUTF8(text, "\ufffd")), tailWidth)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == tailLines {
		t.lines = t.lines[1:]
	}
	t.lines = append(t.lines, text)
	return text
}

// quote returns what was said last, for the end of a sentence.
func (t *tail) quote() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == 0 {
		return ""
	}
	return "; it said: " + strings.Join(t.lines, " | ")
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
