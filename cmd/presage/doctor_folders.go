package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/journal"
	"github.com/presage-pdm/presage/internal/doctor"
)

// foldersBelongTogether looks whether the journal has what the checkpoints of the lanes point at. Two folders of different
// backups do not, and Presage then refuses to work the lanes.
func foldersBelongTogether(s Settings, running bool) []doctor.Result {
	one := func(r doctor.Result) []doctor.Result { return []doctor.Result{r} }
	if running {
		return one(doctor.Good("They are in use; the server tells of lanes that do not work."))
	}
	extents, err := journal.Inspect(s.path("journal"))
	if errors.Is(err, fs.ErrNotExist) {
		saved, err := ingest.SavedCursors(s.path("lanes"), 1)
		if err == nil && len(saved) == 0 {
			return one(doctor.Good("There is no journal yet."))
		}
		return one(doctor.Bad("There are checkpoints in lanes and no journal.", remedyFolders))
	}
	if err != nil {
		return one(doctor.Bad(fmt.Sprintf("The journal cannot be read: %v.", err), remedyFolders))
	}
	if n := s.Ingest.Lanes; n != 0 && n != len(extents) {
		return one(doctor.Bad(fmt.Sprintf("ingest.lanes is %d, and the journal has %d partitions.", n, len(extents)), "The number cannot change in a data folder: leave ingest.lanes unset."))
	}
	saved, err := ingest.SavedCursors(s.path("lanes"), len(extents))
	if err != nil {
		return one(doctor.Weak(fmt.Sprintf("A checkpoint cannot be read: %v.", err), "The one before is used, and more of the journal is replayed. Check the disk (dmesg, smartctl -a)."))
	}
	for _, c := range saved {
		if !extents[c.Partition].Holds(c.Position) {
			return one(doctor.Bad(fmt.Sprintf("Lane %d (%s) was saved at position %d, which is not in the journal.", c.Partition, c.Role, c.Position), remedyFolders))
		}
	}
	return one(doctor.Good("%d partitions and %d checkpoints belong together.", len(extents), len(saved)))
}

// remedyFolders is what to do about folders that are not of one piece.
const remedyFolders = "The folders journal and lanes are of different times, after a partial restore: restore both from one snapshot, or remove both. Without them the detectors learn anew, and what the journal alone held is lost."
