package app_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"giosgbot/giosg/giosgtest"
	"giosgbot/redistest"
)

// A Redis that answers but refuses writes turns /readyz red, with or without webhooks. Afterwards the bot recovers by itself.
func TestRedisThatRefusesWrites(t *testing.T) {
	t.Parallel()
	set := func(c *redis.Client, pairs ...string) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := c.ConfigSet(t.Context(), pairs[i], pairs[i+1]).Err(); err != nil {
				return err
			}
		}
		return nil
	}
	for word, trouble := range map[string]struct{ begin, end func(c *redis.Client) error }{
		"OOM": {
			func(c *redis.Client) error { return set(c, "maxmemory", "1") },
			func(c *redis.Client) error { return set(c, "maxmemory", "0") },
		},
		"NOREPLICAS": {
			func(c *redis.Client) error { return set(c, "min-replicas-to-write", "1") },
			func(c *redis.Client) error { return set(c, "min-replicas-to-write", "0") },
		},
		"READONLY": {
			func(c *redis.Client) error { return c.ReplicaOf(t.Context(), "127.0.0.1", "1").Err() },
			func(c *redis.Client) error { return c.ReplicaOf(t.Context(), "NO", "ONE").Err() },
		},
		"MISCONF": {
			func(c *redis.Client) error { // a snapshot that cannot be saved: a folder is in its place
				dir := c.ConfigGet(t.Context(), "dir").Val()["dir"]
				if err := os.MkdirAll(filepath.Join(dir, "dump.rdb"), 0o700); err != nil {
					return err
				}
				if err := set(c, "save", "3600 1"); err != nil {
					return err
				}
				if err := c.BgSave(t.Context()).Err(); err != nil {
					return err
				}
				await(t, func() bool {
					return strings.Contains(c.Info(t.Context(), "persistence").Val(), "rdb_last_bgsave_status:err")
				})
				return nil
			},
			func(c *redis.Client) error { return set(c, "save", "") },
		},
	} {
		for _, traffic := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, webhooks %t", word, traffic), func(t *testing.T) {
				t.Parallel()
				s := redistest.Start(t)
				w := newWorld(t, map[string]string{"REDIS_URL": s.URL(), "ADMIN_ADDR": "127.0.0.1:0"}, polite())
				a := w.start(shop("agent"))
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "open?")
				w.awaitN(chat, 2)
				w.quiet()
				w.awaitReady(a, http.StatusOK)

				c := s.Client(t)
				for {
					if err := trouble.begin(c); err != nil {
						t.Fatal(err)
					}
					if body := w.awaitReady(a, http.StatusServiceUnavailable); !strings.Contains(body, "unavailable") {
						t.Error(body)
					}
					if w.logged(`msg="not ready"`, word) {
						break
					}
					// The log names another reason: on a busy machine the deadline of /readyz can come before Redis' answer.
					if err := trouble.end(c); err != nil {
						t.Fatal(err)
					}
					w.awaitReady(a, http.StatusOK)
				}
				want := []string{greetingEN, "Mon–Fri 9–17."}
				var refused giosgtest.Event
				if traffic {
					w.say(chat, "price?")
					events := w.p.Events(nil)
					refused = events[len(events)-1]
					for !w.logged(`msg="event not kept"`, word) { // giosg sends it until the reason is Redis' answer, and not a deadline
						w.send(refused, http.StatusServiceUnavailable)
					}
					want = append(want, "It costs 10 €.")
				}
				await(t, func() bool {
					up, known := w.scrape(a.App)["giosgbot_store_up"]
					return known && up == 0
				})

				if err := trouble.end(c); err != nil {
					t.Fatal(err)
				}
				w.awaitReady(a, http.StatusOK)
				if !w.logged(`msg="ready again"`) {
					t.Error("the log does not say that the bot is ready again")
				}
				await(t, func() bool { return w.scrape(a.App)["giosgbot_store_up"] == 1 })
				if traffic {
					w.send(refused, http.StatusAccepted)
				}
				w.awaitN(chat, len(want))
				w.quiet()
				w.said(chat, want...)
				w.clean()
			})
		}
	}
}

// send delivers a webhook until it is answered with the status.
func (w *world) send(ev giosgtest.Event, status int) {
	w.Helper()
	for {
		d, err := w.p.Send(w.ctx, ev)
		if err != nil {
			w.Fatal(err)
		}
		if d.Status == status {
			return
		}
		w.Logf("%s was answered with %d", ev.Channel, d.Status)
	}
}

// awaitReady asks /readyz until it answers with this status, and returns its body.
func (w *world) awaitReady(a *running, status int) (body string) {
	w.Helper()
	await(w.T, func() bool {
		res, err := http.Get(a.URL() + "/readyz")
		if err != nil {
			w.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			w.Fatal(err)
		}
		body = string(b)
		return res.StatusCode == status
	})
	return body
}
