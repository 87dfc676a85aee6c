package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// detecting is the cursor of a lane that runs the detection. One goroutine owns the watcher; another takes the
// findings to the desk. The watcher's state is a function of the journal alone, so after a crash the
// same readings lead to the same findings, and reporting them again changes nothing.
type detecting struct {
	tail
	lane    *lane
	saver   *saver
	watcher Watcher
	pending *pending

	commands chan command // one: who sends another waits
	mu       sync.Mutex
	cancel   context.CancelFunc // of the present wait for the journal

	ended chan struct{} // closed when run has returned

	decoder telemetry.Decoder
	batch   telemetry.Batch
	skip    uint64 // entries of the blob at the position that were dealt with
	skipped uint64 // the same in the newest checkpoint
}

// command is a function that somebody wants to run on the watcher.
type command struct {
	fn   func(Watcher)
	done chan struct{}
}

func newDetecting(l *lane) *detecting {
	return &detecting{
		tail:     newTail(l),
		lane:     l,
		saver:    newSaver(l, roleDetect),
		pending:  newPending(l.cfg.Pending),
		commands: make(chan command, 1),
		ended:    make(chan struct{}),
		cancel:   func() {},
	}
}

func (d *detecting) run(stop, abort context.Context) error {
	defer close(d.ended)
	fence, err := d.lane.begin(stop, abort)
	if err != nil {
		return err
	}
	c, err := d.restore()
	if err != nil {
		return err
	}
	if err := d.open(c); err != nil {
		return err
	}
	defer d.cursor.Close()
	defer d.saver.finish()

	// Either of the two goroutines ends the other when it fails.
	lane, end := context.WithCancel(stop)
	defer end()
	reported := make(chan error, 1)
	go func() { // waited for below
		defer end()
		reported <- d.report(lane, abort, fence)
	}()
	err = d.work(lane, abort)
	if err != nil {
		end()
	}
	d.pending.close()
	if failed := <-reported; failed != nil {
		return errors.Join(failed, err) // no checkpoint: a newer owner has its own
	}
	if err != nil {
		return err
	}
	if abort.Err() != nil {
		return nil // in a hurry: the tail is read again
	}
	return d.save(true)
}

// restore brings back the newest checkpoint whose state the watcher understands.
func (d *detecting) restore() (*checkpoint, error) {
	found, err := d.saver.files.load()
	if err != nil {
		return nil, err
	}
	for i, c := range found {
		d.watcher = d.lane.parts.Watch(d.partition)
		if err := d.watcher.Restore(c.State); err != nil {
			d.lane.log.Error("detection cannot be restored from a checkpoint, falling back to an older one", "err", err)
			continue
		}
		queue, err := decodePending(c)
		if err != nil {
			d.lane.log.Error("findings of a checkpoint cannot be read, falling back to an older one", "err", err)
			continue
		}
		for _, w := range queue {
			d.pending.add(w)
		}
		for _, older := range found[i+1:] {
			d.saved.add(older.Position)
		}
		d.saved.add(c.Position)
		d.skip, d.skipped = c.Skip, c.Skip
		return c, nil
	}
	if len(found) > 0 || d.saver.files.last > 0 {
		d.lane.log.Error("no checkpoint of the detection can be used: it begins with an empty memory at the oldest reading of the journal")
	}
	d.watcher = d.lane.parts.Watch(d.partition)
	return &checkpoint{}, nil
}

func decodePending(c *checkpoint) ([]waiting, error) {
	var queue []waiting
	for _, data := range c.Pending {
		f, err := decodeFinding(data)
		if err != nil {
			return nil, err
		}
		queue = append(queue, waiting{f, data})
	}
	return queue, nil
}

// work feeds the watcher until ctx ends.
func (d *detecting) work(ctx, abort context.Context) error {
	for ctx.Err() == nil {
		blob, err := d.wait(ctx)
		if err != nil {
			return err
		}
		if blob.Next > 0 {
			if err := d.apply(ctx, abort, blob); err != nil {
				return err
			}
		}
		if d.saver.due(time.Now(), &d.tail) {
			if err := d.save(false); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait returns the next blob, or none when there is none in time. It runs the
// commands that came meanwhile.
func (d *detecting) wait(ctx context.Context) (Blob, error) {
	wait, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	d.mu.Lock()
	d.cancel = cancel // before the commands are looked at: a command that comes later cancels this wait
	d.mu.Unlock()
	select {
	case c := <-d.commands:
		c.fn(d.watcher)
		close(c.done)
	default:
	}
	d.atEnd() // notes the time
	blob, err := d.next(wait)
	if err != nil && wait.Err() != nil {
		return Blob{}, nil
	}
	return blob, err
}

// wake ends the present wait for the journal.
func (d *detecting) wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cancel()
}

// apply feeds a blob to the watcher. When ctx ends before there was room for all
// findings it stops in the middle, and the last checkpoint says where.
func (d *detecting) apply(ctx, abort context.Context, blob Blob) error {
	var n uint64
	for entry := range blob.Entries {
		if n++; n <= d.skip {
			continue
		}
		d.read += int64(len(entry))
		findings, err := d.feed(ctx, abort, entry)
		switch {
		case givenUp(err):
			return nil
		case errors.Is(err, telemetry.ErrBadEntry):
			d.lane.undecodable(roleDetect, blob, entry, err) // the storing cursor puts it into the quarantine
		case err != nil:
			return fmt.Errorf("entry before position %d: %w", blob.Next, err)
		}
		d.queue(ctx, abort, findings)
		d.skip = n
		if len(findings) > 0 {
			d.pending.room(ctx)
			if ctx.Err() != nil {
				return nil
			}
		}
	}
	d.pass(blob)
	d.skip = 0
	return nil
}

// feed hands an entry to the watcher and returns what was found, valid until the next call.
// A batch on which the watcher panics goes to the quarantine: the watcher shields its detectors from each other, this
// shields the lane from the watcher.
func (d *detecting) feed(ctx, abort context.Context, entry []byte) (findings []detectors.Finding, err error) {
	kind, err := telemetry.KindOf(entry)
	if err != nil {
		return nil, err
	}
	switch kind {
	case telemetry.EntryBatch:
		if err := d.decoder.Batch(entry, &d.batch); err != nil {
			return nil, err
		}
	case telemetry.EntryRejected:
		return nil, nil
	}
	defer func() {
		if p := recover(); p != nil {
			r := telemetry.Rejected{Tenant: telemetry.DefaultTenant, Topic: "tick"}
			if kind == telemetry.EntryBatch {
				r = refusedBatch(&d.batch)
			}
			r.Reason = ReasonDetectorPanic
			findings, err = nil, d.lane.refuse(ctx, abort, roleDetect, r, fmt.Errorf("the detection panicked: %v\n%s", p, debug.Stack()))
		}
	}()
	if kind == telemetry.EntryTick {
		arrival, err := telemetry.DecodeTick(entry)
		if err != nil {
			return nil, err
		}
		return d.watcher.Tick(arrival), nil
	}
	return d.watcher.Apply(&d.batch), nil
}

// queue copies findings to the queue of the desk. One that cannot be written goes to the
// quarantine; if that is away while the lane stops, it stays in the log alone.
func (d *detecting) queue(ctx, abort context.Context, findings []detectors.Finding) {
	for i := range findings {
		f := &findings[i]
		d.lane.metrics.findings.Inc()
		encoded, err := encodeFinding(f)
		if err == nil {
			// The copy is what a restart would bring back; the original is the watcher's.
			var own detectors.Finding
			if own, err = decodeFinding(encoded); err == nil {
				d.pending.add(waiting{own, encoded})
				continue
			}
		}
		if err := d.lane.refuse(ctx, abort, roleDetect, refusedFinding(f), err); err != nil {
			d.lane.metrics.lost.WithLabelValues(roleDetect).Inc()
		}
	}
}

// report takes findings to the desk until the queue is closed and empty, the desk
// cannot be reached while the lane stops, or the lane is fenced.
func (d *detecting) report(ctx, abort context.Context, fence tickets.Fence) error {
	var batch []detectors.Finding
	for {
		batch = d.pending.peek(abort, batch[:0], d.lane.cfg.ReportFindings)
		if len(batch) == 0 {
			return nil
		}
		err := each(batch, func(some []detectors.Finding) error {
			return d.lane.persist(ctx, effectReport, func() error { return d.lane.parts.Reporter.Report(abort, fence, some) })
		}, func(f detectors.Finding, err error) error {
			return d.lane.refuse(ctx, abort, roleDetect, refusedFinding(&f), err)
		})
		if givenUp(err) {
			return nil
		}
		if err != nil {
			return err
		}
		d.pending.drop(len(batch))
	}
}

// save writes a checkpoint of the watcher and of the findings that wait.
func (d *detecting) save(last bool) error {
	begun := time.Now()
	if last {
		_ = d.saver.finish() // a failure was logged; the last checkpoint makes up for it
		if d.at() == d.saved.newest() && d.skip == d.skipped {
			return nil
		}
	}
	d.skipped = d.skip
	c := checkpoint{Position: d.at(), Skip: d.skip, Arrival: d.arrival.Load(), Marks: d.marks, Pending: d.pending.encoded()}
	d.saver.start(begun, &d.tail, &c, d.watcher.AppendState, d.lane.trim)
	if last {
		return d.saver.finish()
	}
	return nil
}
