package main

import (
	"encoding/json"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/promql/parser"
)

// grafanaSchema is the version of the form of dashboards that Grafana 12.1 writes; newer ones bring older forms up to date.
const grafanaSchema = 41

// dashboardQuery is one expression of a panel.
type dashboardQuery struct{ panel, expr string }

// dashboardQueries returns the expressions of deploy/grafana/presage-dashboard.json, with the variables of Grafana filled in.
func dashboardQueries(t *testing.T) (queries []dashboardQuery) {
	t.Helper()
	fill := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*")
	for _, p := range dashboard(t).Panels {
		for _, target := range p.Targets {
			queries = append(queries, dashboardQuery{p.Title, fill.Replace(target.Expr)})
		}
	}
	return queries
}

// dashboardFile is the part of a dashboard that the tests look at.
type dashboardFile struct {
	UID           string
	SchemaVersion int
	Templating    struct {
		List []struct {
			Name    string
			Current struct{ Value string }
		}
	}
	Panels []struct {
		ID                       int
		Type, Title, Description string
		GridPos                  struct{ X, Y, W, H int }
		Datasource               struct{ Type, UID string }
		Targets                  []struct {
			Expr       string
			RefID      string
			Datasource struct{ UID string }
		}
	}
}

func dashboard(t *testing.T) dashboardFile {
	t.Helper()
	var d dashboardFile
	if err := json.Unmarshal([]byte(deployFile(t, "grafana", "presage-dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Panels have a place of their own, a name, an explanation, and the data source that is provisioned.
func TestDashboard(t *testing.T) {
	d := dashboard(t)
	if d.SchemaVersion != grafanaSchema || d.UID == "" {
		t.Errorf("the dashboard %q has the schema %d, want %d", d.UID, d.SchemaVersion, grafanaSchema)
	}
	if v := d.Templating.List[0]; v.Name != "datasource" || !strings.Contains(deployFile(t, "grafana", "presage.yaml"), "uid: "+v.Current.Value+"\n") {
		t.Errorf("the dashboard begins with the data source %q, which is not provisioned", v.Current.Value)
	}
	taken, ids, rows := map[[2]int]string{}, map[int]bool{}, 0
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("the panel %q has the id %d, which is taken, or no title", p.Title, p.ID)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("the panel %q lies outside of the 24 columns: %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("the panels %q and %q lie on each other", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			rows++
			continue
		}
		if p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("the panel %q lacks an explanation, a query or the chosen data source", p.Title)
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			if refs[target.RefID] || target.Datasource.UID != "${datasource}" {
				t.Errorf("a query of the panel %q has a name twice or another data source", p.Title)
			}
			refs[target.RefID] = true
		}
	}
	if rows < 8 {
		t.Errorf("%d rows", rows)
	}
	for _, q := range dashboardQueries(t) {
		metricsOf(t, q.expr)
	}
}

// metricsOf returns the metrics that an expression asks for.
func metricsOf(t *testing.T, text string) (names []string) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return nil
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if v, ok := node.(*parser.VectorSelector); ok {
			names = append(names, v.Name)
		}
		return nil
	})
	return names
}

// shown reports whether servers show a metric, or the histogram that it is a part of.
func shown(all map[string]*dto.MetricFamily, name string) bool {
	if all[name] != nil {
		return true
	}
	for _, part := range []string{"_bucket", "_count", "_sum"} {
		whole := strings.TrimSuffix(name, part)
		if whole != name && all[whole].GetType() == dto.MetricType_HISTOGRAM {
			return true
		}
	}
	return false
}
