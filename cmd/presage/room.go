package main

import (
	"fmt"
	"log/slog"

	"github.com/presage-pdm/presage/internal/disk"
	"github.com/presage-pdm/presage/web"
)

// room is what the journal and the disk of the data folder have left.
type room struct {
	data                string // the data folder
	journal, most       int64  // bytes that the journal holds, and may hold
	full                bool   // appending to the journal waits
	storeLag, detectLag float64
	free, size          int64  // bytes of the disk; 0 when unknown
	series              string // folder of the embedded series store, empty when it is elsewhere or has room
	seriesFree          int64  // bytes that its disk has left
	seriesKept          int64  // bytes that it keeps free
}

// room looks at journal and disk.
func (a *app) room() room {
	r := room{data: a.settings.Data, journal: a.journal.Size(), most: a.settings.Ingest.JournalBytes, full: a.journal.Full()}
	r.free, r.size = disk.Space(r.data)
	if a.promQL != nil {
		if free, kept, enough := a.promQL.Room(); !enough {
			r.series, r.seriesFree, r.seriesKept = a.settings.path("series"), free, kept
		}
	}
	for _, lane := range a.lanes.Status() {
		r.storeLag, r.detectLag = max(r.storeLag, lane.Store.LagSeconds), max(r.detectLag, lane.Detect.LagSeconds)
	}
	return r
}

// diskReserve is how many bytes are enough on a disk so large that a hundredth
// of it is more: twice what the journal may hold by default, and a compaction of the series.
const diskReserve = 10 << 30

// low reports whether the disk is nearly full: less than a hundredth is left.
func (r room) low() bool { return r.size > 0 && r.free < min(r.size/100, diskReserve) }

// tell writes the room into the description of the server.
func (r room) tell(about *web.About) {
	about.DataFree, about.DataDisk, about.DiskLow = r.free, r.size, r.low()
	about.JournalBytes, about.JournalLimit, about.JournalFull = r.journal, r.most, r.full
}

// problems says what keeps Presage from being ready, and the remedy.
func (r room) problems() []web.Unready {
	var problems []web.Unready
	if r.full {
		behind, store := "Storing", "the series store"
		lag := r.storeLag
		if r.detectLag > lag {
			behind, store, lag = "Judging", "the ticket store and the processors", r.detectLag
		}
		problems = append(problems, web.Unready{Check: "journal full", Detail: fmt.Sprintf(
			"The journal holds %s of at most %s, and devices are slowed down. %s is %.0f s behind: look at %s, or allow more with ingest.journal_bytes.",
			disk.Bytes(r.journal), disk.Bytes(r.most), behind, lag, store)})
	}
	if r.low() {
		problems = append(problems, web.Unready{Check: "disk", Detail: fmt.Sprintf(
			"The disk of %s has %s of %s left: free some, give it a larger one, or keep readings for less long with series.retention.",
			r.data, disk.Bytes(r.free), disk.Bytes(r.size))})
	}
	if r.series != "" {
		problems = append(problems, web.Unready{Check: "series disk", Detail: fmt.Sprintf(
			"The disk of %s has %s left, and the series store keeps %s free: storing waits, and the journal keeps what comes. Free some, or give it a larger one.",
			r.series, disk.Bytes(r.seriesFree), disk.Bytes(r.seriesKept))})
	}
	return problems
}

// roomWatch logs a lack of room once when it begins, and its end.
type roomWatch struct {
	log     *slog.Logger
	lacking map[string]bool // by check
}

// look compares with the last look.
func (w *roomWatch) look(r room) {
	lacking := map[string]bool{}
	for _, p := range r.problems() {
		lacking[p.Check] = true
		if !w.lacking[p.Check] {
			w.log.Warn("running out of room", "check", p.Check, "detail", p.Detail)
		}
	}
	for check := range w.lacking {
		if !lacking[check] {
			w.log.Info("there is room again", "check", check)
		}
	}
	w.lacking = lacking
}
