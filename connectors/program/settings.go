package program

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// settings are a connection's settings, read.
type settings struct {
	airbyte bool
	command []string
	config  []byte
	catalog string
	env     []string
	timeout time.Duration
	grace   time.Duration
	memory  uint64
	maxLine int
}

func wrong(name, format string, args ...any) error {
	return canon.Errorf("settings.invalid", "the setting %s %w", name, fmt.Errorf(format, args...)).
		WithHint("see hub connectors program for what the setting takes")
}

func parseSettings(s connectors.Settings, dir string) (settings, error) {
	var out settings
	switch s["protocol"] {
	case "singer", "airbyte":
		out.airbyte = s["protocol"] == "airbyte"
	default:
		return out, wrong("protocol", "is %q, want singer or airbyte", s["protocol"])
	}
	var err error
	if out.command, err = words(s["command"]); err != nil {
		return out, wrong("command", "%w", err)
	}
	if len(out.command) == 0 {
		return out, wrong("command", "is empty")
	}
	out.config = []byte(strings.TrimSpace(s["config"]))
	if len(out.config) == 0 {
		out.config = []byte("{}")
	}
	// The text is a secret, and a decoder's error would quote it.
	if !isObject(out.config) {
		return out, wrong("config", "is no JSON object")
	}
	if out.catalog = s["catalog"]; out.catalog != "" && !filepath.IsAbs(out.catalog) {
		out.catalog = filepath.Join(dir, out.catalog)
	}
	for _, name := range strings.FieldsFunc(s["env"], func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' }) {
		if v, ok := os.LookupEnv(name); ok {
			out.env = append(out.env, name+"="+v)
		}
	}
	return out, out.limits(s)
}

func (out *settings) limits(s connectors.Settings) error {
	for name, into := range map[string]*time.Duration{"timeout": &out.timeout, "grace": &out.grace} {
		d, err := time.ParseDuration(s[name])
		if err != nil || d <= 0 {
			return wrong(name, "is %q, want a duration such as 30m", s[name])
		}
		*into = d
	}
	mb, err := strconv.Atoi(s["max_line_mb"])
	if err != nil || mb < 1 || mb > 256 {
		return wrong("max_line_mb", "is %q, want 1 to 256", s["max_line_mb"])
	}
	out.maxLine = mb << 20
	if s["memory_mb"] == "" {
		return nil
	}
	memory, err := strconv.ParseUint(s["memory_mb"], 10, 32)
	if err != nil || memory == 0 {
		return wrong("memory_mb", "is %q, want a number of MB", s["memory_mb"])
	}
	if runtime.GOOS != "linux" {
		return wrong("memory_mb", "has no effect on %s: it needs Linux", runtime.GOOS)
	}
	out.memory = memory << 20
	return nil
}

func isObject(b []byte) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(b, &object) == nil && object != nil
}

// words splits a command as a shell would, without anything else that a shell does: quotes keep words
// together, a backslash takes the next character as it is.
func words(text string) ([]string, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "[") {
		var out []string
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			return nil, fmt.Errorf("is no JSON array of texts: %w", err)
		}
		return out, nil
	}
	var out []string
	var word strings.Builder
	var quote rune
	begun, escaped := false, false
	for _, r := range text {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '"' || r == '\'':
			quote, begun = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if begun {
				out = append(out, word.String())
				word.Reset()
			}
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("ends inside a quote")
	}
	if begun {
		out = append(out, word.String())
	}
	return out, nil
}

// stream is one stream with its options.
type stream struct {
	name string
	// source is the stream's name in the program.
	source, namespace string
	id                []string
	// cursor is the field by which the program tells what is new, mode how it reads: "", incremental, full
	// or log.
	cursor, mode string
	version      string
	page         int
	kinds        []canon.Kind
	guard        float64
}

const (
	defaultPage  = 500
	maxPage      = 10_000
	defaultGuard = 0.05
)

type option func(st *stream, value string) error

func options() map[string]option {
	return map[string]option{
		"stream":    func(st *stream, v string) error { st.source = v; return nil },
		"namespace": func(st *stream, v string) error { st.namespace = v; return nil },
		"id": func(st *stream, v string) error {
			st.id = strings.Split(v, "+")
			if slices.Contains(st.id, "") {
				return fmt.Errorf("is %q, want fields separated by +", v)
			}
			return nil
		},
		"cursor":  func(st *stream, v string) error { st.cursor = v; return nil },
		"version": func(st *stream, v string) error { st.version = v; return nil },
		"mode": func(st *stream, v string) error {
			st.mode = v
			if !slices.Contains([]string{"incremental", "full", "log"}, v) {
				return fmt.Errorf("is %q, want incremental, full or log", v)
			}
			return nil
		},
		"page": func(st *stream, v string) (err error) {
			if st.page, err = strconv.Atoi(v); err != nil || st.page < 1 || st.page > maxPage {
				return fmt.Errorf("is %q, want 1 to %d", v, maxPage)
			}
			return nil
		},
		"guard": func(st *stream, v string) (err error) {
			if st.guard, err = strconv.ParseFloat(v, 64); err != nil || !(st.guard >= 0 && st.guard <= 1) {
				return fmt.Errorf("is %q, want 0 to 1", v)
			}
			return nil
		},
		"kinds": func(st *stream, v string) error {
			for name := range strings.SplitSeq(v, ",") {
				kind := canon.Kind(strings.TrimSpace(name))
				if !slices.Contains(canon.Kinds(), kind) {
					return fmt.Errorf("has %q, want some of %v", name, canon.Kinds())
				}
				st.kinds = append(st.kinds, kind)
			}
			return nil
		},
	}
}

func parseStream(sc connectors.StreamConfig) (stream, error) {
	st := stream{name: sc.Name, source: sc.Name, page: defaultPage, guard: defaultGuard}
	known := options()
	for _, name := range slices.Sorted(maps.Keys(sc.Options)) {
		set, ok := known[name]
		if !ok {
			return stream{}, canon.Errorf("settings.invalid", "stream %s: there is no option %q", sc.Name, name).
				WithHint("the options are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if sc.Options[name] == "" {
			continue
		}
		if err := set(&st, sc.Options[name]); err != nil {
			return stream{}, canon.Errorf("settings.invalid", "stream %s: option %s %w", sc.Name, name, err).
				WithHint("see hub connectors program for what the option takes")
		}
	}
	return st, nil
}

func find(list []stream, name string) *stream {
	for i := range list {
		if list[i].name == name {
			return &list[i]
		}
	}
	return nil
}

// undeclared makes a stream of each that the program has, under names that can stand in hub.yaml.
func undeclared(found []source) []stream {
	var out []stream
	for _, src := range found {
		name := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
				return r
			}
			return '_'
		}, strings.ToLower(src.name))
		name = strings.TrimLeft(name, "_-")
		for n, base := 2, name; name == "" || find(out, name) != nil; n++ {
			name = fmt.Sprintf("%s_%d", base, n)
		}
		out = append(out, stream{name: name, source: src.name, namespace: src.namespace, page: defaultPage, guard: defaultGuard})
	}
	return out
}
