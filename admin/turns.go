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

// maxRecent is how many turns are remembered for the search by chat.
const maxRecent = 5000

// recent is the last turns of this process.
type recent struct {
	words bool // keep what visitors and bot said

	mu   sync.Mutex
	ring [maxRecent]Turn // guarded by mu
	next int             // guarded by mu; how many came so far
}

// Turn is what became of one attempt at one event.
type Turn struct {
	At      time.Time `json:"at"` // its end
	Chat    string    `json:"chat"`
	Org     string    `json:"org,omitempty"`
	User    string    `json:"user"`
	Event   string    `json:"event"`
	Kind    chat.Kind `json:"kind"`
	Result  string    `json:"result"`
	Rule    string    `json:"rule,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Attempt int       `json:"attempt"`
	Said    int       `json:"said"`             // messages sent
	Looked  bool      `json:"looked"`           // the chat was read
	Waited  float64   `json:"waited"`           // seconds from the event's own time to the begin of the turn
	Took    float64   `json:"took"`             // seconds
	Heard   string    `json:"heard,omitempty"`  // the visitor's words; only with Options.Debug
	Answer  []string  `json:"answer,omitempty"` // the bot's; only with Options.Debug
	Why     []string  `json:"why,omitempty"`    // the playbook's reasons, which may quote words; only with Options.Debug
}

func newRecent(words bool) *recent { return &recent{words: words} }

func (rs *recent) add(r *bot.Report, now time.Time) {
	t := Turn{
		At: now, Chat: r.Event.Chat, Org: r.Event.Org, User: r.Event.User, Event: r.Event.ID, Kind: r.Event.Kind,
		Result: string(r.Result), Rule: r.Rule, Reason: r.Reason, Attempt: r.Attempt, Said: r.Said, Looked: r.Looked,
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

// reasons tells what decided; if nothing did, what came near it.
func reasons(p *playbook.Plan) (out []string) {
	if p == nil {
		return nil
	}
	const most = 3 // a playbook may have thousands of rules that did not match
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

// of returns the turns of a chat, the newest first, at most limit; more tells whether there are others. A chat may be named by the
// begin of its id.
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

// held is the events whose last turn here did not finish them: they wait in their lanes for another attempt. With a fleet that attempt
// may come elsewhere, so what nobody here has news of is forgotten after a while; the replica that had the news tells of it.
type held struct {
	count atomic.Int64 // so that turns which finish their event need not lock when nothing is held

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
	heard    time.Time // the end of its last turn here
}

const (
	maxHeld = 10000
	// A lane that waits for a token looks again every minute, one that backs off sooner.
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
	e.Reason, e.Attempts, e.heard = r.Reason, r.Attempt, now
	h.count.Store(int64(len(h.events)))
}

// finished forgets an event that a turn has finished, or that is another worker's now.
func (h *held) finished(r *bot.Report) {
	if h.count.Load() == 0 {
		return
	}
	h.mu.Lock()
	delete(h.events, heldKey{r.Lane, r.Event.ID})
	h.count.Store(int64(len(h.events)))
	h.mu.Unlock()
}

// sweep forgets what is known no better than before a moment at which all lanes were empty, and what is stale.
func (h *held) sweep(now, emptyAt time.Time) {
	if h.count.Load() == 0 {
		return
	}
	h.mu.Lock()
	for k, e := range h.events {
		if now.Sub(e.heard) > heldFor || !emptyAt.IsZero() && e.heard.Before(emptyAt) {
			delete(h.events, k)
		}
	}
	h.count.Store(int64(len(h.events)))
	h.mu.Unlock()
}

// longest returns the events that have waited longest, and how many wait in all.
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
