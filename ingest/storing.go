package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// storing is the cursor of a lane that feeds the series store and the records.
// It gathers what is there, up to a number of samples, and stores it at once:
// the further it is behind, the larger are its batches.
type storing struct {
	tail
	lane  *lane
	saver *saver

	decoder  telemetry.Decoder
	batches  []telemetry.Batch
	samples  []telemetry.Sample // behind the batches, used again
	gathered int                // samples in all batches
	events   map[string][]DeviceEvent
	states   map[string][]DeviceState
	rejected []telemetry.Rejected
	behind   []Blob // gathered and not stored, without their entries
}

func newStoring(l *lane) *storing {
	return &storing{
		tail:   newTail(l),
		lane:   l,
		saver:  newSaver(l, roleStore),
		events: make(map[string][]DeviceEvent),
		states: make(map[string][]DeviceState),
	}
}

func (s *storing) run(stop, abort context.Context) error {
	found, err := s.saver.files.load()
	if err != nil {
		return err
	}
	c := &checkpoint{}
	for _, older := range found[min(1, len(found)):] {
		s.saved.add(older.Position)
	}
	if len(found) > 0 {
		c = found[0]
		s.saved.add(c.Position)
	}
	if err := s.open(c); err != nil {
		return err
	}
	defer s.cursor.Close()
	defer s.saver.finish()
	if err := s.work(stop, abort); err != nil {
		return err
	}
	if abort.Err() != nil {
		return nil // in a hurry: the tail is read again
	}
	return s.save(stop, abort, true)
}

// work stores until stop ends.
func (s *storing) work(stop, abort context.Context) error {
	for stop.Err() == nil {
		if err := s.gather(stop); err != nil {
			return err
		}
		if err := s.flush(stop, abort); err != nil {
			if givenUp(err) {
				return nil
			}
			return err
		}
		if s.saver.due(time.Now(), &s.tail) {
			if err := s.save(stop, abort, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// gather reads what is there, waiting for the first blob for as long as nothing else is due.
func (s *storing) gather(stop context.Context) error {
	wait, cancel := context.WithTimeout(stop, idle)
	defer cancel()
	s.atEnd() // notes the time
	for {
		blob, err := s.next(wait)
		if err != nil {
			if wait.Err() != nil {
				return nil
			}
			return err
		}
		for entry := range blob.Entries {
			s.read += int64(len(entry))
			if err := s.take(entry); errors.Is(err, telemetry.ErrNewerEntry) {
				return fmt.Errorf("entry before position %d: %w", blob.Next, err)
			} else if err != nil {
				s.rejected = append(s.rejected, s.lane.undecodable(roleStore, blob, entry, err))
			}
		}
		blob.Entries = nil
		s.behind = append(s.behind, blob)
		if s.gathered >= s.lane.cfg.StoreSamples || len(s.behind) >= maxBehind || blob.Next >= s.journal.End(s.partition) {
			return nil
		}
	}
}

// idle is how long a cursor waits at the end of the journal before it looks
// whether a checkpoint is due.
const idle = time.Second

// maxBehind bounds how many blobs are gathered, for those that hold no samples.
const maxBehind = 1024

// take puts an entry to those that will be stored together.
func (s *storing) take(entry []byte) error {
	kind, err := telemetry.KindOf(entry)
	if err != nil {
		return err
	}
	switch kind {
	case telemetry.EntryBatch:
		var b telemetry.Batch
		b.Samples = s.samples[len(s.samples):]
		if err := s.decoder.Batch(entry, &b); err != nil {
			return err
		}
		s.gathered += len(b.Samples)
		if n := len(s.samples) + len(b.Samples); n <= cap(s.samples) {
			s.samples = s.samples[:n] // decoded in place
		} else {
			// Decoded beside; the batches before keep the old array.
			s.samples = make([]telemetry.Sample, 0, 2*n)
		}
		for _, e := range b.Events {
			s.events[b.Tenant] = append(s.events[b.Tenant], DeviceEvent{Device: b.Device, Event: e})
		}
		for _, st := range b.States {
			s.states[b.Tenant] = append(s.states[b.Tenant], DeviceState{Device: b.Device, State: st})
		}
		b.Events, b.States = nil, nil
		if len(b.Samples) > 0 {
			s.batches = append(s.batches, b)
		}
	case telemetry.EntryRejected:
		r, err := s.decoder.Rejected(entry)
		if err != nil {
			return err
		}
		s.rejected = append(s.rejected, r)
	case telemetry.EntryTick:
	}
	return nil
}

// flush stores what was gathered, and moves behind it. What was given up for the shutdown
// stays where it is, to be read again.
func (s *storing) flush(stop, abort context.Context) error {
	if len(s.behind) == 0 {
		return nil
	}
	if len(s.batches) > 0 {
		s.lane.metrics.age(&s.batches[0])
	}
	if err := s.storeSeries(stop, abort); err != nil {
		return err
	}
	if err := s.storeRecords(stop, abort); err != nil {
		return err
	}
	for _, blob := range s.behind {
		s.pass(blob)
	}
	s.behind = s.behind[:0]
	clear(s.batches)
	s.batches = s.batches[:0]
	s.samples, s.gathered = s.samples[:0], 0
	clear(s.rejected)
	s.rejected = s.rejected[:0]
	clear(s.events)
	clear(s.states)
	return nil
}

func (s *storing) storeSeries(stop, abort context.Context) error {
	if len(s.batches) == 0 {
		return nil
	}
	return each(s.batches, func(some []telemetry.Batch) error {
		return s.append(stop, abort, some)
	}, func(b telemetry.Batch, err error) error {
		return s.lane.refuse(stop, abort, roleStore, refusedBatch(&b), err)
	})
}

func (s *storing) append(stop, abort context.Context, batches []telemetry.Batch) error {
	var dropped int
	err := s.lane.persist(stop, effectAppend, func() (err error) {
		dropped, err = s.lane.parts.Store.Append(abort, batches)
		return err
	})
	if err == nil {
		n := 0
		for i := range batches {
			n += len(batches[i].Samples)
		}
		s.lane.metrics.stored.Add(float64(n - dropped))
		s.lane.metrics.late.Add(float64(dropped))
	}
	return err
}

func (s *storing) storeRecords(stop, abort context.Context) error {
	records := s.lane.parts.Records
	for tenant, events := range s.events {
		err := each(events, func(some []DeviceEvent) error {
			return s.lane.persist(stop, effectEvents, func() error { return records.PutEvents(abort, tenant, some) })
		}, func(e DeviceEvent, err error) error {
			return s.lane.refuse(stop, abort, roleStore, refusedEvent(tenant, e), err)
		})
		if err != nil {
			return err
		}
	}
	for tenant, states := range s.states {
		err := each(states, func(some []DeviceState) error {
			return s.lane.persist(stop, effectStates, func() error { return records.PutStates(abort, tenant, some) })
		}, func(st DeviceState, err error) error {
			return s.lane.refuse(stop, abort, roleStore, refusedState(tenant, st), err)
		})
		if err != nil {
			return err
		}
	}
	if len(s.rejected) == 0 {
		return nil
	}
	return s.lane.quarantine(stop, abort, roleStore, s.rejected)
}

// each puts all items at once, and when they are refused one by one, so that
// only those that are bad themselves are refused.
func each[T any](all []T, put func([]T) error, refuse func(T, error) error) error {
	err := put(all)
	if err == nil || final(err) {
		return err
	}
	for i := range all {
		err := put(all[i : i+1])
		if final(err) {
			return err
		}
		if err != nil {
			if err := refuse(all[i], err); err != nil {
				return err
			}
		}
	}
	return nil
}

// save writes a checkpoint behind what the series store has made durable.
func (s *storing) save(stop, abort context.Context, last bool) error {
	begun := time.Now()
	if last {
		_ = s.saver.finish() // a failure was logged; the last checkpoint makes up for it
		if s.at() == s.saved.newest() {
			return nil
		}
	}
	c := checkpoint{Position: s.at(), Arrival: s.arrival.Load(), Marks: s.marks}
	if err := s.lane.persist(stop, effectSync, func() error { return s.lane.parts.Store.Sync(abort) }); err != nil {
		if givenUp(err) {
			return nil // the journal keeps it
		}
		return fmt.Errorf("sync series store: %w", err)
	}
	s.saver.start(begun, &s.tail, &c, func(dst []byte) []byte { return dst }, s.lane.trim)
	if last {
		return s.saver.finish()
	}
	return nil
}
