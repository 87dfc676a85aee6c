package diagnosis

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/feature/plural"
	textlanguage "golang.org/x/text/language"

	"github.com/presage-pdm/presage/detectors"
)

// language is how numbers, times and names are written in one language.
type language struct {
	tag            string
	cldr           textlanguage.Tag // whose rules of plurals apply
	decimal, group string
	// digits is how long the part before the decimal sign is when it begins to be grouped.
	digits         int
	percent        string
	open, close    string // quotes
	day, hour      string // units of duration, after the number
	minute, sec    string
	days           string              // of more than one day
	time           string              // layout of [time.Time.Format]
	reasons, brief map[string]template // by the keys of reasons
	head, bring    template
	end, and       string
	unknown        template
	metrics        map[string]string
	views          map[string]string
	context        map[string]template // by the keys of contextKeys
	space          string              // between sentences
	once, often    string              // how often: one time, and what follows another number; once is empty where it is no exception
	capitalFirst   bool                // sentences begin with a capital letter
}

func (l *language) format(format, value, unit string) string {
	switch format {
	case "code":
		return l.open + value + l.close
	case "number":
		return l.number(value)
	case "value":
		return l.value(value, unit)
	case "percent":
		return l.number(value) + l.percent
	case "duration":
		return l.duration(value)
	case "metric":
		return l.metric(value)
	case "times":
		return l.times(value)
	case "view":
		if s, ok := l.views[value]; ok {
			return s
		}
	}
	return value
}

// times says how often.
func (l *language) times(s string) string {
	if s == "1" && l.once != "" {
		return l.once
	}
	return l.number(s) + l.often
}

// plural chooses among the forms of a word, that of one first, the one that goes with a number.
func (l *language) plural(number string, forms []string) string {
	n, err := strconv.Atoi(number)
	if err == nil && plural.Cardinal.MatchPlural(l.cldr, max(n, -n)%10_000_000, 0, 0, 0, 0) == plural.One {
		return forms[0]
	}
	return forms[len(forms)-1]
}

// values names signals with their actual values.
func (l *language) values(signals []detectors.Signal) string {
	var named []string
	for _, s := range signals[:min(len(signals), maxCharts)] {
		named = append(named, l.metric(s.Metric)+" "+l.value(detectors.FormatNumber(s.Actual), s.Unit))
	}
	return l.list(named)
}

// contributions names the signals that a decision is owed to most, with their shares in whole percent.
func (l *language) contributions(signals []detectors.Signal) string {
	var names []string
	for _, s := range signals[:min(len(signals), maxCharts)] {
		percent := strconv.Itoa(int(math.Round(100 * s.Share)))
		switch {
		case s.Share < 1 && percent == "100":
			percent = "99"
		case s.Share > 0 && percent == "0":
			percent = "<1"
		}
		names = append(names, l.metric(s.Metric)+" ("+percent+l.percent+")")
	}
	return l.list(names)
}

// number writes a decimal number as the language does; what is no number stays as it is.
func (l *language) number(s string) string {
	if v, err := strconv.ParseFloat(s, 64); err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return s
	}
	sign, digits := "", s
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, digits = "−", rest
	}
	if strings.ContainsAny(digits, "eE") {
		return sign + strings.Replace(digits, ".", l.decimal, 1)
	}
	whole, fraction, broken := strings.Cut(digits, ".")
	if len(whole) >= l.digits {
		var b strings.Builder
		for i, r := range whole {
			if i > 0 && (len(whole)-i)%3 == 0 {
				b.WriteString(l.group)
			}
			b.WriteRune(r)
		}
		whole = b.String()
	}
	if broken {
		whole += l.decimal + fraction
	}
	return sign + whole
}

// value writes a number and its unit, kept on one line.
func (l *language) value(s, unit string) string {
	n := l.number(s)
	switch unit {
	case "":
		return n
	case "%":
		return n + l.percent
	}
	return n + noBreak + unit
}

const noBreak = "\u00a0"

// duration writes whole seconds by their two largest units.
func (l *language) duration(s string) string {
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || seconds < 0 || seconds > 1e12 {
		return s
	}
	left := int64(math.Round(seconds))
	if left == 0 {
		return "0" + l.sec
	}
	var parts []string
	for _, u := range []struct {
		length    int64
		one, many string
	}{{86400, l.day, l.days}, {3600, l.hour, l.hour}, {60, l.minute, l.minute}, {1, l.sec, l.sec}} {
		n := left / u.length
		left %= u.length
		if n == 0 {
			if len(parts) > 0 {
				break // "1 day 5 s" would pretend to a precision that nobody reads
			}
			continue
		}
		count := strconv.FormatInt(n, 10)
		parts = append(parts, l.number(count)+l.plural(count, []string{u.one, u.many}))
		if len(parts) == 2 {
			break
		}
	}
	return strings.Join(parts, " ")
}

// metric is what people call a metric.
func (l *language) metric(name string) string {
	if s, ok := l.metrics[name]; ok {
		return s
	}
	return strings.TrimSpace(strings.NewReplacer("_", " ", ".", " ").Replace(name))
}

// moment writes a time on the clocks of its place.
func (l *language) moment(t time.Time) string { return t.Format(l.time) }

// list joins names as the language does.
func (l *language) list(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	}
	comma := ", "
	if l.tag == "zh" {
		comma = "、"
	}
	return strings.Join(names[:len(names)-1], comma) + l.and + names[len(names)-1]
}

// sentence begins a sentence with a capital letter where the language has them.
func (l *language) sentence(s string) string {
	if !l.capitalFirst {
		return s
	}
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

func languages() []*language {
	return []*language{
		{tag: "en", cldr: textlanguage.English, decimal: ".", group: ",", digits: 4, percent: "%", open: "“", close: "”", day: " day", days: " days", hour: " h", minute: " min", sec: " s",
			time: "2 Jan 2006, 15:04 MST", once: "once", often: " times", space: " ", capitalFirst: true},
		{tag: "de", cldr: textlanguage.German, decimal: ",", group: ".", digits: 5, percent: noBreak + "%", open: "„", close: "“", day: " d", days: " d", hour: " h", minute: " min", sec: " s",
			time: "02.01.2006, 15:04 MST", once: "einmal", often: "-mal", space: " ", capitalFirst: true},
		{tag: "zh", cldr: textlanguage.Chinese, decimal: ".", group: ",", digits: 5, percent: "%", open: "“", close: "”", day: " 天", days: " 天", hour: " 小时", minute: " 分钟", sec: " 秒",
			time: "2006年1月2日 15:04 MST", often: " 次"},
	}
}
