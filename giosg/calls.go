package giosg

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

const (
	usersPath = "/api/v5/users/<user>"
	chatPath  = usersPath + "/chats/<chat>"
)

var (
	getMe         = route{op: "get own user", method: "GET", path: "/api/v5/users/me"}
	setOnline     = route{op: "set online", method: "PATCH", path: usersPath}
	listClients   = route{op: "list clients", method: "GET", path: usersPath + "/clients"}
	createClient  = route{op: "create client", method: "POST", path: usersPath + "/clients"}
	refreshClient = route{op: "refresh client", method: "PATCH", path: usersPath + "/clients/<client>"}

	getRouted   = route{op: "get routed chat", method: "GET", path: usersPath + "/routed_chats/<chat>"}
	getChat     = route{op: "get chat", method: "GET", path: chatPath}
	listPending = route{op: "list pending chats", method: "GET", path: usersPath + "/pending_chats"}
	listRouted  = route{op: "list routed chats", method: "GET", path: usersPath + "/routed_chats"}
	listChats   = route{op: "list chats", method: "GET", path: usersPath + "/chats"}
	endChat     = route{op: "end chat", method: "PATCH", path: chatPath}

	joinPending       = route{op: "join pending chat", method: "POST", path: usersPath + "/pending_chats/<chat>/memberships", takes: true}
	joinRouted        = route{op: "join routed chat", method: "POST", path: usersPath + "/routed_chats/<chat>/memberships"}
	leaveChat         = route{op: "leave chat", method: "PATCH", path: usersPath + "/chat_memberships/<chat>"}
	listMembers       = route{op: "list memberships", method: "GET", path: chatPath + "/memberships"}
	listRoutedMembers = route{op: "list routed memberships", method: "GET", path: usersPath + "/routed_chats/<chat>/memberships"}

	listMessages       = route{op: "list messages", method: "GET", path: chatPath + "/messages"}
	listRoutedMessages = route{op: "list routed messages", method: "GET", path: usersPath + "/routed_chats/<chat>/messages"}
	sendMessage        = route{op: "send message", method: "POST", path: chatPath + "/messages"}

	getRoom     = route{op: "get room", method: "GET", path: usersPath + "/rooms/<room>"}
	listTeams   = route{op: "list teams", method: "GET", path: "/api/v5/orgs/<org>/teams"}
	listTeamsV6 = route{op: "list teams v6", method: "GET", path: "/api/v6/orgs/<org>/teams"}
	inviteTeam  = route{op: "invite team", method: "POST", path: chatPath + "/outgoing_chat_invitations"}
)

var (
	joining  = []byte(`{"is_participating": true, "composing_status": "idle"}`)
	watching = []byte(`{"is_participating": false, "composing_status": "idle"}`)
	leaving  = []byte(`{"is_participating": false}`)
	ending   = []byte(`{"is_ended": true}`)
	online   = []byte(`{"is_online_enabled": true}`)
	offline  = []byte(`{"is_online_enabled": false}`)
)

func (s *Session) user() string { return string(s.token().User) }

// Me returns the user that the token belongs to ("Users", GET users/me). It can
// serve to check a token: Unauthorized if giosg refuses it, Forbidden if it does
// not belong to a single user.
func (s *Session) Me(ctx context.Context) (User, error) {
	return one[User](ctx, s, &getMe, nil)
}

// SetOnline switches the bot online or offline ("Online status of the chatbot"
// in the guide). The bot is online only while it is also present. Writes; Gone
// if there is no such user.
func (s *Session) SetOnline(ctx context.Context, on bool) error {
	body := offline
	if on {
		body = online
	}
	return s.do(ctx, &setOnline, body, s.user())
}

// Clients lists the user clients of the bot, in no known order ("Making the
// chatbot present" in the guide, step 1). Gone if there is no such user.
func (s *Session) Clients(ctx context.Context) ([]UserClient, error) {
	return list[UserClient](ctx, s, &listClients, 0, s.user())
}

// CreateClient makes the bot present for ttl, in whole seconds and at least
// one ("Making the chatbot present" in the guide, step 2; the guide's example
// is 28800 s). The returned client may be zero. Writes; Gone if there is no such
// user.
func (s *Session) CreateClient(ctx context.Context, ttl time.Duration) (UserClient, error) {
	if ttl < time.Second {
		return UserClient{}, createClient.fail(Invalid, errTTL)
	}
	return one[UserClient](ctx, s, &createClient, presenceBody(ttl), s.user())
}

// RefreshClient keeps the bot present for ttl from now, in whole seconds and at
// least one ("Making the chatbot present" in the guide, step 3). The returned
// client may be zero. Writes; Gone if the client no longer exists: create one
// then.
func (s *Session) RefreshClient(ctx context.Context, id ClientID, ttl time.Duration) (UserClient, error) {
	if ttl < time.Second {
		return UserClient{}, refreshClient.fail(Invalid, errTTL)
	}
	return one[UserClient](ctx, s, &refreshClient, presenceBody(ttl), s.user(), string(id))
}

var errTTL = errors.New("presence must last at least a second")

func presenceBody(ttl time.Duration) []byte {
	b := append(make([]byte, 0, 48), `{"presence_expires_in": `...)
	return append(strconv.AppendInt(b, int64(ttl/time.Second), 10), '}')
}

// RoutedChat returns a chat that is routed to the bot, also if someone else
// serves it ("Chats"; "Start chatting proactively" in the guide). Gone if it is
// not routed to the bot.
func (s *Session) RoutedChat(ctx context.Context, chat ChatID) (Chat, error) {
	return s.oneChat(ctx, &getRouted, chat)
}

// Chat returns a chat of which the bot is a member ("Chats"). Gone if the bot is
// no member.
func (s *Session) Chat(ctx context.Context, chat ChatID) (Chat, error) {
	return s.oneChat(ctx, &getChat, chat)
}

func (s *Session) oneChat(ctx context.Context, r *route, chat ChatID) (Chat, error) {
	c, err := one[Chat](ctx, s, r, nil, s.user(), string(chat))
	if err == nil && c.ID == "" { // not a chat: a zero Chat would look like a chat that no one serves
		err = r.fail(Temporary, errors.New("the answer cannot be decoded: it has no id"))
	}
	return c, err
}

// PendingChats lists at most limit chats that wait for someone to serve them, or
// all if limit is 0 ("Start chatting reactively" in the guide). Gone if there
// is no such user.
func (s *Session) PendingChats(ctx context.Context, limit int) ([]Chat, error) {
	return list[Chat](ctx, s, &listPending, limit, s.user())
}

// RoutedChats lists at most limit chats that are routed to the bot, or all if
// limit is 0 ("Start chatting proactively" in the guide). Gone if there is no
// such user.
func (s *Session) RoutedChats(ctx context.Context, limit int) ([]Chat, error) {
	return list[Chat](ctx, s, &listRouted, limit, s.user())
}

// Chats lists at most limit chats of which the bot is a member, or all if limit
// is 0 ("Chats"). Some may have ended. Gone if there is no such user.
func (s *Session) Chats(ctx context.Context, limit int) ([]Chat, error) {
	return list[Chat](ctx, s, &listChats, limit, s.user())
}

// EndChat ends and locks a chat for good ("Chats", is_ended). Writes; Gone if
// the bot is no member.
func (s *Session) EndChat(ctx context.Context, chat ChatID) error {
	return s.do(ctx, &endChat, ending, s.user(), string(chat))
}

// JoinPending joins a pending chat, which reserves it if the bot is present
// ("Start chatting reactively" in the guide, steps 2 and 3). The returned
// membership may be zero. Writes; Taken if the chat is no longer pending.
func (s *Session) JoinPending(ctx context.Context, chat ChatID) (Membership, error) {
	return one[Membership](ctx, s, &joinPending, joining, s.user(), string(chat))
}

// JoinRouted joins a routed chat ("Start chatting proactively" in the guide).
// With participating it reserves the chat, if the bot is present. giosg lets
// several users reserve the same chat, so read the chat first. The returned
// membership may be zero. Writes; Gone if the chat is not routed to the bot.
func (s *Session) JoinRouted(ctx context.Context, chat ChatID, participating bool) (Membership, error) {
	body := watching
	if participating {
		body = joining
	}
	return one[Membership](ctx, s, &joinRouted, body, s.user(), string(chat))
}

// Leave ends the bot's participation in a chat; the membership remains ("Chat
// memberships"). Writes; Gone if the bot is no member.
func (s *Session) Leave(ctx context.Context, chat ChatID) error {
	return s.do(ctx, &leaveChat, leaving, s.user(), string(chat))
}

// Memberships lists the members of a chat of which the bot is one, in no known
// order ("Chat memberships"). Gone if the bot is no member.
func (s *Session) Memberships(ctx context.Context, chat ChatID) ([]Membership, error) {
	return list[Membership](ctx, s, &listMembers, 0, s.user(), string(chat))
}

// RoutedMemberships lists the members of a chat that is routed to the bot, in
// no known order ("Chat memberships"). Gone if the chat is not routed to the
// bot.
func (s *Session) RoutedMemberships(ctx context.Context, chat ChatID) ([]Membership, error) {
	return list[Membership](ctx, s, &listRoutedMembers, 0, s.user(), string(chat))
}

// Messages returns all messages of a chat of which the bot is a member, oldest
// first ("Chat messages"; "Start chatting reactively" in the guide, step 4).
// Gone if the bot is no member.
func (s *Session) Messages(ctx context.Context, chat ChatID) ([]Message, error) {
	ms, err := list[Message](ctx, s, &listMessages, 0, s.user(), string(chat))
	return inOrder(ms), err
}

// RoutedMessages is like Messages for a chat that is routed to the bot. The bot
// need not be a member. giosg's documents name only the webhook channel of this
// path ("Handling routed chat messages" in the guide). Gone if the chat is not
// routed to the bot.
func (s *Session) RoutedMessages(ctx context.Context, chat ChatID) ([]Message, error) {
	ms, err := list[Message](ctx, s, &listRoutedMessages, 0, s.user(), string(chat))
	return inOrder(ms), err
}

// Send sends a message to a chat of which the bot is a member ("Continue
// chatting" in the guide, step 3; "Rich text messages"). Fields of the returned
// message that giosg did not send, or that cannot be decoded, are zero. Writes;
// Gone if the bot is no member, Refused if giosg does not accept the message.
func (s *Session) Send(ctx context.Context, chat ChatID, m NewMessage) (Message, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return Message{}, sendMessage.fail(Invalid, err)
	}
	return one[Message](ctx, s, &sendMessage, body, s.user(), string(chat))
}

// Room returns a room ("Rooms"). Gone if the bot cannot see it.
func (s *Session) Room(ctx context.Context, room RoomID) (Room, error) {
	return one[Room](ctx, s, &getRoom, nil, s.user(), string(room))
}

// Teams lists the teams of the token's organization ("Teams"). Gone if there is
// no such organization.
func (s *Session) Teams(ctx context.Context) ([]Team, error) {
	return list[Team](ctx, s, &listTeams, 0, string(s.token().Org))
}

// TeamsWithHumans is like Teams, but uses version 6 of the API, which sets
// IsHumansOnline ("Teams"). Gone if giosg does not offer that version.
func (s *Session) TeamsWithHumans(ctx context.Context) ([]Team, error) {
	return list[Team](ctx, s, &listTeamsV6, 0, string(s.token().Org))
}

// InviteTeam asks a team to join a chat of which the bot is a member ("Chat
// invitations"). The bot stays in the chat. Writes; Gone if the bot is no
// member.
func (s *Session) InviteTeam(ctx context.Context, chat ChatID, team TeamID) error {
	if err := CheckID(string(team)); err != nil {
		return inviteTeam.fail(Invalid, err)
	}
	body, err := json.Marshal(Invitation{InvitedTeamID: team})
	if err != nil {
		return inviteTeam.fail(Invalid, err)
	}
	return s.do(ctx, &inviteTeam, body, s.user(), string(chat))
}
