//go:build unix

package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// pack is the process group of everything that the harness starts. Its leader kills the whole group when its standard input ends. The
// kernel ends that input, however the harness itself ends.
type pack struct {
	leader *exec.Cmd
	leash  io.Closer
}

func newPack() (*pack, error) {
	cmd := exec.Command("sh", "-c", `trap "" INT TERM HUP; read -r _; kill -9 0`)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the leader of the processes: %w", err)
	}
	return &pack{leader: cmd, leash: in}, nil
}

// close kills the rest of the group.
func (p *pack) close() {
	_ = p.leash.Close()
	_ = p.leader.Wait()
}

// process is a program that is restarted whenever it ends.
type process struct {
	pack *pack
	name string
	args []string // guarded by mu
	env  []string
	log  *os.File

	mu      sync.Mutex
	cmd     *exec.Cmd     // guarded by mu; nil while it does not run
	gone    chan struct{} // closed when cmd has ended; guarded by mu
	stopped bool          // do not start it again; guarded by mu
	crashes []string      // ends that the harness did not cause; guarded by mu
	asked   bool          // the harness ends cmd; guarded by mu
	starts  int           // guarded by mu
	first   string        // the binary before any swap; guarded by mu
}

// run starts the program, and restarts it when it ends by itself, until end is called.
func (p *process) run() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = false
	return p.startLocked()
}

func (p *process) startLocked() error {
	if p.cmd != nil || p.stopped {
		return nil
	}
	cmd := exec.Command(p.args[0], p.args[1:]...)
	// Through a pipe, so that a limit on the size of the process's files does not hit its log.
	log := struct{ io.Writer }{p.log}
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p.env, log, log, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: p.pack.leader.Process.Pid}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	p.cmd, p.gone, p.asked = cmd, make(chan struct{}), false
	p.starts++
	go p.watch(cmd, p.gone)
	return nil
}

// watch restarts the program when it ends, as every deployment does.
func (p *process) watch(cmd *exec.Cmd, gone chan struct{}) {
	start := time.Now()
	err := cmd.Wait()
	p.mu.Lock()
	p.cmd = nil
	close(gone)
	// A replica that finds no store gives up soon after its start. That is no crash.
	if gaveUp := cmd.ProcessState.ExitCode() == 1 && time.Since(start) < 12*time.Second; !p.asked && !gaveUp {
		p.crashes = append(p.crashes, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), p.name, err))
	}
	again := !p.stopped && !p.asked
	p.mu.Unlock()
	if !again {
		return
	}
	time.Sleep(300 * time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.startLocked()
}

// pid returns the program's process id, or 0 while it does not run.
func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// swap makes the next start run the other of two binaries, and returns it.
func (p *process) swap(other string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == "" {
		p.first = p.args[0]
	}
	to := other
	if p.args[0] == other {
		to = p.first
	}
	p.args = append([]string{to}, p.args[1:]...)
	return to
}

// signal sends a signal if the program runs.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// end sends a signal and waits until the program has ended. It stays down until run is called. end returns how long that took, and false
// if it had to send SIGKILL.
func (p *process) end(s syscall.Signal, limit time.Duration) (time.Duration, bool) {
	p.mu.Lock()
	p.stopped, p.asked = true, true
	cmd, gone := p.cmd, p.gone
	if cmd != nil {
		_ = cmd.Process.Signal(s)
	}
	p.mu.Unlock()
	if cmd == nil {
		return 0, true
	}
	start := time.Now()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-gone:
		return time.Since(start), true
	case <-t.C:
		_ = cmd.Process.Kill()
		<-gone
		return time.Since(start), false
	}
}

// crashed lists the ends that the harness did not cause.
func (p *process) crashed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.crashes...)
}

// begun returns how often the program was started.
func (p *process) begun() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts
}

var ports atomic.Int32 // used so far

// freeAddr returns an unused loopback address. Its port is below those that the kernel gives to connections, so it stays free while the
// program that will listen there is down.
func freeAddr() (string, error) {
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 18_000+(os.Getpid()*16+int(ports.Add(1)))%10_000)
		if l, err := net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("no free port on 127.0.0.1")
}

// until calls yes until it returns nil.
func until(ctx context.Context, limit time.Duration, what string, yes func() error) error {
	end := time.Now().Add(limit)
	for {
		err := yes()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: %w", what, err)
		}
		if !nap(ctx, 20*time.Millisecond) {
			return errors.Join(ctx.Err(), err)
		}
	}
}

// nap sleeps. It returns false if ctx ends first.
func nap(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
