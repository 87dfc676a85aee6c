package main

import (
	"context"
	"fmt"
	"io"
)

type serveCommand struct{ serveFlags }

// Run serves until the process is told to stop.
func (c serveCommand) Run(ctx context.Context, std streams) error {
	s, err := c.load(std)
	if err != nil {
		return err
	}
	return runApp(ctx, s, std, appOptions{}, func(ctx context.Context, a *app) error {
		a.announce(std.out)
		return a.wait(ctx)
	})
}

// announce tells a person who started Presage by hand where to go.
func (a *app) announce(w io.Writer) {
	fmt.Fprintf(w, "Presage %s\n", version)
	fmt.Fprintf(w, "  pages and API  %s\n", a.settings.publicURL())
	if a.settings.MQTT.Broker != "" {
		fmt.Fprintf(w, "  telemetry      from %s\n", redactURL(a.settings.MQTT.Broker))
	} else {
		fmt.Fprintf(w, "  telemetry      mqtt://%s\n", a.settings.MQTT.Listen)
	}
	fmt.Fprintf(w, "  data           %s\n", a.settings.Data)
	if a.setupLink != "" {
		fmt.Fprintf(w, "\nNobody can sign in yet. This link makes the first administrator, once:\n  %s\n", a.setupLink)
	}
	fmt.Fprintln(w)
}
