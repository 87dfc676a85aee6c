package storetest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// devicesOf lists all pages of a filter and returns the devices of the tickets in order.
func devicesOf(t *testing.T, s *sqlstore.Store, f tickets.Filter) []string {
	t.Helper()
	var devices []string
	for range 100 {
		page, err := s.List(t.Context(), tenant, f)
		if err != nil {
			t.Fatalf("list %+v: %v", f, err)
		}
		for _, ticket := range page.Tickets {
			devices = append(devices, ticket.Device)
		}
		if page.Next == "" {
			if page.Total != len(devices) {
				t.Errorf("list %+v: total %d, but %d tickets", f, page.Total, len(devices))
			}
			return devices
		}
		f.Cursor = page.Next
	}
	t.Fatalf("list %+v never ends", f)
	return nil
}

func listOrders(t *testing.T, s *sqlstore.Store) {
	make := func(device string, deadline time.Duration, priority int, opened, updated time.Duration) tickets.Ticket {
		ticket := newTicket(device, "x")
		if deadline != 0 {
			ticket.Deadline = epoch.Add(deadline)
		}
		ticket.Priority, ticket.OpenedAt, ticket.UpdatedAt = priority, epoch.Add(opened), epoch.Add(updated)
		return ticket
	}
	insert(t, s,
		make("none-later", 0, 2, 2*time.Second, 9*time.Second),
		make("none-sooner", 0, 2, time.Second, 8*time.Second),
		make("none-urgent", 0, 1, 3*time.Second, 7*time.Second),
		make("late", time.Hour, 1, 4*time.Second, 6*time.Second),
		make("soon", time.Minute, 4, 5*time.Second, 5*time.Second),
		// A fraction of a second must order like one: SQLite compares text.
		make("soon-and-a-bit", time.Minute+500*time.Millisecond, 4, 5*time.Second+500*time.Millisecond, 5*time.Second+550*time.Millisecond),
	)
	for _, c := range []struct {
		sort string
		want []string
	}{
		{"", []string{"soon", "soon-and-a-bit", "late", "none-urgent", "none-sooner", "none-later"}},
		{"deadline", []string{"soon", "soon-and-a-bit", "late", "none-urgent", "none-sooner", "none-later"}},
		{"opened", []string{"soon-and-a-bit", "soon", "late", "none-urgent", "none-later", "none-sooner"}},
		{"updated", []string{"none-later", "none-sooner", "none-urgent", "late", "soon-and-a-bit", "soon"}},
	} {
		for _, limit := range []int{1, 2, 50} {
			if got := devicesOf(t, s, tickets.Filter{Sort: c.sort, Limit: limit}); !reflect.DeepEqual(got, c.want) {
				t.Errorf("sort %q by pages of %d: got %v, want %v", c.sort, limit, got, c.want)
			}
		}
	}
	if _, err := s.List(t.Context(), tenant, tickets.Filter{Sort: "colour"}); !errors.Is(err, tickets.ErrBadFilter) {
		t.Errorf("unknown order: error %v", err)
	}
	page, err := s.List(t.Context(), tenant, tickets.Filter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"%", "bm9uc2Vuc2U", page.Next} {
		if _, err := s.List(t.Context(), tenant, tickets.Filter{Sort: "opened", Cursor: bad}); !errors.Is(err, sqlstore.ErrBadCursor) {
			t.Errorf("cursor %q of another order: error %v", bad, err)
		}
	}
}

func listFilters(t *testing.T, s *sqlstore.Store) {
	a, b, c, d := newTicket("a", "x"), newTicket("b", "x"), newTicket("c", "x"), newTicket("d", "x")
	b.Region, b.Severity, b.OpenedAt = "south", telemetry.Critical, epoch.Add(time.Minute)
	c.Station, c.Component, c.Facts.Customer, c.OpenedAt = "bremen", "battery", "c-2", epoch.Add(2*time.Minute)
	d.Assignee, d.State, d.Category, d.OpenedAt = "t-9", "closed", tickets.CategoryDone, epoch.Add(3*time.Minute)
	insert(t, s, a, b, c, d)
	for _, q := range []struct {
		name   string
		filter tickets.Filter
		want   []string
	}{
		{"all", tickets.Filter{}, []string{"a", "b", "c", "d"}},
		{"open", tickets.Filter{Open: ptr(true)}, []string{"a", "b", "c"}},
		{"closed", tickets.Filter{Open: ptr(false)}, []string{"d"}},
		{"device", tickets.Filter{Device: "b"}, []string{"b"}},
		{"customer", tickets.Filter{Customer: "c-2"}, []string{"c"}},
		{"region", tickets.Filter{Region: []string{"south"}}, []string{"b"}},
		{"regions", tickets.Filter{Region: []string{"south", "north"}}, []string{"a", "b", "c", "d"}},
		{"station", tickets.Filter{Station: []string{"bremen"}}, []string{"c"}},
		{"assignee", tickets.Filter{Assignee: []string{"t-9"}}, []string{"d"}},
		{"component", tickets.Filter{Component: []string{"battery"}}, []string{"c"}},
		{"state", tickets.Filter{State: []string{"closed", "new"}}, []string{"a", "b", "c", "d"}},
		{"severity", tickets.Filter{Severity: []telemetry.Severity{telemetry.Critical}}, []string{"b"}},
		{"severities", tickets.Filter{Severity: []telemetry.Severity{telemetry.Critical, telemetry.Major}}, []string{"a", "b", "c", "d"}},
		{"opened", tickets.Filter{OpenedFrom: epoch.Add(time.Minute), OpenedTo: epoch.Add(2 * time.Minute)}, []string{"b"}},
		{"together", tickets.Filter{Open: ptr(true), Region: []string{"north"}, Component: []string{"cooling"}}, []string{"a"}},
		{"nothing", tickets.Filter{Region: []string{"east"}}, nil},
		{"no assignee", tickets.Filter{Assignee: []string{""}}, nil},
	} {
		got := devicesOf(t, s, q.filter)
		slices.Sort(got)
		if !reflect.DeepEqual(got, q.want) {
			t.Errorf("%s: got %v, want %v", q.name, got, q.want)
		}
	}
	if _, err := s.List(t.Context(), tenant, tickets.Filter{Region: make([]string, 101)}); !errors.Is(err, tickets.ErrBadFilter) {
		t.Errorf("101 regions: error %v", err)
	}
}

func listText(t *testing.T, s *sqlstore.Store) {
	a, b, c := newTicket("TV-0017", "crash-loop"), newTicket("bus_42", "P0217"), newTicket("pump.3", "bearing")
	a.Title = tickets.Text{"en": "Crashes again and again", "de": "Stürzt immer wieder ab", "zh": "反复崩溃"}
	a.Facts.CustomerName, a.Facts.Customer, a.Facts.DeviceName = "Hotel Adlon", "c-a", "Lobby screen"
	c.Title = tickets.Text{"en": "Bearing wear (inner race)", "zh": "轴承磨损"}
	c.State, c.Category = "closed", tickets.CategoryDone
	c.Facts.CustomerName, c.Facts.Customer = "O'Neill 100% & Söhne", "c-c"
	insert(t, s, a, b, c)
	for _, q := range []struct {
		text string
		want []string
	}{
		{"T-000002", []string{"bus_42"}},
		{"t-000002", []string{"bus_42"}},
		{"000003", []string{"pump.3"}},
		{"3", []string{"pump.3"}},
		{"T-0000", []string{"TV-0017", "bus_42", "pump.3"}},
		{"tv-0017", []string{"TV-0017"}},
		{"TV-00", []string{"TV-0017"}},
		{"0017", []string{"TV-0017"}},
		{"bus_4", []string{"bus_42"}},
		{"p0217", []string{"bus_42"}},
		{"crash", []string{"TV-0017"}},
		{"crash-loop", []string{"TV-0017"}},
		{"wear", []string{"pump.3"}},
		{"bearing race", []string{"pump.3"}},
		{"race bearing", []string{"pump.3"}},
		{"bearing coolant", nil},
		{"STÜRZT", []string{"TV-0017"}},
		{"崩溃", []string{"TV-0017"}},
		{"轴承磨损", []string{"pump.3"}},
		{"承磨", []string{"pump.3"}},
		{"承崩", nil},
		{"adlon", []string{"TV-0017"}},
		{"lobby", []string{"TV-0017"}},
		{"söhne", []string{"pump.3"}},
		{"O'Neill", []string{"pump.3"}},
		{"100%", []string{"pump.3"}},
		{"%", nil},
		{"_", nil},
		{"' OR 1=1 --", nil},
		{"crash\x00\xff", []string{"TV-0017"}},
		{"  ", []string{"TV-0017", "bus_42", "pump.3"}},
	} {
		got := devicesOf(t, s, tickets.Filter{Text: q.text})
		slices.Sort(got)
		if !reflect.DeepEqual(got, q.want) {
			t.Errorf("text %q: got %v, want %v", q.text, got, q.want)
		}
	}
	if got := devicesOf(t, s, tickets.Filter{Text: "bearing", Open: ptr(true)}); got != nil {
		t.Errorf("text among the open: got %v", got)
	}
	// A new title is found, and so is the old one no more.
	page, err := s.List(t.Context(), tenant, tickets.Filter{Device: "bus_42"})
	if err != nil {
		t.Fatal(err)
	}
	renamed := page.Tickets[0]
	renamed.Title = tickets.Text{"en": "Radiator fan broken"}
	save(t, s, renamed)
	if got := devicesOf(t, s, tickets.Filter{Text: "radiator"}); len(got) != 1 {
		t.Errorf("new title: got %v", got)
	}
	if got := devicesOf(t, s, tickets.Filter{Text: "coolant"}); len(got) != 0 {
		t.Errorf("old title: got %v", got)
	}
}

// stablePages reads page after page while tickets come in: what was there at
// the start is seen exactly once.
func stablePages(t *testing.T, s *sqlstore.Store) {
	for _, sort := range []string{"deadline", "opened", "updated"} {
		var first []tickets.Ticket
		for i := range 20 {
			ticket := newTicket(fmt.Sprintf("%s-%02d", sort, i), "x")
			ticket.Deadline = epoch.Add(time.Duration(i%5) * time.Minute)
			ticket.OpenedAt = epoch.Add(time.Duration(i%3) * time.Minute)
			ticket.UpdatedAt = ticket.OpenedAt
			ticket.Region = sort
			first = append(first, ticket)
		}
		insert(t, s, first...)
		seen := map[string]int{}
		f := tickets.Filter{Sort: sort, Limit: 3, Region: []string{sort}}
		for n := range 100 {
			page, err := s.List(t.Context(), tenant, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, ticket := range page.Tickets {
				seen[ticket.Device]++
			}
			if page.Next == "" {
				break
			}
			f.Cursor = page.Next
			if n < 10 {
				fresh := newTicket(fmt.Sprintf("%s-new-%d", sort, n), "x")
				fresh.Deadline, fresh.Region = epoch.Add(time.Duration(n%5)*time.Minute), sort
				fresh.OpenedAt = epoch.Add(time.Duration(n%3) * time.Minute)
				fresh.UpdatedAt = fresh.OpenedAt
				insert(t, s, fresh)
			}
		}
		for _, ticket := range first {
			if seen[ticket.Device] != 1 {
				t.Errorf("sort %s: %s was seen %d times", sort, ticket.Device, seen[ticket.Device])
			}
		}
	}
}

func counts(t *testing.T, s *sqlstore.Store) {
	a, b, c, d := newTicket("a", "x"), newTicket("b", "x"), newTicket("c", "x"), newTicket("d", "x")
	b.Region, b.Severity = "south", telemetry.Critical
	c.Region, c.Assignee = "south", ""
	d.State, d.Category = "closed", tickets.CategoryDone
	stored := insert(t, s, a, b, c, d)
	check := func(name string, f tickets.Filter, want map[string]map[string]int) {
		t.Helper()
		got, err := s.Counts(t.Context(), tenant, f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got) != 6 {
			t.Errorf("%s: facets %v", name, slices.Sorted(maps.Keys(got)))
		}
		for facet, values := range want {
			if !reflect.DeepEqual(got[facet], values) {
				t.Errorf("%s: %s counts %v, want %v", name, facet, got[facet], values)
			}
		}
	}
	check("all", tickets.Filter{}, map[string]map[string]int{
		"region": {"north": 2, "south": 2}, "severity": {"major": 3, "critical": 1}, "state": {"new": 3, "closed": 1},
		"assignee": {"t-1": 3, "": 1}, "component": {"cooling": 4}, "station": {"hamburg": 4}})
	check("open", tickets.Filter{Open: ptr(true)}, map[string]map[string]int{"region": {"north": 1, "south": 2}, "state": {"new": 3}})
	check("a facet leaves its own choice aside", tickets.Filter{Open: ptr(true), Region: []string{"south"}}, map[string]map[string]int{
		"region": {"north": 1, "south": 2}, "severity": {"major": 1, "critical": 1}})
	check("two choices", tickets.Filter{Region: []string{"south"}, Severity: []telemetry.Severity{telemetry.Critical}}, map[string]map[string]int{
		"region": {"south": 1}, "severity": {"major": 1, "critical": 1}, "state": {"new": 1}})
	check("with a text", tickets.Filter{Text: "coolant", Device: "b"}, map[string]map[string]int{"region": {"south": 1}})
	closed := stored[0]
	closed.State, closed.Category = "closed", tickets.CategoryDone
	save(t, s, closed)
	check("after closing one", tickets.Filter{Open: ptr(true)}, map[string]map[string]int{"region": {"south": 2}})
}
