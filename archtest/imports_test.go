// Package archtest tests the promises that no single package can test: which package imports which, that each package has a comment, and
// that the README is right. It has tests only.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the module's folder, seen from the folder that tests of this package run in.
const root = ".."

const module = "giosgbot"

// mayImport is the import table: which packages of this module each package may import outside its tests. The imports have one direction,
// from the programs to app to the other packages, and these know as little of each other as they can.
var mayImport = map[string][]string{
	"chat":     nil,
	"config":   nil,
	"dedupe":   nil,
	"fleet":    nil,
	"giosg":    nil,
	"playbook": nil, // knows no platform
	"queue":    nil,
	"tracing":  nil,
	"webguard": nil,
	"replay":   {"chat", "playbook"},
	"bot":      {"chat", "dedupe", "playbook", "queue", "replay"}, // knows no platform
	"livechat": {"bot", "chat", "giosg", "playbook", "queue", "replay"},
	"presence": {"giosg"},
	"handlers": {"chat", "giosg", "livechat", "queue"},
	"admin":    {"bot", "chat", "playbook", "queue", "webguard"}, // knows no platform
	"app":      {"admin", "bot", "config", "dedupe", "fleet", "giosg", "handlers", "livechat", "playbook", "presence", "queue", "tracing"},
	"cmd/bot":  {"admin", "app", "config", "giosg", "handlers", "playbook", "queue"},

	// for trying out
	"playbooks":   nil,
	"sandbox":     {"app", "bot", "chat", "config", "giosg/giosgtest", "playbook", "playbooks", "webguard"},
	"cmd/sandbox": {"app", "config", "sandbox"},

	// for proving and measuring
	"chaos":     {"giosg", "giosg/giosgtest", "playbook", "redistest"},
	"cmd/chaos": {"chaos"},
	"cmd/bench": {"app", "config", "giosg"},

	// for tests
	"archtest":          nil,
	"e2e":               nil, // it has tests only
	"dedupe/dedupetest": {"dedupe"},
	"giosg/giosgtest":   nil, // so that a misspelt attribute cannot hide on both sides
	"queue/queuetest":   {"queue"},
	"redistest":         nil,
}

// mayUseTestPackages has the packages that use test packages outside their tests.
var mayUseTestPackages = map[string][]string{
	"sandbox": {"giosg/giosgtest"},
	"chaos":   {"giosg/giosgtest", "redistest"},
}

// usedOnlyBy has the packages that are no part of the bot. Each belongs to one program.
var usedOnlyBy = map[string]string{
	"chaos":   "cmd/chaos",
	"sandbox": "cmd/sandbox",
}

// refuses has other imports that a package must not have, with the reason.
var refuses = map[string]map[string]string{
	"playbook": {
		"os": "it reads no file", "net": "it uses no network", "net/http": "it uses no network", "context": "nothing in it waits",
		"log/slog": "it returns its reasons, it does not log them", "math/rand": "the same input gives the same plan", "math/rand/v2": "the same input gives the same plan",
	},
	"bot":      {"github.com/redis/go-redis/v9": "it stores nothing", "go.etcd.io/bbolt": "it stores nothing", "github.com/labstack/echo/v4": "the webhook endpoint is in handlers"},
	"replay":   {"context": "nothing in it waits", "log/slog": "it returns what it finds", "math/rand/v2": "the same record gives the same story"},
	"handlers": {"github.com/redis/go-redis/v9": "it keeps nothing", "go.etcd.io/bbolt": "it keeps nothing", "github.com/go-resty/resty/v2": "it calls no API"},
}

// goFile is a source file with its imports.
type goFile struct {
	name    string // from the root
	pkg     string // the package's folder, from the root
	test    bool
	doc     bool // has a package comment
	imports []string
}

// goFiles parses the imports of all Go files.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != root && (strings.HasPrefix(base, ".") || base == "testdata" || base == "vendor" || base == "bin" || base == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		files = append(files, goFile{
			name: rel, pkg: path.Dir(rel), test: strings.HasSuffix(name, "_test.go"),
			doc: hasText(f.Doc), imports: importsOf(f),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go files found")
	}
	return files
}

func hasText(doc *ast.CommentGroup) bool { return doc != nil && strings.TrimSpace(doc.Text()) != "" }

func importsOf(f *ast.File) []string {
	var out []string
	for _, i := range f.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// ours returns the folder of a package, if it belongs to this module.
func ours(importPath string) (string, bool) { return strings.CutPrefix(importPath, module+"/") }

// forTests reports whether a package exists for tests only.
func forTests(pkg string) bool { return strings.HasSuffix(pkg, "test") }

func TestImportsFollowTheTable(t *testing.T) {
	for _, f := range goFiles(t) {
		allowed, known := mayImport[f.pkg]
		if !known {
			t.Errorf("%s: the package %s is not in the import table; add it to mayImport with what it may import", f.name, f.pkg)
			continue
		}
		if f.test {
			continue
		}
		for _, p := range f.imports {
			if dep, ok := ours(p); ok && !slices.Contains(allowed, dep) {
				t.Errorf("%s imports %s, but %s may import only [%s] of ours: declare a small interface for what it needs", f.name, dep, f.pkg, strings.Join(allowed, " "))
			}
			if why, no := refuses[f.pkg][p]; no {
				t.Errorf("%s imports %s, which %s refuses: %s", f.name, p, f.pkg, why)
			}
		}
	}
}

func TestTableHasNoCycle(t *testing.T) {
	state := map[string]int{} // 1: on the way, 2: done
	var visit func(pkg string, trail []string)
	visit = func(pkg string, trail []string) {
		switch state[pkg] {
		case 1:
			t.Errorf("the import table has a cycle: %s", strings.Join(append(trail, pkg), " → "))
			return
		case 2:
			return
		}
		state[pkg] = 1
		for _, dep := range mayImport[pkg] {
			if _, known := mayImport[dep]; !known {
				t.Errorf("the import table lets %s import %s, which is not in it", pkg, dep)
			}
			visit(dep, append(trail, pkg))
		}
		state[pkg] = 2
	}
	for _, pkg := range slices.Sorted(maps.Keys(mayImport)) {
		visit(pkg, nil)
	}
}

// Test packages outside tests would end up in the program.
func TestTestPackagesStayInTests(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test || forTests(f.pkg) {
			continue
		}
		for _, p := range f.imports {
			if dep, ok := ours(p); ok && forTests(dep) && !slices.Contains(mayUseTestPackages[f.pkg], dep) {
				t.Errorf("%s imports %s, which is for tests only", f.name, dep)
			}
			if p == "testing" || strings.HasPrefix(p, "testing/") || p == "net/http/httptest" {
				t.Errorf("%s imports %s, which is for tests only", f.name, p)
			}
		}
	}
}

// The packages of one program are not used by others.
func TestPackagesOfOneProgram(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		for _, p := range f.imports {
			if dep, ok := ours(p); ok && usedOnlyBy[dep] != "" && usedOnlyBy[dep] != f.pkg {
				t.Errorf("%s imports %s, which is for %s and for tests only", f.name, dep, usedOnlyBy[dep])
			}
		}
	}
}

// The production program must not link test packages or packages of another program, even indirectly.
func TestBotDoesNotLinkTesting(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root, "cmd", "bot", "main.go")); err != nil {
		t.Fatal("there is no cmd/bot/main.go")
	}
	cmd := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./cmd/bot")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -deps ./cmd/bot: %v%s", err, stderrOf(err))
	}
	for line := range strings.Lines(string(out)) {
		by, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, p := range strings.Fields(imports) {
			dep, own := ours(p)
			if p == "testing" || strings.HasPrefix(p, "testing/") || p == "net/http/httptest" || own && (forTests(dep) || usedOnlyBy[dep] != "") {
				t.Errorf("cmd/bot links %s, because %s imports it", p, by)
			}
		}
	}
}

// What is free of platforms stays so, by whatever way. An own platform is added beside livechat.
func TestTheTurnKnowsNoPlatform(t *testing.T) {
	for _, pkg := range []string{"bot", "chat", "replay", "queue", "playbook", "dedupe", "fleet"} {
		cmd := exec.Command("go", "list", "-deps", "./"+pkg)
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list -deps ./%s: %v%s", pkg, err, stderrOf(err))
		}
		for line := range strings.Lines(string(out)) {
			if dep, own := ours(strings.TrimSpace(line)); own && (dep == "giosg" || dep == "livechat") {
				t.Errorf("%s depends on %s", pkg, dep)
			}
		}
	}
}

func stderrOf(err error) string {
	if e, ok := err.(*exec.ExitError); ok {
		return "\n" + string(e.Stderr)
	}
	return ""
}

// A vague name attracts everything.
func TestFolderNamesSaySomething(t *testing.T) {
	vague := []string{"internal", "pkg", "util", "utils", "common", "types", "helper", "helpers", "misc", "shared"}
	for _, f := range goFiles(t) {
		for part := range strings.SplitSeq(f.pkg, "/") {
			if slices.Contains(vague, part) {
				t.Errorf("%s: no folder is called %s here; name it for what is in it", f.name, part)
			}
		}
	}
}

func TestEveryPackageHasOneComment(t *testing.T) {
	docs := map[string][]string{}
	onlyTests := map[string]bool{}
	files := goFiles(t)
	for _, f := range files {
		if _, seen := onlyTests[f.pkg]; !seen {
			onlyTests[f.pkg] = true
		}
		if !f.test {
			onlyTests[f.pkg] = false
		}
	}
	for _, f := range files {
		if f.doc && (!f.test || onlyTests[f.pkg]) {
			docs[f.pkg] = append(docs[f.pkg], f.name)
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(onlyTests)) {
		switch in := docs[pkg]; len(in) {
		case 0:
			t.Errorf("%s has no package comment: say what it is for", pkg)
		case 1:
		default:
			t.Errorf("%s has %d package comments, in %s: keep one", pkg, len(in), strings.Join(in, ", "))
		}
	}
}
