package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/term"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/web"
	"github.com/presage-pdm/presage/web/password"
)

// withStore runs fn on the database of the settings, beside a server that may be running.
func (f settingsFlags) withStore(ctx context.Context, std streams, fn func(*sqlstore.Store) error) error {
	s, err := f.load(std, nil)
	if err != nil {
		return err
	}
	store, err := openSQL(ctx, s, nil, newLogger(s.Log, std.err))
	if err != nil {
		return err
	}
	return errors.Join(fn(store), store.Close())
}

type tokenCommand struct {
	Create tokenCreateCommand `cmd:"" help:"Make an API token and print it; it is shown this once."`
	List   tokenListCommand   `cmd:"" help:"List the API tokens."`
	Revoke tokenRevokeCommand `cmd:"" help:"Revoke an API token."`
}

type tokenCreateCommand struct {
	settingsFlags
	Role    string        `help:"viewer, technician, dispatcher, planner or admin." required:"" placeholder:"ROLE"`
	Name    string        `help:"What the token is for; unique." placeholder:"NAME"`
	Expires time.Duration `help:"How long the token works; for ever without it." placeholder:"DURATION"`
}

// Run prints a new token alone on standard output.
func (c tokenCreateCommand) Run(ctx context.Context, std streams) error {
	role, err := access.ParseRole(c.Role)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	if c.Name == "" {
		c.Name = fmt.Sprintf("%s-%s", role, now.Format("20060102-150405.000000"))
	}
	var expires time.Time
	if c.Expires > 0 {
		expires = now.Add(c.Expires)
	}
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		token, secret, err := web.MakeToken(telemetry.DefaultTenant, c.Name, role, commandLine, now, expires)
		if err != nil {
			return err
		}
		if err := store.CreateToken(ctx, token); err != nil {
			return fmt.Errorf("create token %q: %w", c.Name, err)
		}
		_, err = fmt.Fprintln(std.out, secret)
		return err
	})
}

type tokenListCommand struct{ settingsFlags }

// Run lists the tokens, without their secrets.
func (c tokenListCommand) Run(ctx context.Context, std streams) error {
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		tokens, err := store.Tokens(ctx, telemetry.DefaultTenant)
		if err != nil {
			return fmt.Errorf("list tokens: %w", err)
		}
		w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tROLE\tCREATED\tLAST USED\tEXPIRES")
		for _, t := range tokens {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, t.Role, day(t.Created), day(t.LastUsed), day(t.Expires))
		}
		return w.Flush()
	})
}

// day writes a time for a list; "-" when there is none.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

type tokenRevokeCommand struct {
	settingsFlags
	Name string `arg:"" help:"Name of the token; see presage token list."`
}

// Run revokes a token by name.
func (c tokenRevokeCommand) Run(ctx context.Context, std streams) error {
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		tokens, err := store.Tokens(ctx, telemetry.DefaultTenant)
		if err != nil {
			return fmt.Errorf("list tokens: %w", err)
		}
		for _, t := range tokens {
			if t.Name == c.Name {
				return store.DeleteToken(ctx, telemetry.DefaultTenant, t.ID)
			}
		}
		return fmt.Errorf("there is no token %q: see presage token list", c.Name)
	})
}

type userCommand struct {
	Add  userAddCommand  `cmd:"" help:"Add a person who may sign in."`
	List userListCommand `cmd:"" help:"List the people who may sign in."`
}

type userAddCommand struct {
	settingsFlags
	Name       string `arg:"" help:"Name to sign in with."`
	Role       string `help:"viewer, technician, dispatcher, planner or admin." required:"" placeholder:"ROLE"`
	Display    string `help:"Name that others see." placeholder:"NAME"`
	Technician string `help:"Technician of the fleet that the person is." placeholder:"ID"`
	Language   string `help:"en, de or zh." placeholder:"LANGUAGE"`
}

// Run asks for the password, on a terminal without showing it, else as the
// first line of standard input.
func (c userAddCommand) Run(ctx context.Context, std streams) error {
	role, err := access.ParseRole(c.Role)
	if err != nil {
		return err
	}
	secret, err := readPassword(std)
	if err != nil {
		return err
	}
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		hash, err := hashPassword(secret)
		if err != nil {
			return err
		}
		return addUser(ctx, store, access.User{
			Name: strings.ToLower(c.Name), Display: c.Display, Role: role,
			Technician: c.Technician, Language: c.Language, PasswordHash: hash,
		})
	})
}

// hashPassword returns what is kept of a password, which follows the rule of
// the pages. It takes a fifth of a second, on purpose.
func hashPassword(secret string) (string, error) {
	if utf8.RuneCountInString(secret) < web.MinPassword {
		return "", fmt.Errorf("the password is shorter than %d characters", web.MinPassword)
	}
	hasher, err := password.New(password.DefaultParams())
	if err != nil {
		return "", err
	}
	return hasher.Hash(secret)
}

// addUser completes an account that has its PasswordHash, and stores it.
func addUser(ctx context.Context, store *sqlstore.Store, u access.User) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an id: %w", err)
	}
	u.ID, u.Created = id.String(), time.Now().UTC()
	if u.Display == "" {
		u.Display = u.Name
	}
	if err := store.CreateUser(ctx, telemetry.DefaultTenant, u); err != nil {
		return fmt.Errorf("add user %q: %w", u.Name, err)
	}
	return nil
}

func readPassword(std streams) (string, error) {
	if f, ok := std.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(std.err, "Password: ")
		secret, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(std.err)
		return string(secret), err
	}
	line, err := bufio.NewReader(std.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password from standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

type userListCommand struct{ settingsFlags }

// Run lists the accounts.
func (c userListCommand) Run(ctx context.Context, std streams) error {
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		users, err := store.Users(ctx, telemetry.DefaultTenant)
		if err != nil {
			return fmt.Errorf("list users: %w", err)
		}
		w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tDISPLAY\tROLE\tTECHNICIAN\tCREATED")
		for _, u := range users {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.Name, u.Display, u.Role, u.Technician, day(u.Created))
		}
		return w.Flush()
	})
}

type migrateCommand struct{ settingsFlags }

// Run brings the schema up to date; opening the database does.
func (c migrateCommand) Run(ctx context.Context, std streams) error {
	return c.withStore(ctx, std, func(store *sqlstore.Store) error {
		_, err := fmt.Fprintf(std.out, "The %s database has this version's schema.\n", store.Engine())
		return err
	})
}
