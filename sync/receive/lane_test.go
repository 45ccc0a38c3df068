package receive_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// TestABurstForOneObjectIsFewFetches: ten thousand calls within ten seconds.
func TestABurstForOneObjectIsFewFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, v := newWorld(), newVendor()
		v.objects["1"] = 7
		d := desk(t, w, source("crm", v))
		stop := run(t, d)
		for i := range 10_000 {
			if got := post(d, "/hooks/crm", `{"hints":["1"]}`, "X-Id", fmt.Sprint(i)); got.Code != 200 {
				t.Fatalf("answered %d", got.Code)
			}
			if i%100 == 0 {
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
			}
		}
		time.Sleep(5 * time.Second)
		if n := len(v.fetched()); n < 2 || n > 10 {
			t.Errorf("%d fetches were made", n)
		}
		if len(w.left()) != 0 {
			t.Errorf("%d calls are still kept", len(w.left()))
		}
		if !v.asked()[connectors.PriorityWebhook] || len(v.asked()) != 1 {
			t.Errorf("fetched with the priorities %v", v.asked())
		}
		stop()
	})
}

func TestHintsWaitForEachOtherAndAreReadTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, v := newWorld(), newVendor()
		v.objects["1"], v.objects["2"], v.objects["x"] = 10, 20, 30
		d := desk(t, w, source("crm", v))
		stop := run(t, d)
		start := time.Now()
		post(d, "/hooks/crm", `{"hints":["1","others/x","unknown/9",""]}`)
		time.Sleep(time.Second)
		post(d, "/hooks/crm", `{"hints":["2","1"]}`)
		synctest.Wait()
		if len(v.fetched()) != 0 {
			t.Errorf("read after %s: %v", time.Since(start), v.fetched())
		}
		time.Sleep(600 * time.Millisecond)
		diff(t, "fetches", [][]string{{"x"}, {"1", "2"}}, v.fetched())
		diff(t, "records", []string{"crm/others/x@30", "crm/things/1@10", "crm/things/2@20"}, w.records())
		for _, b := range w.batches() {
			if !b.Part || b.From != b.Next || b.Last || b.Connector != "acme" || b.Run == "" {
				t.Errorf("the batch %+v would move a cursor", b)
			}
		}
		diff(t, "kept", 0, len(w.left()))
		stop()
	})
}

// TestWhatWasReadIsAsNewAsWasTold: some vendors' objects name no time of their last change.
func TestWhatWasReadIsAsNewAsWasTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, v := newWorld(), newVendor()
		d := desk(t, w, source("crm", v))
		stop := run(t, d)
		time.Sleep(24 * time.Hour)
		told := time.Now().Add(-time.Second).UnixMicro()
		v.objects["older"], v.objects["newer"], v.objects["sequence"], v.objects["none"] = told-1e9, told+5, 42, 0
		post(d, "/hooks/crm", fmt.Sprintf(`{"hints":["older","newer","sequence","none"],"at":%d}`, told-1))
		post(d, "/hooks/crm", fmt.Sprintf(`{"hints":["older"],"at":%d}`, told))
		time.Sleep(2 * time.Second)
		diff(t, "records", []string{"crm/things/newer@" + fmt.Sprint(told+5), "crm/things/none@0", "crm/things/older@" + fmt.Sprint(told), "crm/things/sequence@42"}, w.records())
		// Where only our own clock says when, it decides nothing.
		post(d, "/hooks/crm", `{"hints":["older"]}`)
		post(d, "/hooks/crm", fmt.Sprintf(`{"hints":["newer"],"at":%d}`, told+48*3600*1e6))
		time.Sleep(2 * time.Second)
		diff(t, "records", []string{"crm/things/newer@" + fmt.Sprint(told+5), "crm/things/older@" + fmt.Sprint(told-1e9)}, w.records()[4:])
		stop()
	})
}

func TestWhatIsToldWholeIsNotReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, v := newWorld(), newVendor()
		d := desk(t, w, source("crm", v))
		stop := run(t, d)
		post(d, "/hooks/crm", `{"records":["1","2"],"at":5}`)
		post(d, "/hooks/crm", `{"records":["3"],"at":6,"reject":"the fourth has no id"}`)
		post(d, "/hooks/crm", `{}`)
		time.Sleep(100 * time.Millisecond)
		diff(t, "records", []string{"crm/things/1@5", "crm/things/2@5", "crm/things/3@6"}, w.records())
		if len(w.batches()) != 1 || len(w.letters()) != 1 || w.letters()[0].Reason != "the fourth has no id" || len(v.fetched()) != 0 || len(w.left()) != 0 {
			t.Errorf("%d batches, letters %v, fetches %v, kept %v", len(w.batches()), w.letters(), v.fetched(), w.left())
		}
		stop()
	})
}

func TestTombstones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, v := newWorld(), newVendor()
		d := desk(t, w, source("crm", v), source("plain", deaf{v}))
		stop := run(t, d)
		at := time.Now().UnixMicro()
		post(d, "/hooks/crm", fmt.Sprintf(`{"gone":["1"],"at":%d}`, at-5))
		post(d, "/hooks/crm", fmt.Sprintf(`{"gone":["2"],"at":%d,"merged":"3"}`, at))
		post(d, "/hooks/crm", `{"hints":["4"]}`)
		post(d, "/hooks/plain", fmt.Sprintf(`{"gone":["5"],"at":%d,"hints":["6"]}`, at))
		time.Sleep(2 * time.Second)
		got := map[string]bool{}
		for _, r := range w.records() {
			got[r] = true
		}
		diff(t, "records", map[string]bool{fmt.Sprintf("crm/things/1@%d deleted", at-5): true, fmt.Sprintf("crm/things/2@%d merged3", at): true,
			"crm/things/4@0 ": true, fmt.Sprintf("plain/things/5@%d deleted", at): true}, got)
		diff(t, "fetches", [][]string{{"4"}}, v.fetched())
		diff(t, "kept", 0, len(w.left()))
		stop()
	})
}

func TestWhatCannotBeReadBecomesADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, v := newWorld(), newVendor()
		d := desk(t, w, source("crm", v))
		stop := run(t, d)
		post(d, "/hooks/crm", "not JSON at all")
		post(d, "/hooks/crm/sub?a=1", `{"panic":true}`)
		time.Sleep(time.Second)
		ls := w.letters()
		if len(ls) != 2 || len(w.left()) != 0 {
			t.Fatalf("letters %v, kept %v", ls, w.left())
		}
		if ls[0].Code != "hook.unreadable" || !strings.Contains(string(ls[0].Raw), "not JSON at all") || ls[0].Hint == "" || ls[0].OccurredAt.IsZero() {
			t.Errorf("letter %+v", ls[0])
		}
		if ls[1].Code != "hook.fault" || !strings.Contains(string(ls[1].Raw), `"path":"/sub","query":"a=1"`) {
			t.Errorf("letter %+v", ls[1])
		}
		stop()
	})
}

func TestAFetchThatFailsIsTriedAgainAndBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, slow, v := newWorld(), newVendor(), newVendor()
		slow.hang = true
		e := canon.Errorf("vendor.unavailable", "the vendor is down")
		e.Retry = true
		v.down = e
		v.objects["1"] = 1
		d := desk(t, w, source("slow", slow), source("crm", v))
		stop := run(t, d)
		post(d, "/hooks/slow", `{"hints":["1"]}`)
		post(d, "/hooks/crm", `{"hints":["1"]}`)
		time.Sleep(60 * time.Second)
		// 1.5 s, then pauses of 1, 2, 4, 8, 16 and 32 s.
		if n := len(v.fetched()); n != 6 {
			t.Errorf("%d fetches in a minute", n)
		}
		if len(w.left()) != 2 || w.heard() == 0 {
			t.Errorf("kept %v, and the queue heard %d times", w.left(), w.heard())
		}
		// Records are not held up by fetches, and a call that says the same again is held by the first.
		post(d, "/hooks/crm", `{"records":["2"],"at":2}`)
		post(d, "/hooks/crm", `{"hints":["1"]}`)
		time.Sleep(time.Second)
		diff(t, "records", []string{"crm/things/2@2"}, w.records())
		diff(t, "kept", 2, len(w.left()))
		v.mu.Lock()
		v.down = nil
		v.mu.Unlock()
		time.Sleep(time.Minute)
		diff(t, "records", []string{"crm/things/2@2", "crm/things/1@1"}, w.records())
		diff(t, "kept", 1, len(w.left()))
		stop()
	})
}

func TestOneBadObjectDoesNotTakeOthersWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, v := newWorld(), newVendor()
		var ids []string
		for i := range 8 {
			id := fmt.Sprint(i)
			v.objects[id], ids = 1, append(ids, `"`+id+`"`)
		}
		v.faults["5"] = canon.Errorf("request.refused", "the id is bad").WithHint("look at it")
		d := desk(t, w, source("crm", v))
		stop := run(t, d)
		post(d, "/hooks/crm", `{"hints":[`+strings.Join(ids, ",")+`]}`)
		time.Sleep(3 * time.Second)
		if ls := w.letters(); len(ls) != 1 || ls[0].RecordID != "5" || ls[0].Code != "request.refused" || ls[0].Hint == "" {
			t.Errorf("letters %+v", ls)
		}
		if len(w.records()) != 7 || len(w.left()) != 0 {
			t.Errorf("records %v, kept %v", w.records(), w.left())
		}
		// What the vendor does not tell one by one comes with the next round.
		v.fail("5", canon.Errorf("fetch.unsupported", "not one by one"))
		post(d, "/hooks/crm", `{"hints":["5"]}`)
		time.Sleep(3 * time.Second)
		if len(w.letters()) != 1 || len(w.left()) != 0 {
			t.Errorf("letters %+v, kept %v", w.letters(), w.left())
		}
		// A credential that was refused may be mended; a fault without a name is given up after a while.
		v.fail("5", canon.Errorf("auth.denied", "no"))
		post(d, "/hooks/crm", `{"hints":["5"]}`)
		time.Sleep(24 * time.Hour)
		diff(t, "letters", 1, len(w.letters()))
		v.fail("5", errors.New("something odd"))
		time.Sleep(24 * time.Hour)
		if ls := w.letters(); len(ls) != 2 || ls[1].Code != "internal" || len(w.left()) != 0 {
			t.Errorf("letters %+v, kept %v", ls, w.left())
		}
		stop()
	})
}

// TestNothingIsDoneBeforeItIsCommitted stops the desk at every step between a call and its commit.
func TestNothingIsDoneBeforeItIsCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, v := newWorld(), newVendor()
		v.objects["1"] = 4
		w.refuse = errors.New("the belt is gone")
		d := desk(t, w, source("crm", v))
		// Kept, and stopped before anybody looked.
		post(d, "/hooks/crm", `{"hints":["1"]}`, "X-Id", "a")
		post(d, "/hooks/crm", `{"records":["2"],"at":1}`, "X-Id", "b")
		post(d, "/hooks/crm", `{"records":["2"],"at":1}`, "X-Id", "b")
		diff(t, "kept", []string{"crm/a", "crm/b"}, w.left())
		// The belt refuses.
		stop := run(t, d)
		time.Sleep(20 * time.Second)
		stop()
		diff(t, "kept", []string{"crm/a", "crm/b"}, w.left())
		// The belt takes everything, but nothing is committed.
		w.refuse, w.mute = nil, true
		stop = run(t, d)
		time.Sleep(20 * time.Second)
		stop()
		diff(t, "kept", []string{"crm/a", "crm/b"}, w.left())
		w.mute, w.sent = false, nil
		stop = run(t, d)
		time.Sleep(20 * time.Second)
		stop()
		diff(t, "kept", 0, len(w.left()))
		diff(t, "records", []string{"crm/things/2@1", "crm/things/1@4"}, w.records())
	})
}

// TestACallThatComesAgainIsNotDoneEarlier: it says the same as the call that stands for it, which is itself.
func TestACallThatComesAgainIsNotDoneEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, v := newWorld(), newVendor()
		v.objects["1"] = 4
		w.twice, w.mute = true, true
		d := desk(t, w, source("crm", v))
		stop := run(t, d)
		post(d, "/hooks/crm", `{"hints":["1"]}`, "X-Id", "a")
		post(d, "/hooks/crm", `{"records":["2"],"at":1}`, "X-Id", "b")
		time.Sleep(20 * time.Second)
		stop()
		diff(t, "kept", []string{"crm/a", "crm/b"}, w.left())
		diff(t, "fetches", 1, len(v.fetched()))
		w.mute, w.sent = false, nil
		stop = run(t, d)
		time.Sleep(20 * time.Second)
		stop()
		diff(t, "kept", 0, len(w.left()))
		diff(t, "records", []string{"crm/things/2@1", "crm/things/1@4"}, w.records())
	})
}
