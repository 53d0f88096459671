// Package presence keeps bot users present: only a user who is present reserves the chats that it joins ("Making the chatbot present"
// in giosg's chatbot guide).
//
// A bot user is refreshed when half of its lifetime has passed, not for every message. A [Keeper] remembers the last refresh and, with
// a [Remote], shares it with the other replicas. In one process only one refresh of a bot user runs at a time. The package starts no
// goroutines.
package presence

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"

	"giosgbot/giosg"
)

// DefaultTTL is how long a refresh lasts. The guide uses 28800 s.
const DefaultTTL = 28800 * time.Second

// Keeper keeps bot users present. It is safe for concurrent use.
type Keeper struct {
	Now func() time.Time // time.Now if nil; must not change while in use

	ttl    time.Duration
	remote Remote // nil for a single process
	flight singleflight.Group

	mu    sync.Mutex
	fresh map[giosg.UserID]state // guarded by mu
}

type state struct {
	until time.Time // no refresh is needed before
	mark  string
}

// Remote shares between replicas which bot users are present. The mark of a refresh names the online status that it requested; a
// refresh with another mark does not count.
type Remote interface {
	// Fresh returns for how long no refresh is needed, or 0 if one is needed now.
	Fresh(ctx context.Context, user giosg.UserID, mark string) time.Duration
	// Refreshed records that no refresh is needed for d.
	Refreshed(ctx context.Context, user giosg.UserID, mark string, d time.Duration)
}

// New returns a keeper whose refreshes last ttl, in whole seconds; 0 means DefaultTTL. remote may be nil.
func New(ttl time.Duration, remote Remote) *Keeper {
	if ttl <= 0 {
		ttl = DefaultTTL
	}
	return &Keeper{ttl: ttl, remote: remote, fresh: map[giosg.UserID]state{}}
}

// Ensure makes the session's bot user present, if it is not known to be present already. If online is not nil, each refresh also sets
// is_online_enabled to it ("Online status of the chatbot" in the guide). The errors are those of package giosg.
func (k *Keeper) Ensure(ctx context.Context, s *giosg.Session, online *bool) error {
	user, mark := s.Token().User, onlineMark(online)
	for {
		if k.isFresh(user, mark) {
			return nil
		}
		mine := false
		private, err, _ := k.flight.Do(string(user)+mark, func() (any, error) {
			mine = true
			err := k.renew(ctx, s, online, mark)
			return ctx.Err() != nil || giosg.KindOf(err) == giosg.Unauthorized || giosg.IsBusy(err), err
		})
		if err == nil || mine || ctx.Err() != nil || private == false {
			return err
		}
		// The caller that made the shared refresh was canceled, had a bad token, or would not wait for a slot. This caller may succeed.
	}
}

func (k *Keeper) isFresh(user giosg.UserID, mark string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := k.fresh[user]
	return known.mark == mark && k.now().Before(known.until)
}

// renew refreshes the bot user, unless this or another process has done so meanwhile.
func (k *Keeper) renew(ctx context.Context, s *giosg.Session, online *bool, mark string) error {
	user := s.Token().User
	if k.isFresh(user, mark) {
		return nil
	}
	if k.remote != nil {
		if d := k.remote.Fresh(ctx, user, mark); d > 0 {
			k.remember(user, state{k.now().Add(d), mark})
			return nil
		}
	}
	start := k.now()
	rest := k.ttl / 2
	if err := k.refresh(ctx, s); giosg.KindOf(err) == giosg.Unknown {
		if rest = k.took(ctx, s); rest <= 0 {
			return err
		}
	} else if err != nil {
		return err
	}
	if online != nil {
		if err := s.SetOnline(ctx, *online); err != nil {
			return err
		}
	}
	k.remember(user, state{start.Add(rest), mark})
	if k.remote != nil {
		k.remote.Refreshed(ctx, user, mark, rest)
	}
	return nil
}

func (k *Keeper) now() time.Time {
	if k.Now == nil {
		return time.Now()
	}
	return k.Now()
}

func onlineMark(online *bool) string {
	if online == nil {
		return "as it is"
	}
	return fmt.Sprint("online=", *online)
}

func (k *Keeper) remember(user giosg.UserID, s state) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.fresh) > 10000 {
		clear(k.fresh)
	}
	k.fresh[user] = s
}

// refresh follows the guide's three steps. If a listed client cannot be refreshed, it has expired, and a new one is created.
func (k *Keeper) refresh(ctx context.Context, s *giosg.Session) error {
	clients, err := s.Clients(ctx)
	if err != nil {
		return err
	}
	if len(clients) > 0 {
		_, err := s.RefreshClient(ctx, clients[0].ID, k.ttl)
		if kind := giosg.KindOf(err); kind != giosg.Gone && kind != giosg.Refused {
			return err
		}
	}
	_, err = s.CreateClient(ctx, k.ttl)
	return err
}

// took looks at the clients after a refresh of unknown fate. It returns for how long no refresh is needed, or 0 if one is needed. Without
// it, a bot user whose answers are all lost would be refreshed for ever.
func (k *Keeper) took(ctx context.Context, s *giosg.Session) (rest time.Duration) {
	clients, err := s.Clients(ctx)
	if err != nil {
		return 0
	}
	for _, c := range clients {
		if c.IsPresent {
			rest = max(rest, c.PresenceExpiresAt.Add(-k.ttl/2).Sub(k.now()))
		}
	}
	return min(rest, k.ttl/2)
}

// States returns, for each bot user that this process knows, the time until which it needs no refresh.
func (k *Keeper) States() map[giosg.UserID]time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[giosg.UserID]time.Time{}
	for u, s := range k.fresh {
		out[u] = s.until
	}
	return out
}

// Redis is a Remote. It has one key per bot user, which holds the mark of the last refresh and expires when the next one is due.
type Redis struct {
	Client redis.UniversalClient
	Prefix string
}

// Fresh implements Remote. If Redis does not answer, a refresh is needed.
func (r Redis) Fresh(ctx context.Context, user giosg.UserID, mark string) time.Duration {
	var last *redis.StringCmd
	var left *redis.DurationCmd
	_, err := r.Client.Pipelined(ctx, func(p redis.Pipeliner) error {
		last, left = p.Get(ctx, r.key(user)), p.PTTL(ctx, r.key(user))
		return nil
	})
	if err != nil || last.Val() != mark {
		return 0
	}
	return max(left.Val(), 0)
}

// Refreshed implements Remote.
func (r Redis) Refreshed(ctx context.Context, user giosg.UserID, mark string, d time.Duration) {
	r.Client.Set(ctx, r.key(user), mark, d) // if this fails, another replica refreshes once more
}

func (r Redis) key(user giosg.UserID) string { return r.Prefix + ":presence:" + string(user) }
