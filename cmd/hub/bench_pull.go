package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/hubspot"
	"github.com/lifecyclehub/hub/mapping"
)

// pullTogether is how many connections pull at once for the memory figure.
const pullTogether = 8

func benchPull(ctx context.Context, o benchOptions) (benchResult, error) {
	r := benchResult{Bench: "pull", Operation: "fetch, map and validate a contact of 3 KB", Operations: o.records, Together: pullTogether}
	if o.records < pageSize || o.turns < 1 {
		return r, fmt.Errorf("bench needs at least %d records and one turn", pageSize)
	}
	srv, err := servePages(ctx, o.records)
	if err != nil {
		return r, err
	}
	defer srv.close()
	real := &pullLoop{url: srv.url, want: o.records}
	floors, hubs, err := alternate(ctx, o.turns, func(ctx context.Context) error { return floorPull(ctx, srv.url, o.records) }, real.run)
	if err != nil {
		return r, err
	}
	r.judge(floors, hubs)
	g, ctx := errgroup.WithContext(ctx)
	for range pullTogether {
		g.Go(func() error { return real.run(ctx) })
	}
	err = g.Wait()
	r.PeakMiB = peakMiB()
	return r, err
}

// pullLoop is the real thing.
type pullLoop struct {
	url  string
	want int
}

func (l *pullLoop) run(ctx context.Context) error {
	def := hubspot.Definition()
	conn, err := def.Open(ctx, connectors.Settings{"token": "pat-bench", "base_url": l.url, "requests_per_10s": "10000000"}, connectors.Env{Connection: "bench"})
	if err != nil {
		return err
	}
	m, err := mapping.Parse("hubspot", def.Mapping, mapping.Options{})
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	mapped, cursor := 0, canon.Cursor("")
	for mapped < l.want {
		page, err := conn.Pull(ctx, "contacts", cursor)
		if err != nil {
			return errors.Join(err, conn.Close())
		}
		for _, rec := range page.Records {
			entities, letters := m.Apply(rec)
			if len(entities) != 1 || len(letters) != 0 {
				return errors.Join(fmt.Errorf("contact %s became %d entities and %d dead letters", rec.ID, len(entities), len(letters)), conn.Close())
			}
			mapped++
		}
		cursor = page.Next
	}
	return conn.Close()
}

// floorContact is what the floor takes of a contact.
type floorContact struct {
	id, company                                                                         string
	updated                                                                             time.Time
	email, first, last, phone, title, country, stage, source, owner, optOut, made, lang string
	raw                                                                                 []byte
	custom                                                                              map[string]any
}

// floorPull is the shortest honest loop: the same requests, each page parsed once, each contact in one pass,
// with its bytes and the account's own properties kept, as Hub keeps them.
func floorPull(ctx context.Context, url string, want int) error {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	have, after := 0, ""
	for have < want {
		page, err := floorFetch(ctx, client, http.MethodGet, url+"/crm/v3/objects/contacts?limit=100&archived=false&after="+after, nil)
		if err != nil {
			return err
		}
		contacts := make([]floorContact, 0, pageSize)
		byID := make(map[string]int, pageSize)
		var inputs bytes.Buffer
		inputs.WriteString(`{"inputs":[`)
		gjson.ParseBytes(page).ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "results":
				value.ForEach(func(_, item gjson.Result) bool {
					c := floorTake(item)
					if len(contacts) > 0 {
						inputs.WriteByte(',')
					}
					inputs.WriteString(`{"id":"` + c.id + `"}`)
					byID[c.id] = len(contacts)
					contacts = append(contacts, c)
					return true
				})
			case "paging":
				after = value.Get("next.after").Str
			}
			return true
		})
		inputs.WriteString(`]}`)
		links, err := floorFetch(ctx, client, http.MethodPost, url+"/crm/v4/associations/contacts/companies/batch/read", &inputs)
		if err != nil {
			return err
		}
		gjson.GetBytes(links, "results").ForEach(func(_, link gjson.Result) bool {
			if i, ok := byID[link.Get("from.id").Str]; ok {
				contacts[i].company = link.Get("to.0.toObjectId").String()
			}
			return true
		})
		for _, c := range contacts {
			if c.id == "" || c.email == "" || c.updated.IsZero() || c.company == "" {
				return fmt.Errorf("contact %q is not whole", c.id)
			}
		}
		have += len(contacts)
	}
	return nil
}

func floorTake(item gjson.Result) floorContact {
	c := floorContact{raw: []byte(item.Raw), custom: map[string]any{}}
	item.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "id":
			c.id = value.Str
		case "updatedAt":
			c.updated, _ = time.Parse(time.RFC3339Nano, value.Str)
		case "properties":
			value.ForEach(func(key, value gjson.Result) bool {
				switch key.Str {
				case "email":
					c.email = strings.ToLower(value.Str)
				case "firstname":
					c.first = value.Str
				case "lastname":
					c.last = value.Str
				case "phone":
					c.phone = value.Str
				case "jobtitle":
					c.title = value.Str
				case "country":
					c.country = value.Str
				case "lifecyclestage":
					c.stage = value.Str
				case "hs_analytics_source":
					c.source = value.Str
				case "hubspot_owner_id":
					c.owner = value.Str
				case "hs_email_optout":
					c.optOut = value.Str
				case "createdate":
					c.made = value.Str
				case "hs_language":
					c.lang = value.Str
				default:
					if strings.HasPrefix(key.Str, "account_") {
						c.custom[key.Str] = value.Str
					}
				}
				return true
			})
		}
		return true
	})
	return c
}

func floorFetch(ctx context.Context, client *http.Client, method, url string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// pageSize is how many contacts a page has.
const pageSize = 100

// pages is a page server: contacts that differ in nothing but their numbers, so that serving costs little.
type pages struct {
	url    string
	server *http.Server
	total  int
	// body is a page; at are the places where a contact's number stands, ten digits each.
	body []byte
	at   [pageSize][]int
}

// servePages serves total contacts on a free port of this machine, as HubSpot does.
func servePages(ctx context.Context, total int) (*pages, error) {
	p := &pages{total: total}
	p.draw()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /crm/v3/objects/contacts", p.list)
	mux.HandleFunc("POST /crm/v4/associations/contacts/companies/batch/read", associations)
	mux.HandleFunc("GET /crm/v3/properties/contacts", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"results":[]}`) })
	p.url, p.server = "http://"+l.Addr().String(), &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(l) }()
	return p, nil
}

func (p *pages) close() { _ = p.server.Close() }

// draw makes the page: each contact has the properties that the connector asks for and some of the account's
// own, 3 KB in all.
func (p *pages) draw() {
	const number = "0000000000"
	var b bytes.Buffer
	b.WriteString(`{"results":[`)
	for i := range pageSize {
		if i > 0 {
			b.WriteByte(',')
		}
		start := b.Len()
		fmt.Fprintf(&b, `{"id":"%s","createdAt":"2025-04-02T08:11:09.120Z","updatedAt":"2026-09-30T14:25:36.871Z","archived":false,"properties":{`+
			`"hs_object_id":"%[1]s","createdate":"2025-04-02T08:11:09.120Z","lastmodifieddate":"2026-09-30T14:25:36.871Z","email":"person%[1]s@firm%[1]s.example",`+
			`"firstname":"Ada","lastname":"Nakamura-Øst","phone":"+49 30 5550%[1]s","mobilephone":null,"jobtitle":"Head of Operations","company":"Brightwater Foods GmbH","city":"Berlin",`+
			`"state":"Berlin","country":"Germany","hubspot_owner_id":"5001","lifecyclestage":"customer","hs_lead_status":null,"hs_analytics_source":"REFERRALS","hs_email_optout":"false","hs_language":"de"`, number)
		for n := range 10 {
			fmt.Fprintf(&b, `,"account_property_%02d":"%s"`, n, strings.Repeat("what the account keeps in a property of its own; ", 4))
		}
		b.WriteString(`}}`)
		for from := start; ; {
			at := bytes.Index(b.Bytes()[from:], []byte(number))
			if at < 0 {
				break
			}
			p.at[i] = append(p.at[i], from+at)
			from += at + len(number)
		}
	}
	b.WriteString(`]`)
	p.body = b.Bytes()
}

func (p *pages) list(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.URL.Query().Get("after"))
	body := append(make([]byte, 0, len(p.body)+64), p.body...)
	var digits [10]byte
	for i := range pageSize {
		n := strconv.AppendInt(digits[:0], int64(1000000000+from+i), 10)
		for _, at := range p.at[i] {
			copy(body[at:], n)
		}
	}
	if next := from + pageSize; next < p.total {
		body = append(body, `,"paging":{"next":{"after":"`+strconv.Itoa(next)+`"}}`...)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '}'))
}

// associations links each contact with one company.
func associations(w http.ResponseWriter, r *http.Request) {
	in, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var b bytes.Buffer
	b.WriteString(`{"status":"COMPLETE","results":[`)
	n := 0
	gjson.GetBytes(in, "inputs").ForEach(func(_, input gjson.Result) bool {
		if n > 0 {
			b.WriteByte(',')
		}
		n++
		b.WriteString(`{"from":{"id":"` + input.Get("id").Str + `"},"to":[{"toObjectId":77,"associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":1,"label":"Primary"}]}]}`)
		return true
	})
	b.WriteString(`]}`)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b.Bytes())
}
