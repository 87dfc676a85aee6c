package workflow

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

// The limits of a flow.
const (
	MaxDocument = 256 << 10 // bytes of YAML
	MaxStages   = 64
	MaxMoves    = 32 // out of one stage
	MaxGuards   = 8  // of one move
	MaxRule     = 1000
)

// document is a flow as it is written.
type document struct {
	Workflow string            `yaml:"workflow"`
	Version  int               `yaml:"version"`
	Label    map[string]string `yaml:"label"`
	Kinds    []string          `yaml:"kinds"`
	Auto     struct {
		Opened    string `yaml:"opened"`
		Assigned  string `yaml:"assigned"`
		Recovered string `yaml:"recovered"`
		Reopened  string `yaml:"reopened"`
	} `yaml:"auto"`
	Stages []struct {
		ID       string            `yaml:"id"`
		Category string            `yaml:"category"`
		Label    map[string]string `yaml:"label"`
		View     []string          `yaml:"view"`
		Edit     []string          `yaml:"edit"`
		Assign   []string          `yaml:"assign"`
		Take     []string          `yaml:"take"`
		Moves    []struct {
			To      string            `yaml:"to"`
			Label   map[string]string `yaml:"label"`
			Approve []string          `yaml:"approve"`
			Own     []string          `yaml:"own"`
			Require []string          `yaml:"require"`
			Guards  []struct {
				Rule      string            `yaml:"rule"`
				Otherwise map[string]string `yaml:"otherwise"`
			} `yaml:"guards"`
		} `yaml:"moves"`
	} `yaml:"stages"`
}

// Parse reads one flow. name is what the errors call the document. An error
// lists every mistake with its line and the stage it was found in.
func Parse(name string, source []byte) (*tickets.Flow, error) {
	if len(source) > MaxDocument {
		return nil, fmt.Errorf("%s: the workflow is %d bytes long; at most %d are read", name, len(source), MaxDocument)
	}
	file, doc, err := decode(source)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &check{name: name, file: file}
	flow := c.flow(doc)
	if err := c.err(); err != nil {
		return nil, err
	}
	return flow, nil
}

// decode reads the YAML. The decoder of goccy/go-yaml 1.19.2 panics on some
// documents that are not YAML, such as "kinds: !fault]"; that is an error like any other.
func decode(source []byte) (file *ast.File, doc *document, err error) {
	defer func() {
		if r := recover(); r != nil {
			file, doc, err = nil, nil, fmt.Errorf("this is not valid YAML (the decoder gave up: %v)", r)
		}
	}()
	if file, err = parser.ParseBytes(source, 0); err != nil {
		return nil, nil, errors.New(plain(err))
	}
	if len(file.Docs) != 1 {
		return nil, nil, fmt.Errorf("%d YAML documents; write one workflow in each file", len(file.Docs))
	}
	doc = new(document)
	if err := yaml.UnmarshalWithOptions(source, doc, yaml.Strict()); err != nil {
		return nil, nil, errors.New(plain(err))
	}
	return file, doc, nil
}

// plain is a YAML error on one line, with its position in front.
func plain(err error) string {
	first, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
	if position, rest, ok := strings.Cut(strings.TrimPrefix(first, "["), "] "); ok && first != "" && first[0] == '[' {
		line, column, _ := strings.Cut(position, ":")
		return fmt.Sprintf("line %s, column %s: %s", line, column, rest)
	}
	return first
}

// lineOf returns the line of a path, or of the nearest parent that is there.
func lineOf(file *ast.File, path string) int {
	for path != "" {
		if p, err := yaml.PathString(path); err == nil {
			if node, err := p.FilterFile(file); err == nil && node != nil {
				return node.GetToken().Position.Line
			}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 1
}

func (c *check) roles(path string, names []string) []access.Role {
	roles := make([]access.Role, 0, len(names))
	for i, n := range names {
		r, err := access.ParseRole(n)
		if err != nil {
			c.errorf(fmt.Sprintf("%s[%d]", path, i), "%v", err)
			continue
		}
		roles = append(roles, r)
	}
	return roles
}
