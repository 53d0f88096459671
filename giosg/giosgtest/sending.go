package giosgtest

import (
	"context"
	"slices"
	"time"
)

// laneKey names the webhooks that Manners.InOrder keeps in order.
type laneKey struct{ user, chat string }

type lane struct{ waiting []parcel }

type parcel struct {
	event   Event
	manners Manners
	number  int // of the copy
	lag     time.Duration
}

// dispatchLocked puts an event into a hold or sends it as the platform's Manners say.
func (p *Platform) dispatchLocked(e Event) {
	if p.opts.Manners.KeepToken {
		if u := p.users[e.UserID]; u != nil {
			e.token = p.mintLocked(u, p.opts.TokenLife)
		}
	}
	p.events.add(e)
	for _, h := range p.holds {
		if h.match == nil || h.match(e) {
			h.held = append(h.held, e)
			p.ringLocked(nil)
			return
		}
	}
	p.sendLocked(e)
}

// sendLocked chooses copies and lags for an event and starts its deliveries.
func (p *Platform) sendLocked(e Event) {
	m := *p.opts.Manners
	if p.closed {
		return
	}
	if m.Drop > 0 && p.dice.Float64() < m.Drop {
		p.noteDeliveryLocked(Delivery{Event: e, At: p.nowLocked(), Dropped: true})
		return
	}
	copies := 1
	if m.Duplicate > 0 && p.dice.Float64() < m.Duplicate {
		copies += 1 + p.dice.IntN(max(m.Copies, 1))
	}
	for number := range copies {
		lag := m.LagMin
		if m.LagMax > m.LagMin {
			lag += time.Duration(p.dice.Int64N(int64(m.LagMax - m.LagMin)))
		}
		p.startLocked(parcel{e, m, number, lag})
	}
}

func (p *Platform) startLocked(pc parcel) {
	p.sending++
	if !pc.manners.InOrder {
		p.work.Go(func() { p.deliver(pc) })
		return
	}
	key := laneKey{pc.event.UserID, pc.event.ChatID}
	if l := p.lanes[key]; l != nil {
		l.waiting = append(l.waiting, pc)
		return
	}
	l := &lane{waiting: []parcel{pc}}
	p.lanes[key] = l
	p.work.Go(func() { p.runLane(key, l) })
}

func (p *Platform) runLane(key laneKey, l *lane) {
	for {
		p.mu.Lock()
		if len(l.waiting) == 0 {
			delete(p.lanes, key)
			p.mu.Unlock()
			return
		}
		pc := l.waiting[0]
		l.waiting = l.waiting[1:]
		p.mu.Unlock()
		p.deliver(pc)
	}
}

// deliver sends one copy of an event until it is accepted or the platform gives up.
func (p *Platform) deliver(pc parcel) {
	defer func() {
		p.mu.Lock()
		p.sending--
		p.ringLocked(nil)
		p.mu.Unlock()
	}()
	if !p.pause(p.ctx, pc.lag) {
		return
	}
	attempts, backoff := max(pc.manners.Attempts, 1), pc.manners.Backoff
	for n := 1; n <= attempts; n++ {
		if d := p.attempt(p.ctx, pc.event, pc.manners, pc.number, n, n == attempts); d.OK() {
			return
		}
		if n < attempts && !p.pause(p.ctx, backoff) {
			return
		}
		backoff *= 2
	}
}

// pause waits and reports whether the time has passed. ctx and the end of the platform end it early.
func (p *Platform) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-p.ctx.Done():
	}
	return false
}

// Hold keeps webhooks back. Create it with Platform.Hold.
type Hold struct {
	p     *Platform
	match func(Event) bool
	held  []Event
}

// Hold keeps back every new event that match accepts (nil accepts all) until it is released. match must not call the platform.
func (p *Platform) Hold(match func(Event) bool) *Hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := &Hold{p: p, match: match}
	p.holds = append(p.holds, h)
	return h
}

// Events returns the events that are kept back now, in the order of the changes.
func (h *Hold) Events() []Event {
	h.p.mu.Lock()
	defer h.p.mu.Unlock()
	return slices.Clone(h.held)
}

// Await waits until n events are kept back, and returns all.
func (h *Hold) Await(ctx context.Context, n int) (held []Event, err error) {
	err = h.p.Await(ctx, func() bool {
		held = h.Events()
		return len(held) >= n
	})
	return held, err
}

// Release sends events that were kept back, in the given order: each once, and the next only after the one before was answered. Without
// events it sends all of them in the order of the changes. The hold continues.
func (h *Hold) Release(ctx context.Context, events ...Event) error {
	h.p.mu.Lock()
	if len(events) == 0 {
		events = slices.Clone(h.held)
	}
	h.removeLocked(events)
	h.p.mu.Unlock()
	for _, e := range events {
		if _, err := h.p.Send(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hold) removeLocked(events []Event) {
	h.held = slices.DeleteFunc(h.held, func(held Event) bool {
		return slices.ContainsFunc(events, func(e Event) bool { return e.Seq == held.Seq })
	})
}

// Drop deletes events that were kept back, all of them if none is given, as if their webhooks were lost. The hold continues.
func (h *Hold) Drop(events ...Event) {
	h.p.mu.Lock()
	defer h.p.mu.Unlock()
	if len(events) == 0 {
		h.held = nil
		return
	}
	h.removeLocked(events)
}

// End ends the hold and sends the remaining events as the platform's Manners say.
func (h *Hold) End() {
	h.p.mu.Lock()
	defer h.p.mu.Unlock()
	h.p.holds = slices.DeleteFunc(h.p.holds, func(other *Hold) bool { return other == h })
	for _, e := range h.held {
		h.p.sendLocked(e)
	}
	h.held = nil
	h.p.ringLocked(nil)
}
