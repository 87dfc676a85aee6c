package catalog

import (
	"bytes"
	"fmt"
)

// Source returns the layers as they were written, lowest first: one YAML
// document each, headed by the name of its file.
func (c *Catalogue) Source() []byte {
	var b bytes.Buffer
	for i, l := range c.layers {
		if i > 0 {
			b.WriteString("---\n")
		}
		fmt.Fprintf(&b, "# %s\n", l.Name)
		b.Write(bytes.TrimRight(l.source, "\n"))
		b.WriteByte('\n')
	}
	return b.Bytes()
}
