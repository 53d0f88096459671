package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// platform is the minimum of giosg that a bot needs: every call succeeds, and nothing is kept but who waits for an answer. Package
// giosgtest does more, but would take CPU time from the subjects.
type platform struct {
	listener net.Listener
	conns    sync.WaitGroup
	calls    [subjects]atomic.Int64
	said     [subjects]atomic.Int64 // of the calls: messages
	messages atomic.Int64           // the numbers of messages
	stray    atomic.Int64           // messages that nobody waited for, that is, duplicate answers

	mu    sync.Mutex
	open  map[net.Conn]struct{}  // guarded by mu
	chats [subjects][]*waiting   // by the chat's number; grown between measurements only
	fault atomic.Pointer[string] // the first request that was not understood
}

// waiting lists who waits for a message in a chat, in order.
type waiting struct {
	mu   sync.Mutex
	list []func(at time.Time) // guarded by mu
}

func newPlatform() (*platform, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &platform{listener: l, open: map[net.Conn]struct{}{}}
	p.conns.Go(p.accept)
	return p, nil
}

func (p *platform) url() string { return "http://" + p.listener.Addr().String() }

func (p *platform) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.open[c] = struct{}{}
		p.mu.Unlock()
		p.conns.Go(func() {
			if err := p.serve(newPeer(c)); err != nil && !errors.Is(err, net.ErrClosed) {
				p.failed(err.Error())
			}
			p.mu.Lock()
			delete(p.open, c)
			p.mu.Unlock()
			c.Close()
		})
	}
}

func (p *platform) close() {
	p.listener.Close()
	p.mu.Lock()
	for c := range p.open {
		c.Close()
	}
	p.mu.Unlock()
	p.conns.Wait()
}

func (p *platform) failed(what string) { p.fault.CompareAndSwap(nil, &what) }

// err returns the first failure.
func (p *platform) err() error {
	if f := p.fault.Load(); f != nil {
		return errors.New("the platform: " + *f)
	}
	return nil
}

// room allocates chats for each subject. No request may be in progress.
func (p *platform) room(chats int) {
	for s := range p.chats {
		for len(p.chats[s]) < chats {
			p.chats[s] = append(p.chats[s], &waiting{})
		}
	}
}

// await calls f with the time of the next message in a chat that no earlier call of await waits for.
func (p *platform) await(subject, chat int, f func(at time.Time)) {
	w := p.chats[subject][chat]
	w.mu.Lock()
	w.list = append(w.list, f)
	w.mu.Unlock()
}

func (p *platform) spoken(subject, chat int, at time.Time) {
	if subject >= subjects || chat >= len(p.chats[subject]) {
		p.failed("a message in a chat that does not exist")
		return
	}
	w := p.chats[subject][chat]
	w.mu.Lock()
	var f func(time.Time)
	if len(w.list) > 0 {
		f = w.list[0]
		if w.list = w.list[1:]; len(w.list) == 0 {
			w.list = nil
		}
	}
	w.mu.Unlock()
	if f == nil {
		p.stray.Add(1)
		return
	}
	f(at)
}

func (p *platform) serve(c *peer) error {
	for {
		r, err := c.readRequest()
		if err != nil {
			return nil // closed by the other side
		}
		status, answer, err := p.answer(r, time.Now())
		if err != nil {
			return err
		}
		if err := c.respond(status, answer); err != nil {
			return nil
		}
	}
}

const (
	statusOK      = "200 OK"
	statusCreated = "201 Created"
)

// answer returns the successful answer to a call. Paths are /api/v5/users/<user>/<collection>[/<id>[/<collection>]].
func (p *platform) answer(r request, now time.Time) (status string, body []byte, err error) {
	path, _, _ := bytes.Cut(r.path, []byte("?"))
	part := bytes.Split(bytes.TrimPrefix(path, []byte("/api/v5/users/")), []byte("/"))
	subject, _, err := numbers(string(part[0]))
	if err != nil || subject >= subjects || len(part) < 2 {
		return "", nil, fmt.Errorf("%s %s: %v", r.method, r.path, err)
	}
	p.calls[subject].Add(1)
	at := now.UTC().Format(timeFormat)
	last, post := string(part[len(part)-1]), r.method[0] == 'P'
	switch {
	case last == "messages" && post:
		_, chat, err := numbers(string(part[2]))
		if err != nil {
			return "", nil, err
		}
		p.said[subject].Add(1)
		p.spoken(subject, chat, now)
		var m struct {
			Message string `json:"message"`
		}
		if err := json.Unmarshal(r.body, &m); err != nil || m.Message == "" {
			return "", nil, fmt.Errorf("a message without text: %s", r.body)
		}
		return statusCreated, message(nil, words{
			id: uuid(0, int(p.messages.Add(1))), chat: string(part[2]), room: roomID, at: at, by: "user", user: string(part[0]), text: m.Message,
		}), nil
	case last == "messages":
		join := message(nil, words{id: uuid(0, 1), chat: string(part[2]), room: roomID, at: at, by: "user", user: string(part[0]), kind: "join"})
		return statusOK, fmt.Appendf(nil, `{"next": null, "previous": null, "results": [%s]}`, join), nil
	case last == "memberships" && post:
		return statusCreated, fmt.Appendf(nil, `{"member_id": %q, "member_type": "user", "chat_id": %q, "room_id": %q, "created_at": %q, "updated_at": %q,
			"is_participating": true, "is_present": true, "is_bot": true, "composing_status": "idle", "message_count": 0}`, part[0], part[2], roomID, at, at), nil
	case last == "clients" && post:
		return statusCreated, fmt.Appendf(nil, `{"id": %q, "presence_expires_in": 28800, "is_present": true, "created_at": %q, "updated_at": %q}`, uuid(0, 2), at, at), nil
	case string(part[1]) == "rooms":
		return statusOK, fmt.Appendf(nil, `{"id": %q, "name": "Shop", "display_name": "Shop", "language_code": "en", "is_online": true, "is_open": true}`, roomID), nil
	case !post: // an empty list
		return statusOK, []byte(`{"next": null, "previous": null, "results": []}`), nil
	}
	return "", nil, errors.New("unknown call: " + string(r.method) + " " + strconv.Quote(string(r.path)))
}
