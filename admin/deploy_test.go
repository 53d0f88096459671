package admin_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"giosgbot/admin"
	"giosgbot/giosg"
)

const deploy = "../deploy"

// exported has the labels of each metric that a bot exports, and the values of each label.
type exported map[string]map[string][]string

func exportedMetrics(t *testing.T) exported {
	t.Helper()
	s := start(t, func(o *admin.Options) {
		for k := giosg.OK; k <= giosg.Refused; k++ {
			o.CallKinds = append(o.CallKinds, k.String())
		}
	})
	s.Webhook("/webhooks/messages", "kept", time.Millisecond)
	s.Turn(report(event(1), "answered"))
	s.Call("send message", "ok", false, 0)
	out := exported{}
	label := regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
	for series := range s.scrape() {
		name, labels, _ := strings.Cut(series, "{")
		if out[name] == nil {
			out[name] = map[string][]string{}
		}
		for _, m := range label.FindAllStringSubmatch(labels, -1) {
			out[name][m[1]] = append(out[name][m[1]], m[2])
		}
	}
	return out
}

// Prometheus adds up, job and instance by itself.
var (
	added       = []string{"up"}
	addedLabels = []string{"job", "instance", "le"}
	bounded     = []string{"outcome", "fate", "kind", "result", "way", "state"} // labels whose values all exist from the start
)

var (
	metric   = regexp.MustCompile(`\b((?:giosgbot|process|go)_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"`)
	grouping = regexp.MustCompile(`\b(?:by|without)\s*\(([^)]*)\)`)
)

// check checks that the metrics, labels and values of an expression exist.
func (e exported) check(t *testing.T, where, expr string) {
	t.Helper()
	found := metric.FindAllStringSubmatch(expr, -1)
	if len(found) == 0 {
		t.Errorf("%s: no metric in %q", where, expr)
	}
	var labels []string
	for _, m := range found {
		known, ok := e[m[1]]
		if !ok && !slices.Contains(added, m[1]) {
			t.Errorf("%s: there is no metric %s", where, m[1])
			continue
		}
		for name := range known {
			labels = append(labels, name)
		}
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			if _, ok := known[l[1]]; !ok && !slices.Contains(addedLabels, l[1]) {
				t.Errorf("%s: %s has no label %s", where, m[1], l[1])
			}
			for v := range strings.SplitSeq(l[3], "|") {
				if slices.Contains(bounded, l[1]) && !slices.Contains(known[l[1]], v) {
					t.Errorf("%s: %s of %s is never %q", where, l[1], m[1], v)
				}
			}
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
		for name := range strings.SplitSeq(g[1], ",") {
			if name = strings.TrimSpace(name); !slices.Contains(labels, name) && !slices.Contains(addedLabels, name) {
				t.Errorf("%s: nothing in %q has a label %s", where, expr, name)
			}
		}
	}
}

func TestAlertsUseMetricsThatExist(t *testing.T) {
	t.Parallel()
	known := exportedMetrics(t)
	b, err := os.ReadFile(filepath.Join(deploy, "prometheus", "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			n++
			known.check(t, r.Alert, r.Expr)
			if s := r.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("%s: severity is %q", r.Alert, s)
			}
			for _, name := range []string{"summary", "action"} { // what is wrong, and what to do
				if text := r.Annotations[name]; len(text) < 20 || !strings.HasSuffix(text, ".") {
					t.Errorf("%s: %s is not a sentence: %q", r.Alert, name, text)
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d alerts were read", n)
	}
}

func TestDashboardUsesMetricsThatExist(t *testing.T) {
	t.Parallel()
	known := exportedMetrics(t)
	files, err := filepath.Glob(filepath.Join(deploy, "grafana", "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("there is no dashboard", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(b, &board); err != nil {
			t.Fatal(name, err)
		}
		n := 0
		for _, p := range board.Panels {
			for _, q := range p.Targets {
				n++
				known.check(t, p.Title, q.Expr)
			}
		}
		if n < 20 {
			t.Errorf("%s: only %d expressions were read", name, n)
		}
	}
}

// The other files are YAML, at least.
func TestDeployFilesAreYAML(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"prometheus/prometheus.yml", "kubernetes/bot.yaml",
		"grafana/provisioning/datasources/prometheus.yml", "grafana/provisioning/dashboards/dashboards.yml",
	} {
		b, err := os.ReadFile(filepath.Join(deploy, name))
		if err != nil {
			t.Error(err)
			continue
		}
		for part := range strings.SplitSeq("\n"+string(b), "\n---\n") {
			var v map[string]any
			if err := yaml.Unmarshal([]byte(part), &v); err != nil || len(v) == 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
