package sandbox

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Plain returns a record's content, as a connector holds it or Truth tells it, in a form in which the two can be
// compared. Links of HubSpot's records, which change without a trace, count only where links is set.
func Plain(vendor string, raw []byte, links bool) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v doc
	if err := dec.Decode(&v); err != nil {
		return err.Error()
	}
	switch vendor {
	case VendorHubSpot:
		v = plainHubSpot(v, links)
	case VendorZendesk:
		delete(v, "generated_timestamp")
	case VendorSalesforce:
		v = plainSalesforce(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func plainHubSpot(v doc, withLinks bool) doc {
	props, links := doc{}, map[string][]string{}
	if m, ok := v["properties"].(doc); ok {
		for k, p := range m {
			if p != nil {
				props[k] = p
			}
		}
	}
	if m, ok := v["associations"].(doc); ok && withLinks {
		for to, list := range m {
			links[to] = []string{}
			items, _ := list.([]any)
			for _, it := range items {
				switch x := it.(type) {
				case string:
					links[to] = append(links[to], x)
				case doc:
					id, _ := x["id"].(string)
					links[to] = append(links[to], id)
				}
			}
			slices.Sort(links[to])
		}
	}
	return doc{"id": v["id"], "properties": props, "associations": links}
}

func plainSalesforce(v doc) doc {
	out := doc{}
	for k, x := range v {
		switch x := x.(type) {
		case nil:
			continue
		case json.Number:
			f, err := x.Float64()
			if err != nil {
				out[k] = x
				continue
			}
			out[k] = strconv.FormatFloat(f, 'f', -1, 64)
		case string:
			if at, err := time.Parse("2006-01-02T15:04:05.000-0700", x); err == nil {
				x = at.UTC().Format("2006-01-02T15:04:05.000Z")
			}
			if x = strings.ReplaceAll(x, "\r\n", "\n"); x != "" {
				out[k] = x
			}
		case []any:
			ids := []string{}
			for _, it := range x {
				if m, ok := it.(doc); ok {
					it = m["Id"]
				}
				id, _ := it.(string)
				ids = append(ids, id)
			}
			slices.Sort(ids)
			out[k] = ids
		default:
			out[k] = x
		}
	}
	return out
}
