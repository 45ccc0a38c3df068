package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// pathOf is the stages that a company passes by the default pack, each with its cycle and the rule.
func pathOf(t *testing.T, p *Policy, events, now string) (path []string, a canon.Assessment) {
	t.Helper()
	r := p.Assess(Facts{Customer: "cus_1", Type: "company", Sources: allFresh(), Events: readEvents(t, events)}, moment(t, now))
	for _, e := range r.Path {
		path = append(path, e.Data["to"].(string)+"/"+decimal(e.Data["cycle"].(float64))+"/"+e.Data["rule"].(string))
	}
	return path, r.Assessment
}

// loyal is a customer of two yearly terms, who is loyal since the first renewal.
const loyal = `
2022-01-01 company.created c
2022-01-10 deal.won d
2022-01-10 subscription.started s EUR1000
2022-01-20 usage.recorded u1
2022-02-05 usage.recorded u2
2023-01-10 subscription.renewed s EUR1000
2024-01-10 subscription.renewed s EUR1000
`

// monthly is a contract that renews every month.
func monthly() string {
	var b strings.Builder
	for m := range 24 {
		fmt.Fprintf(&b, "%s subscription.renewed m EUR100\n", time.Date(2022, time.Month(2+m), 10, 0, 0, 0, 0, time.UTC).Format("2006-01-02"))
	}
	return b.String()
}

func TestRenewalTurnsTheCycle(t *testing.T) {
	for _, c := range []struct{ name, more, now, want string }{
		{"without expansion", "", "2024-02-01", "retention/2/renewed"},
		{"with expansion before", "2024-01-05 subscription.changed s EUR1500 direction=up", "2024-02-01", "conversion/2/renewed_and_expanded"},
		{"with expansion a day later", "2024-01-11 subscription.changed s EUR1500 direction=up", "2024-01-31", "conversion/2/renewed_and_expanded"},
		{"every month", monthly(), "2024-02-01", "loyalty/1/stayed_and_grew"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, a := pathOf(t, Default(), loyal+c.more, c.now)
			if got := path[len(path)-1]; got != c.want {
				t.Errorf("the path ends with %s, want %s: %v", got, c.want, path)
			}
			if !strings.HasSuffix(c.want, "stayed_and_grew") && a.Cycle != 2 {
				t.Errorf("cycle %d, want 2", a.Cycle)
			}
		})
	}
}

// Who renewed stays in retention for a while, and is then loyal again in the new turn.
func TestLoyalAgain(t *testing.T) {
	more := "2024-05-01 survey.nps n value=10"
	path, _ := pathOf(t, Default(), loyal+more, "2024-06-01")
	if got := path[len(path)-1]; got != "retention/2/renewed" {
		t.Fatalf("too early: %v", path)
	}
	path, _ = pathOf(t, Default(), loyal+more, "2024-08-01")
	if got := path[len(path)-1]; got != "loyalty/2/stayed_and_grew" {
		t.Fatalf("not loyal again: %v", path)
	}
}

func TestExitsHaveReasons(t *testing.T) {
	const lost = "2023-01-01 deal.created d\n2023-02-01 deal.lost d\n"
	packs(t, func(t *testing.T, p *Policy) {
		r := p.Assess(Facts{Customer: "c", Type: "company", Sources: allFresh(), Events: readEvents(t, lost)}, moment(t, "2024-03-01"))
		if r.Assessment.Stage != "churned" || r.Path[len(r.Path)-1].Data["reason_code"] != "never_bought" || r.Path[len(r.Path)-1].Data["direction"] != "exit" {
			t.Errorf("a lost prospect: %s %v", r.Assessment.Stage, r.Path[len(r.Path)-1].Data)
		}
		path, a := pathOf(t, p, lost+"2024-04-01 touch.form f direction=in", "2024-04-02")
		if a.Stage != "acquisition" || a.Cycle != 2 {
			t.Errorf("who comes back is in %s, cycle %d: %v", a.Stage, a.Cycle, path)
		}
		path, a = pathOf(t, p, loyal+"2024-06-01 subscription.ended s", "2024-07-01")
		if a.Stage != "churned" {
			t.Errorf("whose contract ended is in %s: %v", a.Stage, path)
		}
		_, a = pathOf(t, p, loyal+"2024-06-01 subscription.ended s\n2024-09-01 subscription.started s2 EUR1000\n2024-09-02 usage.recorded u", "2024-09-03")
		if a.Stage != "conversion" || a.Cycle < 2 {
			t.Errorf("who was won back is in %s, cycle %d", a.Stage, a.Cycle)
		}
	})
}

// Flags come and go with time alone, at the moments that the assessment before foretold.
func TestFlagsByTheClock(t *testing.T) {
	p := Default()
	for _, c := range []struct{ name, events, flag, before, from, typ string }{
		{"stuck in reach", "2024-01-01 company.created c", "stuck", "2024-03-30T23:00", "2024-03-31", "company"},
		{"stuck in acquisition", "2024-01-01 deal.created d", "stuck", "2024-02-29T23:00", "2024-03-01", "company"},
		{"stuck in conversion", "2024-01-01 deal.won d", "stuck", "2024-02-29T23:00", "2024-03-01", "company"},
		{"a person is stuck sooner", "2024-01-01 deal.won d", "stuck", "2024-01-30T23:00", "2024-01-31", "person"},
		{"dormant", "2024-01-01 subscription.started s\n2024-01-05 usage.recorded u", "dormant", "2024-02-03T23:00", "2024-02-04", "company"},
		{"a person is dormant later", "2024-01-01 subscription.started s\n2024-01-05 usage.recorded u", "dormant", "2024-03-04T23:00", "2024-03-05", "person"},
		{"renewal is near", "2024-01-01 subscription.started s", "in_renewal_window", "2024-10-01T23:00", "2024-10-02", "company"},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts := Facts{Customer: "c", Type: c.typ, Sources: allFresh(), Events: readEvents(t, c.events)}
			a := p.Assess(facts, moment(t, c.before)).Assessment
			if slices.Contains(a.Flags, c.flag) {
				t.Errorf("%s too early: %v", c.flag, a.Flags)
			}
			if at := moment(t, c.from); a.NextAt.IsZero() || a.NextAt.After(at) {
				t.Errorf("the next look is at %v, after %v", a.NextAt, at)
			}
			if a = p.Assess(facts, moment(t, c.from)).Assessment; !slices.Contains(a.Flags, c.flag) {
				t.Errorf("not %s in time: %s %v", c.flag, a.Stage, a.Flags)
			}
		})
	}
	facts := Facts{Customer: "c", Type: "company", Sources: allFresh(), Fields: map[string]string{"seats": "500"}, Events: readEvents(t, "2024-01-01 deal.won d")}
	if a := p.Assess(facts, moment(t, "2024-03-15")).Assessment; slices.Contains(a.Flags, "stuck") {
		t.Errorf("a large customer has 90 days: %v", a.Flags)
	}
	if a := p.Assess(facts, moment(t, "2024-03-31")).Assessment; !slices.Contains(a.Flags, "stuck") {
		t.Errorf("a large customer is stuck after 90 days: %v", a.Flags)
	}
}

func TestReferenceReady(t *testing.T) {
	_, a := pathOf(t, Default(), loyal+"2024-01-20 survey.nps n value=10", "2024-02-01")
	if !slices.Contains(a.Flags, "reference_ready") {
		t.Errorf("a promoter is not: %v", a.Flags)
	}
	_, a = pathOf(t, Default(), loyal+"2024-01-20 survey.nps n value=10\n2024-01-21 ticket.opened t priority=urgent", "2024-02-01")
	if slices.Contains(a.Flags, "reference_ready") {
		t.Errorf("one with an urgent ticket is: %v", a.Flags)
	}
}

func TestMovesAreInOrder(t *testing.T) {
	r := Default().Assess(Facts{Customer: "c", Type: "company", Sources: allFresh(), Events: readEvents(t, loyal)}, time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC))
	var stages []string
	for _, e := range r.Path {
		stages = append(stages, e.Data["to"].(string))
	}
	if want := []string{"reach", "conversion", "retention", "loyalty", "retention"}; !slices.Equal(stages, want) {
		t.Errorf("stages %v, want %v", stages, want)
	}
	// A renewal begins another turn; it is no step back.
	if last := r.Path[len(r.Path)-1]; last.Data["direction"] != "reentry" || last.Data["reason_code"] != "renewed" {
		t.Errorf("the renewal is told as %v", last.Data)
	}
}
