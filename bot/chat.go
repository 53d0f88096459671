package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/livechat"
	"giosgbot/playbook"
	"giosgbot/queue"
)

// chat is the platform's side of a turn: all that is giosg's own about reading a chat and acting in it.
type giosgChat struct {
	*turn
	s     *giosg.Session
	token giosg.Token

	lines      []line // read by findOut, for the look that follows at once
	served     bool   // by somebody, as was seen in this turn
	cold       bool   // the memo is of no use
	justJoined bool
	teams      []giosg.Team // of the organization, once they were asked for
}

// change makes one change on the platform. Its context ends before the lane can be another worker's: the API client sends nothing after
// its context's deadline, so a process that was frozen meanwhile sends nothing either.
func (c *giosgChat) change(ctx context.Context, f func(context.Context) error) error {
	return c.patiently(ctx, func() error { return c.changeNow(ctx, f) })
}

// changeNow is change for what must not be done later than now.
func (c *giosgChat) changeNow(ctx context.Context, f func(context.Context) error) error {
	end := time.Now().Add(c.Write)
	if until := c.lease.Until(); until.Before(end) {
		end = until
	}
	if !time.Now().Before(end) {
		return queue.ErrLost
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	err := f(ctx)
	c.acted = c.acted || !giosg.PutOff(err)
	return err
}

func (c *giosgChat) present(ctx context.Context) error {
	// Not with the patient session: others of the bot user may be waiting for this very refresh.
	err := c.patiently(ctx, func() error { return c.Presence.Ensure(ctx, c.API.As(c.token), c.book.Online()) })
	if final(err) {
		return &hopeless{err} // says nothing of this chat
	}
	return err
}

// join takes the chat: as an agent a pending one, as a greeter a routed one.
func (c *giosgChat) join(ctx context.Context, mode playbook.Mode) error {
	var err error
	if mode == playbook.Agent { // nobody gets what another has
		err = c.change(ctx, func(ctx context.Context) error {
			_, err := c.s.JoinPending(ctx, giosg.ChatID(c.ev.Chat))
			return err
		})
	} else { // nothing keeps two from joining, so the look at the chat just before must be a fresh one
		err = c.changeNow(ctx, func(ctx context.Context) error {
			_, err := c.s.JoinRouted(ctx, giosg.ChatID(c.ev.Chat), true)
			return err
		})
	}
	if giosg.KindOf(err) == giosg.Forbidden {
		return &hopeless{err}
	}
	if err == nil {
		c.justJoined = true
		c.log.Info("joined", "mode", mode)
	}
	return err
}

// unserved says why a sidekick must not speak: nobody serves the chat. It looks once in a turn.
func (c *giosgChat) unserved(ctx context.Context) (reason string, err error) {
	if c.served {
		return "", nil
	}
	now, err := c.s.RoutedChat(ctx, giosg.ChatID(c.ev.Chat))
	switch {
	case giosg.KindOf(err) == giosg.Gone:
		return "the chat is not routed to the bot any more", nil
	case err != nil:
		return "", err
	case now.Ended():
		return "the chat is over", nil
	case now.PresentUserParticipantCount == 0 && (now.IsWaiting || now.IsPending || now.UserMemberCount == 0):
		// A word of the bot's would make giosg believe that the visitor was served.
		return "nobody serves the chat yet", nil
	}
	c.served = true
	return "", nil
}

// sitIn makes the bot a member that holds no chat, if somebody serves it; otherwise it says why not.
func (c *giosgChat) sitIn(ctx context.Context) (reason string, err error) {
	if reason, err = c.unserved(ctx); reason != "" || err != nil {
		return reason, err
	}
	err = c.changeNow(ctx, func(ctx context.Context) error { // while that is still true
		_, err := c.s.JoinRouted(ctx, giosg.ChatID(c.ev.Chat), false)
		return err
	})
	if giosg.KindOf(err) == giosg.Gone {
		return "the chat is not routed to the bot any more", nil
	}
	if err == nil {
		c.justJoined = true
		c.log.Info("joined", "mode", playbook.Sidekick)
	}
	return "", err
}

// member tells whether the bot is a member that has joined and not left.
func (c *giosgChat) member(ctx context.Context) (bool, error) {
	lines, err := c.read(ctx)
	if giosg.KindOf(err) == giosg.Gone {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.lines = lines
	role, err := c.roleIn(ctx, lines)
	return role == serving, err
}

// second tells whether another user who is present had joined when the bot did, and the bot has not spoken yet. The chat's record says who
// was first, so of two bots that come at once one stays; while it does not show the bot's own join, nothing is known, and the bot stays.
func (c *giosgChat) second(ctx context.Context) (bool, error) {
	lines, err := c.read(ctx)
	if err != nil {
		return false, err
	}
	c.lines = lines // for the look that follows
	in, before := map[string]bool{}, map[string]bool{}
	for _, l := range lines {
		switch l.what {
		case otherJoin:
			in[l.who] = true
		case otherLeave:
			delete(in, l.who)
			delete(before, l.who)
		case ownJoin:
			before = maps.Clone(in)
		case ownWords:
			return false, nil
		}
	}
	if len(before) == 0 {
		return false, nil
	}
	now, err := c.s.RoutedChat(ctx, giosg.ChatID(c.ev.Chat))
	if giosg.KindOf(err) == giosg.Gone {
		return false, nil
	}
	return now.PresentUserParticipantCount > 1, err
}

// roleIn tells from a chat's lines how the bot stands to it. Lines do not tell whether a member holds the chat; if the playbook can be a
// sidekick too, its membership does.
func (c *giosgChat) roleIn(ctx context.Context, lines []line) (role, error) {
	r := outside
	for _, l := range lines {
		switch {
		case l.what == ownJoin || l.what == ownWords && r == outside:
			r = serving
		case l.what == ownLeave:
			r = left
		}
	}
	c.lines = lines
	if r == outside && c.ev.Member {
		r = serving // giosg says so, and the line of it is late
	}
	if r != serving || !c.book.Has(playbook.Sidekick) {
		return r, nil
	}
	members, err := c.s.RoutedMemberships(ctx, giosg.ChatID(c.ev.Chat))
	if final(err) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	for _, m := range members {
		if m.MemberID == string(c.ev.User) && !m.IsParticipating {
			return aside, nil
		}
	}
	return r, nil
}

// read returns the lines of the chat, oldest first.
func (c *giosgChat) read(ctx context.Context) ([]line, error) {
	if lines := c.lines; lines != nil {
		c.lines = nil
		return lines, nil
	}
	messages, err := c.s.Messages(ctx, giosg.ChatID(c.ev.Chat))
	if err != nil {
		return nil, err
	}
	return c.linesOf(messages), nil
}

// readAside is read for a sidekick, which need not be a member, and may not be allowed to read: then there is nothing. The next read
// returns the same.
func (c *giosgChat) readAside(ctx context.Context, member bool) (lines []line, err error) {
	if !member && c.lines == nil {
		messages, err := c.s.RoutedMessages(ctx, giosg.ChatID(c.ev.Chat))
		if err == nil {
			c.lines = c.linesOf(messages)
		} else if !final(err) {
			return nil, err
		}
	}
	lines, err = c.read(ctx) // who was a member once can read the chat, even if it is not routed to the bot any more
	if final(err) {
		return nil, nil
	}
	c.lines = lines
	return lines, err
}

// final tells whether giosg would refuse the same call later, too.
func final(err error) bool {
	k := giosg.KindOf(err)
	return k == giosg.Gone || k == giosg.Forbidden || k == giosg.Invalid
}

func (c *giosgChat) linesOf(messages []giosg.Message) []line {
	c.log.Debug("chat read", "messages", len(messages))
	lines := make([]line, 0, len(messages))
	for _, m := range messages {
		lines = append(lines, messageLine(m, giosg.UserID(c.ev.User)))
	}
	return lines
}

func messageLine(m giosg.Message, bot giosg.UserID) line {
	l := line{id: string(m.ID), at: m.CreatedAt.Time, text: m.Words(), value: m.ResponseValue}
	kind, _ := livechat.Kind(m, bot)
	own := m.SenderType == giosg.SenderUser && m.SenderID == string(bot)
	switch {
	case kind == chat.Said:
		l.what = said
	case kind == chat.Pressed:
		l.what = pressed
	case kind == chat.Human:
		l.what = human
	case own && m.Type == giosg.TypeMsg:
		l.what = ownWords
		l.unknown = m.Message == "" // purged or encrypted: the bot says nothing empty
	case own && m.Type == giosg.TypeJoin:
		l.what = ownJoin
	case own && m.Type == giosg.TypeLeave:
		l.what = ownLeave
	case m.SenderType == giosg.SenderUser && m.Type == giosg.TypeJoin:
		l.what, l.who = otherJoin, m.SenderID
	case m.SenderType == giosg.SenderUser && m.Type == giosg.TypeLeave:
		l.what, l.who = otherLeave, m.SenderID
	}
	return l
}

// eventLine is a visitor's event as a line.
func eventLine(ev chat.Event) line {
	l := line{id: ev.ID, at: ev.At, what: said, text: ev.Text, value: ev.Value}
	if ev.Kind == chat.Pressed {
		l.what = pressed
	}
	return l
}

// withEvent adds the event at hand to the lines if the platform does not show it yet.
func withEvent(lines []line, ev chat.Event) []line {
	if ev.Kind != chat.Said && ev.Kind != chat.Pressed ||
		slices.ContainsFunc(lines, func(l line) bool { return l.id == ev.ID }) {
		return lines
	}
	i, _ := slices.BinarySearchFunc(lines, ev.At, func(l line, at time.Time) int {
		if l.at.After(at) {
			return 1
		}
		return -1
	})
	return slices.Insert(lines, i, eventLine(ev))
}

// room looks up what the playbook needs to know of the room, once in a chat.
func (c *giosgChat) room(ctx context.Context) error {
	if c.memo.Looked || c.memo.Room == "" || !c.book.NeedsRoom() {
		return nil
	}
	r, err := c.rooms.get(ctx, c.s, giosg.RoomID(c.memo.Room))
	if err != nil {
		return err
	}
	c.memo.Looked, c.memo.Language, c.memo.RoomName = true, r.LanguageCode, r.Name
	return nil
}

// find tells whether a team is there to take over.
func (c *giosgChat) find(ctx context.Context, name string, humans bool) (bool, error) {
	team, err := c.team(ctx, name, humans)
	if err != nil || team == nil {
		return false, err
	}
	// Version 5 of the API does not tell of humans; then being online has to do.
	return team.IsOnline && (!humans || team.IsHumansOnline == nil || *team.IsHumansOnline), nil
}

// team returns the organization's team of a name, or nil. If there are several, one that is online.
func (c *giosgChat) team(ctx context.Context, name string, humans bool) (*giosg.Team, error) {
	if c.teams == nil {
		list := c.s.Teams
		if humans {
			list = c.s.TeamsWithHumans
		}
		teams, err := list(ctx)
		if humans && (giosg.KindOf(err) == giosg.Gone || giosg.KindOf(err) == giosg.Invalid) {
			teams, err = c.s.Teams(ctx)
		}
		if k := giosg.KindOf(err); k == giosg.Gone || k == giosg.Forbidden {
			c.log.Warn("the organization's teams cannot be read, so nobody is found to hand over to", "err", err)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		c.teams = teams
	}
	var best *giosg.Team
	for i, t := range c.teams {
		if t.IsDeleted || !strings.EqualFold(strings.TrimSpace(t.Name), strings.TrimSpace(name)) {
			continue
		}
		if best == nil || t.IsOnline && !best.IsOnline {
			best = &c.teams[i]
		}
	}
	return best, nil
}

// do carries out one action that changes something on the platform.
func (c *giosgChat) do(ctx context.Context, a playbook.Action, r *reply) error {
	switch a := a.(type) {
	case playbook.Say:
		return c.say(ctx, a, r)
	case invite:
		team, err := c.team(ctx, a.team, false)
		if err != nil || team == nil {
			return err
		}
		return c.note(c.change(ctx, func(ctx context.Context) error { return c.s.InviteTeam(ctx, giosg.ChatID(c.ev.Chat), team.ID) }), "invited", r, "team", team.Name)
	case playbook.Leave:
		return c.note(c.change(ctx, func(ctx context.Context) error { return c.s.Leave(ctx, giosg.ChatID(c.ev.Chat)) }), "left", r)
	case playbook.End:
		return c.note(c.change(ctx, func(ctx context.Context) error { return c.s.EndChat(ctx, giosg.ChatID(c.ev.Chat)) }), "ended", r)
	case playbook.SetOnline:
		return c.note(c.change(ctx, func(ctx context.Context) error { return c.s.SetOnline(ctx, a.Online) }), "online set", r, "online", a.Online)
	}
	return &hopeless{fmt.Errorf("no such action: %T", a)}
}

// note logs an effect that has come about.
func (c *giosgChat) note(err error, effect string, r *reply, attrs ...any) error {
	if err == nil {
		if effect == "left" || effect == "ended" {
			c.memo.Role = left
		}
		c.log.Info(effect, append(attrs, "rule", r.plan.Rule)...)
	}
	return err
}

func (c *giosgChat) say(ctx context.Context, a playbook.Say, r *reply) error {
	var m giosg.Message
	err := c.change(ctx, func(ctx context.Context) (err error) {
		m, err = c.s.Send(ctx, giosg.ChatID(c.ev.Chat), giosg.NewMessage{
			Message: a.Text, Attachments: attachments(a.Attachments), AttachmentTemplate: a.Template,
		})
		return err
	})
	if err != nil {
		return err
	}
	c.report.Said++
	if m.ID != "" {
		c.memo.Said = mark{ID: string(m.ID), At: ms(m.CreatedAt.Time)}
		c.memo.own(string(m.ID))
	} else {
		c.memo.Blind = true
	}
	if r.line.id == "" && c.memo.Greeted == 0 {
		c.memo.Greeted = ms(m.CreatedAt.Time)
		if m.CreatedAt.IsZero() {
			c.memo.Greeted = ms(time.Now())
		}
	}
	c.log.Info("said", "rule", r.plan.Rule, "message", m.ID)
	return nil
}

func attachments(in []playbook.Attachment) []giosg.Attachment {
	var out []giosg.Attachment
	for _, a := range in {
		to := giosg.Attachment{
			Title: a.Title, TitleLinkURL: a.TitleLinkURL, Text: a.Text,
			ImageURL: a.ImageURL, ImageLinkURL: a.ImageLinkURL, LinkTarget: a.LinkTarget,
		}
		for _, b := range a.Actions {
			to.Actions = append(to.Actions, giosg.Action{
				Text: b.Text, Type: b.Type, Value: b.Value, LinkTarget: b.LinkTarget, Style: b.Style,
				IsDisabledOnSelection: b.DisabledOnSelection, IsDisabledOnVisitorMessage: b.DisabledOnVisitorMessage,
			})
		}
		out = append(out, to)
	}
	return out
}

// over tells whether the chat has ended, or is not one that the bot may write in.
func (c *giosgChat) over(ctx context.Context) (bool, error) {
	now, err := c.s.Chat(ctx, giosg.ChatID(c.ev.Chat))
	if giosg.KindOf(err) == giosg.Gone {
		return true, nil
	}
	return err == nil && now.Ended(), err
}
