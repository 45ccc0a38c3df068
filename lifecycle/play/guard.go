package play

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// The guards that hold a play back, as they stand in Firing.Suppressed.
const (
	guardNotHeld   = "not_held"
	guardCancelled = "cancelled"
	guardFlapping  = "flapping"
	guardCondition = "condition"
	guardSuspended = "suspended"
	guardLate      = "late"
	guardReentry   = "reentry"
	guardCooldown  = "cooldown"
	guardCategory  = "category_cooldown"
	guardBlackout  = "blackout"
	guardOffers    = "offers"
	guardDay       = "precedence"
	guardFleet     = "fleet"
)

// Guards lists the reasons for which a play is held back, with a sentence each, in the order in which they are asked.
func Guards() [][2]string {
	return [][2]string{
		{guardNotHeld, "its state ended before it had lasted long enough, or no longer held when the play was due"},
		{guardCancelled, "what it waited for was settled in time"},
		{guardFlapping, "its state comes and goes too often"},
		{guardSuspended, "an operator suspended it"},
		{guardLate, "its moment is too long ago"},
		{guardCondition, "its condition does not hold"},
		{guardReentry, "it has come as often as it may"},
		{guardCooldown, "it came a short while ago"},
		{guardCategory, "another play of its category came a short while ago"},
		{guardBlackout, "plays are held back in the state that the customer is in"},
		{guardOffers, "as many offers are live as may be at once"},
		{guardDay, "another play came on the same day"},
		{guardFleet, "unusually many customers come to it on one day"},
	}
}

// outcome is what a guard says; the zero outcome lets the play come.
type outcome struct {
	guard, reason string
	// passing says that it may be otherwise on another day.
	passing bool
}

// check asks one guard.
type check struct {
	guard string
	ask   func(w *walk, p *lifecycle.Play, o *one, x waiting, at int64) (reason string, passing bool)
}

// checks are the guards in the order in which they are asked. The fleet comes last, so that only plays count there that
// nothing else holds back.
func checks() []check {
	return []check{
		{guardSuspended, (*walk).suspended},
		{guardLate, (*walk).late},
		{guardNotHeld, (*walk).held},
		{guardCondition, (*walk).conditional},
		{guardReentry, (*walk).reentry},
		{guardCooldown, (*walk).cooldown},
		{guardCategory, (*walk).category},
		{guardBlackout, (*walk).blackout},
		{guardOffers, (*walk).offers},
		{guardDay, (*walk).sameDay},
		{guardFleet, (*walk).fleet},
	}
}

// attempt brings a play, or notes what holds it back.
func (w *walk) attempt(p *lifecycle.Play, o *one, x waiting, at int64) {
	if mode := w.mode(p); mode == canon.PlayProposed || mode == canon.PlayDeprecated {
		return
	}
	for _, c := range checks() {
		reason, passing := c.ask(w, p, o, x, at)
		if reason == "" {
			continue
		}
		out := outcome{c.guard, reason, passing}
		if p.Defer > 0 && passing {
			if x.Until == 0 {
				x.Until = at + int64(p.Defer/time.Microsecond)
			}
			if again := floorDay(at) + day; again <= x.Until {
				w.logOnce(p, &x, at, out)
				x.Due = again
				o.Waiting = append(o.Waiting, x)
				return
			}
		}
		w.logOnce(p, &x, at, out)
		return
	}
	w.fire(p, o, x, at)
}

func (w *walk) logOnce(p *lifecycle.Play, x *waiting, at int64, out outcome) {
	if !x.Logged {
		w.log(p, *x, at, out)
	}
	x.Logged = true
}

func (w *walk) suspended(p *lifecycle.Play, _ *one, _ waiting, _ int64) (string, bool) {
	if w.mode(p) == canon.PlaySuspended {
		return "An operator suspended the play.", true
	}
	return "", false
}

func (w *walk) late(_ *lifecycle.Play, _ *one, x waiting, at int64) (string, bool) {
	now := w.m.At.UnixMicro()
	if late := now - int64(w.rules.Late/time.Microsecond); at < late {
		return fmt.Sprintf("It was due on %s and is looked at only now.", dayOf(x.Due)), false
	}
	return "", false
}

// held looks once more whether the state holds by which the play comes.
func (w *walk) held(p *lifecycle.Play, o *one, x waiting, at int64) (string, bool) {
	switch {
	case p.Trigger.Kind == lifecycle.TriggerEvent || p.Trigger.Kind == lifecycle.TriggerBefore:
		return "", false
	case x.Key == "off":
		if c := w.condition(p, o, at); c.known && c.on {
			return "The customer is back.", false
		}
		return "", false
	}
	switch c := w.condition(p, o, at); {
	case !c.known:
		return "Whether its state still holds is not known.", true
	case !c.on:
		return "Its state no longer held when the play was due.", false
	}
	return "", false
}

func (w *walk) conditional(p *lifecycle.Play, _ *one, _ waiting, _ int64) (string, bool) {
	if p.When.IsZero() || p.When.Holds(w.view) {
		return "", false
	}
	if !p.When.Known(w.view) {
		return fmt.Sprintf("Whether its condition holds is not known: %s.", p.When.Source()), true
	}
	return fmt.Sprintf("Its condition does not hold: %s.", p.When.Source()), true
}

// times returns when the play came in its present mode.
func (w *walk) times(p *lifecycle.Play, o *one) []fired {
	mode := w.mode(p)
	var out []fired
	for _, f := range o.Fired {
		if f.Mode == mode {
			out = append(out, f)
		}
	}
	return out
}

func (w *walk) reentry(p *lifecycle.Play, o *one, _ waiting, at int64) (string, bool) {
	times := w.times(p, o)
	cycle := w.view.Assessment.Cycle
	switch {
	case p.Reentry == "never" && len(times) > 0:
		return "It comes once only.", false
	case p.Reentry == "cycle" && slices.ContainsFunc(times, func(f fired) bool { return f.Cycle == cycle }):
		return "It comes once in each turn through the lifecycle.", false
	case p.Most > 0:
		n := 0
		for _, f := range times {
			if f.At > at-int64(p.Per/time.Microsecond) {
				n++
			}
		}
		if n >= p.Most {
			return fmt.Sprintf("It comes at most %d times within %s.", p.Most, words(p.Per)), true
		}
	}
	return "", false
}

func (w *walk) cooldown(p *lifecycle.Play, o *one, _ waiting, at int64) (string, bool) {
	times := w.times(p, o)
	if n := len(times); n > 0 && p.Cooldown > 0 && at < times[n-1].At+int64(p.Cooldown/time.Microsecond) {
		return fmt.Sprintf("It came on %s and rests for %s.", dayOf(times[n-1].At), words(p.Cooldown)), true
	}
	return "", false
}

func (w *walk) category(p *lifecycle.Play, _ *one, _ waiting, at int64) (string, bool) {
	i := slices.IndexFunc(w.rules.Categories, func(c lifecycle.Category) bool { return c.Key == p.Category })
	if i < 0 {
		return "", false
	}
	rest := w.rules.Categories[i].Cooldown
	if last, came := w.state.Categories[w.mode(p)+" "+p.Category]; came && rest > 0 && at < last+int64(rest/time.Microsecond) {
		return fmt.Sprintf("A play of the category %s came on %s; the category rests for %s.", p.Category, dayOf(last), words(rest)), true
	}
	return "", false
}

func (w *walk) blackout(p *lifecycle.Play, _ *one, _ waiting, at int64) (string, bool) {
	for _, b := range w.rules.Blackouts {
		if !slices.Contains(p.Blackouts, b.Key) {
			continue
		}
		if b.When.Holds(w.view) {
			return fmt.Sprintf("Plays are held back: %s.", b.Title), true
		}
		if last, held := w.state.Blackouts[b.Key]; held && b.After > 0 && at < last+int64(b.After/time.Microsecond) {
			return fmt.Sprintf("Plays are held back for %s after it ended: %s.", words(b.After), b.Title), true
		}
	}
	return "", false
}

func (w *walk) offers(p *lifecycle.Play, _ *one, _ waiting, at int64) (string, bool) {
	if p.Offer == "" {
		return "", false
	}
	kinds := map[string]bool{}
	for _, o := range w.state.Offers {
		if o.Mode == w.mode(p) && o.Until > at {
			kinds[o.Kind] = true
		}
	}
	switch {
	case kinds[p.OfferKind]:
		return fmt.Sprintf("An offer of the kind %s is live already.", p.OfferKind), true
	case w.rules.Offers > 0 && len(kinds) >= w.rules.Offers:
		return fmt.Sprintf("Offers of %d kinds are live already.", len(kinds)), true
	}
	return "", false
}

func (w *walk) sameDay(p *lifecycle.Play, _ *one, _ waiting, at int64) (string, bool) {
	if last, came := w.state.Days[w.mode(p)]; p.Exclusive && came && last == floorDay(at) {
		return "Another play came on the same day.", true
	}
	return "", false
}

func (w *walk) fleet(p *lifecycle.Play, _ *one, _ waiting, at int64) (string, bool) {
	if w.m.Fleet != nil && w.m.Fleet(p.Key, time.UnixMicro(at).UTC()) {
		return "Unusually many customers come to it on one day; a source may be broken.", true
	}
	return "", false
}

// drawn says whether the customer is of the share that does not get the play.
func drawn(seed, play, customer string, share float64) bool {
	sum := sha256.Sum256([]byte(seed + "\x00" + play + "\x00" + customer))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11)/(1<<53) < share
}

func (w *walk) fire(p *lifecycle.Play, o *one, x waiting, at int64) {
	mode := w.mode(p)
	f := w.firing(p, x, at)
	f.Reason = "Its moment came and nothing held it back."
	if p.Holdout > 0 {
		f.Seed = w.rules.Seed
		if f.Holdout = drawn(f.Seed, p.Key, f.Customer, p.Holdout); f.Holdout {
			f.Reason = "The customer is of the share that does not get the play."
		}
	}
	f.ID = canon.FiringID(p.Key, f.Customer, x.Key+"@"+f.Cause.Key(), "fired")
	w.out = append(w.out, f)
	o.Fired = append(o.Fired, fired{At: at, Mode: mode, Cycle: w.view.Assessment.Cycle, Key: x.Key})
	if f.Holdout {
		// Nobody reached out, so nothing else has to rest.
		return
	}
	if w.state.Categories == nil {
		w.state.Categories = map[string]int64{}
	}
	w.state.Categories[mode+" "+p.Category] = at
	if p.Exclusive {
		if w.state.Days == nil {
			w.state.Days = map[string]int64{}
		}
		w.state.Days[mode] = floorDay(at)
	}
	if p.Offer != "" {
		w.state.Offers = append(w.state.Offers, offer{Kind: p.OfferKind, Mode: mode, Until: at + int64(p.OfferLive/time.Microsecond)})
	}
}

// log notes what held a play back.
func (w *walk) log(p *lifecycle.Play, x waiting, at int64, out outcome) {
	if mode := w.mode(p); mode == canon.PlayProposed || mode == canon.PlayDeprecated {
		return
	}
	f := w.firing(p, x, at)
	f.Suppressed, f.Reason = out.guard, out.reason
	if out.passing && p.Defer > 0 && x.Until > at {
		f.Deferred = time.UnixMicro(x.Until).UTC()
	}
	f.ID = canon.FiringID(p.Key, f.Customer, x.Key+"@"+f.Cause.Key(), out.guard)
	w.out = append(w.out, f)
}

// firing describes a play at the moment, before it is known what comes of it.
func (w *walk) firing(p *lifecycle.Play, x waiting, at int64) canon.Firing {
	a := w.view.Assessment
	f := canon.Firing{Play: p.Key, Title: p.Title, Category: p.Category, Mode: w.mode(p), Policy: w.policy.Name(), Customer: a.Customer,
		At: time.UnixMicro(at).UTC(), Cause: canon.FiringCause{Event: x.Event, Rule: Words(p.Trigger), Since: time.UnixMicro(x.Since).UTC()},
		Stage: a.Stage, Segments: a.Segments, Previous: x.Before, Current: x.After, Offer: p.Offer, Do: p.Do,
		Scores: map[string]float64{}, Bands: map[string]string{}}
	if x.Event != "" {
		f.Evidence = []string{x.Event}
	} else {
		f.Evidence = evidence(a, p.Trigger)
	}
	note := func(s *canon.Score) {
		if s.Name == "" {
			return
		}
		f.Bands[s.Name] = s.Band
		if s.Value != nil {
			f.Scores[s.Name] = *s.Value
		}
	}
	note(&a.Health)
	for i := range a.Scores {
		note(&a.Scores[i])
	}
	return f
}

// mostEvidence bounds the events that a firing names.
const mostEvidence = 10

// evidence returns the events behind what the trigger is about: those of the measures that cost the score most, or those
// of the stage.
func evidence(a *canon.Assessment, t lifecycle.Trigger) []string {
	if len(t.Stages) > 0 {
		return slices.Clone(a.StageEvidence[:min(len(a.StageEvidence), mostEvidence)])
	}
	s := lifecycle.View{Assessment: a}.ScoreOf(t.Score)
	if s == nil {
		return nil
	}
	parts := slices.Clone(s.Contributions)
	slices.SortStableFunc(parts, func(x, y canon.Contribution) int {
		switch {
		case x.PointsLost > y.PointsLost:
			return -1
		case x.PointsLost < y.PointsLost:
			return 1
		}
		return 0
	})
	var out []string
	for _, c := range parts {
		for _, id := range c.Evidence {
			if len(out) < mostEvidence && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}
