//go:build unix

package chaos

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"giosgbot/giosg/giosgtest"
)

// Result is what came of a run.
type Result struct {
	Seed    uint64
	For     time.Duration
	Quiet   bool          // everybody had an answer in time
	Calm    time.Duration // how long that took after the faults
	Chats   int
	Humans  int // chats that humans served
	Written int // by visitors
	Answers int // messages of the bot that were owed

	Lost       int // messages owed and never said
	Doubled    int // messages said and not owed
	Reordered  int // answers that came before that to an earlier message, though the bot could know of it
	TooLate    int // the same, but the bot learned of the earlier message when it was at work on the later one already
	Unknowable int // the same, but no webhook had told the bot of the earlier message when it spoke
	Unaided    int // messages that a sidekick might have answered, had it learned of them and not forgotten
	Violations []giosgtest.Violation
	Crashes    []string // processes that ended though nobody asked for it, or did not end in time
	Buried     int      // events that the bot set aside
	Races      int      // that the race detector found in the bot
	Lies       []string // what the status page and the metrics said that is not so

	Looks, Missed int   // at the page and the metrics; those that were not answered
	Echoes        int64 // webhooks that were compared with the metrics one by one

	Webhooks, Dropped, Repeated, Refused, GivenUp int
	Calls                                         int
	CallFaults                                    map[string]int
	Events                                        map[string]int // what was done to the bot, by kind
	Late                                          int            // changes that took effect long after they were asked for
	Starts                                        int            // of replicas

	Waits, Hit []time.Duration // of visitors, sorted; those that a fault fell into
	Worst      []string        // the stories of the chats that went wrong
	Slowest    string          // the story of the chat with the longest wait
}

// OK tells whether the bot kept its promises.
func (r *Result) OK() bool {
	return r.Quiet && r.Lost == 0 && r.Doubled == 0 && r.Reordered == 0 && len(r.Violations) == 0 && len(r.Crashes) == 0 &&
		r.Buried == 0 && r.Races == 0 && len(r.Lies) == 0 && r.Looks > r.Missed
}

// audit reads everything that happened.
func (w *world) audit(calm time.Duration, quiet bool) *Result {
	r := &Result{Seed: w.Seed, For: w.For, Quiet: quiet, Calm: calm, Violations: w.p.Violations(),
		CallFaults: map[string]int{}, Events: map[string]int{}, Late: int(w.late.count.Load())}
	told := w.webhooks(r)
	calls := w.calls(r)
	w.mu.Lock()
	talks, windows := slices.Clone(w.talks), slices.Clone(w.windows)
	r.Lies, r.Looks, r.Missed, r.Echoes = w.lies, w.looks, w.missed, w.echoes
	for _, e := range w.events {
		r.Events[e.Kind]++
		if e.Kind == "slow exit" || e.Kind == "redis is not up" {
			r.Crashes = append(r.Crashes, e.What)
		}
	}
	w.mu.Unlock()
	logs := w.readLogs(r)
	var slowest *talk
	var longest time.Duration
	for _, t := range talks {
		v := w.judge(t, t.chat.Lines())
		for _, x := range v.waits() {
			if x.long() > longest {
				slowest, longest = t, x.long()
			}
		}
		w.count(r, t, v, windows)
		ordered := true
		for i, s := range v.swapped {
			if i > 0 && s.to.ID == v.swapped[i-1].to.ID {
				continue // the other messages of the same answer
			}
			v.swapped[i].knew = w.order(t, s, v, told, logs, calls[t.chat.ID])
			switch v.swapped[i].knew {
			case known:
				r.Reordered++
				ordered = false
			case tooLate:
				r.TooLate++
			case unknowable:
				r.Unknowable++
			}
		}
		owes := v.waiting() > 0 && t.by.Load() == byBot
		if owes || len(v.doubled) > 0 || !ordered {
			r.Worst = append(r.Worst, w.keep(t, v, logs))
		}
	}
	if slowest != nil {
		r.Slowest = w.keep(slowest, w.judge(slowest, slowest.chat.Lines()), logs)
	}
	slices.Sort(r.Waits)
	slices.Sort(r.Hit)
	return r
}

func (w *world) count(r *Result, t *talk, v verdict, windows []wait) {
	r.Chats++
	if t.by.Load() != byBot {
		r.Humans++
	}
	for _, l := range t.chat.Lines() {
		if l.Who == "visitor" && (l.Type == "msg" || l.Type == "action") {
			r.Written++
		}
	}
	r.Answers += len(v.paid)
	r.Doubled += len(v.doubled)
	for range v.owed {
		if t.by.Load() == byBot {
			r.Lost++
		} else {
			r.Unaided++
		}
	}
	for _, x := range v.waits() {
		r.Waits = append(r.Waits, x.long())
		if slices.ContainsFunc(windows, func(f wait) bool { return f.from.Before(x.to) && x.from.Before(f.to) }) {
			r.Hit = append(r.Hit, x.long())
		}
	}
}

// news are the webhooks of one message.
type news struct {
	sent     []time.Time // when each began
	accepted time.Time   // when the first one began that the bot answered with a 2xx
}

// came is when the webhook began by which the bot had the message, at the earliest. kept is when it said that it was kept, which may be
// known though giosg got no answer.
func (n news) came(kept time.Time) time.Time {
	var by time.Time
	for _, at := range n.sent {
		if !at.After(kept) && at.After(by) {
			by = at
		}
	}
	if by.IsZero() {
		by = kept
	}
	if by.IsZero() || !n.accepted.IsZero() && n.accepted.Before(by) {
		return n.accepted
	}
	return by
}

// webhooks counts the platform's webhooks, and sorts them by message.
func (w *world) webhooks(r *Result) map[string]news {
	told := map[string]news{}
	for _, d := range w.p.Deliveries(nil) {
		if d.Dropped {
			r.Dropped++
			continue
		}
		r.Webhooks++
		if d.GaveUp {
			r.GivenUp++
		}
		if d.Copy > 0 && d.Attempt == 1 {
			r.Repeated++
		}
		n := told[d.Event.ResourceID]
		n.sent = append(n.sent, d.At)
		if !d.OK() {
			r.Refused++
		} else if n.accepted.IsZero() || d.At.Before(n.accepted) {
			n.accepted = d.At
		}
		told[d.Event.ResourceID] = n
	}
	return told
}

// calls counts the API calls, and sorts those about the messages of chats by chat.
func (w *world) calls(r *Result) map[string][]giosgtest.Call {
	out := map[string][]giosgtest.Call{}
	for _, c := range w.p.Calls(nil) {
		r.Calls++
		if c.Fault != "" {
			r.CallFaults[c.Fault]++
		}
		if strings.HasSuffix(c.Path, "/messages") && c.Effect {
			out[c.ChatID] = append(out[c.ChatID], c)
		}
	}
	return out
}

// What the bot knew of the messages that an answer passed over.
const (
	known = iota
	tooLate
	unknowable
	nothing // they were never answered; that is counted as lost
)

// order tells what the bot knew when it gave an answer before its turn. To read every chat before every answer would tell it of messages
// whose webhooks are late, at the price of a call for each; so it does that only when webhooks are seen to overtake each other.
func (w *world) order(t *talk, s swap, v verdict, told map[string]news, logs *records, calls []giosgtest.Call) int {
	spoke := s.by.At
	for _, c := range calls {
		var body struct {
			Message string `json:"message"`
		}
		if c.Method == http.MethodPost && json.Unmarshal([]byte(c.Body), &body) == nil && body.Message == s.text && !c.At.After(s.by.At) {
			spoke = c.At
		}
	}
	// The turn began when the bot had the message, and after the turns before it. A webhook whose answer was lost came all the same, and
	// a turn may begin before the door says that the event is kept.
	var begun time.Time
	for _, l := range append(s.same[:len(s.same):len(s.same)], s.to) {
		if came := told[l.ID].came(logs.kept[l.ID]); !came.IsZero() && (begun.IsZero() || came.Before(begun)) {
			begun = came
		}
	}
	if begun.After(spoke) { // Redis had kept it though the bot was not told so, as when it was frozen: it began some time after it was written
		begun = s.to.At
	}
	for _, done := range logs.turns[s.to.ChatID] {
		if done.Before(spoke) && done.After(begun) {
			begun = done
		}
	}
	// A sidekick does not look for what nobody has told it; who serves the chat does. What another turn read, which has lost the lane and
	// is not over yet, tells this one nothing.
	about, logged := logs.said[s.by.ID]
	if !logged { // killed before it could say so, and what it sent was under way for a while
		about = work{s.to.ChatID, s.to.ID}
	}
	looked := t.by.Load() == byBot && slices.ContainsFunc(logs.reads[about], func(at time.Time) bool { return at.After(begun) && at.Before(spoke) })
	worst := nothing
	for _, l := range s.passed {
		if slices.ContainsFunc(v.owed, func(d debt) bool { return d.to.ID == l.ID }) {
			continue
		}
		at, kept := logs.kept[l.ID]
		if t.by.Load() != byBot && w.wiped(l.At, spoke) {
			kept = false // and a sidekick asks nobody what was forgotten
		}
		switch {
		case l.ID == "" || l.ID == s.to.ID || looked || kept && at.Before(begun):
			return known
		case kept && at.Before(spoke):
			worst = min(worst, tooLate)
		default:
			worst = min(worst, unknowable)
		}
	}
	return worst
}

// wiped tells whether Redis has lost its data in a span of time.
func (w *world) wiped(from, to time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.events, func(e event) bool {
		return (e.Kind == flushed || e.Kind == lostData) && e.At.After(from) && e.At.Before(to)
	})
}
