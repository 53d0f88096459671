package sandbox_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
	"giosgbot/sandbox"
)

// box is a sandbox and its web server.
type box struct {
	t    *testing.T
	box  *sandbox.Sandbox
	page *httptest.Server
	p    *giosgtest.Platform
	ctx  context.Context
}

func open(t *testing.T, o sandbox.Options) *box {
	t.Helper()
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	b := &box{t: t, box: s, page: httptest.NewServer(s.Handler()), p: s.Platform(), ctx: ctx}
	t.Cleanup(func() {
		cancel()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		b.page.Close()
		if v := b.p.Violations(); len(v) != 0 {
			t.Errorf("the bot broke the rules of the platform: %+v", v)
		}
	})
	return b
}

// post performs an action and decodes its answer.
func (b *box) post(path string, in any) map[string]any {
	b.t.Helper()
	status, out := b.try(path, in)
	if status != http.StatusOK {
		b.t.Fatalf("%s: status %d, %v", path, status, out)
	}
	return out
}

func (b *box) try(path string, in any) (int, map[string]any) {
	b.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := http.Post(b.page.URL+"/api/"+path, "application/json", bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var out any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		b.t.Fatalf("%s: %v", path, err)
	}
	m, _ := out.(map[string]any)
	return res.StatusCode, m
}

type m map[string]any

func (b *box) say(chat *giosgtest.Chat, text string) {
	b.t.Helper()
	b.post("chats/"+chat.ID+"/say", m{"text": text})
}

func (b *box) hears(chat *giosgtest.Chat, text string) {
	b.t.Helper()
	if _, err := b.p.AwaitLine(b.ctx, chat, giosgtest.BotSays(text)); err != nil {
		b.t.Fatalf("the bot did not say %q: %v; it said %q", text, err, chat.Said("bot"))
	}
}

func (b *box) saidOnce(chat *giosgtest.Chat, text string) {
	b.t.Helper()
	n := 0
	for _, said := range chat.Said("bot") {
		if said == text {
			n++
		}
	}
	if n != 1 {
		b.t.Errorf("the bot said %q %d times: %q", text, n, chat.Said("bot"))
	}
}

// item is one message of a stream.
type item struct {
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data"`
}

type snapshot struct {
	Chats []struct {
		ID string `json:"id"`
		N  int    `json:"n"`
	} `json:"chats"`
	Rooms []struct {
		ID       string `json:"id"`
		Language string `json:"language"`
	} `json:"rooms"`
	Humans []struct {
		ID string `json:"id"`
	} `json:"humans"`
	Examples []struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	} `json:"examples"`
	Turns []turn `json:"turns"`
	Done  []string
	Book  struct {
		ID       string   `json:"id"`
		Text     string   `json:"text"`
		Modes    []string `json:"modes"`
		Webhooks []struct {
			Path string `json:"path"`
		} `json:"webhooks"`
	} `json:"book"`
	Bot struct {
		Running bool `json:"running"`
		Starts  int  `json:"starts"`
	} `json:"bot"`
}

type turn struct {
	Chat    string `json:"chat_id"`
	Event   string `json:"event"`
	Result  string `json:"result"`
	Rule    string `json:"rule"`
	Attempt int    `json:"attempt"`
	Why     []struct {
		Rule    string `json:"rule"`
		Matched bool   `json:"matched"`
		Text    string `json:"text"`
	} `json:"why"`
}

// watch opens a stream. next returns its next item.
func (b *box) watch() (snap snapshot, next func() item) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.ctx, http.MethodGet, b.page.URL+"/api/live", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { res.Body.Close() })
	r := bufio.NewReader(res.Body)
	next = func() item {
		b.t.Helper()
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				b.t.Fatalf("the stream ended: %v", err)
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				var it item
				if err := json.Unmarshal([]byte(data), &it); err != nil {
					b.t.Fatal(err)
				}
				return it
			}
		}
	}
	first := next()
	if first.Kind != "snapshot" || json.Unmarshal(first.Data, &snap) != nil {
		b.t.Fatalf("a stream begins with %q", first.Kind)
	}
	return snap, next
}

// turnOf waits for a turn that match accepts.
func (b *box) turnOf(next func() item, match func(turn) bool) turn {
	b.t.Helper()
	for {
		var tn turn
		if it := next(); it.Kind == "turn" && json.Unmarshal(it.Data, &tn) == nil && match(tn) {
			return tn
		}
	}
}

// first returns the chat that is open from the start.
func (b *box) first() *giosgtest.Chat {
	b.t.Helper()
	for {
		snap, next := b.watch()
		if len(snap.Chats) > 0 {
			return b.p.Chat(snap.Chats[0].ID)
		}
		next() // the stream will bring it
	}
}
