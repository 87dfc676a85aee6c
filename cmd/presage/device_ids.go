package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
)

// maxDeviceIDs is how many devices a file may name.
const maxDeviceIDs = 1_000_000

// readDeviceIDs reads one id a line; empty lines and those that begin with # do
// not count. It fails with every mistake, up to some, and reads nothing then.
func readDeviceIDs(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var ids []string
	var errs []error
	seen := map[string]int{}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan() && len(errs) < 20; n++ {
		id := strings.TrimSpace(lines.Text())
		if id == "" || strings.HasPrefix(id, "#") {
			continue
		}
		if err := telemetry.ValidDeviceID(id); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", path, n, err))
			continue
		}
		if before, twice := seen[id]; twice {
			errs = append(errs, fmt.Errorf("%s:%d: %q stands in line %d already", path, n, id, before))
			continue
		}
		if seen[id] = n; len(seen) > maxDeviceIDs {
			return nil, fmt.Errorf("%s:%d: more than %d devices: cut the file into several", path, n, maxDeviceIDs)
		}
		ids = append(ids, id)
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, fmt.Errorf("read %s: %w", path, err))
	}
	if len(errs) == 0 && len(ids) == 0 {
		errs = append(errs, fmt.Errorf("%s names no device: write one id a line", path))
	}
	return ids, errors.Join(errs...)
}

// eachCredential calls fn for every credential, the oldest first.
func eachCredential(ctx context.Context, store *sqlstore.Store, fn func(access.DeviceCredential)) error {
	const page = 1000
	for after := ""; ; {
		all, err := store.DeviceCredentialsAfter(ctx, telemetry.DefaultTenant, after, page)
		if err != nil {
			return fmt.Errorf("list credentials: %w", err)
		}
		for _, c := range all {
			fn(c)
			after = c.ID
		}
		if len(all) < page {
			return nil
		}
	}
}

// currentCredentials returns the newest valid credential of every device that has one.
func currentCredentials(ctx context.Context, store *sqlstore.Store, now time.Time) (map[string]access.DeviceCredential, error) {
	current := map[string]access.DeviceCredential{}
	err := eachCredential(ctx, store, func(c access.DeviceCredential) {
		if c.ValidAt(now) {
			current[c.Device] = c
		}
	})
	return current, err
}

// missing returns the ids that have no credential.
func missing(ids []string, known map[string]access.DeviceCredential) []string {
	var without []string
	for _, id := range ids {
		if _, ok := known[id]; !ok {
			without = append(without, id)
		}
	}
	return without
}
