package ingest

import (
	"context"
	"slices"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// Erasures is what ingest needs of the store to keep erased people out, and to remove them.
type Erasures interface {
	Marks(ctx context.Context) ([]canon.Mark, error)
	HeldStreams(ctx context.Context) ([][2]string, error)
	RewriteVersion(ctx context.Context, row int64, was, is canon.Record) error
	EraseVersions(ctx context.Context, row int64, versions []canon.Record) error
	ErasePast(ctx context.Context, entities []int64) error
	EraseRecords(ctx context.Context, connection, stream string, held []canon.Held) error
	EraseEntities(ctx context.Context, rows []int64) error
	EraseCustomers(ctx context.Context, ids []string) (int, error)
	TextTables() []string
	RedactTexts(ctx context.Context, table string, after []any, fn func(*canon.TextRow)) (next []any, changed int64, err error)
}

// Reconsider lets the pipeline ask the store again who is erased.
func (p *Pipeline) Reconsider() { p.erased.Store(nil) }

// marked returns what recognises the erased. It is read once.
func (p *Pipeline) marked(ctx context.Context, tx Tx) (*Marked, error) {
	if k := p.erased.Load(); k != nil {
		return k, nil
	}
	k, err := p.recognise(ctx, tx)
	if err == nil {
		p.erased.Store(k)
	}
	return k, err
}

// recognise returns what recognises the erased, but for those of some erasures.
func (p *Pipeline) recognise(ctx context.Context, tx Tx, without ...string) (*Marked, error) {
	marks, err := tx.Marks(ctx)
	marks = slices.DeleteFunc(marks, func(m canon.Mark) bool { return slices.Contains(without, m.Erasure) })
	if err != nil || len(marks) == 0 {
		return &Marked{}, err
	}
	var key []byte
	if p.ErasureKey != nil {
		if key, err = p.ErasureKey(ctx); err != nil {
			return nil, err
		}
	}
	if len(key) == 0 {
		// Going on would let in who was erased.
		return nil, canon.Errorf("erasure.key", "people were erased, and the key by which they are recognised is not in the vault").
			WithHint("restore hub.key or HUB_KEY and the store from one backup; `hub erase list` shows the erasures, and lifting them lets everybody in again")
	}
	return NewMarked(key, marks), nil
}

// unerased returns a batch without the records of erased people, and with what others say of them taken out. Where
// nobody is erased it is the batch itself.
func (w *work) unerased(ctx context.Context, b canon.Batch) (canon.Batch, error) {
	k, err := w.p.marked(ctx, w.tx)
	if err != nil || k.empty() {
		return b, err
	}
	recs := make([]canon.Record, 0, len(b.Records))
	for _, r := range b.Records {
		drop, namesake := w.judge(k, r)
		if drop {
			w.result.Erased++
			continue
		}
		if raw, hit := k.redact(string(r.Raw), namesake); hit {
			r.Raw = []byte(raw)
		}
		recs = append(recs, r)
	}
	b.Records = recs
	rejects := make([]canon.DeadLetter, 0, len(b.Rejects))
	for _, d := range b.Rejects {
		if k.ref(canon.Ref{Connection: b.Connection, Stream: b.Stream, ID: d.RecordID}) || k.names(d.RecordID, hears{}) {
			w.result.Erased++
			continue
		}
		rejects = append(rejects, k.letter(d))
	}
	b.Rejects = rejects
	return b, nil
}

// judge is Marked.judge for one version of a record.
func (w *work) judge(k *Marked, r canon.Record) (drop, namesake bool) {
	var es []canon.Entity
	if !r.Deleted && w.m != nil {
		es, _ = w.m.Apply(r)
	}
	return k.judge(r.Ref, es)
}

// letter returns a dead letter without what erased people were known by.
func (k *Marked) letter(d canon.DeadLetter) canon.DeadLetter {
	if raw, hit := k.Redact(string(d.Raw)); hit {
		d.Raw = []byte(raw)
		if raw == Erased {
			d.Raw = []byte(`"` + Erased + `"`)
		}
	}
	d.Path, _ = k.Redact(d.Path)
	d.Reason, _ = k.Redact(d.Reason)
	d.Hint, _ = k.Redact(d.Hint)
	return d
}

// judge says of a record, by its ref and by the entities that it yields, whether it is an erased person's own, and
// whether it is the contact of somebody else who has the same name. A record that also yields a company is the
// company's, and is kept.
func (k *Marked) judge(ref canon.Ref, es []canon.Entity) (drop, namesake bool) {
	if k.ref(ref) || k.names(ref.ID, hears{}) {
		return true, false
	}
	gone, kept := 0, 0
	var self canon.Ref
	for _, e := range es {
		if b, ok := e.Body.(*canon.Contact); ok && k.contact(b) {
			// What else the record says is said of the same person.
			self = ref
		}
	}
	for _, e := range es {
		switch b := e.Body.(type) {
		case nil:
		case *canon.Contact:
			switch {
			case k.contact(b):
				gone++
			default:
				kept++
				namesake = namesake || k.namesake(b)
			}
		case *canon.Company:
			kept++
		default:
			if k.belongs(e, self) {
				gone++
			} else {
				kept++
			}
		}
	}
	return gone > 0 && kept == 0, namesake
}

// contact says whether a contact is an erased person: by an address, or by a phone number where neither an address
// nor the name says that it is somebody else, who has the number now.
func (k *Marked) contact(b *canon.Contact) bool {
	known := false
	for _, address := range b.Emails {
		if k.mail(address) {
			return true
		}
		known = known || identity.EmailKey(address) != ""
	}
	if b.Phone == "" || !k.phone(b.Phone) {
		return false
	}
	name := nameKey(contactName(b))
	return !known || name == "" || k.persons.has(name)
}

// namesake says whether somebody else has the name of an erased person: they have an address or number of their own.
func (k *Marked) namesake(b *canon.Contact) bool {
	name := nameKey(contactName(b))
	if name == "" || !k.persons.has(name) {
		return false
	}
	for _, address := range b.Emails {
		if identity.EmailKey(address) != "" {
			return true
		}
	}
	return len(phoneKeys(b.Phone)) > 0 && !k.phone(b.Phone)
}

// contactName returns a contact's full name.
func contactName(b *canon.Contact) string {
	if b.FirstName != "" && b.LastName != "" {
		return b.FirstName + " " + b.LastName
	}
	if b.Name != "" {
		return b.Name
	}
	return b.FirstName + b.LastName
}

// alone are the kinds that are about a person, also where the person's company is named as well.
func alone(kind canon.Kind) bool {
	return kind == canon.KindTicket || kind == canon.KindActivity || kind == canon.KindSurvey || kind == canon.KindUsage
}

// belongs says whether an entity is only about who was erased: a ticket, activity, answer or use of theirs, or
// anything of an erased company, or of an erased person who was a customer. The record self is an erased person's.
func (k *Marked) belongs(e canon.Entity, self canon.Ref) bool {
	people, all := 0, len(e.Owners) > 0
	for _, o := range e.Owners {
		person := o.Kind == canon.KindContact || o.Ref.IsZero()
		gone := k.ref(o.Ref) || !self.IsZero() && o.Ref == self || o.Ref.IsZero() && o.Email != "" && k.mail(o.Email)
		if person {
			people++
			if !gone && alone(e.Kind) {
				return false
			}
		}
		owner := gone && (o.Ref.IsZero() || k.owners.has(o.Ref.String()))
		all = all && owner
	}
	if alone(e.Kind) && people > 0 {
		return true
	}
	return all && (!alone(e.Kind) || people == 0) && !onlyMail(e.Owners)
}

// onlyMail says that owners are named by address alone, which tells of no invoice whose it is.
func onlyMail(owners []canon.Owner) bool {
	for _, o := range owners {
		if !o.Ref.IsZero() {
			return false
		}
	}
	return true
}
