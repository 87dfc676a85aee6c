package simulation

import (
	"math/rand/v2"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

var televisionMetrics = []metric{
	{"cpu_load", 0.01}, {"memory_used", 0.01}, {"panel_temp", 0.01}, {"backlight_current", 0.1},
	{"luminance", 0.01}, {"wifi_rssi", 0.1}, {"packet_loss", 0.001},
}

// televisionUnit is a TV. People watch in the evening; in between it shows a picture frame.
type televisionUnit struct {
	character float64
	rssi      float64 // dBm where it hangs
	watching  fluctuation
	fading    fluctuation // of the radio channel, in dB
	panel     lag

	next    time.Time // of the next session's end
	crashed bool      // the last session ended in a crash
}

func newTelevision(character float64, rng *rand.Rand) *televisionUnit {
	return &televisionUnit{
		character: character,
		rssi:      -50 - 10*rng.Float64(),
		watching:  fluctuation{sigma: 0.04, tau: 900},
		fading:    fluctuation{sigma: 0.8, tau: 15},
		panel:     lag{tau: 600},
	}
}

func (u *televisionUnit) load(c *conditions) float64 {
	return clamp(0.25+0.15*bump(c.hour, 8, 2)+0.45*bump(c.hour, 20.5, 2.5)+u.watching.step(c.dt, c.rng), 0.05, 1)
}

func (u *televisionUnit) read(c *conditions, out []float64) {
	load := u.load(c)
	ageing, wifi, crashing := c.level(BacklightAgeing), c.level(WiFiLoss), c.level(CrashLoop)
	indoors := 22 + 0.08*(c.outside-15)
	out[0] = clamp(12+45*load+8*min(1, crashing)+c.noise(0.8), 0, 100)
	out[1] = clamp(38*u.character+14*load+10*min(1, crashing)+c.noise(0.5), 0, 100)
	out[2] = u.panel.step(c.dt, indoors+14*load+5*ageing) + c.noise(0.2)
	out[3] = u.character*(380+120*load)*(1+0.25*ageing) + c.noise(1.5)
	out[4] = clamp(98-45*ageing+c.noise(0.3), 0, 110)
	out[5] = u.rssi + u.fading.step(c.dt, c.rng) - 34*min(1.2, wifi) + c.noise(0.9)
	out[6] = clamp(0.5+0.4*load+30*wifi+c.noise(0.08*(1+20*wifi)), 0.001, 100)
}

func (u *televisionUnit) rest() { u.panel.settle() }

// events reports how sessions end. A healthy TV ends one about every three hours, one in fifty
// with a crash, and never two crashes in a row. In a crash loop none ends well, and they end
// ten times before the customer calls.
func (u *televisionUnit) events(c *conditions) []telemetry.Event {
	if c.level(CrashLoop) > 0 {
		spell := c.fault.ExpectedCallAt.Sub(c.fault.InjectedAt) / 10
		if u.next.Before(c.fault.InjectedAt) || u.next.After(c.now.Add(spell)) {
			u.next = c.fault.InjectedAt // the first crash comes at once
		}
		return u.endSessions(c, spell, true)
	}
	if u.next.IsZero() {
		u.next = c.now.Add(healthySession(c.rng))
	}
	return u.endSessions(c, 0, false)
}

// endSessions returns the ends of sessions up to now; the next lasts spell, or
// as long as a healthy one when that is zero.
func (u *televisionUnit) endSessions(c *conditions, spell time.Duration, loop bool) []telemetry.Event {
	var events []telemetry.Event
	for !u.next.After(c.now) {
		e := telemetry.Event{Time: u.next.UnixMilli(), Code: "session_ok"}
		switch {
		case loop, !u.crashed && c.rng.Float64() < 0.02:
			e.Code, e.Severity = "crash", telemetry.Warning
			e.Attributes = map[string]string{"app": apps[c.rng.IntN(len(apps))]}
		}
		u.crashed = e.Code == "crash"
		events = append(events, e)
		length := spell
		if !loop {
			length = healthySession(c.rng)
		}
		u.next = u.next.Add(length)
	}
	return events
}

var apps = []string{"launcher", "player", "browser", "tuner"}

func healthySession(rng *rand.Rand) time.Duration {
	return time.Duration((0.5 + rng.Float64()) * float64(3*time.Hour))
}
