package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// lifecycle tears down what was started, last in first out. Every step has a
// name, so that a shutdown that hangs says where.
type lifecycle struct {
	log   *slog.Logger
	steps []step
}

type step struct {
	name string
	stop func(ctx context.Context) error
}

// onStop adds a step. Its context ends when the shutdown's patience does: the
// step then abandons what it was draining and releases its resources.
func (l *lifecycle) onStop(name string, stop func(ctx context.Context) error) {
	l.steps = append(l.steps, step{name, stop})
}

// stop runs the steps. All of them run, also after one failed and after the
// context ended.
func (l *lifecycle) stop(ctx context.Context) error {
	var errs []error
	for i := len(l.steps) - 1; i >= 0; i-- {
		s := l.steps[i]
		began := time.Now()
		err := s.stop(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.name, err))
		}
		l.log.Debug("stopped", "part", s.name, "took", time.Since(began).Round(time.Millisecond), "err", err)
	}
	l.steps = nil
	return errors.Join(errs...)
}
