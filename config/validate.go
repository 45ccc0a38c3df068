package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
)

var slug = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// validate holds the values against the rules of the validate tags, and names against each other.
func (d *decoder) validate(cfg *Config) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("yaml") })
	if err := v.RegisterValidation("slug", func(f validator.FieldLevel) bool { return slug.MatchString(f.Field().String()) }); err != nil {
		panic(err) // only an empty name or a nil function can fail
	}
	if err := v.RegisterValidation("policy", func(f validator.FieldLevel) bool { return isPolicy(f.Field().String()) }); err != nil {
		panic(err)
	}
	if err := v.RegisterValidation("listen", func(f validator.FieldLevel) bool { return isListen(f.Field().String()) }); err != nil {
		panic(err)
	}
	if err := v.RegisterValidation("uri_reference", func(f validator.FieldLevel) bool { return isReference(f.Field().String()) }); err != nil {
		panic(err)
	}
	// Secret marshals as "[redacted]"; rules such as min must see the text.
	v.RegisterCustomTypeFunc(func(f reflect.Value) any { return f.String() }, Secret(""))
	var faults validator.ValidationErrors
	if err := v.Struct(cfg); errors.As(err, &faults) {
		for _, f := range faults {
			d.fault(f)
		}
	}
	d.references(cfg)
}

func (d *decoder) fault(f validator.FieldError) {
	_, path, _ := strings.Cut(f.Namespace(), ".")
	what, hint := sentence(f)
	d.complain(d.placeFor(path), path, hint, "%s %s", path, what)
}

// placeFor returns where path stands, or, where the file does not have it, the nearest thing around it.
func (d *decoder) placeFor(path string) place {
	for {
		if at, ok := d.at[path]; ok {
			return at
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return d.at[""]
		}
		path = path[:cut]
	}
}

// find returns the file and the place of a path, as placeFor does.
func (d *decoder) find(path string) (file string, line, column int) {
	at := d.placeFor(path)
	return d.file, at.line, at.column
}

func sentence(f validator.FieldError) (what, hint string) {
	switch f.Tag() {
	case "required":
		return "is missing", "add " + f.Field() + ": with a value"
	case "slug":
		return "is not a short name", "use a-z, 0-9, - and _, at most 63, beginning with a letter or digit"
	case "oneof":
		return "has an unknown value", "write one of: " + strings.ReplaceAll(f.Param(), " ", ", ")
	case "unique":
		return "names something twice", "give each entry a name of its own"
	case "http_url":
		return "is not a web address", "write it whole: https://example.com/path"
	case "uri_reference":
		return "is not a URI reference", "write it as https://hub.example.com or /hub, without spaces"
	case "listen":
		return "is not an address to listen on", "write host:port, such as 127.0.0.1:8420"
	case "cidr":
		return "is not a network", "write it as address/bits, such as 10.0.0.0/8"
	case "fqdn|email":
		return "is neither a domain nor an address", "write agency.example, or ana@agency.example"
	case "iso3166_1_alpha2":
		return "is not a country", "write its two letters, such as DE or US"
	case "fqdn":
		return "is not a domain", "write it without @ and https://, such as example.com"
	case "policy":
		return "names a file that is not there", "check the path, which is relative to hub.yaml, or name a pack, such as cyclic-saas"
	case "file":
		return "names a file that is not there", "check the path; relative paths are relative to hub.yaml"
	case "min", "gte":
		if f.Kind() == reflect.Slice {
			return "has too few entries", "write at least " + f.Param()
		}
		return "is too small", "write at least " + bound(f)
	case "max", "lte":
		if f.Kind() == reflect.Slice {
			return "has too many entries", "write at most " + f.Param()
		}
		return "is too large", "write at most " + bound(f)
	}
	return "breaks the rule " + f.Tag(), "see the documentation of hub.yaml"
}

func bound(f validator.FieldError) string {
	switch {
	case f.Type() == reflect.TypeFor[time.Duration]():
		if dur, err := time.ParseDuration(f.Param() + "ns"); err == nil {
			return dur.String()
		}
	case f.Type() == reflect.TypeFor[Size]():
		return f.Param() + " bytes"
	case f.Kind() == reflect.String:
		return f.Param() + " characters"
	}
	return f.Param()
}

// isPolicy says whether text may be a lifecycle pack's name or is a file's.
func isPolicy(text string) bool {
	if slug.MatchString(text) {
		return true
	}
	info, err := os.Stat(text)
	return err == nil && !info.IsDir()
}

// isReference says whether text is a URI or a relative reference, spelled as it goes over the wire.
func isReference(text string) bool {
	_, err := url.Parse(text)
	return err == nil && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", r) })
}

// references checks names that point to connections of the same file.
func (d *decoder) references(cfg *Config) {
	names := make([]string, len(cfg.Connections))
	for i, c := range cfg.Connections {
		names[i] = c.Name
		streams := make([]string, len(c.Streams))
		for j, s := range c.Streams {
			streams[j] = s.Name
		}
		d.unique(fmt.Sprintf("connections[%d].streams", i), streams)
	}
	d.unique("connections", names)
	endpoints := make([]string, len(cfg.Webhooks))
	for i, w := range cfg.Webhooks {
		endpoints[i] = w.Name
	}
	d.unique("webhooks", endpoints)
	d.identity(cfg, names)
}

// unique complains about every entry whose name an earlier entry of the list has.
func (d *decoder) unique(list string, names []string) {
	for i, name := range names {
		if first := slices.Index(names, name); name != "" && first < i {
			path := fmt.Sprintf("%s[%d].name", list, i)
			d.complain(d.placeFor(path), path, "give each entry a name of its own", "%s: %q is the name of %s[%d] already", path, name, list, first)
		}
	}
}

// isListen reports whether s is host:port to listen on. Port 0 takes any that is free.
func isListen(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n <= 65535
}
