// Package sandbox runs the bot on one machine for trying it out: the real bot, a stand-in for the platform that it calls over HTTP, and a
// web page on which the user is visitor and operator, and can make trouble.
//
// It is not for a network. Everything listens on loopback addresses, and the page answers to loopback names only. All data is in memory and
// in a temporary directory that Close removes.
//
// The page shows only what the stand-in and the bot report. Texts go to the page as JSON strings, never as markup. A page that connects
// again gets all that is still remembered.
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
	"giosgbot/webguard"
)

// Options configure a sandbox.
type Options struct {
	Playbook string       // a file; empty means the first example
	Log      *slog.Logger // of the bot and the sandbox; nil means no log
}

// Sandbox is a stand-in for the platform, a bot, and what the page knows of both.
type Sandbox struct {
	log     *slog.Logger
	world   *world
	live    *live
	bot     *worker
	books   *books
	trouble *trouble
	dir     string
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	feed    chan struct{} // closed when follow has returned
}

// New starts the stand-in and the bot and opens a first chat. Call Close to stop all of it.
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
	platform, err := giosgtest.Run(giosgtest.Options{Manners: behaviour(nil), PageSize: 20, Keep: 5000, Seed: uint64(time.Now().UnixNano())})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.world = newWorld(platform)
	s.live = newLive()
	s.trouble = &trouble{platform: platform, on: map[string]bool{}}
	s.bot = &worker{platform: platform.URL(), dir: s.dir, log: s.log, onTurn: s.turn, onState: s.botState}
	s.books = &books{all: first}
	feed := platform.Subscribe(8192)
	go s.follow(feed)
	if err := s.use(first[0].ID, first[0].Text, false); err != nil {
		return nil, errors.Join(fmt.Errorf("the playbook has errors:\n%w", err), s.Close())
	}
	if err := s.bot.start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.wire()
	s.world.rooms[0].OpenChat()
	return s, nil
}

// Platform returns the stand-in, for tests.
func (s *Sandbox) Platform() *giosgtest.Platform { return s.world.platform }

// Handler serves the page, its stream and its actions.
func (s *Sandbox) Handler() http.Handler {
	guard := webguard.Guard{Images: "data: https:", LoopbackOnly: true, Refuse: refuse}
	return guard.Wrap(s.routes())
}

// Close stops the streams, the bot and the stand-in, and removes the bot's data file.
func (s *Sandbox) Close() error {
	s.stop()
	s.bot.kill()
	s.world.platform.Close() // also ends the feed
	<-s.feed
	return os.RemoveAll(s.dir)
}

// wire sets up the webhooks that the active playbook needs.
func (s *Sandbox) wire() {
	var hooks []giosgtest.Webhook
	for _, w := range s.books.webhooks() {
		hooks = append(hooks, giosgtest.Webhook{URL: s.bot.url() + w.Path + "?secret=" + s.bot.key(), Pattern: w.Channel})
	}
	s.world.bot.SetWebhooks(hooks...)
}

// use makes a playbook the active one, for running chats too. After an error the previous one stays active.
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
