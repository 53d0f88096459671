package giosgtest

import (
	"encoding/json"
	"net/http"
	"time"
)

func (u *User) resourceLocked() map[string]any {
	first, last := u.names()
	state := u.stateLocked()
	var alias, email any
	if u.alias != "" {
		alias = u.alias
	}
	return map[string]any{
		"id": u.ID, "email": email, "organization_id": u.org.ID, "organization": u.org.nested(),
		"first_name": first, "last_name": last, "full_name": u.Name, "is_manager": false, "is_staff": false,
		"alias": alias, "gender": nil, "birthday": nil, "phone": nil, "title": nil,
		"created_at": stamp(u.created), "updated_at": stamp(u.updated), "deleted_at": nil, "is_deleted": false,
		"avatar_id": nil, "avatar": nil, "is_online_enabled": state.enabled, "is_online": state.online, "is_present": state.present,
		"current_chat_count": len(u.open.at), "is_bot": u.IsBot,
	}
}

func getMe(q *query) reply { return ok(q.user.resourceLocked()) }

func patchUser(q *query) reply {
	q.knownLocked("is_online_enabled", "alias")
	enabled, given, denied := boolean(q.fields, "is_online_enabled")
	if denied != nil {
		return *denied
	}
	alias, denied := words(q.fields, "alias")
	switch {
	case denied != nil:
		return *denied
	case alias != nil && *alias == "":
		return invalid("alias", "This field may not be blank.")
	case alias != nil:
		q.user.alias = *alias
	}
	if given {
		before := q.user.stateLocked()
		q.user.onlineEnabled = enabled
		q.user.changedLocked(before)
	}
	return ok(q.user.resourceLocked())
}

func listUsers(q *query) reply {
	users := q.user.org.users
	return q.listLocked(len(users), false, func(i int) any { return users[i].resourceLocked() })
}

type clientResource struct {
	ID                 string         `json:"id"`
	PresenceExpiresIn  int64          `json:"presence_expires_in"`
	PresenceExpiresAt  stamp          `json:"presence_expires_at"`
	IsPresent          bool           `json:"is_present"`
	IsAboutToExpire    bool           `json:"is_about_to_expire"`
	GCMToken           *string        `json:"gcm_token"`
	Properties         map[string]any `json:"properties"`
	SubscribedChannels []string       `json:"subscribed_channels"`
	CreatedAt          stamp          `json:"created_at"`
	UpdatedAt          stamp          `json:"updated_at"`
}

func (cl *client) resource(now time.Time) clientResource {
	left := cl.expires.Sub(now)
	return clientResource{ID: cl.id, PresenceExpiresIn: cl.lifetime, PresenceExpiresAt: stamp(cl.expires),
		IsPresent: left > 0, IsAboutToExpire: left > 0 && left < 10*time.Second,
		Properties: map[string]any{}, SubscribedChannels: []string{}, CreatedAt: stamp(cl.created), UpdatedAt: stamp(cl.updated)}
}

// clientLocked returns the client of the path, or nil.
func (q *query) clientLocked(now time.Time) *client {
	for _, cl := range q.user.clients {
		if cl.id == q.at.client {
			if q.p.opts.ForgetExpiredClients && !cl.expires.After(now) {
				return nil
			}
			return cl
		}
	}
	return nil
}

// lifetime parses presence_expires_in. It returns nil if it is missing.
func (q *query) lifetime() (*int64, *reply) {
	const name = "presence_expires_in"
	raw, given := q.fields[name]
	if !given {
		return nil, nil
	}
	var seconds int64
	if isNull(raw) || json.Unmarshal(raw, &seconds) != nil {
		bad := invalid(name, "A valid integer is required.")
		return nil, &bad
	}
	if seconds < 1 {
		bad := invalid(name, "Ensure this value is greater than or equal to 1.")
		return nil, &bad
	}
	return &seconds, nil
}

func listClients(q *query) reply {
	now := q.p.nowLocked()
	clients := q.user.clients
	return q.listLocked(len(clients), false, func(i int) any {
		if q.p.opts.ForgetExpiredClients && !clients[i].expires.After(now) {
			return nil
		}
		return clients[i].resource(now)
	})
}

func getClient(q *query) reply {
	now := q.p.nowLocked()
	cl := q.clientLocked(now)
	if cl == nil {
		return notFound()
	}
	return ok(cl.resource(now))
}

func postClient(q *query) reply {
	q.knownLocked("presence_expires_in", "properties", "gcm_token", "subscribed_channels")
	seconds, denied := q.lifetime()
	switch {
	case denied != nil:
		return *denied
	case seconds == nil:
		return invalid("presence_expires_in", "This field is required.")
	}
	cl := q.user.addClientLocked(*seconds)
	q.p.ringLocked(nil)
	return created(cl.resource(q.p.nowLocked()))
}

func patchClient(q *query) reply {
	q.knownLocked("presence_expires_in", "properties", "gcm_token", "subscribed_channels")
	now := q.p.nowLocked()
	cl := q.clientLocked(now)
	if cl == nil {
		return notFound()
	}
	seconds, denied := q.lifetime()
	if denied != nil {
		return *denied
	}
	if seconds == nil {
		seconds = &cl.lifetime
	}
	status := http.StatusOK
	if !cl.expires.After(now) {
		status = http.StatusCreated // an expired client is revived
	}
	before := q.user.stateLocked()
	q.user.refreshLocked(cl, *seconds, now)
	q.user.changedLocked(before)
	q.p.ringLocked(nil)
	return reply{status: status, body: cl.resource(now)}
}

func deleteClient(q *query) reply {
	now := q.p.nowLocked()
	cl := q.clientLocked(now)
	if cl == nil {
		return notFound()
	}
	before := q.user.stateLocked()
	q.user.dropClientLocked(cl, now)
	q.user.changedLocked(before)
	q.p.ringLocked(nil)
	return reply{status: http.StatusNoContent}
}
