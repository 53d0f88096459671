// Package admin is the operator's side of the bot: Prometheus metrics, the status page, profiles, and the events that were set aside.
//
// It is told what happens by hooks (Turn, Call, Webhook, Token, ...), which are cheap enough for the hot path, and looks at the lanes
// when somebody asks, and every few seconds for the plots. It changes nothing but set-aside events, and only when an operator says so;
// it shows no token, and no visitor's words unless Options.Debug is set. Everything it keeps is bounded.
//
// Its Handler belongs on an address of its own, for operators only: it knows no passwords.
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

	"giosgbot/giosg"
	"giosgbot/queue"
)

// Queue is what the operator's side needs of the lanes.
type Queue interface {
	Ping(ctx context.Context) error
	Stats(ctx context.Context) (queue.Stats, error)
	Dead(ctx context.Context, limit int) ([]queue.Dead, error)
	Revive(ctx context.Context, id string) error
	Drop(ctx context.Context, id string) error
}

// Playbook tells which playbook is in force.
type Playbook struct {
	Name    string
	Version string
	Problem string   // why the file as it is now is not in force; empty if it is
	Rules   []string // their names, which may be labels of metrics; nil: any may, up to the bound
}

// Options are what the operator's side works with. All but Queue may be left out.
type Options struct {
	Queue    Queue
	Store    string // where the lanes are kept, in a word or two
	Version  string // of the program
	Playbook func() Playbook
	Presence func() map[giosg.UserID]time.Time // until when each bot user needs no refresh
	Tokens   func() []giosg.Token              // those that are valid now
	Manners  func() []giosg.Limits            // how the calls for each bot user are held back
	Debug    bool                              // visitors' words are shown
	Log      *slog.Logger
	Now      func() time.Time // default time.Now

	Refresh time.Duration // how often the page is told what is new; default 2 s
	Sample  time.Duration // how often the lanes are counted for the plots; default 10 s
}

// Admin collects what happens and shows it. Its hooks are safe for concurrent use, and do nothing on a nil *Admin.
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

	stop    chan struct{} // closed when Serve ends: streams end with it
	once    sync.Once
	streams atomic.Int64 // pages that are open

	shown struct { // the status as it was shown last
		sync.Mutex
		at   time.Time
		json []byte
	}
}

// New returns an Admin that has seen nothing yet.
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
	if o.Presence == nil {
		o.Presence = func() map[giosg.UserID]time.Time { return nil }
	}
	if o.Tokens == nil {
		o.Tokens = func() []giosg.Token { return nil }
	}
	if o.Manners == nil {
		o.Manners = func() []giosg.Limits { return nil }
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

// Serve answers operators on l, and counts the lanes for the plots, until ctx ends.
func (a *Admin) Serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{
		Handler:           a.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(a.opts.Log.Handler(), slog.LevelDebug),
		// No WriteTimeout: streams and profiles last. Those who write in parts set a limit for each.
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
			_ = s.Close() // a profile that is being taken is not worth waiting for
		}
	})
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// sampling looks at the lanes also when nobody asks, so that the plots know of the night.
func (a *Admin) sampling(ctx context.Context) {
	tick := time.NewTicker(a.opts.Sample)
	defer tick.Stop()
	for {
		a.look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
