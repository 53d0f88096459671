package giosgtest

import "slices"

// Item is one change, for a page that shows the platform live. Kind names the field that is set: line, call, delivery or chat (a new
// state).
type Item struct {
	Kind     string     `json:"kind"`
	Line     *Line      `json:"line,omitempty"`
	Call     *Call      `json:"call,omitempty"`
	Delivery *Delivery  `json:"delivery,omitempty"`
	Chat     *ChatState `json:"chat,omitempty"`
}

// Feed is a subscription to changes. Close and the end of the platform close C.
type Feed struct {
	C <-chan Item

	p      *Platform
	c      chan Item
	missed int
	closed bool
}

// Subscribe starts a feed of all changes from now on. If the reader is more than buffer items behind, the newest items are dropped and
// counted.
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

// Close ends the feed. It may be called twice.
func (f *Feed) Close() {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	f.p.feeds = slices.DeleteFunc(f.p.feeds, func(other *Feed) bool { return other == f })
	f.shut()
}

// Missed returns the number of items dropped because the reader was too slow.
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

// feedLocked sends an item to every feed. It calls make only if there is a feed.
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
