package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// Back-off between attempts at a store.
const (
	retryFirst = 50 * time.Millisecond
	retryMost  = 5 * time.Second
	// attempts is how often an effect is tried whose error does not say that a retry can help.
	attempts = 3
)

// errGivenUp is wrapped by errors of effects that were interrupted by the shutdown:
// they are repeated after the restart.
var errGivenUp = errors.New("given up for the shutdown")

func givenUp(err error) bool { return errors.Is(err, errGivenUp) }

// final reports whether an effect ended for a reason that has nothing to do with
// what it was to have an effect on.
func final(err error) bool { return givenUp(err) || errors.Is(err, tickets.ErrFenced) }

// unavailable reports whether a retry can mend an error.
func unavailable(err error) bool {
	return errors.Is(err, tickets.ErrUnavailable) || errors.Is(err, series.ErrUnavailable) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// patience repeats effects on stores, and says so once for each time that it has to.
type patience struct {
	log     *slog.Logger
	retries prometheus.Counter
	effects *effectMetrics
}

// persist runs an effect until it succeeds, is refused, or stop ends. A store that is unavailable
// is waited for as long as it takes; an error of another kind is believed after some attempts.
func (p *patience) persist(stop context.Context, what effect, do func() error) error {
	var begun time.Time // of the waiting
	pause := retryFirst
	for left := attempts; ; {
		err := p.effects.time(what, do)
		if err == nil || errors.Is(err, tickets.ErrFenced) {
			if !begun.IsZero() {
				p.log.Info("waiting is over", "for", what.text, "seconds", time.Since(begun).Seconds())
			}
			return err
		}
		if !unavailable(err) {
			if left--; left == 0 {
				return err
			}
		}
		p.retries.Inc()
		if begun.IsZero() {
			begun = time.Now()
			p.log.Warn("waiting for a store", "for", what.text, "err", err)
		}
		if !sleep(stop, pause) {
			return fmt.Errorf("%w: %w", errGivenUp, err)
		}
		pause = min(2*pause, retryMost)
	}
}

// sleep waits and reports whether ctx still lasts.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
