package salesforce

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

const (
	// maxMessage is the most bytes of an outbound message, which carries at most 100 notifications.
	maxMessage, maxNotifications = 4 << 20, 1000
)

// envelope is what is read of an outbound message. Its SessionId is a credential and is not among it.
type envelope struct {
	Body struct {
		Notifications *struct {
			Organization string `xml:"OrganizationId"`
			List         []struct {
				Object struct {
					Type string `xml:"http://www.w3.org/2001/XMLSchema-instance type,attr"`
					ID   string `xml:"Id"`
				} `xml:"sObject"`
			} `xml:"Notification"`
		} `xml:"notifications"`
	} `xml:"Body"`
}

// Receive reads an outbound message. It names records, which are then fetched: the message has the fields that
// somebody chose for it, in no certain order.
func (c *conn) Receive(call connectors.Call) (connectors.Received, error) {
	if len(call.Body) > maxMessage {
		return connectors.Received{}, canon.Errorf("hook.too_large", "the message has more than %d bytes", maxMessage).
			WithHint("An outbound message has 100 notifications at most; look at what calls this address.")
	}
	var e envelope
	dec := xml.NewDecoder(bytes.NewReader(call.Body))
	err := dec.Decode(&e)
	if err == nil {
		if _, end := dec.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("more follows behind its end")
		}
	}
	n := e.Body.Notifications
	if err != nil || n == nil || len(n.List) == 0 || len(n.List) > maxNotifications {
		return connectors.Received{}, canon.Errorf("hook.malformed", "the call is no outbound message of Salesforce").
			WithHint("Look at the flow or workflow that calls this address: it must send an outbound message.")
	}
	if c.org != "" && long(n.Organization) != c.org {
		return connectors.Received{}, canon.Errorf("hook.foreign", "the message is of another organization than this connection's").
			WithHint("Set organization_id to that of Setup, Company Information.")
	}
	var out connectors.Received
	for _, item := range n.List {
		name := item.Object.Type
		if i := bytes.IndexByte([]byte(name), ':'); i >= 0 {
			name = name[i+1:]
		}
		id := long(item.Object.ID)
		if stream := streamOf(name); stream != "" && isID(id) {
			out.Hints = append(out.Hints, connectors.Hint{Stream: stream, ID: id, At: call.At})
		}
	}
	if len(out.Hints) == 0 {
		return connectors.Received{}, canon.Errorf("hook.unknown_object", "the message is about objects that Hub does not read").
			WithHint("Hub reads users, accounts, contacts, leads, opportunities, quotes, cases, tasks and events.")
	}
	return out, nil
}

func streamOf(name string) string {
	for _, o := range objects() {
		if o.name == name {
			return o.stream
		}
	}
	return ""
}
