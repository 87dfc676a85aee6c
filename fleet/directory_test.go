package fleet

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
)

func TestDirectory(t *testing.T) {
	d := NewDirectory()
	if known, _ := d.Known("default", "bus-1"); known {
		t.Error("an empty directory knows a device")
	}
	if d.Tenants() != nil || d.Count("default") != 0 || d.RegionPath("default", "x") != nil {
		t.Error("an empty directory is not empty")
	}
	f := &Fleet{
		Regions: []Region{{ID: "north", Parent: "de"}, {ID: "de", Parent: "eu"}, {ID: "eu"},
			{ID: "ring-a", Parent: "ring-b"}, {ID: "ring-b", Parent: "ring-a"}},
		Stations:    []Station{{ID: "s-2"}, {ID: "s-1", Name: "Hamburg"}},
		Technicians: []Technician{{ID: "t-1", Name: "Anna"}},
		Customers:   []Customer{{ID: "c-1", Name: "Hochbahn"}},
		Sites:       []Site{{ID: "depot", Region: "north"}},
		Models:      []Model{{ID: "bus", Kind: "vehicle"}},
		Coverage:    []Coverage{{Station: "s-1", Region: "north"}},
		Devices:     []Device{{ID: "bus-1", Site: "depot", Model: "bus"}, {ID: "bus-2", Site: "depot", Region: "de", Retired: true}},
	}
	d.Replace("default", f)
	if known, retired := d.Known("default", "bus-1"); !known || retired {
		t.Errorf("bus-1: known %t, retired %t", known, retired)
	}
	if known, retired := d.Known("default", "bus-2"); !known || !retired {
		t.Errorf("bus-2: known %t, retired %t", known, retired)
	}
	if known, _ := d.Known("other", "bus-1"); known {
		t.Error("another tenant knows the device")
	}
	for device, want := range map[string]string{"bus-1": "north", "bus-2": "de", "bus-3": ""} {
		if got := d.RegionOf("default", device); got != want {
			t.Errorf("region of %s is %q, want %q", device, got, want)
		}
	}
	path := func(id string) (ids []string) {
		for _, r := range d.RegionPath("default", id) {
			ids = append(ids, r.ID)
		}
		return ids
	}
	for id, want := range map[string][]string{"north": {"north", "de", "eu"}, "eu": {"eu"}, "ring-a": {"ring-a", "ring-b"}, "west": nil} {
		if got := path(id); !reflect.DeepEqual(got, want) {
			t.Errorf("path of %s is %v, want %v", id, got, want)
		}
	}
	if s := d.Stations("default"); len(s) != 2 || s[0].ID != "s-1" {
		t.Errorf("stations are %v, want them in order", s)
	}
	if s, ok := d.Station("default", "s-1"); !ok || s.Name != "Hamburg" {
		t.Errorf("station s-1 is %v", s)
	}
	if f.Stations[0].ID != "s-2" {
		t.Error("the directory sorted the list of its caller")
	}

	before := d.Devices("default")
	d.PutDevice("default", Device{ID: "bus-3", Name: "new"})
	d.PutDevice("default", Device{ID: "bus-1", Name: "renamed"})
	if d.Count("default") != 3 {
		t.Errorf("%d devices, want 3", d.Count("default"))
	}
	if dev, _ := d.Device("default", "bus-1"); dev.Name != "renamed" {
		t.Errorf("bus-1 is %+v", dev)
	}
	seen := map[string]string{}
	for dev := range before {
		seen[dev.ID] = dev.Name
	}
	if len(seen) != 2 || seen["bus-1"] != "" {
		t.Errorf("a version taken earlier changed: %v", seen)
	}
	d.PutDevice("fresh", Device{ID: "x"})
	if got := d.Tenants(); !reflect.DeepEqual(got, []string{"default", "fresh"}) {
		t.Errorf("tenants are %v", got)
	}
}

func TestDirectoryRefresh(t *testing.T) {
	d := NewDirectory()
	boom := errors.New("boom")
	if err := d.Refresh("default", "1", func() (*Fleet, error) { return nil, boom }); !errors.Is(err, boom) || d.Tenants() != nil {
		t.Errorf("a failed refresh: error %v, tenants %v", err, d.Tenants())
	}
	loads := 0
	load := func() (*Fleet, error) {
		loads++
		return &Fleet{Devices: []Device{{ID: "a"}}}, nil
	}
	put := make(chan struct{})
	err := d.Refresh("default", "1", func() (*Fleet, error) {
		go func() { // ends when the refresh is over
			d.PutDevice("default", Device{ID: "b"})
			close(put)
		}()
		return load()
	})
	<-put
	if known, _ := d.Known("default", "b"); err != nil || !known || d.Count("default") != 2 {
		t.Errorf("a device that was put during a refresh is lost (error %v)", err)
	}
	if err := d.Refresh("default", "1", load); err != nil || loads != 1 {
		t.Errorf("the same version: %d loads (error %v), want 1", loads, err)
	}
	if err := d.Refresh("default", "2", load); err != nil || loads != 2 || d.Count("default") != 1 {
		t.Errorf("a new version: %d loads, %d devices (error %v)", loads, d.Count("default"), err)
	}
	if err := d.Refresh("default", "3", func() (*Fleet, error) { return nil, boom }); !errors.Is(err, boom) || d.Count("default") != 1 {
		t.Errorf("after a failed refresh %d devices (error %v), want those from before", d.Count("default"), err)
	}
}

// TestDirectoryConcurrently registers devices from several sides while others
// look them up: none is lost.
func TestDirectoryConcurrently(t *testing.T) {
	d := NewDirectory()
	const writers, each = 4, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", w, i)
				d.PutDevice("default", Device{ID: id})
				if known, _ := d.Known("default", id); !known {
					t.Errorf("%s is not known after it was put", id)
				}
			}
		})
	}
	wg.Wait()
	n := 0
	for range d.Devices("default") {
		n++
	}
	if n != writers*each || d.Count("default") != n {
		t.Errorf("%d devices, counted %d, want %d", n, d.Count("default"), writers*each)
	}
}

func hundredThousand() *Fleet {
	f := &Fleet{}
	for i := range 100_000 {
		f.Devices = append(f.Devices, Device{ID: fmt.Sprintf("device-%06d", i)})
	}
	return f
}

func BenchmarkDirectoryKnown(b *testing.B) {
	d, f := NewDirectory(), hundredThousand()
	d.Replace("default", f)
	i := 0
	for b.Loop() {
		if known, _ := d.Known("default", f.Devices[i%len(f.Devices)].ID); !known {
			b.Fatal("not known")
		}
		i += 7919
	}
}

func BenchmarkDirectoryPutDevice(b *testing.B) {
	d := NewDirectory()
	d.Replace("default", hundredThousand())
	for b.Loop() {
		d.PutDevice("default", Device{ID: "device-000042"})
	}
}
