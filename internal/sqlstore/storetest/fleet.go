package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// smallFleet is two buses and a pump.
func smallFleet() *fleet.Fleet {
	return &fleet.Fleet{
		Regions: []fleet.Region{{ID: "de", Name: "Deutschland"}, {ID: "north", Name: "Nord", Parent: "de", Language: "de"}},
		Stations: []fleet.Station{{ID: "hamburg", Name: "Hamburg", Region: "north", Neighbours: []string{"bremen"}, Capacity: 9,
			Calendar: fleet.Calendar{TimeZone: "Europe/Berlin", Hours: []fleet.Hours{{Weekday: time.Monday, From: "08:00", To: "17:00"}}}}},
		Technicians: []fleet.Technician{{ID: "t-1", Name: "Änne", Station: "hamburg", Skills: []fleet.Skill{{Name: "cooling", Level: 3, Expires: epoch}}}},
		Coverage:    []fleet.Coverage{{Station: "hamburg", Region: "north", Rank: 2}, {Station: "hamburg", Model: "bus", Rank: 1}},
		Customers:   []fleet.Customer{{ID: "c-1", Name: "Hochbahn", Tier: "gold", Language: "de"}},
		Sites:       []fleet.Site{{ID: "depot", Name: "Betriebshof", Region: "north", Customer: "c-1", TimeZone: "Europe/Berlin", Lat: 53.5, Lon: 10}},
		Models:      []fleet.Model{{ID: "bus", Name: "Bus", Kind: "vehicle", Components: []fleet.Component{{ID: "cooling", Parts: []string{"pump"}}}}},
		Devices: []fleet.Device{
			{ID: "bus-1", Name: "Anton", Model: "bus", Site: "depot", Customer: "c-1", Serial: "WDB-111", Firmware: "1.0", Criticality: 3,
				Purchased: epoch.AddDate(-1, 0, 0), Warranty: epoch.AddDate(1, 0, 0), Attributes: map[string]string{"line": "7"}, Registered: epoch},
			{ID: "bus-2", Name: "berta", Model: "bus", Site: "depot", Region: "de", Registered: epoch},
			{ID: "pump-1", Name: "Cäsar", Registered: epoch},
			{ID: "bus-9", Name: "Retired", Model: "bus", Retired: true, Registered: epoch},
		},
	}
}

func putFleet(t *testing.T, s *sqlstore.Store, f *fleet.Fleet) {
	t.Helper()
	if err := s.PutFleet(t.Context(), tenant, f); err != nil {
		t.Fatal(err)
	}
}

func fleetIsKeptWhole(t *testing.T, s *sqlstore.Store) {
	want := smallFleet()
	putFleet(t, s, want)
	putFleet(t, s, want) // again, changing nothing
	got, err := s.Fleet(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(want.Coverage, func(a, b fleet.Coverage) int { return a.Rank - b.Rank })
	slices.SortFunc(want.Devices, func(a, b fleet.Device) int { return map[bool]int{true: -1, false: 1}[a.ID < b.ID] })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the fleet came back changed:\n got %+v\nwant %+v", got, want)
	}
	// What is not mentioned stays, but for the coverage of a station that is.
	putFleet(t, s, &fleet.Fleet{Stations: []fleet.Station{{ID: "hamburg", Name: "Altona", Region: "north"}},
		Sites: []fleet.Site{{ID: "depot", Name: "Betriebshof", Region: "de"}}})
	d := fleet.NewDirectory()
	if err := s.LoadDirectory(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if station, _ := d.Station(tenant, "hamburg"); station.Name != "Altona" || len(d.Coverage(tenant)) != 0 {
		t.Errorf("station %+v, coverage %+v", station, d.Coverage(tenant))
	}
	if _, ok := d.Technician(tenant, "t-1"); !ok || d.Count(tenant) != 4 {
		t.Errorf("the rest of the fleet is gone: %d devices", d.Count(tenant))
	}
	if device, err := s.Device(t.Context(), tenant, "bus-1"); err != nil || device.Region != "de" {
		t.Errorf("after its site moved the device is in region %q (error %v)", device.Region, err)
	}
	if fresh, err := s.Fleet(t.Context(), "other"); err != nil || len(fresh.Devices)+len(fresh.Models)+len(fresh.Coverage) != 0 {
		t.Errorf("fleet of another tenant: %+v (error %v)", fresh, err)
	}
}

func registerDevice(t *testing.T, s *sqlstore.Store) {
	putFleet(t, s, smallFleet())
	fresh, err := s.RegisterDevice(t.Context(), tenant, "tv-1")
	if err != nil || fresh.ID != "tv-1" || fresh.Registered.IsZero() {
		t.Errorf("registered %+v (error %v)", fresh, err)
	}
	again, err := s.RegisterDevice(t.Context(), tenant, "tv-1")
	if err != nil || !again.Registered.Equal(fresh.Registered) {
		t.Errorf("registered again %+v (error %v), want %+v", again, err, fresh)
	}
	known, err := s.RegisterDevice(t.Context(), tenant, "bus-1")
	if err != nil || known.Name != "Anton" {
		t.Errorf("registering a known device: %+v (error %v)", known, err)
	}
	if _, err := s.Device(t.Context(), tenant, "no-such"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("unknown device: error %v, want ErrNotFound", err)
	}
}

func deviceHealth(t *testing.T, s *sqlstore.Store) {
	putFleet(t, s, smallFleet())
	check := func(when, id string, health fleet.Health, open int) fleet.DeviceView {
		t.Helper()
		v, err := s.Device(t.Context(), tenant, id)
		if err != nil {
			t.Fatal(err)
		}
		if v.Health != health || v.OpenTickets != open {
			t.Errorf("%s: %s is %s with %d open tickets, want %s with %d", when, id, v.Health, v.OpenTickets, health, open)
		}
		return v
	}
	v := check("at first", "bus-1", fleet.HealthUnknown, 0)
	if v.Online != nil || !v.LastSeen.IsZero() || v.ModelName != "Bus" || v.Kind != "vehicle" || v.SiteName != "Betriebshof" ||
		v.Region != "north" || v.RegionName != "Nord" || v.CustomerName != "Hochbahn" || v.TimeZone != "Europe/Berlin" {
		t.Errorf("bus-1 is %+v", v)
	}
	putStates(t, s, telemetry.DeviceState{Device: "bus-1", State: telemetry.State{Time: epoch.UnixMilli(), Online: true, Attributes: map[string]string{"firmware": "2.0"}}})
	v = check("online", "bus-1", fleet.HealthOK, 0)
	if v.Online == nil || !*v.Online || v.LastSeen.UnixMilli() != epoch.UnixMilli() || v.Firmware != "2.0" {
		t.Errorf("after a state bus-1 is %+v", v)
	}
	a, b := newTicket("bus-1", "overheat"), newTicket("bus-1", detectors.FaultSilence)
	b.Severity = telemetry.Warning
	stored := insert(t, s, a, b)
	check("with two tickets", "bus-1", fleet.HealthMajor, 2)
	stored[0].State, stored[0].Category = "closed", tickets.CategoryDone
	save(t, s, stored[0])
	check("with one ticket", "bus-1", fleet.HealthWarning, 1)
	stored[1].Severity = telemetry.Critical
	save(t, s, stored[1])
	check("grown worse", "bus-1", fleet.HealthCritical, 1)
	cells, err := s.Cells(t.Context(), tenant, epoch)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cells {
		if c.Model == "bus" && c.Region == "north" && (c.Silent != 1 || c.Unhealthy != 1 || c.OpenTickets != 1 || c.Devices != 1) {
			t.Errorf("cell of bus-1 is %+v", c)
		}
	}
	stored[1].Revision = 2
	stored[1].State, stored[1].Category = "closed", tickets.CategoryDone
	save(t, s, stored[1])
	check("repaired", "bus-1", fleet.HealthOK, 0)
	putStates(t, s, telemetry.DeviceState{Device: "bus-1", State: telemetry.State{Time: epoch.Add(time.Minute).UnixMilli()}})
	v = check("offline", "bus-1", fleet.HealthSilent, 0)
	if v.Firmware != "2.0" || v.LastSeen.UnixMilli() != epoch.UnixMilli() {
		t.Errorf("the last will changed more than the state: %+v", v)
	}
	// An import leaves alone how the device is; its firmware of long ago is taken, an empty one is not.
	f := smallFleet()
	f.Devices[0].Firmware = ""
	putFleet(t, s, f)
	if v = check("imported again", "bus-1", fleet.HealthSilent, 0); v.Firmware != "2.0" {
		t.Errorf("firmware is %q after an import without one", v.Firmware)
	}
	if err := s.PutSeen(t.Context(), tenant, map[string]int64{"bus-2": epoch.UnixMilli(), "unknown": 1}); err != nil {
		t.Fatal(err)
	}
	check("seen", "bus-2", fleet.HealthOK, 0)
	if err := s.PutSeen(t.Context(), tenant, map[string]int64{"bus-2": epoch.UnixMilli() - 1}); err != nil {
		t.Fatal(err)
	}
	if v := check("seen before", "bus-2", fleet.HealthOK, 0); v.LastSeen.UnixMilli() != epoch.UnixMilli() {
		t.Errorf("last seen went back to %s", v.LastSeen)
	}
	// Tickets and states of a device that is described later.
	insert(t, s, newTicket("tv-1", "crash-loop"))
	putStates(t, s, telemetry.DeviceState{Device: "tv-1", State: telemetry.State{Time: epoch.UnixMilli(), Online: true}})
	if _, err := s.RegisterDevice(t.Context(), tenant, "tv-1"); err != nil {
		t.Fatal(err)
	}
	check("registered late", "tv-1", fleet.HealthMajor, 1)
}

func putStates(t *testing.T, s *sqlstore.Store, states ...telemetry.DeviceState) {
	t.Helper()
	if err := s.PutStates(t.Context(), tenant, states); err != nil {
		t.Fatal(err)
	}
}

func states(t *testing.T, s *sqlstore.Store) {
	if _, err := s.State(t.Context(), tenant, "bus-1"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("state before there is one: error %v, want ErrNotFound", err)
	}
	at := func(seconds int, online bool) telemetry.DeviceState {
		return telemetry.DeviceState{Device: "bus-1", State: telemetry.State{Time: epoch.UnixMilli() + int64(seconds)*1000, Online: online,
			Attributes: map[string]string{"n": fmt.Sprint(seconds)}}}
	}
	for _, step := range []struct {
		name string
		put  []telemetry.DeviceState
		want telemetry.DeviceState
	}{
		{"first", []telemetry.DeviceState{at(1, true)}, at(1, true)},
		{"newer", []telemetry.DeviceState{at(5, false)}, at(5, false)},
		{"older", []telemetry.DeviceState{at(2, true)}, at(5, false)},
		{"many in disorder", []telemetry.DeviceState{at(7, true), at(9, false), at(8, true)}, at(9, false)},
		{"the same again", []telemetry.DeviceState{at(9, false)}, at(9, false)},
		{"none", nil, at(9, false)},
	} {
		putStates(t, s, step.put...)
		got, err := s.State(t.Context(), tenant, "bus-1")
		if err != nil || !reflect.DeepEqual(got, step.want.State) {
			t.Errorf("%s: state %+v (error %v), want %+v", step.name, got, err, step.want.State)
		}
	}
}

func events(t *testing.T, s *sqlstore.Store) {
	event := func(seconds int, code, id string) telemetry.DeviceEvent {
		return telemetry.DeviceEvent{Device: "tv-1", Event: telemetry.Event{Time: epoch.UnixMilli() + int64(seconds)*1000, Code: code, ID: id,
			Severity: telemetry.Major, Attributes: map[string]string{"app": "player\x00"}}}
	}
	put := []telemetry.DeviceEvent{event(3, "crash", ""), event(1, "crash", ""), event(1, "crash", "x"), event(1, "boot", ""), event(2, "crash", "")}
	for range 2 {
		if err := s.PutEvents(t.Context(), tenant, put); err != nil {
			t.Fatal(err)
		}
	}
	// What outsiders choose must not stop the lane.
	strange := telemetry.DeviceEvent{Device: "tv-2", Event: telemetry.Event{Time: 1 << 62, Code: "a\x00\xff", ID: "\x00"}}
	past := telemetry.DeviceEvent{Device: "tv-2", Event: telemetry.Event{Time: -1 << 62, Code: "b"}}
	if err := s.PutEvents(t.Context(), tenant, []telemetry.DeviceEvent{strange, past}); err != nil {
		t.Errorf("strange events: %v", err)
	}
	if got, err := s.Events(t.Context(), tenant, "tv-2", time.Time{}, time.Time{}, 10); err != nil || len(got) != 2 || got[0].Code != "b" {
		t.Errorf("strange events came back as %+v (error %v)", got, err)
	}
	for _, c := range []struct {
		name     string
		from, to time.Time
		limit    int
		want     []telemetry.DeviceEvent
	}{
		{"all", time.Time{}, time.Time{}, 0, []telemetry.DeviceEvent{put[3], put[1], put[2], put[4], put[0]}},
		{"from", time.UnixMilli(put[4].Time), time.Time{}, 0, []telemetry.DeviceEvent{put[4], put[0]}},
		{"to", time.Time{}, time.UnixMilli(put[4].Time), 0, []telemetry.DeviceEvent{put[3], put[1], put[2]}},
		{"limit", time.Time{}, time.Time{}, 2, []telemetry.DeviceEvent{put[3], put[1]}},
	} {
		got, err := s.Events(t.Context(), tenant, "tv-1", c.from, c.to, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		var want []telemetry.Event
		for _, e := range c.want {
			want = append(want, e.Event)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, want)
		}
	}
}

func deviceList(t *testing.T, s *sqlstore.Store) {
	putFleet(t, s, smallFleet())
	insert(t, s, newTicket("bus-2", "overheat"))
	if err := s.PutSeen(t.Context(), tenant, map[string]int64{"pump-1": epoch.UnixMilli(), "bus-2": epoch.UnixMilli() + 1}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		filter fleet.DeviceFilter
		want   []string
	}{
		{"by health", fleet.DeviceFilter{}, []string{"bus-2", "pump-1", "bus-1"}},
		{"by id", fleet.DeviceFilter{Sort: "id"}, []string{"bus-1", "bus-2", "pump-1"}},
		{"by name, whatever its case", fleet.DeviceFilter{Sort: "name"}, []string{"bus-1", "bus-2", "pump-1"}},
		{"by last seen", fleet.DeviceFilter{Sort: "last_seen"}, []string{"bus-2", "pump-1", "bus-1"}},
		{"model", fleet.DeviceFilter{Sort: "id", Model: []string{"bus"}}, []string{"bus-1", "bus-2"}},
		{"no model", fleet.DeviceFilter{Model: []string{""}}, []string{"pump-1"}},
		{"region of the site", fleet.DeviceFilter{Region: []string{"north"}}, []string{"bus-1"}},
		{"own region", fleet.DeviceFilter{Region: []string{"de"}}, []string{"bus-2"}},
		{"site", fleet.DeviceFilter{Sort: "id", Site: []string{"depot"}}, []string{"bus-1", "bus-2"}},
		{"customer", fleet.DeviceFilter{Customer: []string{"c-1"}}, []string{"bus-1"}},
		{"health", fleet.DeviceFilter{Health: []fleet.Health{fleet.HealthMajor, fleet.HealthOK}}, []string{"bus-2", "pump-1"}},
		{"text in id", fleet.DeviceFilter{Sort: "id", Text: "BUS"}, []string{"bus-1", "bus-2"}},
		{"text in name", fleet.DeviceFilter{Text: "cäs"}, []string{"pump-1"}},
		{"text in serial", fleet.DeviceFilter{Text: "wdb-1"}, []string{"bus-1"}},
		{"text in customer", fleet.DeviceFilter{Text: "hoch"}, []string{"bus-1"}},
		{"two words", fleet.DeviceFilter{Text: "bus anton"}, []string{"bus-1"}},
		{"no such text", fleet.DeviceFilter{Text: "%"}, nil},
	} {
		for _, limit := range []int{1, 50} {
			c.filter.Limit, c.filter.Cursor = limit, ""
			var got []string
			for range 10 {
				page, err := s.Devices(t.Context(), tenant, c.filter)
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				for _, v := range page.Devices {
					got = append(got, v.ID)
				}
				if page.Total != len(c.want) {
					t.Errorf("%s: total %d, want %d", c.name, page.Total, len(c.want))
				}
				if c.filter.Cursor = page.Next; page.Next == "" {
					break
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s by pages of %d: got %v, want %v", c.name, limit, got, c.want)
			}
		}
	}
	for _, bad := range []fleet.DeviceFilter{{Sort: "colour"}, {Health: []fleet.Health{"fine"}}, {Model: make([]string, 101)}} {
		if _, err := s.Devices(t.Context(), tenant, bad); !errors.Is(err, tickets.ErrBadFilter) {
			t.Errorf("filter %+v: error %v, want tickets.ErrBadFilter", bad, err)
		}
	}
	if _, err := s.Devices(t.Context(), tenant, fleet.DeviceFilter{Cursor: "x"}); !errors.Is(err, sqlstore.ErrBadCursor) {
		t.Errorf("bad cursor: error %v", err)
	}
}

func cells(t *testing.T, s *sqlstore.Store) {
	putFleet(t, s, smallFleet())
	at := func(device string, opened time.Time) tickets.Ticket {
		ticket := newTicket(device, "x"+opened.String())
		ticket.OpenedAt = opened
		return ticket
	}
	midnight := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	insert(t, s, at("bus-1", epoch), at("bus-1", midnight), at("bus-1", midnight.Add(-time.Microsecond)),
		at("bus-1", midnight.AddDate(0, 0, -29)), at("bus-1", midnight.AddDate(0, 0, -30)), at("bus-1", midnight.AddDate(0, 0, 1)))
	got, err := s.Cells(t.Context(), tenant, epoch)
	if err != nil {
		t.Fatal(err)
	}
	history := make([]int, fleet.HistoryDays)
	history[29], history[28], history[0] = 2, 1, 1
	zero := make([]int, fleet.HistoryDays)
	want := []fleet.Cell{
		{Devices: 1, History: zero},
		{Model: "bus", ModelName: "Bus", Kind: "vehicle", Region: "de", RegionName: "Deutschland", Devices: 1, History: zero},
		{Model: "bus", ModelName: "Bus", Kind: "vehicle", Region: "north", RegionName: "Nord", Devices: 1, Unhealthy: 1, OpenTickets: 6, History: history},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("cells are\n%+v\nwant\n%+v", got, want)
	}
	if got, err := s.Cells(t.Context(), "other", epoch); err != nil || len(got) != 0 {
		t.Errorf("cells of another tenant: %+v (error %v)", got, err)
	}
}

func quarantine(t *testing.T, s *sqlstore.Store) {
	payload := func(i int) telemetry.Rejected {
		return telemetry.Rejected{Tenant: tenant, Device: "tv-1", Topic: "presage/v1/tv-1/telemetry\x00", Arrival: epoch.UnixMilli() + int64(i),
			Reason: "malformed-json", Detail: "at byte 3: \xff", Payload: []byte{0, 0xff, byte(i)}, Truncated: i == 1}
	}
	put := func(all ...telemetry.Rejected) {
		t.Helper()
		if err := s.PutRejected(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	put(payload(1), payload(2), payload(3))
	put(payload(2)) // replayed
	other := payload(1)
	other.Tenant, other.Payload = "other", nil
	put(other)
	var all []telemetry.Quarantined
	cursor := ""
	for range 5 {
		page, next, err := s.Quarantined(t.Context(), tenant, cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if cursor = next; next == "" {
			break
		}
	}
	if len(all) != 3 || all[0].Payload[2] != 3 || all[2].Payload[2] != 1 || !all[2].Truncated || all[0].Truncated {
		t.Fatalf("quarantine holds %+v", all)
	}
	if q := all[0]; q.Arrival != epoch.UnixMilli()+3 || q.Reason != "malformed-json" || q.Device != "tv-1" || q.Tenant != tenant || q.Payload[1] != 0xff {
		t.Errorf("payload came back as %+v", q)
	}
	one, err := s.QuarantinedByID(t.Context(), tenant, all[1].ID)
	if err != nil || !reflect.DeepEqual(one, all[1]) {
		t.Errorf("by ID: %+v (error %v)", one, err)
	}
	if err := s.DeleteQuarantined(t.Context(), "other", one.ID); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("another tenant deletes it: error %v", err)
	}
	if err := s.DeleteQuarantined(t.Context(), tenant, one.ID); err != nil {
		t.Error(err)
	}
	if _, err := s.QuarantinedByID(t.Context(), tenant, one.ID); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("a deleted payload: error %v, want ErrNotFound", err)
	}
	// The stores of the suite keep at most MaxRejected: the oldest give way.
	many := make([]telemetry.Rejected, MaxRejected+3)
	for i := range many {
		many[i] = payload(10 + i)
		many[i].Payload = fmt.Appendf(nil, "%d", i)
	}
	put(many...)
	kept, dropped, err := s.QuarantineSize(t.Context(), tenant)
	if err != nil || kept != MaxRejected || dropped != 5 {
		t.Errorf("%d kept, %d dropped (error %v), want %d and 5", kept, dropped, err, MaxRejected)
	}
	page, _, err := s.Quarantined(t.Context(), tenant, "", 500)
	if err != nil || string(page[len(page)-1].Payload) != "3" {
		t.Errorf("the oldest left is %q (error %v)", page[len(page)-1].Payload, err)
	}
}

func outbox(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	stored := insert(t, s, newTicket("bus-1", "overheat"))[0]
	select {
	case <-s.Wake():
		t.Error("woken without an event")
	default:
	}
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		for i := range 10 {
			if err := tx.Publish(ctx, tickets.Event{Type: "ticket.updated", At: epoch.Add(time.Duration(i)), Ticket: stored, Quiet: i == 9}); err != nil {
				return err
			}
		}
		return nil
	})
	select {
	case <-s.Wake():
	default:
		t.Error("not woken by an event")
	}
	// Two relays claim at once: no event goes to both.
	type claim struct {
		owner  string
		events []tickets.Event
	}
	claims := make(chan claim)
	for _, owner := range []string{"a", "b"} {
		go func() { // ends when its claim is received
			var all []tickets.Event
			for range 5 {
				some, err := s.ClaimEvents(ctx, owner, epoch, time.Minute, 2)
				if err != nil {
					t.Errorf("claim: %v", err)
				}
				all = append(all, some...)
			}
			claims <- claim{owner, all}
		}()
	}
	first, second := <-claims, <-claims
	seen := map[string]bool{}
	for _, e := range append(slices.Clone(first.events), second.events...) {
		if seen[e.ID] {
			t.Errorf("event %s was claimed twice", e.ID)
		}
		seen[e.ID] = true
		if e.Tenant != tenant || e.Ticket.Number != stored.Number || e.Ticket.Tenant != tenant {
			t.Errorf("event came back as %+v", e)
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d events were claimed, want 10", len(seen))
	}
	if !slices.IsSortedFunc(first.events, func(a, b tickets.Event) int { return a.At.Compare(b.At) }) {
		t.Error("events were claimed in disorder")
	}
	ids := func(events []tickets.Event) (ids []string) {
		for _, e := range events {
			ids = append(ids, e.ID)
		}
		return ids
	}
	if kept, err := s.KeepEvents(ctx, first.owner, epoch.Add(time.Hour), ids(first.events)); err != nil || kept != len(first.events) {
		t.Errorf("kept %d (error %v), want %d", kept, err, len(first.events))
	}
	if kept, err := s.KeepEvents(ctx, "somebody", epoch.Add(time.Hour), ids(first.events)); err != nil || kept != 0 {
		t.Errorf("somebody else kept %d (error %v)", kept, err)
	}
	// The lease of the second ends, that of the first was prolonged.
	third, err := s.ClaimEvents(ctx, "c", epoch.Add(2*time.Minute), time.Minute, 100)
	if err != nil || len(third) != len(second.events) {
		t.Errorf("after the lease %d events were claimed (error %v), want %d", len(third), err, len(second.events))
	}
	// Who lost a claim can neither finish nor release.
	if err := errors.Join(s.FinishEvents(ctx, second.owner, ids(second.events)), s.ReleaseEvents(ctx, second.owner, ids(second.events))); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.FinishEvents(ctx, first.owner, ids(first.events)), s.ReleaseEvents(ctx, "c", ids(third))); err != nil {
		t.Error(err)
	}
	rest, err := s.ClaimEvents(ctx, "d", epoch, time.Minute, 100)
	if err != nil || !reflect.DeepEqual(ids(rest), ids(third)) {
		t.Errorf("left are %v (error %v), want %v", ids(rest), err, ids(third))
	}
}

func deliveries(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	event := tickets.Event{ID: "e-1", Tenant: tenant, Type: "ticket.opened", At: epoch, Ticket: newTicket("bus-1", "x")}
	later := event
	later.ID = "e-2"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	claim := func(at time.Time) []tickets.Delivery {
		t.Helper()
		claimed, err := s.ClaimDeliveries(ctx, "crm", at, time.Minute, 10)
		must(err)
		return claimed
	}
	for range 2 {
		must(s.PutDelivery(ctx, "crm", event, epoch))
	}
	must(s.PutDelivery(ctx, "crm", later, epoch.Add(time.Hour)))
	must(s.PutDelivery(ctx, "erp", event, epoch))
	first := claim(epoch)
	if len(first) != 1 || first[0].Event.ID != "e-1" || first[0].Attempts != 1 || first[0].Event.Ticket.Device != "bus-1" || first[0].Event.Tenant != tenant {
		t.Fatalf("claimed %+v", first)
	}
	if again := claim(epoch); len(again) != 0 {
		t.Errorf("claimed twice: %+v", again)
	}
	must(s.DeliveryFailed(ctx, first[0], "status 500\x00", epoch.Add(2*time.Minute), false))
	if early := claim(epoch.Add(time.Minute)); len(early) != 0 {
		t.Errorf("claimed before it is due: %+v", early)
	}
	second := claim(epoch.Add(2 * time.Minute))
	if len(second) != 1 || second[0].Attempts != 2 || second[0].LastError == "" {
		t.Fatalf("claimed %+v", second)
	}
	must(s.DeliveryTaken(ctx, first[0])) // of an attempt that is over: changes nothing
	must(s.DeliveryFailed(ctx, second[0], "gone", epoch.Add(3*time.Minute), true))
	if dead := claim(epoch.Add(10 * time.Minute)); len(dead) != 0 {
		t.Errorf("claimed a dead delivery: %+v", dead)
	}
	dead, _, err := s.Deliveries(ctx, tenant, tickets.DeliveryDead, "", 10)
	if err != nil || len(dead) != 1 || dead[0].LastError != "gone" || dead[0].Endpoint != "crm" {
		t.Errorf("dead deliveries are %+v (error %v)", dead, err)
	}
	must(s.RetryDelivery(ctx, tenant, "crm", "e-1", epoch.Add(20*time.Minute)))
	for _, unknown := range [][3]string{{"other", "crm", "e-1"}, {tenant, "erp\x00", "e-1"}, {tenant, "crm", "e-9"}} {
		if err := s.RetryDelivery(ctx, unknown[0], unknown[1], unknown[2], epoch); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("retrying the unknown delivery %q: error %v, want ErrNotFound", unknown, err)
		}
	}
	third := claim(epoch.Add(20 * time.Minute))
	if len(third) != 1 || third[0].Attempts != 1 {
		t.Fatalf("claimed %+v", third)
	}
	must(s.DeliveryTaken(ctx, third[0]))
	// A pending one is due at once, and goes on counting its attempts.
	waits := claim(epoch.Add(time.Hour))
	if len(waits) != 1 || waits[0].Event.ID != "e-2" {
		t.Fatalf("claimed %+v", waits)
	}
	must(s.DeliveryFailed(ctx, waits[0], "busy", epoch.Add(3*time.Hour), false))
	must(s.RetryDelivery(ctx, tenant, "crm", "e-2", epoch.Add(2*time.Hour)))
	if due := claim(epoch.Add(2 * time.Hour)); len(due) != 1 || due[0].Attempts != 2 {
		t.Errorf("after the retry of a pending delivery %+v is due", due)
	}
}

func deliveryPages(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	for i := range 5 {
		for _, endpoint := range []string{"crm", "erp"} {
			e := tickets.Event{ID: fmt.Sprintf("e-%d", i), Tenant: tenant, Type: "ticket.opened", At: epoch}
			if err := s.PutDelivery(ctx, endpoint, e, epoch.Add(time.Duration(i/2)*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
	}
	foreign := tickets.Event{ID: "e-1", Tenant: "other", Type: "ticket.opened", At: epoch}
	if err := s.PutDelivery(ctx, "crm", foreign, epoch); err != nil {
		t.Fatal(err)
	}
	claimed, err := s.ClaimDeliveries(ctx, "erp", epoch.Add(time.Minute), time.Minute, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range claimed {
		if d.Event.ID == "e-2" {
			if err := s.DeliveryFailed(ctx, d, "gone", epoch, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	page := func(state string) (all []string) {
		t.Helper()
		for cursor := ""; ; {
			page, next, err := s.Deliveries(ctx, tenant, state, cursor, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page {
				all = append(all, d.Event.ID+" "+d.Endpoint)
			}
			if cursor = next; next == "" {
				return all
			}
		}
	}
	everything := []string{"e-4 erp", "e-4 crm", "e-3 erp", "e-3 crm", "e-2 erp", "e-2 crm", "e-1 erp", "e-1 crm", "e-0 erp", "e-0 crm"}
	if got := page(""); !reflect.DeepEqual(got, everything) {
		t.Errorf("all deliveries: %q, want %q", got, everything)
	}
	pending := append(append([]string{}, everything[:4]...), everything[5:]...)
	if got := page(tickets.DeliveryPending); !reflect.DeepEqual(got, pending) {
		t.Errorf("pending deliveries: %q, want %q", got, pending)
	}
	if got := page(tickets.DeliveryDead); !reflect.DeepEqual(got, []string{"e-2 erp"}) {
		t.Errorf("dead deliveries: %q", got)
	}
	if _, _, err := s.Deliveries(ctx, tenant, "", "nonsense", 3); !errors.Is(err, tickets.ErrBadFilter) {
		t.Errorf("a bad cursor: error %v, want ErrBadFilter", err)
	}
}
