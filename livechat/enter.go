package livechat

import (
	"context"
	"maps"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/playbook"
	"giosgbot/replay"
)

const notRouted = "the chat is not routed to the bot any more"

// Enter implements [bot.Chat]. An agent takes a pending chat, a greeter one that is routed to it.
func (c *conversation) Enter(ctx context.Context, mode playbook.Mode) (chat.Entry, string, error) {
	enter := c.takePending
	if mode == playbook.Greeter {
		enter = c.takeRouted
	}
	entry, reason, err := enter(ctx)
	return entry, reason, c.fail(ctx, err)
}

// takePending joins a pending chat. giosg gives it to one user only.
func (c *conversation) takePending(ctx context.Context) (chat.Entry, string, error) {
	err := c.change(ctx, func(ctx context.Context) error {
		_, err := c.api.JoinPending(ctx, c.id)
		return err
	})
	if giosg.KindOf(err) == giosg.Taken {
		return c.unlessMember(ctx, "another user took the chat")
	}
	return chat.In, "", c.joined(playbook.Agent, err)
}

// takeRouted joins a routed chat that nobody serves. Nothing keeps two users from joining one at the same time, so it looks before and
// after.
func (c *conversation) takeRouted(ctx context.Context) (chat.Entry, string, error) {
	const taken = "another user serves the chat"
	now, err := c.api.RoutedChat(ctx, c.id)
	switch {
	case gone(err):
		return chat.Closed, notRouted, nil
	case err != nil:
		return 0, "", err
	case now.Ended():
		return chat.Closed, "the chat is over", nil
	case now.PresentUserParticipantCount > 0:
		entry, reason, err := c.unlessMember(ctx, taken)
		if err != nil || entry != chat.In {
			return entry, reason, err
		}
	default:
		err := c.changeOnce(ctx, func(ctx context.Context) error { // while what was just seen is still true
			_, err := c.api.JoinRouted(ctx, c.id, true)
			return err
		})
		if err := c.joined(playbook.Greeter, err); err != nil {
			return 0, "", err
		}
	}
	if c.a.Book.NeedsRoom() && c.ev.Room != "" {
		if _, _, err := c.About(ctx, c.ev.Room); err != nil { // it is remembered, so that the bot speaks right after it has read the chat
			return 0, "", err
		}
	}
	second, err := c.second(ctx)
	if err != nil || !second {
		return chat.In, "", err
	}
	if err := c.change(ctx, func(ctx context.Context) error { return c.api.Leave(ctx, c.id) }); err != nil {
		return 0, "", err
	}
	c.a.Log.Info("left")
	return chat.Taken, taken, nil
}

// joined notes that the bot has joined, if err is nil.
func (c *conversation) joined(mode playbook.Mode, err error) error {
	if giosg.KindOf(err) == giosg.Forbidden {
		return chat.Hopelessly(err)
	}
	if err == nil {
		c.justJoined = true
		c.a.Log.Info("joined", "mode", mode)
	}
	return err
}

// unlessMember returns Taken, unless an earlier attempt of the bot's own has taken the chat.
func (c *conversation) unlessMember(ctx context.Context, reason string) (chat.Entry, string, error) {
	if c.a.Number == 1 {
		return chat.Taken, reason, nil
	}
	lines, err := c.read(ctx)
	if gone(err) {
		return chat.Taken, reason, nil
	}
	if err != nil {
		return 0, "", err
	}
	c.lines = lines
	role, err := c.role(ctx, lines)
	if err != nil || role == chat.Serving {
		return chat.In, "", err
	}
	return chat.Taken, reason, nil
}

// second reports whether another user who is present had joined when the bot did, and the bot has not spoken yet. The record says who was
// first, so of two bots that come at once one stays. While the record does not show the bot's own join, nothing is known, and the bot stays.
func (c *conversation) second(ctx context.Context) (bool, error) {
	lines, err := c.read(ctx)
	if err != nil {
		return false, err
	}
	c.lines = lines
	if !joinedSecond(lines) {
		return false, nil
	}
	now, err := c.api.RoutedChat(ctx, c.id)
	if gone(err) {
		return false, nil
	}
	return now.PresentUserParticipantCount > 1, err
}

// joinedSecond reports whether another user was in the chat when the bot joined, and has not left since, and the bot has not spoken yet.
func joinedSecond(lines []replay.Line) bool {
	in, before := map[string]bool{}, map[string]bool{}
	for _, l := range lines {
		switch l.Kind {
		case replay.Join:
			in[l.Who] = true
		case replay.Leave:
			delete(in, l.Who)
			delete(before, l.Who)
		case replay.OwnJoin:
			before = maps.Clone(in)
		case replay.Own:
			return false
		}
	}
	return len(before) > 0
}

// Unserved implements [bot.Chat]. It asks giosg once in an attempt.
func (c *conversation) Unserved(ctx context.Context) (string, error) {
	if c.served {
		return "", nil
	}
	now, err := c.api.RoutedChat(ctx, c.id)
	switch {
	case gone(err):
		return notRouted, nil
	case err != nil:
		return "", c.fail(ctx, err)
	case now.Ended():
		return "the chat is over", nil
	case now.PresentUserParticipantCount == 0 && (now.IsWaiting || now.IsPending || now.UserMemberCount == 0):
		// If the bot spoke, giosg would count the visitor as served.
		return "nobody serves the chat yet", nil
	}
	c.served = true
	return "", nil
}

// SitIn implements [bot.Chat].
func (c *conversation) SitIn(ctx context.Context) (string, error) {
	if reason, err := c.Unserved(ctx); reason != "" || err != nil {
		return reason, err
	}
	err := c.changeOnce(ctx, func(ctx context.Context) error { // while that is still true
		_, err := c.api.JoinRouted(ctx, c.id, false)
		return err
	})
	if gone(err) {
		return notRouted, nil
	}
	if err == nil {
		c.justJoined = true
		c.a.Log.Info("joined", "mode", playbook.Sidekick)
	}
	return "", c.fail(ctx, err)
}
