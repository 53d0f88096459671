package livechat

import (
	"context"
	"sync"
	"time"

	"giosgbot/chat"
	"giosgbot/giosg"
)

// rooms remembers rooms for a while: every chat needs its room's language, which hardly ever changes. A bot user sees only what giosg has
// shown to itself.
type rooms struct {
	mu    sync.Mutex
	known map[roomKey]knownRoom // guarded by mu
}

type roomKey struct {
	user giosg.UserID
	room giosg.RoomID
}

type knownRoom struct {
	about chat.About
	shown bool
	until time.Time
}

const (
	roomLife    = 10 * time.Minute
	refusalLife = 30 * time.Second
	maxRooms    = 10000
)

func newRooms() *rooms { return &rooms{known: map[roomKey]knownRoom{}} }

func (rs *rooms) get(k roomKey) (knownRoom, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r, ok := rs.known[k]
	return r, ok && time.Now().Before(r.until)
}

func (rs *rooms) put(k roomKey, r knownRoom) {
	life := roomLife
	if !r.shown {
		life = refusalLife
	}
	r.until = time.Now().Add(life)
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.known) >= maxRooms {
		clear(rs.known)
	}
	rs.known[k] = r
}

// About implements [bot.Chat]. ok is false if giosg does not show the room to the bot user.
func (c *conversation) About(ctx context.Context, room string) (chat.About, bool, error) {
	k := roomKey{c.user, giosg.RoomID(room)}
	if r, ok := c.rooms.get(k); ok {
		return r.about, r.shown, nil
	}
	found, err := c.api.Room(ctx, k.room)
	if err != nil && !denied(err) {
		return chat.About{}, false, c.fail(ctx, err)
	}
	r := knownRoom{shown: err == nil, about: chat.About{RoomName: found.Name, Language: found.LanguageCode}}
	c.rooms.put(k, r)
	return r.about, r.shown, nil
}
