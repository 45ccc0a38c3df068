package bus_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
)

func TestSubjectsAreOfCustomerAndType(t *testing.T) {
	long := strings.Repeat("ä", 300)
	for _, c := range []struct{ customer, typ, want string }{
		{"cus_1", "deal.won", "hub.changes.cus_1.deal.won"},
		{"", "deal.won", "hub.changes._.deal.won"},
		{"a.b*c>d e", "x", "hub.changes.a_b_c_d_e.x"},
		{"cus_1", "", "hub.changes.cus_1._"},
		{"cus_1", "a..b*.>\r\n.c d", "hub.changes.cus_1.a._.b_.___.c_d"},
		{"cus_1", "1.2.3.4.5.6.7.8.9.10", "hub.changes.cus_1.1.2.3.4.5.6.7.8_9_10"},
		{long, "x", "hub.changes." + strings.Repeat("ä", 80) + "-" + canon.Hash([]byte(long))[:8] + ".x"},
	} {
		if got := bus.ChangeSubject(canon.Change{Customer: c.customer, Type: c.typ}); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestEveryChangeHasASubjectThatFiltersFind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := canon.Change{Customer: rapid.String().Draw(t, "customer"), Type: rapid.String().Draw(t, "type")}
		s := bus.ChangeSubject(c)
		if !server.IsValidLiteralSubject(s) || !strings.HasPrefix(s, "hub.changes.") || len(strings.Split(s, ".")) < 4 || len(s) > 2000 {
			t.Errorf("%q", s)
		}
		if strings.ContainsAny(s, " \t\r\n") {
			t.Errorf("%q ends a line", s)
		}
	})
}
