package main_test

import (
	"bytes"
	"context"
	"encoding/json"
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
)

// The binary under test, built as the Makefile and the Dockerfile build it, and its version.
var binary string

const version = "v9.8.7-test"

func TestMain(m *testing.M) { os.Exit(build(m)) }

// build makes the binary once for all tests, and runs them.
func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "bot")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "bot")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "grpcnotrace", "-ldflags", "-s -w -X main.version="+version, "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as a release is built
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the bot: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// stream collects what a process writes.
type stream struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{} // closed and replaced by every write
}

func newStream() *stream { return &stream{changed: make(chan struct{})} }

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.b.Write(p)
}

func (s *stream) read() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String(), s.changed
}

func (s *stream) String() string { text, _ := s.read(); return text }

// process is a running bot.
type process struct {
	*testing.T
	ctx      context.Context
	cmd      *exec.Cmd
	out, err *stream
	ended    chan struct{} // closed when the process has ended
}

// run starts the binary with this environment only.
func run(t *testing.T, env map[string]string, args ...string) *process {
	t.Helper()
	return runWith(t, env, nil, args...)
}

// runWith is like run, with standard input.
func runWith(t *testing.T, env map[string]string, in io.Reader, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	p := &process{T: t, ctx: ctx, cmd: exec.Command(binary, args...), out: newStream(), err: newStream(), ended: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = []string{"HOME=" + p.cmd.Dir}
	for k, v := range env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, p.out, p.err
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		cancel()
		if t.Failed() {
			t.Logf("stdout of %v:\n%s\nstderr:\n%s", args, p.out, p.err)
		}
	})
	return p
}

// wait returns the exit code; the process must end within d.
func (p *process) wait(d time.Duration) int {
	p.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(d):
		p.Fatalf("it has not ended within %v", d)
	}
	return -1
}

// await waits for a line on stderr that contains all words.
func (p *process) await(words ...string) string {
	p.Helper()
	for {
		text, changed := p.err.read()
		for line := range strings.Lines(text) {
			if strings.HasSuffix(line, "\n") && containsAll(line, words) {
				return line
			}
		}
		select {
		case <-changed:
		case <-p.ended:
			if now, _ := p.err.read(); now == text {
				p.Fatalf("it ended without a line with %q", words)
			}
		case <-p.ctx.Done():
			p.Fatalf("no line with %q", words)
		}
	}
}

func containsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

// url returns the URL that a serving bot has logged.
func (p *process) url() string {
	p.Helper()
	var line struct{ Address string }
	if err := json.Unmarshal([]byte(p.await(`"msg":"serving"`)), &line); err != nil || line.Address == "" {
		p.Fatalf("no address: %v", err)
	}
	return line.Address
}

// fails runs the binary to its end, and checks its exit code and the text on stderr, which must not look like a crash.
func fails(t *testing.T, code int, env map[string]string, args []string, say ...string) string {
	t.Helper()
	p := run(t, env, args...)
	if got := p.wait(20 * time.Second); got != code {
		t.Errorf("exit %d, want %d", got, code)
	}
	said := p.err.String()
	for _, s := range say {
		if !strings.Contains(said, s) {
			t.Errorf("it does not say %q:\n%s", s, said)
		}
	}
	for _, s := range []string{"goroutine ", "panic", ".go:", "0x", secret, password, "%!"} {
		if strings.Contains(said+p.out.String(), s) {
			t.Errorf("it says %q:\n%s", s, said)
		}
	}
	if !strings.HasPrefix(said, "bot: ") {
		t.Errorf("it does not begin with its name:\n%s", said)
	}
	return said
}

// succeeds runs the binary to its end, which must be a success, and returns its output.
func succeeds(t *testing.T, env map[string]string, args ...string) string {
	t.Helper()
	p := run(t, env, args...)
	if code := p.wait(20 * time.Second); code != 0 {
		t.Fatalf("exit %d: %s", code, p.err)
	}
	if s := p.err.String(); s != "" {
		t.Errorf("stderr: %s", s)
	}
	return p.out.String()
}

// file writes a file in a temporary folder, and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, os.ErrNotExist)
}
