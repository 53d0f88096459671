package bot

import (
	"context"
	"log/slog"
	"time"

	"giosgbot/chat"
	"giosgbot/playbook"
	"giosgbot/replay"
)

// Platform is a place where chats live. Its errors are *[chat.Error]; a *[chat.Wait] parks the lane.
type Platform interface {
	// Open readies an event's chat for one attempt.
	Open(ctx context.Context, ev chat.Event, a Attempt) (Chat, error)
}

// Attempt is what a platform may know of the attempt that it opens a chat for.
type Attempt struct {
	Number int                // 1 for the first
	Heard  int64              // the time of the newest handled message of the visitor, in Unix milliseconds; 0 if not known
	Book   *playbook.Playbook // what the bot says in this chat
	Log    *slog.Logger
	Until  func() time.Time // the lease surely lasts until then; nothing may be sent later

	// Wait waits until a Deferred call may be made again in this turn. It returns false, most often at once, if the call must be left
	// to the next attempt.
	Wait func(ctx context.Context, err error) bool
}

// Chat is one chat during one attempt. It is used by one goroutine.
type Chat interface {
	// Present makes the bot user present.
	Present(ctx context.Context) error
	// Enter takes the chat as an agent or a greeter. reason says why the bot is not in.
	Enter(ctx context.Context, mode playbook.Mode) (e chat.Entry, reason string, err error)
	// Unserved returns why a sidekick must be silent; "" if others serve the chat.
	Unserved(ctx context.Context) (reason string, err error)
	// SitIn makes the bot a member beside others that holds no chat. reason says why it is not one.
	SitIn(ctx context.Context) (reason string, err error)
	// Record returns the chat's lines, oldest first.
	Record(ctx context.Context) ([]replay.Line, error)
	// Overheard is Record for a sidekick that need not be a member. It returns nothing if the platform does not show the chat.
	Overheard(ctx context.Context, member bool) ([]replay.Line, error)
	// Role finds from the record how the bot stands to the chat.
	Role(ctx context.Context, lines []replay.Line) (chat.Role, error)
	// About looks up what the playbook wants to know of a room's chats. ok is false if the platform does not tell.
	About(ctx context.Context, room string) (a chat.About, ok bool, err error)
	// FindTeam reports whether a team is there to take the chat over.
	FindTeam(ctx context.Context, name string, humans bool) (bool, error)
	// Do carries out an action. For a Say it returns the message's place in the record; the zero Mark if the platform does not tell it.
	Do(ctx context.Context, a playbook.Action) (replay.Mark, error)
	// Over reports whether the chat has ended, or is not one that the bot may write in.
	Over(ctx context.Context) (bool, error)
	// MustRead reports whether the record may hold older messages that no event has told of yet.
	MustRead() bool
	// Acted reports whether this attempt has changed anything on the platform, or may have.
	Acted() bool
}
