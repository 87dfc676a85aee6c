package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres is the external database.
type Postgres struct {
	URL string
	// Connections is how many Presage uses.
	Connections int
	Fleet       *Fleet
}

// Check looks at reachability, version, durability, encoding, rights and clock.
func (p Postgres) Check() Check { return Check{Name: "database", Look: p.look} }

const (
	// oldestPostgres still gets corrections; the tests run on 15.
	oldestPostgres = 14_0000
	// clockSkew is how far two clocks may be apart before times in tickets look wrong.
	clockSkew = 2 * time.Second
)

func (p Postgres) look(ctx context.Context) []Result {
	config, err := pgx.ParseConfig(p.URL)
	if err != nil {
		return one(Bad(fmt.Sprintf("The URL cannot be read: %v.", err), "Set database to postgres://user:password@host/name.")) // the error hides the password
	}
	config.RuntimeParams["application_name"] = "presage doctor"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return one(p.unreachable(err, config))
	}
	defer conn.Close(ctx)
	results := []Result{}
	for _, look := range []func(context.Context, *pgx.Conn) ([]Result, error){p.version, p.durability, p.rights, p.clock, p.room, p.count} {
		found, err := look(ctx, conn)
		if err != nil {
			return append(results, Bad(fmt.Sprintf("A question to the database failed: %v.", err), "Give the role of the URL all rights on the database, best by owning it."))
		}
		results = append(results, found...)
	}
	return results
}

func (p Postgres) unreachable(err error, config *pgx.ConnConfig) Result {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case "28P01", "28000":
			return Bad(fmt.Sprintf("The server refuses the role %q: %s.", config.User, refused.Message),
				"Correct user and password in database (PRESAGE_DATABASE), or set the password: ALTER ROLE "+pgx.Identifier{config.User}.Sanitize()+" PASSWORD '…'. pg_hba.conf must let this machine in.")
		case "3D000":
			return Bad(fmt.Sprintf("There is no database %q.", config.Database),
				"Make it: CREATE DATABASE "+pgx.Identifier{config.Database}.Sanitize()+" OWNER "+pgx.Identifier{config.User}.Sanitize()+" ENCODING 'UTF8' TEMPLATE template0.")
		case "53300":
			return Bad("The server has no connection left.", fmt.Sprintf("Raise max_connections; Presage uses up to %d.", p.Connections))
		case "57P03":
			return Weak("The server is starting.", "Try again in a moment.")
		}
		return Bad(fmt.Sprintf("The server refuses: %s (%s).", refused.Message, refused.Code), "Its log says more.")
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return Bad("The server does not answer.", "Findings wait in the journal while it is away. Check host, port and firewall.")
	}
	return Bad(fmt.Sprintf("The server cannot be reached: %v.", err), "Findings wait in the journal while it is away. Check host and port, listen_addresses of the server, and sslmode in the URL.")
}

// setting returns one setting of the server.
func setting(ctx context.Context, conn *pgx.Conn, name string) (value string, err error) {
	err = conn.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value)
	return value, err
}

func (Postgres) version(ctx context.Context, conn *pgx.Conn) ([]Result, error) {
	var number int
	var encoding string
	err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')").Scan(&number, &encoding)
	if err != nil {
		return nil, err
	}
	found := Good("PostgreSQL %d.%d answers.", number/10000, number%10000)
	if number < oldestPostgres {
		found = Weak(fmt.Sprintf("PostgreSQL %d.%d answers.", number/10000, number%10000), "It gets no corrections any more: use 15, which Presage is tested with, or newer.")
	}
	if encoding != "UTF8" {
		return []Result{found, Bad("The database has the encoding "+encoding+".", "Titles in other languages cannot be kept: make the database anew with ENCODING 'UTF8' TEMPLATE template0.")}, nil
	}
	return one(found), nil
}

// durability looks at what a commit stands for (PostgreSQL manual, "Write Ahead Log").
func (Postgres) durability(ctx context.Context, conn *pgx.Conn) ([]Result, error) {
	var results []Result
	for _, s := range []struct {
		name, why string
		level     Level
	}{
		{"fsync", "A power cut of the server can destroy the whole database", Fail},
		{"full_page_writes", "A power cut of the server can leave half-written pages, which nothing mends", Fail},
		{"synchronous_commit", "A crash of the server forgets tickets that people have seen already", Fail},
	} {
		value, err := setting(ctx, conn, s.name)
		if err != nil {
			return nil, err
		}
		if value == "off" {
			results = append(results, Result{Level: s.level, Found: s.name + " is off.",
				Remedy: s.why + ". ALTER SYSTEM SET " + s.name + " = on; then SELECT pg_reload_conf(). Look also in postgresql.conf and at ALTER ROLE and ALTER DATABASE."})
		}
	}
	if len(results) == 0 {
		results = one(Good("A commit is durable: fsync, full_page_writes and synchronous_commit are on."))
	}
	return results, nil
}

func (Postgres) rights(ctx context.Context, conn *pgx.Conn) ([]Result, error) {
	var standby, readOnly, create bool
	err := conn.QueryRow(ctx, `SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool,
		COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false)`).Scan(&standby, &readOnly, &create)
	switch {
	case err != nil:
		return nil, err
	case standby:
		return one(Bad("The server is a standby, which cannot be written.", "Give the URL of the primary, or several hosts with target_session_attrs=read-write.")), nil
	case readOnly:
		return one(Bad("Transactions are read-only by default.", "ALTER ROLE … SET default_transaction_read_only = off.")), nil
	case !create:
		return one(Bad("The role may not make tables.", "Presage makes and migrates its own: ALTER DATABASE … OWNER TO the role of the URL, and GRANT CREATE ON SCHEMA public.")), nil
	}
	return one(Good("The role may make tables.")), nil
}

func (Postgres) clock(ctx context.Context, conn *pgx.Conn) ([]Result, error) {
	var theirs time.Time
	before := time.Now()
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs); err != nil {
		return nil, err
	}
	took := time.Since(before)
	skew := theirs.Sub(before.Add(took / 2))
	if skew.Abs() > clockSkew+took/2 {
		return one(Weak(fmt.Sprintf("The clock of the server is %s off ours.", skew.Round(time.Millisecond)), "Times of the server's log and those of tickets do not match: synchronise both with NTP.")), nil
	}
	return one(Good("Its clock is ours.")), nil
}

func (p Postgres) room(ctx context.Context, conn *pgx.Conn) ([]Result, error) {
	var most, used int
	err := conn.QueryRow(ctx, "SELECT current_setting('max_connections')::int, (SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend')").Scan(&most, &used)
	if err != nil {
		return nil, err
	}
	if most < p.Connections+5 { // the server keeps some for administrators
		return one(Weak(fmt.Sprintf("The server has %d connections.", most), fmt.Sprintf("Presage uses up to %d: raise max_connections.", p.Connections))), nil
	}
	return one(Good("%d of %d connections are in use.", used, most)), nil
}

// count counts the devices, once there is a schema.
func (p Postgres) count(ctx context.Context, conn *pgx.Conn) ([]Result, error) {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('devices') IS NOT NULL").Scan(&there); err != nil {
		return nil, err
	}
	if !there {
		return one(Good("The database is empty; Presage makes its tables at the first start.")), nil
	}
	err := conn.QueryRow(ctx, "SELECT COUNT(*) FROM devices").Scan(&p.Fleet.Devices)
	p.Fleet.Known = err == nil
	return nil, err
}
