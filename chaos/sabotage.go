//go:build unix

package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// mutation is a textual change of one source file of the bot.
type mutation struct {
	file     string // in the module
	old, new string // old must occur exactly once
}

// defect is a bug that is put into the bot on purpose, to see whether a run finds it.
type defect struct {
	name    string
	changes []mutation
	expect  string         // part of the finding that shows it; others may have other causes
	options func(*Options) // what a run needs to find it; may be nil
}

// Sabotages lists the names of the defects.
func Sabotages() (names []string) {
	for _, d := range defects {
		names = append(names, d.name)
	}
	return names
}

// Prepare changes options so that a run can find the defect that they name.
func Prepare(o *Options) error {
	d, err := defectOf(o.Sabotage)
	if err == nil && d.options != nil {
		d.options(o)
	}
	return err
}

// Shows reports whether a finding shows the defect of that name.
func Shows(name, finding string) bool {
	d, err := defectOf(name)
	return err == nil && strings.Contains(finding, d.expect)
}

func defectOf(name string) (*defect, error) {
	i := slices.IndexFunc(defects, func(d defect) bool { return d.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no sabotage %q; these are: %s", name, strings.Join(Sabotages(), ", "))
	}
	return &defects[i], nil
}

// sabotage writes the changed sources to dir and returns the file for `go build -overlay`.
func sabotage(ctx context.Context, name, dir string) (string, error) {
	d, err := defectOf(name)
	if err != nil {
		return "", err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	texts := map[string][]byte{}
	for _, m := range d.changes {
		path := filepath.Join(root, m.file)
		if texts[path] == nil {
			if texts[path], err = os.ReadFile(path); err != nil {
				return "", fmt.Errorf("sabotage %s: %w", name, err)
			}
		}
		if n := bytes.Count(texts[path], []byte(m.old)); n != 1 {
			return "", fmt.Errorf("sabotage %s: %s contains the text to change %d times: %q", name, m.file, n, m.old)
		}
		texts[path] = bytes.Replace(texts[path], []byte(m.old), []byte(m.new), 1)
	}
	for path, text := range texts {
		to := filepath.Join(dir, "sabotaged-"+strings.ReplaceAll(strings.TrimPrefix(path, root+"/"), "/", "-"))
		if err := os.WriteFile(to, text, 0o600); err != nil {
			return "", err
		}
		replace[path] = to
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
