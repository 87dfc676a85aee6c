package simulation

import "github.com/presage-pdm/presage/telemetry"

// road is the load of a vehicle in shared service, 0 to 1: never parked for
// long, busiest in the morning and late afternoon.
type road struct{ traffic fluctuation }

func newRoad() road { return road{fluctuation{sigma: 0.05, tau: 400}} }

func (r *road) load(c *conditions) float64 {
	daily := 0.30 + 0.22*bump(c.hour, 8, 2.5) + 0.26*bump(c.hour, 17, 3)
	return clamp(daily+r.traffic.step(c.dt, c.rng), 0.05, 1)
}

var combustionMetrics = []metric{
	{"engine_load", 0.01}, {"coolant_temp", 0.01}, {"coolant_level", 0.01}, {"oil_temp", 0.01},
	{"oil_pressure", 0.1}, {"battery_voltage", 0.001}, {"ambient_temp", 0.01},
}

// combustionUnit is a vehicle with a combustion engine. Its thermostat holds about 88 °C; oil follows coolant.
type combustionUnit struct {
	character    float64
	road         road
	coolant, oil lag
	hot          bool // the overheating code was sent
}

func newCombustion(character float64) *combustionUnit {
	return &combustionUnit{character: character, road: newRoad(), coolant: lag{tau: 120}, oil: lag{tau: 300}}
}

func (u *combustionUnit) read(c *conditions, out []float64) {
	load := u.road.load(c)
	leak := c.level(CoolantLeak)
	// With a third of the coolant gone the heat of the engine finds no way out.
	trapped := max(0, leak-0.4) * 60 * (0.6 + 0.4*load)
	coolant := u.coolant.step(c.dt, 86*u.character+6*load+0.05*(c.outside-15)+trapped)
	oil := u.oil.step(c.dt, coolant+8+10*load)
	out[0] = 100*load + c.noise(0.6)
	out[1] = coolant + c.noise(0.25)
	out[2] = clamp(96-70*leak+c.noise(0.4), 0, 100)
	out[3] = oil + c.noise(0.3)
	out[4] = 260*u.character + 140*load - 1.2*(oil-100) + c.noise(3)
	out[5] = 14.15 - 0.25*load + c.noise(0.03)
	out[6] = c.outside + c.noise(0.2)
}

func (u *combustionUnit) rest() { u.coolant.settle(); u.oil.settle() }

// events reports P0217, engine over temperature (SAE J2012), once per overheating.
func (u *combustionUnit) events(c *conditions) []telemetry.Event {
	was := u.hot
	u.hot = u.coolant.x > 118 || was && u.coolant.x > 110
	if !u.hot || was {
		return nil
	}
	return []telemetry.Event{{Time: c.now.UnixMilli(), Code: "P0217", Severity: telemetry.Major}}
}

var electricMetrics = []metric{
	{"motor_load", 0.01}, {"motor_temp", 0.01}, {"motor_vibration", 0.001}, {"cell_spread", 0.01},
	{"pack_temp", 0.01}, {"pack_voltage", 0.01}, {"charger_temp", 0.01}, {"charger_ripple", 0.01}, {"ambient_temp", 0.01},
}

// electricUnit is a battery electric vehicle. Its charger also feeds the 12 V side, so it always works.
type electricUnit struct {
	character            float64
	road                 road
	motor, pack, charger lag
}

func newElectric(character float64) *electricUnit {
	return &electricUnit{character: character, road: newRoad(), motor: lag{tau: 400}, pack: lag{tau: 1800}, charger: lag{tau: 60}}
}

func (u *electricUnit) read(c *conditions, out []float64) {
	load := u.road.load(c)
	bearing, cells, charger := c.level(MotorBearingWear), c.level(CellImbalance), c.level(ChargerFault)
	charge := 62 + 22*bump(c.hour, 5, 4) // per cent; charged at night
	out[0] = 100*load + c.noise(0.6)
	out[1] = u.motor.step(c.dt, 0.6*c.outside+30+45*load+20*bearing) + c.noise(0.3)
	out[2] = max(0.05, u.character*(1.1+0.7*load)+6*bearing+c.noise(0.06*(1+2*bearing)))
	out[3] = max(0.5, u.character*12+4*load+110*cells+c.noise(0.5))
	out[4] = u.pack.step(c.dt, 0.4*c.outside+18+12*load+4*cells) + c.noise(0.2)
	out[5] = 344 + 0.4*charge - 12*load - 3*cells + c.noise(0.5)
	out[6] = u.charger.step(c.dt, 0.5*c.outside+34+10*load+40*charger) + c.noise(0.3)
	out[7] = max(1, u.character*45+10*load+160*charger+c.noise(1.2))
	out[8] = c.outside + c.noise(0.2)
}

func (u *electricUnit) rest() { u.motor.settle(); u.pack.settle(); u.charger.settle() }
