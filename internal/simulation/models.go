package simulation

import (
	"slices"

	"github.com/presage-pdm/presage/fleet"
)

// model is a model of the fleet and how its devices behave. Makers and models are invented.
type model struct {
	id, name, maker, kind string
	prefix                string // of device ids
	class                 class
	metrics               []metric
	components            []fleet.Component
}

var combustionComponents = []fleet.Component{
	{ID: "cooling", Name: "Cooling system", Parts: []string{"radiator hose", "coolant pump", "coolant 5 l"}},
	{ID: "engine", Name: "Engine", Parts: []string{"oil filter", "engine oil 7 l"}},
	{ID: "electrical", Name: "12 V system", Parts: []string{"alternator"}},
}

var electricComponents = []fleet.Component{
	{ID: "battery", Name: "Traction battery", Skill: "high-voltage", Parts: []string{"battery module", "cell monitoring board"}},
	{ID: "motor", Name: "Traction motor", Skill: "high-voltage", Parts: []string{"motor bearing set"}},
	{ID: "charger", Name: "On-board charger", Skill: "high-voltage", Parts: []string{"on-board charger"}},
}

var tvComponents = []fleet.Component{
	{ID: "software", Name: "Software", Parts: []string{"USB recovery stick"}},
	{ID: "backlight", Name: "Backlight", Skill: "display", Parts: []string{"LED strip set"}},
	{ID: "wifi", Name: "Wi-Fi module", Skill: "display", Parts: []string{"Wi-Fi module", "antenna"}},
}

var pumpComponents = []fleet.Component{
	{ID: "impeller", Name: "Impeller and suction", Skill: "pump", Parts: []string{"impeller", "suction strainer"}},
	{ID: "seal", Name: "Mechanical seal", Skill: "pump", Parts: []string{"mechanical seal kit"}},
	{ID: "bearing", Name: "Bearings", Skill: "rotating", Parts: []string{"bearing set", "grease"}},
	{ID: "motor", Name: "Motor", Skill: "rotating"},
}

var compressorComponents = []fleet.Component{
	{ID: "airend", Name: "Air end", Skill: "rotating", Parts: []string{"oil separator"}},
	{ID: "bearing", Name: "Bearings", Skill: "rotating", Parts: []string{"bearing set", "grease"}},
	{ID: "motor", Name: "Motor", Skill: "rotating"},
}

var vehicleModels = []*model{
	{"kestrel-van-d", "Kestrel Van 2.0 D", "Kestrel", "vehicle", "KV", combustion, combustionMetrics, combustionComponents},
	{"lumen-e4", "Lumen E4", "Lumen", "vehicle", "LE", electric, electricMetrics, electricComponents},
	{"kestrel-truck-h", "Kestrel Truck H 7.7", "Kestrel", "vehicle", "KT", combustion, combustionMetrics, combustionComponents},
	{"lumen-bus-12", "Lumen Bus 12", "Lumen", "vehicle", "LB", electric, electricMetrics, electricComponents},
}

var tvModels = []*model{
	{"vista-55", "Vista 55", "Vista", "tv", "V55", tv, televisionMetrics, tvComponents},
	{"vista-65-pro", "Vista 65 Pro", "Vista", "tv", "V65", tv, televisionMetrics, tvComponents},
}

var machineModels = []*model{
	{"torrent-cp200", "Torrent CP 200", "Torrent", "machine", "CP", pump, pumpMetrics, pumpComponents},
	{"boreal-rs75", "Boreal RS 75", "Boreal", "machine", "RS", compressor, compressorMetrics, compressorComponents},
}

func allModels() []*model {
	return slices.Concat(vehicleModels, tvModels, machineModels)
}
