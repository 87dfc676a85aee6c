package diagnosis

import (
	"fmt"
	"strings"
)

// template is a sentence with blanks, such as "{metric:metric} is at {value:value}[ for {seconds:duration}]".
//
// The formats of blanks: "text" as it is; "code" in the quotes of the
// language; "number" in the digits of the language; "value" the same with the
// unit; "percent" of a fraction; "duration" of whole seconds; "times" of
// a count ("once", "3 times"); "view" of the course of a metric; "metric" as people call it; "plural" the
// word that goes with a count, as in "{count:plural:reading|readings}", the form of one first, one form where a language has no other. A passage in brackets is left out when a blank in it is
// empty or "0".
type template struct {
	pieces []piece
}

type piece struct {
	text          string // set when there is no blank
	param, format string
	forms         []string // of the format "plural"
	optional      int      // number of the bracket it stands in, from 1; 0 outside
}

var formats = map[string]bool{"text": true, "code": true, "number": true, "value": true, "percent": true, "duration": true, "times": true, "view": true, "metric": true, "plural": true}

// parseTemplate reads a template. It fails on a blank without a known format and on unbalanced brackets.
func parseTemplate(source string) (template, error) {
	var t template
	optional, brackets := 0, 0
	rest := source
	for rest != "" {
		i := strings.IndexAny(rest, "{[]")
		if i < 0 {
			i = len(rest)
		}
		if i > 0 {
			t.pieces = append(t.pieces, piece{text: rest[:i], optional: optional})
			rest = rest[i:]
			continue
		}
		switch rest[0] {
		case '[':
			if optional != 0 {
				return t, fmt.Errorf("%q: brackets within brackets", source)
			}
			brackets++
			optional, rest = brackets, rest[1:]
		case ']':
			if optional == 0 {
				return t, fmt.Errorf("%q: a bracket is closed that was not opened", source)
			}
			optional, rest = 0, rest[1:]
		default:
			blank, after, ok := strings.Cut(rest[1:], "}")
			param, format, _ := strings.Cut(blank, ":")
			format, words, _ := strings.Cut(format, ":")
			forms := strings.Split(words, "|")
			if (format == "plural") != (words != "") || len(forms) > 2 {
				return t, fmt.Errorf("%q: the blank {%s} is not {parameter:plural:one|more}", source, blank)
			}
			if !ok || param == "" || !formats[format] {
				return t, fmt.Errorf("%q: the blank {%s} is not {parameter:format} with a known format", source, blank)
			}
			t.pieces = append(t.pieces, piece{param: param, format: format, forms: forms, optional: optional})
			rest = after
		}
	}
	if optional != 0 {
		return t, fmt.Errorf("%q: a bracket is not closed", source)
	}
	return t, nil
}

// fill words the template with parameters.
func (t template) fill(l *language, params map[string]string) string {
	left := make(map[int]bool) // brackets that are left out
	for _, p := range t.pieces {
		if p.param != "" && p.optional != 0 && (params[p.param] == "" || params[p.param] == "0") {
			left[p.optional] = true
		}
	}
	var b strings.Builder
	for _, p := range t.pieces {
		switch {
		case left[p.optional]:
		case p.param == "":
			b.WriteString(p.text)
		case p.format == "plural":
			b.WriteString(l.plural(params[p.param], p.forms))
		default:
			b.WriteString(l.format(p.format, params[p.param], params["unit"]))
		}
	}
	return b.String()
}
