//go:build unix

package chaos

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"giosgbot/giosg/giosgtest"
)

// oddShare is the share of the storm in which the API gives odd answers. A bot may retry them over minutes, so they must end early.
const oddShare = 0.7

func (w *world) tooLateForOdd() bool {
	return time.Since(w.begun) > time.Duration(float64(w.For)*oddShare)
}

// joins reports whether a call takes a chat or joins it. Who gets 404 for that must believe that another user was faster: giosg answers the
// same then. Without sweeps nothing would ever tell the bot otherwise.
func joins(c giosgtest.Call) bool {
	return c.Method != http.MethodGet && (strings.Contains(c.Pattern, "/pending_chats") || strings.Contains(c.Pattern, "/memberships"))
}

var statuses = [...]int{http.StatusBadRequest, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity}

// oddAnswer makes one call fail in a way that nothing explains.
func (w *world) oddAnswer(ctx context.Context, d *dice) {
	if w.tooLateForOdd() {
		return
	}
	kinds := []struct {
		name  string
		match func(giosgtest.Call) bool
	}{
		{"a message", func(c giosgtest.Call) bool {
			return c.Method == http.MethodPost && strings.HasSuffix(c.Path, "/messages")
		}},
		{"a read", func(c giosgtest.Call) bool {
			return c.Method == http.MethodGet && strings.HasSuffix(c.Path, "/messages")
		}},
		{"presence", func(c giosgtest.Call) bool { return strings.Contains(c.Path, "/clients") }},
		{"a call", func(c giosgtest.Call) bool { return w.Sweeps || !joins(c) }},
	}
	kind, status, after := kinds[d.n(len(kinds))], statuses[d.n(len(statuses))], d.chance(0.5)
	times := int32(1 + d.n(2))
	var left atomic.Int32
	left.Store(times)
	w.note(oddAnswer, "%d %s answered %d, after effect: %t", times, kind.name, status, after)
	mend := w.apiFaults.set(apiFault{name: oddAnswer, rate: 1, match: kind.match, left: &left, fault: giosgtest.Fault{Status: status, After: after}})
	defer mend()
	for end := time.Now().Add(4 * time.Second); left.Load() > 0 && time.Now().Before(end); {
		if !nap(ctx, 20*time.Millisecond) {
			return
		}
	}
}

// oddAnswers makes all calls of an organization fail for seconds.
func (w *world) oddAnswers(ctx context.Context, d *dice) {
	if w.tooLateForOdd() {
		return
	}
	o, status, after := w.orgs[d.n(len(w.orgs))], statuses[d.n(len(statuses))], d.chance(0.3)
	if !w.Sweeps && status == http.StatusNotFound { // says that the chat is not the bot's, and nothing would tell it otherwise
		status = http.StatusConflict
	}
	long := d.between(shortest, longest)
	w.note(oddAnswers, "all of %s answered %d for %.1f s, after effect: %t", o.Name, status, long.Seconds(), after)
	mend := w.apiFaults.set(apiFault{name: oddAnswers, rate: 1, fault: giosgtest.Fault{Status: status, After: after}, match: func(c giosgtest.Call) bool {
		return c.TokenUser == o.bot.ID && (w.Sweeps || !joins(c))
	}})
	nap(ctx, long)
	mend()
}

// changePlaybook writes the next edition of the playbook: in place, as an editor does, or by a rename, as a deployment does. At times the
// file is broken first.
func (w *world) changePlaybook(ctx context.Context, d *dice) {
	mend := w.busy(ctx, d)
	defer mend()
	w.mu.Lock()
	n := w.edition.n + 1
	w.mu.Unlock()
	text := []byte(book(w.orgs, n))
	w.note(newPlaybook, "edition %d", n)
	if d.chance(0.3) {
		_ = os.WriteFile(w.playbook, text[:len(text)/3], 0o600)
		nap(ctx, d.between(10*time.Millisecond, time.Second))
	}
	var err error
	if d.chance(0.5) {
		err = os.WriteFile(w.playbook, text, 0o600)
	} else if err = os.WriteFile(w.playbook+".new", text, 0o600); err == nil {
		err = os.Rename(w.playbook+".new", w.playbook)
	}
	if err != nil {
		w.note("the playbook was not written", "%v", err)
		return
	}
	w.mu.Lock()
	w.edition = edition{n, time.Now()}
	w.editions = append(w.editions, w.edition)
	w.mu.Unlock()
	nap(ctx, 500*time.Millisecond)
}

// neighbour writes a file beside the playbook all the time, as a store in the same folder does.
func (w *world) neighbour(ctx context.Context) {
	for nap(ctx, 20*time.Millisecond) {
		_ = os.WriteFile(filepath.Join(filepath.Dir(w.playbook), "neighbour"), []byte(time.Now().String()), 0o600)
	}
}

// slowDisk delays each sync of the process. No file system here can be made slow, so strace holds up the system call.
func (w *world) slowDisk(ctx context.Context, d *dice) {
	r := w.pick(d)
	pid := r.pid()
	path, err := exec.LookPath("strace")
	if err != nil || pid == 0 {
		return
	}
	each, long := d.between(200*time.Millisecond, 2500*time.Millisecond), d.between(2*time.Second, 5*time.Second)
	w.note(diskSlow, "%.1f s a sync, for %.1f s", each.Seconds(), long.Seconds())
	cmd := exec.Command(path, "-f", "-qq", "-o", os.DevNull, "-e", "trace=fsync,fdatasync",
		"-e", "inject=fsync,fdatasync:delay_enter="+strconv.FormatInt(each.Microseconds(), 10), "-p", strconv.Itoa(pid))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: r.pack.leader.Process.Pid}
	if cmd.Start() != nil {
		return
	}
	nap(ctx, long)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
}
