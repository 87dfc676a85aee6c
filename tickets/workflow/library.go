package workflow

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/presage-pdm/presage/tickets"
)

//go:embed flows/*.yaml
var bundled embed.FS

// Library holds every version of every flow. It implements [tickets.Workflows];
// it is immutable and safe for concurrent use.
type Library struct {
	flows map[version]*tickets.Flow
	kinds map[tickets.Kind]*tickets.Flow // the newest flow that begins tickets of a kind
}

type version struct {
	name    string
	version int
}

// Bundled returns the flows that come with Presage.
func Bundled() ([]*tickets.Flow, error) {
	folder, err := fs.Sub(bundled, "flows")
	if err != nil {
		return nil, err
	}
	return Load(folder)
}

// Load reads every "*.yaml" of a folder, by name. An error lists the mistakes of all of them.
func Load(folder fs.FS) ([]*tickets.Flow, error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, err
	}
	var flows []*tickets.Flow
	var errs []error
	for _, name := range names {
		source, err := fs.ReadFile(folder, name)
		if err == nil {
			var flow *tickets.Flow
			if flow, err = Parse(path.Base(name), source); err == nil {
				flows = append(flows, flow)
			}
		}
		errs = append(errs, err)
	}
	return flows, errors.Join(errs...)
}

// NewLibrary returns a library of flows. For each kind of ticket a flow given
// later comes before one given earlier, and of one name the highest version
// before all others. It fails when a version is given twice.
func NewLibrary(flows ...*tickets.Flow) (*Library, error) {
	l := &Library{flows: make(map[version]*tickets.Flow), kinds: make(map[tickets.Kind]*tickets.Flow)}
	for _, f := range flows {
		key := version{f.Name, f.Version}
		if l.flows[key] != nil {
			return nil, fmt.Errorf("workflow %s has version %d twice; count the version up when you change a flow", f.Name, f.Version)
		}
		l.flows[key] = f
		for _, k := range f.Kinds {
			if now := l.kinds[k]; now == nil || now.Name != f.Name || now.Version < f.Version {
				l.kinds[k] = f
			}
		}
	}
	return l, nil
}

// For returns the newest flow for new tickets of a kind, or nil.
func (l *Library) For(kind tickets.Kind) *tickets.Flow { return l.kinds[kind] }

// Flow returns a version of a flow, or nil.
func (l *Library) Flow(name string, v int) *tickets.Flow { return l.flows[version{name, v}] }

// Flows returns every flow, by name and version.
func (l *Library) Flows() []*tickets.Flow {
	all := make([]*tickets.Flow, 0, len(l.flows))
	for _, f := range l.flows {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *tickets.Flow) int {
		if a.Name != b.Name {
			if a.Name < b.Name {
				return -1
			}
			return 1
		}
		return a.Version - b.Version
	})
	return all
}
