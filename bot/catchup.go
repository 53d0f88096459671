package bot

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"time"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/livechat"
	"giosgbot/playbook"
	"giosgbot/queue"
)

// Webhooks can be lost: nobody listened, giosg gave up, Redis forgot. So when a bot user's token comes after a start or a gap, and from
// time to time while tokens come, its chats are listed, and those in which a visitor may wait get an event in their lanes.

const (
	mostChats    = 200         // of each collection, in one sweep
	mostSweeps   = 4           // at once, in this process
	longestSweep = time.Minute // then another replica may begin
)

// sweeps knows when each bot user was swept.
type sweeps struct {
	mu      sync.Mutex
	last    map[giosg.UserID]time.Time // begin of the last one; guarded by mu
	running map[giosg.UserID]bool      // guarded by mu
	closed  bool                       // guarded by mu
	places  chan struct{}
	all     sync.WaitGroup
}

func newSweeps() *sweeps {
	return &sweeps{last: map[giosg.UserID]time.Time{}, running: map[giosg.UserID]bool{}, places: make(chan struct{}, mostSweeps)}
}

// close waits for the sweeps that are running; no more will begin.
func (s *sweeps) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.all.Wait()
}

// TokenCame is told of each token that a webhook brings. gap says that the bot user had none before, so that nobody knows what was
// missed. It returns at once.
func (b *Bot) TokenCame(t giosg.Token, gap bool) {
	s := b.sweeps
	s.mu.Lock()
	defer s.mu.Unlock()
	last, swept := s.last[t.User]
	if b.CatchUp <= 0 || s.closed || s.running[t.User] || swept && !gap && time.Since(last) < b.CatchUp {
		return
	}
	if len(s.last) > 10000 {
		clear(s.last)
	}
	s.last[t.User], s.running[t.User] = time.Now(), true
	s.all.Go(func() {
		defer func() {
			s.mu.Lock()
			delete(s.running, t.User)
			s.mu.Unlock()
		}()
		since := last // what was active before the last sweep has been looked at by that one
		if gap || !swept {
			since = time.Time{}
		}
		b.sweep(t.User, since)
	})
}

// Lost is told that the store has lost its data: every bot user that has a token is swept.
func (b *Bot) Lost(tokens []giosg.Token) {
	for _, t := range tokens {
		b.TokenCame(t, true)
	}
}

// sweep looks for visitors who wait, one replica at a time. What another replica has begun after this one was asked serves both.
func (b *Bot) sweep(user giosg.UserID, since time.Time) {
	ctx := b.life
	if sleep(ctx, b.Delay) != nil {
		return
	}
	select {
	case b.sweeps.places <- struct{}{}:
		defer func() { <-b.sweeps.places }()
	case <-ctx.Done():
		return
	}
	if b.Fleet == nil {
		b.seek(ctx, user, since)
		return
	}
	asked, key := time.Now(), "catchup:"+string(user)
	for {
		unlock, ok := b.Fleet.Lock(ctx, key, longestSweep)
		if !ok {
			if sleep(ctx, jitter(500*time.Millisecond)) != nil {
				return
			}
			continue
		}
		defer unlock()
		done := b.Fleet.Done(ctx, key)
		if done.After(asked) || !since.IsZero() && time.Since(done) < b.CatchUp*9/10 {
			return // another replica has looked
		}
		begun := time.Now()
		if b.seek(ctx, user, since) {
			b.Fleet.SetDone(ctx, key, begun)
		}
		return
	}
}

// seek lists a bot user's chats until that has worked, and returns false if there is no token any more.
func (b *Bot) seek(ctx context.Context, user giosg.UserID, since time.Time) bool {
	for attempt := 1; ; attempt++ {
		token, ok := b.Tokens.Get(ctx, user)
		if !ok {
			return false // the next one will come after a gap
		}
		n, err := b.list(ctx, b.API.As(token), token, since)
		if err == nil {
			b.Log.Info("looked for visitors who wait", "user", user, "chats", n)
			return true
		}
		if giosg.KindOf(err) == giosg.Unauthorized {
			b.Tokens.Refuse(ctx, token)
		}
		b.Log.Warn("looking for visitors who wait failed", "user", user, "err", err)
		if sleep(ctx, max(backoff(attempt), giosg.RetryAfter(err))) != nil {
			return false
		}
	}
}

// list puts an event into the lane of each chat of a bot user in which a visitor may wait, and returns how many.
func (b *Bot) list(ctx context.Context, s *giosg.Session, t giosg.Token, since time.Time) (n int, err error) {
	book := b.Playbook().For(string(t.Org), "")
	whose := chat.Event{User: string(t.User), Org: string(t.Org)}
	put := func(ev chat.Event) error {
		body, err := json.Marshal(ev)
		if err != nil {
			return err
		}
		n++
		return b.Queue.Put(ctx, queue.Item{Lane: ev.Lane(), ID: ev.ID, At: ev.At, Body: body, From: "catch-up"})
	}
	each := func(of func(context.Context, int) ([]giosg.Chat, error), event func(giosg.Chat) (chat.Event, bool)) error {
		chats, err := of(ctx, mostChats)
		switch giosg.KindOf(err) {
		case giosg.OK:
		case giosg.Gone, giosg.Forbidden, giosg.Invalid: // asking again would not help
			b.Log.Warn("chats cannot be listed, so visitors whose webhooks were lost are not found there", "user", t.User, "err", err)
			return nil
		default:
			return err
		}
		for _, c := range chats {
			if !c.ID.Valid() || c.Ended() || b.old(latest(c)) {
				continue
			}
			if ev, ok := event(c); ok {
				if err := put(ev); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if book.Has(playbook.Agent) {
		err := each(s.PendingChats, func(c giosg.Chat) (chat.Event, bool) {
			return livechat.ChatAs(whose, giosg.PendingChats, c), true
		})
		if err != nil {
			return n, err
		}
	}
	if book.Has(playbook.Greeter) {
		err := each(s.RoutedChats, func(c giosg.Chat) (chat.Event, bool) {
			return livechat.ChatAs(whose, giosg.RoutedChats, c), c.UserMemberCount == 0
		})
		if err != nil {
			return n, err
		}
	}
	if !book.Has(playbook.Agent) && !book.Has(playbook.Greeter) {
		return n, nil
	}
	return n, each(s.Chats, func(c giosg.Chat) (chat.Event, bool) {
		ev := whose
		ev.Kind, ev.Member, ev.Chat, ev.Room, ev.ID, ev.At = chat.Check, true, string(c.ID), string(c.RoomID), "check", time.Now()
		moved := c.UpdatedAt.IsZero() || c.UpdatedAt.After(since.Add(-time.Minute))
		return ev, moved && c.HasVisitorMessages && c.PresentUserParticipantCount < 2 // with a colleague there, it is the colleague's
	})
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

// old tells whether a visitor who wrote then will not be there any more.
func (b *Bot) old(at time.Time) bool { return !at.IsZero() && time.Since(at) > b.MaxAge }

// check looks at a chat of the bot's in which a visitor may wait.
func (t *turn) check(ctx context.Context) error {
	if t.memo.Role == unknown || t.memo.Role == outside {
		if err := t.findOut(ctx); err != nil {
			return err
		}
	}
	if t.memo.Role != serving {
		return t.ignore("the chat is not the bot's")
	}
	return t.catchUp(ctx, false)
}

// jitter spreads what many would do at once.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }
