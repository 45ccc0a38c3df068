package quickbooks

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// Pull reads a page. Documents get what the vendor tells elsewhere: the currency, and when an invoice was
// paid.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	p, err := c.Conn.Pull(ctx, stream, from)
	if err != nil {
		return connectors.Page{}, err
	}
	return c.complete(ctx, stream, p)
}

// Fetch reads single records, in the same shape.
func (c *conn) Fetch(ctx context.Context, stream string, ids []string) (connectors.Page, error) {
	p, err := c.Conn.Fetch(ctx, stream, ids)
	if err != nil {
		return connectors.Page{}, err
	}
	return c.complete(ctx, stream, p)
}

func (c *conn) complete(ctx context.Context, stream string, p connectors.Page) (connectors.Page, error) {
	if stream == "customers" {
		return p, nil
	}
	if err := c.withCurrency(ctx, p); err != nil {
		return connectors.Page{}, err
	}
	if stream == "invoices" {
		if err := c.withPayment(ctx, p); err != nil {
			return connectors.Page{}, err
		}
	}
	return p, nil
}

// paymentsAtOnce is how many payments one query names.
const paymentsAtOnce = 100

// withPayment adds to each invoice of which nothing is owed the day of its last payment, as PaidOn: the
// invoice itself tells only which payments there were.
func (c *conn) withPayment(ctx context.Context, p connectors.Page) error {
	of := make([][]string, len(p.Records))
	var ids []string
	for i, rec := range p.Records {
		if !rec.Deleted {
			of[i] = paymentsOf(rec.Raw)
			ids = append(ids, of[i]...)
		}
	}
	slices.Sort(ids)
	days := map[string]string{}
	for batch := range slices.Chunk(slices.Compact(ids), paymentsAtOnce) {
		if err := c.paymentDays(ctx, batch, days); err != nil {
			return err
		}
	}
	for i, payments := range of {
		last := ""
		for _, id := range payments {
			last = max(last, days[id])
		}
		if last == "" {
			continue
		}
		day, err := json.Marshal(last)
		if err != nil {
			return err
		}
		p.Records[i].Raw = withMember(p.Records[i].Raw, "PaidOn", day)
	}
	return nil
}

// paymentsOf lists the payments of an invoice of which nothing is owed.
func paymentsOf(raw []byte) []string {
	var in struct {
		Balance *float64
		Linked  []struct {
			ID   string `json:"TxnId"`
			Type string `json:"TxnType"`
		} `json:"LinkedTxn"`
	}
	if json.Unmarshal(raw, &in) != nil || in.Balance == nil || *in.Balance != 0 {
		return nil
	}
	var out []string
	for _, l := range in.Linked {
		// An id is put into a query, so it must be one.
		if l.Type == "Payment" && l.ID != "" && strings.Trim(l.ID, "0123456789") == "" {
			out = append(out, l.ID)
		}
	}
	return out
}

func (c *conn) paymentDays(ctx context.Context, ids []string, into map[string]string) error {
	query := "select * from Payment where Id in ('" + strings.Join(ids, "','") + "') maxresults 1000"
	var body struct {
		QueryResponse struct {
			Payment []struct {
				ID    string  `json:"Id"`
				Day   string  `json:"TxnDate"`
				Total float64 `json:"TotalAmt"`
			}
		}
	}
	if err := c.query(ctx, query, &body); err != nil {
		return err
	}
	for _, p := range body.QueryResponse.Payment {
		if p.Total != 0 { // one of nothing only sets a credit memo against the invoice
			into[p.ID] = p.Day
		}
	}
	return nil
}

// query asks the company and reads the answer into body.
func (c *conn) query(ctx context.Context, text string, body any) error {
	a, err := c.Do(ctx, rest.Call{Method: "GET", Path: "/v3/company/" + url.PathEscape(c.realm) + "/query",
		Query: url.Values{"query": {text}, "minorversion": {"75"}}})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.Body, body); err != nil {
		return canon.Errorf("page.shape", "the answer to a query cannot be read: %w", err).
			WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
	}
	return nil
}

// withMember adds a member behind the others and leaves all other bytes as the vendor sent them.
func withMember(raw json.RawMessage, name string, value json.RawMessage) json.RawMessage {
	end := len(raw) - 1
	if end < 1 || raw[end] != '}' {
		return raw
	}
	out := append(json.RawMessage{}, raw[:end]...)
	if end > 1 {
		out = append(out, ',')
	}
	out = append(out, '"')
	out = append(out, name...)
	out = append(out, '"', ':')
	out = append(out, value...)
	return append(out, '}')
}
