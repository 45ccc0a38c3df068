package quickbooks

import (
	"context"
	"encoding/json"

	"github.com/lifecyclehub/hub/connectors"
)

// withCurrency adds the company's own currency, as HomeCurrencyRef, to each document that names none: a
// company with a single currency names it nowhere.
func (c *conn) withCurrency(ctx context.Context, p connectors.Page) error {
	for i, rec := range p.Records {
		var has struct {
			Currency *struct{} `json:"CurrencyRef"`
		}
		if rec.Deleted || json.Unmarshal(rec.Raw, &has) != nil || has.Currency != nil {
			continue
		}
		home, err := c.home(ctx)
		if err != nil {
			return err
		}
		if home != nil {
			p.Records[i].Raw = withMember(rec.Raw, "HomeCurrencyRef", home)
		}
	}
	return nil
}

// home returns the company's own currency as a reference, nil where the vendor does not tell. It cannot
// change while the company has documents, so it is asked for once.
func (c *conn) home(ctx context.Context) (json.RawMessage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked {
		return c.currency, nil
	}
	var body struct {
		QueryResponse struct {
			Preferences []struct {
				CurrencyPrefs struct {
					HomeCurrency struct {
						Value string `json:"value"`
					}
				}
			}
		}
	}
	if err := c.query(ctx, "select * from Preferences", &body); err != nil {
		return nil, err
	}
	c.asked = true
	var err error
	if all := body.QueryResponse.Preferences; len(all) > 0 && all[0].CurrencyPrefs.HomeCurrency.Value != "" {
		c.currency, err = json.Marshal(map[string]string{"value": all[0].CurrencyPrefs.HomeCurrency.Value})
	}
	return c.currency, err
}
