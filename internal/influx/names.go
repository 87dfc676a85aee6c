package influx

import "strings"

// A tag value that ends in a backslash would escape what follows it, and line
// protocol has no way to escape a backslash. So backslashes are
// written %5C, and a percent sign that could be taken for the start of such a
// mark, and only that, %25.
const (
	markBackslash = "%5C"
	markPercent   = "%25"
)

// encodeName turns a name into a tag value. decodeName undoes it.
func encodeName(name string) string {
	if !strings.ContainsAny(name, `\%`) {
		return name
	}
	var b strings.Builder
	for i := range len(name) {
		switch rest := name[i:]; {
		case name[i] == '\\':
			b.WriteString(markBackslash)
		case strings.HasPrefix(rest, markBackslash), strings.HasPrefix(rest, markPercent):
			b.WriteString(markPercent)
		default:
			b.WriteByte(name[i])
		}
	}
	return b.String()
}

func decodeName(tag string) string {
	return strings.NewReplacer(markBackslash, `\`, markPercent, "%").Replace(tag)
}

// escapeTag escapes a tag value for line protocol. Line breaks cannot be
// escaped there; telemetry refuses control characters in names.
var escapeTag = strings.NewReplacer(",", `\,`, " ", `\ `, "=", `\=`)

// quoteString returns an InfluxQL string literal.
func quoteString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s) + "'"
}

// quoteIdent returns a quoted InfluxQL identifier.
func quoteIdent(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
