// Command presage takes telemetry over MQTT, watches it for trouble, and opens
// fault tickets by itself. See the README for a start, and presage --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker.
var version = "dev"

// commands is the command line.
type commands struct {
	Serve    serveCommand    `cmd:"" help:"Run Presage: broker, stores, detectors, desk and web in one process."`
	Demo     demoCommand     `cmd:"" help:"Run Presage with a simulated fleet that publishes over MQTT and breaks now and then."`
	Replay   replayCommand   `cmd:"" help:"Publish recorded telemetry over MQTT with its own time stamps."`
	Score    scoreCommand    `cmd:"" help:"Run the detectors over a recorded series from standard input."`
	Backtest backtestCommand `cmd:"" help:"Replay stored history through the detectors: which tickets would have opened, and were they right."`
	Bench    benchCommand    `cmd:"" help:"Measure speed under load."`
	Token    tokenCommand    `cmd:"" help:"Make, list and revoke API tokens."`
	Device   deviceCommand   `cmd:"" help:"Give devices the credentials that they sign in with."`
	Broker   brokerCommand   `cmd:"" help:"Write the configuration of an external broker."`
	User     userCommand     `cmd:"" help:"Add and list people who may sign in."`
	Import   importCommand   `cmd:"" help:"Import devices, the organisation that looks after them, and known failures."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database to this version's schema."`
	Config   configCommand   `cmd:"" help:"Print the settings in effect, with secrets hidden."`
	Doctor   doctorCommand   `cmd:"" help:"Check settings, disk, clock, limits, stores and brokers, and say what to do."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// streams are the standard streams and environment of a run.
type streams struct {
	in      io.Reader
	out     io.Writer
	err     io.Writer
	environ []string
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	err := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr, os.Environ()})
	switch usage := (*kong.ParseError)(nil); {
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "presage: %v\nRun presage --help for how to use it.\n", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "presage: %v\n", err)
		os.Exit(1)
	}
}

// run parses the arguments and runs the command they name until it is done or
// ctx ends.
func run(ctx context.Context, args []string, std streams) error {
	var c commands
	exited := false
	parser, err := kong.New(&c,
		kong.Name("presage"),
		kong.Description("Fault tickets from telemetry, before the customer calls."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited {
		return nil
	}
	if err != nil {
		return err
	}
	return parsed.Run()
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(std streams) error {
	_, err := fmt.Fprintln(std.out, version)
	return err
}

// newLogger returns the logger that the settings ask for.
func newLogger(s LogSettings, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if s.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
