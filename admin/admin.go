// Package admin serves the bot's operators: Prometheus metrics, the status page, profiles and dead letters.
//
// The program reports what happens through hooks (Turn, Call, Webhook, UserSeen), which are cheap enough for the hot path. The store is
// asked for the state of the lanes on request, and every few seconds for the plots. The package changes only dead letters, and only on an
// operator's request. It shows no visitor's words unless Options.Debug is set, and all that it remembers is bounded.
//
// The handler has no password. Serve it on an address that only operators can reach.
package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"giosgbot/queue"
)

// Queue is the store of the lanes. A queue.Queue is one.
type Queue interface {
	Ping(ctx context.Context) error
	Stats(ctx context.Context) (queue.Stats, error)
	Dead(ctx context.Context, limit int) ([]queue.Dead, error)
	Revive(ctx context.Context, id string) error
	Drop(ctx context.Context, id string) error
}

// Playbook describes the active playbook.
type Playbook struct {
	Name    string
	Version string
	Problem string   // why the current content of the file is not active; empty if it is
	Rules   []string // the rules that metrics may name; nil allows any rule, up to a limit
}

// Options configure an Admin. Only Queue is required.
type Options struct {
	Queue    Queue
	Store    string        // describes the store in a word or two
	Warning  func() string // what is wrong with the store's settings, as a sentence; empty or nil if nothing is
	Version  string        // of the program
	Playbook func() Playbook
	Users    func() []UserState // what this process knows of each bot user
	Debug    bool               // show visitors' words
	Log      *slog.Logger
	Now      func() time.Time // default time.Now

	CallKinds []string // the outcomes of API calls that Call may report; any other outcome is counted as "other"

	Refresh time.Duration // between two updates of an open page; default 2 s
	Sample  time.Duration // between two samples of the lanes for the plots; default 10 s
}

// Admin collects what the hooks report and shows it. The hooks are safe for concurrent use and do nothing on a nil *Admin.
type Admin struct {
	opts    Options
	started time.Time
	host    string

	metrics *metrics
	minutes *minutes
	recent  *recent
	held    *held
	users   *users
	store   *sampler

	stop    chan struct{} // closed when Serve ends, which ends the streams
	once    sync.Once     // closes stop
	streams atomic.Int64  // the number of open pages

	shown struct { // the last status that was served
		sync.Mutex
		at   time.Time
		json []byte
	}
}

// New returns an Admin with no history.
func New(o Options) *Admin {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Refresh <= 0 {
		o.Refresh = 2 * time.Second
	}
	if o.Sample <= 0 {
		o.Sample = 10 * time.Second
	}
	if o.Playbook == nil {
		o.Playbook = func() Playbook { return Playbook{} }
	}
	if o.Users == nil {
		o.Users = func() []UserState { return nil }
	}
	a := &Admin{
		opts: o, started: o.Now(), stop: make(chan struct{}),
		minutes: &minutes{}, recent: newRecent(o.Debug), held: newHeld(), users: newUsers(),
	}
	a.host, _ = os.Hostname()
	a.store = &sampler{queue: o.Queue, now: o.Now}
	a.metrics = newMetrics(o, gauges{a})
	return a
}

// Serve serves the Handler on l and samples the lanes for the plots until ctx is done.
func (a *Admin) Serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{
		Handler:           a.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(a.opts.Log.Handler(), slog.LevelDebug),
		// No WriteTimeout: streams and profiles take long. Streams set a deadline for each write.
	}
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work.Go(func() { a.sampling(ctx) })
	work.Go(func() {
		<-ctx.Done()
		a.once.Do(func() { close(a.stop) })
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if s.Shutdown(end) != nil {
			_ = s.Close() // do not wait for a running profile
		}
	})
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// sampling asks for the state of the lanes even if no page is open, so that the plots have no gaps.
func (a *Admin) sampling(ctx context.Context) {
	tick := time.NewTicker(a.opts.Sample)
	defer tick.Stop()
	for {
		a.lanes(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
