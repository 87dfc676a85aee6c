package influx

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// measurement is the one that holds all readings.
const measurement = "reading"

// maxTime is the last millisecond that the server's nanoseconds can hold with a day to spare, in 2262.
var maxTime = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() - 1

// Append implements [series.Store]. It may be several requests; when one
// fails, what the earlier ones wrote stays and is written again by the retry.
func (s *Store) Append(ctx context.Context, batches []telemetry.Batch) (dropped int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	var lines []byte
	count := 0
	flush := func() error {
		if count == 0 {
			return nil
		}
		n, err := s.write(ctx, string(lines))
		if err != nil {
			return fmt.Errorf("store %d readings in %s: %w", count, s.cfg.Database, err)
		}
		dropped += n
		lines, count = lines[:0], 0
		return nil
	}
	var prefix []byte
	for i := range batches {
		b := &batches[i]
		if len(b.Samples) == 0 {
			continue
		}
		prefix = append(prefix[:0], measurement+",device="...)
		prefix = append(prefix, escapeTag.Replace(encodeName(b.Device))...)
		prefix = append(prefix, ",metric="...)
		suffix := ",tenant=" + escapeTag.Replace(encodeName(b.Tenant)) + " value="
		for _, sample := range b.Samples {
			if sample.Time < 0 || sample.Time > maxTime {
				dropped++
				continue
			}
			lines = append(lines, prefix...)
			lines = append(lines, escapeTag.Replace(encodeName(sample.Metric))...)
			lines = append(lines, suffix...)
			lines = strconv.AppendFloat(lines, sample.Value, 'g', -1, 64)
			lines = append(lines, ' ')
			lines = strconv.AppendInt(lines, sample.Time, 10)
			lines = append(lines, '\n')
			if count++; count >= s.cfg.BatchLines {
				if err := flush(); err != nil {
					return 0, err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return 0, err
	}
	return dropped, nil
}

// beyondRetention is how the server says that it took a write but for readings older than its
// retention policy: "partial write: points beyond retention policy dropped=3".
var beyondRetention = regexp.MustCompile(`points beyond retention policy dropped=(\d+)`)

func (s *Store) write(ctx context.Context, lines string) (dropped int, err error) {
	err = s.tryWrite(ctx, lines)
	if errors.Is(err, errNoDatabase) {
		if created := s.ensureDatabase(ctx); created != nil {
			return 0, fmt.Errorf("%w: %w", err, created)
		}
		err = s.tryWrite(ctx, lines)
	}
	if err != nil {
		if m := beyondRetention.FindStringSubmatch(err.Error()); m != nil {
			return strconv.Atoi(m[1])
		}
		return 0, err
	}
	return 0, nil
}

func (s *Store) tryWrite(ctx context.Context, lines string) error {
	if err := s.writer.WriteRecord(ctx, lines); err != nil {
		return classify(ctx, err)
	}
	return nil
}
