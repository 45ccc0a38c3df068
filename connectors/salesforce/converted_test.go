package salesforce_test

import (
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// TestConvertedLead: a lead that was converted and the contact that came of it are one person, though they share no
// address; a lead that was not is somebody else.
func TestConvertedLead(t *testing.T) {
	m := shipped(t)
	node := func(stream, id, raw string) identity.Node {
		t.Helper()
		entities, letters := m.Apply(canon.Record{Ref: canon.Ref{Connection: "sf", Stream: stream, ID: id}, Raw: []byte(raw)})
		if len(letters) > 0 || len(entities) != 1 {
			t.Fatalf("%+v %+v", entities, letters)
		}
		return identity.NewNode(entities[0], time.Time{})
	}
	clusters := new(identity.Rules).Cluster([]identity.Node{
		node("leads", "00Q1", `{"Id":"00Q1","LastName":"Roe","Email":"old@roe.example","IsConverted":true,"ConvertedContactId":"0031"}`),
		node("leads", "00Q2", `{"Id":"00Q2","LastName":"Roe","Email":"other@roe.example","IsConverted":false}`),
		node("contacts", "0031", `{"Id":"0031","LastName":"Roe","Email":"new@roe.example"}`),
	}, identity.Known{})
	if len(clusters) != 2 {
		t.Errorf("%d persons, want 2: %+v", len(clusters), clusters)
	}
}
