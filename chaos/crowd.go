//go:build unix

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"giosgbot/giosg/giosgtest"
)

// How a chat is served.
const (
	byBot    = iota
	joined   // a human joins before the visitor has written
	snatched // a human takes it when the visitor has written
)

// step is what a visitor does at a time: some messages in a row, or a button.
type step struct {
	texts     []string
	press     bool
	pause     time.Duration // before it
	impatient bool          // does not wait for the answer
}

// script is what a visitor will do, whatever happens.
type script struct {
	org    int
	lang   string
	opens  time.Duration
	served int
	steps  []step
	leaves time.Duration // ends the chat so long after the last answer
}

// talk is a chat with its visitor.
type talk struct {
	script
	org  *org
	chat *giosgtest.Chat
	by   atomic.Int32 // how it is served in the end: a human may come too late
}

var nonsense = [...]string{"blorp", "hm", "?", "abc abc", "eiku"}

// write makes the script of visitor i of n, who all open their chats within span.
func write(seed uint64, i, n, orgs int, span time.Duration) script {
	r := rand.New(rand.NewPCG(seed, 1000+uint64(i)))
	between := func(a, b time.Duration) time.Duration { return a + time.Duration(r.Int64N(int64(b-a))) }
	s := script{
		org: i % orgs, lang: languages[r.IntN(len(languages))],
		opens:  span*time.Duration(i)/time.Duration(max(n, 1)) + between(0, time.Second),
		leaves: between(45*time.Second, 60*time.Second),
	}
	if r.IntN(4) == 0 {
		s.leaves = between(time.Second, 5*time.Second)
	}
	switch x := r.Float64(); {
	case x < 0.06:
		s.served = joined
	case x < 0.12:
		s.served = snatched
	}
	last, beside := -1, map[int]bool{}
	// Messages that wait side by side have different answers, so that it can be told which of them was answered first.
	text := func(alone bool) string {
		if alone {
			clear(beside)
		}
		if alone && r.Float64() < 0.2 {
			return nonsense[r.IntN(len(nonsense))]
		}
		n := r.IntN(rules)
		if last >= 0 && alone && r.Float64() < 0.2 {
			n = last // the same again
		}
		for beside[n] || once(n) && s.served != byBot { // a sidekick that never heard of a message cannot say "once more"
			n = r.IntN(rules)
		}
		last, beside[n] = n, true
		return fmt.Sprintf([...]string{"%s", "hello, %s?", "and what about %s then", "Hei, %s!"}[r.IntN(4)], word(n))
	}
	hurried := s.served != byBot // a sidekick may not hear of a message, so nobody waits for its answer
	hasty := hurried
	for range 3 + r.IntN(7) {
		st := step{pause: between(50*time.Millisecond, 2*time.Second), impatient: r.Float64() < 0.05}
		many := 1
		if r.Float64() < 0.25 {
			many = 2 + r.IntN(2)
		}
		for i := range many {
			st.texts = append(st.texts, text(i == 0 && !hasty))
		}
		hasty = hurried || st.impatient // the bot may hear of the next message first
		st.press = button(max(last, 0)) && r.Float64() < 0.6
		s.steps = append(s.steps, st)
	}
	return s
}

// visit lives through a script. It ends with the chat quiet, or with ctx.
func (w *world) visit(ctx context.Context, s script) {
	o := w.orgs[s.org]
	if s.served == snatched && o.greeter {
		s.served = joined // a greeter may have looked just before that, and join beside the human
	}
	t := &talk{script: s, org: o}
	room := o.rooms[s.lang]
	w.mu.Lock()
	t.chat = room.OpenChat()
	t.by.Store(int32(s.served))
	if s.served == joined && o.human.Join(t.chat) != nil {
		t.by.Store(byBot)
	}
	w.talks = append(w.talks, t)
	w.mu.Unlock()
	taken := false
	for _, st := range s.steps {
		if !nap(ctx, st.pause) {
			return
		}
		for _, text := range st.texts {
			_, _ = t.chat.Say(text)
			if s.served == snatched && !taken {
				if taken = true; o.human.Take(t.chat) != nil {
					t.by.Store(byBot) // the bot was faster
				}
			}
		}
		w.listen(ctx, t, st.impatient)
		if st.press && w.press(t) {
			w.listen(ctx, t, false)
		}
		if t.by.Load() != byBot && st.impatient {
			_, _ = o.human.Say(t.chat, "Let me see.")
		}
	}
	if !nap(w.storm, s.leaves) { // in the calm nobody leaves any more
		return
	}
	if t.by.Load() == byBot && w.judge(t, t.chat.Lines()).waiting() == 0 {
		t.chat.End()
	}
}

// listen waits until everything is answered, as long as a visitor does.
func (w *world) listen(ctx context.Context, t *talk, impatient bool) {
	patience := 25 * time.Second
	if impatient {
		patience = 2 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if t.by.Load() != byBot {
		nap(ctx, 300*time.Millisecond)
		return
	}
	_ = w.p.AwaitState(ctx, t.chat, func(giosgtest.ChatState) bool { return w.judge(t, t.chat.Lines()).waiting() == 0 })
}

// press presses the newest button, if there is one.
func (w *world) press(t *talk) bool {
	lines := t.chat.Lines()
	for i := len(lines) - 1; i >= 0; i-- {
		for _, a := range lines[i].Attachments {
			for _, b := range a.Actions {
				if b.Value != nil {
					_, err := t.chat.Press(*b.Value)
					return err == nil
				}
			}
		}
	}
	return false
}
