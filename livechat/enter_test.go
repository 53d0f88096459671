package livechat_test

import (
	"slices"
	"strings"
	"testing"

	"giosgbot/chat"
	"giosgbot/giosg/giosgtest"
	"giosgbot/playbook"
)

const (
	joinPending = "POST pending_chats/*/memberships"
	joinRouted  = "POST routed_chats/*/memberships"
	routedChat  = "GET routed_chats/*"
	messages    = "GET chats/*/messages"
	leaveChat   = "PATCH chat_memberships/*"
	members     = "GET routed_chats/*/memberships"
)

// held reports whether the bot takes part in the chat.
func (s *scene) held() bool {
	m, ok := s.chat.State().Member(s.bot.User)
	return ok && m.Participating
}

// An agent takes a pending chat, unless another user has it. A later attempt looks whether an earlier one of its own was faster.
func TestEnterAsAnAgent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		number int
		modes  string
		setUp  func(*scene)
		entry  chat.Entry
		reason string
		fate   chat.Fate
		calls  []string
		held   bool
	}{
		"it is there": {1, "agent", func(*scene) {}, chat.In, "", chat.Fine, []string{joinPending}, true},
		"another took it": {1, "agent", func(s *scene) { s.must(s.human.Take(s.chat)) },
			chat.Taken, "another user took the chat", chat.Fine, []string{joinPending}, false},
		"another took it, second attempt": {2, "agent", func(s *scene) { s.must(s.human.Take(s.chat)) },
			chat.Taken, "another user took the chat", chat.Fine, []string{joinPending, messages}, false},
		"the first attempt took it": {2, "agent", func(s *scene) { s.must(s.bot.Take(s.chat)) },
			chat.In, "", chat.Fine, []string{joinPending, messages, messages}, true},
		"the first attempt took it and left": {2, "agent", func(s *scene) { s.must(s.bot.Take(s.chat), s.bot.Leave(s.chat)) },
			chat.Taken, "another user took the chat", chat.Fine, []string{joinPending, messages, messages}, false},
		"the first attempt only watches": {2, "agent, sidekick", func(s *scene) {
			s.must(s.bot.Take(s.chat), s.bot.Watch(s.chat))
			s.must(s.bot.Join(s.chat), s.bot.Watch(s.chat))
		}, chat.Taken, "another user took the chat", chat.Fine, []string{joinPending, messages, messages}, false},
		"not allowed": {1, "agent", func(s *scene) { s.g.On("POST", "pending_chats/*/memberships").FailBefore(403) },
			0, "", chat.Refused, []string{joinPending}, false},
		"no answer": {1, "agent", func(s *scene) { s.g.On("POST", "pending_chats/*/memberships").CutAfter() },
			0, "", chat.Unknown, []string{joinPending}, true},
		"the chat cannot be read": {2, "agent", func(s *scene) {
			s.must(s.bot.Take(s.chat))
			s.g.On("GET", "chats/*/messages").FailBefore(500)
		}, 0, "", chat.Later, []string{joinPending, messages}, true},
		"the members cannot be read": {2, "agent, sidekick", func(s *scene) {
			s.must(s.bot.Take(s.chat))
			s.g.On("GET", "routed_chats/*/memberships").FailBefore(500)
		}, 0, "", chat.Later, []string{joinPending, messages, messages, members}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.say("hello")
			s.attempt.Number, s.attempt.Book = c.number, bookFor(t, c.modes, "en")
			c.setUp(s)
			conversation := s.open()
			entry, reason, err := conversation.Enter(t.Context(), playbook.Agent)
			if err == nil && entry != c.entry || reason != c.reason {
				t.Errorf("entry %v because of %q, want %v, %q", entry, reason, c.entry, c.reason)
			}
			s.wantFate(err, c.fate)
			if got := compact(s.calls()); !slices.Equal(got, compact(c.calls)) {
				t.Errorf("calls %q, want %q", got, c.calls)
			}
			if s.held() != c.held || !conversation.Acted() {
				t.Errorf("the bot has the chat: %t, acted: %t", s.held(), conversation.Acted())
			}
		})
	}
}

// When the memo says that the bot serves the chat, the event is a copy, or the chat waits again: giosg knows which.
func TestEnterWhileServing(t *testing.T) {
	t.Parallel()
	const (
		getChat = "GET chats/*"
		already = "the bot serves this chat already"
	)
	for name, c := range map[string]struct {
		mode   playbook.Mode
		setUp  func(*scene)
		entry  chat.Entry
		reason string
		fate   chat.Fate
		calls  []string
	}{
		"an agent, a copy": {playbook.Agent, func(s *scene) { s.must(s.bot.Take(s.chat)) },
			chat.Closed, already, chat.Fine, []string{getChat}},
		"an agent, it waits again": {playbook.Agent, func(s *scene) {
			s.g.Configure(func(o *giosgtest.Options) { o.RequeueOnLeave = true })
			s.must(s.bot.Take(s.chat), s.bot.Leave(s.chat))
		}, chat.In, "", chat.Fine, []string{getChat, joinPending}},
		"an agent, it waits again and another is faster": {playbook.Agent, func(s *scene) {
			s.g.Configure(func(o *giosgtest.Options) { o.RequeueOnLeave = true })
			s.must(s.bot.Take(s.chat), s.bot.Leave(s.chat))
			s.g.SetFault(func(c giosgtest.Call) (f giosgtest.Fault) {
				if giosgtest.Matching("POST", "pending_chats/*/memberships")(c) {
					s.must(s.human.Take(s.chat))
				}
				return f
			})
		}, chat.Taken, "another user took the chat", chat.Fine, []string{getChat, joinPending, messages}},
		"an agent, and it is no member": {playbook.Agent, func(*scene) {}, chat.In, "", chat.Fine, []string{getChat, joinPending}},
		"an agent, the chat cannot be seen": {playbook.Agent, func(s *scene) { s.g.On("GET", "chats/*").FailBefore(500) },
			0, "", chat.Later, []string{getChat}},
		"a greeter, a copy": {playbook.Greeter, func(s *scene) { s.must(s.bot.Join(s.chat)) },
			chat.Closed, already, chat.Fine, []string{routedChat}},
		"a greeter, and nobody is in": {playbook.Greeter, func(s *scene) { s.must(s.bot.Join(s.chat), s.bot.Leave(s.chat)) },
			chat.In, "", chat.Fine, []string{routedChat, joinRouted, messages}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.say("hello")
			s.attempt.Serving = true
			c.setUp(s)
			conversation := s.open()
			entry, reason, err := conversation.Enter(t.Context(), c.mode)
			if err == nil && entry != c.entry || reason != c.reason {
				t.Errorf("entry %v because of %q, want %v, %q", entry, reason, c.entry, c.reason)
			}
			s.wantFate(err, c.fate)
			if got := compact(s.calls()); !slices.Equal(got, c.calls) {
				t.Errorf("calls %q, want %q", got, c.calls)
			}
			if conversation.Acted() != (len(c.calls) > 1) {
				t.Errorf("acted: %t", conversation.Acted())
			}
		})
	}
}

// compact counts the pages of a list as one call.
func compact(calls []string) (out []string) {
	for _, c := range calls {
		if n := len(out); n == 0 || out[n-1] != c {
			out = append(out, c)
		}
	}
	return out
}

// A greeter joins a routed chat that nobody serves, and leaves it again if another was faster.
func TestEnterAsAGreeter(t *testing.T) {
	t.Parallel()
	const serves = "another user serves the chat"
	meanwhile := func(s *scene, do func()) { // happens while giosg handles the bot's join
		s.g.SetFault(func(c giosgtest.Call) (f giosgtest.Fault) {
			if giosgtest.Matching("POST", "routed_chats/*/memberships")(c) {
				do()
			}
			return f
		})
	}
	for name, c := range map[string]struct {
		number int
		rooms  bool
		setUp  func(*scene)
		entry  chat.Entry
		reason string
		fate   chat.Fate
		calls  []string
		held   bool
	}{
		"nobody is there":               {1, false, func(*scene) {}, chat.In, "", chat.Fine, []string{routedChat, joinRouted, messages}, true},
		"and it wants to know the room": {1, true, func(*scene) {}, chat.In, "", chat.Fine, []string{routedChat, joinRouted, "GET rooms/*", messages}, true},
		"the room cannot be asked for": {1, true, func(s *scene) { s.g.On("GET", "rooms/*").FailBefore(500) },
			0, "", chat.Later, []string{routedChat, joinRouted, "GET rooms/*"}, true},
		"not routed to the bot": {1, false, func(s *scene) {
			s.room.RouteTo(s.human)
			s.chat = s.room.OpenChat()
		}, chat.Closed, "the chat is not routed to the bot any more", chat.Fine, []string{routedChat}, false},
		"over": {1, false, func(s *scene) { s.chat.End() }, chat.Closed, "the chat is over", chat.Fine, []string{routedChat}, false},
		"cannot be seen": {1, false, func(s *scene) { s.g.On("GET", "routed_chats/*").FailBefore(500) },
			0, "", chat.Later, []string{routedChat}, false},
		"another is there":                 {1, false, func(s *scene) { s.must(s.human.Join(s.chat)) }, chat.Taken, serves, chat.Fine, []string{routedChat}, false},
		"another is there, second attempt": {2, false, func(s *scene) { s.must(s.human.Join(s.chat)) }, chat.Taken, serves, chat.Fine, []string{routedChat, messages}, false},
		"the first attempt joined":         {2, false, func(s *scene) { s.must(s.bot.Join(s.chat)) }, chat.In, "", chat.Fine, []string{routedChat, messages}, true},
		"not allowed": {1, false, func(s *scene) { s.g.On("POST", "routed_chats/*/memberships").FailBefore(403) },
			0, "", chat.Refused, []string{routedChat, joinRouted}, false},
		"not routed when it joins": {1, false, func(s *scene) { s.g.On("POST", "routed_chats/*/memberships").FailBefore(404) },
			0, "", chat.Over, []string{routedChat, joinRouted}, false},
		"another is faster": {1, false, func(s *scene) { meanwhile(s, func() { s.must(s.human.Join(s.chat)) }) },
			chat.Taken, serves, chat.Fine, []string{routedChat, joinRouted, messages, routedChat, leaveChat}, false},
		"another was faster, but is gone": {1, false, func(s *scene) {
			meanwhile(s, func() { s.must(s.human.Join(s.chat), s.human.Leave(s.chat)) })
		}, chat.In, "", chat.Fine, []string{routedChat, joinRouted, messages}, true},
		"another was faster, but leaves before the bot looks": {1, false, func(s *scene) {
			s.g.SetFault(func(c giosgtest.Call) (f giosgtest.Fault) {
				if giosgtest.Matching("POST", "routed_chats/*/memberships")(c) {
					s.must(s.human.Join(s.chat))
				}
				if giosgtest.Matching("GET", "chats/*/messages")(c) && !strings.Contains(c.Query, "cursor") {
					s.must(s.human.Leave(s.chat))
				}
				return f
			})
		}, chat.In, "", chat.Fine, []string{routedChat, joinRouted, messages}, true},
		"another was faster, but is absent": {1, false, func(s *scene) {
			meanwhile(s, func() {
				s.must(s.human.Join(s.chat))
				s.human.GoOffline()
			})
		}, chat.In, "", chat.Fine, []string{routedChat, joinRouted, messages, routedChat}, true},
		"another is faster, and the chat is not routed any more": {1, false, func(s *scene) {
			meanwhile(s, func() { s.must(s.human.Join(s.chat)) })
			s.g.On("GET", "routed_chats/*").Skip(1).FailBefore(404)
		}, chat.In, "", chat.Fine, []string{routedChat, joinRouted, messages, routedChat}, true},
		"another is faster, and the chat cannot be seen": {1, false, func(s *scene) {
			meanwhile(s, func() { s.must(s.human.Join(s.chat)) })
			s.g.On("GET", "routed_chats/*").Skip(1).FailBefore(500)
		}, 0, "", chat.Later, []string{routedChat, joinRouted, messages, routedChat}, true},
		"another is faster, and leaving fails": {1, false, func(s *scene) {
			meanwhile(s, func() { s.must(s.human.Join(s.chat)) })
			s.g.On("PATCH", "chat_memberships/*").FailBefore(500)
		}, 0, "", chat.Unknown, []string{routedChat, joinRouted, messages, routedChat, leaveChat}, true},
		"another is slower": {1, false, func(s *scene) {
			s.g.SetFault(func(c giosgtest.Call) (f giosgtest.Fault) {
				if giosgtest.Matching("GET", "chats/*/messages")(c) {
					s.must(s.human.Join(s.chat))
				}
				return f
			})
		}, chat.In, "", chat.Fine, []string{routedChat, joinRouted, messages}, true},
		"its own join is late": {1, false, func(s *scene) {
			meanwhile(s, func() { s.must(s.human.Join(s.chat)) })
			s.g.Configure(func(o *giosgtest.Options) { o.ReadLag = 1 << 40 })
		}, chat.In, "", chat.Fine, []string{routedChat, joinRouted, messages}, true},
		"the bot has spoken": {2, false, func(s *scene) {
			s.must(s.human.Join(s.chat), s.bot.Join(s.chat))
			_, err := s.bot.Say(s.chat, "Hello.")
			s.must(err)
		}, chat.In, "", chat.Fine, []string{routedChat, messages}, true},
		"the chat cannot be read": {1, false, func(s *scene) { s.g.On("GET", "chats/*/messages").FailBefore(500) },
			0, "", chat.Later, []string{routedChat, joinRouted, messages}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			languages := "en"
			if c.rooms {
				languages = "en, fi"
			}
			s.attempt.Number, s.attempt.Book = c.number, bookFor(t, "greeter", languages)
			c.setUp(s)
			conversation := s.open()
			entry, reason, err := conversation.Enter(t.Context(), playbook.Greeter)
			if err == nil && entry != c.entry || reason != c.reason {
				t.Errorf("entry %v because of %q, want %v, %q", entry, reason, c.entry, c.reason)
			}
			s.wantFate(err, c.fate)
			if got, want := compact(s.calls()), c.calls; !slices.Equal(got, want) {
				t.Errorf("calls %q, want %q", got, want)
			}
			if s.held() != c.held {
				t.Errorf("the bot has the chat: %t", s.held())
			}
			if err == nil && c.entry == chat.In { // the reading that follows costs no call
				if _, err := conversation.Record(t.Context(), nil); err != nil {
					t.Error(err)
				}
				s.wantCalls()
				if _, err := conversation.Record(t.Context(), nil); err != nil {
					t.Error(err)
				}
				if len(s.calls()) == 0 {
					t.Error("the same lines were returned twice")
				}
			}
		})
	}
}

// A sidekick is silent while nobody serves the chat: giosg would count the visitor as served.
func TestUnserved(t *testing.T) {
	t.Parallel()
	const (
		notRouted = "the chat is not routed to the bot any more"
		nobody    = "nobody serves the chat yet"
	)
	for name, c := range map[string]struct {
		setUp  func(*scene)
		reason string
		fate   chat.Fate
	}{
		"not routed": {func(s *scene) {
			s.room.RouteTo(s.human)
			s.chat = s.room.OpenChat()
		}, notRouted, chat.Fine},
		"over":           {func(s *scene) { s.chat.End() }, "the chat is over", chat.Fine},
		"nobody came":    {func(*scene) {}, nobody, chat.Fine},
		"it is pending":  {func(s *scene) { s.say("hello") }, nobody, chat.Fine},
		"somebody is in": {func(s *scene) { s.must(s.human.Join(s.chat)) }, "", chat.Fine},
		"somebody was in": {func(s *scene) {
			s.must(s.human.Join(s.chat))
			s.human.GoOffline()
		}, "", chat.Fine},
		"cannot be seen": {func(s *scene) { s.g.On("GET", "routed_chats/*").FailBefore(500) }, "", chat.Later},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			c.setUp(s)
			conversation := s.open()
			for _, sitsIn := range []bool{false, true} {
				ask := conversation.Unserved
				if sitsIn {
					ask = conversation.SitIn
				}
				reason, err := ask(t.Context())
				if reason != c.reason {
					t.Errorf("%q, want %q", reason, c.reason)
				}
				s.wantFate(err, c.fate)
			}
			if _, member := s.chat.State().Member(s.bot.User); member != (c.reason == "" && c.fate == chat.Fine) {
				t.Errorf("the bot is a member: %t", member)
			}
			if s.held() {
				t.Error("the bot has the chat")
			}
		})
	}
}

// Whether others serve the chat is asked once, but again after a wait; and the join may be refused.
func TestSitIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		setUp  func(*scene)
		reason string
		fate   chat.Fate
		calls  []string
	}{
		"asked once": {func(*scene) {}, "", chat.Fine, []string{routedChat, joinRouted}},
		"not routed any more": {func(s *scene) { s.g.On("POST", "routed_chats/*/memberships").FailBefore(404) },
			"the chat is not routed to the bot any more", chat.Fine, []string{routedChat, joinRouted}},
		"refused": {func(s *scene) { s.g.On("POST", "routed_chats/*/memberships").FailBefore(400) },
			"", chat.Refused, []string{routedChat, joinRouted}},
		"deferred, so it is for the next attempt": {func(s *scene) { s.g.On("POST", "routed_chats/*/memberships").Times(1).TooMany(1) },
			"", chat.Later, []string{routedChat, joinRouted}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.patient = 5
			s.must(s.human.Join(s.chat))
			c.setUp(s)
			conversation := s.open()
			if reason, err := conversation.Unserved(t.Context()); reason != "" || err != nil {
				t.Fatal(reason, err)
			}
			reason, err := conversation.SitIn(t.Context())
			if reason != c.reason {
				t.Errorf("%q, want %q", reason, c.reason)
			}
			s.wantFate(err, c.fate)
			s.wantCalls(c.calls...)
		})
	}
}
