package powercut

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Disk is what is known of a folder from the logs that were read. It begins empty and durable.
type Disk struct {
	root  string // absolute, without a slash at the end
	line  int
	top   *node
	nodes []*node
	sent  []Sent

	open   map[int64]*file // by descriptor, of the present process
	unsure []unsure        // of the last process
}

// Sent is something that the program wrote to a connection or a pipe.
type Sent struct {
	// At is the point of the log from which on somebody may have read it.
	At            int
	Local, Remote string // addresses; "pipe" and the descriptor for a pipe
	Data          []byte
}

// node is a file or a folder.
type node struct {
	names   map[string]*node // of a folder, as the program sees it; nil for a file
	size    int64            // of a file, as the program sees it
	changes []change         // by their end
	syncs   []span           // that succeeded
}

type span struct{ begin, end int }

// change is one effect on a file or a folder.
type change struct {
	span
	// Of a file: bytes at an offset, or a new size when data is nil.
	offset int64
	data   []byte
	// Of a folder: names with what they mean from now on, nil for nothing. They change together.
	names map[string]*node
}

// file is an open descriptor.
type file struct {
	node   *node
	at     int64
	append bool
}

// NewDisk returns the disk of an empty folder.
func NewDisk(root string) *Disk {
	d := &Disk{root: root}
	d.top = d.folder()
	return d
}

func (d *Disk) folder() *node {
	n := d.file()
	n.names = map[string]*node{}
	return n
}

func (d *Disk) file() *node {
	n := &node{}
	d.nodes = append(d.nodes, n)
	return n
}

// End is the point behind everything that was read.
func (d *Disk) End() int { return d.line }

// Sent returns what was sent, oldest first.
func (d *Disk) Sent() []Sent { return d.sent }

// Points returns the points behind the calls that make something durable or name something, which are the
// ones worth a cut just before or behind them.
func (d *Disk) Points() []int {
	seen := map[int]bool{}
	for _, n := range d.nodes {
		for _, s := range n.syncs {
			seen[s.begin], seen[s.end] = true, true
		}
		for _, c := range n.changes {
			if c.names != nil {
				seen[c.end] = true
			}
		}
	}
	points := make([]int, 0, len(seen))
	for p := range seen {
		points = append(points, p)
	}
	slices.Sort(points)
	return points
}

// Read takes the log of one process. A later process finds what the one before left, synced or not: its
// end was no power cut.
func (d *Disk) Read(log io.Reader) error {
	d.open, d.unsure = map[int64]*file{}, nil
	return calls(log, &d.line, d.entered, d.returned)
}

// entered notes what may have an effect before the call returns.
func (d *Disk) entered(c *call) error {
	switch c.name {
	case "write", "writev", "sendto", "sendmsg":
		to := described(c.args[0])
		local, remote, ok := strings.Cut(to, "->")
		if strings.HasPrefix(to, "pipe:") {
			local, remote, ok = "pipe", strconv.FormatInt(number(c.args[0]), 10), true
		}
		if !ok {
			return nil
		}
		data, err := bytesOf(c.args[1])
		if err != nil {
			return err
		}
		d.sent = append(d.sent, Sent{c.begin, local[strings.LastIndex(local, "[")+1:], strings.TrimSuffix(remote, "]"), data})
	case "close":
		delete(d.open, number(c.args[0]))
	}
	return nil
}

// returned takes the effect of a call that succeeded.
func (d *Disk) returned(c *call) error {
	f := d.open[number(c.args[0])]
	if c.killed {
		d.unsure = append(d.unsure, unsure{c, f})
		return nil
	}
	if c.result < 0 {
		return nil
	}
	switch c.name {
	case "open", "openat", "creat":
		return d.opened(c)
	case "mkdir", "mkdirat":
		return d.mkdir(c)
	case "rename", "renameat", "renameat2":
		return d.rename(c)
	case "unlink", "unlinkat", "rmdir":
		return d.remove(c)
	case "link", "linkat", "symlink", "symlinkat", "sendfile", "pwritev", "pwritev2":
		if f != nil || d.concerns(c) {
			return fmt.Errorf("%s is not in the model", c.name)
		}
	}
	if f == nil {
		return nil
	}
	switch c.name {
	case "copy_file_range":
		return d.copy(c, f)
	case "write", "writev":
		if f.append {
			f.at = f.node.size
		}
		if err := d.write(c, f.node, f.at); err != nil {
			return err
		}
		f.at += c.result
	case "pwrite64":
		return d.write(c, f.node, number(c.args[3]))
	case "lseek":
		f.at = c.result
	case "ftruncate":
		d.resize(c, f.node, number(c.args[1]))
	case "fallocate":
		if strings.Contains(c.args[1], "KEEP_SIZE") {
			return nil
		}
		d.resize(c, f.node, max(f.node.size, number(c.args[2])+number(c.args[3])))
	case "fsync", "fdatasync":
		f.node.syncs = append(f.node.syncs, span{c.begin, c.end})
	}
	return nil
}

func (d *Disk) write(c *call, n *node, offset int64) error {
	data, err := bytesOf(c.args[1])
	if err != nil {
		return err
	}
	d.put(c, n, offset, data[:c.result])
	return nil
}

func (d *Disk) put(c *call, n *node, offset int64, data []byte) {
	n.changes = append(n.changes, change{span: span{c.begin, c.end}, offset: offset, data: data})
	n.size = max(n.size, offset+int64(len(data)))
}

// copy takes bytes from one file of the model to another, both at the places where their descriptors stand.
func (d *Disk) copy(c *call, from *file) error {
	to := d.open[number(c.args[2])]
	if to == nil || c.args[1] != "NULL" || c.args[3] != "NULL" {
		return fmt.Errorf("copy_file_range to a file outside, or at an offset, is not in the model")
	}
	if c.result == 0 {
		return nil // the end of the file
	}
	all := from.node.content()
	d.put(c, to.node, to.at, all[from.at:from.at+c.result])
	from.at, to.at = from.at+c.result, to.at+c.result
	return nil
}

// content is what the program sees in a file.
func (n *node) content() []byte {
	all := make([]byte, n.size)
	var size int64
	for _, c := range n.changes {
		if c.data == nil {
			clear(all[min(c.offset, n.size):])
			size = c.offset
			continue
		}
		size = max(size, c.offset+int64(copy(all[min(c.offset, n.size):], c.data)))
	}
	return all[:min(size, n.size)]
}

func (d *Disk) resize(c *call, n *node, size int64) {
	n.changes = append(n.changes, change{span: span{c.begin, c.end}, offset: size})
	n.size = size
}

// find returns the folder of a path and the name in it; nil when it is not below the root.
func (d *Disk) find(full string) (in *node, name string) {
	rest, ok := strings.CutPrefix(path.Clean(full), d.root+"/")
	if !ok {
		return nil, ""
	}
	in = d.top
	parts := strings.Split(rest, "/")
	for _, part := range parts[:len(parts)-1] {
		if in = in.names[part]; in == nil || in.names == nil {
			return nil, ""
		}
	}
	return in, parts[len(parts)-1]
}

// concerns reports whether an argument is a path below the root.
func (d *Disk) concerns(c *call) bool {
	return slices.ContainsFunc(c.args, func(arg string) bool {
		text, err := bytesOf(arg)
		return err == nil && strings.HasPrefix(string(text), d.root) || strings.HasPrefix(described(arg), d.root)
	})
}

// at returns the path of arguments i and i+1, a folder's descriptor and a path, or of argument i alone.
func at(c *call, i int) (string, error) {
	folder := ""
	if strings.HasSuffix(strings.TrimSuffix(c.name, "2"), "at") {
		folder = described(c.args[i])
		i++
	}
	name, err := bytesOf(c.args[i])
	if err != nil {
		return "", err
	}
	if path.IsAbs(string(name)) {
		return string(name), nil
	}
	return path.Join(folder, string(name)), nil
}

func (d *Disk) name(c *call, in *node, names map[string]*node) {
	in.changes = append(in.changes, change{span: span{c.begin, c.end}, names: names})
	for name, n := range names {
		if n == nil {
			delete(in.names, name)
		} else {
			in.names[name] = n
		}
	}
}

func (d *Disk) opened(c *call) error {
	full, err := at(c, 0)
	if err != nil {
		return err
	}
	if path.Clean(full) == d.root {
		d.open[c.result] = &file{node: d.top}
		return nil
	}
	in, name := d.find(full)
	if in == nil {
		delete(d.open, c.result)
		return nil
	}
	flags := strings.Join(c.args, " ")
	n := in.names[name]
	if n == nil {
		if c.name != "creat" && !strings.Contains(flags, "O_CREAT") {
			return fmt.Errorf("%s is opened, and the model does not have it", full)
		}
		n = d.file()
		d.name(c, in, map[string]*node{name: n})
	}
	if (c.name == "creat" || strings.Contains(flags, "O_TRUNC")) && n.size > 0 {
		d.resize(c, n, 0)
	}
	d.open[c.result] = &file{node: n, append: strings.Contains(flags, "O_APPEND")}
	return nil
}

func (d *Disk) mkdir(c *call) error {
	full, err := at(c, 0)
	if err != nil {
		return err
	}
	if in, name := d.find(full); in != nil {
		d.name(c, in, map[string]*node{name: d.folder()})
	}
	return nil
}

func (d *Disk) rename(c *call) error {
	from, err := at(c, 0)
	if err != nil {
		return err
	}
	second := 1
	if strings.Contains(c.name, "at") {
		second = 2
	}
	to, err := at(c, second)
	if err != nil {
		return err
	}
	in, name := d.find(from)
	into, newName := d.find(to)
	if in == nil && into == nil {
		return nil
	}
	if in == nil || in.names[name] == nil || in != into {
		return fmt.Errorf("rename of %s to %s is not in the model: both must lie in one known folder", from, to)
	}
	d.name(c, in, map[string]*node{name: nil, newName: in.names[name]})
	return nil
}

func (d *Disk) remove(c *call) error {
	full, err := at(c, 0)
	if err != nil {
		return err
	}
	if in, name := d.find(full); in != nil {
		d.name(c, in, map[string]*node{name: nil})
	}
	return nil
}
