package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
)

// mostOutcomes bounds the tickets by which rules are judged, the newest: a megabyte, and some ten milliseconds.
const mostOutcomes = 5000

// Outcomes returns what became of the newest 5,000 tickets that were opened since a time, newest first. A ticket belongs to the rule of the
// finding that opened it; one that was opened before rules were noted is left out.
func (s *Store) Outcomes(ctx context.Context, tenant string, since time.Time) ([]quality.Ticket, error) {
	all, err := collect(ctx, s.read, func(r row) (o quality.Ticket, err error) {
		var closed sql.NullTime
		err = r.Scan(&o.ID, &o.Number, &o.Device, &o.Component, &o.FaultCode, &o.Model, &o.Rule, &o.Open, &o.Resolution, into(&o.Onset), into(&o.Opened), &closed)
		o.Closed = closed.Time.UTC()
		return o, err
	}, fmt.Sprintf(`SELECT t.id, t.number, t.device, t.component, t.fault_code, t.model, f.rule, t.is_open, t.resolution, t.onset_at, t.opened_at, t.closed_at
		FROM tickets t JOIN findings f ON f.tenant = t.tenant AND f.id = (
			SELECT g.id FROM findings g WHERE g.tenant = t.tenant AND g.ticket = t.id AND g.ticket <> '' AND g.withheld = '' AND g.phase <> 'cleared'
			ORDER BY g.recorded_at, g.found_at, g.id LIMIT 1)
		WHERE t.tenant = $1 AND t.opened_at >= $2 AND f.rule <> '' ORDER BY t.opened_at DESC, t.id DESC LIMIT %d`, mostOutcomes), tenant, moment(since))
	return all, s.fail(ctx, "read outcomes of rules", err)
}

// Trials returns what rules on trial found since a time, by rule, then model.
func (s *Store) Trials(ctx context.Context, tenant string, since time.Time) ([]quality.Trial, error) {
	all, err := collect(ctx, s.read, func(r row) (t quality.Trial, err error) {
		err = r.Scan(&t.Rule, &t.Model, &t.Raised, &t.Ticketed)
		return t, err
	}, `SELECT f.rule, COALESCE(d.model, ''), COUNT(*), SUM(CASE WHEN EXISTS (
			SELECT 1 FROM tickets t WHERE t.tenant = f.tenant AND t.device = f.device AND t.component = f.component
			AND t.opened_at <= f.found_at AND (t.closed_at IS NULL OR t.closed_at > f.found_at)) THEN 1 ELSE 0 END)
		FROM findings f LEFT JOIN devices d ON d.tenant = f.tenant AND d.id = f.device
		WHERE f.tenant = $1 AND f.withheld = 'shadow' AND f.phase = 'raised' AND f.found_at >= $2
		GROUP BY f.rule, COALESCE(d.model, '') ORDER BY 1, 2`, tenant, moment(since))
	return all, s.fail(ctx, "read findings on trial", err)
}

// ModelCounts returns how many devices there are of each model, those without one under "".
func (s *Store) ModelCounts(ctx context.Context, tenant string) (map[string]int, error) {
	type count struct {
		model string
		n     int
	}
	all, err := collect(ctx, s.read, func(r row) (c count, err error) { return c, r.Scan(&c.model, &c.n) },
		`SELECT model, COUNT(*) FROM devices WHERE tenant = $1 AND NOT retired GROUP BY model`, tenant)
	counts := make(map[string]int, len(all))
	for _, c := range all {
		counts[c.model] = c.n
	}
	return counts, s.fail(ctx, "count devices by model", err)
}

// ModelFailures returns the failures in [from, to) of devices that are known, with their models of now, oldest first, at most
// [quality.MaxFailures].
func (s *Store) ModelFailures(ctx context.Context, tenant string, from, to time.Time) ([]quality.ModelFailure, error) {
	all, err := collect(ctx, s.read, func(r row) (f quality.ModelFailure, err error) {
		return f, r.Scan(&f.Device, &f.Component, into(&f.FailedAt), &f.Code, &f.Model)
	}, fmt.Sprintf(`SELECT f.device, f.component, f.failed_at, f.code, d.model
		FROM failures f JOIN devices d ON d.tenant = f.tenant AND d.id = f.device
		WHERE f.tenant = $1 AND f.failed_at >= $2 AND f.failed_at < $3
		ORDER BY f.failed_at, f.device, f.component, f.code LIMIT %d`, quality.MaxFailures), tenant, moment(from), moment(to))
	return all, s.fail(ctx, "read failures by model", err)
}

// StageSettings returns the stages and levels that differ from the catalogue's, or did once, by rule, then model.
func (s *Store) StageSettings(ctx context.Context, tenant string) ([]quality.Setting, error) {
	all, err := collect(ctx, s.read, scanSetting, `SELECT body FROM detector_stages WHERE tenant = $1 ORDER BY rule, model`, tenant)
	return all, s.fail(ctx, "read stages of rules", err)
}

// mostStageChanges bounds the changes of stages that are shown.
const mostStageChanges = 200

// StageChanges returns the newest 200 changes of stages, newest first.
func (s *Store) StageChanges(ctx context.Context, tenant string) ([]quality.Setting, error) {
	all, err := collect(ctx, s.read, scanSetting,
		fmt.Sprintf(`SELECT body FROM detector_stage_changes WHERE tenant = $1 ORDER BY id DESC LIMIT %d`, mostStageChanges), tenant)
	return all, s.fail(ctx, "read changes of stages", err)
}

func scanSetting(r row) (v quality.Setting, err error) { return v, r.Scan(document(&v)) }

// SetStage stores a change of a stage or a level and records it. It fails with [tickets.ErrConflict] when somebody changed the same one at that time or
// later, so that what no person decided never undoes what a person did meanwhile. Notices of the change go to the outbox with it.
func (s *Store) SetStage(ctx context.Context, tenant string, v quality.Setting, notices ...tickets.Event) error {
	v.At = moment(v.At)
	body, err := toJSON(v)
	if err != nil {
		return err
	}
	id, err := newID()
	if err != nil {
		return err
	}
	err = s.transact(ctx, "set the stage of rule "+v.Rule, func(tx *transaction) error {
		n, err := affected(ctx, tx, `INSERT INTO detector_stages (tenant, rule, model, body, changed_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (tenant, rule, model) DO UPDATE SET body = excluded.body, changed_at = excluded.changed_at
			WHERE detector_stages.changed_at < excluded.changed_at`, tenant, v.Rule, v.Model, body, v.At)
		if err != nil {
			return err
		}
		if n == 0 {
			return tickets.ErrConflict
		}
		_, err = affected(ctx, tx, `INSERT INTO detector_stage_changes (tenant, id, body) VALUES ($1, $2, $3)`, tenant, id, body)
		for i := 0; i < len(notices) && err == nil; i++ {
			err = publish(ctx, tx, tenant, notices[i])
		}
		return err
	})
	if err == nil && len(notices) > 0 {
		s.signal()
	}
	return err
}
