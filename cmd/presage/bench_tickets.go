package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/internal/bench"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

type benchTicketsCommand struct {
	Tickets  int    `help:"Tickets to store, one in ten of them open." default:"1000000"`
	Rounds   int    `help:"Pages of each kind to read." default:"100"`
	Database string `help:"postgres:// URL of an empty database; SQLite without it." placeholder:"URL"`
	JSON     bool   `name:"json" help:"Print the report as JSON."`
}

// Help says what is measured.
func (benchTicketsCommand) Help() string {
	return `Stores the tickets as the desk stores them, many to a transaction, starts a server, and reads pages of 50 over the API, one after
the other: the list as it opens, filtered by facets, searched by text, sorted in each way, and pages further down. Each kind is read once beforehand.`
}

// ticketsReport is how long a page takes.
type ticketsReport struct {
	Engine  string       `json:"engine"`
	Tickets int          `json:"tickets"`
	Seconds float64      `json:"stored_in_s"`
	Pages   bench.Figure `json:"pages"`
	Kinds   []pageKind   `json:"kinds"`
}

// pageKind is one kind of page.
type pageKind struct {
	Path string `json:"path"`
	bench.Figure
}

// Run measures and prints.
func (c benchTicketsCommand) Run(ctx context.Context, std streams) error {
	r, err := c.measure(ctx, std)
	return show(std.out, c.JSON, r, err)
}

func (r *ticketsReport) text(w io.Writer) error {
	_, err := fmt.Fprintf(w, "ticket pages    %s, %d tickets (stored in %.0f s): p50 %.1f ms, p99 %.1f ms, most %.1f ms of %d\n",
		r.Engine, r.Tickets, r.Seconds, r.Pages.P50Ms, r.Pages.P99Ms, r.Pages.MaxMs, r.Pages.Count)
	for _, k := range r.Kinds {
		_, one := fmt.Fprintf(w, "                p50 %6.1f ms, p99 %6.1f ms  %s\n", k.P50Ms, k.P99Ms, k.Path)
		err = errors.Join(err, one)
	}
	return err
}

// ticketPages is the mix of pages: what people look at in a queue. The fault of benchTicket is in all of them.
var ticketPages = []string{
	"/api/v1/tickets?open=true",
	"/api/v1/tickets",
	"/api/v1/tickets?sort=updated",
	"/api/v1/tickets?open=true&region=region-7",
	"/api/v1/tickets?open=true&station=station-40&severity=major,critical,warning,info",
	"/api/v1/tickets?open=true&assignee=t-120&sort=opened",
	"/api/v1/tickets?region=region-7&sort=opened",
	"/api/v1/tickets?open=false&assignee=t-123&sort=opened",
	"/api/v1/tickets?open=true&component=battery",
	"/api/v1/tickets?state=closed&region=region-3&component=bearing",
	"/api/v1/tickets?state=new",
	"/api/v1/tickets?state=new&region=region-3&component=bearing",
	"/api/v1/tickets?device=device-00042",
	"/api/v1/tickets?customer=c-17",
	"/api/v1/tickets?q=device-0004",
	"/api/v1/tickets?q=T-000123",
	"/api/v1/tickets?q=fault+number&open=true",
	"/api/v1/tickets?q=fault+number",
	"/api/v1/tickets?opened_from=2025-01-05T00:00:00Z&opened_to=2025-01-06T00:00:00Z&sort=opened",
}

func (c benchTicketsCommand) measure(ctx context.Context, std streams) (*ticketsReport, error) {
	server, r, err := c.store(ctx, std)
	if err != nil {
		return nil, err
	}
	defer server.close()
	return r, c.read(ctx, server, r)
}

// store prepares a server with the tickets. It does not run yet; the caller closes it.
func (c benchTicketsCommand) store(ctx context.Context, std streams) (*benchServer, *ticketsReport, error) {
	server, err := newBenchServer(std, c.Database)
	if err != nil {
		return nil, nil, err
	}
	r := &ticketsReport{Tickets: c.Tickets}
	began := time.Now()
	if r.Engine, err = c.fill(ctx, server, std.err); err != nil {
		server.close()
		return nil, nil, fmt.Errorf("store tickets: %w", err)
	}
	r.Seconds = time.Since(began).Seconds()
	return server, r, nil
}

// read starts the server, reads the pages and adds how long they take.
func (c benchTicketsCommand) read(ctx context.Context, server *benchServer, r *ticketsReport) error {
	if _, err := server.start(ctx); err != nil {
		return err
	}
	paths := ticketPages
	api := server.api()
	for _, path := range []string{"/api/v1/tickets?open=true", "/api/v1/tickets?sort=opened&region=region-11"} {
		further, err := api.Further(ctx, path, 20)
		if err != nil {
			return err
		}
		paths = append(paths[:len(paths):len(paths)], further)
	}
	all, each, err := api.Pages(ctx, paths, c.Rounds)
	r.Pages = all
	for i := range each {
		r.Kinds = append(r.Kinds, pageKind{paths[i], each[i]})
	}
	return err
}

// fill stores the tickets in the database of a server that does not run yet, and returns which engine it is.
func (c benchTicketsCommand) fill(ctx context.Context, server *benchServer, progress io.Writer) (engine string, err error) {
	settings := DefaultSettings()
	settings.Data, settings.Database = server.data(), c.Database
	store, err := openSQL(ctx, settings, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if page, err := store.List(ctx, telemetry.DefaultTenant, tickets.Filter{Limit: 1}); err != nil || page.Total > 0 {
		return "", errors.Join(err, errors.New("the database holds tickets already: name an empty one"))
	}
	bar := benchProgress(progress, int64(c.Tickets), "storing tickets")
	fmt.Fprintf(progress, "storing %d tickets in %s ...\n", c.Tickets, store.Engine())
	const together = 10_000
	for from := 0; from < c.Tickets; from += together {
		to := min(from+together, c.Tickets)
		if err := storeTickets(ctx, store, from, to); err != nil {
			return "", err
		}
		_ = bar.Add(to - from)
	}
	_ = bar.Finish()
	return store.Engine(), nil
}

func storeTickets(ctx context.Context, store *sqlstore.Store, from, to int) error {
	return store.Update(ctx, telemetry.DefaultTenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
		for n := from; n < to; n++ {
			t := benchTicket(n)
			if err := tx.Insert(ctx, &t); err != nil {
				return err
			}
			if _, err := tx.Attach(ctx, benchEvidence(n, &t)); err != nil {
				return err
			}
		}
		return nil
	})
}

// benchEvidence is the finding that opened the n-th ticket.
func benchEvidence(n int, t *tickets.Ticket) tickets.Evidence {
	at, most := t.OpenedAt.UnixMilli(), 105.0
	return tickets.Evidence{Ticket: t.ID, RecordedAt: t.RecordedAt, Finding: detectors.Finding{
		ID: fmt.Sprintf("finding-%d", n), Tenant: telemetry.DefaultTenant, Device: t.Device, Component: t.Component, FaultCode: t.FaultCode,
		Detector: "limit", Rule: "rule", Version: 1, Phase: detectors.Raised, Severity: t.Severity, Onset: at, Time: at, Arrival: at, Score: 1,
		Signals: []detectors.Signal{{Metric: "coolant_temp", Unit: "°C", Actual: 118, Expected: 100, High: &most, Share: 1, Detector: "limit"}},
		Reason: detectors.Reason{Key: detectors.ReasonLimitAbove, Params: map[string]string{
			"metric": "coolant_temp", "value": "118", "unit": "°C", "limit": "105", "seconds": "720", "over": "13", "percent": "12",
		}},
	}}
}

// benchTicket is the n-th of many tickets of 10,000 devices, of which one in ten is open.
func benchTicket(n int) tickets.Ticket {
	opened := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute)
	t := tickets.Ticket{
		Kind: tickets.Fault, Device: fmt.Sprintf("device-%05d", n%10_000), Component: []string{"cooling", "battery", "display", "bearing"}[n/10%4],
		FaultCode: fmt.Sprintf("F-%d", n/10_000), Severity: telemetry.Severity(n / 10 % 4), Priority: 1 + n%4,
		Title:    tickets.Text{"en": fmt.Sprintf("Fault number %d of the part", n%40), "de": "Störung", "zh": "部件故障"},
		Workflow: "equipment-repair", WorkflowVersion: 1, State: "new", Category: tickets.CategoryNew,
		OnsetAt: opened, OpenedAt: opened, RecordedAt: opened, UpdatedAt: opened, LastSeenAt: opened, Deadline: opened.Add(4 * time.Hour),
		Region: fmt.Sprintf("region-%d", n/10%20), Station: fmt.Sprintf("station-%d", n/10%100), Assignee: fmt.Sprintf("t-%d", n/10%500), Occurrences: 1,
		Facts: tickets.Facts{Model: fmt.Sprintf("model-%d", n%30), Customer: fmt.Sprintf("c-%d", n%1000), CustomerName: fmt.Sprintf("Customer %d", n%1000)},
	}
	if n%10 != 0 {
		t.State, t.Category, t.ClosedAt = "closed", tickets.CategoryDone, opened.Add(time.Hour)
	}
	return t
}
