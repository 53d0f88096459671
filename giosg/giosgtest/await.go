package giosgtest

import (
	"context"
	"fmt"
)

// bell wakes the goroutines that wait for a change.
type bell struct {
	waiting int
	ch      chan struct{}
}

func (b *bell) listen() <-chan struct{} {
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	b.waiting++
	return b.ch
}

func (b *bell) ring() {
	if b.waiting > 0 && b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// ringLocked wakes the waiters of the platform and, if c is not nil, of the chat.
func (p *Platform) ringLocked(c *Chat) {
	p.bell.ring()
	if c != nil {
		c.bell.ring()
	}
}

func (c *Chat) ringLocked() {
	c.p.ringLocked(c)
	c.feedStateLocked()
}

// Await waits until cond returns true. It calls cond after every change of a chat, a call, a delivery or the clock. cond may call any
// method of the platform. The error is that of ctx.
func (p *Platform) Await(ctx context.Context, cond func() bool) error {
	return p.await(ctx, &p.bell, cond)
}

func (p *Platform) await(ctx context.Context, b *bell, cond func() bool) error {
	for {
		p.mu.Lock()
		rung := b.listen()
		p.mu.Unlock()
		ok := cond()
		var err error
		if !ok {
			select {
			case <-rung:
			case <-ctx.Done():
				err = fmt.Errorf("await: %w", context.Cause(ctx))
			}
		}
		p.mu.Lock()
		b.waiting--
		p.mu.Unlock()
		if ok || err != nil {
			return err
		}
	}
}

// AwaitLine waits until the chat has a line that match accepts (nil accepts any), and returns the first one.
func (p *Platform) AwaitLine(ctx context.Context, c *Chat, match func(Line) bool) (Line, error) {
	var found Line
	seen := 0
	err := p.await(ctx, &c.bell, func() bool {
		p.mu.Lock()
		fresh := c.messages[seen:]
		lines := make([]Line, len(fresh))
		for i, m := range fresh {
			lines[i] = m.line()
		}
		p.mu.Unlock()
		for _, l := range lines {
			seen++
			if match == nil || match(l) {
				found = l
				return true
			}
		}
		return false
	})
	if err != nil {
		return Line{}, fmt.Errorf("%w (the chat's lines so far: %s)", err, summary(c.Lines()))
	}
	return found, nil
}

// AwaitState waits until the chat's state satisfies cond.
func (p *Platform) AwaitState(ctx context.Context, c *Chat, cond func(ChatState) bool) error {
	return p.await(ctx, &c.bell, func() bool { return cond(c.State()) })
}

// AwaitCalls waits until n finished calls match and returns all that do. Calls forgotten through Options.Keep do not count.
func (p *Platform) AwaitCalls(ctx context.Context, n int, match func(Call) bool) ([]Call, error) {
	return p.awaitCalls(ctx, n, func(c Call) bool { return c.Done && (match == nil || match(c)) })
}

// AwaitArrivals is like AwaitCalls, but also counts calls that are not finished, for example because a fault keeps them without an answer.
func (p *Platform) AwaitArrivals(ctx context.Context, n int, match func(Call) bool) ([]Call, error) {
	return p.awaitCalls(ctx, n, match)
}

func (p *Platform) awaitCalls(ctx context.Context, n int, match func(Call) bool) (found []Call, err error) {
	err = p.Await(ctx, func() bool {
		found = p.Calls(match)
		return len(found) >= n
	})
	if err != nil {
		err = fmt.Errorf("%w (%d of %d calls)", err, len(found), n)
	}
	return found, err
}

// AwaitDeliveries waits until all webhooks were answered or given up. Held webhooks do not count.
func (p *Platform) AwaitDeliveries(ctx context.Context) error {
	return p.Await(ctx, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.sending == 0
	})
}

// ByBot accepts the lines of type msg that bots wrote.
func ByBot(l Line) bool { return l.Who == "bot" && l.Type == "msg" }

// BotSays accepts a bot's message with this text.
func BotSays(text string) func(Line) bool {
	return func(l Line) bool { return ByBot(l) && l.Text == text }
}

func summary(lines []Line) string {
	s := ""
	for _, l := range lines {
		s += fmt.Sprintf("[%s %s %q]", l.Who, l.Type, l.Text)
	}
	return s
}
