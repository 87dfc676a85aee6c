package fleet

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/presage-pdm/presage/internal/spelling"
	"github.com/presage-pdm/presage/telemetry"
)

// maxImportBytes bounds one imported file.
const maxImportBytes = 256 << 20

// Importer reads a fleet from files. A YAML file holds a whole fleet, or a part
// of it, under the names of [Kinds]; a CSV file holds one kind and is named after it, such as
// devices.csv. Everything that is wrong is collected, with its line.
type Importer struct {
	fleet Fleet
	errs  ImportErrors
	// checks are the references to look up when everything is read.
	checks []reference
	// seen tells where each identifier was given first.
	seen map[[2]string]place
	// components wait until all models are read, in whatever order the files came.
	components []*record
}

type place struct {
	file string
	line int
}

// reference is a mention of something that must exist.
type reference struct {
	place
	kind, id string
	by       string // "device bus-7"
}

// NewImporter returns an importer that has read nothing.
func NewImporter() *Importer { return &Importer{seen: map[[2]string]place{}} }

// Kinds are the names of the lists of a YAML file and of CSV files, with .csv behind them.
func Kinds() []string {
	return []string{"regions", "stations", "technicians", "coverage", "customers", "sites", "models", "components", "devices"}
}

// Import reads files, and the YAML and CSV files of folders, and checks that
// everything that they mention is in them or in known, which may be nil. It
// fails with [*ImportErrors] when something is wrong with their content.
func Import(known *Fleet, paths ...string) (*Fleet, error) {
	im := NewImporter()
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir():
				return nil
			case name != path && !slices.Contains([]string{".yaml", ".yml", ".csv"}, strings.ToLower(filepath.Ext(name))):
				return nil // something else that lies in the folder
			}
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			return im.Read(name, f)
		})
		if err != nil {
			return nil, fmt.Errorf("import the fleet: %w", err)
		}
	}
	return im.Finish(known)
}

// Read reads one file. What is wrong with its content is kept for
// [Importer.Finish]; an error means that it could not be read at all.
func (im *Importer) Read(name string, r io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(r, maxImportBytes+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if len(content) > maxImportBytes {
		return fmt.Errorf("read %s: it is larger than %d MB: split it", name, maxImportBytes>>20)
	}
	content = []byte(strings.TrimPrefix(string(content), "\uFEFF"))
	if !utf8.Valid(content) {
		im.errs.add(name, 0, "the file is not UTF-8: save it in that encoding")
		return nil
	}
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".yaml", ".yml":
		im.readYAML(name, content)
	case ".csv":
		im.readCSV(name, content)
	default:
		im.errs.add(name, 0, "unknown kind of file %q: use .yaml or .csv", ext)
	}
	return nil
}

// Finish checks what was read and returns it.
func (im *Importer) Finish(known *Fleet) (*Fleet, error) {
	for _, r := range im.components {
		im.takeComponent(r)
		r.done()
	}
	if known != nil {
		im.know(known)
	}
	for _, c := range im.checks {
		if _, ok := im.seen[[2]string{c.kind, c.id}]; !ok {
			im.errs.add(c.file, c.line, "%s: there is no %s %q%s", c.by, c.kind, c.id, im.similar(c.kind, c.id))
		}
	}
	im.circles(known)
	if len(im.errs.Errors) > 0 {
		return nil, &im.errs
	}
	return &im.fleet, nil
}

// similar names an identifier that was probably meant.
func (im *Importer) similar(kind, id string) string {
	var known []string
	for key := range im.seen {
		if key[0] == kind {
			known = append(known, key[1])
		}
	}
	slices.Sort(known) // of equally near ones always the same
	best, ok := spelling.Nearest(id, known)
	if !ok {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// know makes what is stored already available to references.
func (im *Importer) know(f *Fleet) {
	have := func(kind, id string) {
		if _, ok := im.seen[[2]string{kind, id}]; !ok {
			im.seen[[2]string{kind, id}] = place{}
		}
	}
	for _, v := range f.Regions {
		have("region", v.ID)
	}
	for _, v := range f.Stations {
		have("station", v.ID)
	}
	for _, v := range f.Customers {
		have("customer", v.ID)
	}
	for _, v := range f.Sites {
		have("site", v.ID)
	}
	for _, v := range f.Models {
		have("model", v.ID)
	}
}

// circles reports regions that lie in themselves.
func (im *Importer) circles(known *Fleet) {
	parents := map[string]string{}
	if known != nil {
		for _, r := range known.Regions {
			parents[r.ID] = r.Parent
		}
	}
	for _, r := range im.fleet.Regions {
		parents[r.ID] = r.Parent
	}
	for _, r := range im.fleet.Regions {
		at := parents[r.ID]
		for steps := 0; at != "" && at != r.ID && steps <= len(parents); steps++ {
			at = parents[at]
		}
		if at == r.ID {
			where := im.seen[[2]string{"region", r.ID}]
			im.errs.add(where.file, where.line, "region %q lies in itself: take its parent away, or that of a region between", r.ID)
		}
	}
}

// refer notes a mention of something; the empty identifier mentions nothing.
func (im *Importer) refer(r *record, field, kind, id, by string) {
	if id != "" {
		im.checks = append(im.checks, reference{place{r.file, r.lineOf(field)}, kind, id, by})
	}
}

// identify reads the identifier of a record and notes it. It is empty when the
// record cannot be kept.
func (im *Importer) identify(r *record) string {
	id := r.required("id")
	if id == "" {
		return ""
	}
	if err := telemetry.ValidDeviceID(id); err != nil {
		message := strings.TrimPrefix(err.Error(), telemetry.ErrBadName.Error()+": ")
		r.fail(r.lineOf("id"), "%s", strings.Replace(message, "device id", r.what+" id", 1))
		return ""
	}
	return im.once(r, r.what, id)
}

// once notes an identifier and reports the second use of it.
func (im *Importer) once(r *record, kind, id string) string {
	key := [2]string{kind, id}
	if first, ok := im.seen[key]; ok {
		r.fail(r.line, "%s %q is given twice: first at %s:%d", kind, id, first.file, first.line)
		return ""
	}
	im.seen[key] = place{r.file, r.line}
	return id
}

// take adds one record of a kind to the fleet.
func (im *Importer) take(kind string, r *record) {
	switch kind {
	case "regions":
		im.takeRegion(r)
	case "stations":
		im.takeStation(r)
	case "technicians":
		im.takeTechnician(r)
	case "coverage":
		im.takeCoverage(r)
	case "customers":
		im.takeCustomer(r)
	case "sites":
		im.takeSite(r)
	case "models":
		im.takeModel(r)
	case "components":
		im.components = append(im.components, r)
		return
	case "devices":
		im.takeDevice(r)
	}
	r.done()
}
