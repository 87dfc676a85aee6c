package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNewerSchema means that a newer Presage has already changed the database.
var ErrNewerSchema = errors.New("the database belongs to a newer version of Presage")

// migration is one step of the schema. Steps are only ever added, never
// changed, and a step only ever adds: an older process that still runs beside
// the newer one goes on working.
type migration struct {
	name       string
	statements []string
}

// Migrate brings the schema up to date; [Open] has done so already. Two
// processes that do it at once wait for each other.
func (s *Store) Migrate(ctx context.Context) error {
	return s.transact(ctx, "migrate the database", func(t *transaction) error {
		tx := t.tx // statements that run once are not kept prepared
		if s.dialect.migrationLock != "" {
			if _, err := tx.ExecContext(ctx, s.dialect.migrationLock); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, s.dialect.ddl(`CREATE TABLE IF NOT EXISTS schema_versions (
			version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TIMESTAMP NOT NULL)`))
		if err != nil {
			return err
		}
		var version int
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_versions`).Scan(&version); err != nil {
			return err
		}
		if version > len(migrations) {
			return fmt.Errorf("%w: its schema is version %d and this program knows %d: run the newer program, or restore a backup made before the upgrade",
				ErrNewerSchema, version, len(migrations))
		}
		for i := version; i < len(migrations); i++ {
			m := migrations[i]
			for _, statement := range m.statements {
				if _, err := tx.ExecContext(ctx, s.dialect.ddl(statement)); err != nil {
					return fmt.Errorf("step %d (%s): %w", i+1, m.name, err)
				}
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO schema_versions (version, name, applied_at) VALUES ($1, $2, $3)`,
				i+1, m.name, moment(time.Now()))
			if err != nil {
				return fmt.Errorf("step %d (%s): %w", i+1, m.name, err)
			}
		}
		return nil
	})
}
