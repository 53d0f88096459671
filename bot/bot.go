// Package bot is the turn: it takes the next event of a chat's lane, makes the bot present, joins where the playbook's mode says so,
// asks the playbook what to do and does it, once.
//
// Promises:
//
//   - Every visitor message that calls for an answer gets one, in the order of the messages. An attempt that follows another one
//     reads the chat first and finds what the other said already (replay.go).
//   - What must be known of a chat is in the chat: a memo that is lost costs two calls and no words.
//   - A call that giosg put off is made again in place if that is soon, and a bot user who is throttled leaves workers to the others
//     (patience.go).
//   - A worker that was frozen does not act on a lane that is no longer its own.
//   - Trouble is told apart: a chat that is over ends quietly, a refused token waits for the next webhook, an ailing API is tried again
//     later, and what is hopeless is set aside with its reason.
//
// It decides nothing about words (playbook), keeps nothing (queue, dedupe), and what in it is giosg's own is in chat.go.
package bot

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"giosgbot/chat"
	"giosgbot/dedupe"
	"giosgbot/giosg"
	"giosgbot/playbook"
	"giosgbot/queue"
)

// Tokens are the freshest tokens of bot users.
type Tokens interface {
	// Get returns a token that is valid now.
	Get(ctx context.Context, user giosg.UserID) (giosg.Token, bool)
	// Refuse says that giosg does not accept a token.
	Refuse(ctx context.Context, t giosg.Token)
}

// Presence keeps bot users present.
type Presence interface {
	// Ensure returns when the session's bot user is present; online, if not nil, is its is_online_enabled.
	Ensure(ctx context.Context, s *giosg.Session, online *bool) error
}

// Fleet is how replicas keep from doing the same look at the same time.
type Fleet interface {
	// Lock takes a key until it is unlocked, for that long at most, and not for much longer than the process lives; ok is false while
	// another replica has it.
	Lock(ctx context.Context, key string, most time.Duration) (unlock func(), ok bool)
	// Done returns when what key names was last begun and then done; zero if that is not known.
	Done(ctx context.Context, key string) time.Time
	// SetDone tells the others.
	SetDone(ctx context.Context, key string, begun time.Time)
}

// Options are what a bot works with.
type Options struct {
	Queue    queue.Queue
	Handled  dedupe.Set
	API      *giosg.Client
	Tokens   Tokens
	Presence Presence
	Playbook func() *playbook.Playbook // the one in force now
	Log      *slog.Logger

	Workers int           // turns at a time; default 128
	Write   time.Duration // how long one change on the platform may take; default 5 s
	Settle  time.Duration // after this long, what a cut-off attempt sent has taken effect or never will; default 2 s
	GiveUp  time.Duration // how long an event is tried before it is set aside; default 1 h
	Forget  time.Duration // an event this old whose bot user has no token is set aside; default 48 h
	Grace   time.Duration // how long running turns may take when the bot stops; default 6 s
	CatchUp time.Duration // how often chats are looked through for visitors whose webhooks were lost; 0: never
	Delay   time.Duration // how long after a token came that begins, so that fresh events go first
	MaxAge  time.Duration // visitors who wrote longer ago than this are not answered by catching up; default 1 h

	Fleet Fleet // the other replicas; nil: there are none

	// Trace begins the span of a turn; end tells what became of it. May be nil.
	Trace func(ctx context.Context, carried string, about ...slog.Attr) (_ context.Context, end func(result, reason string))

	Observe func(Report) // is told of every turn; may be nil
	Explain bool         // reports carry the reasons of their plans, which takes time
}

// Report is what became of a turn.
type Report struct {
	Event   chat.Event
	Lane    string
	Result  string // "answered", "silent", "ignored", "taken", "over", "later", "waiting", "set aside", "lost"
	Rule    string // the last rule that spoke
	Said    int    // messages sent
	Reason  string // of anything but answered and silent
	Attempt int
	Looked  bool          // the chat was read
	Waited  time.Duration // from the event's own time to the begin of the turn
	Took    time.Duration
	Plan    *playbook.Plan // the last plan, if there was one
}

// Bot works through the lanes.
type Bot struct {
	Options
	rooms    *rooms
	sweeps   *sweeps
	life     context.Context // ends when the bot stops; it is that of sweeps, which nobody calls, and of turns that wait
	end      context.CancelFunc
	waiting  chan struct{} // has a place for each turn that may wait in place
	disorder sync.Map      // giosg.UserID → time.Time: until when its webhooks are known to come out of order
}

// New returns a bot; Run starts it.
func New(o Options) *Bot {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.Write, 5*time.Second)
	def(&o.Settle, 2*time.Second)
	def(&o.GiveUp, time.Hour)
	def(&o.Forget, 48*time.Hour)
	def(&o.Grace, 6*time.Second)
	def(&o.MaxAge, time.Hour)
	if o.Workers <= 0 {
		o.Workers = 128
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Bot{Options: o, rooms: newRooms(), sweeps: newSweeps(), waiting: make(chan struct{}, o.Workers/2)}
	b.life, b.end = context.WithCancel(context.Background())
	return b
}

// Run works until ctx ends and the running turns are over, or their grace is.
func (b *Bot) Run(ctx context.Context) error {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(b.Grace, stop) })()
	var workers sync.WaitGroup
	for range b.Workers {
		workers.Go(func() {
			for {
				l, err := b.Queue.Lease(ctx)
				if l != nil && ctx.Err() != nil {
					if err := l.Pause(working, queue.Pause{Untouched: true}); err != nil {
						b.Log.Warn("a lane was not given back; another worker takes it over", "err", err)
					}
				}
				if errors.Is(err, queue.ErrClosed) || ctx.Err() != nil {
					return
				}
				if err != nil {
					b.Log.Error("no lane can be leased", "err", err)
					select {
					case <-time.After(time.Second):
					case <-ctx.Done():
					}
					continue
				}
				b.turn(working, l)
			}
		})
	}
	<-ctx.Done()
	b.end()
	b.sweeps.close()
	workers.Wait()
	return nil
}

// Topic is what a lane waits for whose bot user has no valid token.
func Topic(user giosg.UserID) string { return "token:" + string(user) }
