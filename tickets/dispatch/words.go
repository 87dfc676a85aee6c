package dispatch

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

func (s *search) critical() bool { return s.need.Severity >= telemetry.Critical }

// chosen is the outcome for a technician of a rung.
func (s *search) chosen(r rung, c *candidate) tickets.Dispatch {
	return tickets.Dispatch{
		Region: cmp.Or(s.need.Region, c.station.Region), Station: c.station.ID, Technician: c.technician.ID,
		Rung: r.name, Reason: s.reason(r, c), Candidates: s.candidates(c.technician.ID),
	}
}

// pending is the outcome when nobody can take the ticket. It goes to the station that would have been asked first.
func (s *search) pending() tickets.Dispatch {
	out := tickets.Dispatch{Region: s.need.Region, Rung: rungPending, Reason: s.reasonPending(), Candidates: s.candidates("")}
	if homes := s.homes(); len(homes) > 0 {
		out.Station = homes[0][0].ID
	}
	return out
}

// candidates lists who was considered: the chosen, the eligible by score, then the excluded.
func (s *search) candidates(chosen string) []tickets.Candidate {
	list := make([]tickets.Candidate, 0, len(s.seen))
	for i := range s.seen {
		list = append(list, s.seen[i].Candidate)
	}
	class := func(c *tickets.Candidate) int {
		switch {
		case c.Technician == chosen:
			return 0
		case c.Excluded == "":
			return 1
		}
		return 2
	}
	slices.SortFunc(list, func(a, b tickets.Candidate) int {
		return cmp.Or(class(&a)-class(&b), -cmp.Compare(a.Score, b.Score), strings.Compare(a.Technician, b.Technician))
	})
	return list[:min(len(list), maxListed)]
}

// sentences builds a text in every language side by side.
type sentences struct{ en, de, zh []string }

func (s *sentences) add(en, de, zh string) {
	s.en, s.de, s.zh = append(s.en, en), append(s.de, de), append(s.zh, zh)
}

func (s *sentences) text(between, betweenZH string) tickets.Text {
	return tickets.Text{"en": strings.Join(s.en, between), "de": strings.Join(s.de, between), "zh": strings.Join(s.zh, betweenZH)}
}

// reason says why a candidate was chosen.
func (s *search) reason(r rung, c *candidate) tickets.Text {
	var why sentences
	if c.level > 0 {
		why.add(fmt.Sprintf("skill %s at level %d of 5", s.need.Skill, c.level),
			fmt.Sprintf("Qualifikation %s auf Stufe %d von 5", s.need.Skill, c.level),
			fmt.Sprintf("具备 %s 技能 %d 级（共 5 级）", s.need.Skill, c.level))
	}
	if c.placed {
		km := math.Round(c.distance)
		why.add(fmt.Sprintf("%.0f km away", km), fmt.Sprintf("%.0f km entfernt", km), fmt.Sprintf("距离 %.0f 公里", km))
	}
	why.add(fmt.Sprintf("%d of %d tickets open", c.load, c.bound),
		fmt.Sprintf("%d von %d Tickets offen", c.load, c.bound),
		fmt.Sprintf("当前工单 %d/%d", c.load, c.bound))
	if c.Parts["language"] == 1 {
		why.add("speaks the customer's language", "spricht die Sprache des Kunden", "会说客户的语言")
	}
	facts := why.text(", ", "，")

	var all sentences
	name, station := cmp.Or(c.technician.Name, c.technician.ID), cmp.Or(c.station.Name, c.station.ID)
	all.add(fmt.Sprintf("%s of %s: %s.", name, station, facts["en"]),
		fmt.Sprintf("%s von %s: %s.", name, station, facts["de"]),
		fmt.Sprintf("%s（%s）：%s。", name, station, facts["zh"]))
	switch r.name {
	case rungNeighbour:
		all.add("Nobody at the home station can take it, so a neighbouring station does.",
			"An der zuständigen Station kann niemand übernehmen, daher eine Nachbarstation.",
			"所属服务站无人可接单，转由邻近服务站处理。")
	case rungParent:
		all.add("Nobody nearby can take it, so the search went to the wider region.",
			"In der Nähe kann niemand übernehmen, daher wurde im größeren Gebiet gesucht.",
			"附近无人可接单，已扩大到上级区域。")
	case rungNationwide:
		all.add("Nobody in the region can take it, so the search went nationwide.",
			"Im Gebiet kann niemand übernehmen, daher wurde landesweit gesucht.",
			"本区域无人可接单，已在全国范围内指派。")
	}
	if c.opens.After(s.now) {
		at := local(c.opens, c.hours.TimeZone).Format("2006-01-02 15:04")
		if s.critical() {
			all.add(fmt.Sprintf("Nobody is on shift, and the fault is critical: called out before the shift at %s.", at),
				fmt.Sprintf("Niemand hat Dienst und der Fehler ist kritisch: Rufbereitschaft vor Schichtbeginn um %s.", at),
				fmt.Sprintf("当前无人在班且故障危急：在班次（%s）开始前紧急召回。", at))
		} else {
			all.add(fmt.Sprintf("Nobody is on shift; this shift opens first, at %s.", at),
				fmt.Sprintf("Niemand hat Dienst; diese Schicht beginnt als erste, um %s.", at),
				fmt.Sprintf("当前无人在班；该班次最早开始（%s）。", at))
		}
	}
	others := 0
	for i := range s.seen {
		if s.seen[i].Excluded == "" && s.seen[i].Candidate.Technician != c.Candidate.Technician {
			others++
		}
	}
	switch {
	case others == 1:
		all.add("One other could have taken it.", "Eine weitere Person kam infrage.", "另有 1 人可选。")
	case others > 1:
		all.add(fmt.Sprintf("%d others could have taken it.", others), fmt.Sprintf("%d weitere Personen kamen infrage.", others),
			fmt.Sprintf("另有 %d 人可选。", others))
	}
	return all.text(" ", "")
}

// local is a time on the clocks of a zone, UTC when there is no such zone.
func local(t time.Time, zone string) time.Time {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return t.UTC()
	}
	return t.In(loc)
}

// reasonPending says why nobody can take the ticket.
func (s *search) reasonPending() tickets.Text {
	counts := make(map[string]int)
	for i := range s.seen {
		counts[s.seen[i].Excluded]++
	}
	var why sentences
	escaped := strings.ReplaceAll(s.need.Skill, "%", "%%")
	for _, x := range []struct{ excluded, en, de, zh string }{
		{"skill", "%d without skill " + escaped, "%d ohne Qualifikation " + escaped, "%d 人不具备 " + escaped + " 技能"},
		{"load", "%d with all the tickets they can take", "%d voll ausgelastet", "%d 人工单已满"},
		{"capacity", "%d at stations that are full", "%d an ausgelasteten Stationen", "%d 人所在服务站已满"},
		{"shift", "%d without a shift in the next days", "%d ohne Schicht in den nächsten Tagen", "%d 人近期无班次"},
		{"inactive", "%d inactive", "%d nicht aktiv", "%d 人未在职"},
	} {
		if n := counts[x.excluded]; n > 0 {
			why.add(fmt.Sprintf(x.en, n), fmt.Sprintf(x.de, n), fmt.Sprintf(x.zh, n))
		}
	}
	if len(s.seen) == 0 {
		return tickets.Text{
			"en": "No authorised station has technicians for this device. The ticket waits for dispatch.",
			"de": "Keine berechtigte Station hat Techniker für dieses Gerät. Das Ticket wartet auf Disposition.",
			"zh": "没有获授权且配备技术员的服务站可处理该设备。工单等待派单。",
		}
	}
	facts := why.text(", ", "，")
	return tickets.Text{
		"en": fmt.Sprintf("Nobody can take it now: %s. The ticket waits for dispatch.", facts["en"]),
		"de": fmt.Sprintf("Zurzeit kann niemand übernehmen: %s. Das Ticket wartet auf Disposition.", facts["de"]),
		"zh": fmt.Sprintf("目前无人可接单：%s。工单等待派单。", facts["zh"]),
	}
}
