package sqlstore

import (
	"context"
	"database/sql"
)

// transaction is a transaction that uses the prepared statements of its store.
// All its statements have fixed texts, so that there are as many as in this package.
type transaction struct {
	tx *sql.Tx
	s  *Store
	// statements are the prepared ones bound to this transaction, missed the
	// texts of those that are not prepared yet.
	statements map[string]*sql.Stmt
	missed     []string
	// entered are the texts whose words this transaction put into the index.
	entered []string
}

// transactOnce runs fn in a transaction and commits when it returns nil.
func (s *Store) transactOnce(ctx context.Context, fn func(tx *transaction) error) error {
	sqlTx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// After a commit this does nothing; after a panic in fn it frees the connection.
	defer sqlTx.Rollback()
	tx := &transaction{tx: sqlTx, s: s, statements: map[string]*sql.Stmt{}}
	if err := fn(tx); err != nil {
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return err
	}
	s.entered.add(tx.entered)
	s.prepare(ctx, tx.missed)
	return nil
}

// prepare keeps statements for the transactions to come. It runs outside of
// one, which holds the only connection.
func (s *Store) prepare(ctx context.Context, texts []string) {
	for _, text := range texts {
		statement, err := s.write.PrepareContext(ctx, text)
		if err != nil {
			return // the next transaction tries again
		}
		if _, loaded := s.prepared.LoadOrStore(text, statement); loaded {
			statement.Close()
		}
	}
}

// statement returns the prepared statement of a text, nil when there is none.
func (t *transaction) statement(ctx context.Context, text string) *sql.Stmt {
	if !t.s.dialect.prepare {
		return nil
	}
	if statement, ok := t.statements[text]; ok {
		return statement
	}
	prepared, ok := t.s.prepared.Load(text)
	if !ok {
		t.missed = append(t.missed, text)
		t.statements[text] = nil
		return nil
	}
	bound := t.tx.StmtContext(ctx, prepared.(*sql.Stmt))
	t.statements[text] = bound
	return bound
}

// ExecContext implements querier.
func (t *transaction) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if statement := t.statement(ctx, text); statement != nil {
		return statement.ExecContext(ctx, args...)
	}
	return t.tx.ExecContext(ctx, text, args...)
}

// QueryContext implements querier.
func (t *transaction) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if statement := t.statement(ctx, text); statement != nil {
		return statement.QueryContext(ctx, args...)
	}
	return t.tx.QueryContext(ctx, text, args...)
}

// QueryRowContext implements querier.
func (t *transaction) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	if statement := t.statement(ctx, text); statement != nil {
		return statement.QueryRowContext(ctx, args...)
	}
	return t.tx.QueryRowContext(ctx, text, args...)
}
