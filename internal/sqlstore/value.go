package sqlstore

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/presage-pdm/presage/tickets"
)

// newID returns a UUIDv7: unique, and in the order of creation within a process.
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return id.String(), nil
}

// moment is a time as a TIMESTAMP that is never null: UTC, whole microseconds.
func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// stamp is a time as a TIMESTAMP that is null for the zero time.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return moment(t)
}

// Bounds of the times that both engines order alike, in Unix milliseconds: 1 January of the year 1 and, excluded, noDeadline.
const (
	minMillis = -62135596800_000
	endMillis = 253402214400_000
)

// millis is a time in Unix milliseconds as a TIMESTAMP, moved into the range that
// both engines order alike.
func millis(ms int64) time.Time {
	return time.UnixMilli(max(minMillis, min(ms, endMillis-1))).UTC()
}

// within is a time of an outsider as a TIMESTAMP, moved into the range that both engines order alike.
func within(t time.Time) time.Time {
	if ms := t.UnixMilli(); ms < minMillis || ms >= endMillis {
		return millis(ms)
	}
	return moment(t)
}

// into scans a TIMESTAMP, null included, into t. SQLite returns text where an
// expression hides the declared type of the column.
func into(t *time.Time) scanTime { return scanTime{t} }

type scanTime struct{ t *time.Time }

// Scan implements [sql.Scanner].
func (s scanTime) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s.t = time.Time{}
	case time.Time:
		*s.t = v.UTC()
	case string:
		t, err := time.Parse("2006-01-02 15:04:05.999999999-07:00", v)
		if err != nil {
			return fmt.Errorf("read a time: %w", err)
		}
		*s.t = t.UTC()
	default:
		return fmt.Errorf("read a time: the column holds a %T", src)
	}
	return nil
}

// document carries a value to and from JSON in a TEXT column.
func document(v any) scanJSON { return scanJSON{v} }

type scanJSON struct{ v any }

// Scan implements [sql.Scanner]; the empty text leaves the value alone.
func (s scanJSON) Scan(src any) error {
	var text []byte
	switch v := src.(type) {
	case nil:
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		return fmt.Errorf("read JSON: the column holds a %T", src)
	}
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, s.v)
}

// toJSON returns v as the JSON of a TEXT column.
func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write %T as JSON: %w", v, err)
	}
	return string(b), nil
}

// clean makes a text of an outsider one that PostgreSQL takes: valid UTF-8 without NUL.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// ErrBadCursor means that a cursor was not returned by a list with the same order.
var ErrBadCursor = fmt.Errorf("%w: the cursor does not belong here: take it from the page before, with the same filters and order", tickets.ErrBadFilter)

// cursor is where the next page begins: the order it belongs to and the values
// of the last row in that order.
type cursor struct {
	Sort  string      `json:"s"`
	Times []time.Time `json:"t,omitempty"`
	Ints  []int64     `json:"i,omitempty"`
	Texts []string    `json:"x,omitempty"`
}

func (c cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic("sqlstore: a cursor holds only times, numbers and texts: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor reads a cursor of the given order with so many values of each kind.
func parseCursor(s, sort string, times, ints, texts int) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) > 4096 {
		return c, ErrBadCursor
	}
	if json.Unmarshal(b, &c) != nil || c.Sort != sort ||
		len(c.Times) != times || len(c.Ints) != ints || len(c.Texts) != texts {
		return c, ErrBadCursor
	}
	for i := range c.Texts {
		c.Texts[i] = clean(c.Texts[i])
	}
	return c, nil
}

// pageSize bounds what a caller asks for.
func pageSize(limit, otherwise, most int) int {
	if limit <= 0 {
		return otherwise
	}
	return min(limit, most)
}
