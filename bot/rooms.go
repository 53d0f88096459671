package bot

import (
	"context"
	"sync"
	"time"

	"giosgbot/giosg"
)

// rooms remembers rooms for a while: their language hardly ever changes, and every chat asks for it.
type rooms struct {
	mu    sync.Mutex
	known map[giosg.RoomID]knownRoom // guarded by mu
}

type knownRoom struct {
	room  giosg.Room
	until time.Time
}

const (
	roomLife = 10 * time.Minute
	maxRooms = 10000
)

func newRooms() *rooms { return &rooms{known: map[giosg.RoomID]knownRoom{}} }

// get returns the room, or an empty one if giosg does not show it to the bot.
func (rs *rooms) get(ctx context.Context, s *giosg.Session, id giosg.RoomID) (giosg.Room, error) {
	rs.mu.Lock()
	k, ok := rs.known[id]
	rs.mu.Unlock()
	if ok && time.Now().Before(k.until) {
		return k.room, nil
	}
	r, err := s.Room(ctx, id)
	switch giosg.KindOf(err) {
	case giosg.OK:
	case giosg.Gone, giosg.Forbidden, giosg.Invalid:
		r = giosg.Room{}
	default:
		return r, err
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.known) >= maxRooms {
		clear(rs.known)
	}
	rs.known[id] = knownRoom{r, time.Now().Add(roomLife)}
	return r, nil
}
