package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The subjects, in the order of the table's columns.
const (
	theFloor = iota
	embedded
	withRedis
	subjects
)

var subjectNames = [subjects]string{"floor", "embedded", "Redis"}

// subject is a program that is measured. It runs as a process of its own.
type subject struct {
	name  string
	argv  []string
	env   []string
	addr  string // host:port
	log   string // file
	store string // data file of the embedded bot
	cmd   *exec.Cmd
	ended chan struct{}
}

// start runs the program and returns the time until it was ready.
func (s *subject) start(ctx context.Context) (time.Duration, error) {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	s.cmd, s.ended = exec.Command(s.argv[0], s.argv[1:]...), make(chan struct{})
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.env, log, log
	start := time.Now()
	if err := s.cmd.Start(); err != nil {
		return 0, err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	for time.Since(start) < 30*time.Second {
		select {
		case <-s.ended:
			return 0, fmt.Errorf("%s ended before it was ready: %s", s.name, s.logTail())
		case <-ctx.Done():
			return 0, errors.Join(ctx.Err(), s.stop())
		default:
		}
		if s.ready() {
			return time.Since(start), nil
		}
		pause(500 * time.Microsecond)
	}
	return 0, errors.Join(fmt.Errorf("%s is not ready: %s", s.name, s.logTail()), s.stop())
}

func (s *subject) ready() bool {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := conn.Write([]byte("GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")); err != nil {
		return false
	}
	status, err := newPeer(conn).readResponse()
	return err == nil && status == http.StatusOK
}

// stop ends the program with SIGTERM, as a deployment does.
func (s *subject) stop() error {
	if s.cmd == nil || s.cmd.Process == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
		return nil
	case <-time.After(15 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return fmt.Errorf("%s did not stop", s.name)
	}
}

// logTail returns the end of the program's log.
func (s *subject) logTail() string {
	b, _ := os.ReadFile(s.log)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// stage is what all subjects share.
type stage struct {
	dir     string
	self    string // this program
	bot     string // the built bot
	api     string // the platform's address
	profile string // folder for profiles, or empty
}

// subject returns a subject that is not started. Only the bot with Redis needs redisURL. name is the prefix of its files.
func (st stage) subject(kind int, name, redisURL string) (*subject, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	s := &subject{name: name, addr: addr, log: filepath.Join(st.dir, name+".log"), store: filepath.Join(st.dir, name+".db")}
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(),
		"WEBHOOK_SECRET=" + secret, "GIOSG_BASE_URL=" + st.api, "LISTEN_ADDR=" + addr, "ADMIN_ADDR=127.0.0.1:0",
		"DATA_FILE=" + s.store, "REDIS_URL=" + redisURL, "REDIS_PREFIX=" + name, "CATCH_UP_EVERY=0",
	}
	switch {
	case kind == theFloor:
		s.argv = []string{st.self, "floor"}
	case st.profile != "":
		s.argv = []string{st.self, "profiled", filepath.Join(st.profile, name)}
	default:
		s.argv = []string{st.bot, "serve"}
	}
	return s, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// build builds the binary as a release does.
func build(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, "giosgbot/cmd/bot")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
