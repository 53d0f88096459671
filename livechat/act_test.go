package livechat_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/giosg/giosgtest"
	"giosgbot/livechat"
	"giosgbot/playbook"
	"giosgbot/queue"
	"giosgbot/replay"
)

var sayWithButton = playbook.Say{Text: "Is it so?", Template: "interaction", Attachments: []playbook.Attachment{{
	Title: "A title", TitleLinkURL: "https://example.com/title", Text: "A text",
	ImageURL: "https://example.com/image", ImageLinkURL: "https://example.com/link", LinkTarget: "_blank",
	Actions: []playbook.Button{
		{Text: "Yes!", Type: "button", Value: "yes", Style: "success", DisabledOnSelection: true, DisabledOnVisitorMessage: true},
		{Text: "More", Type: "link_button", Value: "https://example.com/more", LinkTarget: "_parent"},
	},
}}}

// Each action is one call, with all that belongs to it.
func TestDo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.must(s.bot.Join(s.chat))
	do := func(a playbook.Action, call string) replay.Mark {
		t.Helper()
		s.calls()
		c := s.open()
		if c.Acted() {
			t.Error("acted before it did")
		}
		mark, err := c.Do(t.Context(), a)
		s.must(err)
		s.wantCalls(call)
		if !c.Acted() {
			t.Error("it is not known that the bot acted")
		}
		return mark
	}
	mark := do(sayWithButton, "POST chats/*/messages")
	l := s.chat.Lines()[len(s.chat.Lines())-1]
	if mark.ID != l.ID || mark.At != replay.Millis(l.At) || l.Text != "Is it so?" || l.Who != "bot" {
		t.Errorf("mark %+v of %+v", mark, l)
	}
	a := l.Attachments[0]
	str := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	got := []string{str(a.Title), str(a.TitleLinkURL), str(a.Text), str(a.ImageURL), str(a.ImageLinkURL), str(a.LinkTarget)}
	for _, b := range a.Actions {
		got = append(got, str(b.Text), b.Type, str(b.Value), str(b.Style), str(b.LinkTarget), strconv.FormatBool(b.IsDisabledOnSelection), strconv.FormatBool(b.IsDisabledOnVisitorMessage))
	}
	want := []string{"A title", "https://example.com/title", "A text", "https://example.com/image", "https://example.com/link", "_blank",
		"Yes!", "button", "yes", "success", "", "true", "true",
		"More", "link_button", "https://example.com/more", "", "_parent", "false", "false"}
	if !slices.Equal(got, want) {
		t.Errorf("the attachment is %q, want %q", got, want)
	}
	team := s.org.AddTeam("Support", s.human)
	s.calls()
	c := s.open()
	_, err := c.Do(t.Context(), playbook.Invite{Team: " support "})
	s.must(err)
	if in := s.chat.State().Invitations; len(in) != 1 || in[0].InvitedTeamID != team.ID {
		t.Errorf("invitations %+v", in)
	}
	s.wantCalls("GET teams", "POST chats/*/outgoing_chat_invitations")
	do(playbook.SetOnline{Online: true}, "PATCH ")
	if !s.bot.Online() {
		t.Error("the bot is not online")
	}
	do(playbook.SetOnline{}, "PATCH ")
	if s.bot.Online() {
		t.Error("the bot is online")
	}
	do(playbook.Leave{}, leaveChat)
	if s.held() {
		t.Error("the bot has not left")
	}
	do(playbook.End{}, "PATCH chats/*")
	if !s.chat.State().Ended {
		t.Error("the chat has not ended")
	}
	if v := s.g.Violations(); len(v) > 0 {
		t.Errorf("%+v", v)
	}
}

// An action that livechat does not know is hopeless; so is no invitation of a team that is gone.
func TestDoOddThings(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	c := s.open()
	_, err := c.Do(t.Context(), playbook.HandOver{})
	s.wantFate(err, chat.Hopeless)
	s.wantCalls()
	_, err = c.Do(t.Context(), playbook.Invite{Team: "Nobody"})
	s.must(err)
	s.wantCalls("GET teams")
	if c.Acted() {
		t.Error("acted")
	}
}

// If giosg's answer is empty, it is known when the message was sent, about, but not its id.
func TestSayWithAnEmptyAnswer(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.must(s.bot.Join(s.chat))
	s.g.Configure(func(o *giosgtest.Options) { o.EmptyAnswers = true })
	before := replay.Millis(time.Now())
	mark, err := s.open().Do(t.Context(), playbook.Say{Text: "A."})
	if err != nil || mark.ID != "" || mark.At < before || mark.At > replay.Millis(time.Now()) {
		t.Errorf("%+v, %v", mark, err)
	}
}

// A team is found by its name, online, and with a human if that is asked for.
func TestFindTeam(t *testing.T) {
	t.Parallel()
	const v5, v6 = "GET teams", "GET v6/teams"
	for name, c := range map[string]struct {
		humans bool
		setUp  func(*scene, *giosgtest.User)
		found  bool
		fate   chat.Fate
		calls  []string
	}{
		"none":                           {false, nil, false, chat.Fine, []string{v5}},
		"another name":                   {false, func(s *scene, _ *giosgtest.User) { s.org.AddTeam("Sales", s.human) }, false, chat.Fine, []string{v5}},
		"online":                         {false, func(s *scene, _ *giosgtest.User) { s.org.AddTeam("Support", s.human) }, true, chat.Fine, []string{v5}},
		"offline":                        {false, func(s *scene, off *giosgtest.User) { s.org.AddTeam("Support", off) }, false, chat.Fine, []string{v5}},
		"case and spaces do not count":   {false, func(s *scene, _ *giosgtest.User) { s.org.AddTeam(" SUPPORT", s.human) }, true, chat.Fine, []string{v5}},
		"two of one name":                {false, func(s *scene, off *giosgtest.User) { s.org.AddTeam("Support", off); s.org.AddTeam("Support", s.human) }, true, chat.Fine, []string{v5}},
		"two of one name, turned":        {false, func(s *scene, off *giosgtest.User) { s.org.AddTeam("Support", s.human); s.org.AddTeam("Support", off) }, true, chat.Fine, []string{v5}},
		"a bot only":                     {false, func(s *scene, _ *giosgtest.User) { s.bot.GoOnline(); s.org.AddTeam("Support", s.bot.User) }, true, chat.Fine, []string{v5}},
		"humans":                         {true, func(s *scene, _ *giosgtest.User) { s.org.AddTeam("Support", s.human) }, true, chat.Fine, []string{v6}},
		"humans, a bot only":             {true, func(s *scene, _ *giosgtest.User) { s.bot.GoOnline(); s.org.AddTeam("Support", s.bot.User) }, false, chat.Fine, []string{v6}},
		"humans, no version 6":           {true, func(s *scene, _ *giosgtest.User) { s.org.AddTeam("Support", s.human); failV6(s, 404) }, true, chat.Fine, []string{v6, v5}},
		"humans, version 6 says invalid": {true, func(s *scene, _ *giosgtest.User) { s.org.AddTeam("Support", s.human); failV6(s, 400) }, true, chat.Fine, []string{v6, v5}},
		"humans, version 6 fails":        {true, func(s *scene, _ *giosgtest.User) { failV6(s, 500) }, false, chat.Later, []string{v6}},
		"teams are not shown":            {false, func(s *scene, _ *giosgtest.User) { s.g.On("GET", "teams").FailBefore(404) }, false, chat.Fine, []string{v5}},
		"teams are forbidden":            {true, func(s *scene, _ *giosgtest.User) { s.g.On("GET", "teams").FailBefore(403) }, false, chat.Fine, []string{v6}},
		"teams cannot be asked for":      {false, func(s *scene, _ *giosgtest.User) { s.g.On("GET", "teams").FailBefore(500) }, false, chat.Later, []string{v5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			off := s.org.AddHuman("Off Line")
			off.GoOffline()
			if c.setUp != nil {
				c.setUp(s, off)
			}
			s.calls()
			conversation := s.open()
			found, err := conversation.FindTeam(t.Context(), "Support", c.humans)
			if found != c.found {
				t.Errorf("found: %t", found)
			}
			s.wantFate(err, c.fate)
			if got := compact(s.calls()); !slices.Equal(got, c.calls) {
				t.Errorf("calls %q, want %q", got, c.calls)
			}
			if c.found { // teams are listed once in an attempt
				s.must(s.bot.Join(s.chat))
				if _, err := conversation.Do(t.Context(), playbook.Invite{Team: "Support", Humans: c.humans}); err != nil {
					t.Error(err)
				}
				s.wantCalls("POST chats/*/outgoing_chat_invitations")
			}
		})
	}
}

func failV6(s *scene, status int) {
	s.g.On("GET", "").Where(func(c giosgtest.Call) bool { return strings.HasPrefix(c.Path, "/api/v6/") }).FailBefore(status)
}

// A team that was deleted is none.
func TestFindDeletedTeam(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	team := s.org.AddTeam("Support", s.human)
	s.g.On("GET", "teams").Do(giosgtest.Fault{Status: 200, Body: `{"next": null, "results": [{"id": "` + team.ID +
		`", "name": "Support", "is_online": true, "is_humans_online": true, "is_deleted": true}]}`})
	for _, humans := range []bool{true, false} {
		if found, err := s.open().FindTeam(t.Context(), "Support", humans); found || err != nil {
			t.Errorf("found: %t, %v", found, err)
		}
	}
}

// The status that giosg answers decides what becomes of the turn.
func TestFates(t *testing.T) {
	t.Parallel()
	type result struct {
		fate     chat.Fate
		noEffect bool
		acted    bool
	}
	for status, want := range map[int]struct{ read, write result }{
		400: {result{chat.Refused, false, false}, result{chat.Refused, false, true}},
		403: {result{chat.Refused, false, false}, result{chat.Refused, false, true}},
		404: {result{chat.Over, false, false}, result{chat.Over, false, true}},
		408: {result{chat.Later, true, false}, result{chat.Later, true, false}},
		409: {result{chat.Refused, false, false}, result{chat.Refused, false, true}},
		410: {result{chat.Over, false, false}, result{chat.Over, false, true}},
		422: {result{chat.Refused, false, false}, result{chat.Refused, false, true}},
		500: {result{chat.Later, true, false}, result{chat.Unknown, false, true}},
		502: {result{chat.Later, true, false}, result{chat.Unknown, false, true}},
		503: {result{chat.Later, true, false}, result{chat.Unknown, false, true}},
		0:   {result{chat.Later, true, false}, result{chat.Unknown, false, true}}, // cut
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.must(s.bot.Join(s.chat))
			s.g.On("", "chats/*/messages").Do(giosgtest.Fault{Status: status, Cut: status == 0})
			check := func(what string, want result, do func(context.Context, *scene) (error, bool)) {
				t.Helper()
				err, acted := do(t.Context(), s)
				f := chat.Failure(err)
				if got := (result{f.Fate, f.NoEffect, acted}); got != want || f.Deferred || f.Unsent || f.Delay != 0 {
					t.Errorf("%s: %+v of %v, want %+v", what, got, err, want)
				}
				if !giosg.IsError(err) || err.Error() == "" {
					t.Errorf("%s: the cause is lost: %v", what, err)
				}
			}
			check("read", want.read, func(ctx context.Context, s *scene) (error, bool) {
				c := s.open()
				_, err := c.Record(ctx, nil)
				return err, c.Acted()
			})
			check("write", want.write, func(ctx context.Context, s *scene) (error, bool) {
				c := s.open()
				_, err := c.Do(ctx, playbook.Say{Text: "A."})
				return err, c.Acted()
			})
		})
	}
}

// A 401 refuses the token, and the turn waits for another one.
func TestUnauthorized(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	old, _ := s.tokens.Get(t.Context(), giosg.UserID(s.bot.ID))
	s.g.RevokeTokens(s.bot.User)
	c := s.open()
	_, err := c.Record(t.Context(), nil)
	w, ok := errors.AsType[*chat.Wait](err)
	if !ok || w.Topic != livechat.TokenTopic(giosg.UserID(s.bot.ID)) {
		t.Fatalf("%v", err)
	}
	if len(s.tokens.refused) != 1 || !reflect.DeepEqual(s.tokens.refused[0], old) {
		t.Errorf("refused %+v", s.tokens.refused)
	}
	if w.Came(t.Context()) {
		t.Error("the refused token counts as one that came")
	}
	if s.renew(); !w.Came(t.Context()) {
		t.Error("the new token is not seen")
	}
	s.must(s.bot.Join(s.chat))
	if _, err := s.open().Record(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// Right after the bot has joined, giosg may not know it yet; but not for ever.
func TestGoneJustAfterJoining(t *testing.T) {
	t.Parallel()
	for number, want := range map[int]chat.Fate{1: chat.Later, 4: chat.Later, 5: chat.Over} {
		s := newScene(t)
		s.say("hello")
		s.attempt.Number = number
		c := s.open()
		_, _, err := c.Enter(t.Context(), playbook.Agent)
		s.must(err)
		s.g.On("", "chats/*/messages").FailBefore(404)
		_, err = c.Record(t.Context(), nil)
		s.wantFate(err, want)
		_, err = c.Do(t.Context(), playbook.Say{Text: "A."})
		s.wantFate(err, want)
	}
}

// A call that giosg wants later is repeated if the turn waits, and says when otherwise.
func TestDeferred(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patient int
		times   int
		fate    chat.Fate
		delay   time.Duration
		unsent  bool
		waited  int
	}{
		"waited for":     {1, 1, chat.Fine, 0, false, 1},
		"once too often": {1, 2, chat.Later, 3 * time.Second, false, 2},
		"not waited for": {0, 1, chat.Later, 3 * time.Second, false, 1},
	} {
		for _, write := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", a write", false: ", a read"}[write], func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := bubbleScene(t)
					s.must(s.bot.Join(s.chat))
					s.g.On("", "chats/*/messages").Times(c.times).TooMany(3 * time.Second)
					waits := s.attempt.Wait
					s.patient = c.patient
					s.attempt.Wait = func(ctx context.Context, err error) bool {
						ok := waits(ctx, err)
						if ok {
							time.Sleep(chat.Failure(err).Delay)
						}
						return ok
					}
					conversation := s.open()
					var err error
					if write {
						_, err = conversation.Do(t.Context(), playbook.Say{Text: "A."})
					} else {
						_, err = conversation.Record(t.Context(), nil)
					}
					f := chat.Failure(err)
					if f.Fate != c.fate || f.Delay != c.delay || f.Deferred != (c.fate == chat.Later) || f.Unsent {
						t.Errorf("%+v", f)
					}
					if len(s.waited) != c.waited {
						t.Errorf("asked to wait %d times", len(s.waited))
					}
					if conversation.Acted() != (write && c.fate == chat.Fine) {
						t.Errorf("acted: %t", conversation.Acted())
					}
					if c.fate == chat.Fine {
						return
					}
					_, err = s.open().Record(t.Context(), nil) // the bot user's other calls are not made meanwhile
					if f := chat.Failure(err); !f.Unsent || !f.Deferred || f.Delay <= 0 || f.Fate != chat.Later {
						t.Errorf("%+v", f)
					}
				})
			})
		}
	}
}

// After a wait it is not known any more that others serve the chat.
func TestServedMayHaveChangedAfterAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := bubbleScene(t)
		s.must(s.human.Join(s.chat))
		s.attempt.Wait = func(_ context.Context, err error) bool {
			if !chat.Failure(err).Deferred {
				return false
			}
			time.Sleep(chat.Failure(err).Delay)
			return true
		}
		c := s.open()
		if reason, err := c.Unserved(t.Context()); reason != "" || err != nil {
			t.Fatal(reason, err)
		}
		s.g.On("GET", "routed_chats/*/messages").Times(1).TooMany(time.Second)
		if _, err := c.Overheard(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		s.calls()
		if reason, err := c.SitIn(t.Context()); reason != "" || err != nil {
			t.Fatal(reason, err)
		}
		s.wantCalls(routedChat, joinRouted)
	})
}

// Nothing is sent after the lease's end, and no call lasts longer than that.
func TestNothingIsSentAfterTheLease(t *testing.T) {
	t.Parallel()
	t.Run("it is over", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.must(s.bot.Join(s.chat))
		s.attempt.Until = func() time.Time { return time.Now().Add(-time.Millisecond) }
		c := s.open()
		for _, a := range []playbook.Action{playbook.Say{Text: "A."}, playbook.Leave{}, playbook.End{}, playbook.SetOnline{}} {
			if _, err := c.Do(t.Context(), a); !errors.Is(err, queue.ErrLost) {
				t.Errorf("%T: %v", a, err)
			}
		}
		if _, _, err := c.Enter(t.Context(), playbook.Agent); !errors.Is(err, queue.ErrLost) {
			t.Errorf("join: %v", err)
		}
		s.wantCalls()
		if c.Acted() {
			t.Error("acted")
		}
	})
	t.Run("it ends while giosg is slow", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := bubbleScene(t)
			s.must(s.bot.Join(s.chat))
			end := time.Now().Add(2 * time.Second)
			s.attempt.Until = func() time.Time { return end }
			s.g.On("POST", "chats/*/messages").HangBefore()
			_, err := s.open().Do(t.Context(), playbook.Say{Text: "A."})
			s.wantFate(err, chat.Unknown)
			if late := time.Since(end); late != 0 {
				t.Errorf("the call ended %v after the lease", late)
			}
		})
	})
	t.Run("a write has its own limit", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := bubbleScene(t)
			s.platform = livechat.New(livechat.Options{API: s.api, Tokens: s.tokens, Presence: s.presence})
			s.must(s.bot.Join(s.chat))
			s.g.On("POST", "chats/*/messages").HangAfter()
			begin := time.Now()
			_, err := s.open().Do(t.Context(), playbook.Say{Text: "A."})
			s.wantFate(err, chat.Unknown)
			if took := time.Since(begin); took != 5*time.Second {
				t.Errorf("the call took %v", took)
			}
			if said := s.chat.Said("bot"); !slices.Equal(said, []string{"A."}) {
				t.Errorf("said %q", said)
			}
		})
	})
	t.Run("the turn has ended", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.must(s.bot.Join(s.chat))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.open().Do(ctx, playbook.Say{Text: "A."})
		if f := chat.Failure(err); f.Fate != chat.Later || !f.NoEffect {
			t.Errorf("%+v", f)
		}
		s.wantCalls()
	})
}

// A read that is not answered in time may work later.
func TestSlowRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := bubbleScene(t)
		s.must(s.bot.Join(s.chat))
		s.g.On("GET", "chats/*/messages").HangBefore()
		_, err := s.open().Record(t.Context(), nil)
		if f := chat.Failure(err); f.Fate != chat.Later || !f.NoEffect || f.Deferred {
			t.Errorf("%+v", f)
		}
	})
}

// Becoming present is for the presence keeper; a client that is gone does not say that the chat is.
func TestPresent(t *testing.T) {
	t.Parallel()
	status := func(status int) error {
		s := newScene(t)
		s.must(s.bot.Join(s.chat))
		s.g.On("GET", "users/me").FailBefore(status)
		_, err := s.api.As(s.tokenOf(s.bot.User)).Me(t.Context())
		return err
	}
	for name, c := range map[string]struct {
		errs    []error
		patient int
		fate    chat.Fate
		calls   int
	}{
		"fine":                {nil, 0, chat.Fine, 1},
		"forbidden":           {[]error{status(403)}, 0, chat.Refused, 1},
		"gone":                {[]error{status(404)}, 0, chat.Later, 1},
		"fails":               {[]error{status(500)}, 0, chat.Later, 1},
		"deferred":            {[]error{status(429)}, 0, chat.Later, 1},
		"deferred and waited": {[]error{status(429)}, 1, chat.Fine, 2},
		"of the store":        {[]error{errors.New("the store is away")}, 0, chat.Later, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.presence.errs, s.patient = c.errs, c.patient
			s.wantFate(s.open().Present(t.Context()), c.fate)
			if s.presence.calls != c.calls || s.presence.on != nil {
				t.Errorf("%d calls, online %v", s.presence.calls, s.presence.on)
			}
		})
	}
}
