package giosgtest

import "strings"

func (o *Org) nested() map[string]any { return map[string]any{"id": o.ID, "name": o.Name} }

func getOrg(q *query) reply {
	o := q.user.org
	on := q.p.onlineLocked(o.users, q.p.nowLocked())
	return ok(map[string]any{"id": o.ID, "name": o.Name, "is_online": on.any, "is_humans_online": on.humans, "is_present": on.present,
		"created_at": stamp(o.created), "updated_at": stamp(o.created)})
}

func (r *Room) resourceLocked() map[string]any {
	on := r.org.p.onlineLocked(r.usersLocked(), r.org.p.nowLocked())
	return map[string]any{
		"id": r.ID, "organization_id": r.org.ID, "organization": r.org.nested(), "domain": nil, "name": r.Name, "display_name": r.Name,
		"is_shared": false, "language_code": r.language, "created_at": stamp(r.created), "updated_at": stamp(r.created),
		"updated_by_user_id": nil, "updated_by_user": nil, "is_online": on.any, "is_humans_online": on.humans, "is_open": true,
		"is_service_hours_enabled": false, "is_deleted": false, "token": "room" + r.ID,
	}
}

func listRooms(q *query) reply {
	rooms := q.user.org.rooms
	return q.listLocked(len(rooms), false, func(i int) any { return rooms[i].resourceLocked() })
}

func getRoom(q *query) reply {
	r := q.p.rooms[q.at.room]
	if r == nil {
		return notFound()
	}
	if r.org != q.user.org {
		q.p.violatedLocked(q.call, WrongOrg, "token of organization "+q.user.org.ID+" on a room of "+r.org.ID)
		return notFound()
	}
	return ok(r.resourceLocked())
}

func (t *Team) resourceLocked(version int) map[string]any {
	now := t.org.p.nowLocked()
	on := t.org.p.onlineLocked(t.members, now)
	present := 0
	for _, u := range t.members {
		if u.presentAt(now) {
			present++
		}
	}
	out := map[string]any{
		"id": t.ID, "organization_id": t.org.ID, "organization": t.org.nested(), "name": t.Name, "display_name": t.Name,
		"member_count": len(t.members), "present_member_count": present, "is_online": on.any, "is_present": on.present,
		"created_by_user_id": nil, "created_by_user": nil, "updated_by_user_id": nil, "updated_by_user": nil,
		"created_at": stamp(t.created), "updated_at": stamp(t.created), "group_chat_id": nil, "is_connected_to_room": true,
	}
	if version >= 6 {
		out["is_humans_online"], out["is_deleted"], out["deleted_at"] = on.humans, false, nil
	}
	return out
}

func listTeamsV5(q *query) reply { return listTeams(q, 5) }
func listTeamsV6(q *query) reply { return listTeams(q, 6) }
func getTeamV5(q *query) reply   { return getTeam(q, 5) }
func getTeamV6(q *query) reply   { return getTeam(q, 6) }

func listTeams(q *query, version int) reply {
	teams := q.user.org.teams
	newestFirst := strings.HasPrefix(q.values.Get("ordering"), "-created_at")
	return q.listLocked(len(teams), newestFirst, func(i int) any { return teams[i].resourceLocked(version) })
}

func getTeam(q *query, version int) reply {
	t := q.p.teams[q.at.team]
	if t == nil || t.org != q.user.org {
		return notFound()
	}
	return ok(t.resourceLocked(version))
}

func (i Invitation) resource() map[string]any {
	var team, user any
	if i.InvitedTeamID != "" {
		team = i.InvitedTeamID
	}
	if i.InvitedUserID != "" {
		user = i.InvitedUserID
	}
	return map[string]any{"id": i.ID, "chat_id": i.ChatID, "invited_team_id": team, "invited_user_id": user,
		"inviting_user_id": i.ByUserID, "created_at": stamp(i.At)}
}

func listInvitations(q *query) reply {
	c, _ := q.memberChatLocked()
	if c == nil {
		return notFound()
	}
	return q.listLocked(len(c.invitations), false, func(i int) any { return c.invitations[i].resource() })
}

func postInvitation(q *query) reply {
	q.knownLocked("invited_team_id", "invited_user_id")
	c, _ := q.memberChatLocked()
	if c == nil {
		return notFound()
	}
	team, denied := words(q.fields, "invited_team_id")
	if denied != nil {
		return *denied
	}
	user, denied := words(q.fields, "invited_user_id")
	switch {
	case denied != nil:
		return *denied
	case team == nil && user == nil:
		return invalid("invited_team_id", "This field is required.")
	case !c.ended.IsZero():
		return q.endedLocked()
	}
	i := Invitation{ID: q.p.uuidLocked(), ChatID: c.ID, ByUserID: q.user.ID, At: c.stampLocked()}
	if team != nil {
		if t := q.p.teams[*team]; t == nil || t.org != c.org {
			return invalid("invited_team_id", "Object does not exist.")
		}
		i.InvitedTeamID = *team
	}
	if user != nil {
		if u := q.p.users[*user]; u == nil || u.org != c.org {
			return invalid("invited_user_id", "Object does not exist.")
		}
		i.InvitedUserID = *user
	}
	c.invitations = append(c.invitations, i)
	c.ringLocked()
	return created(i.resource())
}
