// Package handlers is the door: it takes giosg's webhooks, checks them, keeps the token and the event, and answers at once. It calls no
// giosg API and decides nothing; what it has answered with 2xx is kept by the queue, or can matter to nobody.
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

// The paths of the door.
const (
	RoutedChatsPath  = "/webhooks/routed_chats"
	PendingChatsPath = "/webhooks/pending_chats"
	MessagesPath     = "/webhooks/messages"
	HealthPath       = "/healthz"
	ReadyPath        = "/readyz"
)

// Queue is what the door needs of the lanes.
type Queue interface {
	Put(ctx context.Context, it queue.Item) error
	Ping(ctx context.Context) error
}

// Tokens is where the door leaves the token of each webhook.
type Tokens interface {
	Put(ctx context.Context, t giosg.Token) (first bool)
}

// Options are what the door works with.
type Options struct {
	Queue    Queue
	Tokens   Tokens
	Secrets  []giosg.Secret // any of them opens the door
	MaxBody  int64          // bytes
	Patience time.Duration  // how long the store may take to keep an event, or to be ready; default 900 ms
	Log      *slog.Logger

	Problem func() string                                   // what is wrong though the bot works on; shown by /readyz; may be nil
	OnToken func(t giosg.Token, first bool)                 // is told of each token; first: the bot user had none; may be nil
	Trace   func(ctx context.Context) string                // returns what joins an event's turn to the trace of its webhook; may be nil
	Observe func(route, outcome string, took time.Duration) // outcome: kept, ignored, refused, failed; may be nil
}

// Door answers HTTP requests.
type Door struct {
	Options
	hashes  [][sha256.Size]byte
	closing atomic.Bool
	unready atomic.Bool // the store was not well when /readyz was asked last
}

// New returns a door.
func New(o Options) *Door {
	if o.Patience <= 0 {
		o.Patience = 900 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Door{Options: o}
	for _, s := range o.Secrets {
		d.hashes = append(d.hashes, sha256.Sum256([]byte(s.Reveal())))
	}
	return d
}

// Register adds the door's routes, and makes every error a JSON body.
func (d *Door) Register(e *echo.Echo) {
	e.HTTPErrorHandler = d.fail
	e.GET(HealthPath, func(c echo.Context) error { return c.JSON(http.StatusOK, status{Status: "ok"}) })
	e.HEAD(HealthPath, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	e.GET(ReadyPath, d.ready)
	e.HEAD(ReadyPath, d.ready)
	e.POST(PendingChatsPath, d.webhook(giosg.PendingChats))
	e.POST(RoutedChatsPath, d.webhook(giosg.RoutedChats))
	e.POST(MessagesPath, d.webhook(giosg.ChatMessages, giosg.RoutedChatMessages))
}

// Close makes the door unready, so that a load balancer looks elsewhere; what still comes is served.
func (d *Door) Close() { d.closing.Store(true) }

type status struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

func (d *Door) ready(c echo.Context) error {
	if d.closing.Load() {
		return c.JSON(http.StatusServiceUnavailable, status{"stopping", "the bot is shutting down"})
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.Patience)
	defer cancel()
	if err := d.Queue.Ping(ctx); err != nil {
		if d.unready.CompareAndSwap(false, true) {
			d.Log.Error("not ready", "err", err)
		}
		return c.JSON(http.StatusServiceUnavailable, status{"unavailable", "the store does not answer, or keeps nothing; the log says why"})
	}
	if d.unready.CompareAndSwap(true, false) {
		d.Log.Info("ready again")
	}
	s := status{Status: "ready"}
	if d.Problem != nil {
		s.Reason = d.Problem()
	}
	return c.JSON(http.StatusOK, s)
}

// webhook serves one URL, to which giosg posts from channels of these kinds.
func (d *Door) webhook(kinds ...giosg.ChannelKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		result, err := d.receive(c, kinds)
		if d.Observe != nil {
			outcome := result
			if err != nil {
				outcome = "refused"
				if e, ok := errors.AsType[*echo.HTTPError](err); !ok || e.Code >= 500 {
					outcome = "failed"
				}
			}
			d.Observe(c.Path(), outcome, time.Since(start))
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

func (d *Door) receive(c echo.Context, kinds []giosg.ChannelKind) (string, error) {
	received := time.Now()
	if err := d.authorize(c.Request()); err != nil {
		return "", err
	}
	var whole bytes.Buffer
	whole.Grow(int(min(max(c.Request().ContentLength, 0), d.MaxBody, 64<<10)) + bytes.MinRead)
	_, err := whole.ReadFrom(http.MaxBytesReader(c.Response(), c.Request().Body, d.MaxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return "", refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", d.MaxBody)
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
	ctx, cancel := context.WithTimeout(c.Request().Context(), d.Patience)
	defer cancel()
	token := w.Token(received)
	first := d.Tokens.Put(ctx, token)
	if d.OnToken != nil {
		d.OnToken(token, first)
	}
	if !ok {
		return "ignored", nil
	}
	if d.Trace != nil {
		ev.Trace = d.Trace(ctx)
	}
	value, err := json.Marshal(ev)
	if err != nil {
		return "", err
	}
	it := queue.Item{Lane: ev.Lane(), ID: ev.ID, At: ev.At, Body: value, From: "webhook"}
	if !ev.Member && ev.Kind != chat.Pending && ev.Kind != chat.Routed {
		it.Via = "routed" // the copy that comes by the channel of the bot's own chats says more, and has a turn of its own
	}
	if err := d.Queue.Put(ctx, it); err != nil {
		d.Log.Error("event not kept", "chat", ev.Chat, "event", ev.ID, "kind", ev.Kind, "err", err)
		c.Response().Header().Set(echo.HeaderRetryAfter, "1")
		return "", refuse(http.StatusServiceUnavailable, "the event cannot be kept now; send it again")
	}
	d.Log.Debug("event kept", "chat", ev.Chat, "event", ev.ID, "kind", ev.Kind, "org", ev.Org)
	return "kept", nil
}

// authorize compares the request's secret with all that are valid, in a time that tells nothing of them.
func (d *Door) authorize(r *http.Request) error {
	given := r.Header.Get("X-Webhook-Secret")
	if given == "" {
		given = r.URL.Query().Get("secret")
	}
	if given == "" {
		return refuse(http.StatusUnauthorized, "the secret is missing: give it as ?secret=... in the webhook's URL, or as the header X-Webhook-Secret")
	}
	hash, match := sha256.Sum256([]byte(given)), 0
	for _, h := range d.hashes {
		match |= subtle.ConstantTimeCompare(hash[:], h[:])
	}
	if match != 1 {
		return refuse(http.StatusUnauthorized, "the secret is wrong: it must be one of those in WEBHOOK_SECRET")
	}
	return nil
}

// checkKind tells an operator who has pasted a URL into the wrong webhook where it belongs.
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

// fail writes an error as JSON. Errors that are not ours to explain say nothing of their cause.
func (d *Door) fail(err error, c echo.Context) {
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
		d.Log.Error("request failed", "path", c.Path(), "err", err)
	case code != http.StatusServiceUnavailable:
		d.Log.Warn("request refused", "path", c.Path(), "status", code, "reason", text)
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
