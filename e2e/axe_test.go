package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// axe-core checks accessibility. It comes from npm, in this version and with this hash.
const (
	axeVersion = "4.14.1"
	axeSHA512  = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)

var loadAxe = sync.OnceValues(func() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "giosgbot-e2e")
	file := filepath.Join(dir, "axe-core-"+axeVersion+".tgz")
	if script, err := unpackAxe(file); err == nil {
		return script, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--pack-destination", dir, "axe-core@"+axeVersion)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm pack axe-core@%s: %w\n%s", axeVersion, err, out)
	}
	return unpackAxe(file)
})

// unpackAxe returns the script in the package, if the package has the expected hash.
func unpackAxe(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if sum := sha512.Sum512(b); base64.StdEncoding.EncodeToString(sum[:]) != axeSHA512 {
		return "", fmt.Errorf("%s is not the expected axe-core", file)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	files := tar.NewReader(z)
	for {
		h, err := files.Next()
		if err != nil {
			return "", errors.Join(errors.New("no axe.min.js in "+file), err)
		}
		if h.Name == "package/axe.min.js" {
			script, err := io.ReadAll(files)
			return string(script), err
		}
	}
}

// needAxe returns axe-core, or skips the test if it is not available.
func needAxe(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		missing(t, "npm, which downloads axe-core, is not installed", "On Debian: apt-get install -y npm")
	}
	script, err := loadAxe()
	if err != nil {
		missing(t, "axe-core is not available: "+err.Error(), "The first run needs the npm registry")
	}
	return script
}

type finding struct {
	ID     string
	Impact string
	Help   string
	Nodes  []struct {
		HTML           string
		FailureSummary string
	}
}

// accessible fails the test if axe finds a serious or critical problem on the page. It logs lesser problems.
func (p *page) accessible(axe, screen string) {
	p.t.Helper()
	if !get[bool](p, "'axe' in window") {
		p.must(chromedp.Do(p.ctx, chromedp.Evaluate[chromedp.Void](axe)))
	}
	for _, f := range get[[]finding](p, "(await axe.run(document, { resultTypes: ['violations'] })).violations") {
		var where strings.Builder
		for _, n := range f.Nodes {
			fmt.Fprintf(&where, "\n  %.300s\n    %s", n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n    "))
		}
		report := p.t.Logf
		if f.Impact == "serious" || f.Impact == "critical" {
			report = p.t.Errorf
		}
		report("%s: %s, %s: %s%s", screen, f.Impact, f.ID, f.Help, where.String())
	}
}
