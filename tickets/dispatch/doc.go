// Package dispatch chooses who takes a ticket. It is a pure function of the
// need, the fleet, the loads and the time: the same question always gets the same answer.
//
// The search widens rung by rung until somebody can take the ticket:
//
//  1. home: the stations whose coverage names the region, or one that holds it, and the model; the
//     most specific coverage first. A station without any coverage serves its own region.
//  2. neighbour: the neighbours of those stations, as listed.
//  3. parent: the stations of the parent region and of all regions under it, then of its parent, and so on.
//  4. nationwide: every station.
//
// A station of rungs 2 to 4 must still be authorised for the model and
// component by some coverage of its own, whatever the region. When nobody is
// left, the ticket is pending: it names the station it would have gone to, and waits.
//
// Within a rung the hard filters are: technician active, skill held and not
// expired, technician's and station's load below their bounds, on shift. Who
// passes them is scored; see [Weights].
//
// Outside the shifts, a ticket that is not critical waits at the first rung
// where anybody passes the other filters, for the one whose shift opens first:
// another region's people do not travel because it is night. A critical one
// goes to whoever is on shift at home or at a neighbour; when nobody is, the
// best of those two rungs is called out of free time (on call), and only then the search widens.
package dispatch
