package giosg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// newestFirst asks for messages in the order of the time, newest first
// ("Paginated collections" in giosg's API concepts). The documents do not say
// whether lists of messages know it.
const newestFirst = "?ordering=-created_at"

// orderingRefused is for how long the parameter is not used after giosg refused
// it.
const orderingRefused = 10 * time.Minute

// History holds what was read of a chat's messages. It keeps the pages that were
// read when a read fails, so that the next one goes on there. A History is not
// safe for concurrent use.
type History struct {
	chat  ChatID
	route *route
	// segments are parts of a list that goes from the newest message back, the
	// newest part first. There is a gap behind each but the last.
	segments []*segment
	// forward is the list, once it is known to begin with the oldest message.
	forward *segment
}

// segment is a part of a list without gaps: the pages read so far.
type segment struct {
	messages  []Message // in the order of the list
	last      string    // URL of the last page that was read
	lastStart int       // where its messages begin
	next      string    // URL of the page to be read next; "" if there is none
	seen      map[string]bool
	order     direction // of the first compared+1 messages
	compared  int
}

// NewHistory returns an empty History of a chat. If routed is false, the bot must
// be a member of the chat, as for [Session.Messages]; otherwise the chat must be
// routed to the bot, as for [Session.RoutedMessages].
func NewHistory(chat ChatID, routed bool) *History {
	h := &History{chat: chat, route: &listMessages}
	if routed {
		h.route = &listRoutedMessages
	}
	return h
}

// ReadHistory reads a chat's messages from the newest back until enough returns
// true, or all of them, and returns those that were read, oldest first. It calls
// enough with the messages that were read since it was last called, oldest first;
// nil means never enough.
//
// If giosg does not list the newest messages first, it reads all messages. If it
// fails, call it again with the same History: it reads what is new, and goes on
// with the page that failed. The errors are those of [Session.Messages].
func (s *Session) ReadHistory(ctx context.Context, h *History, enough func([]Message) bool) ([]Message, error) {
	if h.forward == nil {
		if err := s.readFirst(ctx, h); err != nil {
			return nil, err
		}
	} else if h.forward.next == "" { // the last page may have grown
		h.forward.next = h.forward.last
	}
	checked := 0
	for {
		part := h.current()
		order := part.direction()
		switch {
		case order == mixed:
			*h = *NewHistory(h.chat, h.route == &listRoutedMessages)
			ms, err := list[Message](ctx, s, h.route, 0, s.user(), string(h.chat))
			return inOrder(ms), err
		case part.next == "":
			return part.oldestFirst(), nil
		case order == newToOld && enough != nil:
			if enough(inOrder(slices.Clone(part.messages[checked:]))) {
				return part.oldestFirst(), nil
			}
			checked = len(part.messages)
		}
		if err := s.readNext(ctx, h.route, part, part.next); err != nil {
			return nil, err
		}
	}
}

// current returns the part of the list to go on with.
func (h *History) current() *segment {
	if h.forward != nil {
		return h.forward
	}
	h.join()
	newest := h.segments[0]
	if newest.direction() == oldToNew {
		h.forward, h.segments = newest, nil
	}
	return newest
}

// readFirst adds a segment with the first page, which it reads with the ordering
// parameter unless giosg refuses it.
func (s *Session) readFirst(ctx context.Context, h *History) (err error) {
	plain, err := h.route.url(s.c.prefix, s.user(), string(h.chat))
	if err != nil {
		return err
	}
	newest := &segment{seen: map[string]bool{}}
	defer func() {
		if err == nil {
			h.segments = slices.Insert(h.segments, 0, newest)
		}
	}()
	if time.Now().UnixNano() < s.c.noOrdering.Load() {
		return s.readNext(ctx, h.route, newest, plain)
	}
	ordered := s.readNext(ctx, h.route, newest, plain+newestFirst)
	if e, _ := errors.AsType[*Error](ordered); e == nil || e.Status != 400 && e.Status != 422 {
		return ordered
	}
	if s.readNext(ctx, h.route, newest, plain) != nil {
		return ordered // the parameter was not the reason
	}
	s.c.noOrdering.Store(time.Now().Add(orderingRefused).UnixNano())
	return nil
}

// readNext reads a page into a segment.
func (s *Session) readNext(ctx context.Context, r *route, to *segment, at string) error {
	var p page[Message]
	if err := readPage(ctx, s, r, at, &p); err != nil {
		return err
	}
	next := ""
	if p.Next != "" {
		var err error
		if next, err = s.c.follow(at, p.Next); err != nil {
			return r.fail(Invalid, err)
		}
		if next == at || to.seen[next] && at != to.last {
			return r.fail(Invalid, errCycle)
		}
		if len(to.seen) >= s.c.maxPages {
			return r.fail(Invalid, fmt.Errorf("the list has more than %d pages", s.c.maxPages))
		}
	}
	if at == to.last { // again
		to.messages = to.messages[:to.lastStart]
		to.order, to.compared = unknown, 0
	}
	to.seen[at] = true
	to.lastStart = len(to.messages)
	to.messages = append(to.messages, p.Results...)
	to.last, to.next = at, next
	return nil
}

// join joins the newest segment with older ones that it has reached.
func (h *History) join() {
	for len(h.segments) > 1 {
		newest, older := h.segments[0], h.segments[1]
		known := make(map[MessageID]bool, len(older.messages))
		for _, m := range older.messages {
			known[m.ID] = true
		}
		i := slices.IndexFunc(newest.messages, func(m Message) bool { return known[m.ID] })
		if i < 0 && newest.next != "" {
			return
		}
		if i < 0 { // the list has ended, so older has nothing that is still there
			h.segments = h.segments[:1]
			return
		}
		newest.messages = append(newest.messages[:i:i], older.messages...)
		newest.lastStart = i + older.lastStart
		newest.last, newest.next, newest.seen = older.last, older.next, older.seen
		newest.order, newest.compared = unknown, 0
		h.segments = slices.Delete(h.segments, 1, 2)
	}
}

// direction is the order of a list.
type direction int

const (
	unknown direction = iota // all times are the same
	newToOld
	oldToNew
	mixed
)

func (g *segment) direction() direction {
	for ; g.compared+1 < len(g.messages); g.compared++ {
		d := unknown
		switch g.messages[g.compared+1].CreatedAt.Compare(g.messages[g.compared].CreatedAt.Time) {
		case 1:
			d = oldToNew
		case -1:
			d = newToOld
		}
		if g.order == unknown {
			g.order = d
		} else if d != unknown && d != g.order {
			g.order = mixed
		}
	}
	return g.order
}

// oldestFirst returns the messages in the order of their times.
func (g *segment) oldestFirst() []Message { return inOrder(slices.Clone(g.messages)) }
