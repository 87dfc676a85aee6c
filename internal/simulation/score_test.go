package simulation

import (
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	at := func(minutes int) time.Time { return midnight.Add(time.Duration(minutes) * time.Minute) }
	fault := func(id, device, component, code string, from int) Fault {
		return Fault{ID: id, Device: device, Component: component, FaultCode: code, InjectedAt: at(from), ExpectedCallAt: at(from + 10), RepairedAt: at(from + 15)}
	}
	faults := []Fault{
		fault("F-1", "car-1", "cooling", "coolant-leak", 0),
		fault("F-2", "car-2", "battery", "cell-imbalance", 5),
		fault("F-3", "tv-1", "software", "crash-loop", 10),
		fault("F-4", "pump-1", "seal", "seal-leak", 20),
		fault("F-5", "car-1", "cooling", "coolant-leak", 100), // again
	}
	tickets := []Ticket{
		{ID: "2", Number: "T-2", Device: "car-1", Component: "engine", FaultCode: "abnormal-behaviour", OpenedAt: at(1)},   // another part: explained, but not it
		{ID: "1", Number: "T-1", Device: "car-1", Component: "cooling", FaultCode: "coolant-leak", OpenedAt: at(2)},        // lead 8 min
		{ID: "3", Number: "T-3", Device: "car-2", Component: "battery", FaultCode: "abnormal-behaviour", OpenedAt: at(11)}, // right part: lead 4 min
		{ID: "4", Number: "T-4", Device: "tv-1", Component: "software", FaultCode: "crash-loop", OpenedAt: at(21)},         // after the call: -1 min
		{ID: "5", Number: "T-5", Device: "pump-1", Component: "seal", FaultCode: "seal-leak", OpenedAt: at(19)},            // before the fault: false
		{ID: "6", Number: "T-6", Device: "car-3", Component: "cooling", FaultCode: "coolant-leak", OpenedAt: at(2)},        // no fault: false
		{ID: "7", Number: "T-7", Device: "car-1", Component: "cooling", FaultCode: "coolant-leak", OpenedAt: at(60)},       // long repaired: false
		{ID: "8", Number: "T-8", Device: "car-2", Component: "motor", FaultCode: "bearing-wear", OpenedAt: at(29)},         // echo of F-2
	}
	got := Judge(faults, tickets)
	if got.Injected != 5 || got.Ticketed != 3 || got.FalseTickets != 3 {
		t.Errorf("injected %d, ticketed %d, false %d; want 5, 3, 3", got.Injected, got.Ticketed, got.FalseTickets)
	}
	if got.MedianLeadS == nil || *got.MedianLeadS != 240 {
		t.Errorf("median lead %v, want 240", got.MedianLeadS)
	}
	want := map[string]struct {
		number string
		lead   float64
		caught bool
	}{"F-1": {"T-1", 480, true}, "F-2": {"T-3", 240, true}, "F-3": {"T-4", -60, false}, "F-4": {}, "F-5": {}}
	for i, f := range got.Faults {
		if i > 0 && f.InjectedAt.After(got.Faults[i-1].InjectedAt) {
			t.Error("not newest first")
		}
		w := want[f.ID]
		if f.TicketNumber != w.number || f.Caught != w.caught || (f.LeadS == nil) != (w.number == "") || f.LeadS != nil && *f.LeadS != w.lead {
			t.Errorf("%s: %s, lead %v, caught %v; want %+v", f.ID, f.TicketNumber, f.LeadS, f.Caught, w)
		}
	}
	if empty := Judge(nil, nil); empty.MedianLeadS != nil || empty.Faults == nil {
		t.Errorf("of nothing: %+v", empty)
	}
}
