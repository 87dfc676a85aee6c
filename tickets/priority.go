package tickets

import (
	"fmt"
	"strings"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Deadlines are the time to resolve a ticket, by priority 1 to 4; index 0 is unused. They run
// around the clock. A zero duration means no deadline.
type Deadlines [5]time.Duration

// urgency is what the priority of a ticket follows from.
type urgency struct {
	severity    telemetry.Severity
	subject     Subject
	criticality int    // fleet.Device.Criticality
	tier        string // fleet.Customer.Tier
	warranty    string // Facts.Warranty
}

// priority ranks a ticket from 1 (now) to 4 (when convenient) and says why.
//
// Severity sets the level: critical 1, major 2, warning 3, info 4. Half
// levels are then added up and rounded towards the severity's own level:
// equipment of criticality 4 or 5 counts a whole level, of 3 half a level; a VIP customer a whole
// level, a gold one half a level; a valid warranty half a level. All of them
// together raise the priority by one level at most, so that a warning never overtakes a critical
// fault. A fault of a sensor, not of the machine, counts one level less.
func priority(u urgency) (int, Text) {
	level := 4 - int(min(u.severity, telemetry.Critical))
	halves := 0
	reason := clauses{severityLabels[min(u.severity, telemetry.Critical)]}

	switch {
	case u.criticality >= 4:
		halves += 2
		reason = append(reason, criticalityLabel(u.criticality))
	case u.criticality == 3:
		halves++
		reason = append(reason, criticalityLabel(u.criticality))
	}
	switch u.tier {
	case "vip":
		halves += 2
		reason = append(reason, Text{"en": "VIP customer", "de": "VIP-Kunde", "zh": "VIP 客户"})
	case "gold":
		halves++
		reason = append(reason, Text{"en": "gold customer", "de": "Gold-Kunde", "zh": "金牌客户"})
	}
	if u.warranty == "in" {
		halves++
		reason = append(reason, Text{"en": "under warranty", "de": "in der Garantie", "zh": "保修期内"})
	}
	level -= min(halves/2, 1)
	switch u.subject {
	case Sensor:
		level++
		reason = append(reason, Text{"en": "a sensor, not the machine itself", "de": "ein Sensor, nicht die Maschine selbst", "zh": "传感器故障，非设备本身"})
	case Connection:
		reason = append(reason, Text{"en": "the connection to the device", "de": "die Verbindung zum Gerät", "zh": "设备通信故障"})
	}
	level = min(max(level, 1), 4)
	return level, reason.sentence(level)
}

// clauses are the parts of a reason, each by language.
type clauses []Text

func (c clauses) sentence(level int) Text {
	join := func(language, between string) string {
		words := make([]string, len(c))
		for i, t := range c {
			words[i] = t.In(language)
		}
		return strings.Join(words, between)
	}
	return Text{
		"en": fmt.Sprintf("Priority %d: %s.", level, join("en", ", ")),
		"de": fmt.Sprintf("Priorität %d: %s.", level, join("de", ", ")),
		"zh": fmt.Sprintf("优先级 %d：%s。", level, join("zh", "，")),
	}
}

func criticalityLabel(c int) Text {
	c = min(c, 5)
	return Text{
		"en": fmt.Sprintf("critical equipment (%d of 5)", c),
		"de": fmt.Sprintf("kritische Anlage (%d von 5)", c),
		"zh": fmt.Sprintf("关键设备（%d/5）", c),
	}
}

var severityLabels = map[telemetry.Severity]Text{
	telemetry.Info:     {"en": "information only", "de": "nur ein Hinweis", "zh": "仅供参考"},
	telemetry.Warning:  {"en": "warning", "de": "Warnung", "zh": "警告"},
	telemetry.Major:    {"en": "major fault", "de": "schwerer Fehler", "zh": "严重故障"},
	telemetry.Critical: {"en": "critical fault", "de": "kritischer Fehler", "zh": "危急故障"},
}
