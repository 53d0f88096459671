package livechat_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/giosg/giosgtest"
	"giosgbot/livechat"
	"giosgbot/replay"
)

// Without a valid token the lane waits for one.
func TestOpenWithoutAToken(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	delete(s.tokens.held, giosg.UserID(s.bot.ID))
	c, err := s.platform.Open(t.Context(), s.event(), s.attempt)
	w, ok := err.(*chat.Wait)
	if !ok || c != nil || w.Topic != livechat.TokenTopic(giosg.UserID(s.bot.ID)) || w.Reason == "" || w.Hint == "" {
		t.Fatalf("%v, %#v", c, err)
	}
	if w.Came(t.Context()) {
		t.Error("a token is said to have come")
	}
	if s.renew(); !w.Came(t.Context()) {
		t.Error("a token that came is not seen")
	}
	if _, err := s.platform.Open(t.Context(), s.event(), s.attempt); err != nil {
		t.Error(err)
	}
	s.wantCalls()
}

// Every type of message is a line that says what it is to the bot.
func TestRecord(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.say("hello")
	s.must(s.human.Take(s.chat), s.bot.Join(s.chat))
	other := s.org.InstallBot("Other")
	_, err := s.chat.SayEncrypted("xyz")
	s.must(err)
	_, err = s.human.Say(s.chat, "I am Ann")
	s.must(err)
	_, err = s.bot.Say(s.chat, "I am a robot")
	s.must(err)
	_, err = s.bot.Say(s.chat, "") // as one that was purged looks
	s.must(err)
	_, err = s.open().Do(t.Context(), sayWithButton)
	s.must(err)
	_, err = s.chat.Press("yes")
	s.must(err)
	s.must(other.Join(s.chat))
	_, err = other.Say(s.chat, "I am a robot, too")
	s.must(err, other.Leave(s.chat), s.human.Leave(s.chat), s.bot.Leave(s.chat))
	s.chat.Log("tag_created", s.human, "a tag")
	s.chat.Log("system", nil, "by a rule")
	s.chat.Log("autosuggest", s.bot.User, "Can I help?")
	s.chat.Log("never heard of", s.human, "?")
	type line struct {
		kind       replay.Kind
		text       string
		unreadable bool
		who        string
	}
	want := []line{
		{replay.Said, "hello", false, ""},
		{replay.Join, "", false, s.human.ID},
		{replay.OwnJoin, "", false, ""},
		{replay.Said, "", false, ""},
		{replay.Human, "I am Ann", false, ""},
		{replay.Own, "I am a robot", false, ""},
		{replay.Own, "", true, ""},
		{replay.Own, "Is it so?", false, ""},
		{replay.Pressed, "Yes!", false, ""},
		{replay.Join, "", false, other.ID},
		{replay.Human, "I am a robot, too", false, ""},
		{replay.Leave, "", false, other.ID},
		{replay.Leave, "", false, s.human.ID},
		{replay.OwnLeave, "", false, ""},
		{replay.Other, "a tag", false, ""},
		{replay.Other, "by a rule", false, ""},
		{replay.Other, "Can I help?", false, ""},
		{replay.Other, "?", false, ""},
	}
	check := func(lines []replay.Line, err error) {
		t.Helper()
		s.must(err)
		var got []line
		for i, l := range lines {
			got = append(got, line{l.Kind, l.Text, l.Unreadable, l.Who})
			shown := s.chat.Lines()[i]
			if l.ID != shown.ID || !l.At.Equal(shown.At) || l.Value != shown.ResponseValue {
				t.Errorf("line %d is %+v, want %+v", i, l, shown)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("lines\n%+v, want\n%+v", got, want)
		}
	}
	check(s.open().Record(t.Context(), nil))
	check(s.open().Overheard(t.Context(), true))
	check(s.open().Overheard(t.Context(), false))
}

// The record of a chat fails as its calls do.
func TestRecordFails(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, err := s.open().Record(t.Context(), nil)
	s.wantFate(err, chat.Over) // the bot is no member
	s.g.On("GET", "chats/*/messages").FailBefore(503)
	_, err = s.open().Record(t.Context(), nil)
	s.wantFate(err, chat.Later)
}

// A sidekick reads a chat as a member or by its routing, whichever giosg allows, and the reading after that costs no call.
func TestOverheard(t *testing.T) {
	t.Parallel()
	const routedMessages = "GET routed_chats/*/messages"
	for name, c := range map[string]struct {
		member bool // as the bot knows
		setUp  func(*scene)
		calls  []string
		lines  bool
		fate   chat.Fate
	}{
		"routed":             {false, func(*scene) {}, []string{routedMessages}, true, chat.Fine},
		"a member":           {true, func(s *scene) { s.must(s.bot.Join(s.chat)) }, []string{messages}, true, chat.Fine},
		"a former member":    {false, func(s *scene) { s.must(s.bot.Join(s.chat)); hide(s) }, []string{routedMessages, messages}, true, chat.Fine},
		"not shown":          {false, hide, []string{routedMessages, messages}, false, chat.Fine},
		"not shown, forbids": {false, func(s *scene) { s.g.On("GET", "").FailBefore(403) }, []string{routedMessages, messages}, false, chat.Fine},
		"fails":              {false, func(s *scene) { s.g.On("GET", "routed_chats/*/messages").FailBefore(500) }, []string{routedMessages}, false, chat.Later},
		"fails for a member": {true, func(s *scene) { s.g.On("GET", "chats/*/messages").FailBefore(500) }, []string{messages}, false, chat.Later},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.say("hello")
			c.setUp(s)
			conversation := s.open()
			lines, err := conversation.Overheard(t.Context(), c.member)
			if (len(lines) > 0) != c.lines {
				t.Errorf("lines %+v", lines)
			}
			s.wantFate(err, c.fate)
			if got := compact(s.calls()); !slices.Equal(got, c.calls) {
				t.Errorf("calls %q, want %q", got, c.calls)
			}
			if c.lines {
				if again, err := conversation.Record(t.Context(), nil); err != nil || len(again) != len(lines) {
					t.Errorf("%+v, %v", again, err)
				}
				s.wantCalls()
			}
		})
	}
}

func hide(s *scene) { s.g.Configure(func(o *giosgtest.Options) { o.HideRoutedMessages = true }) }

// The lines say how the bot stands to a chat, and its membership if it can be a sidekick, too.
func TestRole(t *testing.T) {
	t.Parallel()
	kinds := func(ks ...replay.Kind) (lines []replay.Line) {
		for _, k := range ks {
			lines = append(lines, replay.Line{Kind: k})
		}
		return lines
	}
	for name, c := range map[string]struct {
		modes  string
		lines  []replay.Line
		member bool // as the webhook says
		setUp  func(*scene)
		role   chat.Role
		fate   chat.Fate
	}{
		"no lines":                         {"agent", nil, false, nil, chat.Outside, chat.Fine},
		"others are there":                 {"agent", kinds(replay.Said, replay.Join, replay.Human, replay.Leave), false, nil, chat.Outside, chat.Fine},
		"joined":                           {"agent", kinds(replay.Said, replay.OwnJoin), false, nil, chat.Serving, chat.Fine},
		"spoke, and its join is late":      {"agent", kinds(replay.Said, replay.Own), false, nil, chat.Serving, chat.Fine},
		"left":                             {"agent", kinds(replay.OwnJoin, replay.OwnLeave), false, nil, chat.Left, chat.Fine},
		"left, and spoke before":           {"agent", kinds(replay.OwnJoin, replay.OwnLeave, replay.Own), false, nil, chat.Left, chat.Fine},
		"came back":                        {"agent", kinds(replay.OwnJoin, replay.OwnLeave, replay.OwnJoin), false, nil, chat.Serving, chat.Fine},
		"no lines, but a member":           {"agent", nil, true, nil, chat.Serving, chat.Fine},
		"left, though a member":            {"agent", kinds(replay.OwnJoin, replay.OwnLeave), true, nil, chat.Left, chat.Fine},
		"a member that takes part":         {"agent, sidekick", kinds(replay.OwnJoin), false, func(s *scene) { s.must(s.bot.Join(s.chat)) }, chat.Serving, chat.Fine},
		"a member that does not":           {"agent, sidekick", kinds(replay.OwnJoin), false, func(s *scene) { s.must(s.bot.Watch(s.chat)) }, chat.Aside, chat.Fine},
		"only another does not":            {"agent, sidekick", kinds(replay.OwnJoin), false, func(s *scene) { s.must(s.bot.Join(s.chat), s.human.Watch(s.chat)) }, chat.Serving, chat.Fine},
		"an agent does not ask":            {"agent", kinds(replay.OwnJoin), false, func(s *scene) { s.must(s.bot.Watch(s.chat)) }, chat.Serving, chat.Fine},
		"outside, so nobody need be asked": {"agent, sidekick", nil, false, func(s *scene) { s.must(s.bot.Watch(s.chat)) }, chat.Outside, chat.Fine},
		"members are not shown":            {"agent, sidekick", kinds(replay.OwnJoin), false, func(s *scene) { s.g.On("GET", "routed_chats/*/memberships").FailBefore(404) }, chat.Serving, chat.Fine},
		"asking fails":                     {"agent, sidekick", kinds(replay.OwnJoin), false, func(s *scene) { s.g.On("GET", "routed_chats/*/memberships").FailBefore(500) }, chat.Serving, chat.Later},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.attempt.Book, s.member = bookFor(t, c.modes, "en"), c.member
			if c.setUp != nil {
				c.setUp(s)
			}
			role, err := s.open().Role(t.Context(), c.lines)
			if role != c.role {
				t.Errorf("%q, want %q", role, c.role)
			}
			s.wantFate(err, c.fate)
		})
	}
}

// A chat is over when it has ended or is not shown.
func TestOver(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	check := func(want, wantSure bool, fate chat.Fate) {
		t.Helper()
		over, sure, err := s.open().Over(t.Context())
		if over != want || sure != wantSure {
			t.Errorf("over: %t, sure: %t", over, sure)
		}
		s.wantFate(err, fate)
	}
	check(true, false, chat.Fine) // the bot is no member
	s.must(s.bot.Join(s.chat))
	check(false, false, chat.Fine)
	s.chat.End()
	check(true, true, chat.Fine)
	s.g.On("GET", "chats/*").Times(1).FailBefore(500)
	check(false, false, chat.Later)
	s.g.On("GET", "chats/*").Times(1).FailBefore(403)
	check(false, false, chat.Refused)
}

// What is known of a room is remembered for each bot user, for a while; that it is not shown only for a short one.
func TestAbout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := bubbleScene(t)
		about := func(want chat.About, shown bool) {
			t.Helper()
			a, ok, err := s.open().About(t.Context(), s.room.ID)
			if err != nil || ok != shown || a != want {
				t.Errorf("%+v, %t, %v; want %+v, %t", a, ok, err, want, shown)
			}
		}
		front := chat.About{RoomName: "Front", Language: "fi"}
		about(front, true)
		s.room.SetLanguage("en")
		about(front, true)
		time.Sleep(9 * time.Minute)
		about(front, true)
		s.wantCalls("GET rooms/*")
		time.Sleep(time.Minute)
		front.Language = "en"
		about(front, true)
		s.wantCalls("GET rooms/*")
		time.Sleep(11 * time.Minute)
		s.g.On("GET", "rooms/*").Times(1).FailBefore(404)
		about(chat.About{}, false)
		time.Sleep(29 * time.Second)
		about(chat.About{}, false)
		s.wantCalls("GET rooms/*")
		time.Sleep(time.Second)
		about(front, true)
		s.wantCalls("GET rooms/*")

		other := s.org.InstallBot("Other") // what is shown to one is not for the other
		s.tokens.put(s.tokenOf(other.User))
		s.g.On("GET", "rooms/*").By(other.User).FailBefore(403)
		ev := s.event()
		ev.User = other.ID
		c, err := s.platform.Open(t.Context(), ev, s.attempt)
		s.must(err)
		if a, ok, err := c.About(t.Context(), s.room.ID); ok || err != nil || a != (chat.About{}) {
			t.Errorf("another bot user: %+v, %t, %v", a, ok, err)
		}
		about(front, true)
	})
}

// Failures are not remembered.
func TestAboutFails(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.g.On("GET", "rooms/*").Times(1).FailBefore(500)
	_, ok, err := s.open().About(t.Context(), s.room.ID)
	if ok {
		t.Error("shown")
	}
	s.wantFate(err, chat.Later)
	if _, ok, err := s.open().About(t.Context(), s.room.ID); !ok || err != nil {
		t.Error(ok, err)
	}
}

// An odd answer to a call that the turn can do without is retried a few times. Then the turn goes on without.
func TestOddAnswers(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*scene, bot.Chat) error{
		"a room": func(s *scene, c bot.Chat) error {
			_, shown, err := c.About(t.Context(), s.room.ID)
			if shown {
				t.Error("shown")
			}
			return err
		},
		"teams": func(_ *scene, c bot.Chat) error {
			found, err := c.FindTeam(t.Context(), "Support", false)
			if found {
				t.Error("found")
			}
			return err
		},
		"members": func(_ *scene, c bot.Chat) error {
			_, err := c.Role(t.Context(), []replay.Line{{Kind: replay.OwnJoin}})
			return err
		},
		"what is overheard": func(_ *scene, c bot.Chat) error {
			_, err := c.Overheard(t.Context(), false)
			return err
		},
		"what a member hears": func(_ *scene, c bot.Chat) error {
			_, err := c.Overheard(t.Context(), true)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for number, fate := range map[int]chat.Fate{1: chat.Refused, 2: chat.Refused, 3: chat.Fine} {
				s := newScene(t)
				s.attempt.Number, s.attempt.Book = number, bookFor(t, "agent, sidekick", "en")
				s.g.On("GET", "").FailBefore(400)
				s.wantFate(do(s, s.open()), fate)
			}
		})
	}
}

// After a webhook that came late, the chats of this bot user are read for ten minutes.
func TestMustRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := bubbleScene(t)
		other := s.org.InstallBot("Other")
		s.tokens.put(s.tokenOf(other.User))
		now := replay.Millis(time.Now())
		must := func(kind chat.Kind, user string, age time.Duration, heard int64) bool {
			t.Helper()
			ev := s.event()
			ev.Kind, ev.User, ev.At = kind, user, time.Now().Add(-age)
			a := s.attempt
			a.Heard = heard
			c, err := s.platform.Open(t.Context(), ev, a)
			s.must(err)
			return c.MustRead()
		}
		if must(chat.Said, s.bot.ID, time.Second, 0) || must(chat.Said, s.bot.ID, 0, now) || must(chat.Human, s.bot.ID, time.Second, now) {
			t.Error("read without need")
		}
		if !must(chat.Said, s.bot.ID, time.Second, now) || !must(chat.Human, s.bot.ID, 0, 0) {
			t.Error("not read after a late webhook")
		}
		if must(chat.Said, other.ID, 0, now) {
			t.Error("another bot user's chats are read")
		}
		time.Sleep(10*time.Minute - time.Second)
		if !must(chat.Said, s.bot.ID, 0, 0) {
			t.Error("not read for ten minutes")
		}
		time.Sleep(time.Second)
		if must(chat.Said, s.bot.ID, 0, 0) {
			t.Error("read for more than ten minutes")
		}
	})
}
