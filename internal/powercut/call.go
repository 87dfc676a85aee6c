package powercut

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// call is one system call of the log. Begin and End number the lines of all logs of a [Disk] in order.
type call struct {
	name       string
	args       []string
	result     int64
	begin, end int
	// killed tells that the process was killed in the call, so that nobody knows its result.
	killed bool
}

// calls reads a log and calls entered at the beginning of each call and returned at its end, in the order of the log, for a call that
// the process was killed in at the end of the log.
func calls(log io.Reader, line *int, entered, returned func(*call) error) error {
	under := map[string]*call{} // by thread
	texts := map[string]string{}
	in := bufio.NewReaderSize(log, 1<<20)
	for {
		text, err := in.ReadString('\n')
		if err == io.EOF {
			return endOf(under, *line, returned)
		}
		if err != nil {
			return fmt.Errorf("read the log of strace: %w", err)
		}
		*line++
		if err := readLine(strings.TrimSuffix(text, "\n"), *line, under, texts, entered, returned); err != nil {
			return fmt.Errorf("log of strace, line %d: %w", *line, err)
		}
	}
}

// endOf returns from the calls that were under way when the log ended, in the order they began.
func endOf(under map[string]*call, line int, returned func(*call) error) error {
	byBegin := func(a, b *call) int { return cmp.Compare(a.begin, b.begin) }
	for _, c := range slices.SortedFunc(maps.Values(under), byBegin) {
		c.end, c.killed = line, true
		if err := returned(c); err != nil {
			return err
		}
	}
	return nil
}

func readLine(text string, line int, under map[string]*call, texts map[string]string, entered, returned func(*call) error) error {
	thread, rest, ok := strings.Cut(text, " ")
	rest = strings.TrimLeft(rest, " ")
	if !ok || strings.HasPrefix(rest, "+++") || strings.HasPrefix(rest, "---") {
		return nil
	}
	if resumed, ok := strings.CutPrefix(rest, "<... "); ok {
		c := under[thread]
		_, tail, ok := strings.Cut(resumed, " resumed>")
		if c == nil || !ok {
			return fmt.Errorf("a call is resumed that did not begin: %.80s", rest)
		}
		delete(under, thread)
		full, err := parseCall(texts[thread] + tail)
		if err != nil {
			return err
		}
		full.begin, full.end = c.begin, line
		*c = *full
		return returned(c)
	}
	if begun, ok := cutUnfinished(rest); ok {
		c, err := parseCall(begun + ") = ?")
		if err != nil {
			return err
		}
		c.begin = line
		under[thread], texts[thread] = c, begun
		return entered(c)
	}
	c, err := parseCall(rest)
	if err != nil {
		return err
	}
	c.begin, c.end = line, line
	if err := entered(c); err != nil {
		return err
	}
	return returned(c)
}

// cutUnfinished returns what a line says of a call before it stops: another thread came in between, or the process was killed while
// strace wrote the line, which strace 6 tells otherwise than strace 5.
func cutUnfinished(text string) (begun string, ok bool) {
	if begun, ok = strings.CutSuffix(text, " <unfinished ...>"); ok {
		return begun, true
	}
	at := max(strings.LastIndex(text, " <Cannot restart pid "), strings.LastIndex(text, " <ptrace("))
	if at < 0 || !strings.HasSuffix(text, "No such process>") {
		return "", false
	}
	return text[:at], true
}

// parseCall reads "name(args) = result". The result of a call that has not returned is -1.
func parseCall(text string) (*call, error) {
	name, rest, ok := strings.Cut(text, "(")
	at := strings.LastIndex(rest, ") = ")
	if !ok || at < 0 {
		return nil, fmt.Errorf("not a call: %.80s ... %s", text, text[max(0, len(text)-80):])
	}
	c := &call{name: name, args: split(rest[:at]), result: -1}
	result := strings.TrimLeft(rest[at+1:], " =")
	if end := strings.IndexAny(result, " <"); end >= 0 {
		result = result[:end]
	}
	if n, err := strconv.ParseInt(result, 0, 64); err == nil {
		c.result = n
	}
	c.killed = result == "?"
	return c, nil
}

// split separates arguments at commas outside of quotes and brackets.
func split(args string) (parts []string) {
	depth, quoted, begin := 0, false, 0
	for i := 0; i < len(args); i++ {
		switch b := args[i]; {
		case b == '"':
			quoted = !quoted // -xx escapes every byte, also quotes
		case quoted:
		case b == '[' || b == '{' || b == '<' || b == '(':
			depth++
		case b == ']' || b == '}' || b == ')' || b == '>' && (i == 0 || args[i-1] != '-'): // not that of an arrow
			depth--
		case b == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(args[begin:i]))
			begin = i + 1
		}
	}
	return append(parts, strings.TrimSpace(args[begin:]))
}

// number reads an argument or its beginning, such as 7 of "7</path>".
func number(arg string) int64 {
	if end := strings.IndexAny(arg, " <"); end >= 0 {
		arg = arg[:end]
	}
	n, err := strconv.ParseInt(arg, 0, 64)
	if err != nil {
		return -1
	}
	return n
}

// bytesOf decodes the quoted strings of an argument: one, or those of the vectors of writev.
func bytesOf(arg string) ([]byte, error) {
	var out []byte
	for quoted := false; ; quoted = !quoted {
		part, rest, more := strings.Cut(arg, `"`)
		if quoted {
			if len(part)%4 != 0 {
				return nil, fmt.Errorf("not in hexadecimal: %.40s", part)
			}
			for i := 0; i < len(part); i += 4 {
				b, err := strconv.ParseUint(part[i+2:i+4], 16, 8)
				if err != nil {
					return nil, err
				}
				out = append(out, byte(b))
			}
			if strings.HasPrefix(rest, "...") {
				return nil, fmt.Errorf("cut short by strace")
			}
		}
		if !more {
			return out, nil
		}
		arg = rest
	}
}

// described is what strace says of a descriptor, the part in angle brackets, with escapes decoded.
func described(arg string) string {
	_, text, ok := strings.Cut(arg, "<")
	if !ok {
		return ""
	}
	text = strings.TrimSuffix(text, ">")
	if !strings.Contains(text, `\x`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		if strings.HasPrefix(text[i:], `\x`) && i+4 <= len(text) {
			if b, err := strconv.ParseUint(text[i+2:i+4], 16, 8); err == nil {
				out.WriteByte(byte(b))
				i += 4
				continue
			}
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String()
}
