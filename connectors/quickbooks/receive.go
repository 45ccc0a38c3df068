package quickbooks

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// conn is a connection that also knows the company's currency, and reads webhook calls, which come in two
// forms and are about all companies that the app is connected to.
type conn struct {
	*rest.Conn
	realm string

	mu       sync.Mutex
	asked    bool
	currency json.RawMessage
}

// notice says that something happened to an object.
type notice struct {
	realm, entity, id, operation, loser string
	at                                  string
}

// Receive tells which objects a call is about. Calls carry nothing of the objects themselves. A call that has
// neither of the two forms fails with hook.shape.
func (c *conn) Receive(call connectors.Call) (connectors.Received, error) {
	read := older
	if body := bytes.TrimSpace(call.Body); bytes.HasPrefix(body, []byte("[")) {
		read = cloudEvents
	}
	notices, err := read(call.Body)
	if err != nil {
		return connectors.Received{}, canon.Errorf("hook.shape", "a webhook call cannot be read: it has neither of the two forms that QuickBooks sends").
			WithHint("Compare the call with the app's webhooks at developer.intuit.com.")
	}
	var out connectors.Received
	for _, n := range notices {
		stream := streamOf(n.entity)
		if n.realm != c.realm || stream == "" || n.id == "" {
			continue
		}
		at := momentOf(n.at, call.At)
		switch n.operation {
		case "merge":
			if n.loser != "" {
				out.Hints = append(out.Hints, connectors.Hint{Stream: stream, ID: n.loser, Deleted: true, At: at, Into: n.id})
			}
			out.Hints = append(out.Hints, connectors.Hint{Stream: stream, ID: n.id, At: at})
		case "delete":
			out.Hints = append(out.Hints, connectors.Hint{Stream: stream, ID: n.id, Deleted: true, At: at})
		default:
			out.Hints = append(out.Hints, connectors.Hint{Stream: stream, ID: n.id, At: at})
		}
	}
	return out, nil
}

func streamOf(entity string) string {
	switch strings.ToLower(entity) {
	case "customer":
		return "customers"
	case "invoice":
		return "invoices"
	case "creditmemo":
		return "credit_memos"
	case "estimate":
		return "estimates"
	}
	return ""
}

// momentOf reads the two forms of time; what cannot be read happened when the call came.
func momentOf(text string, fallback time.Time) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.999999999-0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return fallback.UTC()
}

// older reads the form in which notices are grouped by company.
func older(body []byte) ([]notice, error) {
	var in struct {
		Notifications *[]struct {
			Realm  string `json:"realmId"`
			Change struct {
				Entities []struct {
					Name      string `json:"name"`
					ID        string `json:"id"`
					Operation string `json:"operation"`
					At        string `json:"lastUpdated"`
					DeletedID string `json:"deletedId"`
				} `json:"entities"`
			} `json:"dataChangeEvent"`
		} `json:"eventNotifications"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	if in.Notifications == nil {
		return nil, canon.Errorf("hook.shape", "the call holds no eventNotifications")
	}
	var out []notice
	for _, n := range *in.Notifications {
		for _, e := range n.Change.Entities {
			out = append(out, notice{n.Realm, e.Name, e.ID, strings.ToLower(e.Operation), e.DeletedID, e.At})
		}
	}
	return out, nil
}

// cloudEvents reads the newer form, a list of CloudEvents whose type is such as qbo.customer.updated.v1.
func cloudEvents(body []byte) ([]notice, error) {
	var in []struct {
		Type  string `json:"type"`
		Time  string `json:"time"`
		ID    string `json:"intuitentityid"`
		Realm string `json:"intuitaccountid"`
		Data  struct {
			DeletedID string `json:"deletedId"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	var out []notice
	for _, e := range in {
		words := strings.Split(e.Type, ".")
		if len(words) < 3 {
			continue
		}
		operation := strings.ToLower(words[2])
		switch operation {
		case "merged":
			operation = "merge"
		case "deleted":
			operation = "delete"
		}
		out = append(out, notice{e.Realm, words[1], e.ID, operation, e.Data.DeletedID, e.Time})
	}
	return out, nil
}
