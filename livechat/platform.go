package livechat

import (
	"context"
	"sync"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/replay"
)

// Tokens are the newest tokens of bot users.
type Tokens interface {
	// Get returns a token that is valid now.
	Get(ctx context.Context, user giosg.UserID) (giosg.Token, bool)
	// Refuse says that giosg does not accept a token.
	Refuse(ctx context.Context, t giosg.Token)
}

// Presence keeps bot users present.
type Presence interface {
	// Ensure returns when the session's bot user is present. online, if not nil, becomes its is_online_enabled.
	Ensure(ctx context.Context, s *giosg.Session, online *bool) error
}

// Options are what a platform works with.
type Options struct {
	API      *giosg.Client
	Tokens   Tokens
	Presence Presence
	Write    time.Duration // how long one change on giosg may take; default 5 s
}

// Platform is giosg, as the bot sees it.
type Platform struct {
	opts  Options
	rooms *rooms
	late  sync.Map // giosg.UserID → time.Time: until when its webhooks are known to overtake each other
}

var _ bot.Platform = (*Platform)(nil)

// New returns a platform.
func New(o Options) *Platform {
	if o.Write <= 0 {
		o.Write = 5 * time.Second
	}
	return &Platform{opts: o, rooms: newRooms()}
}

// TokenTopic returns what a lane waits for if its bot user has no valid token.
func TokenTopic(user giosg.UserID) string { return "token:" + string(user) }

// Open implements [bot.Platform]. Without a valid token of the bot user it returns a *[chat.Wait].
func (p *Platform) Open(ctx context.Context, ev chat.Event, a bot.Attempt) (bot.Chat, error) {
	user := giosg.UserID(ev.User)
	token, ok := p.opts.Tokens.Get(ctx, user)
	if !ok {
		return nil, p.noToken(user)
	}
	c := &conversation{opts: &p.opts, rooms: p.rooms, ev: ev, user: user, id: giosg.ChatID(ev.Chat), a: a, token: token}
	c.api = p.opts.API.As(token).WithRetry(c.wait)
	c.noToken = func() error { return p.noToken(user) }
	c.mustRead = p.disordered(user, ev, a.Heard)
	return c, nil
}

func (p *Platform) noToken(user giosg.UserID) *chat.Wait {
	return &chat.Wait{
		Topic: TokenTopic(user), Reason: "the bot user has no valid token", Hint: "is the app still installed?",
		Came: func(ctx context.Context) bool {
			_, ok := p.opts.Tokens.Get(ctx, user)
			return ok
		},
	}
}

// disordered reports whether webhooks of a bot user overtake each other, so that older messages may exist that no webhook has brought yet.
// It is so for ten minutes after a webhook that came late.
func (p *Platform) disordered(user giosg.UserID, ev chat.Event, heard int64) bool {
	now := time.Now()
	if ev.FromVisitor() && heard > 0 && replay.Millis(ev.At) < heard {
		p.late.Store(user, now.Add(10*time.Minute))
	}
	until, ok := p.late.Load(user)
	return ok && now.Before(until.(time.Time))
}

// conversation is a chat of giosg's during one attempt.
type conversation struct {
	opts    *Options
	rooms   *rooms
	ev      chat.Event
	user    giosg.UserID
	id      giosg.ChatID
	a       bot.Attempt
	token   giosg.Token
	api     *giosg.Session
	noToken func() error

	lines      []replay.Line // of the last reading, for the one that follows at once
	served     bool          // others serve the chat, as was seen in this attempt
	acted      bool          // something was changed, or may have been
	justJoined bool
	mustRead   bool
	teams      []giosg.Team // of the organization; nil until they are listed
}

// MustRead implements [bot.Chat].
func (c *conversation) MustRead() bool { return c.mustRead }

// Acted implements [bot.Chat].
func (c *conversation) Acted() bool { return c.acted }
