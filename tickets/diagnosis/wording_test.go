package diagnosis

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
)

// noPlans is a catalogue that describes nothing.
type noPlans struct{}

func (noPlans) Plan(string, string) *detectors.Plan { return &detectors.Plan{} }

func words(t *testing.T) *Wording {
	t.Helper()
	w, err := NewWording(noPlans{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// params are what each reason brings, as documented with its key.
var params = map[string]string{
	detectors.ReasonLimitAbove:       "metric value unit limit seconds over percent",
	detectors.ReasonLimitBelow:       "metric value unit limit seconds over percent",
	detectors.ReasonRateAbove:        "metric rate unit per limit value usual",
	detectors.ReasonRateBelow:        "metric rate unit per limit value usual",
	detectors.ReasonDuration:         "metric value unit seconds limit",
	detectors.ReasonSequence:         "count event healthy span",
	detectors.ReasonWithin:           "count event seconds limit",
	detectors.ReasonExpression:       "expression seconds values",
	detectors.ReasonStuck:            "metric value unit seconds readings most usual",
	detectors.ReasonMissing:          "metric seconds",
	detectors.ReasonImplausibleAbove: "metric value unit limit",
	detectors.ReasonImplausibleBelow: "metric value unit limit",
	detectors.ReasonSilence:          "seconds usual",
	detectors.ReasonAbnormalAbove:    "metric value unit expected seconds metrics",
	detectors.ReasonAbnormalBelow:    "metric value unit expected seconds metrics",
	detectors.ReasonFleetAbove:       "metric count devices same firmware",
	detectors.ReasonFleetBelow:       "metric count devices same firmware",
	detectors.ReasonContextAbove:     "metric value unit expected seconds devices",
	detectors.ReasonContextBelow:     "metric value unit expected seconds devices",
	detectors.ReasonChangeUp:         "metric value unit expected count",
	detectors.ReasonChangeDown:       "metric value unit expected count",
	detectors.ReasonOffTogether:      "metric seconds metrics contributions",
	detectors.ReasonNewPattern:       "metric value unit view seconds",
	detectors.ReasonClockAhead:       "seconds",
	detectors.ReasonClockBehind:      "seconds",
	detectors.ReasonClockUnset:       "year",
	detectors.ReasonDetectorOff:      "detector rule count",
	detectors.ReasonTooMany:          "limit metric",
	detectors.ReasonCleared:          "seconds metric",
}

func TestEveryReasonIsWordedInEveryLanguage(t *testing.T) {
	w := words(t)
	for _, l := range w.languages {
		var table struct {
			Reasons map[string]string `yaml:"reasons"`
			Brief   map[string]string `yaml:"brief"`
			Views   map[string]string `yaml:"views"`
			Context map[string]string `yaml:"context"`
			Summary map[string]string `yaml:"summary"`
			Unknown string            `yaml:"unknown"`
		}
		if err := readTable(l.tag, &table); err != nil {
			t.Fatal(err)
		}
		want := slices.Sorted(slices.Values(detectors.ReasonKeys()))
		if got := slices.Sorted(maps.Keys(table.Reasons)); !slices.Equal(got, want) {
			t.Errorf("%s words %v, the detectors say %v", l.tag, got, want)
		}
		if got := slices.Sorted(maps.Keys(table.Brief)); !slices.Equal(got, want) {
			t.Errorf("%s words %v in brief, the detectors say %v", l.tag, got, want)
		}
		for key, tmpl := range l.brief {
			brought := params[key] + " values contributions low high middle lasting"
			for _, p := range tmpl.pieces {
				if p.param != "" && !slices.Contains(strings.Fields(brought), p.param) {
					t.Errorf("%s: %s in brief has a blank {%s}, which the reason does not bring", l.tag, key, p.param)
				}
			}
		}
		for key, tmpl := range l.reasons {
			brought, known := params[key]
			if !known {
				t.Errorf("reason %s is not in the list of this test", key)
			}
			for _, p := range tmpl.pieces {
				if p.param != "" && !slices.Contains(strings.Fields(brought), p.param) {
					t.Errorf("%s: %s has a blank {%s}, which the reason does not bring", l.tag, key, p.param)
				}
			}
			if key == detectors.ReasonCleared {
				continue
			}
			for _, p := range w.languages[0].reasons[key].pieces {
				if p.param != "" && p.format != "plural" && !slices.ContainsFunc(tmpl.pieces, func(q piece) bool { return q.param == p.param && q.format == p.format }) {
					t.Errorf("%s: %s does not say {%s:%s}, English does", l.tag, key, p.param, p.format)
				}
			}
		}
	}
}

func TestEveryMetricIsNamedInEveryLanguage(t *testing.T) {
	for _, l := range words(t).languages {
		for name, called := range l.metrics {
			if called == "" {
				t.Errorf("%s has no name in %s", name, l.tag)
			}
		}
	}
}

func TestReasonsInWords(t *testing.T) {
	w := words(t)
	for _, c := range []struct {
		key        string
		params     map[string]string
		en, de, zh string
	}{
		{detectors.ReasonLimitAbove, map[string]string{"metric": "coolant_temp", "value": "121.5", "unit": "°C", "limit": "110", "seconds": "125"},
			"Coolant temperature is at 121.5 °C, above the limit of 110 °C, for 2 min 5 s already.",
			"Kühlmitteltemperatur liegt bei 121,5 °C, über der Grenze von 110 °C, schon seit 2 min 5 s.",
			"冷却液温度为 121.5 °C，高于上限 110 °C，已持续 2 分钟 5 秒。"},
		{detectors.ReasonLimitBelow, map[string]string{"metric": "pump.p_in", "value": "-12345.6", "limit": "-10000", "seconds": "0"},
			"Pump p in is at −12,345.6, below the limit of −10,000.",
			"Pump p in liegt bei −12.345,6, unter der Grenze von −10.000.",
			"pump p in为 −12,345.6，低于下限 −10,000。"},
		{detectors.ReasonSequence, map[string]string{"count": "3", "event": "crash", "healthy": "session_ok"},
			"3 times “crash” in a row without “session_ok” between.",
			"3-mal „crash“ hintereinander ohne „session_ok“ dazwischen.",
			"连续 3 次 “crash”，其间没有 “session_ok”。"},
		{detectors.ReasonSequence, map[string]string{"count": "3", "event": "crash"},
			"3 times “crash” in a row.", "3-mal „crash“ hintereinander.", "连续 3 次 “crash”。"},
		{detectors.ReasonRateBelow, map[string]string{"metric": "soc", "rate": "12", "unit": "%", "per": "60", "limit": "5", "value": "44"},
			"State of charge falls by 12% in 1 min, more than the allowed 5%; it is at 44% now.",
			"Ladezustand fällt in 1 min um 12 %, mehr als die erlaubten 5 %; zurzeit 44 %.",
			"荷电状态在 1 分钟内下降 12%，超过允许的 5%；当前为 44%。"},
		{detectors.ReasonSilence, map[string]string{"seconds": "90000", "usual": "10"},
			"Nothing heard for 1 day 1 h; usually there is a message every 10 s.",
			"Seit 1 d 1 h nichts gehört; üblich ist eine Nachricht alle 10 s.",
			"已有 1 天 1 小时没有收到消息；通常每 10 秒一条。"},
		{"something-new", nil,
			"Detector “limit” found a fault (“something-new”).",
			"Der Detektor „limit“ hat einen Fehler gefunden („something-new“).",
			"检测器 “limit” 发现故障（“something-new”）。"},
	} {
		got := w.Reason(&detectors.Finding{Detector: "limit", Reason: detectors.Reason{Key: c.key, Params: c.params}})
		for language, want := range map[string]string{"en": c.en, "de": c.de, "zh": c.zh} {
			if plain := strings.ReplaceAll(got[language], noBreak, " "); plain != want {
				t.Errorf("%s in %s:\n got %s\nwant %s", c.key, language, plain, want)
			}
		}
	}
}

func TestNumbersAndDurations(t *testing.T) {
	by := make(map[string]*language)
	for _, l := range words(t).languages {
		by[l.tag] = l
	}
	for _, c := range []struct{ language, in, want string }{
		{"en", "999", "999"}, {"en", "1000", "1,000"}, {"de", "1000", "1000"}, {"de", "10000", "10.000"},
		{"de", "1234567.25", "1.234.567,25"}, {"zh", "12345", "12,345"}, {"en", "-0.5", "−0.5"},
		{"de", "1.5e+12", "1,5e+12"}, {"en", "", ""}, {"en", "NaN", "NaN"}, {"en", "n/a", "n/a"},
	} {
		if got := by[c.language].number(c.in); got != c.want {
			t.Errorf("number %q in %s is %q, want %q", c.in, c.language, got, c.want)
		}
	}
	for in, want := range map[string]string{
		"0": "0 s", "59": "59 s", "60": "1 min", "3599": "59 min 59 s", "3600": "1 h", "3605": "1 h", "86400": "1 day",
		"172800": "2 days", "187200": "2 days 4 h", "-1": "-1", "soon": "soon", "1e99": "1e99",
	} {
		if got := by["en"].duration(in); got != want {
			t.Errorf("duration %q is %q, want %q", in, got, want)
		}
	}
}

func TestTemplatesAreChecked(t *testing.T) {
	for _, source := range []string{"{metric}", "{metric:colour}", "{:text}", "{metric:text", "[a", "a]", "[a [b] c]", "{", "[", "{n:plural}", "{n:plural:}", "{n:number:a|b}", "{n:plural:a|b|c}"} {
		if _, err := parseTemplate(source); err == nil {
			t.Errorf("%q was accepted", source)
		}
	}
}

func TestSubjects(t *testing.T) {
	for _, c := range []struct {
		fault detectors.FaultCode
		want  tickets.Subject
	}{
		{detectors.FaultCode{Code: detectors.FaultStuck, Component: "cooling"}, tickets.Sensor},
		{detectors.FaultCode{Code: detectors.FaultImplausible}, tickets.Sensor},
		{detectors.FaultCode{Code: detectors.FaultClock, Component: "clock"}, tickets.Sensor},
		{detectors.FaultCode{Code: detectors.FaultSilence, Component: "connectivity"}, tickets.Connection},
		{detectors.FaultCode{Code: "coolant-leak", Component: "cooling"}, tickets.Machine},
	} {
		if got := subject(c.fault); got != c.want {
			t.Errorf("%s is a fault of the %s, want %s", c.fault.Code, got, c.want)
		}
	}
	info := words(t).Describe("default", "d1", "unheard-of")
	if fmt.Sprint(info.Title) != "map[de:Unheard-of en:Unheard-of zh:unheard-of]" {
		t.Errorf("a fault that nobody described is called %v", info.Title)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("{metric:metric} is at {value:value}[, for {seconds:duration}]", "coolant_temp", "-12.5")
	f.Fuzz(func(t *testing.T, source, metric, value string) {
		tmpl, err := parseTemplate(source)
		if err != nil {
			return
		}
		for _, l := range languages() {
			tmpl.fill(l, map[string]string{"metric": metric, "value": value, "seconds": value, "unit": metric})
		}
	})
}
