package diagnosis

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
)

//go:embed wording/*.yaml
var wordingFiles embed.FS

// Wording words findings and fault codes in every language of the tables
// embedded from wording/. It implements [tickets.Faults]; it is immutable and safe for concurrent use.
type Wording struct {
	plans     detectors.Plans
	languages []*language
}

// NewWording reads the tables. plans tells how the catalogue describes the
// fault codes of a device. It fails when a table is not complete.
func NewWording(plans detectors.Plans) (*Wording, error) {
	w := &Wording{plans: plans, languages: languages()}
	var metrics map[string]map[string]string
	if err := readTable("metrics", &metrics); err != nil {
		return nil, err
	}
	for _, l := range w.languages {
		if err := l.read(); err != nil {
			return nil, err
		}
		l.metrics = make(map[string]string, len(metrics))
		for name, called := range metrics {
			l.metrics[name] = called[l.tag]
		}
	}
	return w, nil
}

func readTable(name string, into any) error {
	source, err := wordingFiles.ReadFile("wording/" + name + ".yaml")
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalWithOptions(source, into, yaml.Strict()); err != nil {
		return fmt.Errorf("wording/%s.yaml: %w", name, err)
	}
	return nil
}

func (l *language) read() error {
	var table struct {
		Reasons map[string]string `yaml:"reasons"`
		Brief   map[string]string `yaml:"brief"`
		Summary struct {
			Head  string `yaml:"head"`
			Bring string `yaml:"bring"`
			End   string `yaml:"end"`
			And   string `yaml:"and"`
		} `yaml:"summary"`
		Context map[string]string `yaml:"context"`
		Views   map[string]string `yaml:"views"`
		Unknown string            `yaml:"unknown"`
	}
	if err := readTable(l.tag, &table); err != nil {
		return err
	}
	var errs []error
	parse := func(key, source string) template {
		t, err := parseTemplate(source)
		if err == nil && source == "" {
			err = errors.New("the sentence is missing")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("wording/%s.yaml: %s: %w", l.tag, key, err))
		}
		return t
	}
	l.reasons, l.brief = make(map[string]template), make(map[string]template)
	for _, key := range detectors.ReasonKeys() {
		l.reasons[key], l.brief[key] = parse(key, table.Reasons[key]), parse("brief."+key, table.Brief[key])
	}
	l.head, l.bring = parse("summary.head", table.Summary.Head), parse("summary.bring", table.Summary.Bring)
	l.unknown = parse("unknown", table.Unknown)
	l.context = make(map[string]template)
	for key := range contextKeys {
		l.context[key] = parse("context."+key, table.Context[key])
	}
	l.views = table.Views
	for _, view := range detectors.Views() {
		if l.views[view] == "" {
			errs = append(errs, fmt.Errorf("wording/%s.yaml: views.%s: the words are missing", l.tag, view))
		}
	}
	l.end, l.and = table.Summary.End, table.Summary.And
	return errors.Join(errs...)
}

// each words the same thing in every language.
func (w *Wording) each(say func(l *language) string) tickets.Text {
	t := make(tickets.Text, len(w.languages))
	for _, l := range w.languages {
		t[l.tag] = l.sentence(say(l))
	}
	return t
}

// Reason says why a finding was made.
func (w *Wording) Reason(f *detectors.Finding) tickets.Text {
	return w.each(func(l *language) string {
		if t, ok := l.reasons[f.Reason.Key]; ok {
			return t.fill(l, l.params(f))
		}
		return l.unknownReason(f)
	})
}

// unknownReason words a finding with a reason that is in no table.
func (l *language) unknownReason(f *detectors.Finding) string {
	return l.unknown.fill(l, map[string]string{"detector": f.Detector, "key": f.Reason.Key})
}

// params are what fills the blanks of a reason: what it brings, {contributions} and {values} of the signals, and the {span} in seconds from the first
// of the events to the last.
func (l *language) params(f *detectors.Finding) map[string]string {
	params := maps.Clone(f.Reason.Params)
	if params == nil {
		params = make(map[string]string)
	}
	params["contributions"], params["values"] = l.contributions(f.Signals), l.values(f.Signals)
	if n := len(f.Events); n > 1 {
		params["span"] = strconv.FormatInt((f.Events[n-1].Time-f.Events[0].Time)/1000, 10)
	}
	return params
}

// Describe implements [tickets.Faults].
func (w *Wording) Describe(tenant, device, code string) tickets.FaultInfo {
	fault := w.plans.Plan(tenant, device).Fault(code)
	info := tickets.FaultInfo{Title: make(tickets.Text), Subject: subject(fault)}
	for _, l := range w.languages {
		info.Title[l.tag] = l.sentence(fault.TitleIn(l.tag))
	}
	return info
}

// sensorFaults are the fault codes of what looks at a device, beside those of its sensors.
var sensorFaults = []string{detectors.FaultClock, detectors.FaultDetectorOff, detectors.FaultTooMany}

// subject tells what a fault is a fault of.
func subject(f detectors.FaultCode) tickets.Subject {
	switch {
	case f.OfSensor(), slices.Contains(sensorFaults, f.Code):
		return tickets.Sensor
	case f.Component == "connectivity":
		return tickets.Connection
	}
	return tickets.Machine
}

// summary is the one sentence: what is wrong, since when, how sure, what to bring.
func (w *Wording) summary(t *tickets.Ticket, d *Diagnosis) tickets.Text {
	onset := local(d.OnsetAt, t.Facts.TimeZone)
	percent := strconv.Itoa(int(math.Round(100 * d.Confidence)))
	return w.each(func(l *language) string {
		s := l.head.fill(l, map[string]string{
			"title": cmp.Or(t.Title.In(l.tag), t.FaultCode), "onset": l.moment(onset), "confidence": percent,
		})
		if len(d.Bring) > 0 {
			s += l.bring.fill(l, map[string]string{"parts": l.list(d.Bring)})
		}
		return s + l.end
	})
}

// local is a time on the clocks of a zone, UTC when there is no such zone.
func local(t time.Time, zone string) time.Time {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return t.UTC()
	}
	return t.In(loc)
}
