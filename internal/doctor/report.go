package doctor

import (
	"fmt"
	"io"
	"strings"
)

// wide is how many columns of a line a text takes.
const wide = 100

// Write writes a result for people: the level, the subject, what was found, and below it what to do.
func (r Result) Write(w io.Writer) error {
	const indent = "                           "
	var b strings.Builder
	fmt.Fprintf(&b, "%-5s %-20s %s\n", strings.ToUpper(string(r.Level)), r.Check, wrap(r.Found, indent))
	if r.Remedy != "" {
		fmt.Fprintf(&b, "%s-> %s\n", indent, wrap(r.Remedy, indent+"   "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Summary is the last line.
func (r Report) Summary() string {
	return fmt.Sprintf("%d looked at, %d to fix, %d to think about", len(r.Results), r.Failures, r.Warnings)
}

// wrap breaks a text into lines, all but the first of them indented.
func wrap(text, indent string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
		case column+1+len(word) > wide:
			b.WriteString("\n" + indent)
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
