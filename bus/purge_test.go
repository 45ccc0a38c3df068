package bus_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
)

// filesHold says which files below dir hold the text.
func filesHold(t *testing.T, dir, text string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		if bytes.Contains(b, []byte(text)) {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tellingOf(id, text string) canon.Change {
	return canon.Change{ID: id, Type: "deal.won", Customer: "cus_1", Data: []byte(`{"text":"` + text + `"}`)}
}

func TestPurgedChangesLeaveNoBytes(t *testing.T) {
	dir := t.TempDir()
	b, err := bus.Open(t.Context(), bus.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var cs []canon.Change
	for i := range 700 {
		text := "somebody"
		if i%7 == 0 {
			text = "zaphod@heart.example"
		}
		c := tellingOf(fmt.Sprintf("chg_%d", i), text)
		c.Position = int64(i + 1)
		cs = append(cs, c)
	}
	if err := b.PublishChanges(t.Context(), cs); err != nil {
		t.Fatal(err)
	}
	n, err := b.PurgeChanges(t.Context(), func(_ context.Context, ms []bus.Carried) ([]bool, error) {
		out := make([]bool, len(ms))
		for i, m := range ms {
			out[i] = bytes.Contains(m.Data, []byte("zaphod"))
			if !strings.HasPrefix(m.Change, "chg_") {
				t.Errorf("a message of change %q", m.Change)
			}
		}
		return out, nil
	})
	if err != nil || n != 100 {
		t.Errorf("%d messages were removed (%v), want 100", n, err)
	}
	if last, _, err := b.LastChange(t.Context()); err != nil || last != 700 {
		t.Errorf("the last change stands at %d (%v)", last, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if left := filesHold(t, dir, "zaphod"); len(left) > 0 {
		t.Errorf("bytes are left in %v", left)
	}
	if len(filesHold(t, dir, "somebody")) == 0 {
		t.Error("the others are gone as well")
	}
}

func TestPurgeTakenLeavesNoBytes(t *testing.T) {
	dir := t.TempDir()
	b, err := bus.Open(t.Context(), bus.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	h := hooksOf(t, b)
	for i := range 5 {
		if err := h.Append(t.Context(), "crm", fmt.Sprint(i), []byte("{}\nzaphod")); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := b.PurgeHooks(t.Context(), func(data []byte) bool { return bytes.Contains(data, []byte("zaphod")) }); err != nil || n != 5 {
		t.Errorf("%d calls were removed (%v)", n, err)
	}
	r := receipts(t, b)
	one := batch(1)
	one.Records[0].Raw = []byte(`{"name":"zaphod"}`)
	if err := r.Send(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if err := b.PurgeTaken(t.Context(), time.Millisecond); canon.AsError(err).Code != "bus.busy" {
		t.Errorf("a page under way: %v", err)
	}
	taken := make(chan bool, 1)
	stop := run(t, func(ctx context.Context) error {
		return b.Records(ctx, func(context.Context, canon.Batch) error { taken <- true; return nil })
	})
	next(t, taken)
	if err := b.PurgeTaken(t.Context(), 20*time.Second); err != nil {
		t.Error(err)
	}
	// What comes afterwards is carried as before.
	if err := r.Send(t.Context(), batch(2)); err != nil {
		t.Fatal(err)
	}
	next(t, taken)
	stop()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if left := filesHold(t, dir, "zaphod"); len(left) > 0 {
		t.Errorf("bytes are left in %v", left)
	}
}
