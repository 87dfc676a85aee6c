package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
)

type importCommand struct {
	Devices  importFleetCommand    `cmd:"" help:"Import devices, models, sites, regions, stations, technicians, customers and coverage from YAML or CSV files."`
	Failures importFailuresCommand `cmd:"" help:"Import failures that are known from elsewhere, as labels for presage backtest and the figures of the detectors, from CSV files."`
}

type importFleetCommand struct {
	settingsFlags
	Files []string `arg:"" help:"fleet.yaml, devices.csv, ... or a folder of those." type:"path"`
	Check bool     `help:"Only say what is wrong with the files, and import nothing."`
}

// Run imports all files or, when anything in them is wrong, none. A server
// that is running notices within seconds.
func (c importFleetCommand) Run(ctx context.Context, std streams) error {
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		known, err := store.Fleet(ctx, telemetry.DefaultTenant)
		if err != nil {
			return fmt.Errorf("read the fleet: %w", err)
		}
		for _, path := range c.Files {
			if _, err := os.Stat(path); err != nil {
				return fmt.Errorf("import: %w", err)
			}
		}
		imported, err := fleet.Import(known, c.Files...)
		if wrong := (*fleet.ImportErrors)(nil); errors.As(err, &wrong) {
			fmt.Fprintln(std.err, wrong)
			return fmt.Errorf("nothing was imported: %d mistakes in the files", len(wrong.Errors)+wrong.More)
		}
		if err != nil {
			return err
		}
		verb := "checked"
		if !c.Check {
			verb = "imported"
			if err := store.PutFleet(ctx, telemetry.DefaultTenant, imported); err != nil {
				return fmt.Errorf("import: %w", err)
			}
		}
		_, err = fmt.Fprintf(std.out, "%s: %d devices, %d models, %d sites, %d customers, %d regions, %d stations, %d technicians, %d coverages\n",
			verb, len(imported.Devices), len(imported.Models), len(imported.Sites), len(imported.Customers),
			len(imported.Regions), len(imported.Stations), len(imported.Technicians), len(imported.Coverage))
		return err
	})
}
