package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sector is what a disk writes wholly or not at all, in bytes.
const sector = 512

// Loss says what becomes of changes that were not synced.
type Loss int

// The losses.
const (
	// Nothing keeps all of them: what a killed process leaves.
	Nothing Loss = iota
	// Everything loses all of them.
	Everything
	// Anything decides for each folder, file and sector.
	Anything
)

// Image writes into dir, which is empty, the folder that a cut at a point of the log may leave.
func (d *Disk) Image(dir string, point int, loss Loss, random *rand.Rand) error {
	return (&image{point, loss, random}).writeFolder(d.top, dir)
}

type image struct {
	point  int
	loss   Loss
	random *rand.Rand
}

// durable reports whether a change is durable at the point: a sync that began after its end has returned.
func (m *image) durable(n *node, c *change) bool {
	return slices.ContainsFunc(n.syncs, func(s span) bool { return c.end < s.begin && s.end <= m.point })
}

// begun returns the changes that may have had an effect.
func (m *image) begun(n *node) []change {
	return slices.DeleteFunc(slices.Clone(n.changes), func(c change) bool { return c.begin > m.point })
}

func (m *image) writeFolder(n *node, dir string) error {
	changes := m.begun(n)
	kept := 0
	for i := range changes {
		if m.durable(n, &changes[i]) {
			kept = i + 1 // in order, so also those before
		}
	}
	switch rest := len(changes) - kept; {
	case m.loss == Nothing:
		kept += rest
	case m.loss == Anything && rest > 0:
		kept += m.random.IntN(rest + 1)
	}
	names := map[string]*node{}
	for _, c := range changes[:kept] {
		for name, what := range c.names {
			names[name] = what
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted) // so that a seed gives one image
	for _, name := range sorted {
		what := names[name]
		full := filepath.Join(dir, name)
		switch {
		case what == nil || strings.HasSuffix(name, "-shm"):
		case what.names != nil:
			if err := os.Mkdir(full, 0o700); err != nil {
				return err
			}
			if err := m.writeFolder(what, full); err != nil {
				return err
			}
		default:
			if err := m.writeFile(what, full); err != nil {
				return fmt.Errorf("image of %s: %w", full, err)
			}
		}
	}
	return nil
}

func (m *image) writeFile(n *node, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	chance := []float64{0, 0.5, 0.9, 1}[m.draw(4)] // of a sector to be there
	size, full := int64(0), int64(0)
	for _, c := range m.begun(n) {
		there := m.loss == Nothing || m.durable(n, &c)
		if c.data == nil {
			if there || m.loss == Anything && m.random.Float64() < chance {
				if err := f.Truncate(c.offset); err != nil {
					return err
				}
				size = c.offset
			}
			full = c.offset
			continue
		}
		full = max(full, c.offset+int64(len(c.data)))
		for begin := 0; begin < len(c.data); {
			end := min(len(c.data), begin+sector-int((c.offset+int64(begin))%sector))
			if there {
				end = len(c.data)
			} else if m.loss == Everything || m.random.Float64() >= chance {
				begin = end
				continue
			}
			if _, err := f.WriteAt(c.data[begin:end], c.offset+int64(begin)); err != nil {
				return err
			}
			size = max(size, c.offset+int64(end))
			begin = end
		}
	}
	if m.loss == Anything && size < full && m.draw(3) == 0 {
		return f.Truncate(full) // the length came first
	}
	return f.Close()
}

// draw returns a number below n; 0 when nothing is left to chance.
func (m *image) draw(n int) int {
	if m.loss != Anything {
		return 0
	}
	return m.random.IntN(n)
}
