package fleet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// read imports one file given as text.
func read(t testing.TB, known *Fleet, name, content string) (*Fleet, error) {
	t.Helper()
	im := NewImporter()
	if err := im.Read(name, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	return im.Finish(known)
}

func TestImportExample(t *testing.T) {
	f, err := Import(nil, "example")
	if err != nil {
		t.Fatal(err)
	}
	if got := []int{len(f.Regions), len(f.Stations), len(f.Technicians), len(f.Coverage), len(f.Customers), len(f.Sites), len(f.Models), len(f.Devices)}; !reflect.DeepEqual(got, []int{4, 3, 5, 4, 3, 3, 3, 6}) {
		t.Errorf("the example has %v regions, stations, technicians, coverages, customers, sites, models, devices", got)
	}
	d := NewDirectory()
	d.Replace("default", f)
	bus, _ := d.Device("default", "bus-1704")
	if bus.Name != "Bus 1704, spare" || bus.Attributes != nil || bus.Warranty != time.Date(2027, 6, 10, 0, 0, 0, 0, time.UTC) {
		t.Errorf("bus-1704 is %+v", bus)
	}
	if bus, _ := d.Device("default", "bus-1703"); bus.Attributes["line"] != "M17" {
		t.Errorf("bus-1703 is %+v", bus)
	}
	if tv, _ := d.Device("default", "tv-lobby"); tv.Serial != "00417" || tv.Attributes["floor"] != "ground" {
		t.Errorf("tv-lobby is %+v", tv)
	}
	anna, _ := d.Technician("default", "t-anna")
	want := []Skill{{Name: "cooling", Level: 4}, {Name: "high-voltage", Level: 3, Expires: time.Date(2028, 6, 30, 0, 0, 0, 0, time.UTC)}}
	if !reflect.DeepEqual(anna.Skills, want) {
		t.Errorf("skills are %+v, want %+v", anna.Skills, want)
	}
	lin, _ := d.Technician("default", "t-lin")
	if len(lin.Shift.Hours) != 5 || lin.Shift.Hours[0] != (Hours{time.Monday, "22:00", "06:00"}) {
		t.Errorf("shift is %+v", lin.Shift)
	}
	if m, _ := d.Model("default", "ebus-12"); len(m.Components) != 4 || m.Components[1].Skill != "high-voltage" {
		t.Errorf("model is %+v", m)
	}
}

func TestImportCSV(t *testing.T) {
	known := &Fleet{Models: []Model{{ID: "tv"}}, Regions: []Region{{ID: "de"}}, Stations: []Station{{ID: "s"}}}
	for _, c := range []struct {
		name, file, content string
		want                Fleet
	}{
		{"byte order mark, capital letters, spaces", "Devices.CSV", "\uFEFFID , Model\nx, tv\n", Fleet{Devices: []Device{{ID: "x", Model: "tv"}}}},
		{"semicolons", "devices.csv", "id;criticality;retired\nx;5;yes\n", Fleet{Devices: []Device{{ID: "x", Criticality: 5, Retired: true}}}},
		{"blank lines and quotes", "devices.csv", "id,name\r\n\r\nx,\"a\n\"\"b\"\"\"\r\n", Fleet{Devices: []Device{{ID: "x", Name: "a\n\"b\""}}}},
		{"lists and groups", "technicians.csv", "id,name,station,skills,languages,shift.hours,shift.holidays\nt,Änne,s,a:2;b,de;en,mon 22:00-06:00;tue 08:00-12:00,2026-12-25\n",
			Fleet{Technicians: []Technician{{ID: "t", Name: "Änne", Station: "s", Skills: []Skill{{Name: "a", Level: 2}, {Name: "b"}}, Languages: []string{"de", "en"},
				Shift: Calendar{Hours: []Hours{{time.Monday, "22:00", "06:00"}, {time.Tuesday, "08:00", "12:00"}}, Holidays: []string{"2026-12-25"}}}}}},
		{"coverage", "coverage.csv", "station,region,rank\ns,de,2\n", Fleet{Coverage: []Coverage{{Station: "s", Region: "de", Rank: 2}}}},
		{"only a header", "devices.csv", "id,name\n", Fleet{}},
	} {
		got, err := read(t, known, c.file, c.content)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, *got, c.want)
		}
	}
}

func TestImportComponentsBeforeModels(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"components.csv": "model,id,parts\ntv,panel,strip;glue\ntv,wifi,\n",
		"models.csv":     "id,kind\ntv,tv\n",
		"readme.txt":     "not a fleet",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Import(nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []Model{{ID: "tv", Kind: "tv", Components: []Component{{ID: "panel", Parts: []string{"strip", "glue"}}, {ID: "wifi"}}}}
	if !reflect.DeepEqual(got.Models, want) {
		t.Errorf("models are %+v, want %+v", got.Models, want)
	}
	if _, err := Import(nil, filepath.Join(dir, "absent.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: error %v", err)
	}
}

func TestImportErrors(t *testing.T) {
	for _, c := range []struct {
		name, file, content string
		want                []string // every line of the error
	}{
		{"unknown column", "devices.csv", "id,modle\nx,tv\n", []string{`devices.csv:2: unknown field "modle": did you mean "model"?`}},
		{"nothing similar", "coverage.csv", "station,colour\ns,red\n", []string{`coverage.csv:2: unknown field "colour": known are station, region, model, component, rank`,
			`coverage.csv:2: coverage of s: there is no station "s"`}},
		{"all at once", "devices.csv", "id,criticality,purchased,warranty\n,1,,\nbus/7,1,,\nx,9,,\ny,1,1.2.2026,\nz,,2026-02-01,2026-01-01\nx,,,\n", []string{
			`devices.csv:2: a device needs the field "id"`,
			`devices.csv:3: device id "bus/7" holds '/', which MQTT topics reserve`,
			`devices.csv:4: criticality "9": use a whole number from 1 to 5`,
			`devices.csv:5: purchased: "1.2.2026" is not a date such as 2026-12-25`,
			`devices.csv:6: device z: the warranty ends 2026-01-01, before the purchase`,
			`devices.csv:7: device "x" is given twice: first at devices.csv:4`}},
		{"wrong number of columns", "devices.csv", "id,name\nx\ny,Y\n", []string{`devices.csv:2: the line has 1 columns and the first line 2`}},
		{"broken quotes", "devices.csv", "id,name\nx,\"a\n", []string{`devices.csv:2: extraneous or missing " in quoted-field`}},
		{"column without a name", "devices.csv", "id,\nx,\n", []string{`devices.csv:1: column 2 is called "": every column needs a name of its own`}},
		{"column twice", "devices.csv", "id,id\nx,y\n", []string{`devices.csv:1: column 2 is called "id": every column needs a name of its own`}},
		{"empty file", "devices.csv", "", []string{`devices.csv: the file is empty: its first line names the columns`}},
		{"unknown kind", "cars.csv", "id\n", []string{`cars.csv: the name of the file does not tell what is in it: call it regions.csv, stations.csv, technicians.csv, coverage.csv, customers.csv, sites.csv, models.csv, components.csv, devices.csv`}},
		{"unknown ending", "devices.xls", "id\n", []string{`devices.xls: unknown kind of file ".xls": use .yaml or .csv`}},
		{"not UTF-8", "devices.csv", "id\n\xff\n", []string{`devices.csv: the file is not UTF-8: save it in that encoding`}},
		{"references", "fleet.yaml", "regions: [{id: north}]\nstations:\n  - id: s\n    region: nort\n    neighbours: [s, x]\ndevices:\n  - {id: a,\n     model: tv}\n", []string{
			`fleet.yaml:5: station s is its own neighbour`,
			`fleet.yaml:4: station s: there is no region "nort": did you mean "north"?`,
			`fleet.yaml:5: station s: there is no station "x": did you mean "s"?`,
			`fleet.yaml:8: device a: there is no model "tv"`}},
		{"circle", "fleet.yaml", "regions:\n  - {id: a, parent: b}\n  - {id: b, parent: a}\n  - {id: c, parent: b}\n", []string{
			`fleet.yaml:2: region "a" lies in itself: take its parent away, or that of a region between`,
			`fleet.yaml:3: region "b" lies in itself: take its parent away, or that of a region between`}},
		{"unknown list", "fleet.yaml", "device: []\n", []string{`fleet.yaml:1: unknown field "device": did you mean "devices"?`}},
		{"not a mapping", "fleet.yaml", "- a\n", []string{`fleet.yaml:1: a fleet begins with the names of its lists: regions, stations, technicians, coverage, customers, sites, models, components, devices`}},
		{"not a list", "fleet.yaml", "devices:\n  id: x\n", []string{`fleet.yaml:1: devices: a list is expected`}},
		{"list of texts", "fleet.yaml", "devices:\n  - x\n", []string{`fleet.yaml:2: devices: a list of records is expected, with a dash before each`}},
		{"list for a text", "fleet.yaml", "devices:\n  - id: x\n    name: [a, b]\n", []string{`fleet.yaml:3: name: one value is expected`}},
		{"text for a group", "fleet.yaml", "devices:\n  - id: x\n    attributes: red\n", []string{`fleet.yaml:3: attributes: fields of its own are expected`}},
		{"calendar", "fleet.yaml", "regions: [{id: r}]\nstations:\n  - id: s\n    region: r\n    time_zone: Mars/Base\n    calendar:\n      hours: [mon 9-5]\n      holidays: [christmas]\n      houres: x\n", []string{
			`fleet.yaml:5: unknown time zone "Mars/Base": use an IANA name such as Europe/Berlin`,
			`fleet.yaml:7: calendar: hours "mon 9-5": "9" is not a time of day such as 08:30`,
			`fleet.yaml:8: calendar: "christmas" is not a date such as 2026-12-25`,
			`fleet.yaml:9: unknown field "houres": did you mean "hours"?`}},
		{"skills", "technicians.csv", "id,name,station,skills\nt,T,s,a:9;b:1:soon;:2;a:1:2026-01-01:x\n", []string{
			`technicians.csv:2: skill "a:9": the level is a number from 1 (trained) to 5 (expert)`,
			`technicians.csv:2: skill "b:1:soon": "soon" is not a date such as 2026-12-25`,
			`technicians.csv:2: skill ":2" is not like "cooling", "cooling:3" or "cooling:3:2027-06-30"`,
			`technicians.csv:2: skill "a:1:2026-01-01:x" is not like "cooling", "cooling:3" or "cooling:3:2027-06-30"`,
			`technicians.csv:2: technician t: there is no station "s"`}},
		{"tier, numbers", "customers.csv", "id,name,tier\nc,C,silver\n", []string{`customers.csv:2: tier "silver": use one of standard, gold, vip`}},
		{"latitude", "sites.csv", "id,lat,lon\nc,91,1e400\n", []string{`sites.csv:2: lat "91": use a number from -90 to 90, with a point`, `sites.csv:2: lon "1e400": use a number from -180 to 180, with a point`}},
		{"NaN", "sites.csv", "id,lat\nc,NaN\n", []string{`sites.csv:2: lat "NaN": use a number from -90 to 90, with a point`}},
		{"component without a model", "components.csv", "model,id\ntv,panel\n", []string{`components.csv:2: component panel: model "tv" is not in this import`}},
		{"component twice", "fleet.yaml", "models:\n  - id: tv\n    components:\n      - id: a\n      - id: a\n", []string{`fleet.yaml:5: component of tv "a" is given twice: first at fleet.yaml:4`}},
		{"alias", "fleet.yaml", "devices:\n  - &a {id: x}\n  - *a\n", []string{
			`fleet.yaml:2: anchors, aliases and tags are not read: write the value out`,
			`fleet.yaml:3: anchors, aliases and tags are not read: write the value out`,
			`fleet.yaml:2: devices: a list of records is expected, with a dash before each`,
			`fleet.yaml:3: devices: a list of records is expected, with a dash before each`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(t, nil, c.file, c.content)
			var all *ImportErrors
			if !errors.As(err, &all) {
				t.Fatalf("error %v, want errors of an import", err)
			}
			if got, want := err.Error(), strings.Join(c.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestImportYAMLSyntax(t *testing.T) {
	_, err := read(t, nil, "fleet.yaml", "devices:\n  - id: [x\n")
	if err == nil || !strings.HasPrefix(err.Error(), "fleet.yaml:") {
		t.Errorf("error %v, want one with its place", err)
	}
	_, err = read(t, nil, "fleet.yaml", "devices:\n  - id: x\n    id: y\n")
	if err == nil || !strings.Contains(err.Error(), "fleet.yaml:3: ") {
		t.Errorf("a field twice: error %v", err)
	}
	deep := "devices: " + strings.Repeat("[", 50) + strings.Repeat("]", 50)
	if _, err = read(t, nil, "fleet.yaml", deep); err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Errorf("deep nesting: error %v", err)
	}
	if f, err := read(t, nil, "fleet.yaml", "# nothing\n"); err != nil || !reflect.DeepEqual(*f, Fleet{}) {
		t.Errorf("an empty document: %+v (error %v)", f, err)
	}
}

func TestImportBoundsErrors(t *testing.T) {
	var b strings.Builder
	b.WriteString("id\n")
	for i := range 250 {
		fmt.Fprintf(&b, "bad/%d\n", i)
	}
	_, err := read(t, nil, "devices.csv", b.String())
	var all *ImportErrors
	if !errors.As(err, &all) || len(all.Errors) != 100 || all.More != 150 || !strings.HasSuffix(err.Error(), "and 150 more") {
		t.Errorf("got %d errors and %d more", len(all.Errors), all.More)
	}
}

func FuzzImport(f *testing.F) {
	example, err := os.ReadFile("example/fleet.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(true, string(example))
	f.Add(false, "id,name,calendar.hours\nx,y,mon 08:00-17:00\n")
	f.Add(true, "devices: [{id: x, attributes: {a: b}}]")
	f.Add(true, "? a\n: b")
	f.Fuzz(func(t *testing.T, yaml bool, content string) {
		name := "stations.csv"
		if yaml {
			name = "fleet.yaml"
		}
		got, err := read(t, nil, name, content)
		var all *ImportErrors
		if err != nil && !errors.As(err, &all) {
			t.Fatalf("error %v is not one of an import", err)
		}
		if err == nil {
			NewDirectory().Replace("default", got)
		}
	})
}
