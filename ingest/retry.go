package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// unavailable reports whether a retry can mend an error.
func unavailable(err error) bool {
	return errors.Is(err, tickets.ErrUnavailable) || errors.Is(err, series.ErrUnavailable)
}

// retry calls fn until it returns something else than that its store is
// unavailable, for as long as ctx lasts, with doubling pauses between.
func retry(ctx context.Context, fn func() error) error {
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := fn()
		if !unavailable(err) {
			return err
		}
		if !sleep(ctx, pause) {
			return err
		}
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
