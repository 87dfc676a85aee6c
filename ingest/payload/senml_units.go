package payload

// linear is a conversion to an SI unit: value*factor + offset. The zero value converts nothing.
type linear struct{ factor, offset float64 }

func (l linear) toSI(value float64) float64 {
	if l.factor == 0 {
		return value
	}
	return value*l.factor + l.offset
}

// secondaryUnits are the units of RFC 8798 section 3 that stand for a multiple of
// one of RFC 8428. Others are taken as they are.
var secondaryUnits = map[string]linear{
	"ms":     {1e-3, 0},        // s
	"min":    {60, 0},          // s
	"h":      {3600, 0},        // s
	"MHz":    {1e6, 0},         // Hz
	"kW":     {1e3, 0},         // W
	"kVA":    {1e3, 0},         // VA
	"kvar":   {1e3, 0},         // var
	"Ah":     {3600, 0},        // C
	"Wh":     {3600, 0},        // J
	"kWh":    {3.6e6, 0},       // J
	"varh":   {3600, 0},        // vars
	"kvarh":  {3.6e6, 0},       // vars
	"kVAh":   {3.6e6, 0},       // VAs
	"Wh/km":  {3.6, 0},         // J/m
	"KiB":    {1024, 0},        // B
	"GB":     {1e9, 0},         // B
	"Mbit/s": {1e6, 0},         // bit/s
	"B/s":    {8, 0},           // bit/s
	"MB/s":   {8e6, 0},         // bit/s
	"mV":     {1e-3, 0},        // V
	"mA":     {1e-3, 0},        // A
	"dBm":    {1, -30},         // dBW
	"ug/m3":  {1e-9, 0},        // kg/m3
	"mm/h":   {1.0 / 3.6e6, 0}, // m/s
	"m/h":    {1.0 / 3600, 0},  // m/s
	"ppm":    {1e-6, 0},        // /
	"/100":   {1e-2, 0},        // /
	"/1000":  {1e-3, 0},        // /
	"hPa":    {100, 0},         // Pa
	"mm":     {1e-3, 0},        // m
	"cm":     {1e-2, 0},        // m
	"km":     {1e3, 0},         // m
	"km/h":   {1 / 3.6, 0},     // m/s
}
