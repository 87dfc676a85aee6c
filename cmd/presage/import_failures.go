package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets/quality"
)

type importFailuresCommand struct {
	settingsFlags
	Files []string `arg:"" help:"CSV with the columns device, component, failed_at and code (may be left out)." type:"existingfile"`
	Check bool     `help:"Only say what is wrong with the files, and import nothing."`
}

// Run imports all files or, when anything in them is wrong, none. Importing a failure again changes nothing. A device need not be
// known: a failure of one that was retired is a label all the same.
func (c importFailuresCommand) Run(ctx context.Context, std streams) error {
	var all []quality.Failure
	var errs []error
	for _, name := range c.Files {
		found, err := readFailures(name)
		all, errs = append(all, found...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("nothing was imported:\n%w", err)
	}
	if len(all) > quality.MaxFailures {
		return fmt.Errorf("nothing was imported: %d failures are more than %d at once: import fewer files", len(all), quality.MaxFailures)
	}
	if c.Check {
		_, err := fmt.Fprintf(std.out, "checked: %d failures\n", len(all))
		return err
	}
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		added, err := store.PutFailures(ctx, telemetry.DefaultTenant, all, time.Now())
		if err != nil {
			return fmt.Errorf("import: %w", err)
		}
		_, err = fmt.Fprintf(std.out, "imported: %d failures; %d were known before\n", added, len(all)-added)
		return err
	})
}

func readFailures(name string) ([]quality.Failure, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	return quality.ReadCSV(name, f)
}
