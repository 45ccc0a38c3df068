package mapping_test

import (
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/mapping"
)

// payloads is where recorded objects of the vendors lie beside the project, on machines that have them.
const payloads = "../../shared/data/payloads"

func needShared(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(payloads); err != nil {
		t.Skip("this test needs the shared folder with recorded payloads beside the project: ", err)
	}
}

// held maps a recorded object and holds the outcome: entities or dead letters, and nothing that is lost on
// the way through JSON.
func held(t *testing.T, m *mapping.Map, stream, id string, raw []byte) {
	t.Helper()
	rec := canon.Record{Ref: canon.Ref{Connection: "c", Stream: stream, ID: id}, Raw: raw}
	entities, letters := m.Apply(rec)
	if len(entities)+len(letters) == 0 {
		t.Errorf("%s: neither entity nor dead letter for %.200s", rec.Ref, raw)
	}
	for _, l := range letters {
		if !strings.HasSuffix(l.Code, ".field") {
			t.Logf("%s: %s %s", rec.Ref, l.Code, l.Reason)
		}
	}
	checkRoundTrip(t, entities)
	m.Explain(rec)
}

func TestSharedStripe(t *testing.T) {
	needShared(t)
	m := vendorMap(t, "stripe")
	streams := map[string]string{"customer": "customers", "subscription": "subscriptions", "invoice": "invoices"}
	files, err := filepath.Glob(payloads + "/stripe/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(payloads + "/stripe/pay_fixtures_MIT/stripe/*.json")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range append(files, more...) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if json.Unmarshal(src, &doc) != nil {
			continue
		}
		eachObject(doc, func(o map[string]any) {
			kind, _ := o["object"].(string)
			id, _ := o["id"].(string)
			if stream := streams[kind]; stream != "" && id != "" {
				raw, err := json.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				held(t, m, stream, id, raw)
				n++
			}
		})
	}
	if n < 20 {
		t.Errorf("only %d objects found", n)
	}
	t.Logf("%d objects", n)
}

// eachObject calls f with every JSON object in v.
func eachObject(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		f(v)
		for _, child := range v {
			eachObject(child, f)
		}
	case []any:
		for _, child := range v {
			eachObject(child, f)
		}
	}
}

// rows reads a CSV file as objects.
func rows(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(payloads, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	var out []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		out = append(out, row)
	}
	return out
}

// TestSharedHubSpotRows brings the rows of a warehouse into the shape of the API: its columns property_x are
// the properties.
func TestSharedHubSpotRows(t *testing.T) {
	needShared(t)
	m := vendorMap(t, "hubspot")
	for stream, name := range map[string]string{"companies": "company", "contacts": "contact", "deals": "deal", "tickets": "ticket"} {
		for _, row := range rows(t, "hubspot/fivetran_seeds_Apache2/"+name+"_data.csv") {
			id := row["id"] + row["deal_id"]
			properties := map[string]any{}
			for column, value := range row {
				if p, ok := strings.CutPrefix(column, "property_"); ok {
					properties[p] = value
				}
			}
			if name == "deal" {
				properties["pipeline"], properties["dealstage"] = row["deal_pipeline_id"], row["deal_pipeline_stage_id"]
			}
			raw, err := json.Marshal(map[string]any{"id": id, "properties": properties, "archived": row["is_deleted"] == "true"})
			if err != nil {
				t.Fatal(err)
			}
			held(t, m, stream, id, raw)
		}
	}
}

// TestSharedHubSpotCassettes flattens the version 1 objects of the recordings, whose properties are objects
// with a value, into those of version 3.
func TestSharedHubSpotCassettes(t *testing.T) {
	needShared(t)
	m := vendorMap(t, "hubspot")
	files, err := filepath.Glob(payloads + "/hubspot/hubspot-ruby_vcr_MIT/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	streams := map[string]string{"companyId": "companies", "vid": "contacts", "dealId": "deals"}
	n := 0
	for _, name := range files {
		for _, body := range bodies(t, name) {
			var doc any
			if json.Unmarshal(body, &doc) != nil {
				continue
			}
			eachObject(doc, func(o map[string]any) {
				for key, stream := range streams {
					if id, ok := o[key].(float64); ok && o["properties"] != nil {
						text := strconv.FormatInt(int64(id), 10)
						held(t, m, stream, text, flatten(t, text, o))
						n++
					}
				}
			})
		}
	}
	if n < 10 {
		t.Errorf("only %d objects found", n)
	}
	t.Logf("%d objects", n)
}

func bodies(t *testing.T, name string) [][]byte {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var cassette struct {
		Interactions []struct {
			Response struct {
				Body struct {
					String string `yaml:"string"`
				} `yaml:"body"`
			} `yaml:"response"`
		} `yaml:"http_interactions"`
	}
	if err := yaml.Unmarshal(src, &cassette); err != nil {
		t.Logf("%s: %v", name, err)
		return nil
	}
	var out [][]byte
	for _, i := range cassette.Interactions {
		body := []byte(i.Response.Body.String)
		if plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(body)), "")); err == nil {
			body = plain
		}
		out = append(out, body)
	}
	return out
}

func flatten(t *testing.T, id string, o map[string]any) []byte {
	t.Helper()
	properties := map[string]any{}
	if old, ok := o["properties"].(map[string]any); ok {
		for name, v := range old {
			if p, ok := v.(map[string]any); ok {
				properties[name] = p["value"]
			}
		}
	}
	raw, err := json.Marshal(map[string]any{"id": id, "properties": properties, "archived": false})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestSharedZendeskRows brings the rows of a warehouse into the shape of the API.
func TestSharedZendeskRows(t *testing.T) {
	needShared(t)
	m := vendorMap(t, "zendesk")
	for stream, name := range map[string]string{"organizations": "organization", "users": "user", "tickets": "ticket"} {
		for _, row := range rows(t, "zendesk/fivetran_seeds_Apache2/"+name+"_data.csv") {
			if name == "user" && row["role"] != "end-user" {
				continue
			}
			o := map[string]any{}
			for column, value := range row {
				switch value {
				case "":
					o[column] = nil
				case "TRUE", "FALSE":
					o[column] = value == "TRUE"
				default:
					o[column] = value
				}
			}
			o["via"] = map[string]any{"channel": row["via_channel"]}
			raw, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			held(t, m, stream, row["id"], raw)
		}
	}
}

// TestSharedAnything maps every JSON object of every vendor's recordings by every rule there is: whatever
// comes, Apply returns and says something.
func TestSharedAnything(t *testing.T) {
	needShared(t)
	n := 0
	maps := []*mapping.Map{vendorMap(t, "hubspot"), vendorMap(t, "stripe"), vendorMap(t, "zendesk")}
	err := filepath.WalkDir(payloads, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".json" {
			return err
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range maps {
			for _, stream := range m.Streams() {
				rec := canon.Record{Ref: canon.Ref{Connection: "c", Stream: stream, ID: "1"}, Raw: src}
				entities, _ := m.Apply(rec)
				checkRoundTrip(t, entities)
				n++
			}
		}
		return nil
	})
	if err != nil || n < 100 {
		t.Fatalf("%d applications, %v", n, err)
	}
}
