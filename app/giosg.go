package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"giosgbot/config"
	"giosgbot/giosg"
	"giosgbot/handlers"
	"giosgbot/livechat"
	"giosgbot/playbook"
	"giosgbot/presence"
	"giosgbot/queue"
)

// giosgSide is all that serves giosg: its webhooks come in by the endpoint, and the platform acts in its chats.
type giosgSide struct {
	log      *slog.Logger
	queue    queue.Queue
	api      *giosg.Client
	tokens   *giosg.TokenStore
	presence *presence.Keeper
	platform *livechat.Platform
	sweeper  *livechat.Sweeper
	endpoint *handlers.Endpoint
	waking   sync.WaitGroup
}

func openGiosg(cfg config.Config, o Options, s *store, secrets []giosg.Secret, a *App) (*giosgSide, error) {
	g := &giosgSide{log: o.Log, queue: s.queue}
	var err error
	g.api, err = giosg.New(giosg.Config{
		BaseURL: cfg.BaseURL, Version: o.Version, Timeout: cfg.APITimeout, Concurrency: cfg.APIConcurrency,
		Transport: o.Transport, Wrap: a.traces.Calls,
		Observe: func(c giosg.Call) {
			a.admin.Call(c.Op, c.Kind.String(), callFailed(c.Kind), c.Duration)
			if o.OnCall != nil {
				o.OnCall(c)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("GIOSG_BASE_URL: %w", err)
	}
	if g.tokens, err = giosg.NewTokenStore(giosg.NewTokens(nil), s.redis, cfg.RedisPrefix, secrets); err != nil {
		return nil, err
	}
	var remote presence.Remote
	if s.redis != nil {
		remote = presence.Redis{Client: s.redis, Prefix: cfg.RedisPrefix}
	}
	g.presence = presence.New(cfg.PresenceTTL, remote)
	g.platform = livechat.New(livechat.Options{API: g.api, Tokens: g.tokens, Presence: g.presence, Write: cfg.APITimeout})
	g.sweeper = livechat.NewSweeper(livechat.SweeperOptions{
		API: g.api, Tokens: g.tokens, Playbook: a.book.get, Put: s.queue.Put, Fleet: s.fleet(cfg.RedisPrefix), Log: o.Log,
		Every: cfg.CatchUpEvery, Delay: cfg.CatchUpDelay, MaxAge: cfg.CatchUpMaxAge,
	})
	s.onLoss.Store(new(func() { g.sweeper.Lost(g.tokens.All()) }))
	g.endpoint = handlers.New(handlers.Options{
		Queue: s.queue, Tokens: g.tokens, Secrets: secrets, MaxBody: cfg.MaxBytes, Log: o.Log,
		Problem: func() string { return a.book.state().Problem },
		Observe: func(route, outcome string, took time.Duration) { a.admin.Webhook(route, outcome, took) },
		Trace:   a.traces.Carry,
		OnToken: func(t giosg.Token, first bool) {
			a.admin.UserSeen(string(t.User), string(t.Org))
			g.tokenCame(t, first)
		},
	})
	return g, nil
}

// tokenCame is called with each token that a webhook brings; first says that the bot user had no valid one.
func (g *giosgSide) tokenCame(t giosg.Token, first bool) {
	if first {
		g.waking.Go(func() { g.wake(t.User) })
	}
	g.sweeper.TokenCame(t, first)
}

// wake readies the lanes that wait for a token of this bot user.
func (g *giosgSide) wake(user giosg.UserID) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := g.queue.Wake(ctx, livechat.TokenTopic(user)); err != nil {
		g.log.Warn("lanes that wait for a token were not woken; they try again within a minute", "user", user, "err", err)
	}
}

// close ends what runs in the background.
func (g *giosgSide) close() {
	g.sweeper.Close()
	g.waking.Wait()
	g.api.CloseIdleConnections()
}

// Webhook is one that giosg must be told of.
type Webhook struct{ Path, Channel string }

// Webhooks lists the webhooks that a playbook needs.
func Webhooks(p *playbook.Playbook) []Webhook {
	var out []Webhook
	if p.Has(playbook.Agent) {
		out = append(out, Webhook{handlers.PendingChatsPath, "/api/v5/users/{user_id}/pending_chats"})
	}
	if p.Has(playbook.Greeter) {
		out = append(out, Webhook{handlers.RoutedChatsPath, "/api/v5/users/{user_id}/routed_chats"})
	}
	if p.Has(playbook.Agent) || p.Has(playbook.Greeter) {
		out = append(out, Webhook{handlers.MessagesPath, "/api/v5/users/{user_id}/chats/*/messages"})
	}
	if p.Has(playbook.Sidekick) {
		out = append(out, Webhook{handlers.MessagesPath, "/api/v5/users/{user_id}/routed_chats/*/messages"})
	}
	return out
}
