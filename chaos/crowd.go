//go:build unix

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"giosgbot/giosg/giosgtest"
)

// Who serves a chat.
const (
	byBot    = iota
	joined   // a human who joins before the visitor has written
	snatched // a human who takes it when the visitor has written
)

// What else happens in a chat.
const (
	plain     = iota
	expelled  // the bot's membership ends and the chat waits again
	returned  // a colleague takes it and leaves, and it waits again
	redirect  // a colleague joins it and leaves before the visitor writes, and it is routed again
	toTeam    // the visitor asks for a team that is online
	toNobody  // the visitor asks for a team that is not
	crowded   // the platform adds hundreds of entries
	mostPlots = crowded + 1
)

// plots names the trouble that a plot is part of.
var plots = [mostPlots]string{"", removed, requeued, rerouted, handOvers, handOvers, longChats}

// step is what a visitor does at a time: write some messages, or press a button.
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
	plot   int
	fresh  bool // waiting again gets a new waiting_started_at
	steps  []step
	leaves time.Duration // after the last answer the visitor ends the chat this much later
}

// talk is a chat with its visitor.
type talk struct {
	script
	org  *org
	chat *giosgtest.Chat
	by   atomic.Int32 // who serves it in the end: a human may come too late
	back atomic.Int64 // when the chat waited again, in ns of the platform's time; 0: never
}

var nonsense = [...]string{"blorp", "hm", "?", "abc abc", "eiku"}

// author writes a script.
type author struct {
	*rand.Rand
	script
	last   int
	beside map[int]bool // rules of messages that wait at the same time
}

func (r *author) between(a, b time.Duration) time.Duration {
	return a + time.Duration(r.Int64N(int64(b-a)))
}

// write returns the script of visitor i of n, who all open their chats within span. on reports which troubles are part of the run.
func write(seed uint64, i, n, orgs int, span time.Duration, on func(string) bool) script {
	r := &author{Rand: rand.New(rand.NewPCG(seed, 1000+uint64(i))), last: -1, beside: map[int]bool{}}
	r.script = script{
		org: i % orgs, lang: languages[r.IntN(len(languages))],
		opens:  span*time.Duration(i)/time.Duration(max(n, 1)) + r.between(0, time.Second),
		leaves: r.between(45*time.Second, 60*time.Second),
	}
	if r.IntN(4) == 0 {
		r.leaves = r.between(time.Second, 5*time.Second)
	}
	switch x := r.Float64(); {
	case x < 0.06:
		r.served = joined
	case x < 0.12:
		r.served = snatched
	}
	hasty := r.served != byBot
	for range 3 + r.IntN(7) {
		hasty = r.step(hasty)
	}
	r.choosePlot(on)
	return r.script
}

// choosePlot gives half of the chats that the bot serves a plot. It throws its dice last, so that a script is the same in all else whatever
// is part of the run.
func (r *author) choosePlot(on func(string) bool) {
	plot, fresh := r.IntN(2*(mostPlots-1))+1, r.IntN(2) == 0
	if r.served != byBot || plot >= mostPlots || !on(plots[plot]) {
		return
	}
	if plot == redirect && r.org != 1 {
		plot = returned
		if !on(requeued) {
			return
		}
	}
	r.plot, r.fresh = plot, fresh
	r.leaves = 60 * time.Second
	switch plot {
	case toTeam:
		r.steps = append(r.steps, step{texts: []string{"please, " + askTeam}, pause: 300 * time.Millisecond})
	case toNobody:
		r.steps = append(r.steps[:2:2], append([]step{{texts: []string{askNight + "?"}, pause: 300 * time.Millisecond}}, r.steps[2:]...)...)
		r.steps[1].impatient = false
	case returned:
		r.steps = append([]step{{texts: []string{"hm"}, pause: 50 * time.Millisecond}}, r.steps...)
	}
}

// text returns a message. alone says that no other message waits for its answer.
func (r *author) text(alone bool) string {
	// Messages that wait at the same time have different answers, so that the judge can tell which was answered first.
	if alone {
		clear(r.beside)
	}
	if alone && r.Float64() < 0.2 {
		return nonsense[r.IntN(len(nonsense))]
	}
	n := r.IntN(rules)
	if r.last >= 0 && alone && r.Float64() < 0.2 {
		n = r.last // the same again
	}
	for r.beside[n] || once(n) && r.served != byBot { // a sidekick that missed a message cannot say "once more"
		n = r.IntN(rules)
	}
	r.last, r.beside[n] = n, true
	return fmt.Sprintf([...]string{"%s", "hello, %s?", "and what about %s then", "Hei, %s!"}[r.IntN(4)], word(n))
}

// step adds a step and reports whether its messages may still wait for answers in the next one.
func (r *author) step(hasty bool) bool {
	st := step{pause: r.between(50*time.Millisecond, 2*time.Second), impatient: r.Float64() < 0.05}
	many := 1
	if r.Float64() < 0.25 {
		many = 2 + r.IntN(2)
	}
	for i := range many {
		st.texts = append(st.texts, r.text(i == 0 && !hasty))
	}
	st.press = button(max(r.last, 0)) && r.Float64() < 0.6
	r.steps = append(r.steps, st)
	return r.served != byBot || st.impatient // a sidekick may miss a message, so nobody waits for its answer
}

// visit plays a script. It ends with the chat quiet, or with ctx.
func (w *world) visit(ctx context.Context, s script) {
	o := w.orgs[s.org]
	if s.served == snatched && o.greeter {
		s.served = joined // a greeter may have read the chat just before, and join beside the human
	}
	t := &talk{script: s, org: o}
	w.open(t)
	if s.plot == redirect && !w.redirect(ctx, t) {
		return
	}
	for i, st := range s.steps {
		if !nap(ctx, st.pause) {
			return
		}
		w.step(ctx, t, i, st)
	}
	if !nap(w.storm, s.leaves) { // in the calm nobody leaves any more
		return
	}
	if t.by.Load() == byBot && w.judge(t, w.lines(t)).waiting() == 0 {
		t.chat.End()
	}
}

// open opens the chat. A human may join at once.
func (w *world) open(t *talk) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.chat = t.org.rooms[t.lang].OpenChat()
	t.by.Store(int32(t.served))
	if t.served == joined && t.org.human.Join(t.chat) != nil {
		t.by.Store(byBot)
	}
	if t.plot == redirect {
		_ = t.org.human.Join(t.chat)
	}
	w.talks = append(w.talks, t)
}

// step plays one step of a script.
func (w *world) step(ctx context.Context, t *talk, i int, st step) {
	for j, text := range st.texts {
		_, _ = t.chat.Say(text)
		if t.served == snatched && i == 0 && j == 0 && t.org.human.Take(t.chat) != nil {
			t.by.Store(byBot) // the bot was faster
		}
		if t.plot == returned && i == 0 {
			w.takeAndLeave(ctx, t)
		}
	}
	w.listen(ctx, t, st.impatient)
	if st.press && w.press(t) {
		w.listen(ctx, t, false)
	}
	if t.by.Load() != byBot && st.impatient {
		_, _ = t.org.human.Say(t.chat, "Let me see.")
	}
	switch {
	case i != 1:
	case t.plot == expelled:
		w.expel(ctx, t)
	case t.plot == crowded:
		for n := range 300 {
			t.chat.Log("system", nil, fmt.Sprintf("entry %d", n))
		}
	}
}

// redirect lets a colleague leave a chat in which nobody has written, and routes it again. The visitor writes after the greeting only. It
// returns false if ctx ends.
func (w *world) redirect(ctx context.Context, t *talk) bool {
	if !nap(ctx, time.Second) {
		return false
	}
	_ = t.org.human.Leave(t.chat)
	w.waitsAgain(t)
	_ = t.chat.Reroute()
	w.listen(ctx, t, false)
	if ctx.Err() != nil || w.judge(t, w.lines(t)).waiting() == 0 {
		return ctx.Err() == nil
	}
	if back := w.real(time.Unix(0, t.back.Load())); !w.routedAgain(t) || w.forgotIn(back.Add(-time.Second), back.Add(25*time.Second)) ||
		w.happened(back.Add(-5*time.Second), back.Add(25*time.Second), oddAnswer, oddAnswers) {
		t.by.Store(joined) // the bot did not learn of it, so it owes nothing
		t.chat.End()
	}
	return false
}

// routedAgain reports whether a replica accepted the webhook of the second routing.
func (w *world) routedAgain(t *talk) bool {
	return len(w.p.Deliveries(func(d giosgtest.Delivery) bool {
		return d.OK() && d.Event.ResourceID == t.chat.ID && strings.HasSuffix(d.Event.Channel, "/routed_chats") && d.Event.At.UnixNano() >= t.back.Load()
	})) > 0
}

// takeAndLeave lets a colleague take a chat and leave it. It does nothing if the bot was faster.
func (w *world) takeAndLeave(ctx context.Context, t *talk) {
	if t.org.human.Take(t.chat) != nil {
		return
	}
	nap(ctx, 700*time.Millisecond)
	_ = t.org.human.Leave(t.chat)
	w.waitsAgain(t)
	_ = t.chat.Requeue(t.fresh)
}

// expel ends the bot's membership. The chat waits again, soon after.
func (w *world) expel(ctx context.Context, t *talk) {
	w.waitsAgain(t)
	if t.org.bot.Leave(t.chat) != nil {
		return
	}
	nap(ctx, 200*time.Millisecond)
	for range 50 { // the bot may have joined again meanwhile: then it holds the chat, as it should
		if err := t.chat.Requeue(t.fresh); err == nil || t.chat.State().Ended {
			return
		}
		if m, _ := t.chat.State().Member(t.org.bot.User); m.Participating {
			return
		}
		nap(ctx, 20*time.Millisecond)
	}
}

// waitsAgain notes that the bot may greet once more from now on.
func (w *world) waitsAgain(t *talk) { t.back.Store(w.p.Now().UnixNano()) }

// listen waits until everything is answered, as long as a visitor does.
func (w *world) listen(ctx context.Context, t *talk, impatient bool) {
	limit := 25 * time.Second
	if impatient {
		limit = 2 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if t.by.Load() != byBot {
		nap(ctx, 300*time.Millisecond)
		return
	}
	_ = w.p.AwaitState(ctx, t.chat, func(giosgtest.ChatState) bool { return w.judge(t, w.lines(t)).waiting() == 0 })
}

// press presses the newest button, if there is one.
func (w *world) press(t *talk) bool {
	lines := t.chat.Lines()
	for i := len(lines) - 1; i >= 0; i-- {
		for _, a := range lines[i].Attachments {
			for _, b := range a.Actions {
				if b.Value != nil && ruleOf(*b.Value) >= 0 {
					_, err := t.chat.Press(*b.Value)
					return err == nil
				}
			}
		}
	}
	return false
}

// lines returns the chat's transcript by the harness's clock.
func (w *world) lines(t *talk) []giosgtest.Line {
	lines := t.chat.Lines()
	for i := range lines {
		lines[i].At = w.real(lines[i].At)
	}
	return lines
}

// real converts a time of the platform's clock into the harness's.
func (w *world) real(at time.Time) time.Time { return at.Add(-w.skew) }
