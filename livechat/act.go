package livechat

import (
	"context"
	"fmt"
	"strings"
	"time"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/playbook"
	"giosgbot/replay"
)

// Do implements [bot.Chat].
func (c *conversation) Do(ctx context.Context, a playbook.Action) (replay.Mark, error) {
	var mark replay.Mark
	var err error
	switch a := a.(type) {
	case playbook.Say:
		mark, err = c.say(ctx, a)
	case playbook.Invite:
		err = c.invite(ctx, a)
	case playbook.Leave:
		err = c.change(ctx, func(ctx context.Context) error { return c.api.Leave(ctx, c.id) })
	case playbook.End:
		err = c.change(ctx, func(ctx context.Context) error { return c.api.EndChat(ctx, c.id) })
	case playbook.SetOnline:
		err = c.change(ctx, func(ctx context.Context) error { return c.api.SetOnline(ctx, a.Online) })
	default:
		err = chat.Hopelessly(fmt.Errorf("no such action: %T", a))
	}
	return mark, c.fail(ctx, err)
}

func (c *conversation) say(ctx context.Context, a playbook.Say) (replay.Mark, error) {
	var m giosg.Message
	err := c.change(ctx, func(ctx context.Context) (err error) {
		m, err = c.api.Send(ctx, c.id, giosg.NewMessage{
			Message: a.Text, Attachments: attachments(a.Attachments), AttachmentTemplate: a.Template,
		})
		return err
	})
	mark := replay.Mark{ID: string(m.ID), At: replay.Millis(m.CreatedAt.Time)}
	if mark.At == 0 {
		mark.At = replay.Millis(time.Now())
	}
	return mark, err
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

func (c *conversation) invite(ctx context.Context, a playbook.Invite) error {
	team, err := c.team(ctx, a.Team, a.Humans)
	if err != nil || team == nil {
		return err
	}
	return c.change(ctx, func(ctx context.Context) error { return c.api.InviteTeam(ctx, c.id, team.ID) })
}

// FindTeam implements [bot.Chat].
func (c *conversation) FindTeam(ctx context.Context, name string, humans bool) (bool, error) {
	team, err := c.team(ctx, name, humans)
	if err != nil || team == nil {
		return false, c.fail(ctx, err)
	}
	// Version 5 of the API does not tell of humans; there a team that is online counts.
	return team.IsOnline && (!humans || team.IsHumansOnline == nil || *team.IsHumansOnline), nil
}

// team returns the organization's team of a name, or nil. If there are several, it prefers one that is online.
func (c *conversation) team(ctx context.Context, name string, humans bool) (*giosg.Team, error) {
	if c.teams == nil {
		teams, err := c.listTeams(ctx, humans)
		if k := giosg.KindOf(err); k == giosg.Gone || k == giosg.Forbidden {
			c.a.Log.Warn("the organization's teams cannot be read, so nobody is found to hand over to", "err", err)
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

func (c *conversation) listTeams(ctx context.Context, humans bool) ([]giosg.Team, error) {
	if humans {
		teams, err := c.api.TeamsWithHumans(ctx)
		if k := giosg.KindOf(err); k != giosg.Gone && k != giosg.Invalid {
			return teams, err
		}
	}
	return c.api.Teams(ctx)
}
