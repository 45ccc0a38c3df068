package airbyte

import (
	"strconv"
	"strings"
)

const refKey = "$ref"

// resolver replaces references: strings that begin with #/, and dicts with a $ref, whose own keys win over those
// of what they refer to.
type resolver struct {
	file  string
	top   *dict
	done  map[string]any
	open  map[string]bool
	nodes int
}

func resolve(file string, top *dict) (*dict, error) {
	r := &resolver{file: file, top: top, done: map[string]any{}, open: map[string]bool{}}
	v, err := r.value(top, top, 0)
	if err != nil {
		return nil, err
	}
	d, ok := v.(*dict)
	if !ok {
		return nil, complaint(file, top, "the manifest is a reference to what is no mapping")
	}
	return d, nil
}

// value returns v without references. Its results are shared between places, and must not be changed.
func (r *resolver) value(v any, near *dict, depth int) (any, error) {
	r.nodes++
	if r.nodes > maxNodes || depth > maxDepth {
		return nil, complaint(r.file, near, "the references make the manifest too large")
	}
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "#/") {
			return r.reference(v, near, depth)
		}
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = r.value(x, near, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case *dict:
		return r.dict(v, depth)
	}
	return v, nil
}

func (r *resolver) dict(v *dict, depth int) (any, error) {
	out := &dict{vals: make(map[string]any, len(v.vals)), line: v.line, col: v.col}
	if ref, ok := v.vals[refKey].(string); ok {
		base, err := r.value(ref, v, depth+1)
		if err != nil {
			return nil, err
		}
		bd, isDict := base.(*dict)
		if !isDict {
			return base, nil
		}
		out.update(bd)
	}
	for _, k := range v.keys {
		if k == refKey {
			continue
		}
		if k == "config_overrides" {
			out.set(k, v.vals[k])
			continue
		}
		x, err := r.value(v.vals[k], v, depth+1)
		if err != nil {
			return nil, err
		}
		out.set(k, x)
	}
	return out, nil
}

func (r *resolver) reference(ref string, near *dict, depth int) (any, error) {
	if v, ok := r.done[ref]; ok {
		return v, nil
	}
	if r.open[ref] {
		return nil, complaint(r.file, near, "the reference %s leads back to itself", ref)
	}
	target, ok := r.find(strings.TrimPrefix(ref, "#/"))
	if !ok {
		return nil, complaint(r.file, near, "the reference %s leads nowhere", ref)
	}
	r.open[ref] = true
	v, err := r.value(target, near, depth+1)
	delete(r.open, ref)
	if err != nil {
		return nil, err
	}
	r.done[ref] = v
	return v, nil
}

// find follows a path. At each level a key that is the whole rest of the path wins over one that is its first
// part.
func (r *resolver) find(path string) (any, bool) {
	var at any = r.top
	for hops := 0; path != "" && hops < 2*maxDepth; hops++ {
		d, isDict := at.(*dict)
		if isDict {
			if v, ok := d.get(path); ok {
				return v, true
			}
		}
		head, rest, _ := strings.Cut(path, "/")
		switch {
		case isDict:
			v, ok := d.get(head)
			if !ok {
				// The place may itself be a reference.
				ref, isRef := d.vals[refKey].(string)
				if !isRef {
					return nil, false
				}
				if at, ok = r.find(strings.TrimPrefix(ref, "#/")); !ok {
					return nil, false
				}
				continue
			}
			at = v
		default:
			list, ok := at.([]any)
			n, err := strconv.Atoi(head)
			if s, isText := at.(string); isText && strings.HasPrefix(s, "#/") {
				if at, ok = r.find(strings.TrimPrefix(s, "#/")); !ok {
					return nil, false
				}
				continue
			}
			if !ok || err != nil || n < 0 || n >= len(list) {
				return nil, false
			}
			at = list[n]
		}
		path = rest
	}
	return at, path == ""
}
