// Package handlers serves giosg's webhooks and the health checks. It checks each webhook, puts its token and its event into their
// stores, and answers at once. It makes no API call and decides nothing about the chat. After a 2xx answer the event is in the queue, or
// the bot has no use for it.
package handlers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/livechat"
	"giosgbot/queue"
)

// The paths that an [Endpoint] serves.
const (
	RoutedChatsPath  = "/webhooks/routed_chats"
	PendingChatsPath = "/webhooks/pending_chats"
	MessagesPath     = "/webhooks/messages"
	HealthPath       = "/healthz"
	ReadyPath        = "/readyz"
)

// Queue is where the endpoint puts events.
type Queue interface {
	Put(ctx context.Context, it queue.Item) error
	Ping(ctx context.Context) error
}

// Tokens is where the endpoint puts the token of each webhook.
type Tokens interface {
	Put(ctx context.Context, t giosg.Token) (first bool)
}

// Options configure an [Endpoint].
type Options struct {
	Queue        Queue
	Tokens       Tokens
	Secrets      []giosg.Secret // a webhook must carry one of them
	MaxBody      int64          // bytes
	StoreTimeout time.Duration  // time limit for one operation on the store; 0 means 900 ms
	Log          *slog.Logger   // nil discards

	// The functions below may be nil.

	Problem func() string                                   // a problem that does not stop the bot, shown by /readyz; "" if there is none
	OnToken func(t giosg.Token, first bool)                 // called for each token; first: the bot user had no valid token before
	Trace   func(ctx context.Context) string                // the trace context to store with the event, so that its turn joins the trace
	Observe func(route, outcome string, took time.Duration) // called after each webhook; outcome: kept, ignored, refused, failed
}

// Endpoint serves HTTP requests. It is safe for concurrent use.
type Endpoint struct {
	Options
	hashes  [][sha256.Size]byte
	closing atomic.Bool
	unready atomic.Bool // the last /readyz found the store not ready
}

// New returns an endpoint.
func New(o Options) *Endpoint {
	if o.StoreTimeout <= 0 {
		o.StoreTimeout = 900 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Endpoint{Options: o}
	for _, s := range o.Secrets {
		h.hashes = append(h.hashes, sha256.Sum256([]byte(s.Reveal())))
	}
	return h
}

// Register adds the routes to e and sets its error handler, which writes every error as JSON.
func (h *Endpoint) Register(e *echo.Echo) {
	e.HTTPErrorHandler = h.fail
	e.GET(HealthPath, func(c echo.Context) error { return c.JSON(http.StatusOK, status{Status: "ok"}) })
	e.HEAD(HealthPath, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	e.GET(ReadyPath, h.ready)
	e.HEAD(ReadyPath, h.ready)
	e.POST(PendingChatsPath, h.webhook(giosg.PendingChats))
	e.POST(RoutedChatsPath, h.webhook(giosg.RoutedChats))
	e.POST(MessagesPath, h.webhook(giosg.ChatMessages, giosg.RoutedChatMessages))
}

// Close makes /readyz fail, so that a load balancer sends no more requests. Requests that still arrive are served.
func (h *Endpoint) Close() { h.closing.Store(true) }

type status struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

func (h *Endpoint) ready(c echo.Context) error {
	if h.closing.Load() {
		return c.JSON(http.StatusServiceUnavailable, status{"stopping", "the bot is shutting down"})
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), h.StoreTimeout)
	defer cancel()
	if err := h.Queue.Ping(ctx); err != nil {
		if h.unready.CompareAndSwap(false, true) {
			h.Log.Error("not ready", "err", err)
		}
		return c.JSON(http.StatusServiceUnavailable, status{"unavailable", "the store does not answer, or keeps nothing; the log says why"})
	}
	if h.unready.CompareAndSwap(true, false) {
		h.Log.Info("ready again")
	}
	s := status{Status: "ready"}
	if h.Problem != nil {
		s.Reason = h.Problem()
	}
	return c.JSON(http.StatusOK, s)
}

// webhook returns the handler of one path, which accepts webhooks of these channels only.
func (h *Endpoint) webhook(kinds ...giosg.ChannelKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		result, err := h.receive(c, kinds)
		if h.Observe != nil {
			outcome := result
			if err != nil {
				outcome = "refused"
				if e, ok := errors.AsType[*echo.HTTPError](err); !ok || e.Code >= 500 {
					outcome = "failed"
				}
			}
			h.Observe(c.Path(), outcome, time.Since(start))
		}
		if err != nil {
			return err
		}
		code := http.StatusOK
		if result == "kept" {
			code = http.StatusAccepted
		}
		return c.JSONBlob(code, []byte(`{"status":"`+result+`"}`))
	}
}

func (h *Endpoint) receive(c echo.Context, kinds []giosg.ChannelKind) (string, error) {
	received := time.Now()
	if err := h.authorize(c.Request()); err != nil {
		return "", err
	}
	var whole bytes.Buffer
	whole.Grow(int(min(max(c.Request().ContentLength, 0), h.MaxBody, 64<<10)) + bytes.MinRead)
	_, err := whole.ReadFrom(http.MaxBytesReader(c.Response(), c.Request().Body, h.MaxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return "", refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", h.MaxBody)
	}
	if err != nil {
		return "", refuse(http.StatusBadRequest, "the body could not be read to its end")
	}
	w, err := giosg.ParseWebhook(whole.Bytes())
	if err != nil {
		return "", refuse(http.StatusBadRequest, "not a webhook of giosg's: %v", err)
	}
	if err := checkKind(w.Channel, kinds); err != nil {
		return "", err
	}
	ev, ok, err := livechat.Event(w)
	if err != nil {
		return "", refuse(http.StatusBadRequest, "not a webhook of giosg's: %v", err)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), h.StoreTimeout)
	defer cancel()
	token := w.Token(received)
	first := h.Tokens.Put(ctx, token)
	if h.OnToken != nil {
		h.OnToken(token, first)
	}
	if !ok {
		return "ignored", nil
	}
	if h.Trace != nil {
		ev.Trace = h.Trace(ctx)
	}
	value, err := json.Marshal(ev)
	if err != nil {
		return "", err
	}
	it := queue.Item{Lane: ev.Lane(), ID: ev.ID, At: ev.At, Body: value, From: "webhook"}
	if !ev.Member && ev.Kind != chat.Pending && ev.Kind != chat.Routed {
		it.Via = "routed" // the copy on the channel of the bot's own chats says that the bot is a member, and must not count as a duplicate
	}
	if err := h.Queue.Put(ctx, it); err != nil {
		h.Log.Error("event not kept", "chat", ev.Chat, "event", ev.ID, "kind", ev.Kind, "err", err)
		c.Response().Header().Set(echo.HeaderRetryAfter, "1")
		return "", refuse(http.StatusServiceUnavailable, "the event cannot be kept now; send it again")
	}
	h.Log.Debug("event kept", "chat", ev.Chat, "event", ev.ID, "kind", ev.Kind, "org", ev.Org)
	return "kept", nil
}

// authorize checks the request's secret. The time that it takes does not depend on the valid secrets.
func (h *Endpoint) authorize(r *http.Request) error {
	given := r.Header.Get("X-Webhook-Secret")
	if given == "" {
		given = r.URL.Query().Get("secret")
	}
	if given == "" {
		return refuse(http.StatusUnauthorized, "the secret is missing: give it as ?secret=... in the webhook's URL, or as the header X-Webhook-Secret")
	}
	hash, match := sha256.Sum256([]byte(given)), 0
	for _, valid := range h.hashes {
		match |= subtle.ConstantTimeCompare(hash[:], valid[:])
	}
	if match != 1 {
		return refuse(http.StatusUnauthorized, "the secret is wrong: it must be one of those in WEBHOOK_SECRET")
	}
	return nil
}

// checkKind refuses a webhook that was posted to the wrong path. The error names the right one.
func checkKind(ch giosg.Channel, kinds []giosg.ChannelKind) error {
	if slices.Contains(kinds, ch.Kind) {
		return nil
	}
	path := MessagesPath
	switch ch.Kind {
	case giosg.PendingChats:
		path = PendingChatsPath
	case giosg.RoutedChats:
		path = RoutedChatsPath
	}
	return refuse(http.StatusBadRequest, "channel: webhooks of the channel .../%s go to %s", strings.ReplaceAll(ch.Kind.String(), "/", "/*/"), path)
}

func refuse(code int, format string, args ...any) error {
	return echo.NewHTTPError(code, fmt.Sprintf(format, args...))
}

// fail writes an error as JSON. It hides the cause of errors other than *echo.HTTPError.
func (h *Endpoint) fail(err error, c echo.Context) {
	code, text := http.StatusInternalServerError, "something went wrong here; send it again"
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		code = e.Code
		text = fmt.Sprint(e.Message)
		switch {
		case errors.Is(err, echo.ErrNotFound):
			text = "there is nothing here; webhooks go to " + PendingChatsPath + ", " + RoutedChatsPath + " and " + MessagesPath
		case errors.Is(err, echo.ErrMethodNotAllowed):
			text = "this method is not allowed here; webhooks come by POST"
			if p := c.Path(); p == HealthPath || p == ReadyPath {
				text = "this method is not allowed here; ask with GET"
			}
		}
	}
	switch {
	case code == http.StatusInternalServerError:
		h.Log.Error("request failed", "path", c.Path(), "err", err)
	case code != http.StatusServiceUnavailable:
		h.Log.Warn("request refused", "path", c.Path(), "status", code, "reason", text)
	}
	if c.Response().Committed {
		return
	}
	if c.Request().Method == http.MethodHead {
		_ = c.NoContent(code)
		return
	}
	_ = c.JSON(code, map[string]string{"error": text})
}
