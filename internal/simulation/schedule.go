package simulation

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNoDevice is returned when no healthy device can have the fault.
var ErrNoDevice = errors.New("no healthy device can have this fault")

// ErrUnknownKind is returned for a fault that the simulation does not know.
var ErrUnknownKind = errors.New("unknown kind of fault")

// schedule is what comes next in live operation.
type schedule struct {
	next  time.Time // when the next fault begins; zero before StartLive
	count int       // of faults that live operation declared
}

// StartLive begins live operation: from now on [Fleet.Advance] declares faults.
func (f *Fleet) StartLive(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = schedule{next: now.Add(f.cfg.FirstFault)}
}

// Advance declares the faults that are due and returns them.
func (f *Fleet) Advance(now time.Time) []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var declared []Fault
	for !f.plan.next.IsZero() && !f.plan.next.After(now) {
		kind, toCall := traits[f.plan.count%len(traits)].kind, f.cfg.ToCall
		if f.plan.count == 0 {
			toCall /= 2 // whoever starts a demonstration wants to see a ticket soon
		}
		f.plan.count++
		f.plan.next = f.plan.next.Add(f.cfg.Between)
		if f.plan.next.Before(now) { // the computer slept: do not catch up
			f.plan.next = now.Add(f.cfg.Between)
		}
		// A fleet without devices of a kind skips it.
		if fault, err := f.declare(kind, now, toCall, false); err == nil {
			declared = append(declared, fault)
		}
	}
	return declared
}

// Inject declares a fault now, on a healthy device. It fails with
// [ErrUnknownKind] or [ErrNoDevice].
func (f *Fleet) Inject(kind Kind, now time.Time) (Fault, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.declare(kind, now, f.cfg.ToCall, false)
}

// Faults returns what was declared so far, oldest first.
func (f *Fleet) Faults() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.faults)
}

// recovery is how long, in times to the call, a device rests after a repair before it may break again.
const recovery = 1

// declare chooses a device and declares a fault that begins at begin. The repair
// follows half as long after the call as the call came after the start.
func (f *Fleet) declare(kind Kind, begin time.Time, toCall time.Duration, past bool) (Fault, error) {
	t := kind.trait()
	if t == nil {
		return Fault{}, fmt.Errorf("%w: %q: use one of %v", ErrUnknownKind, kind, Kinds())
	}
	var able []*device
	for _, d := range f.devices {
		if d.model.class&t.class == 0 {
			continue
		}
		if d.fault == nil || begin.After(d.fault.RepairedAt.Add(recovery*toCall)) {
			able = append(able, d)
		}
	}
	if len(able) == 0 {
		return Fault{}, fmt.Errorf("%w: %s", ErrNoDevice, kind)
	}
	d := able[f.rng.IntN(len(able))]
	if t.patience != 0 && !past {
		toCall = time.Duration(t.patience * float64(toCall))
	}
	fault := Fault{
		ID:   fmt.Sprintf("F-%04d", len(f.faults)+1),
		Kind: kind, Device: d.id, Model: d.model.id,
		Component: t.component, FaultCode: t.code, Title: t.title,
		InjectedAt: begin, ExpectedCallAt: begin.Add(toCall), RepairedAt: begin.Add(toCall + toCall/2),
		Past: past,
	}
	f.faults = append(f.faults, fault)
	d.fault = &fault
	return fault, nil
}

// declarePast spreads the faults of the history over its second to last tenth, so that detectors
// have warmed up before and everything is repaired after. Each takes half a day until
// the call. Past faults lie on different devices.
func (f *Fleet) declarePast(from, to time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	const toCall = 12 * time.Hour
	span := to.Sub(from)
	first, last := from.Add(span/5), to.Add(-span/10-2*toCall)
	if f.cfg.PastFaults == 0 || !first.Before(last) {
		return
	}
	kinds := Kinds()
	f.rng.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for i := range f.cfg.PastFaults {
		begin := first.Add(time.Duration(float64(last.Sub(first)) * (float64(i) + f.rng.Float64()) / float64(f.cfg.PastFaults)))
		// The fleet may have no device of the kind; then there is one fault less.
		_, _ = f.declare(kinds[i%len(kinds)], begin.Truncate(time.Second), toCall, true)
	}
	slices.SortStableFunc(f.faults, func(a, b Fault) int { return cmp.Compare(a.InjectedAt.UnixNano(), b.InjectedAt.UnixNano()) })
}
