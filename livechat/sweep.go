package livechat

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/playbook"
	"giosgbot/queue"
)

// Webhooks can be lost: nobody listened, giosg gave up, Redis lost its data. So when a bot user's token comes after a start or a gap, and
// from time to time while tokens come, a sweep lists the bot user's chats and puts an event into the lane of each in which a visitor may
// wait.

const (
	mostChats    = 200         // of each collection, in one sweep
	mostSweeps   = 4           // at once, in this process
	longestSweep = time.Minute // then another replica may begin
)

// Fleet keeps replicas from doing the same sweep at the same time.
type Fleet interface {
	// Lock takes a key until it is unlocked, for that long at most, and not for much longer than the process lives. ok is false while
	// another replica has it.
	Lock(ctx context.Context, key string, most time.Duration) (unlock func(), ok bool)
	// Done returns when the work that key names was last begun and then done; zero if that is not known.
	Done(ctx context.Context, key string) time.Time
	// SetDone stores it.
	SetDone(ctx context.Context, key string, begun time.Time)
}

// SweeperOptions are what a sweeper works with.
type SweeperOptions struct {
	API      *giosg.Client
	Tokens   Tokens
	Playbook func() *playbook.Playbook // the active one
	Put      func(ctx context.Context, it queue.Item) error
	Fleet    Fleet // nil: there are no other replicas
	Log      *slog.Logger

	Every  time.Duration // how often a bot user's chats are listed; 0: never
	Delay  time.Duration // how long after a token came a sweep begins, so that new events go first
	MaxAge time.Duration // a visitor who wrote longer ago than this is not answered; default 1 h
}

// Sweeper finds visitors whose webhooks were lost.
type Sweeper struct {
	opts   SweeperOptions
	slots  chan struct{} // has a place for each sweep that runs
	stop   chan struct{} // closed by Close
	all    sync.WaitGroup
	mu     sync.Mutex
	last   map[giosg.UserID]time.Time // begin of each bot user's last sweep; guarded by mu
	active map[giosg.UserID]bool      // guarded by mu
	closed bool                       // guarded by mu
}

// NewSweeper returns a sweeper. It sweeps when TokenCame tells it of a token, until Close.
func NewSweeper(o SweeperOptions) *Sweeper {
	if o.MaxAge <= 0 {
		o.MaxAge = time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Sweeper{
		opts: o, slots: make(chan struct{}, mostSweeps), stop: make(chan struct{}),
		last: map[giosg.UserID]time.Time{}, active: map[giosg.UserID]bool{},
	}
}

// Close ends the running sweeps and waits for them. No more begin.
func (s *Sweeper) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
	}
	s.mu.Unlock()
	s.all.Wait()
}

// TokenCame is called with each token that a webhook brings. gap says that the bot user had none before, so that webhooks may have been
// lost. It returns at once.
func (s *Sweeper) TokenCame(t giosg.Token, gap bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, swept := s.last[t.User]
	if s.opts.Every <= 0 || s.closed || s.active[t.User] || swept && !gap && time.Since(last) < s.opts.Every {
		return
	}
	if len(s.last) > 10000 {
		clear(s.last)
	}
	s.last[t.User], s.active[t.User] = time.Now(), true
	since := last // the last sweep has seen what was active before it
	if gap || !swept {
		since = time.Time{}
	}
	s.all.Go(func() {
		s.run(t.User, since)
		s.mu.Lock()
		delete(s.active, t.User)
		s.mu.Unlock()
	})
}

// Lost is called when the store has lost its data, with all valid tokens. It sweeps each bot user.
func (s *Sweeper) Lost(tokens []giosg.Token) {
	for _, t := range tokens {
		s.TokenCame(t, true)
	}
}

// run makes one sweep of a bot user, after the delay, and not at the same time as another replica.
func (s *Sweeper) run(user giosg.UserID, since time.Time) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	if !sleep(ctx, s.opts.Delay) {
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return
	}
	if s.opts.Fleet == nil {
		s.sweep(ctx, user, since)
		return
	}
	s.sweepAlone(ctx, user, since)
}

// sweepAlone sweeps under a lock, unless another replica began a sweep after this one was asked for.
func (s *Sweeper) sweepAlone(ctx context.Context, user giosg.UserID, since time.Time) {
	asked, key := time.Now(), "catchup:"+string(user)
	for {
		unlock, ok := s.opts.Fleet.Lock(ctx, key, longestSweep)
		if ok {
			defer unlock()
			break
		}
		if !sleep(ctx, jitter(500*time.Millisecond)) {
			return
		}
	}
	done := s.opts.Fleet.Done(ctx, key)
	if done.After(asked) || !since.IsZero() && time.Since(done) < s.opts.Every*9/10 {
		return
	}
	begun := time.Now()
	if s.sweep(ctx, user, since) {
		s.opts.Fleet.SetDone(ctx, key, begun)
	}
}

// sweep lists a bot user's chats until that has worked. It returns false if there is no token any more: the next one comes after a gap.
func (s *Sweeper) sweep(ctx context.Context, user giosg.UserID, since time.Time) bool {
	for attempt := 1; ; attempt++ {
		token, ok := s.opts.Tokens.Get(ctx, user)
		if !ok {
			return false
		}
		l := listing{sweeper: s, api: s.opts.API.As(token), whose: chat.Event{User: string(token.User), Org: string(token.Org)}, since: since}
		err := l.all(ctx)
		if err == nil {
			s.opts.Log.Info("swept", "user", user, "chats", l.found)
			return true
		}
		if giosg.KindOf(err) == giosg.Unauthorized {
			s.opts.Tokens.Refuse(ctx, token)
		}
		s.opts.Log.Warn("a sweep failed", "user", user, "err", err)
		backoff := min(500*time.Millisecond<<min(attempt-1, 10), 10*time.Second)
		if !sleep(ctx, max(jitter(backoff), giosg.RetryAfter(err))) {
			return false
		}
	}
}

// old reports whether a visitor who wrote then has surely gone.
func (s *Sweeper) old(at time.Time) bool { return !at.IsZero() && time.Since(at) > s.opts.MaxAge }

// listing is one try of a sweep.
type listing struct {
	sweeper *Sweeper
	api     *giosg.Session
	whose   chat.Event // names the bot user and its organization
	since   time.Time
	found   int // chats in which a visitor may wait
}

// all lists the collections that the playbook works on.
func (l *listing) all(ctx context.Context) error {
	book := l.sweeper.opts.Playbook().For(l.whose.Org, "")
	agent, greeter := book.Has(playbook.Agent), book.Has(playbook.Greeter)
	if agent {
		if err := l.each(ctx, l.api.PendingChats, l.pending); err != nil {
			return err
		}
	}
	if greeter {
		if err := l.each(ctx, l.api.RoutedChats, l.routed); err != nil {
			return err
		}
	}
	if !agent && !greeter {
		return nil
	}
	return l.each(ctx, l.api.Chats, l.own)
}

// each puts the events of a collection's chats into their lanes.
func (l *listing) each(ctx context.Context, list func(context.Context, int) ([]giosg.Chat, error), event func(giosg.Chat) (chat.Event, bool)) error {
	chats, err := list(ctx, mostChats)
	if denied(err) {
		l.sweeper.opts.Log.Warn("chats cannot be listed, so visitors whose webhooks were lost are not found there", "user", l.whose.User, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, c := range chats {
		if !c.ID.Valid() || c.Ended() || l.sweeper.old(latest(c)) {
			continue
		}
		ev, ok := event(c)
		if !ok {
			continue
		}
		body, err := json.Marshal(ev)
		if err != nil {
			return err
		}
		l.found++
		if err := l.sweeper.opts.Put(ctx, queue.Item{Lane: ev.Lane(), ID: ev.ID, At: ev.At, Body: body, From: "catch-up"}); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) pending(c giosg.Chat) (chat.Event, bool) {
	return chatAs(l.whose, giosg.PendingChats, c), true
}

func (l *listing) routed(c giosg.Chat) (chat.Event, bool) {
	return chatAs(l.whose, giosg.RoutedChats, c), c.UserMemberCount == 0
}

// own returns a check of one of the bot's own chats, unless nothing has happened there since the last sweep, or a colleague is there.
func (l *listing) own(c giosg.Chat) (chat.Event, bool) {
	ev := l.whose
	ev.Kind, ev.Member, ev.Chat, ev.Room, ev.ID, ev.At = chat.Check, true, string(c.ID), string(c.RoomID), "check", time.Now()
	moved := c.UpdatedAt.IsZero() || c.UpdatedAt.After(l.since.Add(-time.Minute))
	return ev, moved && c.HasVisitorMessages && c.PresentUserParticipantCount < 2
}

// latest is when something last happened in a chat, as far as giosg tells.
func latest(c giosg.Chat) time.Time {
	at := c.CreatedAt.Time
	for _, t := range []giosg.Time{c.WaitingStartedAt, c.UpdatedAt} {
		if t.After(at) {
			at = t.Time
		}
	}
	return at
}

// jitter spreads what many would do at once.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

// sleep returns false if the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
