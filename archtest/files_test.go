package archtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sources lists the files that are, or would be, in version control.
func sources(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("NOT TESTED: the sources are not in a git repository (%v)", err)
	}
	var files []string
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		files = append(files, name)
	}
	return files
}

// The patterns are written in parts so that this file does not match them.
var mustNotAppear = []struct {
	what    string
	pattern *regexp.Regexp
}{
	{"a path of one machine", regexp.MustCompile(`(^|[\s"'=(:` + "`" + `])/(wo` + `rk|ro` + `ot|ho` + `me/\w+|Us` + `ers/\w+)/`)},
	{"a mark for later work", regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)},
	{"a mark of a merge conflict", regexp.MustCompile(`^(<{7}|>{7}) `)},
}

func TestNothingIsLeftOver(t *testing.T) {
	for _, name := range sources(t) {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) { // deleted, and not committed yet
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(b, 0) >= 0 {
			continue // not text
		}
		for i, line := range strings.Split(string(b), "\n") {
			for _, m := range mustNotAppear {
				if found := m.pattern.FindString(line); found != "" {
					t.Errorf("%s:%d has %s: %q", name, i+1, m.what, strings.TrimSpace(found))
				}
			}
		}
	}
}
