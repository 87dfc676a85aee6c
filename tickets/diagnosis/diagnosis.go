// Package diagnosis builds the picture and the words that travel with a
// ticket: what is wrong, since when, how sure, what to bring.
package diagnosis

import (
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// Diagnosis is what a technician reads before setting out.
type Diagnosis struct {
	Ticket string `json:"ticket"`
	// Summary is one sentence: what is wrong, since when, how sure, what to bring.
	Summary tickets.Text `json:"summary"`
	// Reasons are the findings in words, most telling first.
	Reasons []tickets.Text `json:"reasons"`
	// Confidence is in [0, 1].
	Confidence float64   `json:"confidence"`
	OnsetAt    time.Time `json:"onset_at"`
	OpenedAt   time.Time `json:"opened_at"`
	// From and To bound the charts. Until is where To will be once time has got there.
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Until time.Time `json:"until"`
	// Signals are the charts, the culprit first.
	Signals []Chart `json:"signals"`
	// Evidence is every finding of the ticket, newest first.
	Evidence []Told `json:"evidence"`
	// Events are the fault codes and other events in the window.
	Events []telemetry.Event `json:"events"`
	Cohort *Cohort           `json:"cohort,omitempty"`
	// Partial tells that the series store could not be asked: the words are
	// whole, the picture is missing. Such a diagnosis is built anew at the next question.
	Partial bool `json:"partial,omitempty"`
	// Bring is what the repair probably needs.
	Bring   []string      `json:"bring,omitempty"`
	Facts   tickets.Facts `json:"facts"`
	BuiltAt time.Time     `json:"built_at"`
	// Hash is the SHA-256, in hex, of the diagnosis in canonical JSON without this member.
	Hash string `json:"hash"`
}

// Told is a finding and why it was made, in words.
type Told struct {
	detectors.Finding
	Words tickets.Text `json:"words,omitempty"`
}

// Chart is one signal over the window.
type Chart struct {
	Metric   string  `json:"metric"`
	Unit     string  `json:"unit"`
	Share    float64 `json:"share"`          // part of the decision owed to it, in [0, 1]
	Rank     float64 `json:"rank,omitempty"` // as in [detectors.Signal]; what the history counts is exact
	Actual   float64 `json:"actual"`         // at the decision
	Expected float64 `json:"expected"`
	// Onset is when the signal began to be off, in Unix milliseconds.
	Onset int64 `json:"onset,omitempty"`
	// Low and High are what the newest finding expected the actual value to lie between; nil where open.
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
	// Season is the cycle that the band takes into account: "day", "week" or none.
	Season string `json:"season,omitempty"`
	// History places the actual value among the signal's own readings before the onset.
	History *History `json:"history,omitempty"`
	// Words say since when, what was expected and how unusual the actual value is.
	Words tickets.Text `json:"words,omitempty"`
	// Points are [unix_ms, value], raw or means when there are many; gaps are missing points.
	Points [][2]float64 `json:"points"`
	// Band is [unix_ms, low, high] of what was expected; null where a side is open.
	Band []BandPoint `json:"band,omitempty"`
}

// BandPoint is the expected range at a time. Low and High are nil where open.
type BandPoint struct {
	Time int64    `json:"t"`
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`

	season string // see [Chart]
}

// Cohort places the device among its peers of the same model.
type Cohort struct {
	Name string `json:"name"`
	Size int    `json:"size"`
	// Percentile of the culprit signal's actual value among the peers' latest, in [0, 100].
	Percentile float64 `json:"percentile"`
	Metric     string  `json:"metric"`
	// Below and Above are how many peers were lower and higher; Low and High are the 10 % and the 90 % quantile of the peers.
	Below int      `json:"below,omitempty"`
	Above int      `json:"above,omitempty"`
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
	// Words say the same; a diagnosis without them was sealed before Below, Above, Low and High were told.
	Words tickets.Text `json:"words,omitempty"`
}
