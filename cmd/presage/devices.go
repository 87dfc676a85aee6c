package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

type deviceCommand struct {
	Credentials credentialsCommand `cmd:"" help:"Issue, list, rotate and revoke the tokens that devices sign in with."`
}

type credentialsCommand struct {
	Issue  credentialsIssueCommand  `cmd:"" help:"Issue a token for a device and print it; it is shown this once. With --file, for many, as CSV."`
	List   credentialsListCommand   `cmd:"" help:"List the tokens of a device, or of all."`
	Rotate credentialsRotateCommand `cmd:"" help:"Issue a token that takes the place of those that a device has, and print it."`
	Revoke credentialsRevokeCommand `cmd:"" help:"Revoke the tokens of a device; its connections end within seconds."`
}

// commandLine is who made what a command makes.
const commandLine = "command line"

type credentialsIssueCommand struct {
	settingsFlags
	Device  string        `arg:"" optional:"" help:"Id of the device or gateway."`
	Devices []string      `help:"What a gateway speaks for beside itself: device ids, and beginnings such as press-*." placeholder:"ID,..."`
	Expires time.Duration `help:"How long the token works, such as 8760h; for ever without it." placeholder:"DURATION"`
	File    string        `help:"File of device ids, one a line; writes CSV with a token for each." type:"existingfile" placeholder:"FILE"`
	Missing bool          `help:"With --file: only for devices that have no valid token."`
}

// Run prints the token alone on standard output, or the tokens of a file as CSV.
func (c credentialsIssueCommand) Run(ctx context.Context, std streams) error {
	switch {
	case c.Device == "" && c.File == "":
		return errors.New("name a device, or a file of them with --file")
	case c.Device != "" && c.File != "":
		return errors.New("name a device or a file, not both")
	case c.File != "" && len(c.Devices) > 0:
		return errors.New("--devices is for one gateway: leave out --file")
	case c.File == "" && c.Missing:
		return errors.New("--missing goes with --file")
	case c.Expires < 0:
		return fmt.Errorf("--expires is %s: give a positive time", c.Expires)
	}
	ids := []string{c.Device}
	if c.File != "" {
		var err error
		if ids, err = readDeviceIDs(c.File); err != nil {
			return err
		}
	}
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		if c.File == "" {
			tokens, err := issueTokens(ctx, store, ids, c.Devices, c.Expires, time.Now())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(std.out, tokens[0])
			return err
		}
		return c.issueMany(ctx, std, store, ids)
	})
}

// issueBatch is how many tokens are made in one transaction.
const issueBatch = 500

// issueMany writes each batch of tokens once it is stored, so that every token that is printed works.
func (c credentialsIssueCommand) issueMany(ctx context.Context, std streams, store *sqlstore.Store, ids []string) error {
	if c.Missing {
		known, err := currentCredentials(ctx, store, time.Now())
		if err != nil {
			return err
		}
		ids = missing(ids, known)
	}
	out := csv.NewWriter(std.out)
	if err := out.Write([]string{"device", "token"}); err != nil {
		return err
	}
	for done := 0; done < len(ids); done += issueBatch {
		batch := ids[done:min(done+issueBatch, len(ids))]
		tokens, err := issueTokens(ctx, store, batch, nil, c.Expires, time.Now())
		if err != nil {
			return fmt.Errorf("%d of %d tokens were issued and printed, go on with --missing: %w", done, len(ids), err)
		}
		for i, id := range batch {
			if err := out.Write([]string{id, tokens[i]}); err != nil {
				return err
			}
		}
		out.Flush()
		if err := out.Error(); err != nil {
			return fmt.Errorf("write tokens: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

// issueTokens stores a new credential for each device and returns their tokens.
func issueTokens(ctx context.Context, store *sqlstore.Store, ids, devices []string, lifetime time.Duration, now time.Time) ([]string, error) {
	var expires time.Time
	if lifetime > 0 {
		expires = now.Add(lifetime)
	}
	all, tokens := make([]access.DeviceCredential, len(ids)), make([]string, len(ids))
	for i, id := range ids {
		var err error
		if all[i], tokens[i], err = access.IssueDeviceCredential(telemetry.DefaultTenant, id, devices, commandLine, now, expires); err != nil {
			return nil, err
		}
	}
	return tokens, store.CreateDeviceCredentials(ctx, all)
}

type credentialsListCommand struct {
	settingsFlags
	Device string `arg:"" optional:"" help:"Id of the device or gateway; all without it."`
}

// Run lists credentials, without their tokens.
func (c credentialsListCommand) Run(ctx context.Context, std streams) error {
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		now := time.Now()
		w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "DEVICE\tCREDENTIAL\tSTATE\tSPEAKS FOR\tCREATED\tBY\tLAST USED\tEXPIRES")
		line := func(v access.DeviceCredential) {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Device, v.ID, credentialState(v, now), speaksFor(v),
				day(v.Created), v.CreatedBy, day(v.LastUsed), day(v.Expires))
		}
		if c.Device == "" {
			if err := eachCredential(ctx, store, line); err != nil {
				return err
			}
			return w.Flush()
		}
		all, err := store.DeviceCredentials(ctx, telemetry.DefaultTenant, c.Device)
		if err != nil {
			return fmt.Errorf("list credentials: %w", err)
		}
		for _, v := range all {
			line(v)
		}
		return w.Flush()
	})
}

func credentialState(c access.DeviceCredential, now time.Time) string {
	switch {
	case !c.Revoked.IsZero() && !now.Before(c.Revoked):
		return "revoked"
	case !c.ValidAt(now):
		return "expired"
	}
	return "valid"
}

func speaksFor(c access.DeviceCredential) string {
	switch len(c.Devices) {
	case 0:
		return "itself"
	case 1:
		return c.Devices[0]
	}
	return fmt.Sprintf("%s and %d more", c.Devices[0], len(c.Devices)-1)
}

type credentialsRotateCommand struct {
	settingsFlags
	Device  string        `arg:"" help:"Id of the device or gateway."`
	Grace   time.Duration `help:"For how long the tokens that the device has now stay valid." default:"24h" placeholder:"DURATION"`
	Expires time.Duration `help:"How long the new token works; for ever without it." placeholder:"DURATION"`
}

// Run prints the new token alone on standard output.
func (c credentialsRotateCommand) Run(ctx context.Context, std streams) error {
	if c.Grace < 0 || c.Expires < 0 {
		return errors.New("--grace and --expires take positive times")
	}
	now := time.Now()
	var expires time.Time
	if c.Expires > 0 {
		expires = now.Add(c.Expires)
	}
	next, token, err := access.IssueDeviceCredential(telemetry.DefaultTenant, c.Device, nil, commandLine, now, expires)
	if err != nil {
		return err
	}
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		_, err := store.RotateDeviceCredentials(ctx, next, now.Add(c.Grace))
		if errors.Is(err, tickets.ErrNotFound) {
			return fmt.Errorf("device %q has no valid token: issue one with presage device credentials issue", c.Device)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(std.out, token)
		return err
	})
}

type credentialsRevokeCommand struct {
	settingsFlags
	Device     string `arg:"" help:"Id of the device or gateway."`
	Credential string `help:"Only this one; see presage device credentials list." placeholder:"ID"`
}

// Run revokes and says how many.
func (c credentialsRevokeCommand) Run(ctx context.Context, std streams) error {
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		n, err := store.RevokeDeviceCredentials(ctx, telemetry.DefaultTenant, c.Device, c.Credential, time.Now())
		if errors.Is(err, tickets.ErrNotFound) {
			return fmt.Errorf("device %q has no such valid token: see presage device credentials list", c.Device)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "revoked %d\n", n)
		return err
	})
}
