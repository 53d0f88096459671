// Package sandbox shows the bot at work on one's own machine: a stand-in for the platform, the real bot against it over real HTTP, and
// a web page where one is the visitor, the operator and the bad weather at once.
//
// It is for trying things out, never for a network: everything listens on loopback, the page answers loopback names only, and what
// happens is kept in memory and a temporary directory that Close removes.
//
// Promises: what the page shows is what the stand-in and the bot report, nothing is acted out; every word that comes from outside goes
// to the page as JSON text; a page that reconnects sees all that is still remembered.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"giosgbot/giosg/giosgtest"
)

// Options say how a sandbox begins.
type Options struct {
	Playbook string       // a file; empty: the first of the examples
	Log      *slog.Logger // of the bot and the sandbox; nil: none
}

// Sandbox is the platform's stand-in, the bot and what the page knows of them.
type Sandbox struct {
	log   *slog.Logger
	world *world
	live  *live
	bot   *worker
	books *books
	mood  *mood
	dir   string
	ctx   context.Context // ends with Close
	stop  context.CancelFunc
	feed  chan struct{} // closed when the feed's reader is done
}

// New starts the stand-in and the bot, and opens the first chat. Close ends all of it.
func New(o Options) (_ *Sandbox, err error) {
	s := &Sandbox{log: o.Log, feed: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	first, err := examples(o.Playbook)
	if err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "giosg-sandbox-"); err != nil {
		return nil, err
	}
	platform, err := giosgtest.Run(giosgtest.Options{Manners: manners(nil), PageSize: 20, Keep: 5000, Seed: uint64(time.Now().UnixNano())})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.world = newWorld(platform)
	s.live = newLive()
	s.mood = &mood{platform: platform, on: map[string]bool{}}
	s.bot = &worker{platform: platform.URL(), dir: s.dir, log: s.log, onTurn: s.turn, onState: s.botState}
	s.books = &books{all: first}
	feed := platform.Subscribe(8192)
	go s.follow(feed)
	if err := s.use(first[0].ID, first[0].Text, false); err != nil {
		return nil, errors.Join(fmt.Errorf("the playbook cannot be used:\n%w", err), s.Close())
	}
	if err := s.bot.start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.wire()
	s.world.rooms[0].OpenChat()
	return s, nil
}

// Platform is the stand-in, for tests that wait for what happens on it.
func (s *Sandbox) Platform() *giosgtest.Platform { return s.world.platform }

// Handler serves the page and what it asks for.
func (s *Sandbox) Handler() http.Handler { return guard(s.routes()) }

// Close stops the pages' streams, the bot and the stand-in, and removes the bot's file.
func (s *Sandbox) Close() error {
	s.stop()
	s.bot.kill()
	s.world.platform.Close() // ends the feed
	<-s.feed
	return os.RemoveAll(s.dir)
}

// wire tells the platform where the bot wants to hear of what, as the playbook in force needs it.
func (s *Sandbox) wire() {
	var hooks []giosgtest.Webhook
	for _, w := range s.books.webhooks() {
		hooks = append(hooks, giosgtest.Webhook{URL: s.bot.url() + w.Path + "?secret=" + s.bot.key(), Pattern: w.Channel})
	}
	s.world.bot.SetWebhooks(hooks...)
}

// use puts a playbook in force at once, for chats that go on as well as for new ones. After an error the old one stays.
func (s *Sandbox) use(id, text string, edited bool) error {
	book, err := load(id, text)
	if err != nil {
		return err
	}
	s.world.addTeams(book.Teams())
	s.books.set(id, text, edited, book)
	s.bot.setPlaybook(book)
	if s.bot.url() != "" {
		s.wire()
	}
	s.live.publish("book", s.books.view())
	if edited {
		s.live.tick("playbook")
	}
	return nil
}

func (s *Sandbox) botState(st botState) { s.live.setBot(st) }
