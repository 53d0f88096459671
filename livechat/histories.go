package livechat

import (
	"sync"
	"time"

	"giosgbot/giosg"
)

// histories keeps what was read of records whose reading failed, so that the next attempt goes on there.
type histories struct {
	mu    sync.Mutex
	known map[string]keptHistory // by lane; guarded by mu
}

type keptHistory struct {
	history *giosg.History
	until   time.Time
}

const (
	historyLife  = 5 * time.Minute
	maxHistories = 256
)

func newHistories() *histories { return &histories{known: map[string]keptHistory{}} }

// take returns the history of a lane, or a new one. Nobody else gets it.
func (hs *histories) take(lane string, chat giosg.ChatID) *giosg.History {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	k, ok := hs.known[lane]
	delete(hs.known, lane)
	if ok && time.Now().Before(k.until) {
		return k.history
	}
	return giosg.NewHistory(chat, false)
}

// keep stores the history of a lane.
func (hs *histories) keep(lane string, h *giosg.History) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if len(hs.known) >= maxHistories {
		clear(hs.known)
	}
	hs.known[lane] = keptHistory{h, time.Now().Add(historyLife)}
}
