package payload

import (
	"errors"
	"fmt"
	"strings"
)

// topicPattern is a topic with placeholders, cut into its levels.
type topicPattern struct {
	levels         []string
	device, metric int  // the levels that hold them, -1 for none
	open           bool // ends in "#", which is not among the levels
}

const (
	placeDevice = "{device}"
	placeMetric = "{metric}"
)

func compileTopic(source string) (topicPattern, error) {
	t := topicPattern{device: -1, metric: -1}
	switch {
	case source == "":
		return t, errors.New(`it is missing: give one such as "plant/{device}/sensors"`)
	case strings.HasPrefix(source, nativeRoot) || strings.HasPrefix(source, sparkplugRoot):
		return t, fmt.Errorf("%q belongs to a format that is read without configuration", source)
	case strings.HasPrefix(source, "$"):
		return t, fmt.Errorf("%q: topics that begin with $ belong to the broker", source)
	}
	levels := strings.Split(source, "/")
	for i, level := range levels {
		place := -1
		switch {
		case level == placeDevice:
			place, t.device = t.device, i
		case level == placeMetric:
			place, t.metric = t.metric, i
		case level == "#":
			if i != len(levels)-1 {
				return t, fmt.Errorf("%q: # is allowed at the end only", source)
			}
			t.open = true
		case level != "+" && strings.ContainsAny(level, "+#{}"):
			return t, fmt.Errorf("%q: level %q must be a plain name, {device}, {metric}, + or #", source, level)
		}
		if place >= 0 {
			return t, fmt.Errorf("%q holds %s twice", source, level)
		}
	}
	if t.open {
		levels = levels[:len(levels)-1]
	}
	t.levels = levels
	if len(levels) == 0 {
		return t, fmt.Errorf("%q would take every message: begin with a level", source)
	}
	return t, nil
}

// match tells whether a topic fits, and what stands at the placeholders.
func (t *topicPattern) match(topic string) (device, metric string, ok bool) {
	rest, more := topic, true
	for i, want := range t.levels {
		if !more {
			return "", "", false
		}
		var level string
		level, rest, more = strings.Cut(rest, "/")
		switch {
		case i == t.device:
			device = level
		case i == t.metric:
			metric = level
		case want != "+" && want != level:
			return "", "", false
		}
	}
	return device, metric, t.open || !more
}

// filter is the MQTT topic filter that covers the pattern.
func (t *topicPattern) filter() string {
	levels := make([]string, 0, len(t.levels)+1)
	for i, level := range t.levels {
		if i == t.device || i == t.metric {
			level = "+"
		}
		levels = append(levels, level)
	}
	if t.open {
		levels = append(levels, "#")
	}
	return strings.Join(levels, "/")
}
