package sqlstore

import (
	"database/sql"
	"time"
)

// judged is what of a device's row its health depends on.
type judged struct {
	online   sql.NullBool
	lastSeen time.Time
}

func (d *judged) scan(r row) error { return r.Scan(&d.online, into(&d.lastSeen)) }

// offline tells that the device said so, or its last will.
func (d *judged) offline() bool { return d.online.Valid && !d.online.Bool }

func (d *judged) seen() bool { return d.online.Valid || d.lastSeen.After(neverSeen) }

// neverSeen stands in the devices table for a device that was never heard of.
var neverSeen = time.Unix(0, 0).UTC()
