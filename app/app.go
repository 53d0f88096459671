// Package app wires the bot from its configuration and runs it. It is used by cmd/bot, by cmd/sandbox and by tests of the whole program.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"golang.org/x/sync/errgroup"

	"giosgbot/admin"
	"giosgbot/bot"
	"giosgbot/config"
	"giosgbot/giosg"
	"giosgbot/queue"
	"giosgbot/tracing"
)

// Options are what tests and the sandbox may change.
type Options struct {
	Log       *slog.Logger
	Version   string
	Transport http.RoundTripper // of the API client; nil: its own
	Explain   bool              // turns report the reasons of their plans, at some cost
	OnTurn    func(bot.Report)  // is told of every turn
	OnCall    func(giosg.Call)  // is told of every API call
}

// App is a bot that is ready to run.
type App struct {
	cfg      config.Config
	log      *slog.Logger
	store    *store
	giosg    *giosgSide
	bot      *bot.Bot
	book     *book
	listener net.Listener
	admin    *admin.Admin     // nil without ADMIN_ADDR; its hooks do nothing then
	operator net.Listener     // where admin is served; nil without
	traces   *tracing.Tracing // nil: off
}

// New opens the store and the listeners. What it returns must be Run.
func New(ctx context.Context, cfg config.Config, o Options) (_ *App, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.WebhookSecrets) == 0 {
		return nil, errors.New("WEBHOOK_SECRET is not set: anybody could talk to the bot. Make one with: openssl rand -hex 32")
	}
	a := &App{cfg: cfg, log: o.Log}
	if a.book, err = openBook(cfg.Playbook); err != nil {
		return nil, err
	}
	if a.traces, err = tracing.Start(ctx, o.Version, o.Log); err != nil {
		return nil, err
	}
	if a.store, err = openStore(ctx, cfg, o.Log); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.store.close())
		}
	}()
	secrets := make([]giosg.Secret, 0, len(cfg.WebhookSecrets))
	for _, s := range cfg.WebhookSecrets {
		secrets = append(secrets, giosg.Secret(s))
	}
	if a.giosg, err = openGiosg(cfg, o, a.store, secrets, a); err != nil {
		return nil, err
	}
	a.openAdmin(ctx, o)
	a.openBot(ctx, o)
	return a, a.listen()
}

func (a *App) openAdmin(ctx context.Context, o Options) {
	if a.cfg.AdminAddr == "" {
		return
	}
	a.admin = admin.New(admin.Options{
		Queue: a.store.queue, Store: a.store.kind, Warning: a.store.warning, Version: o.Version, Log: a.log,
		Users: a.giosg.users, CallKinds: callKinds(),
		Playbook: func() admin.Playbook {
			s := a.book.state()
			return admin.Playbook{Name: s.Name, Version: s.Version, Problem: s.Problem, Rules: s.Rules}
		},
		Debug: a.debugs(ctx),
	})
}

func (a *App) debugs(ctx context.Context) bool { return a.log.Enabled(ctx, slog.LevelDebug) }

func (a *App) openBot(ctx context.Context, o Options) {
	cfg := a.cfg
	a.bot = bot.New(bot.Options{
		Queue: a.store.queue, Handled: a.store.handled, Platform: a.giosg.platform, Playbook: a.book.get, Log: a.log,
		Workers: cfg.Workers, PerUser: 2 * cfg.APIConcurrency, Settle: cfg.Settle, GiveUp: cfg.GiveUpAfter, Forget: cfg.DedupeTTL, Grace: cfg.ShutdownGrace, MaxAge: cfg.CatchUpMaxAge,
		Explain: o.Explain || a.admin != nil && a.debugs(ctx), // reasons may quote what visitors write
		Trace:   a.traces.Turn,
		Observe: func(r bot.Report) {
			a.admin.Turn(r)
			if o.OnTurn != nil {
				o.OnTurn(r)
			}
		},
	})
}

// listen opens the port of the webhook endpoint and the operator's.
func (a *App) listen() (err error) {
	if a.listener, err = net.Listen("tcp", a.cfg.ListenAddr); err != nil {
		return fmt.Errorf("LISTEN_ADDR: %w", err)
	}
	if a.admin == nil {
		return nil
	}
	a.operator, err = net.Listen("tcp", a.cfg.AdminAddr)
	if err != nil && !a.cfg.AdminChosen {
		host, _, _ := net.SplitHostPort(a.cfg.AdminAddr)
		a.log.Warn("the admin port is taken, so a free one is used; ADMIN_ADDR chooses", "taken", a.cfg.AdminAddr)
		a.operator, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("ADMIN_ADDR: %w; empty switches it off", err), a.listener.Close())
	}
	return nil
}

// URL is the address of the webhook endpoint.
func (a *App) URL() string {
	host, port, _ := net.SplitHostPort(a.listener.Addr().String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// AdminURL is the address of the operator's side; empty without.
func (a *App) AdminURL() string {
	if a.operator == nil {
		return ""
	}
	base, _ := admin.BaseURL(a.operator.Addr().String())
	return base
}

// Stats counts what is in the lanes now.
func (a *App) Stats(ctx context.Context) (queue.Stats, error) { return a.store.queue.Stats(ctx) }

// Run serves until ctx ends, then stops in order: unready, door closed, running turns finished, lanes handed over, store closed.
func (a *App) Run(ctx context.Context) error {
	e := a.echo()
	turns, stopTurns := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTurns()
	g, failed := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := e.Start(""); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		defer a.giosg.close()
		return a.bot.Run(turns)
	})
	g.Go(func() error { return a.store.sweep(failed, a.log) })
	g.Go(func() error { return a.watch(failed) })
	if a.admin != nil {
		g.Go(func() error { return a.admin.Serve(failed, a.operator) })
	}
	a.announce()
	g.Go(func() error {
		<-failed.Done()
		a.log.Info("stopping")
		a.giosg.endpoint.Close()
		stopTurns()
		stop, cancel := context.WithTimeout(context.Background(), a.cfg.ShutdownGrace)
		defer cancel()
		if err := e.Shutdown(stop); err != nil {
			a.log.Warn("requests were canceled at the end of the grace", "err", err)
			return e.Close()
		}
		return nil
	})
	err := g.Wait()
	err = errors.Join(err, a.store.close())
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := a.traces.Close(last); err != nil {
		a.log.Warn("the last traces were not sent", "err", err)
	}
	a.log.Info("stopped")
	return err
}

func (a *App) echo() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Listener = a.listener
	e.IPExtractor = echo.ExtractIPDirect()
	e.Logger.SetOutput(discard{})
	e.Server.ReadHeaderTimeout = 5 * time.Second
	e.Server.ReadTimeout = 10 * time.Second
	e.Server.WriteTimeout = 15 * time.Second
	// Longer than load balancers keep a connection (most a minute, some ten): who closes it first must not be the bot, or a webhook that
	// is sent in the same moment is lost, since balancers do not repeat a POST.
	e.Server.IdleTimeout = 11 * time.Minute
	e.Server.ErrorLog = slog.NewLogLogger(a.log.Handler(), slog.LevelDebug)
	e.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{
		DisablePrintStack: true,
		LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
			a.log.Error("panic in a request", "path", c.Path(), "err", err, "stack", string(stack))
			return echo.ErrInternalServerError
		},
	}))
	if a.traces != nil {
		e.Pre(echo.WrapMiddleware(a.traces.Webhooks))
	}
	a.giosg.endpoint.Register(e)
	return e
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// announce says what the operator has to paste into giosg.
func (a *App) announce() {
	book := a.book.get()
	a.log.Info("serving", "address", a.URL(), "admin", a.AdminURL(), "store", a.store.kind, "playbook", book.Name(), "settings", a.cfg)
	base := a.cfg.PublicURL
	if base == "" {
		base = "https://YOUR-HOST"
	}
	for _, w := range Webhooks(book) {
		a.log.Info("webhook to set up in giosg, with additions only", "url", base+w.Path+"?secret=...", "channel", w.Channel)
	}
}
