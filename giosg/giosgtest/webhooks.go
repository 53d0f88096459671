package giosgtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Event is one change for one webhook. Its JSON is not the webhook's body; see Body.
type Event struct {
	Seq        int64     `json:"seq"`
	At         time.Time `json:"at"`
	Channel    string    `json:"channel"`
	Action     string    `json:"action"`
	ResourceID string    `json:"resource_id"`
	ChatID     string    `json:"chat_id"`
	UserID     string    `json:"user_id"` // the bot user
	OrgID      string    `json:"org_id"`
	URL        string    `json:"url"`
	Resource   any       `json:"resource,omitempty"`

	token string // set if Manners.KeepToken
}

// Delivery is one attempt to send an event. Attempt is 0 if the event was dropped instead.
type Delivery struct {
	Event   Event         `json:"event"`
	At      time.Time     `json:"at"`
	Copy    int           `json:"copy"`    // 0 for the first sending, above for duplicates, -1 for Send and Release
	Attempt int           `json:"attempt"` // from 1
	Status  int           `json:"status"`  // 0 when there was no answer
	Err     string        `json:"err,omitempty"`
	Took    time.Duration `json:"took"`
	Dropped bool          `json:"dropped,omitempty"`
	GaveUp  bool          `json:"gave_up,omitempty"`
}

// OK reports whether the bot answered 2xx.
func (d Delivery) OK() bool { return d.Status >= 200 && d.Status < 300 }

type webhookBody struct {
	Channel     string      `json:"channel"`
	Action      string      `json:"action"`
	ResourceID  string      `json:"resource_id"`
	AppUserAuth appUserAuth `json:"app_user_auth"`
	Resource    any         `json:"resource,omitempty"`
}

type appUserAuth struct {
	AccessToken    string `json:"access_token"`
	TokenType      string `json:"token_type"`
	ExpiresIn      int64  `json:"expires_in"`
	UserID         string `json:"user_id"`
	OrganizationID string `json:"organization_id"`
}

// Body returns the webhook body for an event, with a new token of its bot user. The event may be one of Events, of a Hold, of
// MessageEvent or ChatEvent, or made by hand.
func (p *Platform) Body(e Event) []byte {
	p.mu.Lock()
	auth := p.authLocked(e)
	p.mu.Unlock()
	text, err := json.Marshal(webhookBody{e.Channel, e.Action, e.ResourceID, auth, e.Resource})
	if err != nil {
		panic(fmt.Sprintf("giosgtest: webhook body: %v", err))
	}
	return text
}

func (p *Platform) authLocked(e Event) appUserAuth {
	auth := appUserAuth{AccessToken: e.token, TokenType: p.opts.TokenType, ExpiresIn: int64(p.opts.TokenLife / time.Second),
		UserID: e.UserID, OrganizationID: e.OrgID}
	if u := p.users[e.UserID]; u != nil {
		auth.OrganizationID = u.org.ID
		if e.token == "" {
			auth.AccessToken = p.mintLocked(u, p.opts.TokenLife)
		}
	}
	return auth
}

// MessageEvent is the event of a message on routed_chats, chats or owned_chats of a bot, for Body and Send. The URL is that of the
// first webhook with a fitting pattern, if there is one.
func (p *Platform) MessageEvent(b *Bot, c *Chat, collection, messageID string) (Event, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := c.messageLocked(messageID)
	if m == nil {
		return Event{}, fmt.Errorf("chat %s has no message %s", c.ID, messageID)
	}
	return p.eventLocked(b, c, channelOf(b, collection)+"/"+c.ID+"/messages", added, m.id, m.resource()), nil
}

// ChatEvent is the event of a chat added to (or changed in, removed from) routed_chats, pending_chats, chats or owned_chats of a bot,
// as the chat is now, for Body and Send.
func (p *Platform) ChatEvent(b *Bot, c *Chat, collection, action string) Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	var resource any
	if action != removed {
		resource = c.resourceLocked()
	}
	return p.eventLocked(b, c, channelOf(b, collection), action, c.ID, resource)
}

func (p *Platform) eventLocked(b *Bot, c *Chat, channel, action, id string, resource any) Event {
	e := Event{Seq: p.nextLocked(), At: p.nowLocked(), Channel: channel, Action: action, ResourceID: id, ChatID: c.ID,
		UserID: b.ID, OrgID: b.org.ID, Resource: resource}
	for i := range b.hooks {
		if sameSegments(b.hooks[i].channel, channel) {
			e.URL = b.hooks[i].URL
			break
		}
	}
	return e
}

// Send delivers an event once, now, and waits for the answer. The event may have been delivered before, or may be made by hand.
func (p *Platform) Send(ctx context.Context, e Event) (Delivery, error) {
	p.mu.Lock()
	manners := *p.opts.Manners
	if p.closed {
		p.mu.Unlock()
		return Delivery{}, errors.New("send: the platform is closed")
	}
	p.sending++
	p.work.Add(1)
	p.mu.Unlock()
	defer p.work.Done()
	ctx, stop := p.untilClosed(ctx)
	defer stop()
	d := p.attempt(ctx, e, manners, -1, 1, true)
	p.mu.Lock()
	p.sending--
	p.ringLocked(nil)
	p.mu.Unlock()
	if d.Err != "" {
		return d, fmt.Errorf("send %s: %s", e.Channel, d.Err)
	}
	return d, nil
}

// untilClosed returns ctx, but the end of the platform ends it, too.
func (p *Platform) untilClosed(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(p.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// attempt sends an event once and records the delivery.
func (p *Platform) attempt(ctx context.Context, e Event, manners Manners, duplicate, number int, last bool) Delivery {
	d := Delivery{Event: e, At: p.Now(), Copy: duplicate, Attempt: number}
	timeout := manners.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	started := time.Now()
	d.Status, d.Err = p.post(ctx, e)
	d.Took = time.Since(started)
	d.GaveUp = last && !d.OK()
	p.mu.Lock()
	p.noteDeliveryLocked(d)
	p.mu.Unlock()
	return d
}

func (p *Platform) post(ctx context.Context, e Event) (int, string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(p.Body(e)))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "giosgtest")
	res, err := p.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
	_ = res.Body.Close()
	return res.StatusCode, ""
}

func (p *Platform) noteDeliveryLocked(d Delivery) {
	p.sent.add(d)
	p.feedLocked(func() Item { return Item{Kind: "delivery", Delivery: &d} })
	p.ringLocked(nil)
}

// Deliveries returns the recorded attempts that match accepts (nil accepts all), oldest first.
func (p *Platform) Deliveries(match func(Delivery) bool) []Delivery {
	p.mu.Lock()
	all := append([]Delivery(nil), p.sent.last()...)
	p.mu.Unlock()
	return filter(all, match)
}

// Events returns the recorded events that match accepts (nil accepts all), in the order of the changes, also held and dropped ones.
func (p *Platform) Events(match func(Event) bool) []Event {
	p.mu.Lock()
	all := append([]Event(nil), p.events.last()...)
	p.mu.Unlock()
	return filter(all, match)
}

func filter[T any](all []T, match func(T) bool) []T {
	if match == nil {
		return all
	}
	var out []T
	for _, v := range all {
		if match(v) {
			out = append(out, v)
		}
	}
	return out
}
