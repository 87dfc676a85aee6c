package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// The roles of the cursors of a lane, as they stand in the names of checkpoints,
// in leases and in metrics.
const (
	roleStore  = "store"
	roleDetect = "detect"
)

// lane is one partition: what its two cursors share.
type lane struct {
	patience
	parts     Parts
	cfg       LanesConfig
	metrics   *laneMetrics
	partition int

	storing   *storing
	detecting *detecting

	epoch atomic.Int64
	// complaints bounds the log lines about single readings and findings; the counters have them all.
	complaints *bucket

	mu  sync.Mutex
	err error // why the lane ended
}

func newLane(parts Parts, cfg LanesConfig, m *laneMetrics, partition int) *lane {
	l := &lane{
		parts:     parts,
		cfg:       cfg,
		metrics:   m,
		patience:  patience{cfg.Logger.With("partition", partition), m.retries, m.effects},
		partition: partition,

		complaints: newBucket(1, 20),
	}
	l.storing = newStoring(l)
	l.detecting = newDetecting(l)
	return l
}

// run works both cursors until stop ends. A cursor that fails leaves the other one running.
func (l *lane) run(stop, abort context.Context) error {
	var wait sync.WaitGroup
	wait.Go(func() { l.fail(roleStore, l.storing.run(stop, abort)) })
	wait.Go(func() { l.fail(roleDetect, l.detecting.run(stop, abort)) })
	wait.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *lane) fail(role string, err error) {
	if err == nil || givenUp(err) {
		return
	}
	if errors.Is(err, tickets.ErrFenced) {
		err = fmt.Errorf("another process works this lane, and this one has stopped: run one process on this database, or give each its own: %w", err)
	}
	err = fmt.Errorf("lane %d, %s: %w", l.partition, role, err)
	l.log.Error("lane ended", "role", role, "err", err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = errors.Join(l.err, err)
}

// begin acquires the lane.
func (l *lane) begin(stop, abort context.Context) (tickets.Fence, error) {
	fence := tickets.Fence{Partition: l.partition, Role: roleDetect}
	err := l.persist(stop, effectLease, func() (err error) {
		fence.Epoch, err = l.parts.Leases.AcquireLane(abort, l.partition, roleDetect, l.cfg.Owner)
		return err
	})
	if err != nil {
		return fence, fmt.Errorf("acquire the lane: %w", err)
	}
	l.epoch.Store(fence.Epoch)
	return fence, nil
}

// trim lets the journal forget what neither cursor can fall back to.
func (l *lane) trim() {
	behind := min(l.storing.saved.oldest(), l.detecting.saved.oldest())
	if behind == 0 {
		return
	}
	if err := l.parts.Journal.Trim(l.partition, behind); err != nil && !errors.Is(err, ErrClosed) {
		l.log.Error("journal not trimmed", "err", err)
	}
}

// do hands a function to the detecting cursor and waits for it.
func (l *lane) do(ctx context.Context, fn func(Watcher)) error {
	done := make(chan struct{})
	c := command{fn: fn, done: done}
	select {
	case l.detecting.commands <- c:
		l.detecting.wake()
	case <-l.detecting.ended:
		return fmt.Errorf("lane %d has ended: %w", l.partition, ErrClosed)
	case <-ctx.Done():
		return fmt.Errorf("lane %d: %w", l.partition, ctx.Err())
	}
	select {
	case <-done:
		return nil
	case <-l.detecting.ended:
		return fmt.Errorf("lane %d has ended: %w", l.partition, ErrClosed)
	case <-ctx.Done():
		return fmt.Errorf("lane %d: %w", l.partition, ctx.Err())
	}
}

// refuse puts what a store or the desk will not have into the quarantine, so that it is seen
// and does not hold up what comes after it.
func (l *lane) refuse(stop, abort context.Context, role string, r telemetry.Rejected, cause error) error {
	l.metrics.refused.WithLabelValues(role).Inc()
	r.Detail = cause.Error()
	l.complain("put into quarantine", "role", role, "device", r.Device, "reason", r.Reason, "err", cause)
	return l.quarantine(stop, abort, role, []telemetry.Rejected{r})
}

// complain logs an error about a single reading or finding, unless there were too many of late.
func (l *lane) complain(message string, args ...any) {
	if l.complaints.take(time.Now().UnixMilli()) {
		l.log.Error(message, args...)
	}
}

// undecodable counts an entry that this release wrote and cannot read, which is a defect, and returns
// what goes to the quarantine.
func (l *lane) undecodable(role string, blob Blob, entry []byte, cause error) telemetry.Rejected {
	l.metrics.refused.WithLabelValues(role).Inc()
	l.complain("journal entry cannot be decoded, passed over", "role", role, "before", blob.Next, "err", cause)
	return telemetry.Rejected{
		Tenant: telemetry.DefaultTenant, Arrival: blob.Arrival, Reason: ReasonBadEntry,
		Detail: fmt.Sprintf("%v: this is a defect of Presage, please report it with the payload", cause),
		// Truncated, because it is no message of a device that could be tried again.
		Payload: slices.Clone(entry), Truncated: true,
	}
}

// quarantine stores refused messages. Those that even the quarantine refuses are
// counted and logged: they must not hold up the lane.
func (l *lane) quarantine(stop, abort context.Context, role string, rejected []telemetry.Rejected) error {
	put := func(some []telemetry.Rejected) error {
		return l.persist(stop, effectQuarantine, func() error { return l.parts.Records.PutRejected(abort, some) })
	}
	err := put(rejected)
	if err == nil || givenUp(err) {
		return err
	}
	for i := range rejected {
		err := put(rejected[i : i+1])
		if givenUp(err) {
			return err
		}
		if err != nil {
			l.metrics.lost.WithLabelValues(role).Inc()
			l.complain("quarantine refused a message, it is lost", "device", rejected[i].Device, "reason", rejected[i].Reason, "err", err)
		}
	}
	return nil
}

func (l *lane) status(now time.Time) LaneStatus {
	end := l.parts.Journal.End(l.partition)
	l.mu.Lock()
	defer l.mu.Unlock()
	s := LaneStatus{
		Partition: l.partition,
		Epoch:     l.epoch.Load(),
		Store:     l.storing.status(now, end),
		Detect:    l.detecting.status(now, end),
	}
	s.Pending, s.PendingSeconds = l.detecting.pending.status(now)
	if l.err != nil {
		s.Err = l.err.Error()
	}
	return s
}
