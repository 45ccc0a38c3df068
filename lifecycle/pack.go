package lifecycle

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

//go:embed packs/*.yaml
var packFiles embed.FS

// DefaultPack is the pack that holds where a configuration names none.
const DefaultPack = "cyclic-saas"

const stagesPrefix = "stages-"

// packParts are the files of which a pack is made, in their order; all but the stages are shared.
var packParts = [...]string{"head", "parameters", "metrics", stagesPrefix, "flags", "scorecards", "verdicts", "plays"}

// Packs lists the names of the shipped policies, the default first.
func Packs() []string {
	out := []string{DefaultPack}
	entries, err := packFiles.ReadDir("packs")
	if err != nil {
		panic("lifecycle: the embedded packs cannot be read: " + err.Error())
	}
	for _, e := range entries {
		name, found := strings.CutPrefix(strings.TrimSuffix(e.Name(), ".yaml"), stagesPrefix)
		if found && name != DefaultPack {
			out = append(out, name)
		}
	}
	return out
}

// PackYAML returns a shipped policy as a file: its stages and flags, and what all packs share.
func PackYAML(name string) ([]byte, error) {
	if !slices.Contains(Packs(), name) {
		return nil, canon.Errorf("policy.pack_unknown", "there is no lifecycle pack %q", name).WithHint("the packs are %s", strings.Join(Packs(), ", "))
	}
	stages, err := packFiles.ReadFile("packs/" + stagesPrefix + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("the embedded pack %s cannot be read: %w", name, err)
	}
	// The first line of a pack's stages is a comment with the summary of the whole.
	first, stages, _ := bytes.Cut(stages, []byte("\n"))
	summary := bytes.TrimPrefix(first, []byte("# summary: "))
	var b bytes.Buffer
	for _, part := range packParts {
		src := stages
		if part != stagesPrefix {
			if src, err = packFiles.ReadFile("packs/" + part + ".yaml"); err != nil {
				continue // not every part exists
			}
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		src = bytes.ReplaceAll(src, []byte("PACK"), []byte(name))
		b.Write(bytes.ReplaceAll(src, []byte("SUMMARY"), summary))
	}
	return b.Bytes(), nil
}

// Pack returns a shipped policy.
func Pack(name string) (*Policy, error) {
	src, err := PackYAML(name)
	if err != nil {
		return nil, err
	}
	return Parse(name+".yaml", src)
}

// Default returns the shipped policy that holds where a configuration names none.
func Default() *Policy {
	p, err := Pack(DefaultPack)
	if err != nil {
		panic("lifecycle: the embedded policy does not parse: " + err.Error())
	}
	return p
}
