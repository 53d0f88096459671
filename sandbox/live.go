package sandbox

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"giosgbot/giosg/giosgtest"
)

// How much of the past a snapshot has.
const (
	keptCalls      = 300
	keptDeliveries = 300
	keptTurns      = 150
)

// live remembers what happened recently and streams it to the open pages. A page gets a snapshot and every item after it. An item may come
// twice, with the same id.
type live struct {
	mu       sync.Mutex
	watchers map[chan []byte]struct{}

	numbers    map[string]int // of the visitors, by chat id: Visitor 1, Visitor 2
	calls      []callView
	deliveries []deliveryView
	turns      []turnView
	bot        botState
	done       map[string]bool // the steps of the guide that are done
	evidence   evidence
}

func newLive() *live {
	return &live{watchers: map[chan []byte]struct{}{}, numbers: map[string]int{}, done: map[string]bool{}, evidence: newEvidence()}
}

// item is one message of a stream.
type item struct {
	Kind string `json:"kind"`
	Data any    `json:"data"`
}

// publish sends an item to all pages.
func (l *live) publish(kind string, data any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.publishLocked(kind, data)
}

func (l *live) publishLocked(kind string, data any) {
	if len(l.watchers) == 0 {
		return
	}
	b, err := json.Marshal(item{kind, data})
	if err != nil {
		return // cannot happen: all data can be encoded
	}
	for w := range l.watchers {
		select {
		case w <- b:
		default: // The page is too slow. It connects again and gets a new snapshot.
			l.dropLocked(w)
		}
	}
}

// watch returns a stream of items that starts with a snapshot, which fill completes. The channel is closed if its reader is too slow.
func (l *live) watch(fill func(*snapshot)) (c chan []byte, leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	snap := snapshot{
		Calls: slices.Clone(l.calls), Deliveries: slices.Clone(l.deliveries), Turns: slices.Clone(l.turns),
		Bot: l.bot, Done: l.doneLocked(), numbers: maps.Clone(l.numbers),
	}
	fill(&snap)
	c = make(chan []byte, 1024)
	if b, err := json.Marshal(item{"snapshot", snap}); err == nil {
		c <- b
	}
	l.watchers[c] = struct{}{}
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dropLocked(c)
	}
}

func (l *live) dropLocked(w chan []byte) {
	if _, is := l.watchers[w]; is {
		delete(l.watchers, w)
		close(w)
	}
}

// dropAll makes all pages connect again, because items were missed.
func (l *live) dropAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.watchers {
		l.dropLocked(w)
	}
}

// number returns the number of a chat's visitor.
func (l *live) number(chat string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.numbers[chat]
	if !ok {
		n = len(l.numbers) + 1
		l.numbers[chat] = n
	}
	return n
}

func keep[T any](ring []T, v T, most int) []T {
	if len(ring) >= most {
		ring = slices.Delete(ring, 0, len(ring)-most+1)
	}
	return append(ring, v)
}

func (l *live) setBot(st botState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st.Starts = l.bot.Starts
	if st.Running {
		st.Starts++
	}
	l.bot = st
	l.publishLocked("bot", st)
}

func (l *live) addCall(v callView) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = keep(l.calls, v, keptCalls)
	l.publishLocked("call", v)
	l.evidence.call(v)
}

func (l *live) addDelivery(v deliveryView) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deliveries = keep(l.deliveries, v, keptDeliveries)
	l.publishLocked("delivery", v)
	l.evidence.delivery(v)
	l.judgeLocked()
}

func (l *live) addTurn(v turnView, language string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v.N = 1
	if n := len(l.turns); n > 0 {
		v.N = l.turns[n-1].N + 1
	}
	l.turns = keep(l.turns, v, keptTurns)
	l.publishLocked("turn", v)
	l.evidence.turn(v, language)
	l.judgeLocked()
}

func (l *live) addLine(v giosgtest.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.publishLocked("line", v)
	l.evidence.line(v)
	l.judgeLocked()
}

// tick ticks off a step of the guide.
func (l *live) tick(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tickLocked(what)
}

func (l *live) tickLocked(what string) {
	if slices.Contains(toTry, what) && !l.done[what] {
		l.done[what] = true
		l.publishLocked("done", l.doneLocked())
	}
}

func (l *live) doneLocked() []string {
	return slices.Sorted(maps.Keys(l.done))
}
