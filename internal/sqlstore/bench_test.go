package sqlstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

const benchTenant = telemetry.DefaultTenant

// benchTicket is the n-th of many tickets of 10,000 devices, of which one in ten is open.
func benchTicket(n int) tickets.Ticket {
	opened := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute)
	t := tickets.Ticket{
		Kind: tickets.Fault, Device: fmt.Sprintf("device-%05d", n%10_000), Component: []string{"cooling", "battery", "display", "bearing"}[n%4],
		FaultCode: fmt.Sprintf("F-%d", n/10_000), Severity: telemetry.Severity(n % 4), Priority: 1 + n%4,
		Title:    tickets.Text{"en": fmt.Sprintf("Fault number %d of the part", n%40), "de": "Störung", "zh": "部件故障"},
		Workflow: "equipment-repair", WorkflowVersion: 1, State: "new", Category: tickets.CategoryNew,
		OnsetAt: opened, OpenedAt: opened, RecordedAt: opened, UpdatedAt: opened, LastSeenAt: opened, Deadline: opened.Add(4 * time.Hour),
		Region: fmt.Sprintf("region-%d", n%20), Station: fmt.Sprintf("station-%d", n%100), Assignee: fmt.Sprintf("t-%d", n%500), Occurrences: 1,
		Facts: tickets.Facts{Model: fmt.Sprintf("model-%d", n%30), Customer: fmt.Sprintf("c-%d", n%1000), CustomerName: fmt.Sprintf("Customer %d", n%1000)},
	}
	if n%10 != 0 {
		t.State, t.Category, t.ClosedAt = "closed", tickets.CategoryDone, opened.Add(time.Hour)
	}
	return t
}

// fill stores n tickets, many to a transaction.
func fill(b *testing.B, s *sqlstore.Store, n int) {
	b.Helper()
	for from := 0; from < n; from += 1000 {
		err := s.Update(b.Context(), benchTenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
			for i := from; i < min(from+1000, n); i++ {
				t := benchTicket(i)
				if err := tx.Insert(ctx, &t); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// onBoth runs a benchmark on both engines.
func onBoth(b *testing.B, run func(b *testing.B, s *sqlstore.Store)) {
	b.Run("SQLite", func(b *testing.B) { run(b, openSQLite(b)) })
	b.Run("PostgreSQL", func(b *testing.B) { run(b, openPostgres(b, realserver.Postgres(b))) })
}

// BenchmarkOpenTicket opens tickets as the desk does, with evidence, history and an event.
func BenchmarkOpenTicket(b *testing.B) {
	onBoth(b, func(b *testing.B, s *sqlstore.Store) {
		for _, batch := range []int{1, 100} {
			b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
				n := 0
				for b.Loop() {
					err := s.Update(b.Context(), benchTenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
						for range batch {
							n++
							t := benchTicket(n * 10)
							t.FaultCode = fmt.Sprintf("B-%d-%d", batch, n)
							if _, err := tx.Current(ctx, t.Key()); err == nil {
								return fmt.Errorf("fault %s has a ticket already", t.FaultCode)
							}
							if err := tx.Insert(ctx, &t); err != nil {
								return err
							}
							e := tickets.Evidence{Ticket: t.ID, RecordedAt: t.RecordedAt}
							e.ID, e.Device, e.Component, e.FaultCode = t.FaultCode, t.Device, t.Component, t.FaultCode
							if _, err := tx.Attach(ctx, e); err != nil {
								return err
							}
							if err := tx.Record(ctx, tickets.Entry{Ticket: t.ID, At: t.RecordedAt, Actor: "presage", Kind: "opened"}); err != nil {
								return err
							}
							if err := tx.Publish(ctx, tickets.Event{Type: "ticket.opened", At: t.RecordedAt, Ticket: t}); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tickets/s")
			})
		}
	})
}

// BenchmarkDesk has the desk open tickets of findings, dispatch, diagnosis and all.
func BenchmarkDesk(b *testing.B) {
	onBoth(b, func(b *testing.B, s *sqlstore.Store) {
		for _, batch := range []int{1, 50} {
			b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
				o, many := newOffice(b, s), testFleet()
				for i := range 20_000 {
					many.Devices = append(many.Devices, fleet.Device{ID: fmt.Sprintf("b%d", i), Model: "bus", Site: "s1"})
				}
				o.directory.Replace(home, many)
				n := 0
				b.ReportAllocs()
				for b.Loop() {
					found := make([]detectors.Finding, batch)
					for i := range found {
						n++
						found[i] = o.finding(detectors.Raised, func(f *detectors.Finding) {
							f.ID, f.Device, f.Component = fmt.Sprintf("%d-%d", batch, n), fmt.Sprintf("b%d", n%20_000), fmt.Sprintf("part-%d-%d", batch, n/20_000)
						})
					}
					if err := o.Report(b.Context(), tickets.Fence{}, found); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				page, err := s.List(b.Context(), benchTenant, tickets.Filter{Text: "coolant"})
				if err != nil || page.Total == 0 {
					b.Fatalf("%d tickets, %v", page.Total, err)
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tickets/s")
			})
		}
	})
}

// BenchmarkList reads pages of 50 of 100,000 tickets, 10,000 of them open.
func BenchmarkList(b *testing.B) {
	open, closed := true, false
	onBoth(b, func(b *testing.B, s *sqlstore.Store) {
		fill(b, s, 100_000)
		for _, c := range []struct {
			name   string
			filter tickets.Filter
		}{
			{"open by deadline", tickets.Filter{Open: &open}},
			{"open of a station", tickets.Filter{Open: &open, Station: []string{"station-40"}}},
			{"all by deadline", tickets.Filter{}},
			{"all of a region, newest", tickets.Filter{Region: []string{"region-7"}, Sort: "opened"}},
			{"closed of a technician", tickets.Filter{Open: &closed, Assignee: []string{"t-123"}, Sort: "opened"}},
			{"of a device", tickets.Filter{Device: "device-00042"}},
			{"text of a device", tickets.Filter{Text: "device-0004"}},
			{"text of a title, open", tickets.Filter{Text: "fault number", Open: &open}},
			{"text of a title, all", tickets.Filter{Text: "fault number"}},
		} {
			b.Run(c.name, func(b *testing.B) {
				for b.Loop() {
					if _, err := s.List(b.Context(), benchTenant, c.filter); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run("counts", func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Counts(b.Context(), benchTenant, tickets.Filter{Open: &open}); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// BenchmarkDevices reads pages of 50 of 100,000 devices, and the cells.
func BenchmarkDevices(b *testing.B) {
	onBoth(b, func(b *testing.B, s *sqlstore.Store) {
		f := &fleet.Fleet{}
		for i := range 100_000 {
			f.Devices = append(f.Devices, fleet.Device{ID: fmt.Sprintf("device-%05d", i), Name: fmt.Sprintf("Bus %d", i),
				Model: fmt.Sprintf("model-%d", i%30), Region: fmt.Sprintf("region-%d", i%20)})
		}
		if err := s.PutFleet(b.Context(), benchTenant, f); err != nil {
			b.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			filter fleet.DeviceFilter
		}{
			{"by health", fleet.DeviceFilter{}},
			{"of a model by name", fleet.DeviceFilter{Model: []string{"model-3"}, Sort: "name"}},
			{"text", fleet.DeviceFilter{Text: "device-0123"}},
		} {
			b.Run(c.name, func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Devices(b.Context(), benchTenant, c.filter); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run("cells", func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Cells(b.Context(), benchTenant, time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// BenchmarkTelling reads what the 50 tickets of a page tell of 20,000, 500 of which have three findings each.
func BenchmarkTelling(b *testing.B) {
	onBoth(b, func(b *testing.B, s *sqlstore.Store) {
		const n = 20_000
		fill(b, s, n)
		page, err := s.List(b.Context(), benchTenant, tickets.Filter{Limit: 500, Sort: "opened"})
		if err != nil {
			b.Fatal(err)
		}
		err = s.Update(b.Context(), benchTenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
			for i, t := range page.Tickets {
				for j, phase := range []detectors.Phase{detectors.Raised, detectors.Continued, detectors.Cleared} {
					at := t.OpenedAt.Add(time.Duration(j) * time.Minute).UnixMilli()
					f := detectors.Finding{ID: fmt.Sprintf("f-%d-%d", i, j), Tenant: benchTenant, Device: t.Device, Component: t.Component, Phase: phase, Time: at,
						Signals: []detectors.Signal{{Metric: "coolant_temp", Actual: 118, Expected: 90, Share: 1}}}
					if _, err := tx.Attach(ctx, tickets.Evidence{Finding: f, Ticket: t.ID, RecordedAt: t.OpenedAt}); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		ids := make([]string, 50)
		for b.Loop() {
			for i := range ids {
				ids[i] = page.Tickets[(i*7)%len(page.Tickets)].ID
			}
			told, err := s.Telling(b.Context(), benchTenant, ids)
			if err != nil || len(told) != len(ids) {
				b.Fatalf("%d tickets tell something (error %v)", len(told), err)
			}
		}
	})
}
