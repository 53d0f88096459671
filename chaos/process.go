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

// pack is a process group: all that the harness starts. Its leader kills the whole group as soon as its standard input ends, which the
// kernel sees to however the harness itself ends.
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

// close kills all that is left of the group.
func (p *pack) close() {
	_ = p.leash.Close()
	_ = p.leader.Wait()
}

// process is a program that is started again and again.
type process struct {
	pack *pack
	name string
	args []string
	env  []string
	log  *os.File

	mu      sync.Mutex
	cmd     *exec.Cmd     // guarded by mu; nil while it does not run
	gone    chan struct{} // closed when cmd has ended; guarded by mu
	stopped bool          // it must not run; guarded by mu
	deaths  []string      // ends that nobody asked for; guarded by mu
	asked   bool          // somebody asked for the end of cmd; guarded by mu
	starts  int           // guarded by mu
}

// run starts the program, and again after it has ended by itself, until hold.
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
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: p.pack.leader.Process.Pid}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	p.cmd, p.gone, p.asked = cmd, make(chan struct{}), false
	p.starts++
	go p.watch(cmd, p.gone)
	return nil
}

// watch is what every deployment has: something that starts again what has ended.
func (p *process) watch(cmd *exec.Cmd, gone chan struct{}) {
	start := time.Now()
	err := cmd.Wait()
	p.mu.Lock()
	p.cmd = nil
	close(gone)
	// With no Redis to be found a replica gives up soon after its start, and is started again.
	if gaveUp := cmd.ProcessState.ExitCode() == 1 && time.Since(start) < 12*time.Second; !p.asked && !gaveUp {
		p.deaths = append(p.deaths, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), p.name, err))
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

// signal sends a signal, if the program runs.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// end ends the program with a signal and waits for that; it is not started again before run. It returns how long it took, and
// false if SIGKILL had to follow.
func (p *process) end(s syscall.Signal, patience time.Duration) (time.Duration, bool) {
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
	t := time.NewTimer(patience)
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

// crashed lists the ends that nobody asked for.
func (p *process) crashed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.deaths...)
}

// begun counts how often it was started.
func (p *process) begun() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts
}

var ports atomic.Int32 // given out so far

// freeAddr is a loopback address that nobody uses, below the ports that the kernel gives to connections: it stays free while the program
// that will listen there is down.
func freeAddr() (string, error) {
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 18_000+(os.Getpid()*16+int(ports.Add(1)))%10_000)
		if l, err := net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", errors.New("no free port on 127.0.0.1")
}

// until repeats a question until its answer is yes.
func until(ctx context.Context, patience time.Duration, what string, yes func() error) error {
	end := time.Now().Add(patience)
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

// nap returns false if ctx ends first.
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
