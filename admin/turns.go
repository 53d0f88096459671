package admin

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"giosgbot/bot"
	"giosgbot/chat"
	"giosgbot/playbook"
)

// maxRecent is how many turns are remembered, for the search by chat.
const maxRecent = 5000

// recent has the last turns of this process.
type recent struct {
	words bool // keep the words of visitors and the bot

	mu   sync.Mutex
	ring [maxRecent]Turn // guarded by mu
	next int             // guarded by mu; how many turns there were
}

// Turn is one attempt at one event, as the API returns it.
type Turn struct {
	At      time.Time  `json:"at"` // its end
	Chat    string     `json:"chat"`
	Org     string     `json:"org,omitempty"`
	User    string     `json:"user"`
	Event   string     `json:"event"`
	Kind    chat.Kind  `json:"kind"`
	Result  bot.Result `json:"result"`
	Rule    string     `json:"rule,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Attempt int        `json:"attempt"`
	Said    int        `json:"said"`             // how many messages were sent
	Looked  bool       `json:"looked"`           // whether the chat's record was read
	Waited  float64    `json:"waited"`           // seconds from the event's own time to the start of the turn
	Took    float64    `json:"took"`             // seconds
	Heard   string     `json:"heard,omitempty"`  // the visitor's words; only with Options.Debug
	Answer  []string   `json:"answer,omitempty"` // the bot's; only with Options.Debug
	Why     []string   `json:"why,omitempty"`    // the playbook's reasons, which may quote words; only with Options.Debug
}

func newRecent(words bool) *recent { return &recent{words: words} }

func (rs *recent) add(r *bot.Report, now time.Time) {
	t := Turn{
		At: now, Chat: r.Event.Chat, Org: r.Event.Org, User: r.Event.User, Event: r.Event.ID, Kind: r.Event.Kind,
		Result: r.Result, Rule: r.Rule, Reason: r.Reason, Attempt: r.Attempt, Said: r.Said, Looked: r.Looked,
		Waited: r.Waited.Seconds(), Took: r.Took.Seconds(),
	}
	if rs.words {
		t.Heard, t.Answer, t.Why = r.Event.Text, answer(r.Plan), reasons(r.Plan)
	}
	rs.mu.Lock()
	rs.ring[rs.next%maxRecent] = t
	rs.next++
	rs.mu.Unlock()
}

func answer(p *playbook.Plan) []string {
	if p == nil {
		return nil
	}
	var out []string
	for _, a := range p.Actions {
		if say, ok := a.(playbook.Say); ok {
			out = append(out, say.Text)
		}
	}
	return out
}

// reasons returns why a rule matched or, if none did, why the first rules did not.
func reasons(p *playbook.Plan) (out []string) {
	if p == nil {
		return nil
	}
	const most = 3 // of thousands of rules perhaps
	for _, r := range p.Why {
		if r.Matched && len(out) < most {
			out = append(out, "because "+remark(r))
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, r := range p.Why[:min(most, len(p.Why))] {
		out = append(out, remark(r))
	}
	return out
}

func remark(r playbook.Reason) string {
	if r.Rule == "" {
		return r.Text
	}
	return r.Rule + ": " + r.Text
}

// of returns the newest turns of a chat, the newest first, at most limit of them; more reports whether there are others. chat is the chat's
// id or the first characters of it.
func (rs *recent) of(chat string, limit int) (turns []Turn, more bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for i := rs.next - 1; i >= 0 && i >= rs.next-maxRecent; i-- {
		t := &rs.ring[i%maxRecent]
		if !strings.HasPrefix(string(t.Chat), chat) {
			continue
		}
		if len(turns) == limit {
			return turns, true
		}
		turns = append(turns, *t)
	}
	return turns, false
}

// held has the events whose last turn in this process did not finish them: they wait in their lanes for another attempt. Another replica
// may make that attempt, so an event is forgotten if this process has made no attempt for heldFor.
type held struct {
	count atomic.Int64 // len(events), so that most turns need no lock

	mu     sync.Mutex
	events map[heldKey]*heldEvent // guarded by mu
}

type heldKey struct{ lane, event string }

type heldEvent struct {
	Chat     string    `json:"chat"`
	Kind     chat.Kind `json:"kind"`
	Org      string    `json:"org,omitempty"`
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	Since    time.Time `json:"since"` // the event's own time
	tried    time.Time // the end of its last turn in this process
}

const (
	maxHeld = 10000
	// heldFor is longer than any pause between two attempts: a lane that waits for a token is tried every minute.
	heldFor = 5 * time.Minute
)

func newHeld() *held { return &held{events: map[heldKey]*heldEvent{}} }

// note remembers an event that was not finished.
func (h *held) note(r *bot.Report, now time.Time) {
	k := heldKey{r.Lane, r.Event.ID}
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.events[k]
	if e == nil {
		if len(h.events) >= maxHeld {
			return
		}
		e = &heldEvent{Chat: r.Event.Chat, Kind: r.Event.Kind, Org: r.Event.Org, Since: r.Event.At}
		if e.Since.IsZero() || e.Since.After(now) {
			e.Since = now
		}
		h.events[k] = e
	}
	e.Reason, e.Attempts, e.tried = r.Reason, r.Attempt, now
	h.count.Store(int64(len(h.events)))
}

// finished forgets an event that a turn has finished or another worker has taken over.
func (h *held) finished(r *bot.Report) {
	if h.count.Load() == 0 {
		return
	}
	h.mu.Lock()
	delete(h.events, heldKey{r.Lane, r.Event.ID})
	h.count.Store(int64(len(h.events)))
	h.mu.Unlock()
}

// forget forgets the events that were last tried too long ago, or before emptyAt, a moment at which all lanes were empty.
func (h *held) forget(now, emptyAt time.Time) {
	if h.count.Load() == 0 {
		return
	}
	h.mu.Lock()
	for k, e := range h.events {
		if now.Sub(e.tried) > heldFor || !emptyAt.IsZero() && e.tried.Before(emptyAt) {
			delete(h.events, k)
		}
	}
	h.count.Store(int64(len(h.events)))
	h.mu.Unlock()
}

// longest returns the events that have waited longest, at most limit of them, and how many wait in all.
func (h *held) longest(limit int) ([]heldEvent, int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]heldEvent, 0, len(h.events))
	for _, e := range h.events {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b heldEvent) int { return a.Since.Compare(b.Since) })
	return out[:min(limit, len(out))], len(out)
}
