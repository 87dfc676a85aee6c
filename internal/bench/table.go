package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Row is one line of the table of all figures.
type Row struct {
	What string `json:"what"`
	// Bar and Stretch are what is to be reached; none where a figure stands for comparison only.
	Bar     *float64 `json:"bar,omitempty"`
	Stretch *float64 `json:"stretch,omitempty"`
	// AtLeast tells that more is better; otherwise less is.
	AtLeast bool    `json:"at_least,omitempty"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Beside  string  `json:"beside,omitempty"` // what else is to be said
	Command string  `json:"command"`          // that measures this alone
}

// Reached tells how far a row got: "bar", "stretch" or "no"; empty without a bar.
func (r Row) Reached() string {
	reaches := func(mark *float64) bool {
		return mark != nil && (r.AtLeast && r.Value >= *mark || !r.AtLeast && r.Value <= *mark)
	}
	switch {
	case r.Bar == nil:
		return ""
	case reaches(r.Stretch):
		return "stretch"
	case reaches(r.Bar):
		return "bar"
	}
	return "no"
}

// Table are all figures of a machine.
type Table struct {
	Machine Machine `json:"machine"`
	Rows    []Row   `json:"rows"`
}

// Text writes the table in Markdown.
func (t *Table) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n| what | bar | stretch | here | reached | command |\n|---|---|---|---|---|---|\n", t.Machine)
	for _, r := range t.Rows {
		fmt.Fprintf(&b, "%s\n", r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// String is the row in Markdown.
func (r Row) String() string {
	here := number(r.Value) + " " + r.Unit
	if r.Beside != "" {
		here += "; " + r.Beside
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | `%s` |", r.What, r.mark(r.Bar), r.mark(r.Stretch), here, r.Reached(), r.Command)
}

func (r Row) mark(v *float64) string {
	switch {
	case v == nil:
		return ""
	case r.AtLeast:
		return ">= " + number(*v) + " " + r.Unit
	}
	return "<= " + number(*v) + " " + r.Unit
}

// number writes three digits that count, with commas between thousands.
func number(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
