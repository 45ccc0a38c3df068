package push

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

func counts(r Report) [6]int {
	return [6]int{r.Planned, r.Written, r.Verified, r.Conflicts, r.Failed, r.Calls}
}

func TestApplyWritesOnceAndReadsBack(t *testing.T) {
	w := newWorld("1", "2")
	r := w.apply(t, wish("loyalty", "87", "1", "2"))
	if got := counts(r); got != [6]int{4, 4, 4, 0, 0, 3} {
		t.Errorf("planned, written, verified, conflicts, failed, calls = %v", got)
	}
	want := canon.PushedField{Ref: ref("1"), Field: "hub_health", Wanted: "87", Acked: "87", HasAcked: true, State: "verified", Customer: "cus_1", At: noon}
	if diff := cmp.Diff(want, r.Rows[0]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, w.rows[ref("1")]["hub_health"]); diff != "" {
		t.Error(diff)
	}
	if r := w.apply(t, wish("loyalty", "87", "1", "2")); counts(r) != [6]int{} || w.pushes != 1 {
		t.Errorf("a second Apply: %v, %d pushes", counts(r), w.pushes)
	}
	// Only what differs is written.
	w.apply(t, wish("loyalty", "88", "1", "2"))
	if last := w.written[len(w.written)-1]; len(last.Fields) != 1 || last.Fields["hub_health"] != "88" {
		t.Errorf("wrote %v", last)
	}
}

func TestApplyLeavesHumanEditsAlone(t *testing.T) {
	w := newWorld("1", "2", "3")
	w.records["3"]["hub_stage"] = "set before Hub came"
	w.apply(t, wish("reach", "10", "1", "2"))
	w.records["1"]["hub_stage"] = "by hand"
	w.records["2"]["hub_stage"] = ""
	r := w.apply(t, wish("loyalty", "87", "1", "2", "3"))
	if w.value("1", "hub_stage") != "by hand" || w.value("2", "hub_stage") != "" || w.value("3", "hub_stage") != "set before Hub came" {
		t.Errorf("overwritten: %v", w.records)
	}
	if r.Conflicts != 3 || r.Verified != 3 || w.state("1", "hub_stage") != canon.PushConflict {
		t.Errorf("report %+v", r)
	}
	if row := w.rows[ref("1")]["hub_stage"]; row.Acked != "reach" || !row.HasAcked || !strings.Contains(row.Reason, "by hand") {
		t.Errorf("row %+v", row)
	}
	// The same conflict is not recorded again.
	saves := w.saves
	if r := w.apply(t, wish("loyalty", "87", "1", "2", "3")); r.Conflicts != 3 || r.Written != 0 || w.saves != saves {
		t.Errorf("again: %v with %d more saves", counts(r), w.saves-saves)
	}
	// Put back, it is Hub's again.
	w.records["1"]["hub_stage"] = "reach"
	w.apply(t, wish("loyalty", "87", "1"))
	if w.value("1", "hub_stage") != "loyalty" {
		t.Errorf("left at %q", w.value("1", "hub_stage"))
	}
	w.target.Overwrite = true
	w.apply(t, wish("loyalty", "87", "2", "3"))
	if w.value("2", "hub_stage") != "loyalty" || w.value("3", "hub_stage") != "loyalty" {
		t.Errorf("not overwritten where asked to: %v", w.records)
	}
}

func TestApplyVerifiesWithoutWritingWhatIsThereAlready(t *testing.T) {
	w := newWorld("1")
	w.records["1"] = map[string]string{"hub_stage": " loyalty ", "hub_health": "87.0"}
	r := w.apply(t, wish("loyalty", "87", "1"))
	if r.Verified != 2 || r.Written != 0 || w.pushes != 0 {
		t.Errorf("report %+v, %d pushes", r, w.pushes)
	}
}

// TestApplyAfterCrash kills Hub after the vendor took a write and before that was recorded.
func TestApplyAfterCrash(t *testing.T) {
	for name, next := range map[string]string{"same wish": "loyalty", "wish changed meanwhile": "churned", "wish taken back": "reach"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld("1")
			w.apply(t, wish("reach", "10", "1"))
			w.tookFirst = true
			w.pushFault = func([]string) error {
				// From here on nothing is recorded any more.
				w.fault = func() error { return errDown }
				return errDown
			}
			w.readFault = func([]string) error {
				if w.pushes > 1 {
					return errDown
				}
				return nil
			}
			if _, err := w.writer.Apply(t.Context(), w.target, wish("loyalty", "10", "1"), Options{}); err == nil {
				t.Fatal("no error")
			}
			if w.value("1", "hub_stage") != "loyalty" {
				t.Fatal("the vendor did not take it")
			}
			w.mend()
			w.fault = func() error { return nil }
			pushes := w.pushes
			w.writer = New(w.memory, nil)
			r := w.apply(t, wish(next, "10", "1"))
			if w.value("1", "hub_stage") != next || w.state("1", "hub_stage") != canon.PushVerified {
				t.Errorf("left at %q: %+v", w.value("1", "hub_stage"), r)
			}
			if next == "loyalty" && w.pushes != pushes {
				t.Error("written twice")
			}
		})
	}
}

func TestApplyIsolatesBadRecords(t *testing.T) {
	for name, spoil := range map[string]func(*world){
		"row refused": func(w *world) {
			w.refuse = func(id string) error {
				if id == "2" {
					return canon.Errorf("request.invalid", "not an option")
				}
				return nil
			}
		},
		"batch refused": func(w *world) {
			w.pushFault = func(ids []string) error {
				if slices.Contains(ids, "2") {
					return canon.Errorf("request.invalid", "not an option")
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld("1", "2", "3")
			spoil(w)
			r := w.apply(t, wish("loyalty", "87", "1", "2", "3"))
			if r.Verified != 4 || r.Failed != 2 || w.value("3", "hub_stage") != "loyalty" {
				t.Errorf("report %+v", r)
			}
			row := w.rows[ref("2")]["hub_stage"]
			if row.State != canon.PushFailed || row.Reason != "not an option [request.invalid]" || row.HasAcked {
				t.Errorf("row %+v", row)
			}
			// A failure is tried again, never skipped for good.
			w.mend()
			if r := w.apply(t, wish("loyalty", "87", "1", "2", "3")); r.Verified != 2 || r.Failed != 0 {
				t.Errorf("after mending: %+v", r)
			}
		})
	}
}

// TestApplyKnowsALateWriteForItsOwn: a write that timed out and arrives after it was looked for is not
// somebody else's edit.
func TestApplyKnowsALateWriteForItsOwn(t *testing.T) {
	w := newWorld("1")
	w.refuse = func(string) error {
		return &canon.Error{Code: "net.timeout", Message: "no answer", Retry: true}
	}
	if r := w.apply(t, wish("reach", "10", "1")); r.Failed != 2 || w.state("1", "hub_stage") != StateSent {
		t.Fatalf("report %+v", r)
	}
	w.mend()
	w.records["1"] = map[string]string{"hub_stage": "reach", "hub_health": "10"}
	if r := w.apply(t, wish("loyalty", "87", "1")); r.Conflicts != 0 || w.value("1", "hub_stage") != "loyalty" {
		t.Errorf("report %+v", r)
	}
}

func TestApplyStopsWhereTheConnectionIsDown(t *testing.T) {
	w := newWorld(ids(10)...)
	w.size = 2
	w.pushFault = func([]string) error {
		if w.pushes > 2 {
			return &canon.Error{Code: "auth.denied", Message: "the token was revoked"}
		}
		return nil
	}
	r, err := w.writer.Apply(t.Context(), w.target, wish("loyalty", "87", ids(10)...), Options{})
	if canon.CodeOf(err) != "auth.denied" || w.pushes != 3 {
		t.Errorf("%v after %d pushes", err, w.pushes)
	}
	if r.Verified != 8 || r.Failed != 4 || w.state(ids(10)[4], "hub_stage") != StateSent {
		t.Errorf("report %+v", r)
	}
	w.mend()
	if r := w.apply(t, wish("loyalty", "87", ids(10)...)); r.Verified != 12 {
		t.Errorf("went on with %+v", r)
	}
}

func TestApplyOddOnes(t *testing.T) {
	w := newWorld("1", "2")
	w.store = func(field, value string) string {
		if field == "hub_stage" {
			return value[:4]
		}
		return value + ".0"
	}
	r := w.apply(t, wish("loyalty", "87", "1", "gone"))
	if got := []string{w.state("1", "hub_health"), w.state("1", "hub_stage"), w.state("gone", "hub_stage")}; !slices.Equal(got, []string{"verified", "failed", "failed"}) {
		t.Errorf("states %v", got)
	}
	if reason := w.rows[ref("1")]["hub_stage"].Reason; !strings.Contains(reason, `"loya"`) || !strings.Contains(reason, "push.not_stored") {
		t.Errorf("reason %q", reason)
	}
	if reason := w.rows[ref("gone")]["hub_stage"].Reason; !strings.Contains(reason, "push.record_missing") {
		t.Errorf("reason %q", reason)
	}
	if r.Planned != r.Verified+r.Conflicts+r.Failed || r.Planned != len(r.Rows) {
		t.Errorf("the report does not add up: %+v", r)
	}
}

func TestDryRun(t *testing.T) {
	w := newWorld("1", "2")
	w.records["2"]["hub_stage"] = "by hand"
	r, err := w.writer.Apply(t.Context(), w.target, wish("loyalty", "87", "1", "2"), Options{DryRun: true})
	if err != nil || r.Planned != 4 || r.Written != 3 || r.Conflicts != 1 || w.pushes+w.saves != 0 || r.Rows[0].State != StatePlanned {
		t.Errorf("%+v, %v, %d pushes, %d saves", r, err, w.pushes, w.saves)
	}
	w.fields = map[string]bool{}
	w.target.Preparer = w.vendor
	r, err = w.writer.Apply(t.Context(), w.target, wish("loyalty", "87", "1"), Options{DryRun: true})
	if err != nil || r.Written != 2 || r.Note == "" || w.prepares != 0 {
		t.Errorf("before the fields exist: %+v, %v", r, err)
	}
}

func TestPrepareOnceInAProcess(t *testing.T) {
	w := newWorld("1")
	w.fields = map[string]bool{}
	w.target.Preparer = w.vendor
	w.apply(t, nil)
	if w.prepares != 0 {
		t.Error("prepared for nothing")
	}
	w.apply(t, wish("reach", "10", "1"))
	w.apply(t, wish("loyalty", "87", "1"))
	if w.prepares != 1 || w.value("1", "hub_stage") != "loyalty" {
		t.Errorf("%d prepares, %v", w.prepares, w.records)
	}
}

func TestFleetGuard(t *testing.T) {
	all := ids(100)
	w := newWorld(all...)
	guarded := func(want []Desired, fleet int, dry bool) (Report, error) {
		return w.writer.Apply(t.Context(), w.target, want, Options{MaxShare: 0.5, Fleet: fleet, DryRun: dry})
	}
	if _, err := guarded(wish("reach", "10", all...), 0, false); err != nil {
		t.Fatalf("the first push: %v", err)
	}
	pushes := w.pushes
	if _, err := guarded(wish("churned", "10", all[:51]...), 0, false); canon.CodeOf(err) != "push.fleet_guard" || w.pushes != pushes {
		t.Errorf("51 of 51: %v", err)
	}
	if r, err := guarded(wish("churned", "10", all...), 0, true); canon.CodeOf(err) != "push.fleet_guard" || r.Planned != 100 || len(r.Rows) != 100 {
		t.Errorf("a dry run shows %d rows and %v", len(r.Rows), err)
	}
	if _, err := guarded(wish("churned", "10", all[:50]...), 0, false); err != nil {
		t.Errorf("50 records: %v", err)
	}
	if _, err := guarded(wish("acquisition", "10", all[:60]...), 1000, false); err != nil {
		t.Errorf("60 of a fleet of 1000: %v", err)
	}
}

func TestApplyRefusesATargetThatCannotBe(t *testing.T) {
	for name, spoil := range map[string]func(*Target){
		"no pusher":     func(t *Target) { t.Pusher = nil },
		"no name":       func(t *Target) { t.Fields[0].Name = "" },
		"name twice":    func(t *Target) { t.Fields[0].Name = t.Fields[1].Name },
		"unknown value": func(t *Target) { t.Fields[0].Value = "stagee" },
	} {
		w := newWorld("1")
		spoil(&w.target)
		_, err := w.writer.Apply(t.Context(), w.target, wish("a", "1", "1"), Options{})
		if canon.CodeOf(err) != "push.target" || canon.AsError(err).Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOneApplyPerTargetAtATime(t *testing.T) {
	w := newWorld("1")
	entered, leave := make(chan struct{}), make(chan struct{})
	w.readFault = func([]string) error {
		if w.reads == 1 {
			close(entered)
			<-leave
		}
		return nil
	}
	first := make(chan error, 1)
	go func() {
		_, err := w.writer.Apply(context.WithoutCancel(t.Context()), w.target, wish("a", "1", "1"), Options{})
		first <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := w.writer.Apply(ctx, w.target, wish("b", "1", "1"), Options{}); err == nil {
		t.Error("a second Apply went in")
	}
	close(leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
}
