// Package expression finds a condition over several metrics of a device, written in the language of expr-lang.
//
// Metrics are variables by their names; those whose names are no identifiers are written m["name"]. All are numbers. The
// condition is judged once per moment, when all readings of one time were taken, on the newest value of each metric. While a metric
// was never read, or is older than a stated age, the condition cannot be judged and the verdict stays as it was, and so does a
// condition whose evaluation fails. A comparison with NaN is false. Costs about 0.5 us a moment and 60 bytes a device.
package expression

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Version of the method and its state.
const Version = 1

// maxSource bounds the text of a condition in bytes, maxMetrics the metrics in it.
const (
	maxSource  = 4096
	maxMetrics = 64
)

// Config sets a condition.
type Config struct {
	When   string
	For    time.Duration // how long it must hold; 0 is one moment
	MaxAge time.Duration // how much older than the newest reading a value may be
}

// Method makes detectors of one condition.
type Method struct {
	cfg     Config
	program *vm.Program
	metrics []string // in it, sorted
	members []bool   // metrics[i] is written m["..."]
}

// New compiles a condition. It fails when the text is no expression over numbers that yields true or false.
func New(cfg Config) (*Method, error) {
	if len(cfg.When) > maxSource {
		return nil, fmt.Errorf("the condition is %d bytes long, at most %d are allowed", len(cfg.When), maxSource)
	}
	tree, err := parser.Parse(cfg.When)
	if err != nil {
		return nil, fmt.Errorf("condition %q: %w", cfg.When, err)
	}
	v := &names{}
	ast.Walk(&tree.Node, v)
	if len(v.plain)+len(v.members) == 0 {
		return nil, fmt.Errorf("condition %q names no metric", cfg.When)
	}
	if len(v.plain)+len(v.members) > maxMetrics {
		return nil, fmt.Errorf("condition %q names more than %d metrics", cfg.When, maxMetrics)
	}
	env := map[string]any{"m": map[string]float64{}}
	for _, n := range v.plain {
		env[n] = 0.0
	}
	program, err := expr.Compile(cfg.When, expr.Env(env), expr.AsBool())
	if err != nil {
		return nil, fmt.Errorf("condition %q: %w", cfg.When, err)
	}
	m := &Method{cfg: cfg, program: program}
	for _, n := range v.plain {
		m.metrics, m.members = append(m.metrics, n), append(m.members, false)
	}
	for _, n := range v.members {
		m.metrics, m.members = append(m.metrics, n), append(m.members, true)
	}
	return m, nil
}

// names collects the metrics of an expression.
type names struct{ plain, members []string }

// Visit implements [ast.Visitor].
func (n *names) Visit(node *ast.Node) {
	switch x := (*node).(type) {
	case *ast.IdentifierNode:
		if x.Value != "m" && !slices.Contains(n.plain, x.Value) {
			n.plain = append(n.plain, x.Value)
		}
	case *ast.MemberNode:
		of, ok := x.Node.(*ast.IdentifierNode)
		key, isString := x.Property.(*ast.StringNode)
		if ok && of.Value == "m" && isString && !slices.Contains(n.members, key.Value) {
			n.members = append(n.members, key.Value)
		}
	}
}

// Name implements [detectors.Method].
func (*Method) Name() string { return "expression" }

// Version implements [detectors.Method].
func (*Method) Version() int { return Version }

// New implements [detectors.Method].
func (m *Method) New(string, detectors.MetricPlan) detectors.Detector { return &detector{method: m} }

type detector struct {
	method *Method
	true   bool
	faulty bool
	since  int64
	now    int64
	values []float64 // of the method's metrics, when last true
	env    map[string]any
	m      map[string]float64
}

var errUnknown = errors.New("a metric is missing or too old")

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	if in.Kind == detectors.MomentInput {
		if holds, err := d.evaluate(in); err == nil {
			d.take(holds, in.Time)
		}
	}
	if d.faulty {
		return detectors.Faulty
	}
	return detectors.Healthy
}

func (d *detector) take(holds bool, time int64) {
	if holds && !d.true {
		d.since = time
	}
	d.true, d.now = holds, time
	d.faulty = holds && time-d.since >= d.method.cfg.For.Milliseconds()
}

func (d *detector) evaluate(in *detectors.Input) (bool, error) {
	if d.env == nil {
		d.m = make(map[string]float64)
		d.env = map[string]any{"m": d.m}
	}
	values := make([]float64, len(d.method.metrics))
	for i, name := range d.method.metrics {
		v, at, ok := in.Latest(name)
		if !ok || in.Time-at > d.method.cfg.MaxAge.Milliseconds() {
			return false, errUnknown
		}
		values[i] = v
		if d.method.members[i] {
			d.m[name] = v
		} else {
			d.env[name] = v
		}
	}
	out, err := expr.Run(d.method.program, d.env)
	if err != nil {
		return false, err
	}
	holds, ok := out.(bool)
	if !ok {
		return false, errUnknown
	}
	if holds {
		d.values = values
	}
	return holds, nil
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence {
	e := detectors.Evidence{Onset: d.since, Reason: detectors.Reason{Key: detectors.ReasonExpression, Params: map[string]string{
		"expression": d.method.cfg.When, "seconds": strconv.FormatInt((d.now-d.since)/1000, 10),
	}}}
	for i, v := range d.values {
		e.Signals = append(e.Signals, detectors.Signal{Metric: d.method.metrics[i], Actual: v, Expected: v, Share: 1 / float64(len(d.values))})
	}
	return e
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte {
	dst = stat.AppendBool(stat.AppendBool(dst, d.true), d.faulty)
	dst = stat.AppendInt(stat.AppendInt(dst, d.since), d.now)
	dst = stat.AppendUint(dst, uint64(len(d.values)))
	return stat.AppendFloats(dst, d.values...)
}

// RestoreState implements [detectors.Detector].
func (d *detector) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	d.true, d.faulty, d.since, d.now = r.Bool(), r.Bool(), r.Int(), r.Int()
	n := r.Count(maxMetrics)
	if n != 0 && n != len(d.method.metrics) {
		r.Fail()
		return r.Err()
	}
	d.values = nil
	for range n {
		d.values = append(d.values, r.Float())
	}
	return r.Done()
}
