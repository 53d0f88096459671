package giosgtest

import "slices"

// Item is one thing that happened, for a page that shows the platform live. Kind says which of the others is set: line, call, delivery
// or chat (a new state).
type Item struct {
	Kind     string     `json:"kind"`
	Line     *Line      `json:"line,omitempty"`
	Call     *Call      `json:"call,omitempty"`
	Delivery *Delivery  `json:"delivery,omitempty"`
	Chat     *ChatState `json:"chat,omitempty"`
}

// Feed is a subscription to what happens. Read C until it is closed, by Close or by the platform's end.
type Feed struct {
	C <-chan Item

	p      *Platform
	c      chan Item
	missed int
	closed bool
}

// Subscribe starts a feed of everything that happens from now on. When the reader is more than buffer items behind, the newest items are
// missed and counted.
func (p *Platform) Subscribe(buffer int) *Feed {
	c := make(chan Item, max(buffer, 1))
	f := &Feed{C: c, c: c, p: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		f.shut()
		return f
	}
	p.feeds = append(p.feeds, f)
	return f
}

// Close ends the feed. Closing twice is fine.
func (f *Feed) Close() {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	f.p.feeds = slices.DeleteFunc(f.p.feeds, func(other *Feed) bool { return other == f })
	f.shut()
}

// Missed counts the items that the reader was too slow for.
func (f *Feed) Missed() int {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	return f.missed
}

func (f *Feed) shut() {
	if !f.closed {
		f.closed = true
		close(f.c)
	}
}

// feedLocked hands an item to every feed; it is made only if there is one.
func (p *Platform) feedLocked(make func() Item) {
	if len(p.feeds) == 0 {
		return
	}
	item := make()
	for _, f := range p.feeds {
		select {
		case f.c <- item:
		default:
			f.missed++
		}
	}
}

func (c *Chat) feedLineLocked(m *message) {
	c.p.feedLocked(func() Item {
		l := m.line()
		return Item{Kind: "line", Line: &l}
	})
}

func (c *Chat) feedStateLocked() {
	c.p.feedLocked(func() Item {
		s := c.stateLocked()
		return Item{Kind: "chat", Chat: &s}
	})
}
