package app_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"giosgbot/giosg/giosgtest"
	"giosgbot/redistest"
)

// A Redis that answers and takes no writes: the door says so, with or without webhooks, and all goes on by itself afterwards.
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
				if err := os.Mkdir(filepath.Join(dir, "dump.rdb"), 0o700); err != nil {
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
				w := newWorld(t, map[string]string{"REDIS_URL": s.URL(), "ADMIN_ADDR": "127.0.0.1:0"},
					giosgtest.Options{Manners: &giosgtest.Manners{Attempts: 12, Backoff: 20 * time.Millisecond}})
				a := w.start(shop("agent"))
				w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
				chat := w.rooms["en"].OpenChat()
				w.say(chat, "open?")
				w.awaitN(chat, 2)
				w.quiet()
				w.awaitReady(a, http.StatusOK)

				c := s.Client(t)
				if err := trouble.begin(c); err != nil {
					t.Fatal(err)
				}
				want := []string{greetingEN, "Mon–Fri 9–17."}
				if traffic {
					w.say(chat, "price?")
					if err := w.p.Await(w.ctx, func() bool {
						return len(w.p.Deliveries(func(d giosgtest.Delivery) bool { return d.Status == http.StatusServiceUnavailable })) > 0
					}); err != nil {
						t.Fatal(err)
					}
					if log := w.log.String(); !strings.Contains(log, `msg="event not kept"`) || !strings.Contains(log, word) {
						t.Errorf("the log does not say why the event was not kept:\n%s", log)
					}
					want = append(want, "It costs 10 €.")
				}
				if body := w.awaitReady(a, http.StatusServiceUnavailable); !strings.Contains(body, "unavailable") {
					t.Error(body)
				}
				if log := w.log.String(); !strings.Contains(log, `msg="not ready"`) || !strings.Contains(log, word) {
					t.Errorf("the log does not say why it is not ready:\n%s", log)
				}
				await(t, func() bool {
					up, known := w.scrape(a.App)["giosgbot_store_up"]
					return known && up == 0
				})

				if err := trouble.end(c); err != nil {
					t.Fatal(err)
				}
				w.awaitReady(a, http.StatusOK)
				if log := w.log.String(); !strings.Contains(log, `msg="ready again"`) {
					t.Errorf("the log does not say that it is over:\n%s", log)
				}
				await(t, func() bool { return w.scrape(a.App)["giosgbot_store_up"] == 1 })
				w.awaitN(chat, len(want))
				w.quiet()
				w.said(chat, want...)
				w.clean()
			})
		}
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
