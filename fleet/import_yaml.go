package fleet

import (
	"errors"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxYAMLDepth bounds how deep the values of an import are nested.
const maxYAMLDepth = 10

// readYAML reads a mapping of the names of kinds to lists.
func (im *Importer) readYAML(name string, content []byte) {
	file, err := parser.ParseBytes(content, 0)
	if err != nil {
		line, message := 0, err.Error()
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			line, message = syntax.GetToken().Position.Line, syntax.GetMessage()
		}
		im.errs.add(name, line, "%s", message)
		return
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		v := im.yamlValue(name, doc.Body, 0)
		if v.record == nil {
			im.errs.add(name, v.line, "a fleet begins with the names of its lists: %s", strings.Join(Kinds(), ", "))
			continue
		}
		v.record.what = "fleet"
		for _, kind := range Kinds() {
			for _, r := range v.record.records(kind, strings.TrimSuffix(kind, "s")) {
				im.take(kind, r)
			}
		}
		v.record.done()
	}
}

// yamlValue makes a value of a node of YAML. Scalars keep the text that was written, so that the serial number 007 stays one.
func (im *Importer) yamlValue(name string, node ast.Node, depth int) value {
	v := value{line: node.GetToken().Position.Line}
	if depth > maxYAMLDepth {
		im.errs.add(name, v.line, "the values are nested deeper than %d", maxYAMLDepth)
		return v
	}
	if text, ok := split(node); ok {
		v.text = text
		return v
	}
	switch n := node.(type) {
	case *ast.MappingNode:
		v.record = im.yamlRecord(name, v.line, n.Values, depth)
	case *ast.MappingValueNode:
		v.record = im.yamlRecord(name, v.line, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		v.list = []value{}
		for _, item := range n.Values {
			v.list = append(v.list, im.yamlValue(name, item, depth+1))
		}
	case *ast.NullNode:
	case *ast.LiteralNode:
		v.text = n.Value.Value
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		im.errs.add(name, v.line, "anchors, aliases and tags are not read: write the value out")
	default:
		v.text = node.GetToken().Value
	}
	return v
}

// split puts a plain text together again that the parser takes apart at a colon
// without a space behind it, inside braces only: YAML 1.2.2 section 7.3.3 makes 08:00 one text.
func split(node ast.Node) (text string, ok bool) {
	var pair *ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		if len(n.Values) != 1 || n.IsFlowStyle {
			return "", false
		}
		pair = n.Values[0]
	case *ast.MappingValueNode:
		pair = n
	default:
		return "", false
	}
	colon, behind := pair.GetToken().Position, pair.Value.GetToken()
	if behind.Position.Line != colon.Line || behind.Position.Column != colon.Column+1 {
		return "", false
	}
	switch pair.Value.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode:
		return pair.Key.GetToken().Value + ":" + behind.Value, true
	}
	return "", false
}

func (im *Importer) yamlRecord(name string, line int, pairs []*ast.MappingValueNode, depth int) *record {
	r := &record{file: name, line: line, errs: &im.errs}
	for _, pair := range pairs {
		key := pair.Key.GetToken()
		if len(r.fields) == 0 {
			r.line = key.Position.Line
		}
		f := field{name: key.Value, value: im.yamlValue(name, pair.Value, depth+1)}
		f.line = key.Position.Line
		if slices.ContainsFunc(r.fields, func(other field) bool { return other.name == f.name }) {
			im.errs.add(name, f.line, "the field %q is given twice", f.name)
			continue
		}
		r.fields = append(r.fields, f)
	}
	return r
}
