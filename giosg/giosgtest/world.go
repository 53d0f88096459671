package giosgtest

import (
	"slices"
	"strings"
	"time"
)

// Org is an organization: rooms, teams, users and the bots installed.
type Org struct {
	ID   string
	Name string

	p       *Platform
	created time.Time
	rooms   []*Room
	teams   []*Team
	users   []*User
	bots    []*Bot
	owned   shelf

	latencyMin, latencyMax time.Duration
}

// Room is a room of an organization, in which visitors open chats.
type Room struct {
	ID   string
	Name string

	org      *Org
	language string
	created  time.Time
	routed   []*User // nil means everybody of the organization; never changed in place
}

// Team is a group of users that can be invited to a chat.
type Team struct {
	ID   string
	Name string

	org     *Org
	created time.Time
	members []*User
}

// User is a human operator or a bot user. Its methods Take, Say and so on do what a person would do in the console.
type User struct {
	ID    string
	Name  string
	IsBot bool

	p             *Platform
	org           *Org
	created       time.Time
	updated       time.Time
	alias         string
	onlineEnabled bool
	steady        bool // present without a client, until GoOffline
	clients       []*client
	presentUntil  time.Time // of the clients; zero when absent
	lapses        int
	tokenVersion  int
	routed        shelf
	pending       shelf
	member        shelf
	open          shelf // the chats of member that have not ended
	underWay      int   // API calls
	peak          int
}

// Bot is an installation of the bot app: a bot user and its webhooks.
type Bot struct {
	*User

	hooks []hook
}

// AddOrg adds an organization.
func (p *Platform) AddOrg(name string) *Org {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &Org{ID: p.uuidLocked(), Name: name, p: p, created: p.nowLocked()}
	p.orgs[o.ID] = o
	return o
}

// AddRoom adds a room. Its chats are routed to all users of the organization until RouteTo says otherwise. language is a code, for example en
// or fi.
func (o *Org) AddRoom(name, language string) *Room {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	r := &Room{ID: o.p.uuidLocked(), Name: name, language: language, org: o, created: o.p.nowLocked()}
	o.rooms = append(o.rooms, r)
	o.p.rooms[r.ID] = r
	return r
}

// RouteTo makes the room's router choose only these users for chats opened from now on. Without users, chats are routed to nobody.
func (r *Room) RouteTo(users ...*User) {
	r.org.p.mu.Lock()
	defer r.org.p.mu.Unlock()
	r.routed = append([]*User{}, users...)
}

// RouteToAll undoes RouteTo.
func (r *Room) RouteToAll() {
	r.org.p.mu.Lock()
	defer r.org.p.mu.Unlock()
	r.routed = nil
}

// SetLanguage changes the room's language_code.
func (r *Room) SetLanguage(code string) {
	r.org.p.mu.Lock()
	defer r.org.p.mu.Unlock()
	r.language = code
}

// AddTeam adds a team.
func (o *Org) AddTeam(name string, members ...*User) *Team {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	t := &Team{ID: o.p.uuidLocked(), Name: name, org: o, created: o.p.nowLocked(), members: slices.Clone(members)}
	o.teams = append(o.teams, t)
	o.p.teams[t.ID] = t
	return t
}

// AddHuman adds an operator who is present and online until GoOffline.
func (o *Org) AddHuman(name string) *User {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	u := o.addUserLocked(name, false)
	u.steady, u.onlineEnabled = true, true
	return u
}

// InstallBot installs the bot app: it adds a bot user, absent and offline, that gets the given webhooks.
func (o *Org) InstallBot(name string, hooks ...Webhook) *Bot {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	b := &Bot{User: o.addUserLocked(name, true)}
	b.setHooksLocked(hooks)
	o.bots = append(o.bots, b)
	return b
}

// SetWebhooks replaces the bot's webhooks.
func (b *Bot) SetWebhooks(hooks ...Webhook) {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	b.setHooksLocked(hooks)
}

func (o *Org) addUserLocked(name string, bot bool) *User {
	now := o.p.nowLocked()
	u := &User{ID: o.p.uuidLocked(), Name: name, IsBot: bot, p: o.p, org: o, created: now, updated: now}
	o.users = slices.Concat(o.users, []*User{u}) // chats keep the old slice
	o.p.users[u.ID] = u
	return u
}

func (r *Room) usersLocked() []*User {
	if r.routed != nil {
		return r.routed
	}
	return r.org.users
}

// OrgID is the id of the user's organization.
func (u *User) OrgID() string { return u.org.ID }

// OrgID is the id of the room's organization.
func (r *Room) OrgID() string { return r.org.ID }

// Language is the room's language_code.
func (r *Room) Language() string {
	r.org.p.mu.Lock()
	defer r.org.p.mu.Unlock()
	return r.language
}

// Room is the room of the chat.
func (c *Chat) Room() *Room { return c.room }

// SetAlias sets the name that visitors see.
func (u *User) SetAlias(alias string) {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	u.alias = alias
}

// GoOnline makes a user present and online until GoOffline.
func (u *User) GoOnline() { u.setSteady(true) }

// GoOffline makes a user absent and offline. Clients that the user made over the API expire.
func (u *User) GoOffline() { u.setSteady(false) }

func (u *User) setSteady(on bool) {
	u.p.mu.Lock()
	defer u.p.mu.Unlock()
	before := u.stateLocked()
	u.steady, u.onlineEnabled = on, on
	if !on {
		u.clients, u.presentUntil = nil, time.Time{}
	}
	u.changedLocked(before)
	u.p.ringLocked(nil)
}

// Users are all users of the organization, bots included.
func (o *Org) Users() []*User {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	return slices.Clone(o.users)
}

// Rooms are all rooms of the organization.
func (o *Org) Rooms() []*Room {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	return slices.Clone(o.rooms)
}

// Chats are all chats of the organization, oldest first.
func (o *Org) Chats() []*Chat {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	out := make([]*Chat, 0, len(o.owned.at))
	o.owned.walk(0, false, func(_ int64, c *Chat) bool {
		out = append(out, c)
		return true
	})
	return out
}

// Chat finds a chat by its id, or nil.
func (p *Platform) Chat(id string) *Chat {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.chats[id]
}

// User finds a user by its id, or nil.
func (p *Platform) User(id string) *User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.users[id]
}

func (u *User) publicName() string {
	if u.alias != "" {
		return u.alias
	}
	return u.Name
}

func (u *User) names() (first, last string) {
	first, last, found := strings.Cut(u.Name, " ")
	if !found {
		last = "-"
	}
	return first, last
}
