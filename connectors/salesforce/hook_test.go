package salesforce

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// message is an outbound message as the vendor's WSDL has it.
const message = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   <OrganizationId>00Dx0000000BV7zEAG</OrganizationId>
   <ActionId>04kx000000000AbAAI</ActionId>
   <SessionId>00Dx0000000BV7z!session-that-opens-everything</SessionId>
   <EnterpriseUrl>https://acme.my.salesforce.com/services/Soap/c/62.0/00Dx0000000BV7z</EnterpriseUrl>
   <PartnerUrl>https://acme.my.salesforce.com/services/Soap/u/62.0/00Dx0000000BV7z</PartnerUrl>
   <Notification>
    <Id>04lx00000000001AAA</Id>
    <sObject xsi:type="sf:Account" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
     <sf:Id>001D000000IRFma</sf:Id><sf:Name>Acme &amp; Söhne</sf:Name>
    </sObject>
   </Notification>
   <Notification>
    <Id>04lx00000000002AAA</Id>
    <sObject xsi:type="sf:Opportunity" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>006D000000IRFmaIAH</sf:Id></sObject>
   </Notification>
   <Notification>
    <Id>04lx00000000003AAA</Id>
    <sObject xsi:type="sf:Invoice__c" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>a00D000000IRFmaIAH</sf:Id></sObject>
   </Notification>
  </notifications>
 </soapenv:Body>
</soapenv:Envelope>`

func TestReceive(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, mine := range []string{"", "00Dx0000000BV7z", "00Dx0000000BV7zEAG"} {
		c := &conn{org: long(mine)}
		got, err := c.Receive(connectors.Call{Body: []byte(message), At: at})
		if err != nil {
			t.Fatal(err)
		}
		want := connectors.Received{Hints: []connectors.Hint{
			{Stream: "accounts", ID: "001D000000IRFmaIAH", At: at}, {Stream: "opportunities", ID: "006D000000IRFmaIAH", At: at},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("organization %q: (-want +got):\n%s", mine, diff)
		}
		if strings.Contains(fmt.Sprintf("%+v", got), "session-that") {
			t.Error("the session is told")
		}
	}
}

func TestReceiveRefuses(t *testing.T) {
	c := &conn{org: "00DAAAAAAAAAAAAAAA"}
	for name, x := range map[string]struct{ body, code string }{
		"another org":     {message, "hook.foreign"},
		"nothing":         {"", "hook.malformed"},
		"JSON":            {`{"a":1}`, "hook.malformed"},
		"cut off":         {message[:len(message)-30], "hook.malformed"},
		"two of them":     {message + message[39:], "hook.malformed"},
		"no notification": {`<a><Body><notifications/></Body></a>`, "hook.malformed"},
		"too many":        {`<a><Body><notifications>` + strings.Repeat("<Notification/>", 1001) + `</notifications></Body></a>`, "hook.malformed"},
		"too large":       {strings.Repeat(" ", 4<<20+1), "hook.too_large"},
		"entities":        {`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`, "hook.malformed"},
		"unknown object":  {strings.NewReplacer("sf:Account", "sf:X__c", "sf:Opportunity", "sf:Y__c", "00Dx0000000BV7zEAG", "00DAAAAAAAAAAAAAAA").Replace(message), "hook.unknown_object"},
	} {
		_, err := c.Receive(connectors.Call{Body: []byte(x.body)})
		var e *canon.Error
		if !errors.As(err, &e) || e.Code != x.code || e.Hint == "" || strings.Contains(e.Error(), "session-that") {
			t.Errorf("%s: %v, want %s", name, err, x.code)
		}
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte(message))
	f.Add([]byte("<a><b/></a>"))
	c := &conn{}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := c.Receive(connectors.Call{Body: body})
		if (err == nil) != (len(got.Hints) > 0) || (err != nil && !strings.HasPrefix(canon.CodeOf(err), "hook.")) {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, h := range got.Hints {
			if !isID(h.ID) || len(h.ID) != 18 {
				t.Fatalf("%+v", h)
			}
		}
	})
}
