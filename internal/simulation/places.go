package simulation

import (
	"slices"
	_ "time/tzdata" // sites keep local time also where the system has no zone files
)

// place is a town with sites, a station and technicians.
type place struct {
	id, name       string
	region, parent string // region of the town and that above it
	language       string
	timeZone       string
	lat, lon       float64
	hours          string // of the station, as fleet.ParseHours reads them
	technicians    []technician
	neighbours     []string // place ids, nearest first
	kinds          []string // of devices that stand here; nil means all
}

type technician struct {
	name      string
	languages []string
	skills    []string
}

// The skills by line of work.
var (
	carSkills     = []string{"cooling", "engine", "electrical"}
	evSkills      = []string{"high-voltage", "electrical"}
	screenSkills  = []string{"display", "software"}
	machineSkills = []string{"pump", "rotating", "seal", "bearing"}
)

// places are the towns of the example organisation. Its people are invented.
var places = []*place{
	{id: "munich", name: "München", region: "de-south", parent: "de", language: "de", timeZone: "Europe/Berlin", lat: 48.14, lon: 11.58,
		hours: "mon-fri 07:00-18:00; sat 08:00-13:00", neighbours: []string{"hamburg", "lyon"},
		technicians: []technician{
			{"Anna Huber", []string{"de", "en"}, slices.Concat(carSkills, evSkills)},
			{"Mehmet Yılmaz", []string{"de", "tr", "en"}, slices.Concat(screenSkills, []string{"electrical"})},
			{"Josef Brandl", []string{"de"}, machineSkills},
		}},
	{id: "hamburg", name: "Hamburg", region: "de-north", parent: "de", language: "de", timeZone: "Europe/Berlin", lat: 53.55, lon: 9.99,
		hours: "mon-fri 07:00-18:00", neighbours: []string{"munich", "lyon"},
		technicians: []technician{
			{"Lena Petersen", []string{"de", "en", "da"}, slices.Concat(machineSkills, []string{"cooling"})},
			{"Tobias Krüger", []string{"de", "en"}, slices.Concat(evSkills, carSkills)},
			{"Svea Lindner", []string{"de", "en"}, screenSkills},
		}},
	{id: "lyon", name: "Lyon", region: "fr-south-east", parent: "fr", language: "fr", timeZone: "Europe/Paris", lat: 45.76, lon: 4.84,
		hours: "mon-fri 08:00-18:00", neighbours: []string{"munich", "hamburg"},
		technicians: []technician{
			{"Camille Roux", []string{"fr", "en"}, slices.Concat(carSkills, evSkills)},
			{"Hugo Lambert", []string{"fr"}, machineSkills},
			{"Inès Benali", []string{"fr", "ar", "en"}, screenSkills},
		}},
	{id: "shanghai", name: "上海", region: "cn-east", parent: "cn", language: "zh", timeZone: "Asia/Shanghai", lat: 31.23, lon: 121.47,
		hours: "daily 08:00-20:00", neighbours: []string{"shenzhen"},
		technicians: []technician{
			{"王芳", []string{"zh", "en"}, slices.Concat(evSkills, carSkills)},
			{"李伟", []string{"zh"}, machineSkills},
			{"陈静", []string{"zh", "en"}, screenSkills},
			{"刘洋", []string{"zh"}, slices.Concat(carSkills, []string{"rotating"})},
		}},
	{id: "shenzhen", name: "深圳", region: "cn-south", parent: "cn", language: "zh", timeZone: "Asia/Shanghai", lat: 22.54, lon: 114.06,
		hours: "daily 08:00-20:00", neighbours: []string{"shanghai"},
		technicians: []technician{
			{"黄志强", []string{"zh", "en"}, slices.Concat(screenSkills, evSkills)},
			{"林小梅", []string{"zh"}, slices.Concat(machineSkills, carSkills)},
		}},
	{id: "detroit", name: "Detroit", region: "us-midwest", parent: "us", language: "en", timeZone: "America/Detroit", lat: 42.33, lon: -83.05,
		hours: "mon-fri 07:00-19:00; sat 08:00-14:00", neighbours: []string{"austin"},
		technicians: []technician{
			{"Marcus Reed", []string{"en"}, slices.Concat(carSkills, evSkills)},
			{"Elena Kowalski", []string{"en", "pl"}, machineSkills},
			{"Priya Raman", []string{"en", "hi"}, screenSkills},
		}},
	{id: "austin", name: "Austin", region: "us-south", parent: "us", language: "en", timeZone: "America/Chicago", lat: 30.27, lon: -97.74,
		hours: "mon-fri 07:00-19:00", neighbours: []string{"detroit"}, kinds: []string{"vehicle", "tv"},
		technicians: []technician{
			{"Diego Morales", []string{"en", "es"}, slices.Concat(evSkills, carSkills)},
			{"Grace Whitfield", []string{"en"}, screenSkills},
		}},
	{id: "sao-paulo", name: "São Paulo", region: "br-south-east", parent: "br", language: "pt", timeZone: "America/Sao_Paulo", lat: -23.55, lon: -46.63,
		hours: "mon-fri 08:00-18:00", neighbours: []string{"austin"},
		technicians: []technician{
			{"Beatriz Nogueira", []string{"pt", "es", "en"}, slices.Concat(carSkills, evSkills)},
			{"Rafael Teixeira", []string{"pt"}, slices.Concat(machineSkills, screenSkills)},
		}},
}

// countries are the regions above those of the places.
var countries = []struct{ id, name, language, timeZone string }{
	{"de", "Deutschland", "de", "Europe/Berlin"},
	{"fr", "France", "fr", "Europe/Paris"},
	{"cn", "中国", "zh", "Asia/Shanghai"},
	{"us", "United States", "en", "America/New_York"},
	{"br", "Brasil", "pt", "America/Sao_Paulo"},
}

var regionNames = map[string]string{
	"de-south": "Süddeutschland", "de-north": "Norddeutschland", "fr-south-east": "Auvergne-Rhône-Alpes",
	"cn-east": "华东", "cn-south": "华南", "us-midwest": "Midwest", "us-south": "South", "br-south-east": "Sudeste",
}
