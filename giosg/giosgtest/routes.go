package giosgtest

import (
	"net/http"
	"net/url"
	"strings"
)

// params are the ids in a path.
type params struct{ user, org, chat, client, room, team string }

// route is a path of the API with its methods.
type route struct {
	pattern  string
	segments []string
	do       map[string]func(*query) reply
}

type methods = map[string]func(*query) reply

const (
	get   = http.MethodGet
	post  = http.MethodPost
	patch = http.MethodPatch
	del   = http.MethodDelete
)

// routes are all paths of the API, by their number of segments.
var routes = func() map[int][]*route {
	table := map[string]methods{
		"/api/v5/users/me":     {get: getMe},
		"/api/v5/users/{user}": {get: getMe, patch: patchUser},

		"/api/v5/users/{user}/clients":          {get: listClients, post: postClient},
		"/api/v5/users/{user}/clients/{client}": {get: getClient, patch: patchClient, del: deleteClient},

		"/api/v5/users/{user}/rooms":        {get: listRooms},
		"/api/v5/users/{user}/rooms/{room}": {get: getRoom},

		"/api/v5/users/{user}/chat_memberships":        {get: listChatMemberships},
		"/api/v5/users/{user}/chat_memberships/{chat}": {get: getChatMembership, patch: patchChatMembership},

		"/api/v5/users/{user}/chats/{chat}/outgoing_chat_invitations": {get: listInvitations, post: postInvitation},

		"/api/v5/orgs/{org}":              {get: getOrg},
		"/api/v5/orgs/{org}/users":        {get: listUsers},
		"/api/v5/orgs/{org}/rooms":        {get: listRooms},
		"/api/v5/orgs/{org}/rooms/{room}": {get: getRoom},
		"/api/v5/orgs/{org}/teams":        {get: listTeamsV5},
		"/api/v5/orgs/{org}/teams/{team}": {get: getTeamV5},
		"/api/v6/orgs/{org}/teams":        {get: listTeamsV6},
		"/api/v6/orgs/{org}/teams/{team}": {get: getTeamV6},
	}
	for prefix, collections := range map[string][]string{
		"/api/v5/users/{user}/": {routedChats, pendingChats, userChats},
		"/api/v5/orgs/{org}/":   {ownedChats},
	} {
		for _, name := range collections {
			path := prefix + name
			in := collectionHandlers{name}
			table[path] = methods{get: in.list}
			table[path+"/{chat}"] = methods{get: in.get}
			table[path+"/{chat}/memberships"] = methods{get: in.listMembers, post: in.join}
			table[path+"/{chat}/messages"] = methods{get: in.listMessages}
			if name == userChats {
				table[path+"/{chat}"][patch] = patchChat
				table[path+"/{chat}/messages"][post] = postMessage
			}
		}
	}
	out := map[int][]*route{}
	for pattern, do := range table {
		segments := strings.Split(pattern[1:], "/")
		out[len(segments)] = append(out[len(segments)], &route{pattern, segments, do})
	}
	return out
}()

// findRoute finds the route of an escaped path. A trailing slash makes no difference.
func findRoute(path string) (*route, params) {
	path = strings.TrimSuffix(path, "/")
	if path == "" || path[0] != '/' {
		return nil, params{}
	}
	segments := strings.Split(path[1:], "/")
	var best *route
	for _, r := range routes[len(segments)] {
		if r.matches(segments) && (best == nil || best.pattern > r.pattern) {
			best = r // a word sorts before the brace of a placeholder
		}
	}
	if best == nil {
		return nil, params{}
	}
	return best, best.read(segments)
}

func (r *route) matches(segments []string) bool {
	for i, want := range r.segments {
		if want != segments[i] && want[0] != '{' {
			return false
		}
	}
	return true
}

func (r *route) read(segments []string) (at params) {
	for i, want := range r.segments {
		have := segments[i]
		switch want {
		case "{user}":
			at.user = have
		case "{org}":
			at.org = have
		case "{chat}":
			at.chat = have
		case "{client}":
			at.client = have
		case "{room}":
			at.room = have
		case "{team}":
			at.team = have
		}
	}
	return at
}

// badPath returns what is wrong with an escaped path that no correct client sends, or "".
func badPath(path string) string {
	plain, err := url.PathUnescape(path)
	switch {
	case err != nil:
		return "bad escapes"
	case strings.Contains(plain, "\\"):
		return "a backslash"
	case strings.Count(plain, "/") != strings.Count(path, "/"):
		return "an encoded slash"
	case strings.Contains(plain, "//"):
		return "an empty segment"
	}
	for segment := range strings.SplitSeq(plain, "/") {
		if segment == "." || segment == ".." {
			return "dots"
		}
		for _, c := range []byte(segment) {
			if c <= ' ' || c >= 0x7f || strings.IndexByte(`?#%{}<>"`, c) >= 0 {
				return "characters that no id has"
			}
		}
	}
	return ""
}
