package livechat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/giosg"
	"giosgbot/giosg/giosgtest"
	"giosgbot/livechat"
	"giosgbot/playbook"
)

// tokens are the newest tokens, and those that giosg has refused.
type tokens struct {
	mu      sync.Mutex
	held    map[giosg.UserID]giosg.Token
	refused []giosg.Token
}

func (ts *tokens) Get(_ context.Context, user giosg.UserID) (giosg.Token, bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t, ok := ts.held[user]
	return t, ok
}

func (ts *tokens) Refuse(_ context.Context, t giosg.Token) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.refused = append(ts.refused, t)
	delete(ts.held, t.User)
}

func (ts *tokens) put(t giosg.Token) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.held[t.User] = t
}

// presence fails as it is told to.
type presence struct {
	errs  []error
	calls int
	on    *bool // what it was told last
}

func (p *presence) Ensure(_ context.Context, _ *giosg.Session, online *bool) (err error) {
	p.calls++
	p.on = online
	if len(p.errs) > 0 {
		err, p.errs = p.errs[0], p.errs[1:]
	}
	return err
}

// scene is an organization with a bot, a colleague and a chat of a visitor.
type scene struct {
	t        *testing.T
	g        *giosgtest.Platform
	org      *giosgtest.Org
	room     *giosgtest.Room
	bot      *giosgtest.Bot
	human    *giosgtest.User
	chat     *giosgtest.Chat
	api      *giosg.Client
	tokens   *tokens
	presence *presence
	platform *livechat.Platform

	attempt bot.Attempt // what open passes on
	member  bool        // and the event's Member
	patient int         // for how many deferred calls the turn waits
	waited  []error     // the errors that it was asked to wait for
}

const sceneBook = `
name: scene
modes: [%s]
languages: [%s]
rules: [{name: a, when: {keywords: [a]}, say: A.}]
`

// bookFor is a playbook that works in these modes.
func bookFor(t *testing.T, modes, languages string) *playbook.Playbook {
	t.Helper()
	text := fmt.Sprintf(sceneBook, modes, languages)
	if strings.Contains(languages, ",") {
		text = strings.Replace(text, "{keywords: [a]}, say: A.", "{button: a}, say: {en: A., fi: A.}", 1)
	}
	p, err := playbook.Load("scene.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// newScene makes a scene over real HTTP.
func newScene(t *testing.T) *scene {
	t.Helper()
	return sceneOf(t, giosgtest.RunT(t, giosgtest.Options{Manners: giosgtest.Polite()}), nil)
}

// bubbleScene makes a scene in a synctest bubble: without a network, so that time passes while all wait.
func bubbleScene(t *testing.T) *scene {
	t.Helper()
	g := giosgtest.New(giosgtest.Options{Manners: giosgtest.Polite(), TokenLife: 1000 * time.Hour})
	t.Cleanup(g.Close)
	return sceneOf(t, g, direct{g.Handler()})
}

func sceneOf(t *testing.T, g *giosgtest.Platform, transport http.RoundTripper) *scene {
	t.Helper()
	s := &scene{t: t, g: g, tokens: &tokens{held: map[giosg.UserID]giosg.Token{}}, presence: &presence{}}
	s.org = g.AddOrg("Shop")
	s.room = s.org.AddRoom("Front", "fi")
	s.bot = s.org.InstallBot("Robot")
	s.bot.MakePresent(1000 * time.Hour)
	s.human = s.org.AddHuman("Ann Other")
	s.chat = s.room.OpenChat()
	base := g.URL()
	if transport != nil {
		base = "http://giosg.test"
	}
	var err error
	s.api, err = giosg.New(giosg.Config{BaseURL: base, Transport: transport, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.api.CloseIdleConnections)
	s.renew()
	s.platform = livechat.New(livechat.Options{API: s.api, Tokens: s.tokens, Presence: s.presence, Write: 10 * time.Second})
	s.attempt = bot.Attempt{
		Number: 1, Book: bookFor(t, "agent", "en"), Log: slog.New(slog.DiscardHandler),
		Until: func() time.Time { return time.Now().Add(time.Hour) },
		Wait: func(_ context.Context, err error) bool {
			if !chat.Failure(err).Deferred {
				return false
			}
			s.waited = append(s.waited, err)
			s.patient--
			return s.patient >= 0
		},
	}
	return s
}

// direct is a network without delay.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(r *http.Request) (res *http.Response, err error) {
	if r.Body == nil {
		r.Body = io.NopCloser(strings.NewReader(""))
	}
	w := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil {
			res, err = nil, errors.New("the connection was cut")
		}
	}()
	d.h.ServeHTTP(w, r)
	return w.Result(), nil
}

// renew brings a new token of the bot user.
func (s *scene) renew() { s.tokens.put(s.tokenOf(s.bot.User)) }

func (s *scene) tokenOf(u *giosgtest.User) giosg.Token {
	return giosg.Token{User: giosg.UserID(u.ID), Org: giosg.OrgID(u.OrgID()), Type: "Bearer",
		Value: giosg.Secret(s.g.Token(u, -1)), Expires: time.Now().Add(time.Hour)}
}

// event is one of the scene's chat.
func (s *scene) event() chat.Event {
	return chat.Event{Kind: chat.Said, User: s.bot.ID, Org: s.org.ID, Chat: s.chat.ID, Room: s.room.ID, Member: s.member, ID: "m", At: time.Now()}
}

// open begins an attempt.
func (s *scene) open() bot.Chat {
	s.t.Helper()
	c, err := s.platform.Open(s.t.Context(), s.event(), s.attempt)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// calls lists the calls to giosg since it was last asked, with ids left out: "GET chats/*/messages".
func (s *scene) calls() []string {
	var out []string
	for _, c := range s.g.Calls(nil) {
		parts := strings.Split(strings.Trim(c.Path, "/"), "/")
		parts = slices.DeleteFunc(parts, func(p string) bool {
			return p == "api" || p == "v5" || p == "users" || p == "orgs" || p == s.bot.ID || p == s.org.ID
		})
		for i, p := range parts {
			if len(p) == 36 {
				parts[i] = "*"
			}
		}
		out = append(out, c.Method+" "+strings.Join(parts, "/"))
	}
	s.g.ResetCalls()
	return out
}

// wantCalls compares the calls to giosg since they were last taken.
func (s *scene) wantCalls(want ...string) {
	s.t.Helper()
	if got := s.calls(); !slices.Equal(got, want) {
		s.t.Errorf("calls %q, want %q", got, want)
	}
}

// must fails the test at once if one of the verbs has failed.
func (s *scene) must(errs ...error) {
	s.t.Helper()
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
}

// say lets the visitor write.
func (s *scene) say(text string) giosgtest.Line {
	s.t.Helper()
	l, err := s.chat.Say(text)
	s.must(err)
	return l
}

// wantFate checks what an error means to a turn.
func (s *scene) wantFate(err error, want chat.Fate) {
	s.t.Helper()
	if got := chat.FateOf(err); got != want {
		s.t.Errorf("%v is %v, want %v", err, got, want)
	}
}
