package sandbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"giosgbot/app"
	"giosgbot/bot"
	"giosgbot/config"
	"giosgbot/playbook"
)

// worker runs the bot like a process that can be killed and started again, with the same port and data file.
type worker struct {
	platform string // base URL
	dir      string
	log      *slog.Logger
	onTurn   func(bot.Report)
	onState  func(botState)

	mu      sync.Mutex
	secret  string
	address string // host:port; always that of the first start, since webhooks name it
	book    *playbook.Playbook
	app     *app.App
	stop    context.CancelFunc
	done    chan struct{}
}

// botState is the state of the bot, as the page gets it.
type botState struct {
	Running bool      `json:"running"`
	Since   time.Time `json:"since"`
	Starts  int       `json:"starts"`
	Error   string    `json:"error,omitempty"` // why it stopped by itself
}

// start starts the bot. It does nothing if the bot is running.
func (w *worker) start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.app != nil {
		return nil
	}
	if w.secret == "" {
		w.secret, w.address = rand.Text(), "127.0.0.1:0"
	}
	settings := map[string]string{
		"WEBHOOK_SECRET": w.secret,
		"LISTEN_ADDR":    w.address,
		"ADMIN_ADDR":     "",
		"GIOSG_BASE_URL": w.platform,
		"DATA_FILE":      filepath.Join(w.dir, "bot.db"),
		"WORKERS":        "16",
		"SHUTDOWN_GRACE": "1ms", // like a killed process, which finishes nothing
	}
	cfg, err := config.Load(func(name string) (string, bool) {
		v, ok := settings[name]
		return v, ok
	})
	if err != nil {
		return err
	}
	a, err := app.New(context.Background(), cfg, app.Options{Log: w.log, Version: "sandbox", Explain: true, OnTurn: w.onTurn})
	if err != nil {
		return fmt.Errorf("the bot does not start: %w", err)
	}
	if u, err := url.Parse(a.URL()); err == nil {
		w.address = u.Host
	}
	if w.book != nil {
		a.SetPlaybook(w.book)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.app, w.stop, w.done = a, cancel, done
	go w.run(ctx, a, done)
	w.onState(botState{Running: true, Since: time.Now()})
	return nil
}

func (w *worker) run(ctx context.Context, a *app.App, done chan struct{}) {
	defer close(done)
	err := a.Run(ctx)
	st := botState{Since: time.Now()}
	if ctx.Err() == nil && err != nil {
		st.Error = err.Error()
		w.log.Error("the bot stopped by itself", "err", err)
	}
	w.mu.Lock()
	w.app = nil
	w.mu.Unlock()
	w.onState(st)
}

// kill stops the bot at once: it finishes nothing, and cuts its calls. kill returns when the data file is free again.
func (w *worker) kill() {
	w.mu.Lock()
	if w.app == nil {
		w.mu.Unlock()
		return
	}
	stop, done := w.stop, w.done
	w.mu.Unlock()
	stop()
	<-done
}

func (w *worker) setPlaybook(p *playbook.Playbook) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.book = p
	if w.app != nil {
		w.app.SetPlaybook(p)
	}
}

// url returns the base URL of the webhook endpoint; empty before the first start.
func (w *worker) url() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.secret == "" {
		return ""
	}
	return "http://" + w.address
}

func (w *worker) key() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.secret
}
