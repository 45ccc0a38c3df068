package push

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// round is one Apply under way.
type round struct {
	target   Target
	opts     Options
	store    Store
	known    map[canon.Ref]map[string]canon.PushedField
	customer map[canon.Ref]string
	report   Report
}

// row is one planned field on its way.
type row struct {
	canon.PushedField
	field Field
	sent  bool  // the write was, or is about to be, sent
	err   error // what the vendor said to the write
}

// batch takes one batch of writes from reading to recording.
func (r *round) batch(ctx context.Context, writes []connectors.Write) error {
	current, err := r.current(ctx, writes)
	if err != nil {
		return err
	}
	var rows []*row
	for _, w := range writes {
		values, found := current[w.Ref.ID]
		for _, name := range slices.Sorted(maps.Keys(w.Fields)) {
			row := r.row(w, name)
			if !found {
				row.fail(missing())
			} else {
				r.decide(row, values[name])
			}
			rows = append(rows, row)
		}
	}
	if r.opts.DryRun {
		r.count(rows)
		return nil
	}
	stop := r.write(ctx, rows)
	r.count(rows)
	if err := r.save(ctx, rows); err != nil {
		return err
	}
	return stop
}

// current reads what the records say now. A dry run goes on where a vendor refuses because the fields do
// not exist yet.
func (r *round) current(ctx context.Context, writes []connectors.Write) (map[string]map[string]string, error) {
	values, err := r.read(ctx, writes)
	if err == nil || !r.opts.DryRun || r.target.Preparer == nil || halts(err) || ctx.Err() != nil {
		return values, err
	}
	r.report.Note = "The current values could not be read (" + err.Error() + "), so conflicts are not shown; the fields may not exist yet."
	values = make(map[string]map[string]string, len(writes))
	for _, w := range writes {
		values[w.Ref.ID] = map[string]string{}
		for name := range w.Fields {
			values[w.Ref.ID][name] = r.known[w.Ref][name].Acked
		}
	}
	return values, nil
}

func (r *round) read(ctx context.Context, writes []connectors.Write) (map[string]map[string]string, error) {
	ids := make([]string, len(writes))
	fields := map[string]bool{}
	for i, w := range writes {
		ids[i] = w.Ref.ID
		for name := range w.Fields {
			fields[name] = true
		}
	}
	r.report.Calls++
	return r.target.Pusher.Read(ctx, r.target.Stream, ids, slices.Sorted(maps.Keys(fields)))
}

// row begins a field's new row with what is known of it.
func (r *round) row(w connectors.Write, name string) *row {
	k := r.known[w.Ref][name]
	return &row{field: r.target.field(name), PushedField: canon.PushedField{
		Ref: w.Ref, Field: name, Wanted: w.Fields[name], Acked: k.Acked, HasAcked: k.HasAcked,
		Customer: r.customer[w.Ref], At: r.opts.Now().UTC(),
	}}
}

// decide is the compare of compare-and-set: given the current value, verified, a conflict, or to be sent.
func (r *round) decide(row *row, current string) {
	k, typ := r.known[row.Ref][row.Field], row.field.Type
	acked := k.HasAcked && same(typ, current, k.Acked)
	// A write that nobody saw confirmed, and that arrived all the same, is Hub's own.
	arrived := k.State == StateSent && same(typ, current, k.Wanted)
	untouched := !k.HasAcked && plain(current) == ""
	switch {
	case same(typ, current, row.Wanted):
		row.verify()
		return
	case acked || arrived:
		row.Acked, row.HasAcked = current, true
	case !untouched && !r.target.Overwrite:
		row.State = canon.PushConflict
		row.Reason = canon.Errorf("push.conflict", "somebody else set the field to %q; it is left alone", shorten(current, 100)).Error()
		return
	}
	row.sent, row.State = true, StateSent
	if r.opts.DryRun {
		row.State = StatePlanned
		if current != "" {
			row.Reason = "replaces " + shorten(current, 100)
		}
	}
}

// write sends what is to be sent. The intent is recorded first: whatever happens from here on, the next
// Apply knows the value for Hub's own.
func (r *round) write(ctx context.Context, rows []*row) error {
	sent := slices.DeleteFunc(slices.Clone(rows), func(row *row) bool { return !row.sent })
	if len(sent) == 0 {
		return nil
	}
	intents := make([]canon.PushedField, len(sent))
	for i, row := range sent {
		intents[i] = row.PushedField
	}
	if err := r.store.SavePushed(ctx, intents); err != nil {
		for _, row := range sent {
			row.sent = false
			row.fail(err)
		}
		return err
	}
	writes := gather(sent)
	if stop := r.push(ctx, writes, sent); stop != nil {
		for _, row := range sent {
			row.unconfirmed(stop)
		}
		return stop
	}
	after, err := r.read(ctx, writes)
	if err != nil {
		for _, row := range sent {
			row.unconfirmed(err)
		}
		return err
	}
	for _, row := range sent {
		values, found := after[row.Ref.ID]
		row.confirm(values[row.Field], found)
	}
	return nil
}

// gather puts the rows of one record into one write again. Rows of a record stand together.
func gather(rows []*row) []connectors.Write {
	var writes []connectors.Write
	for _, row := range rows {
		if n := len(writes); n == 0 || writes[n-1].Ref != row.Ref {
			writes = append(writes, connectors.Write{Ref: row.Ref, Fields: map[string]string{}})
		}
		writes[len(writes)-1].Fields[row.Field] = row.Wanted
	}
	return writes
}

// push sends the writes and leaves with each row what the vendor said of it. A batch that is refused as a
// whole is sent record by record, so that one bad record costs only itself. The error means that the
// vendor cannot be worked with now.
func (r *round) push(ctx context.Context, writes []connectors.Write, rows []*row) error {
	errs, err := r.call(ctx, writes)
	if err != nil && len(writes) > 1 && !halts(err) && ctx.Err() == nil {
		errs = make(map[canon.Ref]error, len(writes))
		for _, w := range writes {
			one, err := r.call(ctx, []connectors.Write{w})
			if err != nil && (halts(err) || ctx.Err() != nil) {
				return err
			}
			maps.Copy(errs, one)
			if err != nil {
				errs[w.Ref] = err
			}
		}
	} else if err != nil {
		if halts(err) || ctx.Err() != nil {
			return err
		}
		errs = map[canon.Ref]error{writes[0].Ref: err}
	}
	for _, row := range rows {
		row.err = errs[row.Ref]
	}
	return nil
}

// call is one call of Push; it returns the refused writes.
func (r *round) call(ctx context.Context, writes []connectors.Write) (map[canon.Ref]error, error) {
	r.report.Calls++
	outcomes, err := r.target.Pusher.Push(ctx, r.target.Stream, writes)
	if err != nil {
		return nil, err
	}
	errs := map[canon.Ref]error{}
	for i, w := range writes {
		if i >= len(outcomes) {
			errs[w.Ref] = canon.Errorf("push.no_outcome", "the connector told no outcome of the write").
				WithHint("this is a fault of the connector; the value is read back all the same")
		} else if outcomes[i].Err != nil {
			errs[w.Ref] = outcomes[i].Err
		}
	}
	return errs, nil
}

// uncertain reports whether a refused write may arrive yet: a timeout is no refusal.
func uncertain(err error) bool {
	e := canon.AsError(err)
	return e.Retry || e.Code == "internal"
}

// halts reports whether an error of a call concerns the connection, so that going on is of no use.
func halts(err error) bool {
	e := canon.AsError(err)
	return e.Retry || strings.HasPrefix(e.Code, "auth.") || strings.HasPrefix(e.Code, "net.")
}

// count adds the rows to the report.
func (r *round) count(rows []*row) {
	for _, row := range rows {
		if row.sent {
			r.report.Written++
		}
		switch row.State {
		case canon.PushVerified:
			r.report.Verified++
		case canon.PushConflict:
			r.report.Conflicts++
		case StatePlanned:
		default:
			r.report.Failed++
		}
		r.report.Rows = append(r.report.Rows, row.PushedField)
	}
}

// save records the rows that say something new, also when the caller has given up meanwhile: the vendor
// has taken the writes by then.
func (r *round) save(ctx context.Context, rows []*row) error {
	var news []canon.PushedField
	for _, row := range rows {
		k, p := r.known[row.Ref][row.Field], row.PushedField
		k.At = p.At
		if row.sent || k != p {
			news = append(news, p)
		}
	}
	if len(news) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	return r.store.SavePushed(ctx, news)
}

func missing() error {
	return canon.Errorf("push.record_missing", "the record does not exist at the vendor").
		WithHint("pull the stream; a deleted record stops being pushed")
}

func (w *row) verify() {
	w.Acked, w.HasAcked, w.State, w.Reason = w.Wanted, true, canon.PushVerified, ""
}

func (w *row) fail(err error) {
	w.State, w.Reason = canon.PushFailed, shorten(canon.AsError(err).Error(), textMax)
}

// unconfirmed leaves a row sent: nobody knows whether the vendor took it.
func (w *row) unconfirmed(err error) {
	w.State, w.Reason = StateSent, shorten("not confirmed: "+canon.AsError(err).Error(), textMax)
}

// confirm judges a write by the value that is read back. That value decides, whatever the vendor said: a
// refused write may have arrived, and a taken one may not have been kept.
func (w *row) confirm(after string, found bool) {
	switch {
	case !found:
		w.fail(missing())
	case same(w.field.Type, after, w.Wanted):
		w.verify()
	case w.err != nil && uncertain(w.err):
		w.unconfirmed(w.err)
	case w.err != nil:
		w.fail(w.err)
	default:
		w.fail(canon.Errorf("push.not_stored", "the vendor took the write, but the field reads back as %q", shorten(after, 100)).
			WithHint("check the field's type, options and length at the vendor"))
	}
}
