package simulation

// shift is the load of a production machine: high by day, lower at night, never off.
type shift struct{ demand fluctuation }

func newShift() shift { return shift{fluctuation{sigma: 0.04, tau: 900}} }

func (s *shift) load(c *conditions) float64 {
	return clamp(0.40+0.35*bump(c.hour, 13, 4.5)+s.demand.step(c.dt, c.rng), 0.1, 1)
}

// frozen is a sensor that can get stuck.
type frozen struct {
	value float64
	stuck bool
}

// read passes the value on, or the last one from before the sensor got stuck.
func (f *frozen) read(value float64, stuck bool) float64 {
	if !stuck || !f.stuck {
		f.value = value
	}
	f.stuck = stuck
	return f.value
}

var pumpMetrics = []metric{
	{"flow", 0.01}, {"suction_pressure", 0.01}, {"discharge_pressure", 0.1}, {"vibration", 0.001},
	{"bearing_envelope", 0.001}, {"bearing_temp", 0.001}, {"motor_current", 0.01}, {"seal_leakage", 0.01},
}

// pumpUnit is a centrifugal pump: more flow, less head (affinity laws, in the small).
type pumpUnit struct {
	character float64
	shift     shift
	heat      lag
	sensor    frozen
}

func newPump(character float64) *pumpUnit {
	return &pumpUnit{character: character, shift: newShift(), heat: lag{tau: 900}}
}

func (u *pumpUnit) read(c *conditions, out []float64) {
	load := u.shift.load(c)
	bubbles, leak, bearing := c.level(Cavitation), c.level(SealLeak), c.level(BearingWear)
	out[0] = max(0, u.character*80+60*load-35*bubbles+c.noise(0.6+6*bubbles))
	out[1] = max(2, 122-10*load-70*bubbles+c.noise(0.8+2*bubbles))
	out[2] = max(0, u.character*640-80*load-60*bubbles-40*leak+c.noise(2.5+12*bubbles))
	out[3] = max(0.05, u.character*(1.5+0.8*load)+3*bearing*bearing+4*bubbles+c.noise(0.05+0.5*bubbles))
	out[4] = max(0.02, u.character*(0.5+0.3*load)+5*bearing+0.4*bubbles+c.noise(0.03*(1+3*bearing)))
	temp := u.heat.step(c.dt, 0.4*c.outside+36+14*load+30*bearing*bearing) + c.noise(0.2)
	out[5] = u.sensor.read(temp, c.level(StuckSensor) > 0)
	out[6] = u.character*(36+30*load) + 4*bearing - 5*bubbles + c.noise(0.3)
	out[7] = max(0.1, u.character*3+load+60*leak+c.noise(0.2*(1+3*leak)))
}

func (u *pumpUnit) rest() { u.heat.settle() }

var compressorMetrics = []metric{
	{"discharge_pressure", 0.1}, {"oil_temp", 0.01}, {"vibration", 0.001}, {"bearing_envelope", 0.001},
	{"bearing_temp", 0.001}, {"motor_current", 0.01},
}

// compressorUnit is a screw compressor.
type compressorUnit struct {
	character float64
	shift     shift
	heat, oil lag
	sensor    frozen
}

func newCompressor(character float64) *compressorUnit {
	return &compressorUnit{character: character, shift: newShift(), heat: lag{tau: 900}, oil: lag{tau: 500}}
}

func (u *compressorUnit) read(c *conditions, out []float64) {
	load := u.shift.load(c)
	bearing := c.level(BearingWear)
	out[0] = 750 - 45*load + c.noise(2)
	out[1] = u.oil.step(c.dt, 0.4*c.outside+58+18*load+8*bearing*bearing) + c.noise(0.3)
	out[2] = max(0.05, u.character*(1.8+0.9*load)+3*bearing*bearing+c.noise(0.06))
	out[3] = max(0.02, u.character*(0.6+0.3*load)+5*bearing+c.noise(0.03*(1+3*bearing)))
	temp := u.heat.step(c.dt, 0.4*c.outside+42+16*load+30*bearing*bearing) + c.noise(0.2)
	out[4] = u.sensor.read(temp, c.level(StuckSensor) > 0)
	out[5] = u.character*(60+45*load) + 5*bearing + c.noise(0.4)
}

func (u *compressorUnit) rest() { u.heat.settle(); u.oil.settle() }
