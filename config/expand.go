package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var variable = regexp.MustCompile(`\$\$|\$\{([^}]*)\}`)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} and ${NAME:-default} in a scalar, and $$ by a dollar sign. It works on the value
// after the YAML was parsed, so what a variable holds can never change the structure of the file. An unset
// variable without default is an error; an empty one takes the default where there is one.
func expand(text string, env Env) (string, error) {
	var failed error
	out := variable.ReplaceAllStringFunc(text, func(m string) string {
		if m == "$$" {
			return "$"
		}
		name, fallback, hasDefault := strings.Cut(m[2:len(m)-1], ":-")
		if !variableName.MatchString(name) {
			failed = fmt.Errorf("%q is not a variable's name", name)
			return ""
		}
		value, set := "", false
		if env != nil {
			value, set = env(name)
		}
		if !set {
			value = ""
		}
		switch {
		case value == "" && hasDefault:
			return fallback
		case !set:
			failed = fmt.Errorf("the variable %s is not set", name)
		}
		return value
	})
	return out, failed
}

// maxSecretFile bounds what is read for one file: value; a key or token is far smaller.
const maxSecretFile = 64 << 10

// secretFile returns the content of the file of a file: value without line ends at its end.
func secretFile(dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is not there", path)
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return "", fmt.Errorf("%s is not a file of at most 64 KiB", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
