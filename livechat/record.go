package livechat

import (
	"context"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/playbook"
	"giosgbot/replay"
)

// Record implements [bot.Chat].
func (c *conversation) Record(ctx context.Context) ([]replay.Line, error) {
	lines, err := c.read(ctx)
	return lines, c.fail(ctx, err)
}

// Overheard implements [bot.Chat]. The Record that follows returns the same lines.
func (c *conversation) Overheard(ctx context.Context, member bool) ([]replay.Line, error) {
	if !member && c.lines == nil {
		messages, err := c.api.RoutedMessages(ctx, c.id)
		if err == nil {
			c.lines = c.linesOf(messages)
		} else if !denied(err) {
			return nil, c.fail(ctx, err)
		}
	}
	lines, err := c.read(ctx) // a former member can read the chat, even if it is not routed to the bot any more
	if denied(err) {
		return nil, nil
	}
	c.lines = lines
	return lines, c.fail(ctx, err)
}

// read returns the chat's lines, oldest first: those of a reading just before, or as giosg has them now.
func (c *conversation) read(ctx context.Context) ([]replay.Line, error) {
	if lines := c.lines; lines != nil {
		c.lines = nil
		return lines, nil
	}
	messages, err := c.api.Messages(ctx, c.id)
	if err != nil {
		return nil, err
	}
	return c.linesOf(messages), nil
}

func (c *conversation) linesOf(messages []giosg.Message) []replay.Line {
	c.a.Log.Debug("chat read", "messages", len(messages))
	lines := make([]replay.Line, 0, len(messages))
	for _, m := range messages {
		lines = append(lines, line(m, c.user))
	}
	return lines
}

// line returns a message as a bot user sees it.
func line(m giosg.Message, bot giosg.UserID) replay.Line {
	l := replay.Line{ID: string(m.ID), At: m.CreatedAt.Time, Text: m.Words(), Value: m.ResponseValue}
	kind, _ := Kind(m, bot)
	user := m.SenderType == giosg.SenderUser
	own := user && m.SenderID == string(bot)
	switch {
	case kind == chat.Said:
		l.Kind = replay.Said
	case kind == chat.Pressed:
		l.Kind = replay.Pressed
	case kind == chat.Human:
		l.Kind = replay.Human
	case own && m.Type == giosg.TypeMsg:
		l.Kind = replay.Own
		l.Unreadable = m.Message == "" // purged or encrypted: the bot says nothing empty
	case own && m.Type == giosg.TypeJoin:
		l.Kind = replay.OwnJoin
	case own && m.Type == giosg.TypeLeave:
		l.Kind = replay.OwnLeave
	case user && m.Type == giosg.TypeJoin:
		l.Kind, l.Who = replay.Join, m.SenderID
	case user && m.Type == giosg.TypeLeave:
		l.Kind, l.Who = replay.Leave, m.SenderID
	}
	return l
}

// Role implements [bot.Chat]. The Record that follows returns the same lines.
func (c *conversation) Role(ctx context.Context, lines []replay.Line) (chat.Role, error) {
	c.lines = lines
	role, err := c.role(ctx, lines)
	return role, c.fail(ctx, err)
}

// role finds how the bot stands to a chat. Its lines do not say whether a member holds it. If the playbook can be a sidekick too, the
// membership does.
func (c *conversation) role(ctx context.Context, lines []replay.Line) (chat.Role, error) {
	role := roleOf(lines)
	if role == chat.Outside && c.ev.Member {
		role = chat.Serving // giosg says so; the line of the join is late
	}
	if role != chat.Serving || !c.a.Book.Has(playbook.Sidekick) {
		return role, nil
	}
	members, err := c.api.RoutedMemberships(ctx, c.id)
	if denied(err) {
		return role, nil
	}
	if err != nil {
		return role, err
	}
	for _, m := range members {
		if m.MemberID == string(c.user) && !m.IsParticipating {
			return chat.Aside, nil
		}
	}
	return role, nil
}

// roleOf returns what the lines alone say.
func roleOf(lines []replay.Line) chat.Role {
	role := chat.Outside
	for _, l := range lines {
		switch {
		case l.Kind == replay.OwnJoin, l.Kind == replay.Own && role == chat.Outside:
			role = chat.Serving
		case l.Kind == replay.OwnLeave:
			role = chat.Left
		}
	}
	return role
}

// Over implements [bot.Chat].
func (c *conversation) Over(ctx context.Context) (bool, error) {
	now, err := c.api.Chat(ctx, c.id)
	if gone(err) {
		return true, nil
	}
	return err == nil && now.Ended(), c.fail(ctx, err)
}
